"""What commands print, and how: answers to standard output piece by piece, remarks to standard error."""

import sys
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.text import Text


__all__ = ["Output", "harmless", "note", "one_line"]

# What a model says must not move the cursor, retitle the window or fill the clipboard of whoever reads it.
_NOT_FOR_TERMINALS = {
    **dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], "\N{REPLACEMENT CHARACTER}"),
    ord("\t"): "\t",
    ord("\n"): "\n",
    ord("\r"): None,
}


class Output:
    """
    Standard output for one answer; leaving its ``with`` block ends the last line, whatever happened.

    What goes to a file or a pipe is the text as it came; on a terminal its control characters are replaced.
    Raises ``BrokenPipeError`` when nobody reads any more.
    """

    def __init__(self) -> None:
        self._on_terminal = sys.stdout is not None and sys.stdout.isatty()
        self._within_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_line()

    def end_line(self) -> None:
        """End the line, where one is begun."""
        if self._within_line:
            click.echo()
            self._within_line = False

    def write(self, text: str) -> None:
        """Show a piece of text now."""
        if self._on_terminal:
            text = harmless(text)
        if text:
            click.echo(text, nl=False, color=True)  # color=True: nothing is taken out of the text
            self._within_line = not text.endswith("\n")


def harmless(text: str) -> str:
    """Return a text without what would drive the terminal; tabs and line ends stay."""
    return text.translate(_NOT_FOR_TERMINALS)


def note(text: str) -> None:
    """Say something that is no part of an answer: one dim line on standard error."""
    Console(stderr=True).print(Text(_visible(text), style="dim"), soft_wrap=True)


def one_line(text: str) -> str:
    """Return a text as one line, in which what is not printable is seen as an escape."""
    return _visible(" ".join(text.split()))


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
