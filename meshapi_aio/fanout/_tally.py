"""How far a fan-out has come: counts, rates and forecasts at one moment."""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

import attrs

from ._outcome import FAILED, UNFINISHED, Outcome, OutcomeKind


__all__ = ["Snapshot", "Tally"]

_WINDOW = 30.0  # seconds over which rates are taken: a few calls of the slower models


@attrs.frozen(kw_only=True)
class Snapshot:
    """
    How far a fan-out has come.

    ``done`` counts outcomes of every kind, ``kinds`` them by kind, ``resumed`` what was in the journal
    already and was not done again (``resumed_failed`` of these had failed), ``changed`` requests that were
    others under the same name, ``total`` what there is in all (None where nobody said). ``limit`` is the
    present bound on calls at once, infinity where a rate alone bounds them. ``requests_per_second`` and
    ``tokens_per_second`` are those of the last half minute. ``spent`` is what the outcomes cost so far in
    USD, as far as it is known (``unpriced`` counts those of which it is not), and ``projected`` what all
    will; ``seconds_left`` how long it may take still. ``stopped`` says why nothing more is begun, where that
    is so.
    """

    done: int
    kinds: Mapping[OutcomeKind, int]
    resumed: int
    resumed_failed: int
    changed: int
    in_flight: int
    total: int | None
    limit: float
    elapsed: float
    requests_per_second: float
    tokens_per_second: float
    spent: Decimal
    unpriced: int
    projected: Decimal | None
    seconds_left: float | None
    stopped: str | None

    @property
    def failed(self) -> int:
        """How many got no answer, or were not done."""
        return sum(count for kind, count in self.kinds.items() if kind in FAILED | UNFINISHED)

    @property
    def valid_rate(self) -> float | None:
        """The share of ``ok`` in all outcomes, from 0 to 1; None before the first."""
        return self.kinds.get("ok", 0) / self.done if self.done else None


class Tally:
    """Counts outcomes as they come."""

    def __init__(self) -> None:
        self._began = 0.0
        self.kinds: dict[OutcomeKind, int] = {}
        self.done = 0
        self.resumed = 0
        self.resumed_failed = 0
        self.changed = 0
        self._spent = Decimal()
        self._priced = 0
        self._sent = 0
        self._tokens = 0
        # One entry a second at most: the second, and the counts before it.
        self._marks: deque[tuple[float, int, int]] = deque()
        self._next_mark = 0.0

    def begin(self, now: float) -> None:
        """Begin to count the time."""
        self._began = now
        self._mark(now)

    def add(self, outcome: Outcome[object, object], now: float) -> None:
        """Count an outcome."""
        kind = outcome.kind
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.done += 1
        if outcome.attempts:
            self._sent += 1
            self._tokens += getattr(outcome.usage, "total_tokens", None) or 0
            cost = outcome.cost
            if cost is not None:
                self._spent += cost
                self._priced += 1
        if now >= self._next_mark:
            self._mark(now)

    def _mark(self, now: float) -> None:
        self._marks.append((now, self.done, self._tokens))
        self._next_mark = now + 1.0
        while len(self._marks) > 2 and self._marks[1][0] <= now - _WINDOW:
            self._marks.popleft()

    def snapshot(
        self, now: float, *, in_flight: int, total: int | None, limit: float, stopped: str | None
    ) -> Snapshot:
        """Return where things stand."""
        since, done, tokens = self._marks[0]
        seconds = max(now - since, 1e-9)
        rate = (self.done - done) / seconds
        left = None if total is None else max(total - self.done - self.resumed, 0)
        projected = None
        if left is not None and self._priced:
            projected = self._spent + self._spent / self._priced * left
        return Snapshot(
            done=self.done,
            kinds=dict(self.kinds),
            resumed=self.resumed,
            resumed_failed=self.resumed_failed,
            changed=self.changed,
            in_flight=in_flight,
            total=total,
            limit=limit,
            elapsed=now - self._began,
            requests_per_second=rate,
            tokens_per_second=(self._tokens - tokens) / seconds,
            spent=self._spent,
            unpriced=self._sent - self._priced,
            projected=projected,
            seconds_left=left / rate if left is not None and rate > 0 else None,
            stopped=stopped,
        )
