"""Requests as the calls that they were."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio import (
    Call,
    CreateChatCompletion,
    ImagePart,
    MeshAPI,
    Message,
    StreamCall,
    StreamChatCompletion,
)
from meshapi_aio._json import dumps
from meshapi_aio.testing import FakeGateway
from meshapi_aio.testing._calls import read_call, said

from .wire import CHAT, client, exchange, request_bytes


MESSAGES = [{"role": "user", "content": "Hi"}]

texts = st.text(max_size=5)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda members: st.lists(members, max_size=2) | st.dictionaries(texts, members, max_size=2),
    max_leaves=4,
)
messages = st.builds(Message.user, texts) | st.fixed_dictionaries(
    {"role": st.just("user"), "content": texts}, optional={"name": texts | st.none(), "new": values}
)
fields = st.fixed_dictionaries(
    {"messages": st.lists(messages, min_size=1, max_size=3)},
    optional={
        "model": texts,
        "temperature": st.floats(0, 2) | st.integers(0, 2),
        "max_tokens": st.integers(1, 100),
        "stop": texts | st.lists(texts, max_size=2),
        "tools": st.lists(st.dictionaries(texts, values, max_size=2), max_size=2),
        "reasoning_effort": st.sampled_from(["high", "none"]),
        "timeout": st.floats(0.5, 300),
        "extra_body": st.dictionaries(texts.map("x_{}".format), values, max_size=2),
    },
)


@given(kind=st.sampled_from([CreateChatCompletion, StreamChatCompletion]), given_fields=fields)
def test_a_call_is_read_back(kind: Any, given_fields: dict[str, Any]) -> None:
    """Whatever this client sends is read as the call that sent it."""
    sent = kind(**given_fields)
    received = read_call("POST", CHAT, dumps(sent.body()))
    assert type(received) is kind
    assert received == sent


async def test_what_was_received_equals_what_was_sent() -> None:
    """Over the wire, in both kinds, with messages as objects, as dicts and as both."""
    parts = Message.user(
        [ImagePart(image_url={"url": "data:image/png;base64,"}), {"type": "text", "text": "?"}]
    )
    unary = CreateChatCompletion(model="m", messages=[Message.system("Be brief."), *MESSAGES], temperature=0)
    streaming = StreamChatCompletion(messages=[parts], extra_body={"brand_new": {"a": None}})
    async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token) as mesh:
        await mesh.send(unary)
        await mesh.stream(streaming).get_final_completion()
    assert [request.call for request in gateway.requests] == [unary, streaming]
    assert [request.streams for request in gateway.requests] == [False, True]
    one, other = gateway.requests
    assert one.call == CreateChatCompletion(
        model="m", messages=[{"role": "system", "content": "Be brief."}, Message.user("Hi")], temperature=0.0
    )
    assert one.call != other.call
    assert one.ended_at is not None
    assert one.received_at <= one.ended_at <= other.received_at


@pytest.mark.parametrize(
    ("body", "call"),
    [
        (b'{"messages":[{"role":"user","content":"Hi"}]}', CreateChatCompletion(messages=MESSAGES)),
        (
            b'{"messages":[{"role":"user","content":"Hi"}],"stream":null,"seed":null,"new":null}',
            CreateChatCompletion(messages=MESSAGES),
        ),
        (
            b'{"messages":[{"role":"user","content":"Hi"}],"stream":true,"n":2}',
            StreamChatCompletion(messages=MESSAGES, extra_body={"n": 2}),
        ),
    ],
)
def test_what_other_clients_send(body: bytes, call: Call[Any] | StreamCall[Any]) -> None:
    """It is read as the gateway reads it: null is absent, and without ``stream`` no stream is wanted."""
    assert read_call("POST", CHAT, body) == call


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"messages":[]}',
        b'{"messages":"Hi"}',
        b'{"messages":[{"role":"user","content":"Hi"}],"stream":"yes"}',
        b'{"messages":[{"role":"user","content":"Hi"}],"temperature":3}',
        b'{"messages":[{"role":"assistant","content":""}]}',
    ],
)
def test_what_is_no_call(body: bytes) -> None:
    """None, where no call could have sent it."""
    assert read_call("POST", CHAT, body) is None


@pytest.mark.parametrize(("method", "target"), [("GET", CHAT), ("POST", "/v1/nowhere")])
async def test_another_route_is_no_call(method: str, target: str) -> None:
    """Neither another method nor another path, whatever the body."""
    async with FakeGateway() as gateway:
        await exchange(
            gateway, request_bytes(method, target, b'{"messages":[{"role":"user"}]}', "Connection: close\r\n")
        )
    assert gateway.requests[0].call is None


@pytest.mark.parametrize(
    ("body", "streams"),
    [
        (b'{"stream":true}', True),
        (b'{"stream":1}', False),
        (b"[1]", False),
        (b"", False),
        (b"[" * 100_000, False),
    ],
)
async def test_whether_a_stream_is_wanted(body: bytes, streams: bool) -> None:
    """Only where the body says so."""
    async with FakeGateway() as gateway, client(gateway) as session:
        async with session.post("/", data=body) as response:
            assert response.status == 404
        assert gateway.requests[0].streams is streams


def test_what_a_call_says() -> None:
    """A null is not said."""
    call = CreateChatCompletion(messages=MESSAGES, extra_body={"new": None, "n": 1})
    assert said(call) == {"messages": MESSAGES, "stream": False, "n": 1}
