"""``meshapi-aio call``: makes any call that there is, of the fields that are given."""

import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import click

from meshapi_aio.call import Call, StreamCall

from ._failures import MisuseError, failures_told
from ._options import base_url_option, local_option, retries_option, timeout_option
from ._registry import AnyCall, calls_named, methods, near, summary
from ._running import Access, connected, run
from ._sent import check_target, send
from ._values import field_types, fields_given, told_type


__all__ = ["command"]

_HELP = """
Make the call NAME, such as batches.list, and print what comes of it: a reply as JSON, a list as a line of
JSON for each item of all its pages, a stream as it comes, a file with -o FILE.

NAME is a method of the client, or the class of a call; "meshapi-aio calls" shows them as a table. What a
field takes is read by its type: lists and objects as JSON; @FILE is what a file holds, @- standard input.

\b
  meshapi-aio call models.get id=openai/gpt-4o-mini
  meshapi-aio call chat.completions.create stream=true model=openai/gpt-4o-mini \\
      messages='[{"role": "user", "content": "Hello"}]'
"""


class _ByName(click.Group):
    """The calls as commands, made when they are asked for: to list them all imports every family."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the name first, wherever it stands: all options are those of the call."""
        if args and args[0].startswith("-"):
            at = next((at for at, word in enumerate(args) if calls_named(word) is not None), 0)
            args = [args[at], *args[:at], *args[at + 1 :]]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """Return the names of the methods."""
        return list(methods())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a call as a command, None where there is none of this name."""
        calls = calls_named(cmd_name)
        return None if calls is None else _command(cmd_name, calls)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Tell which names are near to one that there is not."""
        name = args[0]
        if calls_named(name) is None and not ctx.resilient_parsing and not name.startswith("-"):
            meant = near(name)
            told = f"; near are {', '.join(meant)}" if meant else ""
            msg = f"there is no call {name!r}{told}; meshapi-aio calls lists them all"
            raise MisuseError(msg)
        return super().resolve_command(ctx, args)


class _OneCall(click.Command):
    """A call as a command, whose help tells the fields."""

    def __init__(self, calls: Sequence[AnyCall], **settings: Any) -> None:
        super().__init__(**settings)
        self._calls = calls

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the fields first."""
        needed = inspect.signature(self._calls[0]).parameters
        rows = [
            (f"{name} (needed)" if _is_needed(needed[name]) else name, told_type(kind))
            for name, kind in field_types(self._calls).items()
        ]
        if rows:
            with formatter.section("Fields"):
                formatter.write_dl(rows)
        super().format_options(ctx, formatter)


def _command(name: str, calls: Sequence[AnyCall]) -> click.Command:
    """Return a call as a command."""
    route = calls[0].route
    told = (inspect.getdoc(calls[0]) or "").replace("``", "")
    made: click.Command = _OneCall(
        calls,
        name=name,
        help=f"{told}\n\n{route.method} {route.path}",
        short_help=summary(calls[0]),
        callback=functools.partial(_make, name, calls),
        params=[click.Argument(["pairs"], nargs=-1, metavar="[FIELD=VALUE]...")],
    )
    for option in _OPTIONS:
        option(made)
    return made


_OPTIONS = (
    click.option(
        "--json",
        "json_file",
        metavar="FILE",
        type=click.Path(allow_dash=True),
        help="Take fields from a JSON object; - is standard input.",
    ),
    click.option(
        "--chunks", "as_chunks", is_flag=True, help="Print each chunk of a stream as JSON, also of a text."
    ),
    click.option(
        "-o",
        "target",
        metavar="FILE",
        type=click.Path(allow_dash=True),
        help="Where a file goes that comes, such as speech; else to standard output.",
    ),
    timeout_option,
    retries_option,
    base_url_option,
    local_option,
)


def _make(
    name: str,
    calls: Sequence[AnyCall],
    *,
    pairs: Sequence[str],
    json_file: str | None,
    as_chunks: bool,
    target: str | None,
    timeout: float | None,
    retries: int | None,
    base_url: str | None,
    local: bool,
) -> None:
    """Make a call, and print what comes of it."""
    with failures_told():
        given = fields_given(field_types(calls), pairs, json_file)
        call = _made(name, calls, given)
        check_target(call, target)
    access = Access(local=local, base_url=base_url, timeout=timeout, retries=retries)
    run(_send(access, call, as_chunks=as_chunks, target=target))


def _made(name: str, calls: Sequence[AnyCall], given: Mapping[str, Any]) -> Call[Any] | StreamCall[Any]:
    """Return the call of these fields; it is a misuse of the command if it can't be made of them."""
    kind = calls[-1] if given.get("stream") is True else calls[0]
    parameters = inspect.signature(kind).parameters
    missing = [field for field in parameters if _is_needed(parameters[field]) and field not in given]
    if missing:
        msg = f"{name} needs {', '.join(missing)}; meshapi-aio call {name} --help tells what it takes"
        raise MisuseError(msg)
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise MisuseError(str(error)) from None


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty


async def _send(
    access: Access, call: Call[Any] | StreamCall[Any], *, as_chunks: bool, target: str | None
) -> None:
    async with connected(access) as client:
        await send(client, call, as_chunks=as_chunks, target=target)


@click.group(
    name="call",
    cls=_ByName,
    help=_HELP,
    short_help="Make any call, by its name and fields.",
    subcommand_metavar="NAME [FIELD=VALUE]... [OPTIONS]",
)
def command() -> None:
    """Make any call."""
