"""Several answers at once: side by side on a terminal, while they come; one after the other in a pipe."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console, Group, RenderableType
from rich.containers import Lines
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ._answers import ModelAnswer
from ._output import Output, harmless
from ._terminal import keys_unseen, left_as_it_was


__all__ = ["InTurn", "SideBySide", "shown_as_they_come"]

_LEAST_WIDTH = 24  # columns of a terminal for each answer; three fit into 80
_GAP = 2
_HEAD_AND_FOOT = 4  # lines of an answer's column beside its text: model, what it took, and one between rows


class Showing(Protocol):
    """What shows answers while its ``with`` block lasts, and whole at the end of it."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def show(self) -> None:
        """Show what has come."""
        ...


def shown_as_they_come(answers: Sequence[ModelAnswer]) -> Showing:
    """Return what shows these answers where they go."""
    on_terminal = sys.stdout is not None and sys.stdout.isatty() and not Console().is_dumb_terminal
    return SideBySide(answers) if on_terminal else InTurn(answers)


class InTurn:
    """Shows one answer after the other, each under its model's name; the one whose turn it is as it comes."""

    def __init__(self, answers: Sequence[ModelAnswer]) -> None:
        self._answers = answers
        self._turn = 0
        self._output = Output()
        self._written = 0
        self._headed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._turn < len(self._answers):
            self._go_on()
            self._end()

    def show(self) -> None:
        """Print what has come of the answer whose turn it is, and those that are over."""
        while self._turn < len(self._answers):
            self._go_on()
            if not self._answers[self._turn].is_over:
                return
            self._end()

    def _go_on(self) -> None:
        answer = self._answers[self._turn]
        if not self._headed:
            self._headed = True
            self._output.write(f"\n## {answer.model}\n" if self._turn else f"## {answer.model}\n")
        self._output.write(answer.text[self._written :])
        self._written = len(answer.text)

    def _end(self) -> None:
        answer = self._answers[self._turn]
        self._output.end_line()
        if (remark := answer.remark()) is not None:
            click.echo(remark)
        click.echo(f"({' · '.join(answer.took())})")
        self._turn, self._written, self._headed = self._turn + 1, 0, False


class SideBySide:
    """
    Shows the answers in columns, of each the end while it comes, and all of it when all are over.

    What has scrolled away could not be drawn again; so what is drawn fits on the screen.
    """

    def __init__(self, answers: Sequence[ModelAnswer]) -> None:
        self._answers = answers
        self._console = Console(highlight=False)
        self._live = Live(
            get_renderable=self._drawn, console=self._console, auto_refresh=False, transient=True
        )
        self._entered = ExitStack()

    def __enter__(self) -> Self:
        self._entered.enter_context(left_as_it_was())
        self._entered.enter_context(keys_unseen())
        self._entered.enter_context(self._live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._entered:
            self._live.stop()
            self._console.print(self._columns(None))

    def show(self) -> None:
        """Draw what has come."""
        self._live.refresh()

    def _drawn(self) -> RenderableType:
        rows = -(-len(self._answers) // self._abreast())
        # The line below stays free for the cursor.
        return self._columns(max((self._console.height - 1) // rows - _HEAD_AND_FOOT, 1))

    def _abreast(self) -> int:
        room = (self._console.width + _GAP) // (_LEAST_WIDTH + _GAP)
        return min(max(room, 1), len(self._answers))

    def _columns(self, height: int | None) -> RenderableType:
        """Return the answers in columns, of each the last lines up to this height, None for all of it."""
        abreast = self._abreast()
        width = (self._console.width - _GAP * (abreast - 1)) // abreast
        rows = []
        for at in range(0, len(self._answers), abreast):
            table = Table.grid(padding=(0, _GAP, 0, 0))
            answers = self._answers[at : at + abreast]
            for _ in answers:
                table.add_column(width=width)
            table.add_row(*(self._column(answer, width, height) for answer in answers))
            rows.append(table)
        return Group(*rows)

    def _column(self, answer: ModelAnswer, width: int, height: int | None) -> RenderableType:
        lines = Text(harmless(answer.text)).wrap(self._console, width) if answer.text else Lines()
        if (remark := answer.remark()) is not None:
            lines.extend(Text(remark, style="red").wrap(self._console, width))
        shown = lines if height is None else lines[-height:]
        head = Text(harmless(answer.model), style="bold", overflow="fold")
        return Group(head, *shown, *(Text(told, style="dim") for told in answer.took()), Text())
