"""Values made from JSON schemas: the arguments of FakeGateway's tool calls."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio.testing._schema import instance


ONE: dict[str, Any] = {"const": 1}
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
