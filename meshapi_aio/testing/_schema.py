"""
Values that a JSON schema accepts, the same one every time.

Pure functions. Known are ``type``, ``enum``, ``const``, ``properties``, ``required``, ``items``, local
``$ref``, ``anyOf``, ``oneOf``, ``allOf``, and the limits of numbers, strings and arrays; ``pattern`` and
conditions are not.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from ._json import Object, is_array, is_object


_DEEP = 4  # levels after which only what is required is made: a schema that refers to itself comes to an end
_DEEPEST = 30  # levels after which nothing is made: a schema that requires itself accepts no finite value
_FORMATS: Mapping[str, str] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "email": "someone@example.com",
    "ipv4": "192.0.2.1",
    "time": "12:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def instance(schema: object, name: str = "value") -> Any:
    """Return a value that the schema accepts; ``name`` is the text where any text will do."""
    return _make(schema, schema, name, 0)


def _make(schema: object, root: object, name: str, depth: int) -> Any:
    """Return a value for one schema inside the root schema."""
    if not is_object(schema) or depth > _DEEPEST:
        return name
    plain = _resolved(schema, root, depth)
    if "const" in plain:
        return plain["const"]
    if plain.get("enum"):
        return plain["enum"][0]
    return _MAKERS.get(_type(plain), _text)(plain, root, name, depth)


def _resolved(schema: Object, root: object, depth: int) -> Object:
    """Return the schema with its reference, the first of its choices and all its parts merged into one."""
    merged: dict[str, Any] = dict(schema)
    for _ in range(_DEEPEST):
        if "$ref" in merged:
            merged = _merge(_target(root, merged.pop("$ref")), merged)
        elif choices := merged.pop("anyOf", None) or merged.pop("oneOf", None):
            merged = _merge(merged, _choice(choices, depth))
        elif parts := merged.pop("allOf", None):
            for part in parts:
                merged = _merge(merged, part)
        else:
            break
    return merged


def _choice(choices: list[Any], depth: int) -> object:
    """Return the first choice that is more than null; deep down null itself, where it is one."""
    nulls = [choice for choice in choices if choice == {"type": "null"}]
    others = [choice for choice in choices if choice not in nulls]
    return (nulls or others)[0] if depth >= _DEEP else (others or nulls)[0]


def _merge(one: object, other: object) -> dict[str, Any]:
    """Return both schemas as one, which holds the properties and the required names of both."""
    left: dict[str, Any] = dict(one) if is_object(one) else {}
    right: dict[str, Any] = dict(other) if is_object(other) else {}
    merged = left | right
    if "properties" in left and "properties" in right:
        merged["properties"] = left["properties"] | right["properties"]
    if "required" in left and "required" in right:
        merged["required"] = [*left["required"], *right["required"]]
    return merged


def _target(root: object, reference: str) -> object:
    """Return what a local reference (``#/$defs/Name``) points to, None where it points to nothing."""
    found = root
    for key in reference.lstrip("#").split("/")[1:]:
        found = found.get(key.replace("~1", "/").replace("~0", "~")) if is_object(found) else None
    return found


def _type(schema: Object) -> str:
    """Return the type the value shall have, told from the other keywords where it is not given."""
    given = schema.get("type")
    if is_array(given):
        return next((name for name in given if name != "null"), "null")
    if isinstance(given, str):
        return given
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _object(schema: Object, root: object, _: str, depth: int) -> dict[str, Any]:
    """Return an object with all its properties; deep down with the required ones only."""
    properties: Object = schema.get("properties", {})
    required: list[str] = schema.get("required", [])
    names = [name for name in properties if depth < _DEEP or name in required]
    names += [name for name in required if name not in properties]
    return {name: _make(properties.get(name), root, name, depth + 1) for name in names}


def _array(schema: Object, root: object, name: str, depth: int) -> list[Any]:
    """Return an array of one item, or of as many as are wanted; deep down of none unless one is wanted."""
    count = max(schema.get("minItems", 0), 1 if depth < _DEEP else 0)
    count = min(count, schema.get("maxItems", count))
    return [_make(schema.get("items"), root, name, depth + 1) for _ in range(count)]


def _limit(schema: Object, key: str) -> float | None:
    """Return a limit; None where it is absent, or a boolean as in the oldest drafts."""
    limit = schema.get(key)
    return None if limit is None or isinstance(limit, bool) else limit


def _stepped(schema: Object, step: float) -> float:
    """Return a multiple of the step within the limits, the step itself where nothing speaks against it."""
    value = step
    if (low := _limit(schema, "minimum")) is not None and value < low:
        value = math.ceil(low / step) * step
    if (low := _limit(schema, "exclusiveMinimum")) is not None and value <= low:
        value = (math.floor(low / step) + 1) * step
    if (high := _limit(schema, "maximum")) is not None and value > high:
        value = math.floor(high / step) * step
    if (high := _limit(schema, "exclusiveMaximum")) is not None and value >= high:
        value = (math.ceil(high / step) - 1) * step
    return value


def _whole_number(schema: Object, *_: object) -> int:
    """Return an integer within the limits, 1 where nothing speaks against it."""
    return int(_stepped(schema, math.ceil(_limit(schema, "multipleOf") or 1)))


def _number(schema: Object, *_: object) -> float:
    """Return a number within the limits, 0.5 where nothing speaks against it."""
    if step := _limit(schema, "multipleOf"):
        return _stepped(schema, step)
    lows = [low for key in ("minimum", "exclusiveMinimum") if (low := _limit(schema, key)) is not None]
    highs = [high for key in ("maximum", "exclusiveMaximum") if (high := _limit(schema, key)) is not None]
    if lows and highs:
        return (max(lows) + min(highs)) / 2
    if lows:
        return max(lows) + 0.5
    return min(highs) - 0.5 if highs else 0.5


def _text(schema: Object, _: object, name: str, __: int) -> str:
    """Return a text of the wanted format or length."""
    text = _FORMATS.get(schema.get("format", ""), name)
    least: int = schema.get("minLength", 0)
    most: int = schema.get("maxLength", max(least, len(text)))
    return text.ljust(least, "x")[:most]


def _true(*_: object) -> bool:
    """Return a boolean."""
    return True


def _null(*_: object) -> None:
    """Return null."""


_MAKERS: Mapping[str, Callable[[Object, object, str, int], Any]] = {
    "object": _object,
    "array": _array,
    "integer": _whole_number,
    "number": _number,
    "boolean": _true,
    "null": _null,
}
