"""The bytes that a gateway sends, right ones, for scripts to send and to spoil."""

import json
from typing import Any


__all__ = [
    "COMPLETION",
    "DONE",
    "LAST_CHUNK",
    "PLAIN_HEAD",
    "STREAM_HEAD",
    "WHOLE_STREAM",
    "event",
    "piece",
    "reply",
]

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: req_1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
PLAIN_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: req_1\r\n\r\n"
"""The head of a stream whose end is the end of the connection."""

LAST_CHUNK = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def piece(data: bytes) -> bytes:
    """Return bytes as one piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(text: str | None = None, *, finish: str | None = None, **more: Any) -> bytes:
    """Return an event of a chat stream."""
    delta = {} if text is None else {"content": text}
    chunk = {
        "id": "c1",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


WHOLE_STREAM = STREAM_HEAD + piece(event("a", finish="stop")) + piece(DONE) + LAST_CHUNK


def reply(body: Any, status: int = 200, *headers: str) -> bytes:
    """Return a whole JSON answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} X",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


COMPLETION = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
