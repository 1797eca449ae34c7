"""
What the chunks of one stream have in common: all of their JSON but a text or two.

A template is learnt from two consecutive chunks. What differs between them are its holes, which must be JSON
strings or whole numbers; the same JSON with other values in the holes must give the same chunk with those
values in it. JSON being context-free, so do any values, and the next chunk is made of its holes alone. What
does not fit a template to the letter goes the full way. Performs no I/O.

Measured with chunks of 250 bytes (Python 3.11), µs a chunk from bytes to objects: the full way 5, by a
template 2.2 where each comes in a read of its own and 1.1 in blocks of 64 KiB, of which making the three
objects takes 0.5. Learning one takes 40, and 500 once for a new shape of chunk, whose code is kept.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

from ._batch import Run
from ._maker import Maker, Unfit


__all__ = ["Templates"]

ChunkType = TypeVar("ChunkType")

_decoder: Any = json.decoder  # a public module, of which type checkers know half
# The part of json that reads a string from behind its opening quote to its end, and says where that is.
scanstring: Final[Callable[[str, int], tuple[str, int]]] = _decoder.scanstring

# What stands in the holes for the proof, a text or a number for each; nothing that a gateway would send.
_TEXTS: Final = ('\ue000 \\ " one', '\ue000 \\ " two', '\ue000 \\ " three')
_NUMBERS: Final = (7_046_029_254_386_353_001, 7_046_029_254_386_353_002, 7_046_029_254_386_353_003)
# As JSON; the opening quote of a text is a part of the literal before it.
_TOKENS: Final = {probe: json.dumps(probe).removeprefix('"') for probe in (*_TEXTS, *_NUMBERS)}
_MOST_HOLES: Final = 3
_CONTROL: Final = re.compile(r"[\x00-\x1f]")
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?=[,}\]])")

_MOST: Final = 4  # templates of a stream: as many answers or models may take turns in it
_WORTH: Final = 8  # a template that has made so many chunks was worth learning
# After tries that brought nothing of worth, 0, 2, 6, 14, … chunks pass before the next one, at most so many:
# a stream that nothing fits pays 1 % for the tries.
_LONGEST_PAUSE: Final = 510
# So many tries a stream has in all, and data longer than this is not learnt from: what a gateway can make the
# client spend on templates is bounded.
_MOST_TRIES: Final = 100
_LONGEST: Final = 16 * 1024
_HOPEFUL: Final = 4  # so often is a stream hoped for


class _Template:
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

    def lone(self, data: bytes) -> str | None:
        """
        Return the text in the one event that these bytes are; None where they are anything else.

        Each is a single line ``data: …`` with LF line ends, and nothing of an event came before. What may be
        too large an event is left to the decoder.
        """
        # The end stands behind the start: of a text that does not end, one quote would do for both.
        start = self.start
        if (
            data.startswith(self.first)
            and data.find(b"\n", start) == len(data) - 2
            and len(data) <= self.most
            and data.endswith(self.end, start)
        ):
            hole = data[start : -len(self.end)]
            text = hole.decode("utf-8", "replace")
            if text.isprintable() and '"' not in text and "\\" not in text:
                return text
            for text in _texts_in([hole]):
                return text
        return None

    def match(self, text: str) -> Any:
        """Return the chunk of an event's data, None where it does not fit."""
        if not text.endswith(self.tail):
            return None
        at = 0
        held: list[Any] = []
        for literal, is_text in zip(self.literals, self.are_texts, strict=True):
            if not text.startswith(literal, at):
                return None
            at += len(literal)
            if is_text:
                try:
                    hole, at = scanstring(text, at)
                except ValueError:
                    return None
                held.append(hole)
            else:
                number = _INTEGER.match(text, at)
                if number is None:
                    return None
                at = number.end()
                held.append(int(number[0]))
        if len(text) - at != len(self.tail):
            return None
        return self.make(*held)

    def holes(self, block: bytes) -> list[bytes]:
        """
        Return what a block has between the first literal and the last, event by event as far as they fit.

        Cut out blindly and put together again, to be compared with the block at once: 0.2 µs an event, where
        splitting at all that stands between two holes takes 0.55, and looking at each event 0.3.
        """
        first, end = self.first, self.end
        lines = block.split(b"\n\n")
        lines.pop()  # what follows the last
        low, high = len(first), 2 - len(end)
        holes = [line[low:high] for line in lines]
        if b"".join((first, (end + first).join(holes), end)) == block:
            return holes
        fitting: list[bytes] = []
        end = end[:-2]
        for line, hole in zip(lines, holes, strict=True):
            if len(line) < low - high or not (line.startswith(first) and line.endswith(end)):
                break
            fitting.append(hole)
        return fitting


class Templates(Generic[ChunkType]):
    """
    The templates of one stream.

    ``decode`` takes an event's data the full way: it returns the chunk, and raises for data that is none.
    ``most`` is how many bytes an event may have.
    """

    __slots__ = ("_before", "_decode", "_known", "_left", "_most", "_skip", "_tries")

    def __init__(self, decode: Callable[[str], ChunkType], most: int) -> None:
        self._decode = decode
        self._most = most
        self._known: list[_Template] = []  # the one that fitted last comes first
        self._before: str | None = None  # the last data that no template fitted
        self._tries = 0  # since the last template of worth
        self._left = _MOST_TRIES
        # How many chunks pass before the next try. The first two do: the first brings the role and is like no
        # other, and a stream that is short, or whose first chunk is waited for, has no time to learn.
        self._skip = 2

    @property
    def alike(self) -> _Template | None:
        """The template by which a lone event may be told."""
        return self._known[0] if self._known and self._known[0].first else None

    def used(self, count: int) -> None:
        """Note how many events were told so."""
        self._known[0].used += count
        self._before = None

    @property
    def eager(self) -> bool:
        """Whether the next events should come one by one, since there is something to learn or to use."""
        return bool(self._known and self._known[0].first) or self._tries < _HOPEFUL

    def match(self, text: str) -> ChunkType | None:
        """Return the chunk of an event's data, None where it must go the full way."""
        for place, template in enumerate(self._known):
            chunk: ChunkType | None = template.match(text)
            if chunk is not None:
                template.used += 1
                self._before = None  # what comes next that fits no template is not like this one
                if place:
                    self._known.insert(0, self._known.pop(place))
                return chunk
        return None

    def take(self, data: bytes) -> tuple[list[ChunkType] | Run[ChunkType], int]:
        """
        Return the chunks of the events with which a block begins, as far as they fit, and their length.

        Each is a single line ``data: …`` with LF line ends, and nothing of an event came before the block.
        """
        template = self._known[0] if self._known else None
        if template is None or not template.first or not data.startswith(template.first):
            return [], 0
        self._before = None
        holes = template.holes(data[: data.rfind(b"\n\n") + 2])
        texts = _texts_in(holes)
        template.used += len(texts)
        used = sum(map(len, holes[: len(texts)])) + len(texts) * (len(template.first) + len(template.end))
        return Run(template.make, texts, template.path), used

    def learn(self, text: str, chunk: ChunkType) -> None:
        """Note a chunk that went the full way, and learn from it and the one before, if there is hope."""
        if not self._left or len(text) > _LONGEST:
            self._before = None
            return
        before, self._before = self._before, text
        if self._skip:
            self._skip -= 1
            return
        if before is None or not _end_alike(before, text):
            return
        if self._known and self._known[0].used >= _WORTH:
            self._known[0].used = self._tries = 0
        self._tries += 1
        self._left -= 1
        self._skip = min(2**self._tries - 2, _LONGEST_PAUSE)
        try:
            template = self._learnt(before, text, chunk)
        except (Unfit, RecursionError):  # the latter where the caller's own stack is nearly full
            return
        self._known.insert(0, template)
        del self._known[_MOST:]

    def _learnt(self, before: str, text: str, chunk: ChunkType) -> _Template:
        literals, tail, holes = _compared(before, text)
        are_texts = [isinstance(hole, str) for hole in holes]
        probes = [(_TEXTS if is_text else _NUMBERS)[index] for index, is_text in enumerate(are_texts)]
        filled = [literal + _TOKENS[probe] for literal, probe in zip(literals, probes, strict=True)]
        try:
            proof = self._decode("".join(filled) + tail)
        except Exception:  # noqa: BLE001 - whatever it is, the probes make it no chunk
            raise Unfit from None
        maker = Maker(probes)
        make = maker.maker(proof)
        if make(*probes) != proof or make(*holes) != chunk:
            raise Unfit
        return _Template(literals, tail, are_texts, make, maker.path, most=self._most)


def _end_alike(old: str, new: str) -> bool:
    """Tell at little cost whether there is hope: most of what is not alike ends differently."""
    return old[-2:] == new[-2:] or (old[-2:-1].isdigit() and new[-2:-1].isdigit())


def _texts_in(holes: list[bytes]) -> list[str]:
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


def _compared(old: str, new: str) -> tuple[list[str], str, list[str | int]]:
    """Return the literals that two events' data share, the last of them, and what the second has between."""
    literals: list[str] = []
    holes: list[str | int] = []
    at_old = at_new = 0
    while True:
        same = _common(old, at_old, new, at_new)
        if at_old + same == len(old) and at_new + same == len(new):
            return literals, new[at_new:], holes
        if len(holes) == _MOST_HOLES:
            raise Unfit
        start = _hole_begins(new, at_new, at_new + same)
        literals.append(new[at_new:start])
        at_old += start - at_new
        if new[start - 1] == '"':
            try:
                _, at_old = scanstring(old, at_old)
                hole, at_new = scanstring(new, start)
            except ValueError:
                raise Unfit from None
            holes.append(hole)
        else:
            number, older = _INTEGER.match(new, start), _INTEGER.match(old, at_old)
            if number is None or older is None:
                raise Unfit
            at_old, at_new = older.end(), number.end()
            holes.append(int(number[0]))


def _common(old: str, at_old: int, new: str, at_new: int) -> int:
    """Return how far two texts are the same; by halves, since each comparison is one call."""
    low, high = 0, min(len(old) - at_old, len(new) - at_new)
    while low < high:
        middle = (low + high + 1) // 2
        if old[at_old + low : at_old + middle] == new[at_new + low : at_new + middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _hole_begins(text: str, low: int, differs: int) -> int:
    """Return where the number begins, or the inside of the string, in which two events' data differ first."""
    start = differs
    while start > low and text[start - 1] in "-0123456789":
        start -= 1
    if start > low and text[start - 1] in ":,[" and text[start : start + 1] in "-0123456789":
        return start
    quote = text.rfind('"', low, differs)
    while quote > low and text[quote - 1] == "\\":  # not the one that opens the string, but one within it
        quote = text.rfind('"', low, quote)
    if quote < 0:
        raise Unfit
    return quote + 1
