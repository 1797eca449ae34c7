"""Text that comes in pieces: every character whole, whatever the cuts."""

import itertools
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio.endpoints._text import TextJoiner, TextStream, join_halves
from meshapi_aio.errors import StreamTruncatedError


FACE = "\ud83d\ude00"
HIGH, LOW = FACE[0], FACE[1]


def halves(text: str) -> str:
    """Take every character apart that JSON would escape as two halves."""
    units = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(units[at : at + 2], "little")) for at in range(0, len(units), 2))


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("", ""),
        ("plain é… 😀", "plain é… 😀"),
        (FACE, "😀"),
        (f"a{FACE}b{FACE}", "a😀b😀"),
        (f"a{HIGH}", f"a{HIGH}"),
        (f"{LOW}{HIGH}", f"{LOW}{HIGH}"),
        (f"{HIGH}{HIGH}{LOW}", f"{HIGH}😀"),
    ],
)
def test_halves_are_joined(text: str, joined: str) -> None:
    """Two that belong together become one character; a half without its other is kept."""
    assert join_halves(text) == joined


@given(text=st.text(st.characters()))
def test_any_text_taken_apart_is_joined_again(text: str) -> None:
    """To the letter, lone halves included."""
    joined = join_halves(halves(text))
    assert halves(joined) == halves(text)
    assert join_halves(joined) == joined


def handed_on(pieces: Sequence[str]) -> list[str]:
    """Give what a joiner hands on of pieces, and at the end."""
    joiner = TextJoiner()
    return [joiner.add(piece) for piece in pieces] + [joiner.end()]


@pytest.mark.parametrize(
    ("pieces", "texts"),
    [
        ([], [""]),
        (["a", "", "b"], ["a", "", "b", ""]),
        (["a" + HIGH, LOW + "b"], ["a", "😀b", ""]),
        ([HIGH, "", LOW], ["", "", "😀", ""]),
        ([HIGH, "b"], ["", "\N{REPLACEMENT CHARACTER}b", ""]),
        ([HIGH, HIGH, LOW], ["", "\N{REPLACEMENT CHARACTER}", "😀", ""]),
        ([LOW, "b"], ["\N{REPLACEMENT CHARACTER}", "b", ""]),
        ([f"a{HIGH}b"], ["a\N{REPLACEMENT CHARACTER}b", ""]),
        ([f"a{LOW}{HIGH}"], ["a\N{REPLACEMENT CHARACTER}", "\N{REPLACEMENT CHARACTER}"]),
        ([FACE, "😀"], ["😀", "😀", ""]),
    ],
)
def test_a_half_is_held_until_the_other_comes(pieces: list[str], texts: list[str]) -> None:
    """Whatever is handed on can be printed; a half whose other never comes reads as U+FFFD."""
    assert handed_on(pieces) == texts


@given(text=st.text(st.characters(codec="utf-8")), cuts=st.lists(st.integers(0, 50)))
def test_any_cut_gives_the_same_text(text: str, cuts: list[int]) -> None:
    """Between halves too; each piece can be printed, and the end adds nothing (promise 1)."""
    apart = halves(text)
    ends = sorted({min(cut, len(apart)) for cut in cuts} | {0, len(apart)})
    texts = handed_on([apart[start:end] for start, end in itertools.pairwise(ends)])
    assert "".join(texts) == text
    assert texts[-1] == ""
    for piece in texts:
        piece.encode()


class Piece(NamedTuple):
    """A chunk, as far as its text goes."""

    text: str


class Pieces:
    """A stream of texts, which may end in an error, and ends at once when it is iterated again."""

    def __init__(self, *texts: str, failure: Exception | None = None) -> None:
        self._texts = list(texts)
        self._failure = failure

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece:
        if self._texts:
            return Piece(self._texts.pop(0))
        failure, self._failure = self._failure, None
        raise failure or StopAsyncIteration


async def rest(stream: AsyncIterator[str]) -> list[str]:
    """Read what is left."""
    return [text async for text in stream]


async def test_the_text_of_a_stream() -> None:
    """Piece by piece, empty ones left out, characters whole; it ends once."""
    stream = TextStream(Pieces("", "Hé", "", f"llo {HIGH}", "", LOW, ""), TextJoiner())
    assert await rest(stream) == ["Hé", "llo ", "😀"]
    assert await rest(stream) == []


async def test_a_half_at_the_end_is_told() -> None:
    """As U+FFFD, once."""
    stream = TextStream(Pieces("a", HIGH), TextJoiner())
    assert await rest(stream) == ["a", "\N{REPLACEMENT CHARACTER}"]
    assert await rest(stream) == []


async def test_an_error_is_raised_as_it_comes() -> None:
    """After everything that came before it (promise 3)."""
    stream = TextStream(Pieces("a", "b", failure=StreamTruncatedError("cut")), TextJoiner())
    assert [await anext(stream), await anext(stream)] == ["a", "b"]
    with pytest.raises(StreamTruncatedError, match=r"^cut$"):
        await anext(stream)


async def test_a_text_stream_may_be_asked_for_again() -> None:
    """What one of them holds, the next one goes on with."""
    pieces, joiner = Pieces(f"a{HIGH}", f"{LOW}b"), TextJoiner()
    assert await anext(TextStream(pieces, joiner)) == "a"
    assert await anext(TextStream(pieces, joiner)) == "😀b"
