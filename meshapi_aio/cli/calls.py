"""``meshapi-aio calls``: every call that there is, as a table."""

import json
from collections.abc import Iterator

import click

from ._failures import failures_told
from ._registry import Entry, entries
from ._table import Column, show_table


__all__ = ["command", "markdown"]

_COLUMNS = (
    Column("family", spared=2),
    Column("method"),
    Column("call", spared=3),
    Column("route"),
    Column("streams", spared=1),
)


@click.command(name="calls", short_help="Tell which calls there are.")
@click.option("--json", "as_json", is_flag=True, help="Print each call as a line of JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table of the README.")
def command(*, as_json: bool, as_markdown: bool) -> None:
    """
    Tell which calls there are: the client's method, the route, and the class of the call.

    "meshapi-aio call" makes any of them, by the name of the method or of the class.
    """
    with failures_told():
        if as_json:
            for entry in entries():
                click.echo(json.dumps(_as_json(entry)))
        elif as_markdown:
            click.echo("\n".join(markdown()))
        else:
            show_table(
                _COLUMNS,
                [
                    [entry.family, entry.method or entry.name, entry.name, entry.route, _streams(entry)]
                    for entry in entries()
                ],
            )


def markdown() -> Iterator[str]:
    """Return the lines of the README's table."""
    yield "| Family | Method | Call | Route | Streams |"
    yield "|---|---|---|---|---|"
    for entry in entries():
        code = (f"`{text}`" if text else "" for text in (entry.method, entry.name, entry.route))
        yield f"| {' | '.join([entry.family, *code, _streams(entry)])} |"


def _streams(entry: Entry) -> str:
    return "yes" if entry.streams else ""


def _as_json(entry: Entry) -> dict[str, object]:
    return {
        "family": entry.family,
        "method": entry.method or None,
        "call": entry.name,
        "http_method": entry.call.route.method,
        "path": entry.call.route.path,
        "streaming": entry.streams,
    }
