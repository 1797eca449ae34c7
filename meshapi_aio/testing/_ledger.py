"""
The money of one key: what each request cost, what is left, and when it is too much.

Decimal arithmetic over a clock that is handed in; this room performs no I/O.
"""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ..endpoints._shared import money
from ._json import Object
from ._refusals import Refusal


_CREDIT = Decimal(100)  # USD that a key without a limit starts with
_KEPT_EVENTS = 1000  # events are asked for soon after their requests, and 200 at a time by default


class Ledger:
    """
    What was spent, and the events that tell on what; the latest thousand of them are kept.

    ``limit``: USD as a text or a ``Decimal``; None is no limit. ``clock`` returns seconds since the epoch.
    Raises ``TypeError`` or ``ValueError`` for what is no amount of money.
    """

    def __init__(self, limit: str | Decimal | None, clock: Callable[[], float]) -> None:
        self._limit = None if limit is None else money("spend_limit", limit)
        self._clock = clock
        self._spent = Decimal(0)
        self._events: deque[tuple[float, Object]] = deque(maxlen=_KEPT_EVENTS)

    @property
    def available(self) -> str:
        """What is left to be spent, in USD."""
        return _shown(max((_CREDIT if self._limit is None else self._limit) - self._spent, Decimal(0)))

    def admit(self) -> Refusal | None:
        """Return why a request is refused, None as long as there is money left below the limit."""
        if self._limit is None or self._spent < self._limit:
            return None
        message = f"the spend limit of {_shown(self._limit)} USD is reached"
        return Refusal(402, "spend_limit_exceeded", message)

    def charge(self, request_id: str, model: str, usage: Object, cost: Decimal) -> None:
        """Take in what a request cost."""
        now = self._clock()
        self._spent += cost
        event: dict[str, Any] = {
            "request_id": request_id,
            "model": model,
            "cost_usd": _shown(cost),
            "prompt_tokens": usage["prompt_tokens"],
            "completion_tokens": usage["completion_tokens"],
            "created_at": datetime.fromtimestamp(now, UTC).isoformat(),
        }
        self._events.append((now, event))

    def events(self, since: float, most: int) -> Sequence[Object]:
        """Return the latest events, the newest first, that are not older than a time."""
        return [event for time, event in reversed(self._events) if time >= since][:most]


def _shown(amount: Decimal) -> str:
    """Return an amount as the gateway writes it: never with an exponent."""
    return f"{amount:f}"
