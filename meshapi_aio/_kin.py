"""
What the streams of one client have learnt, for those that come.

Two streams of one model differ in an id and a time besides their texts. A template for both is learnt from
those of either, as each of these is from two events; filled with what a third stream has there, it is that
one's own, which need not learn then: 100 chunks take 235 µs instead of 287, and 20 take 80 instead of 112
(Python 3.11). Of what was said nothing is kept but what all chunks of a stream share. Performs no I/O.
"""

from collections.abc import Callable
from typing import Any, Final

from ._learning import MOST_HOLES, filled, learnt
from ._template import Template


__all__ = ["Kin"]

_MOST: Final = 4  # as many models may take turns
_LONGEST_PAUSE: Final = 9  # as a power of two
# After so many tries in a row that brought nothing, one stream of so many tries again. Of 100 chunks that no
# template fits, the tries took a third of the time.
_VAIN: Final = 8
_PERIOD: Final = 64


class Kin:
    """The templates of the streams of one class."""

    __slots__ = ("_before", "_known", "_skip", "_streams", "_tries", "_vain")

    def __init__(self) -> None:
        self._known: list[Template] = []  # the one that fitted last comes first
        self._before: Template | None = None  # of the stream that learnt last
        self._tries = 0  # since one of them was of use
        self._skip = 0  # how many streams pass before the next try
        self._vain = 0  # tries of streams, in a row, that brought them nothing
        self._streams = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known yet."""
        return not self._known

    def discourages(self) -> bool:
        """Take one more stream; return whether it should not try, since those before it did in vain."""
        self._streams += 1
        return self._vain >= _VAIN and self._streams % _PERIOD != 0

    def tried(self, template: Template | None) -> None:
        """Note what came of a stream's try to learn."""
        self._vain = self._vain + 1 if template is None else 0

    def match(self, text: str, most: int) -> tuple[Any, Template] | None:
        """
        Return the chunk of an event's data, and the template of its stream; None where nothing is known.

        ``most`` is how many bytes an event of that stream may have.
        """
        for place, template in enumerate(self._known):
            found = template.within(text, most)
            if found is not None:
                self._tries = 0
                if place:
                    self._known.insert(0, self._known.pop(place))
                return found
        return None

    def learn(self, template: Template, decode: Callable[[str], Any]) -> None:
        """Note what a stream has learnt, a template with one text, and learn from it and the one before."""
        before, self._before = self._before, template
        if before is None or before.path != template.path:
            return
        if self._skip:
            self._skip -= 1
            return
        self._tries += 1
        self._skip = 2 ** min(self._tries, _LONGEST_PAUSE) - 2
        text, chunk = filled(template, 1)
        found = learnt(filled(before, 0)[0], text, chunk, decode, most=template.most, holes=MOST_HOLES)
        if found is not None and found.path == template.path and found.are_texts[-1]:
            self._known.insert(0, found)
            del self._known[_MOST:]
