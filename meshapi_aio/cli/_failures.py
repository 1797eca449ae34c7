"""
What goes wrong, as a command tells it: one line on standard error and an exit status, never a traceback.

The statuses: 1 where the call failed, 2 where the command could not be run as it was given, 130 after Ctrl-C
(128 and the number of SIGINT, as shells have it). What nobody foresaw stays a traceback.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager

import click

from meshapi_aio.errors import MeshAPIError

from ._output import one_line


__all__ = ["MisuseError", "failures_told"]

# A key that was put into the wrong variable would be shown as that variable's value.
_KEY = re.compile(r"rsk_[0-9A-Za-z_-]+")


class MisuseError(click.ClickException):
    """The command cannot be run with these settings."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(_KEY.sub("rsk_…", one_line(message)))


@contextmanager
def failures_told() -> Generator[None]:
    """Around a whole command: tell the client's errors by their kind, code, text and request id."""
    try:
        yield
    except MeshAPIError as error:
        message = one_line(f"{type(error).__name__}: {error}")
        raise click.ClickException(message) from None
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None
