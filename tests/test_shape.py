"""What the gateway sends, as attrs classes: nothing is lost on the way back to JSON."""

import json
import pickle
from typing import Any

import attrs
import pytest

from meshapi_aio._meta import Attempt, Meta
from meshapi_aio._shape import Absent, Reply, Shape, as_json, brief, local, shape, wire_fields


@shape
class Part(Shape):
    """A piece of an answer."""

    type: str = "part"
    text: str | None = None


@shape
class AbsentPart(Absent, Part):
    """A piece that did not come."""


@shape
class Answer(Reply):
    """An answer with every kind of field."""

    id: str | None = None
    part: Part = attrs.field(factory=AbsentPart)
    parts: list[Part] | None = None
    table: dict[str, Any] | None = None
    anything: Any = None
    notes: list[str] = attrs.field(factory=list, metadata=local())


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Answer(), {}),
        (Answer(id="a", extra={"new": None}), {"id": "a", "new": None}),
        (Answer(part=Part()), {"part": {"type": "part"}}),
        (Answer(part=Part(text="", extra={"x": [1]})), {"part": {"type": "part", "text": "", "x": [1]}}),
        (
            Answer(parts=[Part(type="a"), Part(text="b")]),
            {"parts": [{"type": "a"}, {"type": "part", "text": "b"}]},
        ),
        (Answer(parts=[], table={}), {"parts": [], "table": {}}),
        (
            Answer(table={"type": None, "of": [None, {"k": None}]}),
            {"table": {"type": None, "of": [None, {"k": None}]}},
        ),
        (
            Answer(anything=(Part(), {"p": Part(text="x")})),
            {"anything": [{"type": "part"}, {"p": {"type": "part", "text": "x"}}]},
        ),
        (Answer(anything=0), {"anything": 0}),
        (Answer(anything=False), {"anything": False}),
        (Answer(notes=["mine"], meta=Meta(status=200)), {}),
        (
            Answer(extra={"meta": {"a": 1}, "extra": 2, "notes": 3}),
            {"meta": {"a": 1}, "extra": 2, "notes": 3},
        ),
    ],
)
def test_a_shape_gives_its_json_back(value: Answer, told: dict[str, Any]) -> None:
    """
    What is None or did not come is left out, unknown keys are there, and nothing of this client's own.

    None inside dicts of the user's own is kept to the letter.
    """
    assert value.to_dict() == told
    assert as_json([value]) == [told]
    assert json.loads(value.to_json()) == told
    json.dumps(value.to_dict())


def test_json_text_is_readable() -> None:
    """Characters beyond ASCII stay as they are, and it can be indented."""
    assert Answer(id="é…😀").to_json() == '{"id": "é…😀"}'
    assert Answer(id="a").to_json(indent=2) == '{\n  "id": "a"\n}'


def test_what_is_no_shape_is_told_as_it_is() -> None:
    """Dicts and lists are copied, so that changing them changes no shape; everything else is the same."""
    table = {"a": [1, None]}
    told = as_json(table)
    assert told == table
    told["a"].append(2)
    assert table == {"a": [1, None]}
    for value in (None, True, 5, 0.5, "text", b"bytes"):
        assert as_json(value) is value


def test_the_fields_that_are_on_the_wire() -> None:
    """Neither ``extra`` nor what belongs to this client alone."""
    assert [field.name for field in wire_fields(Answer)] == ["id", "part", "parts", "table", "anything"]


def test_the_repr_tells_what_is_there() -> None:
    """Fields that are None or empty, and how the reply came about, are left out."""
    value = Answer(id="a", part=Part(text="b", extra={"x": 1}), parts=[], table={}, meta=Meta(status=200))
    assert repr(value) == "Answer(id='a', part=Part(extra={'x': 1}, type='part', text='b'))"
    assert repr(Answer(anything=0)) == "Answer(part=AbsentPart(type='part'), anything=0)"
    assert brief(value) == repr(value)


def test_shapes_compare_by_value_and_not_by_how_they_came() -> None:
    """``meta`` is no part of the answer; unknown keys are."""
    assert Answer(id="a", meta=Meta(status=200)) == Answer(id="a")
    assert Answer(id="a", extra={"x": 1}) != Answer(id="a")
    assert Part() != AbsentPart()


def test_a_reply_says_its_request_id() -> None:
    """And nothing before it came over the wire."""
    assert Answer().request_id is None
    assert Answer(meta=Meta(status=200, request_id="req_1")).request_id == "req_1"


def test_shapes_are_small_and_changeable() -> None:
    """They have slots, keywords only, defaults of their own, and may be changed."""
    first, second = Answer(), Answer()
    assert not hasattr(first, "__dict__")
    first.id = "a"
    first.extra["x"] = 1
    first.notes.append("n")
    assert (second.id, second.extra, second.notes) == (None, {}, [])
    positional: list[Any] = ["a"]
    with pytest.raises(TypeError):
        Part(*positional)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_shapes_pickle(protocol: int) -> None:
    """With unknown keys, and with how they came."""
    value = Answer(
        id="a", parts=[Part(text="b")], extra={"x": 1}, meta=Meta(status=200, attempts=(Attempt(),))
    )
    other = pickle.loads(pickle.dumps(value, protocol))  # noqa: S301 - pickled right here
    assert other == value
    assert other.meta == value.meta


def test_what_is_nested_too_deeply_is_a_value_error() -> None:
    """It names the shape, and is no ``RecursionError``; so is what contains itself."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    endless: dict[str, Any] = {}
    endless["again"] = endless
    for anything in (value, endless):
        answer = Answer(anything=anything)
        for tell in (answer.to_dict, answer.to_json):
            with pytest.raises(ValueError, match=r"^Answer: nested too deeply for JSON, or contains itself$"):
                tell()
    with pytest.raises(ValueError, match=r"^list: nested too deeply for JSON, or contains itself$"):
        as_json(value)
