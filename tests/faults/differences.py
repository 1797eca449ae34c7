"""
Any bytes at all against slow readers: the decoder, the reader of chunks, the folding of tool calls.

The first byte of an input chooses what is compared and how, the second seeds the cuts, the rest is read.
"""

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from meshapi_aio._answer import Answer, tells_error
from meshapi_aio._chunks import ChunkReader
from meshapi_aio._codec import structurer
from meshapi_aio.endpoints._tool_calls import FunctionDelta, ToolCallDelta, ToolCallFolder
from meshapi_aio.endpoints.chat import ChatCompletionChunk, StreamChatCompletion
from meshapi_aio.errors import (
    APIStatusError,
    MalformedEventError,
    ResponseTooLargeError,
    StreamAPIError,
    UnexpectedResponseError,
)
from meshapi_aio.settings import Limits, Settings
from meshapi_aio.sse import ServerSentEvent, SSEDecoder
from tests.feeding import fed

from .reference import Piece, Reference, as_said, decoded, fold_by_the_rules, read_by_the_book


__all__ = ["LONGEST", "check"]

LONGEST = 4096


def check(data: bytes) -> None:
    """Raise AssertionError where an input shows a difference."""
    if len(data) < 2:
        return
    how, seed, body = data[0], data[1], data[2:LONGEST]
    _CHECKS[how % len(_CHECKS)](how // len(_CHECKS), list(_cuttings(body, seed)), body)


def _cuttings(body: bytes, seed: int) -> Iterator[list[bytes]]:
    yield [body]
    yield [body[index : index + 1] for index in range(len(body))]
    yield re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)|(?<=\r\r)", body)
    chance = random.Random(seed)
    for longest in (3, 40):
        pieces, rest = list[bytes](), body
        while rest:
            size = chance.randint(0, longest)
            pieces.append(rest[:size])
            rest = rest[size:]
        yield pieces


# The decoder.


def check_decoder(how: int, cuttings: list[list[bytes]], body: bytes) -> None:
    """The events, and which bytes complete each; the limit; what is pending; what holds for the stream."""
    limit = 10**6 if how % 2 else how // 2 + 1
    expected = read_by_the_book(body, limit)
    for pieces in cuttings:
        decoder = SSEDecoder(max_event_bytes=limit)
        events: list[ServerSentEvent] = []
        come = 0
        for piece in pieces:
            try:
                new = decoder.feed(piece)
            except ResponseTooLargeError:
                new = []
            come += len(piece)
            events += new
            due = sum(place <= come for place in expected.places)
            assert len(events) == due, (pieces, come, events, expected)
            breached = expected.too_large is not None and expected.too_large <= come
            assert (decoder.error is not None) == breached, (pieces, come)
        assert events == expected.events, (pieces, events, expected)
        assert all(type(event) is ServerSentEvent for event in events)
        pending = decoder.pending
        assert (None if pending is None else pending.data) == expected.pending, (pieces, pending, expected)
        assert (decoder.last_event_id, decoder.retry) == (expected.last_event_id, expected.retry), pieces


# The reader of chunks.

SETTINGS = Settings(base_url="https://gateway.example", token="rsk_secret")
ANSWERS = (
    Answer(200, {"content-type": "text/event-stream", "x-request-id": "req_1"}),
    Answer(200, {"content-type": "application/json", "x-request-id": "req_1"}),
)
LIMITS = (Limits(), Limits(event_bytes=150, error_bytes=50))
CALL = StreamChatCompletion(messages=[{"role": "user", "content": "Hi"}])
STRUCTURE = structurer(ChatCompletionChunk)


def check_reader(how: int, cuttings: list[list[bytes]], body: bytes) -> None:
    """The chunks, the end and the failure, to its last attribute; and what each chunk says."""
    settings = SETTINGS.evolve(on_malformed="skip" if how & 1 else "raise", limits=LIMITS[how >> 1 & 1])
    answer = ANSWERS[how >> 2 & 1]
    outcomes = [_outcome(pieces, answer, settings) for pieces in cuttings]
    for pieces, outcome in zip(cuttings, outcomes, strict=True):
        assert _comparable(outcome) == _comparable(outcomes[0]), (pieces, outcome, outcomes[0])
    chunks, reader = outcomes[0]
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    certain = len(start) > 5 and re.match(rb"(data|event|id|retry)?:", start) and len(body) - len(start) < 900
    if certain:
        assert not isinstance(reader.failure, (UnexpectedResponseError, APIStatusError)), reader.failure
        _check_meaning(chunks, reader, read_by_the_book(body, settings.limits.event_bytes), settings)


def _outcome(
    pieces: list[bytes], answer: Answer, settings: Settings
) -> tuple[list[ChatCompletionChunk], ChunkReader[ChatCompletionChunk]]:
    reader: ChunkReader[ChatCompletionChunk] = ChunkReader(CALL, answer, settings)
    return fed(reader, pieces, ends=True), reader


def _comparable(outcome: tuple[list[ChatCompletionChunk], ChunkReader[ChatCompletionChunk]]) -> str:
    # As text, since NaN is not equal to itself.
    chunks, reader = outcome
    failure = reader.failure
    told = None if failure is None else (type(failure), failure.args, vars(failure))
    return repr(([chunk.to_dict() for chunk in chunks], chunks, reader.done, told, reader.skipped))


def _check_meaning(
    chunks: list[ChatCompletionChunk],
    reader: ChunkReader[ChatCompletionChunk],
    expected: Reference,
    settings: Settings,
) -> None:
    events = list(expected.events)
    pending = expected.pending
    if pending is not None:
        kind = _pending_type(expected)
        if kind == "error" or pending.strip() == "[DONE]" or isinstance(decoded(pending), dict):
            events.append(ServerSentEvent(kind, pending))
    said: list[Any] = []
    failure: type[Exception] | None = ResponseTooLargeError if expected.too_large is not None else None
    done, skipped = False, 0
    for event in events:
        if event.data == "[DONE]" or (event.data.strip() == "[DONE]" and event.data):
            done, failure = True, None
            break
        if not event.data.strip() and event.event != "error":
            continue
        value = decoded(event.data)
        if event.event == "error" or tells_error(value):
            failure = StreamAPIError
            break
        if isinstance(value, dict) and _fits(value):
            said.append(value)
        elif settings.on_malformed == "skip":
            skipped += 1
        else:
            failure = MalformedEventError
            break
    found = (reader.done, type(reader.failure) if reader.failure is not None else None, reader.skipped)
    assert found == (done, failure, skipped), (found, done, failure, skipped, events)
    assert len(chunks) == len(said), (chunks, said)
    for chunk, value in zip(chunks, said, strict=True):
        assert repr(chunk) == repr(STRUCTURE(value)), (chunk, value)
        written, came = as_said(chunk.to_dict()), as_said(value)
        assert _sorted(written) == _sorted(came), (written, came)


def _pending_type(expected: Reference) -> str:
    expected.take(b"\n")
    expected.take(b"\n")
    return expected.events[-1].event


def _fits(value: dict[str, Any]) -> bool:
    try:
        STRUCTURE(value)
    except Exception:  # noqa: BLE001 - cattrs raises groups of whatever the hooks raise
        return False
    return True


def _sorted(value: Any) -> str:
    """Return JSON as text in one spelling; a whole number may have been written as 5.0."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{_sorted(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_sorted, value)) + "]"
    whole = isinstance(value, float) and value.is_integer()
    return repr(int(value) if whole else value)


# The folding of tool calls.

INDICES = (None, 0, 1, 2)
IDS = (None, "a", "b", "")
NAMES = (None, "f", "g", "")
ARGUMENTS = (
    *(None, "", " ", "{}", " {} ", "{", "}", "[", "]", '"', "\\", '\\"', "1", '{"x":1}', '{"y":2}', '{"x":'),
    *(
        '"a',
        'b"',
        "1}",
        ",",
        "null",
        "[]",
        '{"}"',
        "\\\\",
        "{}{}",
        "\ud83d",
        "\ude00",
        '{"a":"\\',
        "u00e9",
        ":",
    ),
    *("x", "}}"),
)


def check_tools(how: int, _cuttings: list[list[bytes]], body: bytes) -> None:
    """The calls and their parts, where every piece goes, and that looking changes nothing."""
    pieces = [_piece(body[at], body[at + 1]) for at in range(0, min(len(body), 80) - 1, 2)]
    folder = ToolCallFolder()
    for piece in pieces:
        function = FunctionDelta(name=piece.name, arguments=piece.arguments)
        folder.add(ToolCallDelta(index=piece.index, id=piece.id, function=function))
        if how & 4:
            folder.fold(ended=bool(how & 1))
    cut_off = bool(how & 2)
    calls, incomplete = folder.fold(ended=True, cut_off=cut_off)
    assert folder.fold(ended=True, cut_off=cut_off) == (calls, incomplete)
    assert not folder.fold(ended=False)[0]
    assert len({call.id for call in calls}) == len(calls)
    whole, parts = list[Any](), list[Any]()
    expected, astray = fold_by_the_rules(pieces)
    for one in expected:
        text = one.text if one.text.strip() or cut_off else "{}"
        is_json = text == "null" or decoded(text) is not None or text.strip() == "null"
        if one.name and is_json:
            whole.append((one.id, one.name, _joined(text)))
        else:
            parts.append((one.index, one.id, one.name, _joined(one.text)))
    parts += [(one.index, one.id, one.name, _joined(one.text)) for one in astray]
    assert [(call.function.name, call.function.arguments) for call in calls] == [each[1:] for each in whole]
    used: set[str | None] = {None, ""}
    for call, (key, _, _) in zip(calls, whole, strict=True):
        assert key in used or call.id == key, (pieces, calls)
        used.add(key)
    assert [(one.index, one.id, one.name, one.arguments) for one in incomplete] == parts, (pieces, parts)


def _piece(first: int, second: int) -> Piece:
    return Piece(INDICES[first & 3], IDS[first >> 2 & 3], NAMES[first >> 4 & 3], ARGUMENTS[second % 32])


def _joined(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


_CHECKS: tuple[Callable[[int, list[list[bytes]], bytes], None], ...] = (
    check_decoder,
    check_reader,
    check_tools,
)
