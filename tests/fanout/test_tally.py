"""How far a run has come: counts, rates and forecasts."""

from decimal import Decimal
from typing import Any

import pytest

from meshapi_aio.fanout import Outcome, PaidAttempt
from meshapi_aio.fanout._tally import Tally


class Tokens:
    """Token counts of a reply."""

    def __init__(self, total: int) -> None:
        self.total_tokens = total


def outcome(kind: Any = "ok", *, tokens: int = 0, cost: str | None = None) -> Outcome[Any, Any]:
    """Return an outcome of one attempt."""
    attempt = PaidAttempt(usage=Tokens(tokens), cost=None if cost is None else Decimal(cost))
    return Outcome(index=0, call=None, kind=kind, attempts=(attempt,))


def snapshot(tally: Tally, now: float, total: int | None = None) -> Any:
    """Return where a tally stands."""
    return tally.snapshot(now, in_flight=0, total=total, limit=1.0, stopped=None)


def test_outcomes_are_counted_by_kind() -> None:
    """Kinds, failures, and the share of valid ones."""
    tally = Tally()
    tally.begin(0.0)
    assert snapshot(tally, 0.0).valid_rate is None
    for kind in ("ok", "ok", "truncated", "timeout", "skipped_budget"):
        tally.add(outcome(kind), 0.1)
    told = snapshot(tally, 0.2)
    assert told.kinds == {"ok": 2, "truncated": 1, "timeout": 1, "skipped_budget": 1}
    assert (told.done, told.failed, told.valid_rate) == (5, 2, 0.4)


def test_rates_are_those_of_the_last_half_minute() -> None:
    """A run that became slower is told as slow soon, whatever it was before."""
    tally = Tally()
    tally.begin(0.0)
    for second in range(100):
        for _ in range(10):
            tally.add(outcome(tokens=5), float(second))
    assert snapshot(tally, 100.0).requests_per_second == pytest.approx(10, rel=0.1)
    for second in range(100, 140):
        tally.add(outcome(tokens=5), float(second))
    told = snapshot(tally, 140.0)
    assert told.requests_per_second == pytest.approx(1, rel=0.1)
    assert told.tokens_per_second == pytest.approx(5, rel=0.1)


def test_forecasts_need_a_total() -> None:
    """What all will cost and how long it will take is known where the number of items is, and a rate."""
    tally = Tally()
    tally.begin(0.0)
    assert snapshot(tally, 1.0, total=10).projected is None
    assert snapshot(tally, 1.0, total=10).seconds_left is None
    tally.add(outcome(cost="0.5"), 1.0)
    tally.add(outcome(), 2.0)
    tally.resumed = 2
    told = snapshot(tally, 2.0, total=10)
    assert (told.spent, told.unpriced, told.projected) == (Decimal("0.5"), 1, Decimal("3.5"))
    assert told.seconds_left == pytest.approx(6.0)
    assert snapshot(tally, 2.0).projected is None
    assert snapshot(tally, 2.0).seconds_left is None
