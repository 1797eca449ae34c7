"""What became of one call of a fan-out: values, made once it is over. Pure."""

from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

import attrs

from .._meta import Attempt
from ._keys import request_key


__all__ = ["FAILED", "UNFINISHED", "Outcome", "OutcomeKind", "PaidAttempt"]

Item = TypeVar("Item")
Result = TypeVar("Result")

OutcomeKind = Literal[
    "ok",
    "empty",
    "truncated",
    "refused",
    "invalid_output",
    "rate_limited",
    "timeout",
    "connection",
    "api_error",
    "cancelled",
    "skipped_budget",
    "skipped_deadline",
]

FAILED = frozenset({"rate_limited", "timeout", "connection", "api_error"})
"""The kinds in which there is no answer to judge, for a reason that may have passed by the next time."""

UNFINISHED = frozenset({"cancelled", "skipped_budget", "skipped_deadline"})
"""The kinds of what was not done, or not to its end, because the run was over."""


@attrs.frozen(kw_only=True)
class PaidAttempt(Attempt):
    """
    One try of a call at the wire, with what it used and what it cost.

    ``usage`` is what the gateway said of tokens, ``cost`` USD: as the reply tells it, else the usage at the
    budget's prices. None means that nobody knows, never zero.
    """

    usage: Any = None
    cost: Decimal | None = None


@attrs.frozen(kw_only=True)
class Outcome(Generic[Item, Result]):
    """
    What became of one call.

    ``kind`` tells it in a word. There was an answer: ``ok``; ``empty`` (without text, tool call or file);
    ``truncated`` (cut off at a limit of length); ``refused`` (by the model or a content filter);
    ``invalid_output`` (not the JSON that was asked for, or ``check`` refused it). There was none:
    ``rate_limited``, ``timeout``, ``connection`` (also a stream that broke), ``api_error`` (anything else).
    It was not done, or not to its end: ``cancelled``, ``skipped_budget``, ``skipped_deadline``.

    ``index`` is the place in the input, from 0, ``repeat`` counts the repetitions of one request,
    ``custom_id`` is what a file calls it, ``model`` the one that answered, or was asked last. ``result`` is
    there whenever there was an answer, ``error`` whenever something was raised. Times are seconds:
    ``queued`` waiting for the limits and for a connection, over all attempts; ``latency`` from there to the
    end, pauses between attempts included; ``time_to_first_event`` of a stream, None for all else.
    ``attempts`` are empty where a function of one's own was called that returned no reply of the client.
    """

    index: int
    call: Item
    kind: OutcomeKind
    result: Result | None = None
    error: Exception | None = None
    attempts: tuple[PaidAttempt, ...] = ()
    repeat: int = 0
    custom_id: str | None = None
    model: str | None = None
    queued: float = 0.0
    latency: float = 0.0
    time_to_first_event: float | None = None

    @property
    def ok(self) -> bool:
        """Whether there is an answer, and nothing is wrong with it."""
        return self.kind == "ok"

    @property
    def key(self) -> str:
        """What identifies the request, wherever it stands in the input: a hash of it and of ``repeat``."""
        return request_key(self.call, self.repeat)

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the last attempt that got one."""
        return next((each.request_id for each in reversed(self.attempts) if each.request_id), None)

    @property
    def usage(self) -> Any:
        """The tokens of the last attempt, as the gateway told them; None where it did not."""
        return self.attempts[-1].usage if self.attempts else None

    @property
    def cost(self) -> Decimal | None:
        """What all attempts cost in USD, as far as anybody knows; None where nobody knows anything."""
        costs = [each.cost for each in self.attempts if each.cost is not None]
        return sum(costs, Decimal()) if costs else None
