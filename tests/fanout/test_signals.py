"""Signals: the first drains, what takes too long is cancelled, and the second cancels at once."""

import asyncio
import os
import signal

import pytest

from meshapi_aio.fanout import draining_on_signals, fan_out


NOTHING: list[int] = []


async def wait_for_ever(_item: int) -> None:
    """Wait until cancelled."""
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_first_signal_drains(number: signal.Signals) -> None:
    """Nothing more is begun; what is under way ends by itself, and so does the loop over the outcomes."""
    let_go = asyncio.Event()
    told: list[signal.Signals] = []

    async def wait(item: int) -> int:
        await let_go.wait()
        return item

    def on_signal(number: signal.Signals) -> None:
        told.append(number)
        let_go.set()

    async with fan_out(wait, range(10), limit=2) as outcomes:
        with draining_on_signals(outcomes, on_signal=on_signal):
            await asyncio.sleep(0)
            os.kill(os.getpid(), number)
            seen = [outcome.kind async for outcome in outcomes]
    assert seen == ["ok", "ok"]
    assert told == [number]


async def test_a_second_signal_cancels() -> None:
    """Whoever is in a hurry signals twice."""
    hurried = iter([True])

    def again(number: signal.Signals) -> None:
        if next(hurried, False):
            os.kill(os.getpid(), number)

    async with fan_out(wait_for_ever, range(10), limit=2) as outcomes:
        with draining_on_signals(outcomes, on_signal=again):
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGINT)
            seen = [outcome.kind async for outcome in outcomes]
    assert seen == ["cancelled", "cancelled"]


async def test_what_takes_longer_than_the_grace_is_cancelled() -> None:
    """The drain ends after the grace period."""
    async with fan_out(wait_for_ever, range(10), limit=2) as outcomes:
        with draining_on_signals(outcomes, grace=0.001):
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGTERM)
            seen = [outcome.kind async for outcome in outcomes]
    assert seen == ["cancelled", "cancelled"]


async def test_signals_do_again_what_they_did() -> None:
    """After the block a signal has its own meaning again."""
    before = signal.getsignal(signal.SIGTERM)
    async with fan_out(wait_for_ever, NOTHING) as outcomes:
        with draining_on_signals(outcomes):
            assert signal.getsignal(signal.SIGTERM) != before
        assert signal.getsignal(signal.SIGTERM) == before
        async for _ in outcomes:
            pass


async def test_elsewhere_than_in_the_main_thread_nothing_is_handled() -> None:
    """In a thread signals cannot be handled; the block is no trouble there."""

    async def run() -> list[str]:
        async with fan_out(wait_for_ever, NOTHING) as outcomes:
            with draining_on_signals(outcomes):
                return [outcome.kind async for outcome in outcomes]

    assert await asyncio.to_thread(asyncio.run, run()) == []
