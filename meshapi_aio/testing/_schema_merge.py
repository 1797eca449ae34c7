"""
JSON schemas made plain: references followed, choices made, all parts merged into one.

Pure functions; this room performs no I/O.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from ._json import Object, is_array, is_object


_COMBINING = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
_HOPS = 10  # references and parts inside each other: an end for a schema that is a part of itself
_NULLS = ({"type": "null"}, {"const": None})

_TIGHTER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    **dict.fromkeys(
        ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "uniqueItems"), max
    ),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}


def plain(schema: object, root: object, *, deep: bool, hops: int = _HOPS) -> Object:
    """
    Return the schema with its reference, one of its choices and all its parts merged into it.

    The first choice that is more than null is taken; where it is ``deep`` already, null itself or a choice
    that refers to nothing else, so that a schema that refers to itself comes to an end.
    """
    if not is_object(schema) or not hops:
        return {}
    parts = list(schema.get("allOf", ()))
    if "$ref" in schema:
        parts.append(_target(root, schema["$ref"]))
    choices = filter(None, (schema.get("anyOf"), schema.get("oneOf")))
    parts.extend(_choice(among, root, deep=deep, hops=hops) for among in choices)
    merged: Object = {key: value for key, value in schema.items() if key not in _COMBINING}
    for part in parts:
        merged = _merge(merged, plain(part, root, deep=deep, hops=hops - 1))
    return merged


def _choice(choices: list[Any], root: object, *, deep: bool, hops: int) -> object:
    """Return the choice to be taken."""
    nulls = [choice for choice in choices if choice in _NULLS]
    others = [choice for choice in choices if choice not in _NULLS]
    if not deep:
        return (others or nulls)[0]
    ending = (
        choice
        for choice in others
        if '"$ref"' not in json.dumps(plain(choice, root, deep=True, hops=hops - 1))
    )
    return next(iter([*nulls, *ending, *others]))


def _merge(left: Object, right: Object) -> Object:
    """Return a schema that accepts what both accept."""
    merged = dict(left)
    for key, value in right.items():
        merged[key] = _merge_keyword(key, left[key], value) if key in left else value
    return merged


def _merge_keyword(key: str, left: Any, right: Any) -> Any:
    """Return what one keyword says where two schemas are merged that both have it."""
    match key:
        case "type":
            return _common_types(left, right)
        case "properties":
            both = {name: {"allOf": [left[name], right[name]]} for name in left.keys() & right.keys()}
            return {**left, **right, **both}
        case "items" | "additionalProperties" if is_object(left) and is_object(right):
            return {"allOf": [left, right]}
        case "required":
            return [*left, *right]
        case "enum":
            return [value for value in left if value in right]
        case _ if key in _TIGHTER:
            return _TIGHTER[key](left, right)
        case _:
            return right


def _common_types(left: str | list[str], right: str | list[str]) -> list[str]:
    """Return the types that both allow; every integer is a number."""
    ours, theirs = ([given] if isinstance(given, str) else given for given in (left, right))
    common = [name for name in ours if name in theirs]
    whole = ["integer"] if {"integer", "number"} <= {*ours, *theirs} and "number" not in common else []
    return common + [name for name in whole if name not in common]


def _target(root: object, reference: str) -> object:
    """Return what a local reference (``#/$defs/Name``) points to, None where it points to nothing."""
    found = root
    for key in unquote(reference).lstrip("#").split("/")[1:]:
        name = key.replace("~1", "/").replace("~0", "~")
        if is_array(found) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            found = found.get(name) if is_object(found) else None
    return found
