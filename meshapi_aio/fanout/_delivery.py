"""Outcomes on their way to whoever iterates: bounded in number, and in order where that is wanted."""

import asyncio
import contextlib
from collections import deque
from typing import Generic, TypeVar


__all__ = ["Delivery"]

Value = TypeVar("Value")


class Delivery(Generic[Value]):
    """
    A queue from many workers to one reader.

    Each worker takes a place before it begins, and puts what comes of it; of these places, taken and not yet
    read, there are at most ``size``. So a slow reader slows the workers, and what waits to be in order is
    bounded too: the oldest is always under way.
    """

    def __init__(self, size: int, *, ordered: bool) -> None:
        self._size = size
        self._ordered = ordered
        self._places = 0
        self._read = 0
        self._ready: deque[Value] = deque()
        self._early: dict[int, Value | None] = {}
        self._next = 0
        self._reader: asyncio.Future[None] | None = None
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._over = False

    @property
    def is_full(self) -> bool:
        """Whether there is no place for one more."""
        return self._places - self._read >= self._size

    async def room(self) -> None:
        """Wait until there may be a place."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            with contextlib.suppress(ValueError):  # woken, it is in the queue no more
                self._waiters.remove(waiter)

    def place(self) -> int:
        """Take a place, and return its number."""
        number = self._places
        self._places += 1
        return number

    def put(self, place: int, value: Value | None) -> None:
        """Put what came of a place; None where it comes to nothing."""
        if not self._ordered:
            if value is None:
                self._read += 1
            else:
                self._ready.append(value)
        else:
            self._early[place] = value
            while self._next in self._early:
                following = self._early.pop(self._next)
                self._next += 1
                if following is None:
                    self._read += 1
                else:
                    self._ready.append(following)
        if self._reader is not None:
            self._wake_reader()

    def end(self) -> None:
        """Say that nothing more comes."""
        self._over = True
        self._wake_reader()

    def wake_workers(self) -> None:
        """Let everybody who waits for a place look again."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    async def next(self) -> Value | None:
        """Return the next value, None once there is none any more."""
        while not self._ready:
            if self._over:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self.take()

    def take(self) -> Value:
        """Return the next value, which must be there."""
        self._read += 1
        # Waiting workers are woken for half a queue at once: for each place alone they would take turns with
        # the reader, which costs more than a small call does.
        if self._waiters and self._places - self._read <= self._size // 2:
            self.wake_workers()
        return self._ready.popleft()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
