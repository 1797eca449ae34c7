"""The limit that finds out how much the gateway takes."""

import asyncio
import random
from typing import Any

import pytest

from meshapi_aio.fanout import AdaptiveLimit, Gate

from .clock import run_in_no_time
from .simulated import Bucket, Gateway, Workers


RATE = 37


async def share(gateway: Gateway, seconds: float) -> tuple[float, float]:
    """Return what part of its capacity a gateway serves for a while, and what part of requests it refuses."""
    served, refused = gateway.served, gateway.refused
    await asyncio.sleep(seconds)
    served, refused = gateway.served - served, gateway.refused - refused
    return served / seconds / gateway.limit.rate, refused / (served + refused)


@pytest.mark.parametrize("seed", range(20))
def test_it_takes_what_there_is(seed: int) -> None:
    """
    Of 37 requests a second it takes at least 85 %, with less than 2 % refused.

    So it does after the capacity has halved, and after it has doubled again.
    """

    async def run() -> None:
        draw = random.Random(seed)
        gateway = Gateway(Bucket(RATE), 0.5, draw)
        workers = Workers(gateway, AdaptiveLimit(), draw)
        for factor in (1.0, 0.5, 1.0):
            gateway.limit.rate = RATE * factor
            await asyncio.sleep(30)
            used, refused = await share(gateway, 120)
            assert used >= 0.85, factor
            assert refused < 0.02, factor
        await workers.stop()

    run_in_no_time(run())


class Calls:
    """Calls under way through a limit, in a time that one sets."""

    def __init__(self, limit: AdaptiveLimit) -> None:
        self.limit = limit
        self.gates: list[Gate] = []

    def fill(self) -> None:
        """Begin as many as there is room for."""
        while (gate := Gate((self.limit,))).try_enter():
            self.gates.append(gate)

    def end(self, count: int, status: int | None = 200) -> None:
        """End the oldest so many alike."""
        for _ in range(count):
            self.gates.pop(0).leave(status=status)


async def reached(**settings: Any) -> Calls:
    """Return a limit that is used to the full."""
    calls = Calls(AdaptiveLimit(**settings))
    calls.fill()
    return calls


async def test_it_begins_slowly_and_doubles() -> None:
    """Until the first refusal each success makes room for one more, so that each round doubles it."""
    calls = await reached(start=4, max=1000)
    for size in (8, 16, 32):
        calls.end(int(calls.limit.limit))
        assert calls.limit.limit == size
        calls.fill()


async def test_it_grows_only_while_it_is_reached() -> None:
    """Successes of a program that does not use what it may say nothing."""
    limit = AdaptiveLimit(start=8)
    for _ in range(100):
        gate = Gate((limit,))
        assert gate.try_enter()
        gate.leave(status=200)
    assert limit.limit == 8


@pytest.mark.parametrize("status", [None, 500, 503, 400, 404])
async def test_other_failures_say_nothing(status: int | None) -> None:
    """A gateway that fails, or refuses a call for what it says, is no fuller than it was."""
    calls = await reached(start=8)
    calls.end(8, status)
    assert calls.limit.limit == 8


async def test_an_episode_cuts_once() -> None:
    """Of many refusals of calls that were under way together only the first cuts."""
    calls = await reached(start=100)
    calls.end(1, 429)
    assert calls.limit.limit == 50  # out of slow start by half
    calls.end(40, 429)
    assert calls.limit.limit == 50


async def test_the_next_episode_cuts_again() -> None:
    """A refusal of a call that began after the cut, and after the usual time of one, cuts by a fifth."""
    calls = await reached(start=100)
    calls.end(1, 429)
    calls.end(99, None)
    await asyncio.sleep(0)
    calls.fill()
    calls.end(1, 429)
    assert calls.limit.limit == 40
    assert [change.reason for change in calls.limit.history] == ["set", "429", "429"]


async def test_after_a_cut_it_grows_step_by_step() -> None:
    """Beyond slow start it takes many successes for one more."""
    calls = await reached(start=100)
    calls.end(1, 429)
    calls.end(99, None)
    before = calls.limit.limit
    for _ in range(10):
        calls.fill()
        calls.end(1)
    assert calls.limit.limit == before
    for _ in range(30):
        calls.fill()
        calls.end(1)
    assert before < calls.limit.limit <= before + 3


async def test_it_stays_within_its_bounds() -> None:
    """It falls no lower than ``min`` and grows no higher than ``max``."""
    calls = await reached(min=6, start=8, max=10)
    calls.end(8)
    assert calls.limit.limit == 10
    calls.fill()
    calls.end(10)
    assert calls.limit.limit == 10
    for _ in range(9):
        calls.fill()
        calls.end(len(calls.gates), 429)
        await asyncio.sleep(0)
    assert calls.limit.limit == 6


async def test_bounds_can_be_set_while_it_runs() -> None:
    """Bounds take effect at once, and keep each other in order."""
    limit = AdaptiveLimit(min=2, start=8, max=10)
    assert (limit.min, limit.max, limit.most) == (2, 10, 10)
    limit.max = 5
    assert (limit.limit, limit.max) == (5, 5)
    limit.min = 7
    assert (limit.limit, limit.min, limit.max) == (7, 7, 7)
    limit.max = 3
    assert (limit.limit, limit.min, limit.max) == (3, 3, 3)


def test_settings_that_cannot_be_right_are_told() -> None:
    """What is no number of calls, and bounds in the wrong order, are told by name."""
    with pytest.raises(ValueError, match="must not fall, got 4, 2, 8"):
        AdaptiveLimit(min=4, start=2, max=8)
    with pytest.raises(ValueError, match="min must be at least 1"):
        AdaptiveLimit(min=0)
    wrong: Any = 2.5
    with pytest.raises(TypeError, match=r"max must be a whole number of calls at once, got 2\.5"):
        AdaptiveLimit(max=wrong)
