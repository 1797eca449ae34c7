"""Which calls go to a path: the routes of the registry, read backwards. Pure."""

import functools
import re
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import unquote

from .call import PLACE, Call, StreamCall
from .endpoints import every_call


__all__ = ["AnyCallClass", "calls_at", "in_path"]

AnyCallClass: TypeAlias = type[Call[Any]] | type[StreamCall[Any]]


def calls_at(path: str, method: str | None = None) -> list[tuple[AnyCallClass, Mapping[str, str]]]:
    """Return the calls that go to a path, each with its path fields; of several routes the plainest."""
    found: list[tuple[AnyCallClass, Mapping[str, str]]] = []
    for kind in every_call().values():
        if method in {None, kind.route.method}:
            places = in_path(kind.route.path, path)
            if places is not None:
                found.append((kind, places))
    fewest = min((len(places) for _, places in found), default=0)
    return [(kind, places) for kind, places in found if len(places) == fewest]


def in_path(template: str, path: str) -> Mapping[str, str] | None:
    """Return what stands at the places of a template in a path as it was sent, None for another path."""
    fits = _pattern(template).fullmatch(path)
    return None if fits is None else {name: unquote(value) for name, value in fits.groupdict().items()}


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    """Return the pattern of the paths of a template."""
    pieces = PLACE.split(template)  # text, name, ":path" or None, text, …
    pattern = re.escape(pieces[0])
    for name, rest, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        pattern += f"(?P<{name}>{'.+' if rest else '[^/]+'}){re.escape(text)}"
    return re.compile(pattern)
