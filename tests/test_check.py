"""What calls are made with: wrong types are named, misspelt keywords understood, copies stay as they were."""

import collections
import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio._check import check_arguments, set_checks_aside, snapshot


@attrs.define
class Point:
    """An attrs class that fields may hold."""

    x: int = 0
    tags: list[str] = attrs.field(factory=list)


def no_evens(_owner: object, attribute: "attrs.Attribute[Any]", value: int | None) -> None:
    """Refuse even numbers: a validator that a field brings itself."""
    if value is not None and value % 2 == 0:
        msg = f"{attribute.name} is even"
        raise ValueError(msg)


def negated(value: Any) -> Any:
    """Negate numbers: a converter that a field brings itself."""
    return -value if isinstance(value, int) else value


class Unknowable:
    """A class that the checks know nothing of."""


@attrs.frozen(slots=False, kw_only=True, field_transformer=set_checks_aside)
class Base:
    """A class of checked fields."""

    text: str | None = None
    flag: bool | None = None
    whole: int | None = None
    number: float | None = None
    choice: Literal["low", "high"] | None = None
    one: Literal[1] | None = None
    no: Literal[False] = False
    texts: Sequence[str] | None = None
    listed: list[int] | None = None
    either: str | Sequence[str] | None = None
    table: Mapping[str, Any] | None = None
    names: dict[str, str] | None = None
    point: Point | None = None
    points: Sequence[Point | Mapping[str, Any]] | None = None
    anything: Any = None
    thing: object = None
    unknowable: Unknowable | None = None


@attrs.frozen(slots=False, kw_only=True, field_transformer=set_checks_aside)
class Made(Base):
    """A class that inherits checked fields, and has one with a converter and a validator of its own."""

    odd: int | None = attrs.field(default=None, converter=negated, validator=no_evens)


for _made in (Base, Made):
    check_arguments(_made)


class Odd(Sequence[str]):
    """A sequence that is no list."""

    def __getitem__(self, index: Any) -> Any:
        return ["a", "b"][index]

    def __len__(self) -> int:
        return 2


FITTING: list[dict[str, Any]] = [
    {"text": ""},
    {"flag": False},
    {"whole": -(10**30)},
    {"number": 0.5},
    {"number": 3},
    {"number": 10**400},
    {"choice": "low"},
    {"one": 1},
    {"no": False},
    {"texts": []},
    {"texts": ["a", "b"]},
    {"listed": [1, 2]},
    {"either": "a"},
    {"either": ["a"]},
    {"table": {"a": None, "b": {"c": [None, 1.5]}}},
    {"names": {"a": "b"}},
    {"point": Point(x=1)},
    {"points": [Point(x=1), {"x": 2}]},
    {"anything": [math.inf]},
    {"thing": {"any": "thing"}},
    {"odd": -3},
]


@pytest.mark.parametrize("given_", FITTING)
def test_what_fits_is_taken(given_: dict[str, Any]) -> None:
    """Every kind of annotation that calls use takes what it says, and keeps its value."""
    made = Made(**given_)
    for name, value in given_.items():
        assert getattr(made, name) == (-value if name == "odd" else value)


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(Made) if field.default is None])
def test_none_is_taken_where_it_may_be(name: str) -> None:
    """None means absent."""
    arguments: dict[str, Any] = {name: None}
    assert getattr(Made(**arguments), name) is None


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("text", 5, "text or None, got 5 (int)"),
        ("text", b"a", "text or None, got b'a' (bytes)"),
        ("flag", 1, "True or False or None, got 1 (int)"),
        ("flag", "yes", "True or False or None, got 'yes' (str)"),
        ("whole", 1.0, "a whole number or None, got 1.0 (float)"),
        ("whole", True, "a whole number or None, got True (bool)"),
        ("whole", "1", "a whole number or None, got '1' (str)"),
        ("number", "1", "a number or None, got '1' (str)"),
        ("number", True, "a number or None, got True (bool)"),
        ("number", math.nan, "a finite number or None, got nan (float)"),
        ("number", -math.inf, "a finite number or None, got -inf (float)"),
        ("choice", "middle", "'low' or 'high' or None, got 'middle' (str)"),
        ("choice", ["low"], "'low' or 'high' or None, got ['low'] (list)"),
        ("one", True, "1 or None, got True (bool)"),
        ("no", 0, "False, got 0 (int)"),
        ("no", None, "False, got None"),
        ("texts", "abc", "a list or None, got 'abc' (str)"),
        ("texts", {"a"}, "a list or None, got {'a'} (set)"),
        ("texts", b"abc", "a list or None, got b'abc' (bytes)"),
        ("texts", bytearray(b"a"), "a list or None, got bytearray(b'a') (bytearray)"),
        (
            "texts",
            ["a", 5],
            "a list in which each item is text (item 1 is 5 (int)) or None, got ['a', 5] (list)",
        ),
        ("texts", [None], "a list in which each item is text (item 0 is None) or None, got [None] (list)"),
        (
            "listed",
            [1.5],
            "a list in which each item is a whole number (item 0 is 1.5 (float)) or None, got [1.5]",
        ),
        ("either", 5, "text or a list or None, got 5 (int)"),
        ("table", [("a", 1)], "a dict or None, got [['a', 1]] (list)"),
        ("table", {1: 2}, "a dict whose keys are text (one is 1 (int)) or None, got {1: 2} (dict)"),
        (
            "names",
            {"a": 5},
            "a dict in which each value is text ('a' is 5 (int)) or None, got {'a': 5} (dict)",
        ),
        ("point", {"x": 1}, "a Point or None, got {'x': 1} (dict)"),
        (
            "points",
            [5],
            "a list in which each item is a Point or a dict (item 0 is 5 (int)) or None, got [5] (list)",
        ),
        ("odd", "1", "a whole number or None, got '1' (str)"),
    ],
)
def test_what_does_not_fit_is_named(name: str, value: object, told: str) -> None:
    """A ``TypeError`` with the class, the field, what would fit, and what came."""
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(TypeError) as caught:
        Made(**arguments)
    assert str(caught.value).startswith(f"Made: {name} must be {told}")


def test_unknown_annotations_take_anything() -> None:
    """What the checks do not know, they leave alone."""
    arguments: dict[str, Any] = {"unknowable": "?"}
    assert str(Made(**arguments).unknowable) == "?"


def test_a_long_value_is_cut_in_the_message() -> None:
    """A message that is told must be readable, whatever was given."""
    arguments: dict[str, Any] = {"whole": "x" * 10_000}
    with pytest.raises(TypeError) as caught:
        Made(**arguments)
    assert len(str(caught.value)) < 200
    assert str(caught.value).endswith("xxx… (str)")


def test_a_fields_own_converter_and_validator_stay() -> None:
    """The converter comes first, then the annotation, then the field's validator."""
    assert Made(odd=3).odd == -3
    with pytest.raises(ValueError, match=r"^odd is even$"):
        Made(odd=2)
    arguments: dict[str, Any] = {"odd": 2.0}
    with pytest.raises(TypeError, match=r"^Made: odd must be a whole number or None"):
        Made(**arguments)


def test_later_changes_do_not_reach_what_was_made() -> None:
    """Lists, dicts and attrs values are copied, at every depth."""
    inner = {"c": [1]}
    table: dict[str, Any] = {"a": inner, "p": Point(tags=["t"])}
    points: list[Point | dict[str, Any]] = [Point(x=1, tags=["a"]), {"x": 2}]
    texts = ["a"]
    made = Made(table=table, points=points, texts=texts, anything=table)
    again = Made(table=table, points=points, texts=texts, anything=table)
    assert made == again
    inner["c"].append(2)
    inner["d"] = [3]
    table["p"].tags.append("u")
    first = points[0]
    assert isinstance(first, Point)
    first.tags.append("b")
    first.x = 9
    points.append({"x": 3})
    texts.append("b")
    assert made == again
    assert made.points == [Point(x=1, tags=["a"]), {"x": 2}]
    assert made.table == {"a": {"c": [1]}, "p": Point(tags=["t"])}
    assert made.anything == made.table


@pytest.mark.parametrize(
    ("value", "copy"),
    [
        ((1, (2, 3)), [1, [2, 3]]),
        (collections.deque(["a"]), ["a"]),
        (range(3), [0, 1, 2]),
        (Odd(), ["a", "b"]),
        (collections.OrderedDict(a=(1,)), {"a": [1]}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (collections.UserDict({"a": ()}), {"a": []}),
        (b"bytes", b"bytes"),
        (None, None),
        (True, True),
    ],
)
def test_a_snapshot_is_json_like(value: object, copy: object) -> None:
    """Sequences become lists and mappings dicts, in their order; anything else is taken as it is."""
    taken = snapshot(value)
    assert taken == copy
    assert type(taken) is type(copy)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def containers(value: Any) -> Iterator[int]:
    """Give the identity of every list and dict inside a value."""
    if isinstance(value, (list, dict)):
        yield id(value)
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


@given(value=JSON)
def test_a_snapshot_is_equal_and_shares_nothing(value: object) -> None:
    """Of any JSON, to the letter, None included, in the same order."""
    copy = snapshot(value)
    assert copy == value
    assert repr(copy) == repr(value)
    assert not set(containers(copy)) & set(containers(value))


def endless() -> dict[str, Any]:
    """Make a dict that contains itself."""
    value: dict[str, Any] = {}
    value["again"] = [value]
    return value


def deep(levels: int = 100_000) -> list[Any]:
    """Make a list nested so deep that nothing can write it as JSON."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("value", [{"deep": deep()}, endless()])
def test_what_is_nested_too_deeply_is_named(value: Mapping[str, Any]) -> None:
    """Also what contains itself: a ``ValueError`` that names the field, no ``RecursionError``."""
    with pytest.raises(ValueError, match=r"^Made: table is nested too deeply, or contains itself$") as caught:
        Made(table=value)
    assert caught.value.__suppress_context__


@attrs.frozen(slots=False, kw_only=True, field_transformer=set_checks_aside)
class Call:
    """A class whose keywords are checked."""

    model: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None


@attrs.frozen(slots=False, kw_only=True, field_transformer=set_checks_aside)
class OpenCall(Call):
    """One that lets unknown keys through under a keyword of their own."""

    extra_body: Mapping[str, Any] | None = None


for _cls in (Call, OpenCall):
    check_arguments(_cls)


@pytest.mark.parametrize(
    ("keyword", "meant"),
    [
        ("max_token", "max_tokens"),
        ("maxTokens", "max_tokens"),
        ("temprature", "temperature"),
        ("Model", "model"),
    ],
)
def test_a_misspelt_keyword_names_the_nearest_field(keyword: str, meant: str) -> None:
    """A ``TypeError`` that says what may have been meant."""
    arguments: dict[str, Any] = {"model": "m", keyword: 1}
    with pytest.raises(TypeError) as caught:
        Call(**arguments)
    assert str(caught.value) == f"Call has no field {keyword!r}; did you mean {meant!r}?"


def test_a_keyword_that_is_near_to_none() -> None:
    """The message lists the fields, and where other keys go, if there is such a place."""
    arguments: dict[str, Any] = {"zzz": 1}
    with pytest.raises(TypeError) as caught:
        Call(**arguments)
    assert str(caught.value) == "Call has no field 'zzz'; it has model, max_tokens, temperature"
    with pytest.raises(TypeError) as caught:
        OpenCall(**arguments)
    assert str(caught.value) == (
        "OpenCall has no field 'zzz'; it has model, max_tokens, temperature, extra_body; "
        "what else the gateway takes goes into extra_body={…}"
    )


def test_right_keywords_and_other_mistakes_are_left_alone() -> None:
    """The wrapped ``__init__`` does what it did."""
    assert attrs.asdict(Call(model="m", max_tokens=5)) == {"model": "m", "max_tokens": 5, "temperature": None}
    positional: list[Any] = ["m"]
    with pytest.raises(TypeError, match="positional argument"):
        Call(*positional)
