"""The bytes that the load server sends, rendered before anything is measured. Pure."""

import json
import random
import string
from collections.abc import Iterable
from typing import Any

from .plan import Plan


__all__ = ["HEAD", "STAMP", "TERMINATOR", "events", "framed", "own", "pieces", "reply", "stamped"]

MODEL = "openai/gpt-4o-mini"
ID = b"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG"
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"X-Request-Id: req_5f1d7a34c2b84e0e\r\nTransfer-Encoding: chunked\r\n\r\n"
)
TERMINATOR = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"
STAMP = 20
"""How many digits a time stamp has: a fixed number, so that the size of its chunk is fixed too."""

_COMMON = [" the", " of", " and", " sea", " a", " wave", ",", ".", " to", " in", " light", " stone", "'s"]
_WORDS = [*_COMMON, " morning", "\n\n", ' "yes"', " café", " €", " is", "ing", " wide", " over"]


def _dumps(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _event(value: object) -> bytes:
    return b"data: " + _dumps(value) + b"\n\n"


def _chunk(choices: list[Any], **more: object) -> dict[str, Any]:
    return {
        "id": ID.decode(),
        "object": "chat.completion.chunk",
        "created": 1767225600,
        "model": MODEL,
        "system_fingerprint": "fp_44709d6fcb",
        "choices": choices,
        **more,
    }


def _delta(delta: dict[str, Any], finish: str | None = None, **more: object) -> dict[str, Any]:
    return _chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], **more)


def _calling(arguments: str) -> dict[str, Any]:
    return _delta({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]})


def events(kind: str, count: int) -> list[bytes]:
    """
    Return the events of a whole stream: ``count`` chunks and the end mark.

    The first chunk brings the role, the last but one the finish reason, the last one the usage. Padding is a
    key beside the others with a random text of a random length, as some upstreams send it; chunks are unlike
    each other where the name of a key is random.
    """
    draw = random.Random(6)
    middle = max(count - 3, 0)
    if kind == "tools":
        function = {"name": "write_poem", "arguments": ""}
        call = {"index": 0, "id": "call_DdmO9pD3xa9XTPNJ32zg2hcA", "type": "function", "function": function}
        texts = ['{"text":"', *(draw.choice(_COMMON) for _ in range(middle - 2)), '"}'][:middle]
        chunks = [_delta({"role": "assistant", "content": None, "tool_calls": [call]}), *map(_calling, texts)]
    elif kind == "padded":
        letters = string.ascii_letters + string.digits
        chunks = [_delta({"role": "assistant", "content": ""}, obfuscation="x")]
        for _ in range(middle):
            padding = "".join(draw.choices(letters, k=draw.randint(1, 16)))
            chunks.append(_delta({"content": draw.choice(_WORDS)}, obfuscation=padding))
    elif kind == "unlike":
        chunks = [_delta({"role": "assistant", "content": ""})]
        for _ in range(middle):
            chunks.append(_delta({"content": draw.choice(_WORDS)}, **{f"p{draw.randrange(10**6)}": "x"}))
    else:
        chunks = [_delta({"role": "assistant", "content": ""})]
        chunks += [_delta({"content": draw.choice(_WORDS)}) for _ in range(middle)]
    if count > 1:
        chunks.append(_delta({}, "tool_calls" if kind == "tools" else "stop"))
    if count > 2:
        usage = {"prompt_tokens": 24, "completion_tokens": count, "total_tokens": 24 + count}
        chunks.append(_chunk([], usage=usage))
    return [*map(_event, chunks), DONE]


def own(rendered: bytes, number: int) -> bytes:
    """Return what was rendered for all streams with the id of one; number 0 has that of all."""
    return rendered.replace(ID, b"chatcmpl-%029d" % number) if number else rendered


def framed(part: bytes) -> bytes:
    """Return one chunk of the transfer encoding."""
    return b"%x\r\n%b\r\n" % (len(part), part)


def _cut(body: bytes) -> Iterable[bytes]:
    draw = random.Random(7)
    at = 0
    while at < len(body):
        size = draw.randint(1, 2000)
        yield body[at : at + size]
        at += size


def pieces(plan: Plan) -> list[bytes]:
    """Return what the server writes for an unpaced stream, one item a write, head and end included."""
    whole = events(plan.kind, plan.events)
    if plan.hold:
        parts: Iterable[bytes] = whole[:1]
    elif plan.framing == "event":
        parts = whole
    elif plan.framing == "many":
        parts = [b"".join(whole[at : at + 16]) for at in range(0, len(whole), 16)]
    else:
        parts = _cut(b"".join(whole))
    writes: list[bytes] = []
    held = bytearray(HEAD)
    for part in parts:
        held += framed(part)
        if len(held) >= plan.write:
            writes.append(bytes(held))
            held.clear()
    if not plan.hold:
        held += TERMINATOR
    return [*writes, bytes(held)] if held else writes


def stamped() -> tuple[bytes, bytes]:
    """Return what stands before and after the stamp in a framed text event whose text is a stamp."""
    before, after = framed(_event(_delta({"content": "@" * STAMP}))).split(b"@" * STAMP)
    return before, after


def reply() -> bytes:
    """Return a small completion, the whole response."""
    body = _dumps(
        {
            "id": ID.decode(),
            "object": "chat.completion",
            "created": 1767225600,
            "model": MODEL,
            "system_fingerprint": "fp_44709d6fcb",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "The capital of France is Paris."},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": 24,
                "completion_tokens": 8,
                "total_tokens": 32,
                "prompt_tokens_details": {"cached_tokens": 0},
            },
        }
    )
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: req_5f1d7a34c2b84e0e\r\n"
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
