"""How many exchanges may be under way at once."""

import asyncio
import contextlib
from collections import deque


__all__ = ["Slots"]


class Slots:
    """A bound on concurrent exchanges, first come, first served."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiters: deque[asyncio.Future[None]] = deque()
        self.held = 0

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._waiters)

    def take(self) -> bool:
        """Take a slot if there is one."""
        if not self._free:
            return False
        self._free -= 1
        self.held += 1
        return True

    async def acquire(self) -> None:
        """Wait for a slot."""
        if self.take():
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                with contextlib.suppress(ValueError):  # passed over already
                    self._waiters.remove(waiter)
            else:
                self.release()  # it was given a slot in the very turn of the loop in which it was cancelled
            raise

    def release(self) -> None:
        """Give a slot back, and hand it to who has waited longest."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
        self.held -= 1
