"""
Decoded JSON in, shapes out. Performs no I/O.

What is usual is made in a straight line (``_quick.py``). What that does not know goes to the hooks of cattrs
(``_hooks.py``), which take it or tell what is wrong with it, and where. They are imported when the first such
value comes: a completion and its chunks need none, and an import of this package is 10 ms shorter.
"""

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar, get_args, get_origin

from ._quick import quick
from ._shape import Shape


__all__ = ["structurer", "unfit"]

T = TypeVar("T")


def structurer(kind: type[T]) -> Callable[[Any], T]:
    """Return the function that makes a shape of decoded JSON; :func:`unfit` explains what it raises."""
    any_kind: Any = kind
    structure: Callable[[Any], T] = _structurer(any_kind)
    return structure


@functools.cache
def _structurer(kind: Any) -> Callable[[Any], Any]:
    hook = _hook_for(kind)
    if not (isinstance(kind, type) and issubclass(kind, Shape)):
        return lambda value: hook(value, kind)
    at_once: Any = quick(kind, _hook_for)

    def structure(value: Any) -> Any:
        try:
            return at_once(value)
        except Exception:  # noqa: BLE001 - whatever it is, the hooks decide
            return hook(value, kind)

    return structure


def _hook_for(kind: Any) -> Callable[[Any, Any], Any]:
    found: list[Callable[[Any, Any], Any]] = []

    def hook(value: Any, _: Any) -> Any:
        if not found:
            found.append(_careful().hook_for(kind))
        return found[0](value, kind)

    if not _has_hook(kind):
        found.append(_careful().hook_for(kind))  # raises what it has to say, and here, not at the first value
    return hook


def _has_hook(kind: Any) -> bool:
    """Tell whether there are hooks for an annotation: for dicts with values of one type there are none."""
    return (get_origin(kind) is not dict or kind == dict[str, Any]) and all(map(_has_hook, get_args(kind)))


def unfit(error: Exception) -> str:
    """Return why some JSON did not fit its shape, with the path of each place (the first three)."""
    told: str = _careful().unfit(error)
    return told


def _careful() -> Any:
    return import_module("._hooks", __package__)
