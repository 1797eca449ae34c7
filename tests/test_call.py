"""Requests as values, and the families that turn them into methods with the calls' own signatures."""

import copy
import gc
import inspect
import operator
import pickle
import pydoc
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import pytest

from meshapi_aio import CreateChatCompletion, MeshAPI, StreamChatCompletion
from meshapi_aio._family import Family, Namespace, create_method, method, stream_method
from meshapi_aio._shape import Reply, Shape, shape
from meshapi_aio.call import CALLS, Call, Route, StreamCall, fields, post
from meshapi_aio.endpoints import every_call, every_method


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


# What goes through every call of the package must not meet these.
REGISTERED = {name: CALLS.pop(name) for name in ("Ask", "Watch", "Ping")}


class Asking(Family):
    """``client.asking``: questions."""

    ask = method(Ask)
    watch = stream_method(Watch)
    create = create_method(Ask, Watch)


class Outer(Family):
    """``client.outer``."""

    asking = Namespace(Asking)


class Client:
    """A client that notes what is sent."""

    asking = Namespace(Asking)
    outer = Namespace(Outer)

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send(self, call: Call[Any]) -> Any:
        """Note a call; its reply says what was asked."""
        self.sent.append(call)
        return Answer(text=getattr(call, "question", None))

    def stream(self, call: StreamCall[Any]) -> Any:
        """Note a call that streams."""
        self.sent.append(call)
        return Pieces()


# Calls as values.


def test_a_call_knows_its_route_and_its_reply() -> None:
    """The decorator names the route, the generic parameter the reply."""
    assert (Ask.route, Ask.reply) == (Route("POST", "/v1/ask"), Answer)
    assert (Watch.route, Watch.reply) == (Route("POST", "/v1/ask"), Pieces)


def test_every_call_is_registered_by_its_name() -> None:
    """So that what must hold for every call can be checked for every call."""
    assert {"Ask": Ask, "Watch": Watch, "Ping": Ping} == REGISTERED
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
    assert not hasattr(call, "__dict__")
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
    for make in (Ask, Client().asking.ask, Client().asking.create):
        with pytest.raises(TypeError) as caught:
            make(**arguments)
        assert str(caught.value).startswith(told)


# What help() shows.


def test_the_signature_of_a_call() -> None:
    """Every field with its annotation and its default, all by keyword, and the reply type."""
    signature = inspect.signature(Ask)
    assert signature.return_annotation is Answer
    assert list(signature.parameters) == ["question", "notes", "depth", "style", "extra_body", "stream"]
    attrs_class: Any = Ask
    for field in attrs.fields(attrs_class):
        parameter = signature.parameters[field.name]
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.annotation == field.type
        assert parameter.default is (inspect.Parameter.empty if field.name == "question" else field.default)
    assert str(inspect.signature(Ping)) == f"() -> {Answer.__module__}.Answer"


def test_the_signature_of_a_method_is_its_calls() -> None:
    """No signature is written twice."""
    assert inspect.signature(Client().asking.ask) == inspect.signature(Ask)
    assert inspect.signature(Client().asking.watch) == inspect.signature(Watch)


def test_the_signature_of_create_is_merged() -> None:
    """It takes ``stream`` either way, and names both what it returns without and what with it."""
    merged, plain = inspect.signature(Client().asking.create), inspect.signature(Ask)
    assert merged.return_annotation == Answer | Pieces
    stream = merged.parameters["stream"]
    assert (stream.annotation, stream.default, stream.kind) == (bool, False, inspect.Parameter.KEYWORD_ONLY)
    assert list(merged.parameters) == list(plain.parameters)
    others = {name: value for name, value in merged.parameters.items() if name != "stream"}
    assert others == {name: value for name, value in plain.parameters.items() if name != "stream"}


@pytest.mark.parametrize("name", ["ask", "watch", "create"])
def test_a_method_looks_like_one_that_was_written_out(name: str) -> None:
    """Name, place and docstring, for ``help()`` and for tracebacks."""
    bound = getattr(Client().asking, name)
    assert (bound.__name__, bound.__qualname__, bound.__module__) == (name, f"Asking.{name}", __name__)
    assert bound.__doc__.startswith("Ask a question, and return the ")
    told = pydoc.plain(pydoc.render_doc(bound))
    assert f"{name}(*,question:str,notes:" in "".join(told.split())
    assert "Ask a question, and return the " in told


def test_create_says_what_streaming_returns() -> None:
    """Below what the call's own docstring says."""
    assert inspect.getdoc(Client().asking.create) == (
        "Ask a question, and return the answer.\n\n"
        "With ``stream=True`` it returns a ``Pieces``, which sends at its first step."
    )


def test_families_can_be_looked_at_without_a_client() -> None:
    """``help()`` of a family or of a client's class works, and shows the docstrings."""
    told = pydoc.plain(pydoc.render_doc(Asking))
    for name in ("ask", "watch", "create"):
        assert f"{name}(" in told
        assert getattr(Asking, name) is vars(Asking)[name]
    assert "Ask a question, and return the pieces of the answer." in told
    assert Client.asking is vars(Client)["asking"]
    assert Client.asking.__doc__ == Asking.__doc__
    assert "``client.asking``: questions." in pydoc.plain(pydoc.render_doc(Client))


# Families.


async def test_methods_make_calls_and_send_them() -> None:
    """Nothing is sent before a coroutine is awaited; a stream is handed on as it is."""
    client = Client()
    waiting = client.asking.ask(question="why")
    assert inspect.iscoroutine(waiting)
    assert client.sent == []
    assert (await waiting).text == "why"
    assert client.sent.pop() == Ask(question="why")
    assert isinstance(client.asking.watch(question="why", depth=1), Pieces)
    assert client.sent.pop() == Watch(question="why", depth=1)


def test_every_method_tells_its_calls() -> None:
    """By the name that a client has it by, in the order in which families declare them."""
    client = MeshAPI(token="rsk_test")
    found = every_method()
    assert found["chat.completions.create"] == (CreateChatCompletion, StreamChatCompletion)
    assert found["chat.completions.stream"] == (StreamChatCompletion,)
    for name, calls in found.items():
        assert callable(operator.attrgetter(name)(client))
        assert set(calls) <= set(every_call().values())


async def test_create_is_awaited_or_streams() -> None:
    """By ``stream``: False or absent is a reply, True a stream; anything else is refused by name."""
    client = Client()
    assert (await client.asking.create(question="why")).text == "why"
    assert (await client.asking.create(question="why", stream=False)).text == "why"
    assert isinstance(client.asking.create(question="why", stream=True), Pieces)
    assert client.sent == [Ask(question="why"), Ask(question="why"), Watch(question="why")]
    create: Any = client.asking.create
    with pytest.raises(TypeError, match=r"^Ask: stream must be False, got True"):
        Ask(question="why", stream=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"^Ask: stream must be False, got None$"):
        create(question="why", stream=None)
    with pytest.raises(TypeError, match=r"^Watch: stream must be True, got 1 \(int\)$"):
        create(question="why", stream=1)


async def test_a_call_is_checked_when_the_method_is_called() -> None:
    """Not when the coroutine is awaited, which may be far away."""
    ask: Any = Client().asking.ask
    with pytest.raises(TypeError, match=r"^Ask: question must be text, got 5"):
        ask(question=5)


async def test_families_in_families_send_with_the_same_client() -> None:
    """``client.outer.asking`` is ``client.asking``."""
    client = Client()
    assert (await client.outer.asking.ask(question="why")).text == "why"
    assert client.sent == [Ask(question="why")]


def test_namespaces_make_no_cycle() -> None:
    """A client that nobody holds any more is gone at once, without the garbage collector."""
    client = Client()
    client.outer.asking.create(question="why", stream=True)
    assert client.outer is not client.outer
    there = weakref.ref(client)
    gc.disable()
    try:
        del client
        assert there() is None
    finally:
        gc.enable()


def test_a_method_may_outlive_its_family() -> None:
    """``create = client.chat.completions.create`` is a habit."""
    client = Client()
    watch = client.asking.watch
    assert isinstance(watch(question="why"), Pieces)
    assert client.sent == [Watch(question="why")]
