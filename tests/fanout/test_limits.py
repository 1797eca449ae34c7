"""Limits and gates: who goes, who waits, and in which order."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshapi_aio.fanout import FixedLimit, Gate, Limit

from .clock import run_in_no_time


def entered(*limits: Limit, lane: int = 0) -> Gate:
    """Return a gate that was entered at once."""
    gate = Gate(limits, lane=lane)
    assert gate.try_enter()
    return gate


async def turns(count: int = 5) -> None:
    """Let everybody go on who can."""
    for _ in range(count):
        await asyncio.sleep(0)


def in_line(order: list[Any], name: Any, *limits: Limit, lane: int = 0) -> "asyncio.Task[Gate]":
    """Wait in line, and note when one gets in."""

    async def wait() -> Gate:
        gate = Gate(limits, lane=lane)
        await gate.enter()
        order.append(name)
        return gate

    return asyncio.create_task(wait())


async def test_so_many_go_and_no_more() -> None:
    """There is room for as many as the limit says, and again for each that leaves."""
    limit = FixedLimit(2)
    first, _ = entered(limit), entered(limit)
    assert not Gate((limit,)).try_enter()
    assert (limit.in_flight, limit.limit, limit.most) == (2, 2, 2)
    first.leave(status=200)
    assert not first.entered
    entered(limit)


async def test_the_first_to_come_goes_first() -> None:
    """Within a lane nobody is overtaken, neither by those who come later nor by those who come just then."""
    limit = FixedLimit(1)
    holder = entered(limit)
    order: list[int] = []
    waiting = [in_line(order, number, limit) for number in range(5)]
    await turns()
    for _ in range(5):
        holder.leave(status=200)
        assert not Gate((limit,)).try_enter()  # one is woken already, and has its place
        await turns()
        holder = waiting[len(order) - 1].result()
    assert order == list(range(5))


async def test_better_lanes_go_first() -> None:
    """Who comes later in a better lane goes before all who wait in worse ones; lane 0 is that of calls."""
    limit = FixedLimit(1)
    holder = entered(limit)
    order: list[str] = []
    waiting = {
        name: in_line(order, name, limit, lane=lane)
        for name, lane in {"batch 1": 1, "batch 2": 1, "nightly": 7, "bot": 0}.items()
    }
    await turns()
    for _ in waiting:
        holder.leave(status=200)
        await turns()
        holder = waiting[order[-1]].result()
    assert order == ["bot", "batch 1", "batch 2", "nightly"]
    holder.leave(status=200)
    assert limit.lane(3).gate(None).try_enter()


async def test_several_limits_are_taken_at_once_or_not_at_all() -> None:
    """Who waits for one limit holds nothing of another one."""
    wide, narrow = FixedLimit(5), FixedLimit(1)
    holder = entered(narrow)
    order: list[str] = []
    both = in_line(order, "both", wide, narrow)
    await turns()
    assert wide.in_flight == 0
    holder.leave(status=None)
    await turns()
    assert order == ["both"]
    assert (wide.in_flight, narrow.in_flight) == (1, 1)
    both.result().leave(status=200)
    assert (wide.in_flight, narrow.in_flight) == (0, 0)


async def test_who_is_cancelled_holds_nobody_up() -> None:
    """Cancelled in line, or in the very turn in which it was let in, one has taken nothing."""
    limit = FixedLimit(1)
    holder = entered(limit)
    order: list[str] = []
    first, second = in_line(order, "first", limit), in_line(order, "second", limit)
    await turns()
    holder.leave(status=200)  # the first is woken
    first.cancel()  # and cancelled before it can look
    await turns()
    assert order == ["second"]
    assert first.cancelled()
    third, fourth = in_line(order, "third", limit), in_line(order, "fourth", limit)
    await turns()
    third.cancel()
    await turns()
    second.result().leave(status=200)
    await turns()
    assert order == ["second", "fourth"]
    fourth.result().leave(status=200)
    assert limit.in_flight == 0


async def test_a_size_can_be_set_while_it_is_used() -> None:
    """More room lets those in who wait; less lets nobody in until enough have left."""
    limit = FixedLimit(1)
    holder = entered(limit)
    order: list[int] = []
    waiting = [in_line(order, number, limit) for number in range(4)]
    await turns()
    limit.size = 3
    await turns()
    assert order == [0, 1]
    limit.size = 1
    holder.leave(status=200)
    await turns()
    assert order == [0, 1]
    for number in (0, 1):
        waiting[number].result().leave(status=200)
    await turns()
    assert order == [0, 1, 2]
    assert [change.limit for change in limit.history] == [1, 3, 1]
    for task in waiting[2:]:
        task.cancel()


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_one_is_told(size: int) -> None:
    """A limit that lets nobody in is a mistake."""
    with pytest.raises(ValueError, match=f"size must be at least 1 call at once, got {size}"):
        FixedLimit(size)


MOST = 4
"""The largest size that a limit has in the next test."""


@example(seed=6445, sizes=[1, 2, 2])  # one that comes back to a line which it has left shortly before
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, MOST), min_size=1, max_size=3))
def test_nothing_is_lost_whatever_happens(seed: int, sizes: list[int]) -> None:
    """
    Random callers enter, leave, are cancelled, and limits change: bounds hold, and everybody is served.

    At the end nothing is held, and nobody waits in any line.
    """
    draw = random.Random(seed)

    async def caller(limits: list[FixedLimit]) -> None:
        gate = Gate(draw.sample(limits, draw.randint(1, len(limits))), lane=draw.randint(0, 2))
        for _ in range(draw.randint(1, 3)):
            await gate.enter()
            try:
                assert all(limit.in_flight <= MOST for limit in limits)
                await asyncio.sleep(draw.random())
            finally:
                gate.leave(status=200)
            await asyncio.sleep(draw.random())

    async def run() -> None:
        limits = [FixedLimit(size) for size in sizes]
        tasks = [asyncio.create_task(caller(limits)) for _ in range(20)]
        for task in draw.sample(tasks, 6):
            asyncio.get_running_loop().call_later(10 * draw.random(), task.cancel)
        for _ in range(10):
            await asyncio.sleep(draw.random())
            draw.choice(limits).size = draw.randint(1, MOST)
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 1000)
        assert [result for result in results if isinstance(result, Exception)] == []
        for limit in limits:
            assert limit.in_flight == 0
            limit.wake()
            assert limit.line == []

    run_in_no_time(run())
