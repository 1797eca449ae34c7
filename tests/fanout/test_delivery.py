"""Outcomes on their way: bounded, and in order where that is wanted."""

import asyncio

import pytest

from meshapi_aio.fanout._delivery import Delivery


async def test_values_come_as_they_are_put() -> None:
    """Not ordered, the first that is put is the first that is taken."""
    delivery: Delivery[str] = Delivery(3, ordered=False)
    places = [delivery.place() for _ in range(3)]
    assert delivery.is_full
    delivery.put(places[2], "third")
    delivery.put(places[0], "first")
    assert [await delivery.next(), await delivery.next()] == ["third", "first"]
    assert not delivery.is_full


@pytest.mark.parametrize("order", [(2, 0, 1), (2, 1, 0), (1, 2, 0), (0, 1, 2)])
async def test_ordered_values_wait_for_those_before_them(order: tuple[int, ...]) -> None:
    """Ordered, nothing overtakes the place before it, and a place that comes to nothing holds nobody up."""
    delivery: Delivery[str] = Delivery(9, ordered=True)
    for _ in range(3):
        delivery.place()
    for place in order:
        delivery.put(place, None if place == 1 else str(place))
    delivery.end()
    assert [await delivery.next(), await delivery.next(), await delivery.next()] == ["0", "2", None]


async def test_a_place_that_comes_to_nothing_is_free_again() -> None:
    """What is given up does not count against the size."""
    delivery: Delivery[str] = Delivery(1, ordered=False)
    delivery.put(delivery.place(), None)
    assert not delivery.is_full


async def test_a_reader_waits_for_the_next_value() -> None:
    """The reader sleeps until something is put, or nothing more comes; cancelled, it loses nothing."""
    delivery: Delivery[str] = Delivery(9, ordered=False)
    reader = asyncio.create_task(delivery.next())
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    reader = asyncio.create_task(delivery.next())
    await asyncio.sleep(0)
    delivery.put(delivery.place(), "value")
    assert await reader == "value"
    reader = asyncio.create_task(delivery.next())
    await asyncio.sleep(0)
    delivery.end()
    assert await reader is None


async def test_workers_are_woken_when_half_the_places_are_free() -> None:
    """Those who wait for room sleep until half of it is there; one that was cancelled is passed over."""
    delivery: Delivery[int] = Delivery(4, ordered=False)
    for number in range(4):
        delivery.put(delivery.place(), number)
    waiting = [asyncio.create_task(delivery.room()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    delivery.take()
    await asyncio.sleep(0)
    assert not waiting[1].done()
    delivery.take()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert [task.cancelled() for task in waiting] == [True, False, False]
