"""
Outcomes as lines of a results file: the batch result format, and beside it what an outcome knows.

``{"id", "custom_id", "response": {"status_code", "request_id", "body"}, "error", "outcome": {…}}``. Pure but
for the journal's file.
"""

import os
import time
from base64 import b64encode
from decimal import Decimal
from typing import Any

import attrs

from .._shape import as_json
from ._journal import Entry, Journal
from ._outcome import FAILED, Outcome, PaidAttempt


__all__ = ["Results", "entry_of", "record_of"]


class Results(Journal):
    """
    A journal of outcomes, which is the results file at the same time.

    Done is what has an answer, whatever is to be said of it; what failed may be done again.
    """

    def __init__(self, path: str | os.PathLike[str], *, fsync: float | None = 1.0) -> None:
        super().__init__(path, describe=entry_of, fsync=fsync)

    def spent(self) -> tuple[Decimal, int]:
        """
        Return what the outcomes in the file have cost, in USD and in tokens, as far as that was known.

        ``budget.spend(*results.spent())`` lets a run that goes on count what earlier ones have spent.
        """
        amount, tokens = Decimal(), 0
        for record in self:
            outcome = record["outcome"]
            amount += Decimal(outcome.get("cost_usd") or 0)
            tokens += (outcome.get("usage") or {}).get("total_tokens") or 0
        return amount, tokens


def entry_of(record: dict[str, Any]) -> Entry:
    """Return what a journal has to know of a line."""
    outcome = record["outcome"]
    return Entry(key=outcome["key"], done=outcome["kind"] not in FAILED, name=record.get("custom_id"))


def record_of(outcome: Outcome[Any, Any]) -> dict[str, Any]:
    """Return the line of an outcome."""
    last = outcome.attempts[-1] if outcome.attempts else None
    has_answer = outcome.error is None or outcome.result is not None
    response = {
        "status_code": 200 if last is None or last.status is None else last.status,
        "request_id": outcome.request_id,
        "body": _json(outcome.result),
    }
    return {
        "id": outcome.request_id,
        "custom_id": outcome.custom_id,
        "response": response if has_answer else None,
        "error": _error(outcome),
        "outcome": {
            "key": outcome.key,
            "kind": outcome.kind,
            "index": outcome.index,
            "repeat": outcome.repeat,
            "model": outcome.model,
            "attempts": [_attempt(attempt) for attempt in outcome.attempts],
            "queued": round(outcome.queued, 6),
            "latency": round(outcome.latency, 6),
            "time_to_first_event": outcome.time_to_first_event,
            "usage": _json(outcome.usage),
            "cost_usd": _money(outcome.cost),
            "at": round(time.time(), 3),
        },
    }


def _error(outcome: Outcome[Any, Any]) -> dict[str, Any] | None:
    error = outcome.error
    if error is None:
        return None
    code = getattr(error, "code", None)
    return {"code": code or type(error).__name__, "message": str(error)}


def _attempt(attempt: PaidAttempt) -> dict[str, Any]:
    values = attrs.asdict(attempt, recurse=False)
    values["usage"], values["cost"] = _json(attempt.usage), _money(attempt.cost)
    return {name: value for name, value in values.items() if value is not None}


def _money(amount: object) -> str | None:
    return None if amount is None else format(amount, "f")


def _json(value: object) -> Any:
    """Return a result as JSON: files, which it can't hold, in base64."""
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode()}
    content = getattr(value, "content", None)
    if isinstance(content, bytes):
        return {"content_type": getattr(value, "content_type", None), **_json(content)}
    return as_json(value)
