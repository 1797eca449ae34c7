"""
What accidents are made of: a short answer, in pieces and as a whole, and ways to spoil either.

Pure functions; this room performs no I/O.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .._json import Object, json_bytes
from .._script import CUT, Answer, Event, Pause, Step


WORDS = ("All", " is", " well", " that", " ends", " well", ".")
"""The text of the answers, in the pieces in which it is streamed."""

DONE = b"data: [DONE]\n\n"

MOMENT = 0.05
"""Seconds that the client gets to read what came, before something that can cost it what it has not read."""

_HEAD = {"id": "chatcmpl-accident", "object": "chat.completion.chunk", "created": 1, "model": "maker/model"}
_USAGE = {"prompt_tokens": 9, "completion_tokens": len(WORDS), "total_tokens": 9 + len(WORDS)}


def chunk(delta: Object | None = None, finish_reason: str | None = None) -> dict[str, Any]:
    """Return a chunk whose one choice has this delta (none at all where it is None)."""
    choice: dict[str, Any] = {"index": 0, "finish_reason": finish_reason}
    if delta is not None:
        choice["delta"] = delta
    return {**_HEAD, "choices": [choice]}


def words(count: int | None = None) -> list[dict[str, Any]]:
    """Return the chunks of the first words of the text, by default of all."""
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": word}) for word in WORDS[:count]),
    ]


def ending(finish_reason: str = "stop") -> list[dict[str, Any]]:
    """Return the chunks after the text: the finish reason, and the usage in a tail without choices."""
    return [chunk({}, finish_reason), {**_HEAD, "choices": [], "usage": _USAGE}]


def around(*events: Event, after: int = 3) -> list[Event]:
    """Return the chunks of a whole answer with some events among them, after so many words."""
    chunks: list[Event] = [*words(), *ending()]
    return [*chunks[: after + 1], *events, *chunks[after + 1 :]]


def event_bytes(events: Sequence[Object]) -> bytes:
    """Return events, and the end mark, as the bytes of a stream."""
    return b"".join(b"data: %b\n\n" % json_bytes(event) for event in events) + DONE


def spread(pieces: Sequence[bytes], seconds: float = 0.0) -> list[Step]:
    """Return pieces with a pause after each, so that each is read by itself."""
    return [step for piece in pieces for step in (piece, Pause(seconds))]


def stream_of(data: bytes) -> Answer:
    """Return a stream that is sent in one piece."""
    return Answer(events=[data], done=False)


def completion(**changes: Any) -> dict[str, Any]:
    """Return the answer as a whole, some of its keys replaced."""
    message = {"role": "assistant", "content": "".join(WORDS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE, **changes}


def broken_body(*steps: Event) -> Answer:
    """Return the first half of a whole answer, which announces all of it, and what happens then."""
    body = json_bytes(completion())
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Answer(headers=headers, events=[body[: len(body) // 2], *(steps or (CUT,))], done=False)


def error(code: str | None, message: str, **fields: Any) -> Object:
    """Return the gateway's error envelope without a request id, which is then the header's."""
    return {"error": {"code": code, "message": message, **fields}}


def html(status: int) -> Answer:
    """Return the page of a proxy."""
    page = f"<html><head><title>{status}</title></head><body><center>{status}</center></body></html>"
    return Answer(status, body=page, headers={"Content-Type": "text/html"})


def raw(*steps: Event) -> Answer:
    """Return an answer that is these very bytes."""
    return Answer(raw=True, events=list(steps))


def head(headers: Mapping[str, str]) -> bytes:
    """Return the beginning of a good answer, as bytes."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode()
