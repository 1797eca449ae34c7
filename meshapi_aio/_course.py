"""
The course of one call: its attempts, how its answer came about, and what is told of either.

Performs no I/O and knows no event loop: times are handed in.
"""

from typing import Any

from ._answer import Answer, telling_headers
from ._meta import Attempt, Meta
from ._observing import Account, OnEvent
from ._pump import End
from .errors import MeshAPIError


__all__ = ["Course"]


class Course(Account):
    """What has happened with a call, and the telling of it."""

    __slots__ = ("_meta", "attempts")

    def __init__(self, on_event: OnEvent | None, call: object) -> None:
        super().__init__(on_event, call)
        self.attempts: list[Attempt] = []
        self._meta: Meta  # of a stream that is open

    # What is noted.

    def note(
        self,
        answer: Answer | None,
        error: BaseException | None,
        *,
        queued: float,
        latency: float,
        pause: float = 0.0,
    ) -> None:
        """Note an attempt that is over; all times are in seconds."""
        self.attempts.append(
            Attempt(
                status=None if answer is None else answer.status,
                request_id=None if answer is None else answer.request_id,
                model=self.model,
                error=None if error is None else _text(error),
                queued=queued,
                latency=latency,
                pause=pause,
            )
        )

    def meta(self, answer: Answer, model: str | None, *, latency: float, streams: bool) -> Meta:
        """Return how the answer of the last attempt came about, ``latency`` seconds after the call began."""
        headers = telling_headers(answer)
        return Meta(
            status=answer.status,
            headers=headers,
            request_id=answer.request_id,
            attempts=tuple(self.attempts),
            model=headers.get("x-resolved-model-id") or headers.get("x-mesh-routing-model") or model,
            queued=sum(attempt.queued for attempt in self.attempts),
            latency=latency,
            time_to_first_event=self.attempts[-1].latency if streams else None,
        )

    # What is told; where nobody listens nothing is prepared.

    def sent(self, method: str, path: str) -> None:
        """Tell that a request goes out."""
        if self.listens:
            self.tell("RequestSent", attempt=len(self.attempts) + 1, method=method, path=path)

    def retried(self, error: MeshAPIError, pause: float) -> None:
        """Tell that a request will be sent again, after ``pause`` seconds."""
        self.tell(
            "RetryScheduled",
            attempt=len(self.attempts) + 1,
            pause=pause,
            **_nature(error),
            request_id=error.request_id,
        )

    def fell_back(self, error: MeshAPIError, to_model: str | None, *, unary: bool) -> None:
        """Tell that another model takes over, and go on in its name."""
        self.tell(
            "FallbackTaken", to_model=to_model, unary=unary, **_nature(error), request_id=error.request_id
        )
        self.model = to_model

    def replied(self, meta: Meta) -> None:
        """Tell that a whole answer is here."""
        if self.listens:
            self._routed(meta)
            self.tell(
                "ReplyReceived",
                attempts=len(self.attempts),
                duration=self.duration,
                request_id=meta.request_id,
            )

    def opened(self, meta: Meta) -> None:
        """Tell that a stream has begun."""
        self._meta = meta
        if self.listens:
            self._routed(meta)
            self.tell(
                "StreamOpened",
                attempts=len(self.attempts),
                time_to_first_event=meta.time_to_first_event,
                request_id=meta.request_id,
            )

    def ended(self, end: End) -> None:
        """Tell that a stream is over."""
        if self.listens:
            meta = self._meta
            self.tell(
                "StreamEnded",
                outcome=end.outcome,
                chunks=end.chunks,
                skipped=end.skipped,
                duration=self.duration - meta.latency,
                time_to_first_event=meta.time_to_first_event,
                **_nature(end.error),
                request_id=meta.request_id,
            )

    def failed(self, error: BaseException) -> None:
        """Tell that a call has failed, or was left."""
        last = self.attempts[-1].request_id if self.attempts else None
        self.tell(
            "RequestFailed",
            attempts=len(self.attempts),
            duration=self.duration,
            **_nature(error),
            request_id=getattr(error, "request_id", None) or last,
        )

    def _routed(self, meta: Meta) -> None:
        routing = meta.routing
        if routing is not None and (routing.fallback or (routing.attempts or 0) > 1):
            self.tell("GatewayRouted", routing=routing, request_id=meta.request_id)


def _nature(error: BaseException | None) -> dict[str, Any]:
    """Return what events tell of an error; not its text, which may quote the prompt or the answer."""
    return {
        "error": None if error is None else type(error).__name__,
        "status": getattr(error, "status", None),
        "code": getattr(error, "code", None),
    }


def _text(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
