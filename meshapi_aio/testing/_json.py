"""
JSON as plain Python values: what a value is, and its bytes.

Pure functions; this room performs no I/O.
"""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeGuard

from .._shape import Shape


JSON: TypeAlias = Any
"""Anything that ``json.dumps`` takes, and the shapes of this package's client in it."""

Object: TypeAlias = Mapping[str, Any]
"""A JSON object."""


def is_object(value: object) -> TypeGuard[Object]:
    """Return whether the value is a JSON object."""
    return isinstance(value, Mapping)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Return whether the value is a JSON array."""
    return isinstance(value, list)


def json_bytes(value: JSON) -> bytes:
    """
    Return the value as compact JSON in UTF-8.

    Half a surrogate pair has no UTF-8 form; a text that holds one is written with escapes instead. Raises
    ``TypeError`` or ``ValueError`` for what is no JSON.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> Object:
    """Return a shape as the JSON object that it is."""
    if isinstance(value, Shape):
        return value.to_dict()
    msg = f"{value!r:.100} ({type(value).__name__}) is not JSON serializable"
    raise TypeError(msg)
