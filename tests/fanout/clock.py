"""An event loop whose time does not pass: when all wait, it jumps to where the next one is due."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar


__all__ = ["run_in_no_time"]

Result = TypeVar("Result")


class _Loop(asyncio.SelectorEventLoop):
    """A loop for programs that wait for timers alone, never for sockets."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        ready: Any = self._ready  # type: ignore[attr-defined] # what asyncio calls its own, in all its versions
        scheduled: Any = self._scheduled  # type: ignore[attr-defined] # the same
        if not ready and scheduled:
            self._now = max(self._now, scheduled[0].when())
        super()._run_once()  # type: ignore[misc] # the same


def run_in_no_time(program: Coroutine[Any, Any, Result]) -> Result:
    """Run a program whose sleeps take no time, and return what it returns."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(program)
