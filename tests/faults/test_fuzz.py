"""The fuzzing harness: its corpus passes, it can fail, and hypothesis looks with it as well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio._batch import Batch
from meshapi_aio._chunks import ChunkReader
from meshapi_aio.endpoints._tool_calls import ToolCallFolder
from meshapi_aio.endpoints.chat import ChatCompletionChunk
from meshapi_aio.sse import ServerSentEvent, SSEDecoder
from tests.strategies import event_streams, nearly_event_streams

from . import differences
from .differences import check
from .fuzz import corpus
from .wire import DONE, event


INPUTS = corpus()
DECODER, READER, TOOLS = range(3)


@pytest.mark.parametrize("kind", [DECODER, READER, TOOLS])
def test_the_corpus(kind: int) -> None:
    """What finding began with, what it came to, and what it found: none shows a difference any more."""
    tried = [name for name, data in INPUTS.items() if data[0] % 3 == kind]
    for name in tried:
        try:
            check(INPUTS[name])
        except AssertionError as error:
            error.add_note(f"input {name!r} of the corpus")
            raise
    assert len(tried) > 50


def inputs(kind: int, bodies: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Draw inputs of the harness."""
    first = st.integers(0, 255).filter(lambda byte: byte % 3 == kind)
    return st.builds(lambda how, seed, body: bytes([how, seed]) + body, first, st.integers(0, 255), bodies)


_CHUNKS = (
    *(event("a"), event("b", finish="stop"), event("a", error=None), event(choices=None), event(usage={})),
    *(event(error={"message": "no"}), event(choices=[{"delta": None}]), event(choices=5), event(created=1.0)),
    *(event("é日🙂", id="c2"), event(choices=[{"index": 1, "delta": {"content": "x"}}, {"index": 0}])),
    *(
        event(
            None, choices=[{"delta": {"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f"}}]}}]
        ),
    ),
    *(
        event("\ud83d"),
        b"data: {}\n\n",
        b"data: [1]\n\n",
        b"data: {\n\n",
        b"data\n\n",
        b": hb\n\n",
        DONE,
        DONE[:-2],
    ),
    *(
        b"event: error\n",
        b"id: 1\n",
        b"retry: 5\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"data: ",
        b'data: {"a":\ndata: 1}\n\n',
    ),
)


def chunk_streams() -> st.SearchStrategy[bytes]:
    """Draw streams of chunks, right ones for the most part."""
    plain = st.lists(st.sampled_from(_CHUNKS), max_size=8).map(b"".join)
    ends = st.sampled_from([b"\n", b"\r", b"\r\n"])
    return st.builds(lambda stream, end: stream.replace(b"\n", end), plain, ends)


@given(inputs(DECODER, st.one_of(event_streams().map(lambda drawn: drawn[1]), nearly_event_streams())))
def test_the_decoder_against_the_book(data: bytes) -> None:
    """Promises 1, 7 and 19: the same events after the same bytes as the standard's own steps, however cut."""
    check(data)


# What may stand for a text in JSON, and what looks as if it might.
_TEXTS = (
    *(
        r'"a"',
        r'"b"',
        r'""',
        r'" "',
        r'"\n"',
        r'"\\"',
        r'"\\\""',
        r'"\"}"',
        r'"\u0041"',
        r'"\ud83d"',
        r'"\ude00"',
        '"é🙂"',
    ),
    *(
        '"\u2028"',
        '"\x7f"',
        '"[DONE]"',
        r'"\"error\":"',
        '"}]}"',
        '"a","content":"b"',
        "null",
        "1",
        "1.0",
        "{}",
        "[]",
        "NaN",
    ),
    *(
        '"\t"',
        '"\0"',
        r'"\x"',
        r'"\u12"',
        '"a',
        'a"',
        r'"\"',
        "",
        '"a" "b"',
        "'a'",
        "nul",
        "true",
        "-0",
        "1e400",
        '"a"}',
    ),
)
_WORDS = st.sampled_from(_TEXTS[:12])


@st.composite
def same_envelopes(draw: st.DrawFn) -> bytes:
    """Draw chunks that differ from each other in one or two places: what may be read without being parsed."""
    spaces = draw(st.sampled_from(["", " "]))
    finish = draw(st.sampled_from(["", f',{spaces}"finish_reason":{spaces}null']))
    envelope = [draw(_WORDS), "1", "0", finish]
    lines = list[str]()
    for _ in range(draw(st.integers(2, 8))):
        if draw(st.integers(0, 5)) == 5:
            changed = draw(st.integers(0, 2))
            envelope[changed] = draw(st.sampled_from(_TEXTS))
        text = draw(_WORDS if draw(st.integers(0, 3)) else st.sampled_from(_TEXTS))
        made, created, index, ending = envelope
        delta = f'"delta":{{"content":{text}}}'
        head = f'"id":{spaces}{made},"created":{created}'
        lines.append(f'data: {{{head},"choices":[{{"index":{index},{delta}{ending}}}]}}\n\n')
    return "".join(lines).encode()


@given(inputs(READER, st.one_of(chunk_streams(), nearly_event_streams(), same_envelopes())))
def test_the_reader_against_the_book(data: bytes) -> None:
    """Promises 1 to 6: each chunk says what its event says; the same end and failure, however cut."""
    check(data)


# Pieces with few indices, ids, names and arguments, so that they have to do with each other.
_PIECES = st.tuples(st.sampled_from([0, 1, 2, 5, 16, 17, 21, 22]), st.sampled_from([0, 2, 3, 13, 15, 18]))


@given(
    inputs(
        TOOLS, st.binary(max_size=40) | st.lists(_PIECES, max_size=8).map(lambda ps: b"".join(map(bytes, ps)))
    )
)
def test_the_folding_against_the_rules(data: bytes) -> None:
    """Promise 6: every piece goes where a search through all that came before would put it."""
    check(data)


# That the comparisons can fail.


def test_a_decoder_that_waits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waits for the LF after a CR gives the same events, and too late."""

    class Waits(SSEDecoder):
        """Keeps back a CR that ends the bytes."""

        __slots__ = ("kept",)

        def feed(self, data: bytes) -> list[ServerSentEvent]:
            data = getattr(self, "kept", b"") + data
            self.kept = b"\r" if data.endswith(b"\r") else b""
            return super().feed(data.removesuffix(self.kept))

    check(bytes([3, 0]) + b"data: a\r\r\ndata: b\n\n")
    monkeypatch.setattr(differences, "SSEDecoder", Waits)
    with pytest.raises(AssertionError):
        check(bytes([3, 0]) + b"data: a\r\r\ndata: b\n\n")


def test_a_reader_that_remembers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes a key over from the chunk before is told, though every cut gives the same."""

    class Remembers(ChunkReader[ChatCompletionChunk]):
        """Gives each chunk the id of the first."""

        first: str | None = None

        def feed(self, data: bytes) -> Batch[ChatCompletionChunk]:
            chunks = super().feed(data)
            for chunk in chunks:
                self.first = chunk.id = self.first or chunk.id
            return chunks

    stream = bytes([1, 0]) + event("a", id="c1") + event("b", id="c2")
    check(stream)
    monkeypatch.setattr(differences, "ChunkReader", Remembers)
    with pytest.raises(AssertionError):
        check(stream)


def test_a_folder_that_loses_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that drops a piece is told."""
    pieces = bytes([2, 0]) + bytes([1 | 1 << 2 | 1 << 4, 15, 1, 18])
    check(pieces)
    add = ToolCallFolder.add
    monkeypatch.setattr(ToolCallFolder, "add", lambda self, delta: add(self, delta) if delta.id else None)
    with pytest.raises(AssertionError):
        check(pieces)
