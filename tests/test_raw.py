"""Calls that no family has: what they send, what they give back, and which mistakes they refuse."""

import json
import pickle
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest

from meshapi_aio import (
    ByteReply,
    Fallback,
    InternalServerError,
    MalformedEventError,
    MeshAPI,
    NotFoundError,
    RawCall,
    RawStreamCall,
    Reply,
    Retry,
    Shape,
    StreamAPIError,
    StreamTruncatedError,
    UnexpectedResponseError,
)
from meshapi_aio._shape import shape

from .faults.server import FaultServer, Script
from .faults.wire import DONE, LAST_CHUNK, STREAM_HEAD, event, piece, reply


@shape
class Thing(Reply):
    """What a call of the tests returns."""

    id: str
    size: int | None = None


@shape
class Tick(Shape):
    """An event of a stream that no family has."""

    n: int


@shape
class Named(Shape):
    """An event whose name counts, and whose errors may be data."""

    _event_in: ClassVar[str | None] = "event"

    event: str | None = None
    n: int | None = None
    model: str | None = None
    error: str | None = None

    @classmethod
    def _is_data(cls, value: dict[str, Any]) -> bool:
        return isinstance(value.get("error"), str) and "model" in value


def sending(*answers: bytes) -> Script:
    """Return a script that answers with these, one after the other; the last for ever."""
    left = list(answers)

    async def script(connection: Any) -> None:
        while True:
            await connection.request()
            await connection.send(left.pop(0) if len(left) > 1 else left[0])

    return script


def stream(*events: bytes) -> bytes:
    """Return a whole stream of these events."""
    return STREAM_HEAD + b"".join(map(piece, events)) + LAST_CHUNK


@asynccontextmanager
async def serving(*answers: bytes, retry: int = 0) -> AsyncGenerator[tuple[FaultServer, MeshAPI]]:
    """Run a server that sends these answers, and a client of it."""
    policy = Retry(max_retries=retry, backoff=0)
    async with (
        FaultServer(sending(*answers)) as server,
        MeshAPI(server.base_url, "rsk_x", retry=policy) as client,
    ):
        yield server, client


def sent(server: FaultServer) -> list[tuple[str, bytes]]:
    """Return the request lines that came, and the bodies."""
    requests = [request for connection in server.connections for request in connection.requests]
    return [(request.split(b" HTTP/")[0].decode(), request.partition(b"\r\n\r\n")[2]) for request in requests]


async def test_what_is_sent() -> None:
    """The path as it is, the query encoded, the body as JSON, and an empty object where there is none."""
    async with serving(reply({})) as (server, client):
        await client.send(RawCall("POST", "/v1/things", body={"a": None, "b": "é"}, query={"q": "x y"}))
        await client.send(RawCall("POST", "/v1/things/a%2Fb/start"))
        await client.send(RawCall("POST", "/v1/list", body=[1, 2]))
        query = {"free": True, "ids": ["a", "b"], "after": None}
        await client.send(RawCall("GET", "/v1/things", query=query))
        await client.send(RawCall("DELETE", "/v1/things?force=1"))
        assert sent(server) == [
            ("POST /v1/things?q=x%20y", '{"a":null,"b":"é"}'.encode()),
            ("POST /v1/things/a%2Fb/start", b"{}"),
            ("POST /v1/list", b"[1,2]"),
            ("GET /v1/things?free=true&ids=a&ids=b", b""),
            ("DELETE /v1/things?force=1", b""),
        ]


@pytest.mark.parametrize("value", [{"a": [1]}, [1, 2], "text", None, 3])
async def test_without_a_reply_type_the_json_is_returned(value: Any) -> None:
    """Whatever it is."""
    async with serving(reply(value)) as (_, client):
        assert await client.send(RawCall("GET", "/v1/things")) == value


async def test_an_empty_answer_is_an_empty_object() -> None:
    """Where the status says that it is empty; with 200 something is missing."""
    answers = b"HTTP/1.1 204 No Content\r\n\r\n", reply(b"")
    async with serving(*answers) as (_, client):
        assert await client.send(RawCall("DELETE", "/v1/things/a")) == {}
        with pytest.raises(UnexpectedResponseError, match="an empty body"):
            await client.send(RawCall("DELETE", "/v1/things/a"))


async def test_with_a_reply_type() -> None:
    """Unknown keys are kept, and the reply knows how it came about."""
    async with serving(reply({"id": "a", "size": 3, "new": 1}, 200, "X-Request-Id: req_7")) as (_, client):
        thing = await client.send(RawCall("GET", "/v1/things/a", reply=Thing))
    assert thing == Thing(id="a", size=3, extra={"new": 1})
    assert thing.request_id == "req_7"


async def test_errors_and_retries_are_those_of_every_call() -> None:
    """Statuses raise, those that pass are tried again, and the error holds the call."""
    missing = reply({"error": {"code": "not_found", "message": "no"}}, 404)
    call = RawCall("GET", "/v1/things/a")
    async with serving(reply({}, 503), missing, retry=2) as (_, client):
        with pytest.raises(NotFoundError) as caught:
            await client.send(call)
    assert caught.value.call is call
    assert [attempt.status for attempt in caught.value.attempts] == [503, 404]


async def test_a_fallback_has_no_meaning_for_a_call_without_a_model() -> None:
    """Its own error is raised."""
    async with serving(reply({}, 503)) as (server, client):
        chained = client.with_options(fallback=Fallback(models=["a", "b"]))
        with pytest.raises(InternalServerError):
            await chained.send(RawCall("GET", "/v1/things"))
        assert len(sent(server)) == 1


async def test_streamed_dicts() -> None:
    """Each event as it came."""
    events = [b'data: {"n":%d,"text":"t%d"}\n\n' % (number, number) for number in range(20)]
    async with serving(stream(*events, DONE)) as (server, client):
        chunks = [chunk async for chunk in client.stream(RawStreamCall("POST", "/v1/ticks", body={"a": 1}))]
        assert sent(server) == [("POST /v1/ticks", b'{"a":1}')]
    assert chunks == [{"n": number, "text": f"t{number}"} for number in range(20)]


async def test_streamed_shapes() -> None:
    """Of the class that was asked for; an event that is none is told."""
    call = RawStreamCall("POST", "/v1/ticks", chunks=Tick)
    async with serving(stream(b'data: {"n":1}\n\n', b'data: {"m":2}\n\n', DONE)) as (_, client):
        ticks = client.stream(call)
        assert await anext(ticks) == Tick(n=1)
        with pytest.raises(MalformedEventError, match="event 1 is no Tick: required field missing"):
            await anext(ticks)


async def test_a_stream_without_its_end_mark_is_truncated() -> None:
    """Nothing else says that it is whole."""
    async with serving(stream(b'data: {"n":1}\n\n')) as (_, client):
        ticks = client.stream(RawStreamCall("POST", "/v1/ticks", chunks=Tick))
        assert await anext(ticks) == Tick(n=1)
        with pytest.raises(StreamTruncatedError):
            await anext(ticks)


async def test_names_of_events_and_errors_that_are_data() -> None:
    """A class of chunks says where names go, and what has an error and is a chunk all the same."""
    events = [
        b'event: delta\ndata: {"n":1}\n\n',
        b'event: delta\ndata: {"n":2}\n\n',
        b"event: done\ndata: { }\n\n",
        b'data: {"n":3}\n\n',
        b'event: outer\ndata: {"event":"inner"}\n\n',
        b'event: error\ndata: {"model":"m","error":"down"}\n\n',
        b'data: {"model":"m","error":"down"}\n\n',
        b'event: a"\\b\ndata: {"n":4}\n\n',
    ]
    async with serving(stream(*events, DONE)) as (_, client):
        named = [chunk async for chunk in client.stream(RawStreamCall("POST", "/v1/n", chunks=Named))]
    assert named == [
        Named(event="delta", n=1),
        Named(event="delta", n=2),
        Named(event="done"),
        Named(n=3),
        Named(event="inner"),
        Named(event="error", model="m", error="down"),
        Named(model="m", error="down"),
        Named(event='a"\\b', n=4),
    ]


@pytest.mark.parametrize(
    "fatal",
    [
        b'data: {"model":"m","error":{"code":"gateway_timeout","message":"late"}}\n\n',
        b'event: error\ndata: {"error":"late"}\n\n',
        b"event: error\ndata: late\n\n",
        b'data: {"error":"late"}\n\n',
    ],
)
async def test_errors_that_are_no_data_are_raised(fatal: bytes) -> None:
    """After the chunks before them."""
    async with serving(stream(b'event: delta\ndata: {"n":1}\n\n', fatal, DONE)) as (_, client):
        chunks = client.stream(RawStreamCall("POST", "/v1/n", chunks=Named))
        assert await anext(chunks) == Named(event="delta", n=1)
        with pytest.raises(StreamAPIError, match="late"):
            await anext(chunks)


async def test_names_of_events_are_of_no_interest_elsewhere() -> None:
    """A plain chunk is as its data, whatever its event is called."""
    async with serving(stream(b'event: delta\ndata: {"n":1}\n\n', DONE)) as (_, client):
        assert [chunk async for chunk in client.stream(RawStreamCall("POST", "/v1/n"))] == [{"n": 1}]


PATHS = [
    ("v1/things", "must begin with '/'"),
    ("https://example.com/v1", "must begin with '/'"),
    ("", "must begin with '/'"),
    ("/v1/../admin", "climb to another path"),
    ("/v1/%2e%2E/admin", "climb to another path"),
    ("/v1/.", "climb to another path"),
    ("/v1//start", "is an id missing there"),
    ("//example.com/v1", "is an id missing there"),
    ("/v1/a b", "percent-encode them"),
    ("/v1/é", "percent-encode them"),
    ("/v1/a\r\nX: y", "percent-encode them"),
    ("/v1/a#b", "percent-encode them"),
]


@pytest.mark.parametrize(("path", "told"), PATHS)
@pytest.mark.parametrize("kind", [RawCall, RawStreamCall])
def test_a_path_that_can_not_be_meant_is_refused(kind: Any, path: str, told: str) -> None:
    """With the path, and what is wrong with it."""
    with pytest.raises(ValueError, match="the path") as caught:
        kind("GET", path)
    assert repr(path) in str(caught.value)
    assert told in str(caught.value)


MISTAKES = [
    (("FETCH", "/v1/a"), {}, ValueError, "RawCall: the method must be GET, "),
    (("get", "/v1/a"), {}, ValueError, "got 'get'"),
    (("GET", 5), {}, TypeError, "the path must be text, got 5"),
    (("GET", "/v1/a"), {"body": {}}, ValueError, "GET has no body; what it asks for goes into query="),
    (("GET", "/v1/a?b=1"), {"query": {"c": 2}}, ValueError, "has a query, and query= is given"),
    (("GET", "/v1/a"), {"query": "b=1"}, TypeError, "query must be a dict, got 'b=1'"),
    (("GET", "/v1/a"), {"query": {"b": {}}}, TypeError, "got 'b': {}"),
    (("POST", "/v1/a"), {"body": "text"}, TypeError, "body must be a dict or a list"),
    (("POST", "/v1/a"), {"reply": "Thing"}, TypeError, "reply must be a class"),
    (("POST", "/v1/a"), {"reply": Tick}, TypeError, "reply must be a class"),
]


@pytest.mark.parametrize(("given", "named", "error", "told"), MISTAKES)
def test_mistakes_are_refused(given: Any, named: Any, error: type[Exception], told: str) -> None:
    """When the call is made."""
    make: Any = RawCall
    with pytest.raises(error) as caught:
        make(*given, **named)
    assert told in str(caught.value)


def test_chunks_of_an_unknown_kind_are_refused() -> None:
    """A stream has shapes, dicts or bytes."""
    make: Any = RawStreamCall
    with pytest.raises(TypeError, match="chunks must be a Shape or bytes, got <class 'int'>"):
        make("POST", "/v1/a", chunks=int)


def test_raw_calls_are_values() -> None:
    """They compare by what they send and return, keep copies, and can't be changed; they pickle."""
    body = {"a": [1]}
    call = RawCall("POST", "/v1/a", body=body, reply=Thing)
    body["a"].append(2)
    assert call == RawCall("POST", "/v1/a", body={"a": [1]}, reply=Thing)
    assert call != RawCall("POST", "/v1/a", body={"a": [1]}, reply=ByteReply)
    assert call != RawCall("POST", "/v1/a", body={"a": [1]}, query={"b": 1}, reply=Thing)
    assert repr(call) == "RawCall('POST', '/v1/a', body={'a': [1]})"
    assert pickle.loads(pickle.dumps(call)) == call  # noqa: S301 - what was just made
    changing: Any = call
    with pytest.raises(AttributeError):
        changing.method = "GET"


async def test_a_shape_in_a_body_is_sent_as_json() -> None:
    """Without what is None in it, as in every call."""
    async with serving(reply({})) as (server, client):
        await client.send(RawCall("POST", "/v1/a", body={"thing": Thing(id="a")}))
        assert json.loads(sent(server)[0][1]) == {"thing": {"id": "a"}}


async def test_chat_by_hand() -> None:
    """A known path is as good as any other."""
    async with serving(stream(event("hi", finish="stop"), DONE)) as (_, client):
        call = RawStreamCall("POST", "/v1/chat/completions", body={"messages": [], "stream": True})
        chunks = [chunk async for chunk in client.stream(call)]
    assert chunks[0]["choices"][0]["delta"]["content"] == "hi"
