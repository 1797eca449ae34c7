"""An answer on a terminal, rendered as Markdown while it comes."""

import asyncio
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType, Segment, Segments

from ._markdown import rendered, split
from ._output import harmless
from ._terminal import keys_unseen, left_as_it_was


__all__ = ["RenderedOutput"]

_LEAST_PAUSE = 0.05  # seconds from one drawing to the next: 20 times a second looks like writing
_SHARE = 4  # a drawing that took long is rested from this many times as long, so that the loop stays free


class RenderedOutput:
    """
    The terminal for one answer, which it shows as Markdown; leaving the ``with`` block completes it.

    Blocks that are complete (paragraphs, lists, tables, code) are printed once, and scroll away as any
    output does. Only the last one, which may still change, is drawn again and again, and of that no more than
    fits on the screen, its end: what has scrolled away could not be drawn again. Where the window becomes
    narrower meanwhile, terminals that wrap its lines anew keep a part of it twice; nothing is ever lost.

    It is written to from within a running event loop.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._entered = ExitStack()
        self._text = ""
        self._drawn = 0
        self._printed = False
        self._timer: asyncio.TimerHandle | None = None
        self._rested = 0.0

    def __enter__(self) -> Self:
        self._entered.enter_context(left_as_it_was())
        self._entered.enter_context(keys_unseen())
        self._entered.callback(self._console.show_cursor)
        self._console.show_cursor(show=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._entered:
            if self._timer is not None:
                self._timer.cancel()
            rest, self._text = self._text, ""
            self._print(rest)

    def write(self, text: str) -> None:
        """Show a piece of text, with what else comes before the next drawing."""
        self._text += harmless(text)
        if self._timer is None:
            pause = max(self._rested - time.monotonic(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(pause, self._draw)

    def _draw(self) -> None:
        self._timer = None
        begun = time.monotonic()
        complete, self._text = split(self._text)
        self._print(complete)
        ended = time.monotonic()
        self._rested = ended + max(_LEAST_PAUSE, _SHARE * (ended - begun))

    def _print(self, complete: str) -> None:
        """Print what is complete where the rest was drawn, and the rest below, in one write: no flicker."""
        with self._console as console:
            console.control(
                Control(*((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * self._drawn)
            )
            self._show(self._lines(complete))
            self._printed = self._printed or bool(complete.strip())
            # The line below stays free for the cursor, so that the first one drawn is still on the screen.
            lines = self._lines(self._text)[-max(console.height - 1, 1) :]
            self._show(lines)
            self._drawn = len(lines)

    def _lines(self, text: str) -> list[list[Segment]]:
        if not text.strip():
            return []
        apart: list[list[Segment]] = [[]] if self._printed else []
        return apart + rendered(text, self._console)

    def _show(self, lines: list[list[Segment]]) -> None:
        if not lines:
            return  # of nothing rich would make an empty line
        ended = [[*line, Segment.line()] for line in lines]
        self._console.print(Segments(segment for line in ended for segment in line), end="")
