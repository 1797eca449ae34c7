"""Where the items of a fan-out come from: any iterable, read one by one as they are wanted."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Generic, TypeVar, cast


__all__ = ["Source"]

Item = TypeVar("Item")


class Source(Generic[Item]):
    """
    Items and their repetitions; nothing is read before it is asked for.

    What the iterable raises is raised once; after that, and at its end, there is nothing more.
    """

    def __init__(self, items: Iterable[Item] | AsyncIterable[Item], repeat: int) -> None:
        if isinstance(items, AsyncIterable):
            self._items: Iterator[Item] = iter(())
            self._coming: AsyncIterator[Item] | None = aiter(items)
        else:
            self._items, self._coming = iter(items), None
        self._repeat = repeat
        self._again: list[Item] = []
        # An async iterator must not be asked while it is thinking.
        self._lock = asyncio.Lock()
        self._is_over = False
        self.taken = 0
        """How many were read, repetitions included."""

    @property
    def is_async(self) -> bool:
        """Whether the next item may have to be waited for."""
        return self._coming is not None

    def next(self) -> tuple[int, Item, int] | None:
        """Return the next item with its index and its repetition, from 0; None where there is none."""
        if self._again:
            item = self._again.pop()
        elif self._is_over:
            return None
        else:
            try:
                item = next(self._items)
            except StopIteration:
                self._is_over = True
                return None
            except BaseException:
                self._is_over = True
                raise
            if self._repeat > 1:
                self._again = [item] * (self._repeat - 1)
        index = self.taken
        self.taken += 1
        return index, item, index % self._repeat

    async def coming(self) -> tuple[int, Item, int] | None:
        """Return what :meth:`next` does, of an iterable that has to be waited for."""
        async with self._lock:
            if not self._again and not self._is_over:
                try:
                    item = await anext(cast("AsyncIterator[Item]", self._coming))
                except StopAsyncIteration:
                    self._is_over = True
                except BaseException:
                    # Cancelled, a generator is over, and any other iterator may have lost an item.
                    self._is_over = True
                    raise
                else:
                    self._again = [item] * self._repeat
            return self.next()

    async def close(self) -> None:
        """Close an async generator that was left before its end; its author expects that."""
        closing = getattr(self._coming, "aclose", None)
        if closing is not None:
            await closing()
