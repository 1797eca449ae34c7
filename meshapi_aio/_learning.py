"""
How a template is learnt: from two events, of one stream or of two.

What differs between them are its holes; the same JSON with other values in the holes must give the same chunk
with those values in it. JSON being context-free, so do any values. Performs no I/O.

Learning one takes 33 µs (Python 3.11), and 500 once for a new shape of chunk, whose code is kept.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from ._maker import Maker, Unfit
from ._template import WHOLE_NUMBER, Template, scanstring


__all__ = ["MOST_HOLES", "end_alike", "filled", "learnt"]

MOST_HOLES: Final = 5
# What stands in the holes for the proof, a text or a number for each; nothing that a gateway would send.
_TEXTS: Final = tuple(f'\ue000 \\ " {number}' for number in range(MOST_HOLES))
_NUMBERS: Final = tuple(7_046_029_254_386_353_001 + number for number in range(MOST_HOLES))
# As JSON; the opening quote of a text is a part of the literal before it.
_TOKENS: Final = {probe: json.dumps(probe).removeprefix('"') for probe in (*_TEXTS, *_NUMBERS)}


def learnt(
    before: str, text: str, chunk: Any, decode: Callable[[str], Any], *, most: int, holes: int
) -> Template | None:
    """
    Return the template of two events' data, with so many holes at most; None where there is none.

    ``chunk`` is that of the second. ``decode`` takes data the full way: it returns its chunk, and raises for
    data that is none. ``most`` is how many bytes an event may have.
    """
    try:
        literals, tail, values = _compared(before, text, holes)
        are_texts = [isinstance(value, str) for value in values]
        probes = [(_TEXTS if is_text else _NUMBERS)[index] for index, is_text in enumerate(are_texts)]
        try:
            proof = decode(_put_together(literals, probes, tail))
        except Exception:  # noqa: BLE001 - whatever it is, the probes make it no chunk
            return None
        maker = Maker(probes)
        make = maker.maker(proof)
        if make(*probes) != proof or make(*values) != chunk:
            return None
    except (Unfit, RecursionError):  # the latter where the caller's own stack is nearly full
        return None
    return Template(literals, tail, are_texts, make, maker.path, most=most)


def filled(template: Template, number: int) -> tuple[str, Any]:
    """Return an event's data that fits a template with one text, and its chunk; each number gives another."""
    probe = _TEXTS[number]
    return _put_together(template.literals, [probe], template.tail), template.make(probe)


def _put_together(literals: Sequence[str], probes: Sequence[str | int], tail: str) -> str:
    parts = [literal + _TOKENS[probe] for literal, probe in zip(literals, probes, strict=True)]
    return "".join(parts) + tail


def end_alike(old: str, new: str) -> bool:
    """Tell at little cost whether there is hope: most of what is not alike ends differently."""
    return old[-2:] == new[-2:] or (old[-2:-1].isdigit() and new[-2:-1].isdigit())


def _compared(old: str, new: str, limit: int) -> tuple[list[str], str, list[str | int]]:
    """Return the literals that two events' data share, the last of them, and what the second has between."""
    literals: list[str] = []
    holes: list[str | int] = []
    at_old = at_new = 0
    while True:
        same = _common(old, at_old, new, at_new)
        if at_old + same == len(old) and at_new + same == len(new):
            return literals, new[at_new:], holes
        if len(holes) == limit:
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
            if new[at_new : at_new + 1] == ":":  # the name of a key; found by the maker, it takes 0.1 ms more
                raise Unfit
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
