"""Chunks read from bytes, all with literals: nothing here does I/O."""

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio import (
    APIStatusError,
    ChatCompletionChunk,
    Limits,
    MalformedEventError,
    MeshAPIError,
    RateLimitError,
    ResponseTooLargeError,
    Stream,
    StreamAPIError,
    UnexpectedResponseError,
)
from meshapi_aio._answer import Answer
from meshapi_aio._chunks import ChunkReader
from meshapi_aio.settings import Settings
from tests.feeding import fed
from tests.literals import ANSWERS, EVENT_STREAM, NO_TYPE, SETTINGS, STREAM, TOKEN
from tests.strategies import BOM, cuts


def chunk(text: str = "a", **more: Any) -> dict[str, Any]:
    """Return a chunk with some text."""
    return {"id": "c1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **more}


def event(value: object, end: bytes = b"\n") -> bytes:
    """Return the bytes of one event, of JSON or of a text as it is."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return b"data: " + text.encode() + end + end


A, B = event(chunk("a")), event(chunk("b"))
DONE = b"data: [DONE]\n\n"
ERROR = {"error": {"code": "gateway_timeout", "message": "no"}}


@attrs.frozen
class Read:
    """What a reader made of a stream."""

    texts: list[str]
    done: bool
    failure: MeshAPIError | None = attrs.field(
        eq=lambda error: error and (type(error), vars(error), str(error))
    )
    skipped: int


def outcome(
    pieces: list[bytes], answer: Answer = EVENT_STREAM, settings: Settings = SETTINGS, *, ends: bool = True
) -> Read:
    """Feed a reader, and end it cleanly unless told otherwise."""
    reader = ChunkReader[ChatCompletionChunk](STREAM, answer, settings)
    chunks = fed(reader, pieces, ends=ends)
    return Read([piece.text for piece in chunks], reader.done, reader.failure, reader.skipped)


def byte_by_byte(stream: bytes) -> list[bytes]:
    """Cut a stream into its bytes."""
    return [bytes([byte]) for byte in stream]


def check(stream: bytes, answer: Answer = EVENT_STREAM, settings: Settings = SETTINGS) -> Read:
    """Read a stream whole, check that single bytes and any two halves give the same, and return it."""
    whole = outcome([stream], answer, settings)
    assert outcome(byte_by_byte(stream), answer, settings) == whole
    for place in range(len(stream)) if len(stream) < 400 else ():
        assert outcome([stream[:place], b"", stream[place:]], answer, settings) == whole
    return whole


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(
    ("stream", "texts"),
    [
        (A + B + DONE, ["a", "b"]),
        (BOM + A + DONE, ["a"]),
        (b"\n\r\n\r" + A + DONE, ["a"]),
        (BOM + b"\n" + A + DONE, ["a"]),
        (event(chunk("a"), b"\r") + event(chunk("b"), b"\r\n") + DONE, ["a", "b"]),
        (b"data:" + json.dumps(chunk("a")).encode() + b"\n\n" + DONE, ["a"]),
        (b'data: {"choices":\ndata: [{"delta":{"content":"a"}}]}\n\n' + DONE, ["a"]),
        (b"event: message\nid: 1\nretry: 5\n" + A + DONE, ["a"]),
        (b"id: 1\n" + A + DONE, ["a"]),
        (b"id\n" + A + DONE, ["a"]),
        (b"retry: 5\n\n" + A + DONE, ["a"]),
        (b"event\r\n" + A + DONE, ["a"]),
        (b"data\n\n" + A + DONE, ["a"]),
        (event(chunk("日本\u2028🙂\u0085\u2029")) + DONE, ["日本\u2028🙂\u0085\u2029"]),
        (event(json.dumps(chunk("🙂\ud83d"))) + DONE, ["🙂\ud83d"]),
    ],
)
def test_any_cut_gives_the_same_chunks(answer: Answer, stream: bytes, texts: list[str]) -> None:
    """
    Line ends, BOM, blank lines, fields and characters may be cut anywhere (promise 1, rows C9 and C14).

    What begins like an event stream is one whatever its content type says (promise 5).
    """
    assert check(stream, answer) == Read(texts, done=True, failure=None, skipped=0)


def test_a_chunk_is_handed_over_by_the_bytes_that_complete_it() -> None:
    """Nothing is held back once an event is complete (promise 7, row C10)."""
    reader = ChunkReader[ChatCompletionChunk](STREAM, NO_TYPE, SETTINGS)
    for expected in ("a", "b"):
        *before, last = byte_by_byte(event(chunk(expected)))
        assert not [piece for data in before for piece in reader.feed(data)]
        assert [piece.text for piece in reader.feed(last)] == [expected]
    assert not reader.done


@pytest.mark.parametrize(
    "mark",
    [
        "data: [DONE]\n\n",
        "data:[DONE]\n\n",
        "data:  [DONE] \n\n",
        "data: [DONE]\t\r\n\r\n",
        "event: done\ndata: [DONE]\n\n",
        ": bye\ndata: [DONE]\n\n",
        "data:\ndata: [DONE]\n\n",
    ],
)
@pytest.mark.parametrize(
    "rest", [b"", A, b"data: {\n\n", event(ERROR), b"<html>", b"data: " + b"x" * 3000 + b"\n\n"]
)
def test_the_end_mark_ends_the_stream(mark: str, rest: bytes) -> None:
    """Blanks around it make no difference, it is no chunk, and nothing that follows counts (row C11)."""
    settings = SETTINGS.evolve(limits=Limits(event_bytes=2000))
    stream = A + mark.encode() + rest
    assert check(stream, settings=settings) == Read(["a"], done=True, failure=None, skipped=0)


HEARTBEATS = b": keep-alive\n\n:\n\ndata:\n\ndata\n\ndata:   \n\ndata:\ndata:\n\nevent: ping\ndata: \n\n\n\n"


@pytest.mark.parametrize("answer", ANSWERS)
def test_heartbeats_are_no_events(answer: Answer) -> None:
    """Comments and events with empty data carry nothing, wherever they come (promise 1)."""
    stream = HEARTBEATS + A + HEARTBEATS + B + HEARTBEATS + DONE
    assert check(stream, answer) == Read(["a", "b"], done=True, failure=None, skipped=0)


@pytest.mark.parametrize("chunks_before", [0, 1, 2])
@pytest.mark.parametrize("after", [b"", DONE, A + DONE, event("{")])
@pytest.mark.parametrize("on_malformed", ["raise", "skip"])
def test_an_error_event_ends_the_stream(chunks_before: int, after: bytes, on_malformed: str) -> None:
    """What came before it is delivered, then it is told; what follows it does not count (promise 3)."""
    stream = A * chunks_before + event({**ERROR, "request_id": "req_event"}) + after
    read = check(stream, settings=SETTINGS.evolve(on_malformed=on_malformed))
    assert read.texts == ["a"] * chunks_before
    assert isinstance(read.failure, StreamAPIError)
    assert (read.failure.code, read.failure.status, read.failure.request_id) == (
        "gateway_timeout",
        504,
        "req_event",
    )
    assert not read.done


@pytest.mark.parametrize(
    ("stream", "code", "message"),
    [
        (event({"error": {"message": "no"}}), "upstream_error", "no"),
        (event({"error": "no"}), "upstream_error", "no"),
        (event({"error": {}}), "upstream_error", "no explanation"),
        (event({"error": {"code": 429, "message": "no"}}), "429", "no"),
        (event({**chunk(), "error": {"code": "x", "message": "no"}}), "x", "no"),
        (b"event: error\n" + event({"code": "x", "message": "no"}), "x", "no"),
        (b"event: error\n" + event(chunk()), "upstream_error", "no explanation"),
        (b"event: error\ndata: no such luck\n\n", "upstream_error", "no such luck"),
        (b'event: error\ndata: "no"\n\n', "upstream_error", "no"),
        (b"event: error\ndata: 7\n\n", "upstream_error", "7"),
        (b"event: error\ndata:\n\n", "upstream_error", "no explanation"),
    ],
)
@pytest.mark.parametrize("on_malformed", ["raise", "skip"])
def test_error_events_in_every_form(stream: bytes, code: str, message: str, on_malformed: str) -> None:
    """
    An event is an error by its ``error``, or by its type; such a one may hold anything, even text.

    Passing over malformed events never passes over an error.
    """
    read = check(stream + DONE, settings=SETTINGS.evolve(on_malformed=on_malformed))
    assert isinstance(read.failure, StreamAPIError)
    assert (read.failure.code, read.failure.message) == (code, message)
    assert (read.failure.request_id, read.texts, read.done) == ("req_header", [], False)


@pytest.mark.parametrize("error", [None, False, {}, "", []])
def test_a_null_error_is_no_error(error: object) -> None:
    """Some upstreams say in each chunk that there was no error (promise 3)."""
    assert check(event({**chunk(), "error": error}) + DONE) == Read(["a"], done=True, failure=None, skipped=0)


MALFORMED = {
    "{": "is no JSON",
    '{"choices": [}': "is no JSON",
    "[DONE": "is no JSON",
    "[1]": "is no JSON object",
    "7": "is no JSON object",
    "null": "is no JSON object",
    '"[DONE]"': "is no JSON object",
    '{"choices": 7}': "is no ChatCompletionChunk: expected a list, got a number @ $.choices",
    '{"choices": [{"delta": {"content": 7}}]}': "is no ChatCompletionChunk: expected text, got a number @ "
    "$.choices[0].delta.content",
}


@pytest.mark.parametrize(("text", "problem"), MALFORMED.items())
def test_a_malformed_event_raises(text: str, problem: str) -> None:
    """What came before it is delivered, then its place, its fault and its beginning are told (promise 4)."""
    read = check(A + HEARTBEATS + B + event(text) + A + DONE)
    assert read.texts == ["a", "b"]
    assert isinstance(read.failure, MalformedEventError)
    assert read.failure.args[0] == f"event 2 {problem}; it begins with {text!r}"
    assert (read.failure.index, read.failure.excerpt) == (2, text)
    assert (read.failure.request_id, read.done) == ("req_header", False)


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_event_can_be_passed_over(text: str) -> None:
    """With ``on_malformed="skip"`` such events are counted, and the stream goes on (promise 4)."""
    stream = event(text) + A + event(text) * 2 + B + DONE
    settings = SETTINGS.evolve(on_malformed="skip")
    assert check(stream, settings=settings) == Read(["a", "b"], done=True, failure=None, skipped=3)


def test_a_malformed_event_is_told_in_short_and_without_the_token() -> None:
    """The excerpt is a beginning, and an echoed token is not in it (promise 17)."""
    failure = outcome([event("{" + TOKEN + "x" * 500)]).failure
    assert isinstance(failure, MalformedEventError)
    assert failure.excerpt == "{[token]" + "x" * 192 + "…"
    assert TOKEN not in str(failure)


@pytest.mark.parametrize("depth", [300, 900, 5_000, 100_000])
def test_an_event_that_nests_without_end_is_malformed(depth: int) -> None:
    """However deeply an event nests, the stream fails with an error of this client."""
    nested = "[" * depth + "]" * depth
    for text in (f'{{"choices":{nested}}}', f'{{"error":{nested}}}', nested):
        assert isinstance(outcome([event(text)]).failure, (MalformedEventError, StreamAPIError))


@pytest.mark.parametrize(
    ("last", "texts", "done"),
    [
        (b"data: [DONE]\n", [], True),
        (b"data: [DONE]", [], True),
        (b"data: [DONE]\r", [], True),
        (b"data: [DONE]\r\n", [], True),
        (b"data:[DONE] ", [], True),
        (event(chunk("b"))[:-1], ["b"], False),
        (event(chunk("b"))[:-2], ["b"], False),
        (event(chunk("b"), b"\r")[:-1], ["b"], False),
        (event(chunk("b"), b"\r\n")[:-2], ["b"], False),
        (b'data: {"choices":\ndata: [{"delta":{"content":"b"}}]}', ["b"], False),
        (event(chunk("b"))[:-4], [], False),
        (b"data: [DON", [], False),
        (b"data: 12", [], False),
        (b"data: ", [], False),
        (b"data", [], False),
        (b"da", [], False),
        (b": bye", [], False),
        (b"id: 1\n", [], False),
    ],
)
def test_an_event_that_lacks_its_empty_line(last: bytes, texts: list[str], done: bool) -> None:
    """
    At a clean end the end mark and a whole object count although nothing ends them (promise 1).

    Anything else may be half of something, and is no chunk: what the stream lacks then is told elsewhere.
    """
    assert check(A + last) == Read(["a", *texts], done=done, failure=None, skipped=0)
    assert outcome([A + last], ends=False) == Read(["a"], done=False, failure=None, skipped=0)


@pytest.mark.parametrize(
    "last",
    [
        event(ERROR)[:-2],
        b"event: error\n" + event({"message": "no"})[:-1],
        b"event: error\ndata: no",
        b"data: no\nevent: error\n",
    ],
)
def test_an_error_that_lacks_its_empty_line(last: bytes) -> None:
    """An unterminated event keeps its type, and an error in it is told."""
    read = check(A + last)
    assert read.texts == ["a"]
    assert isinstance(read.failure, StreamAPIError)
    assert (read.failure.message, read.failure.request_id) == ("no", "req_header")


def test_a_malformed_event_that_lacks_its_empty_line() -> None:
    """An unterminated event of another shape is malformed like any other."""
    read = check(A + b'data: {"choices": 7}')
    assert isinstance(read.failure, MalformedEventError)
    assert read.failure.index == 1


def test_a_reader_that_is_done_or_failed_stays_so() -> None:
    """What comes after the end, or after a failure, changes nothing."""
    for stream in (A + DONE, A + event("{"), A + event(ERROR), b"<html>" * 100_000):
        reader = ChunkReader[ChatCompletionChunk](STREAM, EVENT_STREAM, SETTINGS)
        count = len(reader.feed(stream))
        while reader.has_more:
            count += len(reader.feed(b""))
        assert count == stream.count(A)
        state = (reader.done, reader.failure)
        assert state != (False, None)
        assert not reader.feed(B + DONE)
        assert not reader.feed(b"")
        assert not reader.finish()
        assert (reader.done, reader.failure) == state


def test_an_event_beyond_the_limit_raises() -> None:
    """What came before is delivered, then the limit is named (promise 19)."""
    settings = SETTINGS.evolve(limits=Limits(event_bytes=300))
    read = check(A + B + event(chunk("x" * 300)) + A + DONE, settings=settings)
    assert (read.texts, read.done) == (["a", "b"], False)
    assert isinstance(read.failure, ResponseTooLargeError)
    assert "300 bytes" in str(read.failure)
    assert "event_bytes" in str(read.failure)
    assert read.failure.request_id == "req_header"


def test_many_events_are_decoded_some_at_a_time() -> None:
    """Those that no template fits, so that few live at once; nothing is lost, and the end is the end."""
    events = [event(chunk(str(number), **{f"p{number}": 1})) for number in range(500)]
    reader = ChunkReader[ChatCompletionChunk](STREAM, EVENT_STREAM, SETTINGS)
    first = len(reader.feed(b"".join([*events, DONE, event("no JSON") * 500])))
    assert 0 < first < 100
    assert reader.has_more
    assert [each.text for each in fed(reader, [b""])] == [str(number) for number in range(first, 500)]
    assert reader.done
    assert not reader.has_more
    assert reader.failure is None


def test_an_event_beyond_the_limit_may_end_amid_others() -> None:
    """Where its last bytes come with whole events, the limit holds all the same, and nothing raises."""
    limits = SETTINGS.evolve(limits=Limits(event_bytes=2 * len(A)))
    long = event(chunk("x" * 2 * len(A)))
    for place in range(1, len(long)):
        read = outcome([A + long[:place], long[place:] + B], EVENT_STREAM, limits)
        assert read.texts == ["a"]
        assert isinstance(read.failure, ResponseTooLargeError)


@pytest.mark.parametrize("before", [b"", A, A + B + A])
@pytest.mark.parametrize("after", [b"", A, A + DONE])
def test_an_event_that_passes_the_limit_by_its_end_raises_too(before: bytes, after: bytes) -> None:
    """It is a failure of the stream, after what came before, wherever it is cut (promise 19)."""
    settings = SETTINGS.evolve(limits=Limits(event_bytes=300))
    large = event("x" * 320)
    reader: ChunkReader[Any] = ChunkReader(STREAM, EVENT_STREAM, settings)
    chunks = fed(reader, [before + large[:200], large[200:] + after])
    assert len(chunks) == before.count(b"data")
    assert isinstance(reader.failure, ResponseTooLargeError)
    assert reader.failure.request_id == "req_header"


@pytest.mark.parametrize("nothing", [b"\n", b":\n", b": " + b"x" * 1000 + b"\n\n", b"data:\n\n", b"x: y\n"])
def test_a_stream_of_nothing_is_bounded(nothing: bytes) -> None:
    """
    Heartbeats and blank lines raise beyond 1 MiB without an event between them (promise 19).

    Packed, a gateway sends a thousand for a byte, and each costs the time of a line.
    """
    reader: ChunkReader[Any] = ChunkReader(STREAM, EVENT_STREAM, SETTINGS)
    piece = nothing * (65_536 // len(nothing))
    for _ in range(2):  # an event begins the count anew
        for _ in range(1024 * 1024 // len(piece)):
            assert not fed(reader, [piece])
        assert reader.failure is None
        assert len(fed(reader, [A])) == 1
    for _ in range(2 + 1024 * 1024 // len(piece)):
        assert not fed(reader, [piece])
    assert isinstance(reader.failure, ResponseTooLargeError)
    assert reader.failure.request_id == "req_header"


def test_a_large_event_is_not_nothing() -> None:
    """However slowly it comes, and in however many lines (promise 1)."""
    reader: ChunkReader[Any] = ChunkReader(STREAM, EVENT_STREAM, SETTINGS)
    large = event(chunk("x" * 3_000_000))
    chunks = fed(reader, [large[at : at + 65_536] for at in range(0, len(large), 65_536)])
    assert [len(each.text) for each in chunks] == [3_000_000]
    lines = event('{"choices":\n' + "data: \n" * 100_000 + 'data: [{"delta": {"content": "a"}}]}')
    chunks = fed(reader, [lines[at : at + 65_536] for at in range(0, len(lines), 65_536)])
    assert [each.text for each in chunks] == ["a"]


def test_an_event_within_the_limit_may_be_long() -> None:
    """Image events hold megabytes; they are read whole, however they are cut (promise 1)."""
    text = "x" * 3_000_000
    stream = event(chunk(text)) + DONE
    pieces = [stream[place : place + 65536] for place in range(0, len(stream), 65536)]
    assert outcome(pieces).texts == [text]


# Streams: bodies that are none.

OTHER_BODIES: dict[str, tuple[bytes, type[MeshAPIError], str]] = {
    "HTML": (b"<!doctype html><p>login</p>", UnexpectedResponseError, "login"),
    "HTML with a BOM": (BOM + b"\r\n <html>x</html>", UnexpectedResponseError, "<html>x"),
    "a completion": (
        b'{"id": "c1", "object": "chat.completion", "choices": []}',
        UnexpectedResponseError,
        "chat.completion",
    ),
    "a list": (b"[1, 2, 3]", UnexpectedResponseError, "[1, 2, 3]"),
    "an error": (
        b'{"error":{"code":"rate_limit_exceeded","message":"slow"}}',
        RateLimitError,
        "429 rate_limit_exceeded: slow",
    ),
    "an error, pretty": (
        b'\n{\n  "error": {\n    "code": "rate_limit_exceeded"}}\n',
        RateLimitError,
        "no explanation",
    ),
    "an unknown error": (b'{"error":"no"}', APIStatusError, "200: no"),
    "a null error": (b'{"error":null}', UnexpectedResponseError, "null"),
    "half of an error": (b'{"error":{"code":', UnexpectedResponseError, "code"),
    "a brace": (b"{", UnexpectedResponseError, "'{'"),
}
UNDECLARED_BODIES = {
    "text": (b"no healthy upstream", UnexpectedResponseError, "no healthy upstream"),
    "short text": (b"no", UnexpectedResponseError, "'no'"),
    "half of a field name": (b"data", UnexpectedResponseError, "'data'"),
    "something like a field name": (b"dataset: 1\n\n", UnexpectedResponseError, "dataset"),
    "an unknown field": (b"foo: 1\n" + A, UnexpectedResponseError, "foo"),
    "JSON null": (b"null", UnexpectedResponseError, "null"),
    "a number": (b"1234567", UnexpectedResponseError, "1234567"),
    "bytes": (b"\xff\xfe\x00\x01\x02\x03\x04\x05", UnexpectedResponseError, "\ufffd"),
    "half of a BOM": (BOM[:2], UnexpectedResponseError, "\ufffd"),
    "blanks and text": (b"   data: x\n\n", UnexpectedResponseError, "data: x"),
}


@pytest.mark.parametrize(
    ("answer", "body", "kind", "message"),
    [
        *((answer, *case) for answer in ANSWERS for case in OTHER_BODIES.values()),
        *((answer, *case) for answer in ANSWERS[1:] for case in UNDECLARED_BODIES.values()),
    ],
)
def test_a_body_that_is_no_event_stream_is_told(
    answer: Answer, body: bytes, kind: type[MeshAPIError], message: str
) -> None:
    """HTML and JSON are told by their first bytes, whatever the content type says (promise 5)."""
    read = check(body, answer)
    assert read.failure is not None
    assert type(read.failure) is kind
    assert message in str(read.failure)
    assert read.failure.request_id == "req_header"
    assert (read.texts, read.done) == ([], False)
    if isinstance(read.failure, UnexpectedResponseError):
        assert "where an event stream was due" in str(read.failure)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n \t", BOM, BOM + b"\n", b"\n" * 5000, b" " * 1000])
def test_a_body_of_nothing_is_an_empty_stream(answer: Answer, body: bytes) -> None:
    """Where nothing came there is nothing to tell; that the stream is not whole is told later (row C13)."""
    assert check(body, answer) == Read([], done=False, failure=None, skipped=0)


@pytest.mark.parametrize(
    "body",
    [
        b"no healthy upstream",
        b"foo: bar\n\n",
        b"dataset: 1\n\n",
        b"foo: bar\n" + A,
        b"\xef\xbb" + A,
        b" " * 9 + b"\n" + A,
    ],
)
def test_a_declared_event_stream_may_begin_with_unknown_fields(body: bytes) -> None:
    """Unknown fields are legal, so only what looks like JSON or HTML is taken for something else."""
    read = check(body)
    assert read.failure is None
    assert read.texts == (["a"] if body.endswith(b"\n" + A) else [])


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("blanks", [b"\n" * 5000, b"\r\n" * 5000, BOM + b"\n" * 5000])
def test_what_is_held_back_is_bounded(answer: Answer, blanks: bytes) -> None:
    """Blank lines without end are not kept while the stream is not yet known for what it is."""
    assert check(blanks + A + DONE, answer) == Read(["a"], done=True, failure=None, skipped=0)
    reader = ChunkReader[ChatCompletionChunk](STREAM, answer, SETTINGS)
    for piece in byte_by_byte(blanks):
        reader.feed(piece)
    assert not reader._held


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_small_limit_on_errors_does_not_hurry_a_stream(answer: Answer) -> None:
    """What is not yet known for what it is counts as no error, however little of one would be read."""
    settings = SETTINGS.evolve(limits=Limits(error_bytes=1))
    assert check(A + DONE, answer, settings) == Read(["a"], done=True, failure=None, skipped=0)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_long_body_is_told_before_its_end(answer: Answer) -> None:
    """A page of megabytes is not read on: its beginning says enough (promise 19)."""
    settings = SETTINGS.evolve(limits=Limits(error_bytes=100))
    page = b"<p>" + b"x" * 98
    at_the_limit = outcome([page[:100]], answer, settings, ends=False)
    assert at_the_limit.failure is None
    beyond = check(page + b"y" * 1000, answer, settings)
    assert outcome([page], answer, settings, ends=False) == beyond
    assert isinstance(beyond.failure, UnexpectedResponseError)
    assert beyond.failure.excerpt == "<p>" + "x" * 97


def test_an_echoed_token_is_in_no_failure() -> None:
    """Whatever form a stream's failure has, the token is not in it (promise 17)."""
    for stream in (
        event({"error": {"code": TOKEN, "message": TOKEN, "details": [TOKEN]}, "request_id": TOKEN}),
        b"event: error\n" + event(TOKEN),
        event(TOKEN),
        f"<p>{TOKEN}</p>".encode(),
        json.dumps({"error": TOKEN}).encode(),
        json.dumps({"id": TOKEN}).encode(),
    ):
        failure = outcome([stream]).failure
        assert failure is not None
        assert TOKEN not in f"{failure} {failure!r} {vars(failure)}"


# Streams: chunks as they come.

ODD_FRAMES: list[dict[str, Any]] = [
    {"choices": []},
    {},
    {"choices": [{}]},
    {"choices": [{"delta": {}}]},
    {"choices": [{"delta": {"content": ""}}]},
    {"choices": [{"delta": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 14, "completion_tokens": 7, "total_tokens": 21}},
    {"choices": [], "usage": {"prompt_tokens_details": {"cached_tokens": 0}}, "cost": "0.0000021"},
    {"choices": [], "cost": 0.0000021, "model": "gpt-4o-mini-2024-07-18"},
    {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "{"}}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": 1, "id": "call_1", "type": "function"}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"function": {"name": "f", "arguments": ""}, "x": 1}]}}]},
    {"choices": [{"delta": {"reasoning_content": "hm", "x": None}, "x": 1}], "x": {"y": [None]}},
    {"choices": [{"index": 0, "delta": {"audio": {"data": "AAAA"}}, "logprobs": {"content": []}}]},
    {"choices": [{"delta": {"reasoning_details": [{"type": "x"}]}}]},
    {"type": "response.output_text.delta", "delta": "a"},
    {"id": "chatcmpl-cached-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []},
]


@pytest.mark.parametrize("frame", ODD_FRAMES)
def test_odd_frames_are_delivered_as_they_came(frame: dict[str, Any]) -> None:
    """Whatever is missing or unknown, the chunk gives back every key that came (promise 6, rows D5 to D9)."""
    reader = ChunkReader[ChatCompletionChunk](STREAM, EVENT_STREAM, SETTINGS)
    (delivered,) = reader.feed(event(frame))
    assert isinstance(delivered, ChatCompletionChunk)
    assert delivered.to_dict() == {"choices": [], **frame}


@pytest.mark.parametrize(
    "frame",
    [
        {"choices": None},
        {"choices": [{"delta": None}]},
        {"choices": [{"index": None, "delta": {"content": None, "tool_calls": None}, "finish_reason": None}]},
        {"id": None, "object": None, "created": None, "model": None, "choices": [], "usage": None},
        {"choices": [{"delta": {"tool_calls": [{"index": None, "function": None}]}}]},
    ],
)
def test_null_reads_as_absent(frame: dict[str, Any]) -> None:
    """Gateways send null for nothing, and a chunk reads the same then as without the key (promise 6)."""
    read = check(event(frame) + DONE)
    assert read == Read([""], done=True, failure=None, skipped=0)


def test_a_stream_class_says_what_its_chunks_are() -> None:
    """A family whose stream does not derive from ``Stream[Chunk]`` is told so when it is first read."""
    untold = type("Untold", (Stream,), {})
    call: Any = type("ACall", (), {"reply": untold})
    with pytest.raises(TypeError, match=r"^Untold must derive from Stream\[Chunk\]$"):
        ChunkReader(call, EVENT_STREAM, SETTINGS)


# Streams: anything, cut anywhere.

FRAMES = st.sampled_from(
    [
        *[event(chunk("a")), event(chunk("é日🙂"), b"\r\n"), event(chunk("b"), b"\r")],
        *[event(frame) for frame in ODD_FRAMES[:8]],
        *[event(text) for text in MALFORMED],
        *[event(ERROR), event({"error": "no"}), event({**chunk(), "error": None}), b"event: error\n"],
        *[DONE, DONE[:-1], b"data:[DONE] \r\n\r\n", b": hb\n\n", b"data:\n\n", b"data: ", b"data", b"\n"],
        *[BOM, BOM[:1], b"\r", b"\r\n", b" ", b"\t\n", b"id: 1\n", b"foo: 1\n", b"x", b"\xff", b"\xf0\x9f"],
        *[b"{", b"<html>", b'{"error":{"code":"conflict"}}', b"[", b"]", b"}", event(chunk("x" * 200))],
        *[b"\n" * 600, b" " * 600, b"<" + b"x" * 200],
    ]
)


@given(st.data())
def test_whatever_comes_any_cut_gives_the_same(data: st.DataObject) -> None:
    """
    The chunks, the end, the failure and its text depend on the bytes alone, not on how they are cut.

    Promises 1, 3 and 5, over everything that this module knows, in any order; the reader never raises.
    """
    stream = b"".join(data.draw(st.lists(FRAMES, max_size=8)))
    settings = SETTINGS.evolve(
        on_malformed=data.draw(st.sampled_from(["raise", "skip"])),
        limits=data.draw(st.sampled_from([Limits(), Limits(event_bytes=150, error_bytes=50)])),
    )
    answer = data.draw(st.sampled_from(ANSWERS))
    whole = outcome([stream], answer, settings)
    assert outcome(data.draw(cuts(stream)), answer, settings) == whole
    assert outcome(byte_by_byte(stream), answer, settings) == whole
    assert whole.failure is None or whole.failure.request_id == "req_header"


def test_what_is_left_of_a_read_is_decoded_once() -> None:
    """Also where all of it fits a template (promise 1)."""
    reader: ChunkReader[Any] = ChunkReader(STREAM, EVENT_STREAM, SETTINGS)
    other = event({"choices": [], "x": None})
    broken = [event(chunk(f"{number}")) if number % 3 else other for number in range(300)]
    alike = [event(chunk(f"{number}")) for number in range(2_000)]
    first = reader.feed(b"".join(broken + alike))
    count, feeds = len(first), 0
    while reader.has_more and feeds < 1_000:
        count += len(reader.feed(b""))
        feeds += 1
    assert count == 2_300
    assert feeds > 0


def test_the_first_chunk_waits_for_no_others() -> None:
    """However many events come with it, the first chunk is handed over before they are decoded."""
    reader = ChunkReader[ChatCompletionChunk](STREAM, EVENT_STREAM, SETTINGS)
    assert len(reader.feed(A + B + B + DONE)) == 1
    assert reader.has_more
    assert not reader.done
    assert len(reader.feed(b"")) == 2
    assert reader.done


def test_heartbeats_before_the_first_chunk_are_read_together() -> None:
    """Nobody waits for a heartbeat: thousands before the first chunk take a few feeds, not one each."""
    reader = ChunkReader[ChatCompletionChunk](STREAM, EVENT_STREAM, SETTINGS)
    chunks = list(reader.feed(b": ping\n\n" * 8_000 + A + B))
    feeds = 1
    while reader.has_more:
        chunks += reader.feed(b"")
        feeds += 1
    assert len(chunks) == 2
    assert feeds < 12


def test_nothing_is_learnt_at_the_end() -> None:
    """What comes together with the end mark is read the full way: learning would not pay any more."""
    reader = ChunkReader[ChatCompletionChunk](STREAM, EVENT_STREAM, SETTINGS)
    chunks = list(reader.feed(A))
    chunks += reader.feed(A * 12 + DONE)
    assert len(chunks) == 13
    assert all(chunk == chunks[0] for chunk in chunks)
    assert reader.done
    assert reader.alike is None
