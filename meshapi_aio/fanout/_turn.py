"""One item of a fan-out on its way, and the outcome that is made of it. Pure."""

from decimal import Decimal
from typing import Any

import attrs

from .._meta import Attempt, Meta
from ._budget import Reservation
from ._judging import status_of
from ._limits import Gate
from ._outcome import Outcome, OutcomeKind, PaidAttempt


__all__ = ["Turn"]


@attrs.define
class Turn:
    """One item on its way; times are the event loop's."""

    place: int
    index: int
    item: Any
    repeat: int
    custom_id: str | None
    gate: Gate
    began: float
    started: float | None = None
    """When its first attempt was let through; None while it waits for that."""
    reservation: Reservation | None = None

    def leave(self, kind: OutcomeKind | None, result: object, error: BaseException | None) -> None:
        """Leave the gate, whose limits learn how it went; for those who have not done so themselves."""
        came = result if error is None else error
        self.gate.leave(
            status=200 if error is None and kind is not None else status_of(error),
            tokens=getattr(getattr(came, "usage", None), "total_tokens", None),
        )

    def outcome(
        self,
        kind: OutcomeKind,
        now: float,
        *,
        result: Any = None,
        error: BaseException | None = None,
        meta: Meta | None = None,
        cost: Decimal | None = None,
    ) -> Outcome[Any, Any]:
        """Return what became of it."""
        started = now if self.started is None else self.started
        attempts: tuple[Attempt, ...] = getattr(error, "attempts", ()) if meta is None else meta.attempts
        queued = sum(attempt.queued for attempt in attempts) if attempts else 0.0
        model = None if meta is None else meta.model
        return Outcome(
            index=self.index,
            call=self.item,
            kind=kind,
            result=result,
            error=error if isinstance(error, Exception) else None,
            attempts=_paid(attempts, getattr(error or result, "usage", None), cost) if attempts else (),
            repeat=self.repeat,
            custom_id=self.custom_id,
            model=model or (attempts[-1].model if attempts else getattr(self.item, "model", None)),
            queued=started - self.began + queued,
            latency=max(now - started - queued, 0.0),
            time_to_first_event=None if meta is None else meta.time_to_first_event,
        )


def _paid(attempts: tuple[Attempt, ...], usage: Any, cost: Decimal | None) -> tuple[PaidAttempt, ...]:
    """Return attempts with what they cost: of the last one alone, which was answered, can that be known."""
    made = [PaidAttempt(**attrs.asdict(attempt, recurse=False)) for attempt in attempts]
    made[-1] = attrs.evolve(made[-1], usage=usage, cost=cost)
    return tuple(made)
