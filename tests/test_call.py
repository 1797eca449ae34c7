"""Requests as values: what they are made with, what they say, and where they go."""

import copy
import inspect
import pickle
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import pytest

from meshapi_aio._shape import Reply, Shape, shape
from meshapi_aio.call import CALLS, Call, Route, StreamCall, delete, fields, get, patch, post


@shape
class Note(Shape):
    """A value that a call may hold."""

    text: str | None = None
    lines: list[str] | None = None


@shape
class Answer(Reply):
    """What a call returns."""

    text: str | None = None


class Pieces:
    """What a streaming call returns."""


@fields
class _AskFields:
    question: str
    notes: Sequence[Note | Mapping[str, Any]] | None = None
    depth: int | None = None
    style: Literal["short", "long"] | None = None
    extra_body: Mapping[str, Any] | None = None


@post("/v1/ask")
class Ask(_AskFields, Call[Answer]):
    """Ask a question, and return the answer."""

    stream: Literal[False] = False


@post("/v1/ask")
class Watch(_AskFields, StreamCall[Pieces]):
    """Ask a question, and return the pieces of the answer."""

    stream: Literal[True] = True


@post("/v1/ping")
class Ping(Call[Answer]):
    """Ask for nothing."""


@get("/v1/shelves/{shelf}/books/{id:path}")
class GetBook(Call[Answer]):
    """Fetch a book."""

    shelf: str
    id: str
    page: int | None = None


# What goes through every call of the package must not meet these.
REGISTERED = {name: CALLS.pop(name) for name in ("Ask", "Watch", "Ping", "GetBook")}


# Calls as values.


def test_a_call_knows_its_route_and_its_reply() -> None:
    """The decorator names the route, the generic parameter the reply."""
    assert (Ask.route, Ask.reply) == (Route("POST", "/v1/ask"), Answer)
    assert (Watch.route, Watch.reply) == (Route("POST", "/v1/ask"), Pieces)


def test_every_call_is_registered_by_its_name() -> None:
    """So that what must hold for every call can be checked for every call."""
    assert {"Ask": Ask, "Watch": Watch, "Ping": Ping, "GetBook": GetBook} == REGISTERED
    assert all(name == call.__name__ for name, call in CALLS.items())


def test_a_call_without_a_reply_is_refused() -> None:
    """Where it is defined, and by name."""
    with pytest.raises(TypeError, match=r"^Lost must derive from Call\[Reply\] or StreamCall\[Stream\]$"):

        @post("/v1/lost")
        class Lost:
            """A call that says not what it returns."""

    assert "Lost" not in CALLS


def test_the_body_holds_what_was_given() -> None:
    """None is absent, everywhere but in dicts of the user's own; ``extra_body`` adds and replaces."""
    assert Ask(question="why").body() == {"question": "why", "stream": False}
    assert Ping().body() == {}
    call = Watch(
        question="why",
        notes=[Note(text="a"), {"text": None}],
        depth=0,
        extra_body={"depth": 5, "new": None, "note": Note(text="b")},
    )
    assert call.body() == {
        "question": "why",
        "notes": [{"text": "a"}, {"text": None}],
        "depth": 5,
        "stream": True,
        "new": None,
        "note": {"text": "b"},
    }


def test_later_changes_do_not_reach_a_call() -> None:
    """A stream sends later than it is called, so a call keeps what it was given at the time."""
    note, table, extra = Note(text="a", lines=["x"]), {"text": "b"}, {"list": [1]}
    notes: list[Note | Mapping[str, Any]] = [note, table]
    call = Ask(question="why", notes=notes, extra_body=extra)
    before = call.body()
    note.text = "changed"
    assert note.lines is not None
    note.lines.append("y")
    table["text"] = "changed"
    notes.append({})
    extra["list"].append(2)
    assert call.body() == before
    call.body()["notes"].append("mine")
    assert call.body() == before


def test_calls_compare_by_what_they_send() -> None:
    """The JSON decides, and the class: a shape equals the dict that it stands for, null an absent key."""
    assert Ask(question="why", depth=1) == Ask(question="why", depth=1)
    assert Ask(question="why") != Ask(question="how")
    assert Ask(question="why", notes=[{"a": 1}]) == Ask(question="why", notes=({"a": 1},))
    assert Ask(question="why", notes=[Note(text="a")]) == Ask(question="why", notes=[{"text": "a"}])
    assert Ask(question="why", notes=[Note(text="a")]) != Ask(
        question="why", notes=[{"text": "a", "lines": None}]
    )
    assert Ask(question="why", depth=1) == Ask(question="why", extra_body={"depth": 1, "style": None})
    assert Ask(question="why") != Ask(question="why").body()
    same: Any = Ask(question="why", extra_body={"stream": True})
    assert same.body() == Watch(question="why").body()
    assert same != Watch(question="why")


def test_calls_have_no_hash() -> None:
    """They hold lists and dicts."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ping())


def test_calls_are_frozen() -> None:
    """A call that waits in a queue is not changed; a changed copy is made with ``attrs.evolve``."""
    call: Any = Ask(question="why")
    for name in ("question", "stream", "brandnew"):
        with pytest.raises((attrs.exceptions.FrozenInstanceError, AttributeError)):
            setattr(call, name, "how")
    assert vars(call) == {"question": "why"}  # what was not given is the class's
    other = attrs.evolve(call, question="how")
    assert (call.question, other) == ("why", Ask(question="how"))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_calls_pickle(protocol: int) -> None:
    """So that they can be queued in another process."""
    call = Watch(question="why", notes=[Note(text="a", extra={"x": None})], extra_body={"y": [1]})
    other = pickle.loads(pickle.dumps(call, protocol))  # noqa: S301 - pickled right here
    assert (other, other.body()) == (call, call.body())
    assert copy.deepcopy(call) == call


def test_the_repr_is_brief() -> None:
    """It shows the fields that were given, and no others."""
    assert repr(Ask(question="why", notes=[])) == "Ask(question='why', stream=False)"
    assert repr(Watch(question="why", notes=[Note(text="a")])) == (
        "Watch(question='why', notes=[Note(text='a')], stream=True)"
    )
    assert repr(Ping()) == "Ping()"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"question": 5}, "Ask: question must be text, got 5 (int)"),
        ({"question": "why", "depth": "deep"}, "Ask: depth must be a whole number or None, got 'deep' (str)"),
        (
            {"question": "why", "style": "odd"},
            "Ask: style must be 'short' or 'long' or None, got 'odd' (str)",
        ),
        ({"question": "why", "stlye": "odd"}, "Ask has no field 'stlye'; did you mean 'style'?"),
        ({"question": "why", "extra": {}}, "Ask has no field 'extra'; did you mean 'extra_body'?"),
        (
            {"question": "why", "zzz": "x"},
            "Ask has no field 'zzz'; it has question, notes, depth, style, ",
        ),
        ({}, "Ask.__init__() missing 1 required keyword-only argument: 'question'"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], told: str) -> None:
    """When the call is made, not when it is sent: the field, the value, and what would be right."""
    with pytest.raises(TypeError) as caught:
        Ask(**arguments)
    assert str(caught.value).startswith(told)


def test_the_signature_of_a_call() -> None:
    """Every field with its annotation and its default, what has to be given first, and the reply type."""
    signature = inspect.signature(Ask)
    assert signature.return_annotation is Answer
    assert list(signature.parameters) == ["question", "notes", "depth", "style", "stream", "extra_body"]
    attrs_class: Any = Ask
    for field in attrs.fields(attrs_class):
        parameter = signature.parameters[field.name]
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.annotation == field.type
        assert parameter.default is (inspect.Parameter.empty if field.name == "question" else field.default)
    assert str(inspect.signature(Ping)) == f"() -> {Answer.__module__}.Answer"


# Where calls go.


def test_the_methods() -> None:
    """One decorator each."""
    routes = {}
    for decorator in (get, post, patch, delete):

        @decorator("/v1/thing")
        class Thing(Call[Answer]):
            """Do something with the thing."""

        CALLS.pop("Thing")
        routes[decorator.__name__] = Thing.route
    assert routes == {name: Route(name.upper(), "/v1/thing") for name in ("get", "post", "patch", "delete")}  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("shelf", "book", "path"),
    [
        ("a", "b", "/v1/shelves/a/books/b"),
        ("a/b", "c/d:free", "/v1/shelves/a%2Fb/books/c/d%3Afree"),
        ("é ?#%&", "é ?#%", "/v1/shelves/%C3%A9%20%3F%23%25%26/books/%C3%A9%20%3F%23%25"),
        ("x\r\nHost: evil", "..a/b..", "/v1/shelves/x%0D%0AHost%3A%20evil/books/..a/b.."),
    ],
)
def test_path_fields_are_quoted(shelf: str, book: str, path: str) -> None:
    """Whole where they are one segment, all but the slashes where they are several; none leaves its place."""
    call = GetBook(shelf=shelf, id=book, page=2)
    assert call.path() == path
    assert call.body() == {"page": 2}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"shelf": "", "id": "b"}, "shelf stands in the path and can't be ''"),
        ({"shelf": "..", "id": "b"}, "shelf stands in the path and can't be '..'"),
        ({"shelf": ".", "id": "b"}, "shelf stands in the path and can't be '.'"),
        ({"shelf": "a", "id": "b//c"}, "id stands in the path and can't be 'b//c'"),
        ({"shelf": "a", "id": "/b"}, "id stands in the path and can't be '/b'"),
        ({"shelf": "a", "id": "b/../../c"}, "id stands in the path and can't be 'b/../../c'"),
    ],
)
def test_a_path_field_cannot_make_another_path(arguments: dict[str, str], told: str) -> None:
    """An empty one would list instead of fetch; dots would climb. Refused before anything is sent."""
    with pytest.raises(ValueError, match=f"^GetBook: {re.escape(told)}$"):
        GetBook(**arguments)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_calls_with_other_paths_differ() -> None:
    """The path is a part of what a call says."""
    assert GetBook(shelf="a", id="b") == GetBook(shelf="a", id="b")
    assert GetBook(shelf="a", id="b") != GetBook(shelf="a", id="c")


def test_a_path_without_its_field_is_refused() -> None:
    """Where the call is defined."""
    with pytest.raises(TypeError, match=r"^Lost has no field for id in its path /v1/\{id\}$"):

        @get("/v1/{id}")
        class Lost(Call[Answer]):
            """Go nowhere."""

    assert "Lost" not in CALLS
