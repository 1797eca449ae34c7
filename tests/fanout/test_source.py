"""Where items come from: any iterable, lazily, with repetitions."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from meshapi_aio.fanout._source import Source


def test_items_are_read_one_by_one() -> None:
    """Nothing is read before it is asked for, and the end stays the end."""
    read = []

    def items() -> Iterator[str]:
        for item in "ab":
            read.append(item)
            yield item

    source = Source(items(), 2)
    assert read == []
    assert [source.next(), source.next()] == [(0, "a", 0), (1, "a", 1)]
    assert read == ["a"]
    assert [source.next(), source.next(), source.next(), source.next()] == [
        (2, "b", 0), (3, "b", 1), None, None,
    ]  # fmt: skip


def test_what_the_iterable_raises_is_raised_once() -> None:
    """After an error there is nothing more."""

    def items() -> Iterator[str]:
        yield "a"
        raise LookupError

    source = Source(items(), 1)
    source.next()
    with pytest.raises(LookupError):
        source.next()
    assert source.next() is None


async def numbers(count: int) -> AsyncIterator[int]:
    """Yield numbers, each after a turn of the loop."""
    for number in range(count):
        await asyncio.sleep(0)
        yield number


async def test_an_async_iterable_is_never_asked_twice_at_once() -> None:
    """However many want the next item at once, each gets one, with its repetitions."""
    source = Source(numbers(5), 2)
    taken = await asyncio.gather(*(source.coming() for _ in range(12)))
    assert [each for each in taken if each is not None] == [
        (2 * number + repeat, number, repeat) for number in range(5) for repeat in range(2)
    ]
    await source.close()


async def test_what_an_async_iterable_raises_is_raised_once() -> None:
    """After an error, or once its wait was cancelled, there is nothing more."""

    async def failing() -> AsyncIterator[int]:
        raise LookupError
        yield 0

    source = Source(failing(), 1)
    with pytest.raises(LookupError):
        await source.coming()
    assert await source.coming() is None
    slow = Source(numbers(3), 1)
    task = asyncio.create_task(slow.coming())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await slow.coming() is None


async def test_closing_closes_a_generator() -> None:
    """A generator that was left before its end runs its own clean-up; a plain iterator has none."""
    closed = False

    async def items() -> AsyncIterator[int]:
        nonlocal closed
        try:
            yield 1
        finally:
            closed = True

    source = Source(items(), 1)
    await source.coming()
    await source.close()
    assert closed
    await Source([1], 1).close()
