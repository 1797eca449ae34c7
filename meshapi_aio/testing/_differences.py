"""
In what two JSON values differ, told so that a person sees it at once.

Pure functions; this room performs no I/O.
"""

import json
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from ._json import JSON, is_array, is_object


Ignored: TypeAlias = Callable[[str], bool]
"""Whether the value at a path such as ``messages.0.content`` is not to be looked at, nor what is below it."""

_SHOWN = 120  # characters of a value
_BEFORE = 30  # of them before the first difference of two texts: prompts often begin alike


class _Absent:
    """Stands for a value that is not there, which null is."""


_ABSENT: Final = _Absent()


def differences(
    wanted: JSON, received: JSON, ignored: Ignored, path: str = "", *, verb: str = "recorded"
) -> Iterator[str]:
    """
    Yield the differences of two JSON values, none where they are equal.

    The order of names does not count, nor whether a number is written ``1`` or ``1.0``. ``path`` is the name
    of the whole, ``verb`` says what the first value was: ``model: recorded "a", received "b"``.
    """
    if path and ignored(path):
        return
    if is_object(wanted) and is_object(received):
        for name in {**wanted, **received}:
            one, other = wanted.get(name, _ABSENT), received.get(name, _ABSENT)
            yield from differences(one, other, ignored, _below(path, name), verb=verb)
    elif is_array(wanted) and is_array(received):
        for index in range(max(len(wanted), len(received))):
            one, other = ((*items[index : index + 1], _ABSENT)[0] for items in (wanted, received))
            yield from differences(one, other, ignored, _below(path, str(index)), verb=verb)
    elif not _are_equal(wanted, received):
        start = _first_difference(wanted, received)
        one, other = _shown(verb, wanted, start), _shown("received", received, start)
        yield f"{path or 'the body'}: {one}, {other}"


def _below(path: str, name: str) -> str:
    """Return the path of a part; that of a parameter is ``?name``."""
    return f"{path}.{name}" if path.strip("?") else f"{path}{name}"


def _are_equal(one: JSON, other: JSON) -> bool:
    """Return whether two values that have no parts are equal; Python takes true for 1."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _first_difference(one: JSON, other: JSON) -> int:
    """Return where two texts begin to differ, 0 for anything else."""
    if not isinstance(one, str) or not isinstance(other, str):
        return 0
    pairs = zip(one, other, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _shown(verb: str, value: JSON, start: int) -> str:
    """Return a value, of a long one what stands around its first difference."""
    if value is _ABSENT:
        return f"not {verb}"
    left = max(0, start - _BEFORE)
    text = json.dumps(value[left:] if left else value, ensure_ascii=False)
    return f"{verb} {'…' if left else ''}{text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}"
