"""What is left in an event loop and its process once everything should be over."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .server import PATIENCE


__all__ = ["Leftovers", "descriptors"]


def descriptors() -> int:
    """Count this process's open files and sockets, but for ``/dev/null``, of which uvloop keeps one."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one through which the entries are read
            count += entry.readlink() != Path(os.devnull)
    return count


def _not_ours(timer: asyncio.TimerHandle) -> bool:
    """Tell a timer that uvloop (0.23) forgets where a connection is given up in its TLS handshake."""
    return "SSLProtocol._start_handshake" in repr(timer) and type(timer).__module__.startswith("uvloop")


class Leftovers:
    """
    The tasks, timers and descriptors that came since it was made, in the running loop, and its complaints.

    What asyncio would only log (an exception that nobody took, say) is a complaint.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timers: list[asyncio.TimerHandle] = []
        self._tasks = asyncio.all_tasks()
        self._descriptors = descriptors()
        self.complaints: list[str] = []
        self._loop.set_exception_handler(lambda _, context: self.complaints.append(str(context)))
        for name in ("call_at", "call_later"):  # uvloop's own does not go through the other
            setattr(self._loop, name, self._noting(getattr(self._loop, name)))

    def _noting(self, begin: Callable[..., asyncio.TimerHandle]) -> Callable[..., asyncio.TimerHandle]:
        def noted(*args: Any, **kwargs: Any) -> asyncio.TimerHandle:
            timer = begin(*args, **kwargs)
            if hasattr(timer, "when"):  # one that is due at once is no timer in uvloop
                self._timers.append(timer)
            return timer

        return noted

    def found(self) -> list[str]:
        """List what is left now."""
        now = self._loop.time()
        self._timers = [timer for timer in self._timers if not timer.cancelled() and timer.when() > now]
        timers = [timer for timer in self._timers if not _not_ours(timer)]
        # Who asks may be a task of a fixture's own, and is not left.
        tasks = asyncio.all_tasks() - self._tasks - {asyncio.current_task()}
        left: Iterable[object] = (*tasks, *timers, *self.complaints)
        more = descriptors() - self._descriptors
        return [*map(repr, left), *([f"{more} descriptors"] if more > 0 else [])]

    async def none(self) -> None:
        """Wait until nothing is left; what stays for ``PATIENCE`` seconds is a failure that names it."""
        end = self._loop.time() + PATIENCE
        while left := self.found():
            assert self._loop.time() < end, left
            await asyncio.sleep(0)
