"""JSON in, shapes out: nothing is guessed, nothing is lost, and what does not fit says where."""

import functools
import json
import math
from collections.abc import Callable, Iterator
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshapi_aio import every_call
from meshapi_aio._codec import structurer, unfit
from meshapi_aio._hooks import hook_for
from meshapi_aio._json import dumps, loads
from meshapi_aio._shape import Shape, local, shape, wire_fields
from meshapi_aio.endpoints._messages import (
    AudioPart,
    ContentPart,
    ImagePart,
    Message,
    TextPart,
    UnknownPart,
    VideoPart,
)
from meshapi_aio.endpoints.chat import ChatCompletion, ChatCompletionChunk
from tests.strategies import JSON


@shape
class Inner(Shape):
    """A shape inside another."""

    name: str
    size: int | None = None


@shape
class Outer(Shape):
    """A shape with every kind of field."""

    text: str = "default"
    maybe: str | None = None
    whole: int | None = None
    number: float | None = None
    flag: bool | None = None
    count: int = 0
    ratio: float = 0.0
    on: bool = False
    inner: Inner | None = None
    inners: list[Inner] = attrs.field(factory=list)
    either: str | list[Inner] | None = None
    cost: str | float | None = None
    table: dict[str, Any] | None = None
    tables: list[dict[str, Any]] | None = None
    anything: Any = None
    mine: int = attrs.field(default=0, metadata=local())


@shape
class Demanding(Shape):
    """A shape that needs its fields."""

    text: str
    inner: Outer
    texts: list[str]
    table: dict[str, Any]


def refusal(kind: type[Any], value: Any) -> str:
    """Return why a value is no such shape; fail if it is one."""
    try:
        made = structurer(kind)(value)
    except Exception as error:  # noqa: BLE001 - cattrs raises groups of whatever the hooks raise
        return unfit(error)
    pytest.fail(f"it is one: {made!r}")


# Primitives are taken as they are, or refused.


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("text", ""),
        ("text", "\ud800"),
        ("maybe", "None"),
        ("maybe", None),
        ("whole", -(2**70)),
        ("number", 0.1),
        ("number", 5),
        ("flag", False),
        ("inner", {"name": "a"}),
        ("inners", []),
        ("either", "text"),
        ("either", []),
        ("cost", "0.0000021"),
        ("cost", 0.5),
        ("cost", 1),
        ("table", {"a": [None, {"b": None}], "": 0}),
        ("tables", [{}, {"a": None}]),
        ("anything", {"a": None}),
        ("anything", [1, "2", None]),
        ("anything", "text"),
    ],
)
def test_what_fits_is_taken_as_it_is(key: str, value: Any) -> None:
    """The same value and the same kind of value, there and back."""
    made = structurer(Outer)({key: value})
    told = made.to_dict()
    assert told.get(key) == value
    assert type(told.get(key)) is type(value)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("text", 5, "expected text, got a number @ $.text"),
        ("text", True, "expected text, got true or false @ $.text"),
        ("text", ["a"], "expected text, got a list @ $.text"),
        ("maybe", 5, "expected text, got a number @ $.maybe"),
        ("maybe", {}, "expected text, got an object @ $.maybe"),
        ("whole", "5", "expected a whole number, got text @ $.whole"),
        ("whole", True, "expected a whole number, got true or false @ $.whole"),
        ("whole", 5.5, "expected a whole number, got a number @ $.whole"),
        ("whole", math.inf, "expected a whole number, got a number @ $.whole"),
        ("count", "5", "expected a whole number, got text @ $.count"),
        ("number", "5", "expected a number, got text @ $.number"),
        ("number", False, "expected a number, got true or false @ $.number"),
        ("ratio", "5", "expected a number, got text @ $.ratio"),
        ("on", 1, "expected true or false, got a number @ $.on"),
        ("flag", 0, "expected true or false, got a number @ $.flag"),
        ("flag", "true", "expected true or false, got text @ $.flag"),
        ("inner", [], "expected an object, got a list @ $.inner"),
        ("inner", {"name": None}, "required field missing @ $.inner.name"),
        ("inners", {}, "expected a list, got an object @ $.inners"),
        ("inners", "", "expected a list, got text @ $.inners"),
        ("inners", [{"name": "a"}, {}], "required field missing @ $.inners[1].name"),
        ("inners", [None], "expected an object, got null @ $.inners[0]"),
        ("either", 5, "expected text or a list, got a number @ $.either"),
        ("either", {}, "expected text or a list, got an object @ $.either"),
        ("either", [{"name": 5}], "expected text, got a number @ $.either[0].name"),
        ("cost", True, "expected text or a number, got true or false @ $.cost"),
        ("cost", [], "expected text or a number, got a list @ $.cost"),
        ("table", [], "expected an object, got a list @ $.table"),
        ("tables", [5], "expected an object, got a number @ $.tables[0]"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(key: str, value: Any, told: str) -> None:
    """Nothing is turned into something else: None is no ``'None'``, 5 no ``'5'``, ``{}`` no list."""
    assert refusal(Outer, {key: value}) == told


@pytest.mark.parametrize("value", [[], "text", 5, 0.5, True, None])
def test_a_shape_is_made_of_an_object(value: Any) -> None:
    """Anything else is refused, at the root too."""
    assert refusal(Outer, value).startswith("expected an object, got ")
    assert refusal(Outer, value).endswith(" @ $")


def test_whole_numbers_may_be_written_with_a_point() -> None:
    """As some gateways write time stamps; other numbers may be written without one."""
    made = structurer(Outer)({"whole": 1.7e9, "count": 3.0, "number": 5, "cost": 5})
    assert (made.whole, made.count, made.number, made.cost) == (1_700_000_000, 3, 5, 5)
    assert (type(made.whole), type(made.count)) == (int, int)


# Null, and keys that did not come.


def test_null_reads_as_if_the_key_were_absent() -> None:
    """Where a field can't be None, it has its default, since gateways send null for nothing."""
    made = structurer(Outer)(dict.fromkeys([field.name for field in wire_fields(Outer)]))
    assert made == Outer()
    assert made.inners == []


def test_null_for_a_required_object_or_list_is_an_empty_one() -> None:
    """A required text has nothing to stand for it, so it is missing."""
    came: dict[str, Any] = {"text": "a", "inner": None, "texts": None, "table": None}
    before = dict(came)
    made = structurer(Demanding)(came)
    assert (made.inner, made.texts, made.table) == (Outer(), [], {})
    assert came == before
    assert refusal(Demanding, {**came, "text": None}) == "required field missing @ $.text"


def test_what_is_missing_is_named_with_its_place() -> None:
    """Each place, up to three of them."""
    assert refusal(Inner, {}) == "required field missing @ $.name"
    assert refusal(ChatCompletion, {"choices": [{}]}) == "required field missing @ $.choices[0].message"
    assert refusal(ChatCompletion, {}) == "required field missing @ $.choices"
    assert refusal(Demanding, {"text": 5, "texts": {}, "table": []}) == (
        "expected text, got a number @ $.text; required field missing @ $.inner; "
        "expected a list, got an object @ $.texts; and 1 more"
    )


# Unknown keys.


def test_unknown_keys_are_kept_at_every_level() -> None:
    """To the letter, null included, and given back."""
    came = {
        "text": "a",
        "new": None,
        "inner": {"name": "b", "newer": {"deep": [None]}},
        "either": [{"name": "c", "newest": 1}],
    }
    made = structurer(Outer)(came)
    assert made.extra == {"new": None}
    assert made.inner is not None
    assert made.inner.extra == {"newer": {"deep": [None]}}
    told = made.to_dict()
    assert {key: told[key] for key in came} == came


@pytest.mark.parametrize(
    "key", ["extra", "meta", "mine", "incomplete_tool_calls", "self", "", "to_dict", "__class__"]
)
def test_a_key_that_is_called_like_something_of_ours(key: str) -> None:
    """It is an unknown key like any other: this client's own fields are not set from the wire."""
    for kind, came in ((Outer, {}), (Message, {"content": "hi"}), (ChatCompletion, {"choices": []})):
        made: Shape = structurer(kind)({**came, key: {"of": "the wire"}})
        assert made.extra == {key: {"of": "the wire"}}
        assert made.to_dict()[key] == {"of": "the wire"}
        assert getattr(made, "mine", 0) == 0
        assert getattr(made, "incomplete_tool_calls", []) == []


TABLES = st.dictionaries(st.text(max_size=5), JSON, max_size=3)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=5),
    int: st.integers(),
    float: st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    NoneType: st.none(),
    Any: JSON,
    ContentPart: st.deferred(lambda: st.one_of(*map(objects, get_args(ContentPart)))),
}
TYPES = {
    TextPart: "text",
    ImagePart: "image_url",
    AudioPart: "input_audio",
    VideoPart: "video_url",
    UnknownPart: "new",
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Give the JSON that fits an annotation."""
    if annotation in PLAIN:
        return PLAIN[annotation]
    if get_origin(annotation) in {Union, UnionType}:
        return st.one_of(*map(values, get_args(annotation)))
    if get_origin(annotation) is list:
        return st.lists(values(get_args(annotation)[0]), max_size=2)
    return TABLES if get_origin(annotation) is dict else objects(annotation)


def _objects(kind: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Give JSON objects that fit a shape, with keys that it does not know."""
    known = {field.name: values(field.type) for field in wire_fields(kind)}
    if kind in TYPES:
        known["type"] = st.just(TYPES[kind])
    needed = {field.name for field in wire_fields(kind) if field.default is attrs.NOTHING or kind in TYPES}
    unknown = st.dictionaries(
        st.sampled_from(["extra", "meta", "é"]) | st.text(max_size=5).filter(lambda key: key not in known),
        JSON,
        max_size=2,
    )
    fitting = st.fixed_dictionaries(
        {name: known[name] for name in needed},
        optional={name: known[name] for name in known.keys() - needed},
    )
    return st.tuples(unknown, fitting).map(lambda parts: {**parts[0], **parts[1]})


objects: Callable[[Any], st.SearchStrategy[dict[str, Any]]] = functools.cache(_objects)


def missing(came: Any, told: Any) -> list[str]:
    """Give the places of what came and was not told; null is nothing."""
    if isinstance(came, dict) and isinstance(told, dict):
        return [
            f".{key}{place}"
            for key, value in came.items()
            if value is not None
            for place in (missing(value, told[key]) if key in told else [" is lost"])
        ]
    if isinstance(came, list) and isinstance(told, list) and len(came) == len(told):
        pairs = enumerate(zip(came, told, strict=True))
        return [f"[{index}]{place}" for index, pair in pairs for place in missing(*pair)]
    return [] if came == told else [f": {came!r} became {told!r}"]


@pytest.mark.parametrize("kind", [Outer, Demanding, Message, ChatCompletion, ChatCompletionChunk])
@settings(max_examples=settings().max_examples // 2)  # five shapes, and each example is large
@given(data=st.data())
def test_no_key_is_lost(kind: type[Shape], data: st.DataObject) -> None:
    """Any object that fits, with unknown keys at every level, is given back but for null, and fits again."""
    came = data.draw(objects(kind))
    before = json.dumps(came)
    made = structurer(kind)(came)
    told = made.to_dict()
    assert missing(came, told) == []
    assert json.dumps(came) == before
    again = structurer(kind)(loads(dumps(told)))
    assert again.to_dict() == told


# Content parts.


def test_content_is_text_or_parts_or_nothing() -> None:
    """Parts go by their ``type``; one of an unknown kind keeps everything that it holds."""
    parts = [
        {"type": "text", "text": "a", "annotations": []},
        {"type": "image_url", "image_url": {"url": "u", "detail": None}},
        {"type": "input_audio", "input_audio": {"data": "d", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "u"}, "fps": "2"},
        {"type": "hologram", "hologram": {"depth": None}, "text": 5},
        {"refusal": "no"},
        {"type": None, "text": "b"},
    ]
    structure = structurer(Message)
    made = structure({"role": "user", "content": parts})
    assert isinstance(made.content, list)
    kinds = [TextPart, ImagePart, AudioPart, VideoPart, UnknownPart, UnknownPart, UnknownPart]
    assert [type(part) for part in made.content] == kinds
    told = made.to_dict()["content"]
    assert told == [*parts[:6], {"text": "b"}]
    assert structure({"content": "text"}).content == "text"
    assert structure({"content": None}).content is None
    assert structure({}).content is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (5, "expected text or a list, got a number @ $.content"),
        ({"type": "text"}, "expected text or a list, got an object @ $.content"),
        (["text"], "expected an object, got text @ $.content[0]"),
        ([{"type": "image_url"}], "required field missing @ $.content[0].image_url"),
        ([{"type": "text", "text": 5}], "expected text, got a number @ $.content[0].text"),
        ([{"type": ["text"]}], "expected text, got a list @ $.content[0].type"),
        ([{"type": {}}], "expected text, got an object @ $.content[0].type"),
        ([{"type": 5}], "expected text, got a number @ $.content[0].type"),
    ],
)
def test_content_that_does_not_fit(content: Any, told: str) -> None:
    """It says which part, also where the kind of the part is no text."""
    assert refusal(Message, {"content": content}) == told


# What the converter can't be asked for.


def shapes(base: type[Shape]) -> Iterator[type[Shape]]:
    """Return all that derives from a shape."""
    for kind in base.__subclasses__():
        yield kind
        yield from shapes(kind)


def test_an_annotation_without_a_hook_is_refused_where_it_is_written() -> None:
    """A dict whose values have a type would be taken unchecked; no shape of the package has one."""

    @shape
    class Odd(Shape):
        """A shape with such a dict."""

        table: dict[str, int]

    with pytest.raises(TypeError, match=r"^no hook for dict\[str, int\]: open objects are dict\[str, Any\]$"):
        structurer(Odd)
    every_call()
    for kind in shapes(Shape):
        if kind.__module__.startswith("meshapi_aio.endpoints."):
            hook_for(kind)


def test_an_error_from_elsewhere_is_told_too() -> None:
    """Whatever it is, at the root."""
    assert unfit(ZeroDivisionError("division by zero")) == "division by zero @ $"
