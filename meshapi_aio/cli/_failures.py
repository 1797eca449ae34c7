"""
What goes wrong, as a command tells it: one line on standard error and an exit status, never a traceback.

The statuses: 1 where the call failed, 2 where the command could not be run as it was given, 130 after Ctrl-C
(128 and the number of SIGINT, as shells have it). What nobody foresaw stays a traceback.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager

import click

from meshapi_aio.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    MeshAPIError,
    NotFoundError,
)

from ._output import one_line


__all__ = ["MisuseError", "explained", "failures_told", "told", "without_keys"]

# A key that was put into the wrong variable would be shown as that variable's value.
_KEY = re.compile(r"rsk_[0-9A-Za-z_-]+")


class MisuseError(click.ClickException):
    """The command cannot be run with these settings."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(without_keys(one_line(message)))


def without_keys(text: str) -> str:
    """Return a text in which what may be a key is no more to be read."""
    return _KEY.sub("rsk_…", text)


def told(error: MeshAPIError) -> str:
    """Return an error of the client as one line: its kind, code, text and request id."""
    return one_line(f"{type(error).__name__}: {error}")


def explained(error: MeshAPIError) -> str:
    """Return an error of the client as one line, with what to do about it where that is known."""
    remedy = _remedy(error)
    return told(error) if remedy is None else f"{told(error)}; {remedy}"


def _remedy(error: MeshAPIError) -> str | None:
    match error:
        case AuthenticationError():
            return "meshapi-aio doctor tells where the key comes from"
        case NotFoundError(code="model_not_found"):
            return "meshapi-aio models lists those there are"
        case APITimeoutError(phase="deadline"):
            return "--timeout allows more"
        case APIConnectionError(sent=False):
            return "meshapi-aio doctor tells more"
        case _:
            return None


@contextmanager
def failures_told() -> Generator[None]:
    """Around a whole command: tell the errors of the client and of the system, and end with their status."""
    try:
        yield
    except MeshAPIError as error:
        raise click.ClickException(explained(error)) from None
    except BrokenPipeError:
        raise  # which click takes for what it is: nobody wants to read any more
    except OSError as error:
        raise click.ClickException(one_line(f"the system refuses: {error.strerror or error}")) from None
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None
