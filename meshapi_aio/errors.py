"""
Every error that leaves the client. Performs no I/O.

::

    MeshAPIError                       .request_id  .call  .attempts
    ├── ClientClosedError              the client was closed
    ├── APIConnectionError             nothing usable came back
    │   └── APITimeoutError            also a TimeoutError; .phase = connect | first_event | idle | deadline;
    │                                  of a stream also .partial .chunks_seen .usage
    ├── APIStatusError                 a complete, unhappy answer: .status .code .message .details
    │   │                              .provider_error .retry_after .body
    │   ├── BadRequestError 400        AuthenticationError 401    SpendLimitError 402
    │   ├── PermissionDeniedError 403  NotFoundError 404          ConflictError 409
    │   ├── UnprocessableEntityError 422                          RateLimitError 429
    │   └── InternalServerError 5xx
    ├── StreamError                    after the answer began; .partial .chunks_seen .usage
    │   ├── StreamTruncatedError       the connection ended before the end mark
    │   ├── StreamAPIError             the gateway sent an error event: .status .code .message …
    │   ├── MalformedEventError        an event was not JSON, or not the announced shape: .index .excerpt
    │   └── StreamClosedError          closed by the user's own close(), from any task
    ├── UnexpectedResponseError        right status, wrong kind of body: .status .content_type .excerpt
    ├── ResponseTooLargeError          a limit of Limits was hit; of a stream also .partial …
    └── DecodeError                    the body did not fit the shape; the message names the path

Beside these, only ``asyncio.CancelledError`` and programmer errors (``TypeError``, ``ValueError``,
``RuntimeError``) leave it. All errors here pickle, and none holds the token.
"""

from collections.abc import Mapping
from typing import Any, Literal

from ._meta import Attempt


__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "ConflictError",
    "DecodeError",
    "InternalServerError",
    "MalformedEventError",
    "MeshAPIError",
    "NotFoundError",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "ResponseTooLargeError",
    "SpendLimitError",
    "StreamAPIError",
    "StreamClosedError",
    "StreamError",
    "StreamTruncatedError",
    "UnexpectedResponseError",
    "UnprocessableEntityError",
]


class MeshAPIError(Exception):
    """
    The root of everything that goes wrong between this client and the gateway.

    ``request_id`` is the gateway's id of the call where the wire gave one, ``call`` the request as a value
    (None before there was one), ``attempts`` every try that was made.
    """

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.call: object | None = None
        self.attempts: tuple[Attempt, ...] = ()

    def __str__(self) -> str:
        return f"{self.args[0]} (request id: {self.request_id})" if self.request_id else str(self.args[0])

    def __reduce__(self) -> tuple[object, ...]:
        # Not by __init__, whose keywords are not in args; and an OSError takes its args from there alone.
        return _blank, (type(self),), {**self.__dict__, "args": self.args}


def _blank(kind: type[MeshAPIError]) -> MeshAPIError:
    return kind.__new__(kind)


class ClientClosedError(MeshAPIError):
    """The client was closed, before this call or while it ran."""


class APIConnectionError(MeshAPIError):
    """
    Nothing usable came back: no connection, or it broke before the answer was whole.

    ``sent`` tells whether the gateway may have begun the work: False when no connection was made. ``stale``
    tells that a pooled connection turned out to be closed, most likely before the request reached it;
    ``lasting`` that trying again can't help, since a certificate was refused, or a proxy refuses.
    """

    lasting: bool = False

    def __init__(
        self, message: str, *, request_id: str | None = None, sent: bool = True, stale: bool = False
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.sent = sent
        self.stale = stale


class Progress:
    """
    How far a stream had come when it failed.

    ``partial`` is what the received chunks fold to (of chat: a ``ChatCompletion``), None where nothing came,
    ``chunks_seen`` how many chunks came, ``usage`` the token counts where the stream had told them already.
    """

    # Any, since each family folds to a shape of its own, and this room stands below all of them.
    partial: Any = None
    chunks_seen: int = 0
    usage: Any = None


class APITimeoutError(Progress, APIConnectionError, TimeoutError):
    """
    A limit of :class:`~meshapi_aio.Timeout` ran out; ``phase`` says which.

    ``connect``: no connection in time. ``first_event``: no answer (or no first event) after the request was
    sent. ``idle``: no data event, or no bytes where nothing streams. ``deadline``: ``Timeout.total``.
    """

    def __init__(
        self,
        message: str,
        *,
        phase: Literal["connect", "first_event", "idle", "deadline"],
        request_id: str | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message, request_id=request_id, sent=sent)
        self.phase = phase


class _GatewayError(MeshAPIError):
    """What the gateway itself said in an error body or an error event."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None,
        code: str | None = None,
        details: list[Any] | None = None,
        provider_error: object = None,
        retry_after: float | None = None,
        body: object = None,
        explanation: str = "",
        request_id: str | None = None,
    ) -> None:
        heading = " ".join(str(part) for part in (status, code) if part is not None)
        text = f"{heading}: {message}" if heading else message
        text += f" ({explanation})" if explanation else ""
        text += f"; retry after {retry_after:g} s" if retry_after is not None else ""
        super().__init__(text, request_id=request_id)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or []
        self.provider_error = provider_error
        self.retry_after = retry_after
        self.body = body


class APIStatusError(_GatewayError):
    """
    A complete, unhappy answer.

    ``status`` is the HTTP status (of a 200 that carried an error: the status its code stands for), ``code``
    the gateway's machine-readable code (an open string, None where it sent none), ``message`` its text,
    ``details`` a list (422: which fields), ``provider_error`` what the upstream said, ``retry_after`` seconds
    or None, ``body`` the decoded JSON or the text.
    """

    status: int

    @classmethod
    def of(cls, status: int) -> "type[APIStatusError]":
        """Return the class that stands for an HTTP status."""
        return InternalServerError if status >= 500 else _BY_STATUS.get(status, APIStatusError)


class BadRequestError(APIStatusError):
    """400: the gateway refused the request as it was put."""


class AuthenticationError(APIStatusError):
    """401: the token is missing, wrong or revoked."""


class SpendLimitError(APIStatusError):
    """402: the key's spend limit is reached; trying again does not help."""


class PermissionDeniedError(APIStatusError):
    """403: this key may not do that."""


class NotFoundError(APIStatusError):
    """404: no such model, object or route."""


class ConflictError(APIStatusError):
    """409: the request contradicts the state of the thing it names."""


class UnprocessableEntityError(APIStatusError):
    """422: a field is missing or out of range; ``details`` says which."""


class RateLimitError(APIStatusError):
    """429: too many requests or tokens; ``retry_after`` says when to come back."""


class InternalServerError(APIStatusError):
    """5xx: the gateway or its upstream failed."""


_BY_STATUS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: SpendLimitError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


class StreamError(Progress, MeshAPIError):
    """The answer began and did not end well. Once a chunk was handed out, nothing is sent again."""


class StreamTruncatedError(StreamError):
    """The stream ended, or its connection broke, before it was whole."""


class StreamAPIError(StreamError, _GatewayError):
    """
    The gateway sent an error event inside the stream.

    ``code`` and ``message`` are the event's, ``status`` is the HTTP status that the code stands for, None
    where that is unknown; all else is as in :class:`APIStatusError`.
    """


class MalformedEventError(StreamError):
    """An event was no JSON, or no chunk: the ``index``-th data event, from 0, which begins as ``excerpt``."""

    def __init__(self, message: str, *, index: int, excerpt: str, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.index = index
        self.excerpt = excerpt


class StreamClosedError(StreamError):
    """The stream was closed before its end, by ``stream.close()``, its block, or ``client.close()``."""


class UnexpectedResponseError(MeshAPIError):
    """
    The status was right and the body was not what the call returns: HTML, a redirect, JSON for a stream.

    ``excerpt`` is the beginning of the body, at most 512 characters.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        content_type: str = "",
        excerpt: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.status = status
        self.content_type = content_type
        self.excerpt = excerpt


class ResponseTooLargeError(Progress, MeshAPIError):
    """The gateway sent more than a limit of :class:`~meshapi_aio.Limits` allows; the message names it."""


class DecodeError(MeshAPIError):
    """A reply was JSON of another shape; the message names the place, and ``body`` is what came, decoded."""

    def __init__(self, message: str, *, body: object = None, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.body = body
