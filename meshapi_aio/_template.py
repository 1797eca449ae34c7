"""
What consecutive chunks of a stream have in common, and the next chunk made of the rest of it.

A template is their JSON with holes in it, which hold JSON strings or whole numbers. What fits to the letter
is made of what is in the holes alone; what does not goes the full way. Performs no I/O.

Measured with chunks of 250 bytes (Python 3.11), µs a chunk from bytes to objects: the full way 5, by a
template 2.2 where each comes in a read of its own and 1.1 in blocks of 64 KiB, of which making the three
objects takes 0.5.
"""

import functools
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final


__all__ = ["WHOLE_NUMBER", "Template", "scanstring", "texts_in"]

_decoder: Any = json.decoder  # a public module, of which type checkers know half
# The part of json that reads a string from behind its opening quote to its end, and says where that is.
scanstring: Final[Callable[[str, int], tuple[str, int]]] = _decoder.scanstring

_CONTROL: Final = re.compile(r"[\x00-\x1f]")
WHOLE_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?=[,}\]])")


class Template:
    """Literals with holes between them, and what makes a chunk of what is in the holes."""

    __slots__ = ("are_texts", "end", "first", "literals", "make", "most", "path", "start", "tail", "used")

    def __init__(
        self,
        literals: list[str],
        tail: str,
        are_texts: list[bool],
        make: Callable[..., Any],
        path: str,
        *,
        most: int,
    ) -> None:
        self.literals = tuple(literals)
        self.tail = tail
        self.are_texts = tuple(are_texts)
        self.make = make
        self.path = path  # of the last hole
        self.most = most
        self.used = 0
        # With a single text, what stands before it and after it in a block of events.
        self.first = self.end = b""
        self.start = 0  # of the text
        # Blocks are compared as they stand, where each line must be one of data.
        if are_texts == [True] and "\n" not in literals[0] + tail:
            self.first = f"data: {literals[0]}".encode()
            self.end = f'"{tail}\n\n'.encode()
            self.start = len(self.first)

    def texts(self, data: bytes) -> list[str]:
        """
        Return the texts in the events that these bytes are; none where they are anything else.

        Each is a single line ``data: …`` with LF line ends, and nothing of an event came before. What may be
        too large an event is left to the decoder.
        """
        # The end stands behind the start: of a text that does not end, one quote would do for both.
        start = self.start
        if len(data) > self.most or not (data.startswith(self.first) and data.endswith(self.end, start)):
            return []
        if data.find(b"\n", start) == len(data) - 2:
            hole = data[start : -len(self.end)]
            text = hole.decode("utf-8", "replace")
            if text.isprintable() and '"' not in text and "\\" not in text:
                return [text]
            return texts_in([hole])
        holes = self._holes(data)
        texts = [] if holes is None else texts_in(holes)
        return texts if holes is not None and len(texts) == len(holes) else []

    def match(self, text: str) -> Any:
        """Return the chunk of an event's data, None where it does not fit."""
        parsed = self._parsed(text)
        return None if parsed is None else self.make(*parsed[0])

    def within(self, text: str, most: int) -> "tuple[Any, Template] | None":
        """Return the chunk of an event's data, and the template of those that differ in their last text."""
        parsed = self._parsed(text)
        if parsed is None:
            return None
        held, start = parsed
        make = functools.partial(self.make, *held[:-1]) if len(held) > 1 else self.make
        return self.make(*held), Template([text[:start]], self.tail, [True], make, self.path, most=most)

    def _parsed(self, text: str) -> tuple[list[Any], int] | None:
        """Return what is in the holes, and where the last one begins; None where the data does not fit."""
        if not text.endswith(self.tail):
            return None
        at = start = 0
        held: list[Any] = []
        for literal, is_text in zip(self.literals, self.are_texts, strict=True):
            if not text.startswith(literal, at):
                return None
            start = at = at + len(literal)
            if is_text:
                try:
                    hole, at = scanstring(text, at)
                except ValueError:
                    return None
                held.append(hole)
            else:
                number = WHOLE_NUMBER.match(text, at)
                if number is None:
                    return None
                at = number.end()
                held.append(int(number[0]))
        return (held, start) if len(text) - at == len(self.tail) else None

    def holes(self, block: bytes) -> list[bytes]:
        """Return what a block has between the first literal and the last, as far as its events fit."""
        first, end = self.first, self.end
        holes = self._holes(block)
        if holes is not None:
            return holes
        low, high = len(first), 2 - len(end)
        lines = block.split(b"\n\n")
        lines.pop()  # what follows the last
        holes = [line[low:high] for line in lines]
        fitting: list[bytes] = []
        end = end[:-2]
        for line, hole in zip(lines, holes, strict=True):
            if len(line) < low - high or not (line.startswith(first) and line.endswith(end)):
                break
            fitting.append(hole)
        return fitting

    def _holes(self, block: bytes) -> list[bytes] | None:
        """
        Return the same where all of a block fits.

        Cut out blindly and put together again, to be compared with the block at once: 0.2 µs an event, where
        splitting at all that stands between two holes takes 0.55, and looking at each event 0.3.
        """
        first, end = self.first, self.end
        low, high = len(first), 2 - len(end)
        # At each second line end: to look for two of them takes twice as long, 0.3 µs an event.
        holes = [line[low:high] for line in block.split(b"\n")[:-1:2]]
        return holes if b"".join((first, (end + first).join(holes), end)) == block else None


def texts_in(holes: list[bytes]) -> list[str]:
    """Return the texts in the first holes, as far as each holds one JSON string and nothing else."""
    together = b"\n".join(holes).decode("utf-8", "replace")
    texts = together.split("\n")
    together = "".join(texts)
    if len(texts) != len(holes) or not (together.isprintable() or _CONTROL.search(together) is None):
        # No JSON string holds a control character: the one that has it is found below.
        texts = [hole.decode("utf-8", "replace") for hole in holes]
        odd: Iterable[int] = range(len(texts))
    elif '"' in together or "\\" in together:
        odd = [index for index, text in enumerate(texts) if "\\" in text or '"' in text]
    else:
        return texts
    for index in odd:
        try:
            text, end = scanstring(texts[index] + '"', 0)
        except ValueError:
            return texts[:index]
        if end != len(texts[index]) + 1:
            return texts[:index]
        texts[index] = text
    return texts
