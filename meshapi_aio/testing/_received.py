"""
What happened: the requests that were received, how each ended, and waiting for either.

Values and an ``asyncio.Event``; this room performs no I/O.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import attrs

from ._calls import AnyCall, read_call
from ._given import check_record
from ._json import is_object


Outcome: TypeAlias = Literal["pending", "completed", "cut", "disconnected", "closed"]

SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "api-key",
        "x-api-key",
        "x-auth-token",
        "x-goog-api-key",
    }
)
"""The headers, in lower case, whose values are credentials."""

_KEPT_BYTES = 64 * 1024 * 1024
_SHOWN_BODY = 200  # bytes: enough to see the model and the first message in a failed assertion


def _redacted(headers: Mapping[str, str]) -> str:
    """Return the headers as text in which no credential can be read."""
    return repr(
        {name: "[redacted]" if name.lower() in SECRET_HEADERS else text for name, text in headers.items()}
    )


def _shortened(body: bytes) -> str:
    """Return the beginning of the body as text, with its length where that is not all."""
    return repr(body) if len(body) <= _SHOWN_BODY else f"{body[:_SHOWN_BODY]!r}... ({len(body)} bytes)"


@attrs.define(kw_only=True, eq=False)
class ReceivedRequest:
    """
    One request as it arrived, and how its answer ended.

    ``number`` counts from 1. ``target`` is what stood in the request line, to the byte; ``path`` is its
    decoded path and ``query`` its decoded query. The names of ``headers`` are found in either case;
    ``items()`` of both mappings holds every value of a repeated name. ``received_at`` is ``time.monotonic()``
    when the body was complete. ``request_id`` is what the answer carries as ``x-request-id``.

    ``outcome`` is ``pending`` while the answer is being sent, then one of ``completed`` (sent to the end),
    ``cut`` (the script ended the connection), ``disconnected`` (the client went away first), ``closed`` (the
    gateway was closed first); ``ended_at`` is ``time.monotonic()`` of that.
    """

    number: int
    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = attrs.field(repr=_redacted)
    body: bytes = attrs.field(repr=_shortened)
    received_at: float
    request_id: str
    outcome: Outcome = "pending"
    ended_at: float | None = None

    @property
    def json(self) -> Any:
        """The body, parsed anew at each access; raises ``ValueError`` where it is not JSON."""
        return json.loads(self.body)

    @property
    def call(self) -> AnyCall | None:
        """
        The call that would have sent this request, made anew at each access; None where no call could.

        It equals the call that was sent: ``request.call == CreateChatCompletion(...)``. Calls are equal when
        the JSON that they send is, so it is all one whether messages were written as ``Message`` objects or
        as dicts (here they are dicts). What another client sends is read as the gateway reads it: a null is
        an absent key, and without ``stream`` the answer is wanted as a whole.
        """
        return read_call(self.method, self.target, self.body, self.headers.get("Content-Type", ""))

    @property
    def streams(self) -> bool:
        """Whether the answer is wanted as a stream."""
        try:
            asked = self.json
        except (ValueError, RecursionError):
            return False
        return is_object(asked) and asked.get("stream") is True

    @property
    def completed(self) -> bool:
        """Whether the whole answer was sent."""
        return self.outcome == "completed"


class RequestLog:
    """
    The latest requests in order of arrival, and everybody who waits for one of them.

    ``keep``: how many of them are kept. Where their bodies add up to more than 64 MiB the oldest go earlier,
    but the latest stays; the counters count them all.
    """

    def __init__(self, *, keep: int) -> None:
        self.requests: list[ReceivedRequest] = []
        self.count = 0
        self.disconnects = 0
        check_record(keep)
        self._keep = keep
        self._body_bytes = 0
        self._changed = asyncio.Event()

    def add(self, request: ReceivedRequest) -> None:
        """Take in a request whose answer is pending, and give it its number."""
        self.count += 1
        request.number = self.count
        self.requests.append(request)
        self._body_bytes += len(request.body)
        while len(self.requests) > self._keep or (len(self.requests) > 1 and self._body_bytes > _KEPT_BYTES):
            self._body_bytes -= len(self.requests.pop(0).body)
        self.notify()

    def find(self, number: int) -> ReceivedRequest | None:
        """Return the request of that number, None where it is no longer, or not yet, among those kept."""
        index = number - 1 - (self.count - len(self.requests))
        return self.requests[index] if 0 <= index < len(self.requests) else None

    def finish(self, request: ReceivedRequest, outcome: Outcome) -> None:
        """Settle how the request ended; what was settled before stays."""
        if request.outcome == "pending":
            request.outcome = outcome
            request.ended_at = time.monotonic()
            self.disconnects += outcome == "disconnected"
            self.notify()

    def notify(self) -> None:
        """Let everybody who waits look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return as soon as the condition holds; it is looked at after each change."""
        while not condition():
            await self._changed.wait()
