"""
The templates of one stream, learnt as its chunks come: each from two neighbours.

Performs no I/O.
"""

from collections.abc import Callable
from typing import Final, Generic, TypeVar, cast

from ._batch import Run
from ._kin import Kin
from ._learning import end_alike, learnt
from ._template import Template, texts_in


__all__ = ["Templates"]

ChunkType = TypeVar("ChunkType")

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
_YOUNG: Final = 3  # of so many events after the first, one is like those of other streams, or none is


class Templates(Generic[ChunkType]):
    """
    The templates of one stream; ``most`` is how many bytes an event may have.

    ``kin`` knows what other streams have learnt.
    """

    __slots__ = ("_before", "_kin", "_left", "_most", "_tries", "known", "skip", "young")

    def __init__(self, most: int, kin: Kin | None = None) -> None:
        self._most = most
        self._kin = kin
        self.young = 0 if kin is None or kin.is_empty else _YOUNG + 1
        """How many events more may be like those of other streams, where none fits a template."""
        self.known: list[Template] = []
        """The templates, the one that fitted last first."""
        self._before: str | None = None  # the last data that no template fitted
        self._tries = 0  # since the last template of worth
        self._left = _MOST_TRIES
        self.skip = 1
        """
        How many chunks pass. For each :meth:`learn` counts it down, and does no more; or its caller does.

        The first two chunks pass before the first try: the first brings the role and is like no other, and a
        stream that is short, or whose first chunk is waited for, has no time to learn.
        """
        if kin is not None and kin.discourages():
            self._tries, self.skip = _HOPEFUL, _LONGEST_PAUSE

    @property
    def alike(self) -> Template | None:
        """The template by which events may be told by their texts."""
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
        """Learn no more, unless it is for others."""
        if self._kin is not None and self._kin.is_empty and self._tries < _HOPEFUL:
            return
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
        if self.young and self._kin is not None:
            self.young -= 1
            # The first one brings the role and is like no other, and somebody waits for it.
            found = self._kin.match(text, self._most) if self.young < _YOUNG else None
            if found is not None:
                self._settle(found[1])
                return cast("ChunkType", found[0])
        return None

    def _settle(self, template: Template) -> None:
        self.young = 0
        self.known.insert(0, template)
        del self.known[_MOST:]

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
        if self.skip:
            self.skip -= 1
            return
        if not self._left or len(text) > _LONGEST:
            self._before = None
            return
        before, self._before = self._before, text
        if before is None or not end_alike(before, text):
            return
        if self.known and self.known[0].used >= _WORTH:
            self.known[0].used = self._tries = 0
        self._tries += 1
        self._left -= 1
        pause = min(2**self._tries - 2, _LONGEST_PAUSE)
        if pause:
            self.skip, self._before = pause - 1, None  # the last of them is noted, for the next try
        template = learnt(before, text, chunk, decode, most=self._most, holes=_MOST_HOLES)
        if self._kin is not None:
            self._kin.tried(template)
        if template is not None:
            self._settle(template)
            if self._kin is not None and template.first:
                self._kin.learn(template, decode)
