"""Values made from JSON schemas: the arguments of FakeGateway's tool calls, and its structured answers."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio.testing._schema import instance


ONE: dict[str, Any] = {"const": 1}
ONE_EACH: dict[str, Any] = {name: {"properties": {name: ONE}} for name in "ab"}
NODE: dict[str, Any] = {
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {"value": {"type": "integer"}, "next": {"$ref": "#/$defs/Node"}},
            "required": ["value"],
        }
    },
    "$ref": "#/$defs/Node",
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "value"),
        ({"type": "integer"}, 1),
        ({"type": "number"}, 0.5),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": "object"}, {}),
        ({"type": "array"}, ["value"]),
        ({}, "value"),
        (True, "value"),
        ({"properties": {"a": {"type": "null"}}}, {"a": None}),
        ({"items": {"type": "integer"}}, [1]),
        ({"type": ["null", "integer"]}, 1),
        ({"type": ["null"]}, None),
        ({"enum": ["b", "a"]}, "b"),
        ({"enum": [], "type": "integer"}, 1),
        ({"const": None}, None),
        ({"type": "object", "required": ["a"]}, {"a": "a"}),
        (
            {"type": "object", "properties": {"a": {}, "b": {"type": "object"}}, "required": ["a"]},
            {"a": "a", "b": {}},
        ),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 3}, [True] * 3),
        ({"type": "array", "maxItems": 0}, []),
        ({"type": "string", "minLength": 7}, "valuexx"),
        ({"type": "string", "maxLength": 2}, "va"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "string", "format": "unheard-of"}, "value"),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"oneOf": [{"type": "null"}]}, None),
        ({"allOf": [{"properties": {"a": ONE}}, {"properties": {"b": ONE}}]}, {"a": 1, "b": 1}),
        ({"required": ["a"], "allOf": [{"required": ["b"]}], "type": "object"}, {"a": "a", "b": "b"}),
        ({"type": "object", "allOf": [True]}, {}),
        ({"$defs": {"a/b": {"const": 3}}, "$ref": "#/$defs/a~1b"}, 3),
        ({"$defs": {"a": {"type": "string"}}, "$ref": "#/$defs/a", "maxLength": 1}, "v"),
        ({"$ref": "#/$defs/nowhere/at/all"}, "value"),
        ({"$ref": "#"}, "value"),
        ({"$defs": {"List[int]": {"const": 4}}, "$ref": "#/$defs/List%5Bint%5D"}, 4),
        ({"anyOf": [{"const": None}, {"const": 5}], "$defs": {"a": {"$ref": "#/anyOf/1"}}}, 5),
        ({"properties": {"a": {"$ref": "#/$defs/all/1"}}, "$defs": {"all": [1, ONE]}}, {"a": 1}),
        ({"$ref": "#/allOf/7", "allOf": [ONE]}, 1),
        ({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}], "$defs": ONE_EACH}, {"a": 1, "b": 1}),
        ({"allOf": [{"anyOf": [{"minimum": 3}]}, {"oneOf": [{"type": "integer"}]}]}, 3),
        ({"allOf": [{"minLength": 6}, {"minLength": 2}, {"maxLength": 9}, {"maxLength": 7}]}, "valuex"),
        ({"allOf": [{"type": "number"}, {"type": "integer"}]}, 1),
        ({"allOf": [{"type": ["null", "number"]}, {"type": ["string", "number"]}]}, 0.5),
        ({"allOf": [{"enum": [1, 2, 3]}, {"enum": [3, 2]}]}, 2),
        ({"allOf": [{"title": "a"}, {"title": "b", "const": 2}]}, 2),
        (
            {"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"a": {"maxLength": 0}}}]},
            {"a": ""},
        ),
        ({"allOf": [{"items": {"minimum": 4}}, {"items": {"type": "integer"}}]}, [4]),
        ({"additionalProperties": False}, {}),
        ({"additionalProperties": ONE, "required": ["a", "a"]}, {"a": 1}),
        ({"additionalProperties": {"type": "integer"}, "minProperties": 2}, {"key1": 1, "key2": 1}),
        ({"prefixItems": [ONE, {"type": "string"}], "items": False}, [1, "value"]),
        ({"prefixItems": [ONE], "items": {"type": "null"}, "minItems": 3}, [1, None, None]),
        ({"prefixItems": [ONE, ONE], "maxItems": 1}, [1]),
        ({"type": "array", "items": [ONE, {"const": 2}]}, [1, 2]),
        ({"items": False}, []),
        ({"uniqueItems": True, "minItems": 3, "items": {"type": "integer", "multipleOf": 2}}, [2, 4, 6]),
        ({"uniqueItems": True, "minItems": 2, "items": {"type": "boolean"}}, [True, False]),
        ({"uniqueItems": True, "minItems": 2, "items": {"enum": ["a", "b"]}}, ["a", "b"]),
        ({"uniqueItems": True, "minItems": 2}, ["value", "1value"]),
        ({"type": "string", "pattern": "^[A-Z]{2}\\d+$"}, "AA0"),
        ({"type": "string", "pattern": "(?=no)"}, "value"),
        ({"multipleOf": 0.1, "exclusiveMinimum": 0.2}, 0.3),
        ({"type": "integer", "multipleOf": 2.5}, 5),
        ({"minimum": 7}, 7.5),
    ],
)
def test_a_value_fits_its_schema(schema: object, value: object) -> None:
    """The simplest value of each kind; the name of a property is its text."""
    assert instance(schema) == value


@pytest.mark.parametrize(
    ("limits", "whole", "fraction"),
    [
        ({"minimum": 5}, 5, 5.5),
        ({"minimum": 0}, 1, 0.5),
        ({"minimum": 4.5}, 5, 5.0),
        ({"exclusiveMinimum": 5}, 6, 5.5),
        ({"exclusiveMinimum": 0}, 1, 0.5),
        ({"maximum": -3}, -3, -3.5),
        ({"maximum": 9}, 1, 8.5),
        ({"exclusiveMaximum": 1}, 0, 0.5),
        ({"exclusiveMaximum": 9}, 1, 8.5),
        ({"minimum": 2, "maximum": 4}, 2, 3.0),
        ({"exclusiveMinimum": 0, "exclusiveMaximum": 0.5}, None, 0.25),
        ({"multipleOf": 4}, 4, 4),
        ({"multipleOf": 4, "minimum": 5}, 8, 8),
        ({"minimum": 1, "exclusiveMinimum": True}, 1, 1.5),
    ],
)
def test_numbers_keep_within_their_limits(limits: dict[str, Any], whole: int | None, fraction: float) -> None:
    """Open and closed limits, from both sides; where no integer fits, none is asked of it."""
    assert instance({"type": "number", **limits}) == fraction
    made = instance({"type": "integer", **limits})
    assert isinstance(made, int)
    assert whole in (made, None)


@given(st.integers(-1000, 1000), st.integers(0, 50), st.integers(1, 20))
def test_multiples_keep_within_their_limits(low: int, width: int, step: int) -> None:
    """Wherever a multiple lies between the limits, the value is one."""
    limits = {"type": "integer", "minimum": low, "maximum": low + step + width, "multipleOf": step}
    made = instance(limits)
    assert low <= made <= low + step + width
    assert made % step == 0


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    """Deep down, optional parts are left out and nullable ones null; what is required without end stops."""
    depth, node = 0, instance(NODE)
    while "next" in node:
        depth, node = depth + 1, node["next"]
    assert (depth, node) == (4, {"value": 1})
    nullable = {
        "$ref": "#/$defs/N",
        "$defs": {
            "N": {
                "properties": {
                    "next": {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]},
                    "all": {"type": "array", "items": {"$ref": "#/$defs/N"}},
                },
                "required": ["next", "all"],
            }
        },
    }
    assert "'next': None, 'all': []" in str(instance(nullable))
    endless = {"properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert str(instance(endless)).endswith("'a': 'a'" + "}" * 31)


def test_a_choice_that_ends_is_taken_deep_down() -> None:
    """An expression is a sum of expressions until that is deep enough; then it is a number."""
    schema = {
        "$ref": "#/$defs/Expression",
        "$defs": {
            "Expression": {"anyOf": [{"$ref": "#/$defs/Sum"}, {"$ref": "#/$defs/Number"}]},
            "Sum": {"required": ["of"], "properties": {"of": {"$ref": "#/$defs/Expression"}}},
            "Number": {"type": "integer"},
        },
    }
    assert instance(schema) == {"of": {"of": {"of": {"of": 1}}}}


def test_a_schema_without_a_finite_value_does_not_explode() -> None:
    """What requires itself twice would double with each level; it is given up, as some text."""
    child = {"$ref": "#"}
    hopeless = {"properties": {"a": child, "b": child}, "required": ["a", "b"]}
    assert len(json.dumps(instance(hopeless))) < 1_000_000
    assert instance({"allOf": [{"$ref": "#"}, {"$ref": "#"}], "type": "integer"}) == 1


def fits(value: Any, schema: Any, root: Any) -> bool:
    """Return whether a schema accepts a value; for the keywords that the schemas below are made of."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if any(not fits(value, part, root) for part in schema.get("allOf", ())):
        return False
    if "anyOf" in schema and not any(fits(value, part, root) for part in schema["anyOf"]):
        return False
    if "enum" in schema or "const" in schema:
        return value in schema.get("enum", [schema.get("const")])
    match schema.get("type"):
        case "object":
            members = schema["properties"]
            return (
                isinstance(value, dict)
                and all(name in value for name in schema["required"])
                and all(fits(value[name], member, root) for name, member in members.items() if name in value)
            )
        case "array":
            low, high = schema["minItems"], schema["maxItems"]
            return (
                isinstance(value, list)
                and low <= len(value) <= high
                and all(fits(item, schema["items"], root) for item in value)
            )
        case "string":
            return isinstance(value, str) and schema["minLength"] <= len(value) <= schema["maxLength"]
        case "integer" | "number" as kind:
            assert not isinstance(value, bool)
            right_kind = isinstance(value, int | (float if kind == "number" else int))
            return right_kind and schema["minimum"] <= value <= schema["maximum"]
        case "boolean" | "null" as kind:
            return value is None if kind == "null" else isinstance(value, bool)
        case _:
            return True


LIMITS: Mapping[str, tuple[str, str, int]] = {
    "integer": ("minimum", "maximum", -20),
    "number": ("minimum", "maximum", -20),
    "string": ("minLength", "maxLength", 0),
}
PLAIN: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"type": "boolean"}, {"type": "null"}, {}, {"enum": ["b", None, 1]}, {"const": []}]
)


@st.composite
def limited(draw: st.DrawFn) -> dict[str, Any]:
    """Make a schema of one type with a lower and an upper limit."""
    kind = draw(st.sampled_from(sorted(LIMITS)))
    low_key, high_key, least = LIMITS[kind]
    low = draw(st.integers(least, 20))
    return {"type": kind, low_key: low, high_key: low + draw(st.integers(0, 5))}


@st.composite
def objects(draw: st.DrawFn, names: str, depth: int) -> dict[str, Any]:
    """Make the schema of an object with some of these properties, some of them required."""
    members = {name: draw(schemas(depth)) for name in names if draw(st.booleans())}
    required = [name for name in members if draw(st.booleans())]
    return {"type": "object", "properties": members, "required": required}


@st.composite
def schemas(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """Make a schema that has a value, of so many levels."""
    references = st.sampled_from([{"$ref": "#/$defs/leaf"}, {"$ref": "#/$defs/tree"}])
    match draw(st.sampled_from("lllraocp")) if depth else "l":
        case "r":
            return draw(references)
        case "a":
            low = draw(st.integers(0, 3))
            high = low + draw(st.integers(0, 2))
            return {"type": "array", "items": draw(schemas(depth - 1)), "minItems": low, "maxItems": high}
        case "o":
            return draw(objects("abc", depth - 1))
        case "c":
            return {"anyOf": draw(st.lists(schemas(depth - 1), min_size=1, max_size=3))}
        case "p":
            return {"allOf": [draw(objects("ab", depth - 1)), draw(objects("cd", depth - 1))]}
        case _:
            return draw(limited() | PLAIN)


@given(schemas(), schemas(0))
def test_a_value_fits_whatever_the_schema(schema: Mapping[str, Any], leaf: Mapping[str, Any]) -> None:
    """Types, limits, enums, nested objects and arrays, choices, parts and references in any combination."""
    child = {"$ref": "#/$defs/tree"}
    tree = {
        "type": "object",
        "properties": {"leaf": leaf, "left": {"anyOf": [child, {"type": "null"}]}, "right": child},
        "required": ["leaf", "left"],
    }
    root = {**schema, "$defs": {"leaf": leaf, "tree": tree}}
    made = instance(root)
    assert fits(json.loads(json.dumps(made)), schema, root)
