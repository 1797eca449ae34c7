"""The limit on requests and tokens a minute."""

import asyncio
import json
from typing import Any

import attrs
import pytest

from meshapi_aio.fanout import Gate, RateLimit
from meshapi_aio.fanout._rate import _seconds

from .clock import run_in_no_time


def text(tokens: int) -> dict[str, Any]:
    """Return what is guessed to take so many tokens, its answer included."""
    return {"messages": "abcd" * (tokens // 2), "max_tokens": tokens - tokens // 2}


async def pass_through(
    limit: RateLimit, count: int, *, tokens: int = 0, used: int | None = None
) -> list[float]:
    """Let so many calls through, all at once, and return when each was let in."""
    times: list[float] = []

    async def call() -> None:
        gate = Gate((limit,), call=text(tokens) if tokens else None)
        await gate.enter()
        times.append(asyncio.get_running_loop().time())
        gate.leave(status=200, tokens=used)

    await asyncio.gather(*(call() for _ in range(count)))
    return times


def test_requests_are_spread_evenly() -> None:
    """What a second brings goes at once, and then one after the other at the rate."""

    async def run() -> None:
        times = await pass_through(RateLimit(requests_per_minute=300), 30)
        assert times[:5] == [0.0] * 5
        assert times[5:] == pytest.approx([0.2 * number for number in range(1, 26)])

    run_in_no_time(run())


def test_a_slow_rate_lets_one_go_at_a_time() -> None:
    """Less than one a second: the first goes at once, the next when its time has come."""

    async def run() -> None:
        assert await pass_through(RateLimit(requests_per_minute=6), 4) == pytest.approx([0, 10, 20, 30])

    run_in_no_time(run())


def test_tokens_are_estimated_before() -> None:
    """Calls wait until there is room for what they are guessed to take."""

    async def run() -> None:
        times = await pass_through(RateLimit(tokens_per_minute=6000), 11, tokens=100)
        assert times == pytest.approx(list(range(11)))

    run_in_no_time(run())


def test_tokens_are_settled_after() -> None:
    """A call that took less gives back what it did not, one that took more delays the next."""

    async def run(used: int, expected: list[float]) -> None:
        limit = RateLimit(tokens_per_minute=6000)
        times = []
        for _ in range(3):
            times += await pass_through(limit, 1, tokens=100, used=used)
        assert times == pytest.approx(expected)

    run_in_no_time(run(0, [0, 0, 0]))
    run_in_no_time(run(100, [0, 1, 2]))
    run_in_no_time(run(300, [0, 3, 6]))


def test_a_call_larger_than_all_goes_when_nothing_is_owed() -> None:
    """A call of more tokens than a second brings is not stuck for ever, and the next ones wait for it."""

    async def run() -> None:
        assert await pass_through(RateLimit(tokens_per_minute=60), 3, tokens=10) == pytest.approx([0, 10, 20])

    run_in_no_time(run())


def test_limits_are_learnt_from_headers() -> None:
    """What the gateway tells holds where nothing was given, or where it is less."""

    async def run() -> None:
        limit = RateLimit()
        gate = Gate((limit,))
        assert gate.try_enter()
        gate.leave(
            status=200, headers={"x-ratelimit-limit-requests": "60", "x-ratelimit-limit-tokens": "600"}
        )
        assert (limit.requests_per_minute, limit.tokens_per_minute) == (60, 600)
        assert await pass_through(limit, 3) == pytest.approx([0, 1, 2])
        strict = RateLimit(requests_per_minute=30)
        gate = Gate((strict,))
        assert gate.try_enter()
        gate.leave(status=200, headers={"x-ratelimit-limit": "60", "x-ratelimit-remaining": "what?"})
        assert strict.requests_per_minute == 30
        gate = Gate((strict,))
        await gate.enter()
        gate.leave(status=200, headers={"x-ratelimit-limit": "20"})
        assert strict.requests_per_minute == 20
        assert [(change.limit, change.reason) for change in strict.history] == [
            (30, "requests per minute set"),
            (None, "tokens per minute set"),
            (20, "requests per minute learnt"),
        ]
        assert json.loads(json.dumps([attrs.asdict(change) for change in strict.history], allow_nan=False))

    run_in_no_time(run())


def test_where_nothing_remains_it_waits_for_the_reset() -> None:
    """``remaining: 0`` shuts until the reset, whatever the rate would allow."""

    async def run() -> None:
        limit = RateLimit(requests_per_minute=6000)
        gate = Gate((limit,))
        assert gate.try_enter()
        headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "12.5"}
        gate.leave(status=429, headers=headers)
        assert await pass_through(limit, 2) == pytest.approx([12.5, 12.5])

    run_in_no_time(run())


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("12", 12), ("1.5", 1.5), ("0", 0), ("350ms", 0.35), ("6m0s", 360), ("1h2m3.5s", 3723.5), ("20s", 20),
        ("", None), ("soon", None), ("-1", None), ("nan", None), ("1790000000", None), (None, None),
    ],
)  # fmt: skip
def test_resets_in_every_form(written: str | None, seconds: float | None) -> None:
    """Seconds and durations are read; what is no time within a day is passed over."""
    assert _seconds(written) == seconds


def test_rates_can_be_set_while_it_is_used() -> None:
    """A higher rate lets those go who wait, None all of them."""

    async def run() -> None:
        limit = RateLimit(requests_per_minute=1)
        waiting = asyncio.create_task(pass_through(limit, 3))
        await asyncio.sleep(1)
        limit.requests_per_minute = None
        assert await waiting == pytest.approx([0, 1, 1])
        limit.tokens_per_minute = 60
        assert (limit.requests_per_minute, limit.tokens_per_minute) == (None, 60)

    run_in_no_time(run())


def test_rates_that_cannot_be_right_are_told() -> None:
    """What is no number above 0 is told by name."""
    with pytest.raises(ValueError, match="requests_per_minute must be above 0"):
        RateLimit(requests_per_minute=0)
    wrong: Any = "many"
    with pytest.raises(TypeError, match="tokens_per_minute must be a number"):
        RateLimit(tokens_per_minute=wrong)
