"""The deadline of a run: when it is too late for one more call."""

import asyncio

import pytest

from meshapi_aio.fanout._pace import Pace


async def test_it_is_late_when_a_usual_call_would_not_end_in_time() -> None:
    """Calls that take long make it late early; a new run knows nothing and waits for the deadline itself."""
    pace = Pace(100.0, lambda: None)
    assert not pace.is_late()
    for _ in range(50):
        pace.add(10.0)
    assert not pace.is_late()
    for _ in range(50):
        pace.add(120.0)
    assert pace.is_late()
    pace.close()


async def test_the_spread_counts() -> None:
    """Of calls that differ much, a long one must fit as well."""
    pace = Pace(100.0, lambda: None)
    for number in range(200):
        pace.add(10.0 if number % 2 else 90.0)
    assert pace.is_late()
    pace.close()


@pytest.mark.parametrize("closed", [False, True])
async def test_the_deadline_is_told_once(closed: bool) -> None:
    """When the time is over that is told, unless it was forgotten."""
    told: list[str] = []
    later = asyncio.Event()
    pace = Pace(1e-4, lambda: told.append("over"))
    if closed:
        pace.close()
    asyncio.get_running_loop().call_later(2e-4, later.set)
    await later.wait()
    assert told == ([] if closed else ["over"])
    assert pace.is_late()
    pace.close()
