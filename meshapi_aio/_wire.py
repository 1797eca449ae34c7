"""
What goes over the wire, and what comes back: requests made of calls, replies and chunks read from bytes.

Performs no I/O and knows no event loop: everything here is tested with literals.
"""

import functools
import re
from typing import Any, Generic, TypeVar, get_args, get_origin

import attrs

from ._answer import Answer, error_event, error_in, read_error, redacted, tells_error, unexpected
from ._codec import dumps, loads, structurer, unfit
from ._shape import Reply
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

    ``APIStatusError`` for an error status, and for a 200 whose JSON is an error or tells of one;
    ``UnexpectedResponseError`` for what is no JSON; ``DecodeError`` for JSON of another shape.
    """
    if not answer.is_success:
        raise read_error(answer, body, settings)
    value: Any = None
    failure: MeshAPIError | None = None
    try:
        value = loads(body)
    except ValueError:
        failure = unexpected(answer, body, settings, "JSON")
    # Raised out here, like the one below: the decoder's own error holds the whole body, and is no context.
    failure = failure or error_in(value, answer, settings)
    if failure is not None:
        raise failure
    try:
        reply: ReplyType = structurer(call.reply)(value)
    except Exception as error:  # noqa: BLE001 - cattrs raises groups of whatever the hooks raise
        failure = DecodeError(
            f"the reply is no {call.reply.__name__}: {unfit(error)}",
            body=redacted(value, settings),
            request_id=answer.request_id,
        )
    else:
        spoilt = reply._spoilt() if isinstance(reply, Reply) else None  # noqa: SLF001 - asked of every reply
        if spoilt is None:
            return reply
        failure = error_in({**value, "error": spoilt}, answer, settings)
    assert failure is not None
    raise failure


@functools.cache
def _chunk_type(stream: type[Stream[Any]]) -> Any:
    for base in getattr(stream, "__orig_bases__", ()):
        if get_origin(base) is Stream:
            return get_args(base)[0]
    msg = f"{stream.__name__} must derive from Stream[Chunk]"
    raise TypeError(msg)


_BOM = b"\xef\xbb\xbf"
_FIELD = re.compile(rb"(?:data|event|id|retry)?:|(?:data|event|id|retry)[\r\n]")
_LONGEST_FIELD = len(b"event:")
# JSON and HTML, whatever their content type says.
_OTHER = b"{[<"
# Blank lines may come first; a body of nothing but these is left to the decoder, which bounds it.
_WINDOW = 1024


def _is_event_stream(start: bytes, *, declared: bool) -> bool | None:
    """
    Tell from its first bytes whether a body is an event stream; None while they are too few.

    What begins with a field name or a colon is one. So is, where the content type declares one, whatever does
    not look like JSON or HTML, since unknown fields are legal.
    """
    if not _BOM.startswith(start):
        lines = start.removeprefix(_BOM).lstrip(b"\r\n")
        if declared and lines.strip():
            return lines.lstrip()[:1] not in _OTHER
        if _FIELD.match(lines):
            return True
        if not declared and len(lines) >= _LONGEST_FIELD:
            return False
    return None if len(start) < _WINDOW else True


def _is_whole(data: str) -> bool:
    """Tell whether the data of an unfinished event can't be the beginning of anything longer."""
    if data.strip() == "[DONE]":
        return True
    try:
        return type(loads(data)) is dict
    except ValueError:
        return False


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
        self._declared = answer.content_type == "text/event-stream"
        # What is held back: the first bytes until they tell what they are, all of what is no event stream.
        self._held: bytearray | None = bytearray()
        self._is_other = False

    def feed(self, data: bytes) -> list[ChunkType]:
        """Return the chunks that these bytes complete. Never raises."""
        if self.done or self.failure is not None:
            return []
        if self._held is not None:
            self._held += data
            if not self._recognised(self._held):
                return []
            data = bytes(self._held)
            self._held = None
        return self._take(data)

    def finish(self) -> list[ChunkType]:
        """
        Take the clean end of the bytes.

        A last event that lacks its empty line counts if it is the end mark or a whole JSON object, which a
        cut would hardly leave, and if its type says that it is an error.
        """
        if self.done or self.failure is not None:
            return []
        if self._held is not None:
            self._judge(bytes(self._held))
            return []
        pending = self._decoder.pending
        counts = pending is not None and (pending.event == "error" or _is_whole(pending.data))
        return self._take(b"\n\n") if counts else []

    def _recognised(self, held: bytearray) -> bool:
        """Tell whether this is an event stream, as far as can be told yet."""
        if not self._is_other:
            recognised = _is_event_stream(bytes(held[:_WINDOW]), declared=self._declared)
            if recognised:
                return True
            self._is_other = recognised is False
        if self._is_other and len(held) > self._settings.limits.error_bytes:
            self._judge(bytes(held))
        return False

    def _judge(self, body: bytes) -> None:
        """Tell what a body that is no event stream is."""
        if not body.removeprefix(_BOM).strip():
            return  # nothing came at all: the stream counts as truncated
        body = body[: self._settings.limits.error_bytes]
        try:
            value = loads(body)
        except ValueError:
            value = None
        self.failure = error_in(value, self._answer, self._settings) or unexpected(
            self._answer, body, self._settings, "an event stream"
        )

    def _take(self, data: bytes) -> list[ChunkType]:
        try:
            events = self._decoder.feed(data)
        except ResponseTooLargeError:
            events = []
        chunks = self._read(events)
        too_large = self._decoder.error
        if too_large is not None and not self.done and self.failure is None:
            too_large.request_id = self._answer.request_id
            self.failure = too_large
        return chunks

    def _read(self, events: list[ServerSentEvent]) -> list[ChunkType]:
        chunks: list[ChunkType] = []
        for event in events:
            if event.data == "[DONE]":
                self.done = True
                break
            if (not event.data or event.data.isspace()) and event.event != "error":
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
        value: Any = None
        problem = ""
        try:
            value = loads(text)
        except ValueError:
            if text.strip() == "[DONE]":
                self.done = True
                return None
            value, problem = text, "is no JSON"
        is_object = type(value) is dict
        if event.event == "error" or (is_object and "error" in value and tells_error(value)):
            self.failure = error_event(value, self._answer, self._settings, first=self._index == 0)
            return None
        if not is_object:
            self._malformed(text, problem or "is no JSON object")
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
