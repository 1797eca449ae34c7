"""Tables, as wide as whoever reads them has room for: aligned columns, or a block of lines for each row."""

import sys
from collections.abc import Collection, Sequence
from typing import NamedTuple

import click
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ._output import one_line


__all__ = ["Column", "show_table"]

_GAP = "  "


class Column(NamedTuple):
    """A column: what stands above it; the higher ``spared``, the sooner it goes for lack of room, 0 never."""

    head: str
    spared: int = 0
    to_the_right: bool = False


def show_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """
    Print a table.

    A pipe gets every column, however wide they are, in one line for each row. A terminal is spared what can
    be, until the rest fits; where it never does, each row is a block.
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout is None or not sys.stdout.isatty():
        for line in _lines(columns, rows):
            click.echo(line)
        return
    console = Console(highlight=False)
    kept = _that_fit(columns, rows, console.width)
    if kept is None:
        _show_blocks(console, columns, rows)
        return
    head, *lines = _lines([columns[at] for at in kept], [[row[at] for at in kept] for row in rows])
    console.print(Text(head, style="bold"), soft_wrap=True)
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([cell_len(column.head), *(cell_len(row[at]) for row in rows)])
        for at, column in enumerate(columns)
    ]


def _that_fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> Collection[int] | None:
    """Return the places of the columns that fit into a line, None where too many can't be spared."""
    widths = _widths(columns, rows)
    kept = list(range(len(columns)))
    spared = sorted((at for at in kept if columns[at].spared), key=lambda at: -columns[at].spared)
    while sum(widths[at] for at in kept) + len(_GAP) * (len(kept) - 1) > room:
        if not spared:
            return None
        kept.remove(spared.pop(0))
    return kept


def _lines(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = _widths(columns, rows)
    lines = []
    for row in [[column.head for column in columns], *rows]:
        cells = []
        for column, cell, width in zip(columns, row, widths, strict=True):
            blank = " " * (width - cell_len(cell))
            cells.append(blank + cell if column.to_the_right else cell + blank)
        lines.append(_GAP.join(cells).rstrip())
    return lines


def _show_blocks(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print of each row the first cell that can't be spared, and the others below it, by their names."""
    first = next(at for at, column in enumerate(columns) if not column.spared)
    for row in rows:
        console.print(Text(row[first], style="bold", overflow="fold"))
        for column, cell in zip(columns, row, strict=True):
            if cell and column is not columns[first]:
                told = Text(f"{column.head}: {cell}", overflow="fold")
                console.print(Padding(told, (0, 0, 0, len(_GAP)), expand=False))
