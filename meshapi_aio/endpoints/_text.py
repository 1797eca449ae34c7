"""Text that comes in pieces: a character that was cut in half is made whole again. Performs no I/O."""

from collections.abc import AsyncIterator
from typing import Protocol, Self


__all__ = ["HasText", "TextJoiner", "TextStream", "join_halves"]


def join_halves(text: str) -> str:
    """
    Return a text in which the two halves of a character (UTF-16 surrogates) that came apart are one again.

    A half without its other stays as it is.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def _printable(text: str) -> str:
    """Return a text with its halves joined, and U+FFFD for each that has no other."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class TextJoiner:
    """Hands on what can be printed: the first half of a character is held until the second has come."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def add(self, text: str) -> str:
        """Take a piece and return what can be printed of it and of what was held; it may be empty."""
        text = self._half + text
        self._half = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return _printable(text)

    def end(self) -> str:
        """Return what is still held, as U+FFFD; empty where there is nothing."""
        half, self._half = self._half, ""
        return "\N{REPLACEMENT CHARACTER}" if half else ""


class HasText(Protocol):
    """What a piece of text comes in."""

    @property
    def text(self) -> str:
        """The text, which may be empty, and end in half a character."""
        ...


class TextStream:
    """
    The text of a stream's first answer, piece by piece, none of them empty and every character whole.

    A half of a character whose other never comes reads as U+FFFD. It raises what iterating the stream raises.
    """

    def __init__(self, chunks: AsyncIterator[HasText], joiner: TextJoiner) -> None:
        self._chunks = chunks
        self._joiner = joiner

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while True:
            try:
                chunk = await anext(self._chunks)
            except StopAsyncIteration:
                rest = self._joiner.end()
                if rest:
                    return rest
                raise
            text = self._joiner.add(chunk.text)
            if text:
                return text
