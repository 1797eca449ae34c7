"""
The templates of one stream, learnt as its chunks come.

A template is learnt from two consecutive chunks. What differs between them are its holes; the same JSON with
other values in the holes must give the same chunk with those values in it. JSON being context-free, so do any
values. Performs no I/O.

Learning one takes 40 µs (Python 3.11), and 500 once for a new shape of chunk, whose code is kept.
"""

import json
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from ._batch import Run
from ._maker import Maker, Unfit
from ._template import WHOLE_NUMBER, Template, scanstring, texts_in


__all__ = ["Templates"]

ChunkType = TypeVar("ChunkType")

# What stands in the holes for the proof, a text or a number for each; nothing that a gateway would send.
_TEXTS: Final = ('\ue000 \\ " one', '\ue000 \\ " two', '\ue000 \\ " three')
_NUMBERS: Final = (7_046_029_254_386_353_001, 7_046_029_254_386_353_002, 7_046_029_254_386_353_003)
# As JSON; the opening quote of a text is a part of the literal before it.
_TOKENS: Final = {probe: json.dumps(probe).removeprefix('"') for probe in (*_TEXTS, *_NUMBERS)}
_MOST_HOLES: Final = 3
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


class Templates(Generic[ChunkType]):
    """The templates of one stream; ``most`` is how many bytes an event may have."""

    __slots__ = ("_before", "_decode", "_left", "_most", "_skip", "_tries", "known")

    def __init__(self, most: int) -> None:
        self._most = most
        self.known: list[Template] = []
        """The templates, the one that fitted last first."""
        self._before: str | None = None  # the last data that no template fitted
        self._tries = 0  # since the last template of worth
        self._left = _MOST_TRIES
        # How many chunks pass before the next try. The first two do: the first brings the role and is like no
        # other, and a stream that is short, or whose first chunk is waited for, has no time to learn.
        self._skip = 2

    @property
    def alike(self) -> Template | None:
        """The template by which a lone event may be told."""
        return self.known[0] if self.known and self.known[0].first else None

    def used(self, count: int) -> None:
        """Note how many events were told so."""
        self.known[0].used += count
        self._before = None

    @property
    def eager(self) -> bool:
        """Whether the next events should come one by one, since there is something to learn or to use."""
        return bool(self.known and self.known[0].first) or self._tries < _HOPEFUL

    def stop(self) -> None:
        """Learn no more."""
        self._left = 0
        if not self.known:
            self._tries = _HOPEFUL

    def match(self, text: str) -> ChunkType | None:
        """Return the chunk of an event's data, None where it must go the full way."""
        for place, template in enumerate(self.known):
            chunk: ChunkType | None = template.match(text)
            if chunk is not None:
                template.used += 1
                self._before = None  # what comes next that fits no template is not like this one
                if place:
                    self.known.insert(0, self.known.pop(place))
                return chunk
        return None

    def take(self, data: bytes) -> tuple[list[ChunkType] | Run[ChunkType], int]:
        """
        Return the chunks of the events with which a block begins, as far as they fit, and their length.

        Each is a single line ``data: …`` with LF line ends, and nothing of an event came before the block.
        """
        template = self.known[0] if self.known else None
        if template is None or not template.first or not data.startswith(template.first):
            return [], 0
        self._before = None
        holes = template.holes(data[: data.rfind(b"\n\n") + 2])
        texts = texts_in(holes)
        template.used += len(texts)
        used = sum(map(len, holes[: len(texts)])) + len(texts) * (len(template.first) + len(template.end))
        return Run(template.make, texts, template.path), used

    def learn(self, text: str, chunk: ChunkType, decode: Callable[[str], ChunkType]) -> None:
        """
        Note a chunk that went the full way, and learn from it and the one before, if there is hope.

        That way is ``decode``: it returns the chunk of an event's data, and raises for data that is none.
        """
        if not self._left or len(text) > _LONGEST:
            self._before = None
            return
        if self._skip > 1:  # so that what is not used is not kept either
            self._skip -= 1
            return
        before, self._before = self._before, text
        if self._skip:
            self._skip = 0
            return
        if before is None or not _end_alike(before, text):
            return
        if self.known and self.known[0].used >= _WORTH:
            self.known[0].used = self._tries = 0
        self._tries += 1
        self._left -= 1
        self._skip = min(2**self._tries - 2, _LONGEST_PAUSE)
        try:
            template = self._learnt(before, text, chunk, decode)
        except (Unfit, RecursionError):  # the latter where the caller's own stack is nearly full
            return
        self.known.insert(0, template)
        del self.known[_MOST:]

    def _learnt(
        self, before: str, text: str, chunk: ChunkType, decode: Callable[[str], ChunkType]
    ) -> Template:
        literals, tail, holes = _compared(before, text)
        are_texts = [isinstance(hole, str) for hole in holes]
        probes = [(_TEXTS if is_text else _NUMBERS)[index] for index, is_text in enumerate(are_texts)]
        filled = [literal + _TOKENS[probe] for literal, probe in zip(literals, probes, strict=True)]
        try:
            proof = decode("".join(filled) + tail)
        except Exception:  # noqa: BLE001 - whatever it is, the probes make it no chunk
            raise Unfit from None
        maker = Maker(probes)
        make = maker.maker(proof)
        if make(*probes) != proof or make(*holes) != chunk:
            raise Unfit
        return Template(literals, tail, are_texts, make, maker.path, most=self._most)


def _end_alike(old: str, new: str) -> bool:
    """Tell at little cost whether there is hope: most of what is not alike ends differently."""
    return old[-2:] == new[-2:] or (old[-2:-1].isdigit() and new[-2:-1].isdigit())


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
            number, older = WHOLE_NUMBER.match(new, start), WHOLE_NUMBER.match(old, at_old)
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
