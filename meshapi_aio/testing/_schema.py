"""
Values that a JSON schema accepts, the same one every time.

Pure functions. Known are ``type``, ``enum``, ``const``, ``properties``, ``required``,
``additionalProperties``, ``minProperties``, ``items``, ``prefixItems``, ``uniqueItems``, local ``$ref``,
``anyOf``, ``oneOf``, ``allOf``, ``format``, ``pattern``, and the limits of numbers, strings and arrays;
``not`` and conditions are not.
"""

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from ._json import Object, is_array, is_object
from ._pattern import matching
from ._schema_merge import plain


_DEEP = 4  # levels after which only what is required is made: a schema that refers to itself comes to an end
_MOST = 10_000  # values in all: what requires itself twice would double with each level
_DEEPEST = 30  # levels after which nothing is made: a schema that requires itself accepts no finite value
_FORMATS: Mapping[str, str] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "email": "someone@example.com",
    "duration": "P1D",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "12:00:00Z",
    "uri": "https://example.com/",
    "uri-reference": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_TELLING = (
    (frozenset({"properties", "required", "additionalProperties", "minProperties"}), "object"),
    (frozenset({"items", "prefixItems", "minItems", "uniqueItems"}), "array"),
    (frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}), "number"),
)
"""Keywords that tell the type where none is given."""


def instance(schema: object, name: str = "value") -> Any:
    """Return a value that the schema accepts; ``name`` is the text where any text will do."""
    return _Maker(schema).make(schema, name, 0)


class _Maker:
    """Makes values for one root schema and whatever stands in it."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._left = _MOST

    def make(self, schema: object, name: str, depth: int) -> Any:
        """Return a value for a schema that stands so many levels deep."""
        self._left -= 1
        if not is_object(schema) or depth > _DEEPEST or self._left < 0:
            return name
        given = self._plain(schema, depth)
        if "const" in given:
            return given["const"]
        if given.get("enum"):
            return given["enum"][0]
        match _type(given):
            case "object":
                return self._object(given, depth)
            case "array":
                return self._array(given, name, depth)
            case "integer":
                return _whole_number(given)
            case "number":
                return _number(given)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _text(given, name)

    def _plain(self, schema: object, depth: int) -> Object:
        """Return a schema of that level made plain."""
        return plain(schema, self._root, deep=depth >= _DEEP)

    def _object(self, schema: Object, depth: int) -> dict[str, Any]:
        """Return an object with all its properties; deep down with the required ones only."""
        properties: Object = schema.get("properties", {})
        required: list[str] = schema.get("required", [])
        others = schema.get("additionalProperties")
        names = [name for name in properties if depth < _DEEP or name in required]
        names += [name for name in dict.fromkeys(required) if name not in properties]
        made = {name: self.make(properties.get(name, others), name, depth + 1) for name in names}
        for number in range(1, schema.get("minProperties", 0) - len(made) + 1):
            made[f"key{number}"] = self.make(others, f"key{number}", depth + 1)
        return made

    def _array(self, schema: Object, name: str, depth: int) -> list[Any]:
        """Return an array of one item, or of as many as are wanted; deep down of as few as possible."""
        items = schema.get("items")
        heads: list[Any] = schema.get("prefixItems", items if is_array(items) else [])
        wanted = len(heads) or (items is not False)
        count = max(schema.get("minItems", 0), wanted if depth < _DEEP or heads else 0)
        count = min(count, schema.get("maxItems", count))
        made = [self.make(head, name, depth + 1) for head in heads[:count]]
        rest = count - len(made)
        if not schema.get("uniqueItems"):
            return made + [self.make(items, name, depth + 1) for _ in range(rest)]
        for number in range(rest):
            item = _without(self._plain(items, depth + 1), made)
            made.append(self.make(item, f"{number}{name}" if number else name, depth + 1))
        return made


def _without(schema: Object, made: list[Any]) -> Object:
    """Return a schema that accepts none of the enumerated values and the numbers that were made before."""
    if "enum" in schema or schema.get("type") == "boolean":
        return {"enum": [value for value in schema.get("enum", [True, False]) if value not in made]}
    numbers = [value for value in made if isinstance(value, int | float)]
    return {**schema, "exclusiveMinimum": max(numbers)} if numbers else schema


def _type(schema: Object) -> str:
    """Return the type the value shall have, told from the other keywords where it is not given."""
    given = schema.get("type")
    if is_array(given):
        return next((name for name in given if name != "null"), "null")
    if isinstance(given, str):
        return given
    return next((name for keywords, name in _TELLING if keywords & schema.keys()), "string")


def _limits(schema: Object, *keys: str) -> Iterator[float]:
    """Yield those limits that are given; a boolean, as in the oldest drafts, is none."""
    for key in keys:
        limit = schema.get(key)
        if limit is not None and not isinstance(limit, bool):
            yield limit


def _stepped(schema: Object, step: Fraction) -> Fraction:
    """Return a multiple of the step within the limits, the step itself where nothing speaks against it."""
    value = step
    for low in _limits(schema, "minimum"):
        value = max(value, math.ceil(Fraction(low) / step) * step)
    for low in _limits(schema, "exclusiveMinimum"):
        value = max(value, (math.floor(Fraction(low) / step) + 1) * step)
    for high in _limits(schema, "maximum"):
        value = min(value, math.floor(Fraction(high) / step) * step)
    for high in _limits(schema, "exclusiveMaximum"):
        value = min(value, (math.ceil(Fraction(high) / step) - 1) * step)
    return value


def _step(schema: Object) -> Fraction | None:
    """Return what the value shall be a multiple of; as written, since 0.1 is not what a float makes of it."""
    return next((Fraction(str(step)) for step in _limits(schema, "multipleOf")), None)


def _whole_number(schema: Object) -> int:
    """Return an integer within the limits, 1 where nothing speaks against it."""
    step = _step(schema)
    return int(_stepped(schema, Fraction(1 if step is None else step.numerator)))


def _number(schema: Object) -> float:
    """Return a number within the limits, 0.5 where nothing speaks against it."""
    if step := _step(schema):
        value = _stepped(schema, step)
        return int(value) if value.denominator == 1 else float(value)
    lows = [*_limits(schema, "minimum", "exclusiveMinimum")]
    highs = [*_limits(schema, "maximum", "exclusiveMaximum")]
    if lows and highs:
        return (max(lows) + min(highs)) / 2
    if lows:
        return max(lows) + 0.5
    return min(highs) - 0.5 if highs else 0.5


def _text(schema: Object, name: str) -> str:
    """Return a text of the wanted format, pattern or length."""
    least: int = schema.get("minLength", 0)
    if made := matching(schema["pattern"], least=least) if "pattern" in schema else None:
        return made
    text = _FORMATS.get(schema.get("format", ""), name)
    most: int = schema.get("maxLength", max(least, len(text)))
    return text.ljust(least, "x")[:most]
