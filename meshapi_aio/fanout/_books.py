"""The books of a run: of what kind each result is, what it cost, and what is written down of it."""

from collections.abc import Callable
from typing import Any

from .._meta import Meta
from ..endpoints._shared import decimal
from ._judging import kind_of_reply
from ._outcome import Outcome, OutcomeKind
from ._resume import Resume
from ._spending import Spending
from ._tally import Tally
from ._turn import Turn


__all__ = ["Books"]


class Books:
    """Judges results, settles costs, counts outcomes and writes them down. ``spending``: with a budget."""

    def __init__(
        self,
        tally: Tally,
        *,
        check: Callable[[Any], object] | None,
        spending: Spending | None,
        resume: Resume | None,
    ) -> None:
        self.tally = tally
        self.spending = spending
        self._check = check
        self._resume = resume

    def judge(self, result: object, item: object) -> tuple[OutcomeKind, Exception | None]:
        """Return of what kind a result is, and why ``check`` does not accept it."""
        kind = kind_of_reply(result, item)
        if kind == "ok" and self._check is not None:
            try:
                refused = self._check(result) is False
            except Exception as error:  # noqa: BLE001 - whatever it raises, it does not accept the result
                return "invalid_output", error
            return ("invalid_output" if refused else "ok"), None
        return kind, None

    def close(
        self,
        turn: Turn,
        kind: OutcomeKind | None,
        now: float,
        *,
        result: Any,
        meta: Meta | None,
        error: BaseException | None,
    ) -> Outcome[Any, Any] | None:
        """Settle what an item cost, and return its outcome; None, where nobody is there to take one."""
        if turn.reservation is None:
            cost = decimal(getattr(result, "cost", None))
        else:
            assert self.spending is not None
            cost = self.spending.settle(turn.reservation, meta, result, error, sent=turn.started is not None)
        if kind is None:
            return None
        outcome = turn.outcome(kind, now, result=result, error=error, meta=meta, cost=cost)
        self.tally.add(outcome, now)
        return outcome

    def write(self, outcome: Outcome[Any, Any]) -> None:
        """Write an outcome into the journal, if there is one; raise what that raises."""
        if self._resume is not None:
            self._resume.write(outcome)
