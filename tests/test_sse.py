"""The event-stream decoder against the standard's rules, whatever the cuts."""

import base64
import copy
import json
import random
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshapi_aio import sse
from meshapi_aio.errors import ResponseTooLargeError
from meshapi_aio.sse import ServerSentEvent, SSEDecoder
from tests.faults.reference import read_by_the_book as reference_of
from tests.strategies import BOM, cuts, event_streams, lines, nearly_event_streams, server_sent_events


CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "sse-cases.json").read_text("utf-8")
)


def whole(stream: bytes) -> list[bytes]:
    """Feed everything at once."""
    return [stream]


def byte_by_byte(stream: bytes) -> list[bytes]:
    """Feed single bytes."""
    return [stream[index : index + 1] for index in range(len(stream))]


def with_empty_feeds(stream: bytes) -> list[bytes]:
    """Feed pairs of bytes, and nothing between them."""
    return [piece for index in range(0, len(stream), 2) for piece in (b"", stream[index : index + 2])]


def by_blank_lines(stream: bytes) -> list[bytes]:
    """Feed blocks: what a server writes at once."""
    return re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)|(?<=\r\r)", stream)


def at_random(stream: bytes) -> list[bytes]:
    """Feed pieces of one to seven bytes, the same in every run."""
    generator, pieces = random.Random(stream), []
    while stream:
        size = generator.randint(1, 7)
        pieces.append(stream[:size])
        stream = stream[size:]
    return pieces


CHUNKINGS = [whole, byte_by_byte, with_empty_feeds, by_blank_lines, at_random]
every_chunking = pytest.mark.parametrize("chunked", CHUNKINGS)


def decode(pieces: Iterable[bytes], decoder: SSEDecoder | None = None) -> list[ServerSentEvent]:
    """Feed all pieces to one decoder and close it."""
    decoder = decoder or SSEDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    decoder.close()
    return events


def attempt(pieces: Iterable[bytes], limit: int) -> tuple[list[ServerSentEvent], bool]:
    """Return what came out, and whether the limit was exceeded."""
    decoder, events = SSEDecoder(max_event_bytes=limit), list[ServerSentEvent]()
    try:
        for piece in pieces:
            events += decoder.feed(piece)
        decoder.close()
    except ResponseTooLargeError:
        return events, True
    return events, False


def read_by_the_book(stream: bytes, limit: int = 10**9) -> tuple[list[ServerSentEvent], bool]:
    """Interpret a stream as the standard puts it: return its events, and whether the limit is exceeded."""
    reference = reference_of(stream, limit)
    return reference.events, reference.too_large is not None


def simple(*values: str) -> list[ServerSentEvent]:
    """Return events that have nothing but data."""
    return [ServerSentEvent(data=value) for value in values]


# --- the standard's rules ---


@every_chunking
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_cases(case: dict[str, Any], chunked: Callable[[bytes], list[bytes]]) -> None:
    """Promise 1: each case of the file gives its events, last event id and reconnection time, however cut."""
    decoder = SSEDecoder()
    events = decode(chunked(base64.b64decode(case["input_base64"])), decoder)
    fields = ("event", "data", "id", "retry")
    assert [event._asdict() for event in events] == [
        {name: row[name] for name in fields} for row in case["expected"]
    ]
    assert {"last_event_id": decoder.last_event_id, "retry": decoder.retry} == case["final"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_cases_cut_once_anywhere(case: dict[str, Any]) -> None:
    """Promise 1: there is no place where a cut shows."""
    stream = base64.b64decode(case["input_base64"])
    expected = decode([stream])
    for place in range(len(stream) + 1):
        assert decode([stream[:place], stream[place:]]) == expected, place


def test_the_cases_are_all_there() -> None:
    """An empty or shortened file of cases does not pass for a full one."""
    assert len({case["name"] for case in CASES}) == 65


@every_chunking
@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(b"data: 1\r\n\r\ndata: 2\r\n\r\n", simple("1", "2"), id="crlf"),
        pytest.param(b"data: 1\r\rdata: 2\r\r", simple("1", "2"), id="cr"),
        pytest.param("data: é\n\n".encode(), simple("é"), id="two-byte-character"),
        pytest.param(b'data:{"a":1}\n\n', simple('{"a":1}'), id="no-space"),
        pytest.param(
            b"id: 1\ndata: a\n\n: keepalive\n\n",
            [ServerSentEvent("message", "a", "1")],
            id="comment-after-id",
        ),
        pytest.param(BOM + b"data: a\n\ndata: b\n\n", simple("a", "b"), id="bom"),
        pytest.param(b"retry: +5\ndata: a\n\n", simple("a"), id="retry-plus"),
        pytest.param(b"retry: 1_0\ndata: a\n\n", simple("a"), id="retry-underscore"),
    ],
)
def test_what_other_readers_get_wrong(
    stream: bytes, expected: list[ServerSentEvent], chunked: Callable[[bytes], list[bytes]]
) -> None:
    """Promise 1: the rules that readers in the field are known to break."""
    assert decode(chunked(stream)) == expected


@every_chunking
@pytest.mark.parametrize(
    ("digits", "retry"),
    [
        ("007", 7),
        ("9" * 18, 10**18 - 1),
        ("1" + "0" * 18, None),
        ("0" * 5000 + "5", 5),
        ("0" * 5000, 0),
        ("9" * 5000, None),
        ("٣", None),
        ("²", None),
    ],
)
def test_reconnection_times(digits: str, retry: int | None, chunked: Callable[[bytes], list[bytes]]) -> None:
    """A reconnection time is ASCII digits, at most 18 of them after leading zeros; others are ignored."""
    stream = f"retry: {digits}\ndata: x\n\n".encode()
    assert decode(chunked(stream)) == [ServerSentEvent(data="x", retry=retry)]


@pytest.mark.parametrize(
    "opening",
    [BOM[:1], BOM[:2], BOM + BOM, BOM[:2] + b"x", b"\n" + BOM],
    ids=["one byte", "two bytes", "twice", "two bytes and another", "after a line end"],
)
@every_chunking
def test_what_is_no_single_leading_bom(opening: bytes, chunked: Callable[[bytes], list[bytes]]) -> None:
    """One BOM is taken off, at the beginning alone; anything else makes the field an unknown one."""
    assert decode(chunked(opening + b"data: 1\n\ndata: 2\n\n")) == simple("2")


@pytest.mark.parametrize(
    ("pieces", "counts"),
    [
        ([b"data: a\n\n"], [1]),
        ([b"data: a\r\r", b"\n"], [1, 0]),
        ([b"data: a\r\n\r", b"\n"], [1, 0]),
        ([b"data: a\r", b"\n\n"], [0, 1]),
        ([b"data: a\r", b"\n\r", b"\n"], [0, 1, 0]),
        ([b"data: a", b"\n", b"\n"], [0, 0, 1]),
    ],
)
def test_an_event_is_returned_by_the_feed_that_completes_it(pieces: list[bytes], counts: list[int]) -> None:
    """Promise 7: nobody waits for the LF after a CR, and what comes after changes nothing."""
    decoder = SSEDecoder()
    decoder.feed(b"data: before\n\n")
    assert [len(decoder.feed(piece)) for piece in pieces] == counts
    assert decoder.feed(b"data: after\n\n") == simple("after")


@given(data=st.data(), expected_and_stream=event_streams())
def test_any_legal_stream_at_any_cut(
    data: st.DataObject, expected_and_stream: tuple[list[ServerSentEvent], bytes]
) -> None:
    """Promise 1: whatever a server may write gives what it meant, however it is cut."""
    expected, stream = expected_and_stream
    assert decode([stream]) == expected
    assert decode(data.draw(cuts(stream))) == expected
    assert decode(byte_by_byte(stream)) == expected


@given(data=st.data(), stream=st.one_of(nearly_event_streams(), st.binary()))
def test_any_bytes_at_any_cut(data: st.DataObject, stream: bytes) -> None:
    """Promise 1: any bytes at all are read as the standard says, and nothing is raised."""
    expected, _ = read_by_the_book(stream)
    assert decode(data.draw(cuts(stream))) == expected
    assert decode([stream]) == expected


# --- the fast paths ---


class _WithoutLines(SSEDecoder):
    """Fails where the bytes of an event are taken line by line."""

    __slots__ = ()

    def _take_lines(self, data: bytes, events: list[ServerSentEvent]) -> None:
        if b"data" in data:
            pytest.fail(f"taken by lines: {data!r}")
        super()._take_lines(data, events)


@given(values=st.lists(lines(), min_size=1), ahead=st.sampled_from([b"", b"id: 7\nretry: 5\n\n"]))
def test_the_fast_paths_agree_with_the_general_one(values: list[str], ahead: bytes) -> None:
    """One event per feed, many events per feed and the path by lines give the same events."""
    blocks = [f"data: {value}\n\n".encode() for value in values]
    paced, bulk = _WithoutLines(), _WithoutLines()
    for decoder in (paced, bulk):
        assert not decoder.feed(b":\n\n" + ahead)
    expected = decode(byte_by_byte(ahead + b"".join(blocks)))
    assert [event.data for event in expected] == values
    by_one = [event for block in blocks for event in paced.feed(block)]
    at_once = bulk.feed(b"".join(blocks))
    assert by_one == at_once == expected
    assert {type(event) for event in by_one + at_once} == {ServerSentEvent}


@given(data=st.data(), stream=nearly_event_streams())
def test_messages_are_the_data_of_events(data: st.DataObject, stream: bytes) -> None:
    """What is taken as messages makes the events that feeding makes of it; what is not is there to be fed."""
    decoder = SSEDecoder()
    taken: list[tuple[str, str]] = []
    for piece in data.draw(st.one_of(cuts(stream), st.just(by_blank_lines(stream)))):
        texts = decoder.messages(piece)
        if texts is None:
            taken += [(event.event, event.data) for event in decoder.feed(piece)]
        else:
            taken += [("message", text) for text in texts]
    assert taken == [(event.event, event.data) for event in decode([stream])]


@pytest.mark.parametrize(
    "stream",
    [
        b"data: a\ndata: b\n\n",
        b"data: a\n\n\ndata: b\n\n",
        b"data: a\n\n: comment\n\ndata: b\n\n",
        b"data: a\n\nevent: e\ndata: b\n\n",
        b"data: a\r\n\r\ndata: b\r\n\r\n",
        b"data: a\rdata: b\n\n",
        b"data: a\r\n\n",
        b"data: \n\ndata:b\n\n",
        b"data: a\n\ndata: b",
        b"data: a\n\nid: 3\n\ndata: b\n\n",
        b"data: \xff\xe2\x82\n\n",
    ],
)
@pytest.mark.parametrize(
    "ahead", [b"", b"data: half", b"data: half\n", b"event: e\n", b"id: 9\n", b"data: cr\r\r"]
)
def test_what_is_almost_simple_is_no_exception(ahead: bytes, stream: bytes) -> None:
    """Bytes that look like the simple case, or come while an event is unfinished, are read by the rules."""
    expected, _ = read_by_the_book(b":\n\n" + ahead + stream + b"data: last\n\n")
    assert decode([b":\n\n", ahead, stream, b"data: last\n\n"]) == expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([BOM[:1], b"data: 1\n\n", b"data: 2\n\n"], simple("2")),
        ([BOM[:2], b"data: 1\n\n", b"data: 2\n\n"], simple("2")),
        ([BOM, b"data: 1\n\n", b"data: 2\n\n"], simple("1", "2")),
        ([b"", b"data: 1\n\n", BOM + b"data: 2\n\n"], simple("1")),
        ([b"data: 1\r\r", b"data: 2\n\n", b"data: 3\r\r", b"\ndata: 4\n\n"], simple("1", "2", "3", "4")),
    ],
)
def test_simple_events_among_the_first_bytes_and_line_ends(
    pieces: list[bytes], expected: list[ServerSentEvent]
) -> None:
    """What is held of a BOM or of a line end is not forgotten over a simple event."""
    assert decode(pieces) == expected


# --- the limit ---

AT_THE_LIMIT = [
    pytest.param(b"data: 6789\n\n", simple("6789"), id="data"),
    pytest.param(b"data:1\ndata\n\n", simple("1\n"), id="two-data-lines"),
    pytest.param(b"data\ndata\n:2\n\n", simple("\n"), id="comment-among-data"),
    pytest.param(b":234567890\n\ndata: 6789\n\n", simple("6789"), id="comment"),
    pytest.param(b"event: 890\n\n", [], id="event"),
    pytest.param(b"data: 6789\r\n\r\ndata: 6789\r\r", simple("6789", "6789"), id="line-ends-are-free"),
    pytest.param(BOM + b"data: 6789\n\n", simple("6789"), id="bom-is-free"),
    pytest.param(b"data: 6789", [], id="unfinished-line"),
    pytest.param(b"data:1\ndata", [], id="unfinished-second-line"),
    pytest.param(b"event: xyz\nevent: xyz\nid: 567890\ndata: 6789\n\n", None, id="only-data-lines-are-held"),
]


@pytest.mark.parametrize(("stream", "expected"), AT_THE_LIMIT)
def test_exactly_at_the_limit(stream: bytes, expected: list[ServerSentEvent] | None) -> None:
    """Promise 19: an event of exactly the limit is delivered, wherever it is cut."""
    expected = read_by_the_book(stream)[0] if expected is None else expected
    for place in range(len(stream) + 1):
        assert attempt([stream[:place], stream[place:]], 10) == (expected, False), place
    assert attempt(byte_by_byte(stream), 10) == (expected, False)


ABOVE_THE_LIMIT = [
    pytest.param(b"data: 67890\n\n", id="data"),
    pytest.param(b"data:1\ndata:\n\n", id="two-data-lines"),
    pytest.param(b"data\ndata\n:23\n\n", id="comment-among-data"),
    pytest.param(b":2345678901\n\n", id="comment"),
    pytest.param(b"event: 8901\n\n", id="event"),
    pytest.param(b"data: 67890\r\n\r\n", id="line-ends"),
    pytest.param(b"data: 67890", id="unfinished-line"),
    pytest.param(b"data:1\ndata:", id="unfinished-second-line"),
    pytest.param(b"data\n" * 3 + b"data: never\n\n", id="many-empty-data-lines"),
]


@pytest.mark.parametrize("stream", ABOVE_THE_LIMIT)
def test_one_above_the_limit(stream: bytes) -> None:
    """Promise 19: one byte more is refused wherever it is cut, and what came before it is delivered."""
    stream = b"data: ok\n\n:\n\n" + stream
    for place in range(len(stream) + 1):
        assert attempt([stream[:place], stream[place:], b"data: no\n\n"], 10) == (simple("ok"), True), place
    assert attempt(byte_by_byte(stream), 10) == (simple("ok"), True)


@given(data=st.data(), stream=nearly_event_streams(), limit=st.integers(1, 30))
def test_the_limit_does_not_depend_on_the_cuts(data: st.DataObject, stream: bytes, limit: int) -> None:
    """Promise 19: the same events and the same failure, whatever the bytes and the cuts."""
    expected = read_by_the_book(stream, limit)
    assert attempt(data.draw(cuts(stream)), limit) == expected
    assert attempt([stream], limit) == expected
    assert attempt(byte_by_byte(stream), limit) == expected


def test_a_breach_with_nothing_before_it_raises_at_once() -> None:
    """The error names the limit and the setting that raises it, and comes again from each later call."""
    decoder = SSEDecoder(max_event_bytes=10)
    with pytest.raises(ResponseTooLargeError, match=r"larger than 10 bytes; Limits\(event_bytes=") as caught:
        decoder.feed(b"data: 67890")
    assert decoder.error is caught.value
    frames = []
    for call in (
        lambda: decoder.feed(b"data: x\n\n"),
        lambda: decoder.feed(b""),
        decoder.close,
        decoder.close,
    ):
        with pytest.raises(ResponseTooLargeError) as again:
            call()
        assert again.value is caught.value
        frames.append(len(again.traceback))
    assert frames[0] == frames[1], "the traceback grows with each feed"
    assert frames[2] == frames[3], "the traceback grows with each close"


def test_what_was_complete_before_a_breach_is_returned() -> None:
    """The feed that breaks the limit returns its events and sets the error, which the next call raises."""
    decoder = SSEDecoder(max_event_bytes=10)
    assert decoder.feed(b"id: 3\ndata: a\n\nid: 4\nretry: 5\ndata: 67890\n\ndata: b\n\n") == [
        ServerSentEvent(data="a", id="3")
    ]
    assert isinstance(decoder.error, ResponseTooLargeError)
    assert (decoder.last_event_id, decoder.retry) == ("3", 5)
    with pytest.raises(ResponseTooLargeError):
        decoder.close()


def test_a_breach_releases_what_was_held() -> None:
    """A decoder that is kept for its error keeps no megabytes."""
    decoder = SSEDecoder(max_event_bytes=1_000_000)
    decoder.feed(
        b"event: " + b"e" * 900_000 + b"\nid: " + b"i" * 900_000 + b"\ndata: " + b"d" * 500_000 + b"\n"
    )
    decoder.feed(b"data: " + b"d" * 400_000)
    with pytest.raises(ResponseTooLargeError):
        decoder.feed(b"d" * 200_000)
    held = [getattr(decoder, name) for name in SSEDecoder.__slots__]
    assert sum(map(sys.getsizeof, held)) < 2_000
    assert decoder.pending is None


def test_a_limit_is_at_least_one_byte() -> None:
    """A limit under which no event fits is refused where it is given."""
    with pytest.raises(ValueError, match="max_event_bytes must be at least 1, got 0"):
        SSEDecoder(max_event_bytes=0)


# --- the end ---


@pytest.mark.parametrize(
    ("stream", "pending"),
    [
        (b"", None),
        (b"data: whole\n\n", None),
        (b"data: [DONE]\n", "[DONE]"),
        (b"data: [DONE]\r", "[DONE]"),
        (b"data: [DONE]\r\n", "[DONE]"),
        (b"data: [DONE]", "[DONE]"),
        (b"data:[DONE]", "[DONE]"),
        (BOM + b"data:[DONE]", "[DONE]"),
        (BOM[:2], None),
        (b"data: a\ndata: b", "a\nb"),
        (b"data: a\ndata: b\nevent: e", "a\nb"),
        (b"data: a\ndat", "a"),
        (b"data: a\n:", "a"),
        (b"data", ""),
        (b"dat", None),
        (b": comment", None),
        (b"event: e\n", None),
        (b"data: \xe6\x97", "\ufffd"),
    ],
)
@every_chunking
def test_pending(stream: bytes, pending: str | None, chunked: Callable[[bytes], list[bytes]]) -> None:
    """An unfinished event can be seen until the stream is closed, with or without a line end."""
    decoder = SSEDecoder()
    for piece in chunked(stream):
        decoder.feed(piece)
    assert (None if decoder.pending is None else decoder.pending.data) == pending
    decoder.close()
    assert decoder.pending is None


@given(stream=nearly_event_streams())
@example(stream=b"data: a\r")
@example(stream=b"event: error\ndata: a")
@example(stream=b"id: 1\ndata: a\nretry: 5")
def test_pending_is_what_a_blank_line_would_dispatch(stream: bytes) -> None:
    """``pending`` foretells the very event, and looking at it changes nothing."""
    decoder, looked_at = SSEDecoder(), SSEDecoder()
    decoder.feed(stream)
    looked_at.feed(stream)
    pending = looked_at.pending
    dispatched = copy.deepcopy(decoder).feed(b"\n\n")
    assert pending == (dispatched[0] if dispatched else None)
    assert looked_at.feed(b"x\n\ndata: y\n\n") == decoder.feed(b"x\n\ndata: y\n\n")


@pytest.mark.parametrize("rest", [b"data: half", b"event: e\nid: 2\ndata: x\n", b"\r", BOM[:2]])
def test_close_discards_and_begins_anew(rest: bytes) -> None:
    """Nothing of an unfinished event reaches the next stream; the id and the reconnection time do."""
    decoder = SSEDecoder()
    decoder.feed(b"id: 1\nretry: 10\ndata: a\n\n" + rest)
    decoder.close()
    decoder.close()
    assert (decoder.last_event_id, decoder.retry) == ("1", 10)
    assert decoder.feed(BOM + b"\ndata: b\n\n") == [ServerSentEvent("message", "b", "1", 10)]


# --- the cost ---

SEARCHES = (
    "find",
    "index",
    "rfind",
    "partition",
    "split",
    "splitlines",
    "startswith",
    "endswith",
    "__contains__",
)
COPIES = ("__getitem__", "__add__", "copy", "decode", "join", "removeprefix", "replace", "strip", "translate")


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of all that the decoder's buffers are asked to append, copy or search."""
    sizes: list[int] = []

    def append(buffer: bytearray, data: bytes) -> object:
        sizes.append(len(data))
        return bytearray.__iadd__(buffer, data)

    def to_bytes(buffer: bytearray) -> bytes:
        sizes.append(len(buffer))
        return memoryview(buffer).tobytes()

    def reading(name: str) -> Callable[..., object]:
        def read(buffer: bytearray, *arguments: object) -> object:
            sizes.append(len(buffer))
            return getattr(bytearray, name)(buffer, *arguments)

        return read

    methods: dict[str, object] = {"__iadd__": append, "__bytes__": to_bytes}
    counted = type("Counted", (bytearray,), methods | {name: reading(name) for name in SEARCHES + COPIES})
    monkeypatch.setattr(sse, "bytearray", counted, raising=False)
    return sizes


def one_long_line(size: int) -> list[bytes]:
    """A line of that many bytes, fed one by one."""
    return byte_by_byte(b"data: " + b"x" * (size - 8) + b"\n\n")


def many_short_lines(size: int) -> list[bytes]:
    """An event of as many bytes in lines of 32, one line per feed."""
    return [b"data: " + b"x" * 25 + b"\n"] * (size // 32) + [b"\n"]


def a_line_in_halves(size: int) -> list[bytes]:
    """As many bytes in events that are each cut in the middle."""
    return [b"data: xxx", b"xxxxx\n\n"] * (size // 16)


every_shape = pytest.mark.parametrize("pieces", [one_long_line, many_short_lines, a_line_in_halves])


@every_shape
def test_the_bytes_handled_grow_with_the_stream_alone(
    pieces: Callable[[int], list[bytes]], handled: list[int]
) -> None:
    """A byte is kept, searched and copied a fixed number of times, however many feeds an event takes."""
    size = 40_000
    assert decode(pieces(size))
    assert size < sum(handled) < 8 * size


@every_shape
def test_the_operations_of_a_feed_do_not_grow(pieces: Callable[[int], list[bytes]]) -> None:
    """What a feed does in Python and in calls into C is bounded, whatever is held by then."""
    operations = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal operations
        operations += event in {"call", "c_call"}

    decoder, most = SSEDecoder(), 0
    for piece in pieces(20_000):
        operations = 0
        sys.setprofile(count)
        try:
            decoder.feed(piece)
        finally:
            sys.setprofile(None)
        most = max(most, operations)
    assert 0 < most <= 40


# --- writing ---


@given(event=server_sent_events())
def test_an_event_that_was_written_is_read_again(event: ServerSentEvent) -> None:
    """Writing and reading an event changes nothing."""
    assert decode([sse.encode(event)]) == [event]
    assert decode(byte_by_byte(sse.encode(event))) == [event]


@given(events=st.lists(server_sent_events(), max_size=5))
def test_events_that_were_written_one_after_the_other(events: list[ServerSentEvent]) -> None:
    """In a stream, an event without an id or a reconnection time takes over those of the events before it."""
    expected, last_event_id, retry = list[ServerSentEvent](), "", None
    for event in events:
        last_event_id = event.id or last_event_id
        retry = retry if event.retry is None else event.retry
        expected.append(event._replace(id=last_event_id, retry=retry))
    assert decode([b"".join(map(sse.encode, events))]) == expected


@pytest.mark.parametrize(
    ("event", "written"),
    [
        (ServerSentEvent(), b"data: \n\n"),
        (ServerSentEvent(data="[DONE]"), b"data: [DONE]\n\n"),
        (ServerSentEvent("delta", "a\nb", "7", 0), b"event: delta\nid: 7\nretry: 0\ndata: a\ndata: b\n\n"),
    ],
)
def test_how_events_are_written(event: ServerSentEvent, written: bytes) -> None:
    """Fields that say nothing are left out."""
    assert sse.encode(event) == written


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (ServerSentEvent(event=""), "event must be one line"),
        (ServerSentEvent(event="a\nb"), r"event must be one line.*'a\\nb'"),
        (ServerSentEvent(event="a\rb"), r"event must be one line.*'a\\rb'"),
        (ServerSentEvent(id="a\nb"), "id must be one line"),
        (ServerSentEvent(id="a\rb"), "id must be one line"),
        (ServerSentEvent(id="a\0b"), "id must be one line without a NUL"),
        (ServerSentEvent(data="a\r\nb"), "data must hold no carriage return"),
        (ServerSentEvent(retry=-1), "retry must be .* got -1"),
        (ServerSentEvent(retry=10**18), "retry must be"),
        (ServerSentEvent(data="\ud83d"), "surrogates not allowed"),
    ],
)
def test_what_the_format_cannot_carry(event: ServerSentEvent, message: str) -> None:
    """An event that no reader would read as it was is refused."""
    with pytest.raises(ValueError, match=message):
        sse.encode(event)
