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
        inside: Any = self  # what asyncio keeps to itself, by the same names in all its versions
        if not inside._ready and inside._scheduled:
            self._now = max(self._now, inside._scheduled[0].when())
        parent: Any = super()
        parent._run_once()


def run_in_no_time(program: Coroutine[Any, Any, Result]) -> Result:
    """Run a program whose sleeps take no time, and return what it returns."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(program)
