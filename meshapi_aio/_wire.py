"""
What goes over the wire, and what comes back: requests made of calls, replies and chunks read from bytes.

Performs no I/O and knows no event loop: everything here is tested with literals.
"""

import functools
import re
from typing import Any, Generic, TypeVar, get_args, get_origin

import attrs

from ._answer import Answer, error_event, error_in, read_error, redacted, unexpected
from ._codec import dumps, loads, structurer, unfit
from ._stream import Stream
from ._version import __version__
from .call import Call, StreamCall
from .errors import DecodeError, MalformedEventError, MeshAPIError, ResponseTooLargeError
from .settings import Settings
from .sse import ServerSentEvent, SSEDecoder


__all__ = ["ChunkReader", "Headers", "Request", "prepare", "read_reply"]

ReplyType = TypeVar("ReplyType")
ChunkType = TypeVar("ChunkType")

USER_AGENT = f"meshapi_aio/{__version__}"


class Headers(dict[str, str]):
    """Headers of a request; the repr names them and shows no value, since one of them is the token."""

    def __repr__(self) -> str:
        return f"<headers {', '.join(self)}>"


@attrs.frozen
class Request:
    """One HTTP request, ready to be sent any number of times."""

    method: str
    url: str
    headers: Headers
    body: bytes | None = attrs.field(repr=False)


def prepare(call: Call[Any] | StreamCall[Any], settings: Settings) -> Request:
    """
    Return the request of a call.

    A value that JSON can't hold is a ``TypeError`` that names its place.
    """
    streams = isinstance(call, StreamCall)
    headers = Headers(
        {
            "Authorization": f"Bearer {settings.token}",
            "Content-Type": "application/json",
            "Accept": "text/event-stream" if streams else "application/json",
            "User-Agent": USER_AGENT,
            "X-MeshAPI-SDK": USER_AGENT,
        }
    )
    if streams:
        # A compressing proxy would hold events back until it has enough to compress.
        headers["Accept-Encoding"] = "identity"
    if settings.api_version is not None:
        headers["X-Mesh-Version"] = settings.api_version
    if settings.request_id is not None:
        headers["X-Request-Id"] = settings.request_id
    if settings.cache is False:
        headers["X-Mesh-Cache"] = "no-store"
    own = {name.lower(): name for name in headers}
    for name, value in settings.headers.items():
        headers[own.get(name.lower(), name)] = value
    return Request(call.route.method, settings.base_url + call.route.path, headers, dumps(call.body()))


def read_reply(call: Call[ReplyType], answer: Answer, body: bytes, settings: Settings) -> ReplyType:
    """
    Return the reply in a whole answer, or raise what the answer stands for.

    ``APIStatusError`` for an error status, and for a 200 whose JSON is an error;
    ``UnexpectedResponseError`` for what is no JSON; ``DecodeError`` for JSON of another shape.
    """
    if not answer.is_success:
        raise read_error(answer, body, settings)
    try:
        value = loads(body)
    except ValueError:
        raise unexpected(answer, body, settings, "JSON") from None
    refusal = error_in(value, answer, settings)
    if refusal is not None:
        raise refusal
    try:
        reply: ReplyType = structurer(call.reply)(value)
    except Exception as error:  # noqa: BLE001 - cattrs raises groups of whatever the hooks raise
        failure = DecodeError(
            f"the reply is no {call.reply.__name__}: {unfit(error)}",
            body=redacted(value, settings),
            request_id=answer.request_id,
        )
    else:
        return reply
    raise failure


@functools.cache
def _chunk_type(stream: type[Stream[Any]]) -> Any:
    for base in getattr(stream, "__orig_bases__", ()):
        if get_origin(base) is Stream:
            return get_args(base)[0]
    msg = f"{stream.__name__} must derive from Stream[Chunk]"
    raise TypeError(msg)


# What an event stream can begin with. Undecided are fewer bytes than the longest field name and its colon.
_FIELD = re.compile(rb"(?:data|event|id|retry)?:|(?:data|event|id|retry)[\r\n]")
_DECIDED = len(b"event:")
_BOM = b"\xef\xbb\xbf"

_EXCERPT = 200


class ChunkReader(Generic[ChunkType]):
    """
    Reads the chunks of a stream out of its bytes, however they are cut.

    ``done`` says that the end mark has come, ``failure`` what went wrong, after the chunks that were returned
    up to then; after either, what follows is ignored. With ``on_malformed="skip"`` events that are no chunks
    are counted in ``skipped``. A body that is no event stream is told by its first bytes.
    """

    def __init__(self, call: StreamCall[Any], answer: Answer, settings: Settings) -> None:
        self.done = False
        self.failure: MeshAPIError | None = None
        self.skipped = 0
        self._kind = _chunk_type(call.reply)
        self._structure = structurer(self._kind)
        self._answer = answer
        self._settings = settings
        self._decoder = SSEDecoder(max_event_bytes=settings.limits.event_bytes)
        self._index = 0
        self._head: bytes | None = b""
        self._body: bytearray | None = None

    def feed(self, data: bytes) -> list[ChunkType]:
        """Return the chunks that these bytes complete. Never raises."""
        if self._head is not None:
            data = self._recognise(data)
        if not data or self.done or self.failure is not None:
            return []
        try:
            events = self._decoder.feed(data)
        except ResponseTooLargeError as error:
            events, self.failure = [], error
        chunks = self._read(events)
        if self._decoder.error is not None and not self.done and self.failure is None:
            self.failure = self._decoder.error
        if self.failure is not None:
            self.failure.request_id = self.failure.request_id or self._answer.request_id
        return chunks

    def finish(self) -> list[ChunkType]:
        """
        Take the clean end of the bytes.

        A last event that lacks its empty line counts if it is the end mark or whole JSON, which a cut would
        hardly leave.
        """
        if self._head is not None:
            self._judge(bytes(self._body or self._head))
        pending = self._decoder.pending
        if self.done or self.failure is not None or not pending:
            return []
        if pending.strip() != "[DONE]":
            try:
                loads(pending)
            except ValueError:
                return []
        return self._read([ServerSentEvent(data=pending)])

    def _recognise(self, data: bytes) -> bytes:
        """Hold the first bytes back until they tell whether this is an event stream; return them once it is."""
        assert self._head is not None
        if self._body is not None:
            self._body += data
        else:
            head = (self._head + data).removeprefix(_BOM).lstrip(b"\r\n")
            start = head.lstrip()
            declared = self._answer.content_type == "text/event-stream"
            if (start and start[:1] not in b"{[<") if declared else _FIELD.match(start):
                self._head = None
                return head
            if start and (declared or len(start) >= _DECIDED):
                self._body = bytearray(head)
            else:
                self._head = head
        if self._body is not None and len(self._body) > self._settings.limits.error_bytes:
            self._judge(bytes(self._body))
        return b""

    def _judge(self, body: bytes) -> None:
        """Tell what a body that is no event stream is."""
        body = body[: self._settings.limits.error_bytes]
        if not body.strip():
            return  # nothing came at all: the stream counts as truncated
        try:
            value = loads(body)
        except ValueError:
            value = None
        self.failure = error_in(value, self._answer, self._settings) or unexpected(
            self._answer, body, self._settings, "an event stream"
        )

    def _read(self, events: list[ServerSentEvent]) -> list[ChunkType]:
        chunks: list[ChunkType] = []
        for event in events:
            if event.data == "[DONE]":
                self.done = True
                break
            if not event.data or event.data.isspace():
                continue  # a heartbeat
            chunk = self._chunk(event)
            self._index += 1
            if chunk is not None:
                chunks.append(chunk)
            elif self.done or self.failure is not None:
                break
        return chunks

    def _chunk(self, event: ServerSentEvent) -> ChunkType | None:
        """Return what an event means; None where it is the end, an error, or malformed and passed over."""
        text = event.data
        try:
            value = loads(text)
        except ValueError:
            if text.strip() == "[DONE]":
                self.done = True
            else:
                self._malformed(text, "is no JSON")
            return None
        if type(value) is not dict:
            if event.event == "error":
                self.failure = error_event(value, self._answer, self._settings)
            else:
                self._malformed(text, "is no JSON object")
            return None
        if value.get("error") or event.event == "error":
            self.failure = error_event(value, self._answer, self._settings)
            return None
        try:
            chunk: ChunkType = self._structure(value)
        except Exception as error:  # noqa: BLE001 - cattrs raises groups of whatever the hooks raise
            self._malformed(text, f"is no {self._kind.__name__}: {unfit(error)}")
            return None
        return chunk

    def _malformed(self, text: str, problem: str) -> None:
        if self._settings.on_malformed == "skip":
            self.skipped += 1
            return
        text = self._settings.redact(text)
        shown = text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
        self.failure = MalformedEventError(
            f"event {self._index} {problem}; it begins with {shown!r}",
            index=self._index,
            excerpt=shown,
            request_id=self._answer.request_id,
        )
