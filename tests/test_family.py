"""Families: calls as methods of a client, with the calls' own signatures."""

import gc
import inspect
import operator
import pydoc
import weakref
from typing import Any

import pytest

from meshapi_aio import CreateChatCompletion, MeshAPI, StreamChatCompletion
from meshapi_aio._family import Family, Namespace, create_method, method, stream_method
from meshapi_aio.call import Call, StreamCall
from meshapi_aio.endpoints import every_call, every_method
from tests.test_call import Answer, Ask, Pieces, Watch


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


# What help() shows.


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
        "With ``stream=True`` it returns a ``Pieces``, which sends at its first step, and raises there what "
        "else the call raises."
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
    create: Any = Client().asking.create
    for make in (ask, create):
        with pytest.raises(TypeError, match=r"^Ask: question must be text, got 5"):
            make(question=5)


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
