"""
Faults of content: what the gateway may say that is no answer, to the byte, and what a call has to make of it.

The connection itself is sound in most of them, so that only the bytes tell. Each fault is what the server
does with one request, and the outcome of a call that streams and of one that does not (None: it does not
befall that kind).
"""

import asyncio
import gzip
import json
import pickle
import traceback
import zlib
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from meshapi_aio import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    DecodeError,
    InternalServerError,
    MalformedEventError,
    MeshAPIError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseTooLargeError,
    SpendLimitError,
    StreamAPIError,
    StreamTruncatedError,
    Timeout,
    UnexpectedResponseError,
    UnprocessableEntityError,
)

from .server import Connection, Script
from .wire import COMPLETION, DONE, LAST_CHUNK, STREAM_HEAD, event, piece


__all__ = ["FAULTS", "PROMPT", "Fault", "Fine", "Raises", "answer", "check_told", "says"]

MIB = 1024 * 1024
PROMPT = "a question that is nobody's business"
"""What the tests ask; some errors quote it."""


@attrs.frozen
class Raises:
    """The call raises this very class, with these attributes; ``partial`` is the text that had come."""

    kind: type[MeshAPIError]
    partial: str | None = None
    attributes: Mapping[str, Any] = attrs.field(factory=dict)
    request_id: str | None = "req_1"


@attrs.frozen
class Fine:
    """Nothing is wrong with the answer: its text."""

    text: str


Outcome = Raises | Fine | None


@attrs.frozen(kw_only=True)
class Fault:
    """What the server does with a request, and what becomes of the call."""

    script: Script
    stream: Outcome = None
    whole: Outcome = None
    timeout: Timeout = attrs.field(factory=Timeout)


def says(data: bytes, then: Literal["wait", "close"] = "wait") -> Script:
    """Return a script that answers every request with these bytes, and what it does after them."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(data)
            if then == "close":
                connection.close()

    return script


def dribbles(data: bytes) -> Script:
    """Return a script that sends an answer byte by byte, its head as well, and closes."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.dribble(data)
        connection.close()

    return script


def beats(data: bytes) -> Script:
    """Return a script that sends these bytes and then heartbeats for ever."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD + data)
        while not connection.ended.is_set():
            await connection.send(piece(b": still here\n\ndata:\n\n"))
            await asyncio.sleep(0.01)

    return script


def answer(body: bytes, status: int = 200, content_type: str = "application/json", *headers: str) -> bytes:
    """Return a whole answer with a request id."""
    lines = (f"Content-Type: {content_type}", f"Content-Length: {len(body)}", "X-Request-Id: req_1", *headers)
    return "\r\n".join((f"HTTP/1.1 {status} X", *lines, "", "")).encode() + body


def as_json(value: object) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value).encode()


def stream(*events: bytes, end: bytes = LAST_CHUNK) -> bytes:
    """Return a stream of events, each a piece of its own; ``end`` ends the body."""
    return STREAM_HEAD + b"".join(map(piece, events)) + end


def frame(value: object) -> bytes:
    """Return an event of any JSON."""
    return b"data: " + as_json(value) + b"\n\n"


A, B, STOP = event("a"), event("b"), event(None, finish="stop")
HTML = b"<html><body>Sign in to the network</body></html>"
NOTE = {"code": "upstream_error", "message": f"the upstream failed at {PROMPT}"}
OF_NOTE = {**NOTE, "status": 502}


def check_told(error: MeshAPIError, request_id: str | None) -> None:
    """See that an error tells of its call, and loses nothing and betrays nothing on its way to the user."""
    assert error.request_id == request_id
    assert request_id is None or request_id in str(error)
    assert error.call is not None
    assert error.attempts
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - pickled right here
    assert (type(copy), vars(copy), str(copy)) == (type(error), vars(error), str(error))
    assert error.__cause__ is None
    assert "Bearer" not in "".join(traceback.format_exception(error))


# A success that is none.

EVENTS = "text/event-stream"
UNEXPECTED = Raises(UnexpectedResponseError, attributes={"status": 200})
LIMITED = {"error": {"code": "rate_limit_exceeded", "message": "slow", "retry_after_seconds": 2.5}}
TOLD_LIMIT = {"status": 429, "code": "rate_limit_exceeded", "retry_after": 2.5}

SUCCESSES = {
    "html": Fault(script=says(answer(HTML, 200, "text/html")), stream=UNEXPECTED, whole=UNEXPECTED),
    "html_as_json": Fault(script=says(answer(HTML)), stream=UNEXPECTED, whole=UNEXPECTED),
    "html_as_stream": Fault(script=says(answer(HTML, 200, EVENTS)), stream=UNEXPECTED, whole=UNEXPECTED),
    "text": Fault(
        script=says(answer(b"upstream is tired", 200, "text/plain")), stream=UNEXPECTED, whole=UNEXPECTED
    ),
    "broken_json": Fault(script=says(answer(b'{"choices":[{')), stream=UNEXPECTED, whole=UNEXPECTED),
    "error": Fault(
        script=says(answer(as_json(LIMITED))),
        stream=Raises(RateLimitError, attributes=TOLD_LIMIT),
        whole=Raises(RateLimitError, attributes=TOLD_LIMIT),
    ),
    "error_text": Fault(
        script=says(answer(as_json({"error": "the upstream failed"}))),
        stream=Raises(APIStatusError, attributes={"status": 200, "message": "the upstream failed"}),
        whole=Raises(APIStatusError, attributes={"status": 200, "message": "the upstream failed"}),
    ),
    "nothing": Fault(
        script=says(answer(b"", 200, EVENTS)), stream=Raises(StreamTruncatedError), whole=UNEXPECTED
    ),
    "no_content": Fault(
        script=says(b"HTTP/1.1 204 No Content\r\nX-Request-Id: req_1\r\n\r\n"),
        stream=Raises(StreamTruncatedError),
        whole=Raises(UnexpectedResponseError, attributes={"status": 204}),
    ),
    "whole_for_a_stream": Fault(
        script=says(answer(as_json(COMPLETION))), stream=UNEXPECTED, whole=Fine("hello")
    ),
    "stream_for_a_whole": Fault(script=says(stream(A, STOP, DONE)), stream=Fine("a"), whole=UNEXPECTED),
    "finish_reason_error": Fault(
        script=says(answer(as_json({"choices": [{"message": {}, "finish_reason": "error"}]}))),
        whole=Raises(InternalServerError, attributes={"status": 502, "code": "upstream_error"}),
    ),
    **{
        f"shape_{name}": Fault(
            script=says(answer(as_json(value))), stream=UNEXPECTED, whole=Raises(DecodeError)
        )
        for name, value in {
            "null": None,
            "number": 7,
            "text": "hello",
            "list": [COMPLETION],
            "empty": {},
            "choices": {"choices": "none"},
            "message": {"choices": [{"index": 0}]},
            "content": {"choices": [{"message": {"content": 7}}]},
        }.items()
    },
}

# Error statuses, and what their bodies may look like.

TOLD = {"message": f"no such model for {PROMPT}", "details": []}
DETAIL = [{"loc": ["body", "model"], "msg": "no such model", "type": "missing"}]


def refused(status: int, kind: type[APIStatusError], body: bytes, *headers: str, **attributes: Any) -> Fault:
    """Return a fault that is an error status with this body."""
    raises = Raises(kind, attributes={"status": status, **attributes})
    return Fault(script=says(answer(body, status, "text/plain", *headers)), stream=raises, whole=raises)


BODIES = {
    "object": refused(404, NotFoundError, as_json({"error": {"code": "model_not_found", **TOLD}}), **TOLD),
    "object_null": refused(503, InternalServerError, as_json({"error": {"code": None, "message": None}})),
    "string": refused(400, BadRequestError, as_json({"error": TOLD["message"]}), **TOLD),
    "detail_text": refused(404, NotFoundError, as_json({"detail": TOLD["message"]}), **TOLD),
    "detail_list": refused(
        422,
        UnprocessableEntityError,
        as_json({"detail": DETAIL}),
        message="body.model: no such model",
        details=DETAIL,
    ),
    "html": refused(502, InternalServerError, HTML, message=HTML.decode()),
    "empty": refused(500, InternalServerError, b"", message="no explanation"),
    "broken_json": refused(500, InternalServerError, b'{"error": {', message='{"error": {'),
    "no_utf8": refused(500, InternalServerError, b"\xff\xfe", message="\ufffd\ufffd"),
    "a_list": refused(500, InternalServerError, b"[1, 2]", message="[1, 2]"),
    "gzip": refused(
        401,
        AuthenticationError,
        gzip.compress(as_json({"error": TOLD})),
        "Content-Encoding: gzip",
        **TOLD,
    ),
    "a_whole_answer": refused(409, ConflictError, as_json(COMPLETION)),
    "spent": refused(402, SpendLimitError, as_json({"error": {"code": "spend_limit_exceeded"}})),
    "forbidden": refused(403, PermissionDeniedError, as_json({"error": {"code": "forbidden"}})),
    "unknown_status": refused(418, APIStatusError, b"short and stout", message="short and stout"),
}

REDIRECTS = {
    str(status): Fault(
        script=says(answer(b"", status, "text/html", "Location: https://elsewhere.invalid/v1?a=1")),
        stream=Raises(UnexpectedResponseError, attributes={"status": status}),
        whole=Raises(UnexpectedResponseError, attributes={"status": status}),
    )
    for status in (301, 302, 303, 307, 308)
}

# Errors in a stream, in every form.

FRAMES: Mapping[str, tuple[bytes, Mapping[str, Any]]] = {
    "object": (frame({"error": NOTE}), OF_NOTE),
    "with_its_request_id": (frame({"error": NOTE, "request_id": "req_2"}), OF_NOTE),
    "no_code": (frame({"error": {"message": "boom"}}), {"code": "upstream_error", "message": "boom"}),
    "number": (frame({"error": {"code": 503, "message": "boom"}}), {"code": "503", "status": 503}),
    "text": (frame({"error": "boom"}), {"code": "upstream_error", "message": "boom"}),
    "nulls": (frame({"error": {"code": None, "message": None}}), {"code": "upstream_error"}),
    "empty": (frame({"error": {}}), {"code": "upstream_error", "message": "no explanation"}),
    "beside_choices": (event("x", error=NOTE), OF_NOTE),
    "of_the_type_error": (b"event: error\n" + frame(NOTE), OF_NOTE),
    "of_the_type_error_as_text": (b"event: error\ndata: boom\n\n", {"message": "boom"}),
}


# Where an error comes: what is sent before it, and after it, and the text that had come.
PLACES: Mapping[str, tuple[tuple[bytes, ...], tuple[bytes, ...], str | None]] = {
    "before": ((), (DONE,), None),
    "between": ((A, B), (B, STOP, DONE), "ab"),
    "after": ((A, B, STOP), (DONE,), "ab"),
    "unmarked": ((A,), (), "a"),
    "unended": ((A,), (), "a"),
}


def framed(name: str, place: str) -> Fault:
    """Return a fault that is an error event in the stream of an answer."""
    error, attributes = FRAMES[name]
    before, after, partial = PLACES[place]
    # The last one is not even ended by its empty line.
    error = error[:-2] if place == "unended" else error
    request_id = "req_2" if name == "with_its_request_id" else "req_1"
    raises = Raises(StreamAPIError, partial, attributes, request_id)
    return Fault(script=says(stream(*before, error, *after)), stream=raises)


ERRORS = {f"{name}_{place}": framed(name, place) for name in FRAMES for place in PLACES}

# Streams that end as they should not, or not at all.

PART = Raises(StreamTruncatedError, "ab")

ENDINGS = {
    "in_good_order": Fault(script=says(stream(A, B)), stream=PART),
    "in_an_event": Fault(script=says(stream(A, B, event("c")[:40])), stream=PART),
    "without_the_last_chunk": Fault(script=says(stream(A, B, end=b""), "close"), stream=PART),
    "in_a_chunk": Fault(
        script=says(stream(A, B)[: -len(LAST_CHUNK)] + b"fff\r\ndata:", "close"), stream=PART
    ),
    "framing_broken_at_once": Fault(
        script=says(stream(A, B, end=b"no size\r\n")), stream=PART, whole=Raises(APIConnectionError)
    ),
    "framing_broken_byte_by_byte": Fault(
        script=dribbles(stream(A, B, end=b"no size\r\n")), stream=PART, whole=Raises(APIConnectionError)
    ),
    "by_mark_alone": Fault(script=says(stream(A, B, DONE)), stream=Fine("ab")),
    "by_reason_alone": Fault(script=says(stream(A, B, STOP)), stream=Fine("ab")),
    "error_is_null": Fault(script=says(stream(event("a", error=None), STOP, DONE)), stream=Fine("a")),
    "finish_reason_error": Fault(
        script=says(stream(A, B, event(None, finish="error"), DONE)),
        stream=Raises(StreamAPIError, "ab", {"code": "upstream_error", "status": 502}),
    ),
    "second_answer": Fault(
        script=says(stream(A, STOP, DONE, B, event(None, finish="length"), DONE)), stream=Fine("a")
    ),
    "error_after_the_mark": Fault(
        script=says(stream(A, STOP, DONE, frame({"error": NOTE}))), stream=Fine("a")
    ),
    "heartbeats_alone": Fault(
        script=beats(b""),
        stream=Raises(APITimeoutError, None, {"phase": "first_event"}),
        timeout=Timeout(first_event=0.2),
    ),
    "heartbeats_for_ever": Fault(
        script=beats(piece(A) + piece(B)),
        stream=Raises(APITimeoutError, "ab", {"phase": "idle"}),
        timeout=Timeout(idle=0.2),
    ),
}

# Events that are no chunks.

MALFORMED = {
    name: Fault(
        script=says(stream(A, B, b"data: " + text + b"\n\n", STOP, DONE)),
        stream=Raises(MalformedEventError, "ab", {"index": 2}),
    )
    for name, text in {
        "no_json": b"oops",
        "half_json": b'{"choices":[{"delta":{"con',
        "two_in_one": b'{"choices":[]}{"choices":[]}',
        "number": b"7",
        "null": b"null",
        "text": b'"hello"',
        "list": b"[]",
        "choices": b'{"choices":"none"}',
        "delta": b'{"choices":[{"delta":[]}]}',
        "content": b'{"choices":[{"delta":{"content":7}}]}',
        "deep": b'{"choices":' + b"[" * 100_000,
        "bytes": b'{"choices":[\xff]}',
    }.items()
}

# Bodies that are too large, or can't be unpacked.

UNREADABLE = Raises(APIConnectionError)
LARGE = b"x" * (300 * 1024)

BULK = {
    "event_of_8_mb": Fault(
        script=says(stream(event("x" * 8 * MIB, finish="stop"), DONE)), stream=Fine("x" * 8 * MIB)
    ),
    "event_of_40_mb": Fault(
        script=says(stream(A, event("x" * 40 * MIB), DONE)), stream=Raises(ResponseTooLargeError, "a")
    ),
    "error_of_40_mb": Fault(
        script=says(answer(b"x" * 40 * MIB, 503)),
        stream=Raises(InternalServerError, attributes={"body": "x" * 256 * 1024}),
        whole=Raises(InternalServerError, attributes={"body": "x" * 256 * 1024}),
    ),
    "no_gzip": Fault(
        script=says(answer(as_json(COMPLETION), 200, EVENTS, "Content-Encoding: gzip")),
        stream=Raises(StreamTruncatedError),
        whole=UNREADABLE,
    ),
    "no_gzip_in_an_error": Fault(
        script=says(answer(b"oops", 503, EVENTS, "Content-Encoding: gzip")),
        stream=UNREADABLE,
        whole=UNREADABLE,
    ),
    "half_a_deflate": Fault(
        script=says(
            answer(zlib.compress(as_json(COMPLETION))[:-20], 200, EVENTS, "Content-Encoding: deflate")
        ),
        whole=UNREADABLE,
    ),
    "half_a_gzip": Fault(
        script=says(answer(gzip.compress(as_json(COMPLETION))[:-30], 200, EVENTS, "Content-Encoding: gzip")),
        whole=UNEXPECTED,
    ),
}

FAULTS: Mapping[str, Fault] = {
    f"{group}.{name}": fault
    for group, faults in {
        "success": SUCCESSES,
        "body": BODIES,
        "redirect": REDIRECTS,
        "error": ERRORS,
        "end": ENDINGS,
        "malformed": MALFORMED,
        "bulk": BULK,
    }.items()
    for name, fault in faults.items()
}
"""Every fault by its name, ``group.name``."""
