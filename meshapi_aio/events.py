"""
What happened: values that tell how a call goes. They hold no prompt, no token and no connection.

Replies carry a :class:`Meta`; ``on_event`` receives the subclasses of :class:`Event` as they happen, and this
room is imported when somebody listens. Performs no I/O and knows no event loop.
"""

from typing import Literal

import attrs

from ._meta import Event, Routing


__all__ = [
    "FallbackTaken",
    "GatewayRouted",
    "ReplyReceived",
    "RequestFailed",
    "RequestSent",
    "RetryScheduled",
    "StreamEnded",
    "StreamOpened",
]


@attrs.frozen(kw_only=True)
class RequestSent(Event):
    """A request is on its way: the ``attempt``-th of its call, the first being 1."""

    attempt: int
    method: str
    path: str


@attrs.frozen(kw_only=True)
class RetryScheduled(Event):
    """An attempt failed, and the next one comes after ``pause`` seconds."""

    attempt: int
    pause: float
    error: str
    status: int | None
    code: str | None
    request_id: str | None


@attrs.frozen(kw_only=True)
class FallbackTaken(Event):
    """
    A model failed for good, and the next of the chain is asked.

    ``model`` is the one that failed, ``to_model`` the next. ``unary`` is True where a stream is given up for
    a call without streaming, to the model that was asked for first.
    """

    to_model: str | None
    unary: bool
    error: str
    status: int | None
    code: str | None
    request_id: str | None


@attrs.frozen(kw_only=True)
class GatewayRouted(Event):
    """The gateway itself tried more than one upstream, or answered with another model."""

    routing: Routing
    request_id: str | None


@attrs.frozen(kw_only=True)
class ReplyReceived(Event):
    """A call was answered as a whole; ``duration`` in seconds, from its first attempt on."""

    attempts: int
    duration: float
    request_id: str | None


@attrs.frozen(kw_only=True)
class StreamOpened(Event):
    """The first event of a stream has come; ``time_to_first_event`` in seconds, from the last request on."""

    attempts: int
    time_to_first_event: float | None
    request_id: str | None


@attrs.frozen(kw_only=True)
class StreamEnded(Event):
    """
    A stream is over.

    ``outcome`` is ``finished`` (read to its end), ``failed`` (``error`` says why), ``closed`` (left before
    its end) or ``dropped`` (forgotten before its end). ``chunks`` counts those that came, ``skipped`` the
    malformed events that were passed over, ``duration`` the seconds since it was opened.
    """

    outcome: Literal["finished", "failed", "closed", "dropped"]
    chunks: int
    skipped: int
    duration: float
    time_to_first_event: float | None
    error: str | None
    status: int | None
    code: str | None
    request_id: str | None


@attrs.frozen(kw_only=True)
class RequestFailed(Event):
    """
    A call, or the opening of a stream, failed for good, or was cancelled (``error="CancelledError"``).

    ``duration`` is seconds since its beginning.
    """

    attempts: int
    duration: float
    error: str
    status: int | None
    code: str | None
    request_id: str | None
