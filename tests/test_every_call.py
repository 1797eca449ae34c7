"""
What holds for every call of the registry, whatever family it is of.

Nothing here knows an endpoint: calls are made of their annotations, answers of the shapes of their replies.
"""

import re
from collections.abc import Iterator
from typing import Any, get_args

import attrs
import pytest

from meshapi_aio import MeshAPI, NotFoundError, errors
from meshapi_aio._shape import Absent, Shape, wire_names
from meshapi_aio._stream import chunk_type
from meshapi_aio._wire import prepare
from meshapi_aio.call import Call, StreamCall
from meshapi_aio.endpoints import every_call
from meshapi_aio.testing import Answer, FakeGateway
from meshapi_aio.testing._calls import read_call
from meshapi_aio.testing._example import example

from .filling import base, each, full
from .literals import SETTINGS


CALLS = dict(every_call())
STREAMS = [name for name, kind in CALLS.items() if issubclass(kind, StreamCall)]
EVENTS = [name for name in STREAMS if chunk_type(CALLS[name].reply) is not bytes]
SHAPED = [
    name
    for name, kind in CALLS.items()
    if isinstance(kind.reply, type) and issubclass(kind.reply, Shape) and name not in STREAMS
]

every = pytest.mark.parametrize("name", CALLS)
every_shaped = pytest.mark.parametrize("name", SHAPED)
every_json = pytest.mark.parametrize("name", [name for name, kind in CALLS.items() if not kind.is_form])
every_stream = pytest.mark.parametrize("name", EVENTS)

TELLS = re.compile(r"\b(return|repl(y|ies)|answer|fetch|list|find|get|ask|tell|search|into)", re.IGNORECASE)
UNKNOWN = {"not": ["known", None, {"to": "anybody"}]}


@every
def test_the_path_is_made_of_fields(name: str) -> None:
    """What stands in the path is required text; calls of one route differ in what marks their kind."""
    kind = CALLS[name]
    fields = attrs.fields_dict(kind)  # type: ignore[arg-type] # the decorators make attrs classes of calls
    for place in kind.route.fields:
        assert (fields[place].type, fields[place].default) == (str, attrs.NOTHING)
    same = [other for other in CALLS.values() if other.route == kind.route and other is not kind]
    assert all(len(get_args(fields["stream"].type)) == 1 for _ in same)


@every
def test_the_docstring(name: str) -> None:
    """It says what comes back, and the errors that it names exist."""
    told = CALLS[name].__doc__ or ""
    assert TELLS.search(told)
    for error in re.findall(r"``(\w+Error)``", told):
        assert issubclass(getattr(errors, error), errors.MeshAPIError)


@every
async def test_what_is_sent_is_what_is_read(name: str) -> None:
    """Over the wire every call comes back as an equal one, with as few fields as it takes and with all."""
    kind = CALLS[name]
    sent = [base(kind), full(kind)]
    if "extra_body" in attrs.fields_dict(kind):  # type: ignore[arg-type] # as above
        # What a form does not know is text: nothing tells a number from its digits.
        new = "anything" if kind.is_form else UNKNOWN
        sent.append(attrs.evolve(base(kind), extra_body={"brand_new": new}))
    async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token) as client:
        for call in sent:
            gateway.enqueue(Answer(400, body={"error": {"message": "no"}}))
            with pytest.raises(errors.BadRequestError):
                await _opened(client, call)
        received = [request.call for request in gateway.requests]
    assert received == sent
    assert [type(call) for call in received] == [kind] * len(sent)


@every_json
def test_each_kind_of_value_is_read(name: str) -> None:
    """Whatever else a field takes, such as a text or a list of texts, is read as it was given."""
    for call in each(CALLS[name]):
        request = prepare(call, SETTINGS)
        target = request.url.removeprefix(SETTINGS.base_url)
        body = request.body or b""
        assert isinstance(body, bytes)
        assert read_call(request.method, target, body) == call


@every
async def test_the_gateway_answers_by_itself(name: str) -> None:
    """Every call gets an answer of its kind, or hears that the thing which it names is not there."""
    call = base(CALLS[name])
    async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token) as client:
        try:
            reply = await _opened(client, call)
        except NotFoundError:
            assert call.route.fields
            return
    if isinstance(call, Call) and isinstance(call.reply, type):
        assert isinstance(reply, call.reply)


@every_shaped
async def test_unknown_keys_survive(name: str, gateway: FakeGateway, client: MeshAPI) -> None:
    """What the reply's class does not know is kept at every level of it, and given back."""
    call = base(CALLS[name])
    sent = _with_unknown(example(type(call).reply, {}, now=0))
    gateway.enqueue(Answer(body=sent))
    reply = await client.send(call)
    assert type(reply) is type(call).reply
    assert _is_part(sent, reply.to_dict())
    assert all(UNKNOWN in shape.extra.values() for shape in _shapes(reply))


@every_stream
async def test_unknown_keys_survive_in_streams(name: str, gateway: FakeGateway, client: MeshAPI) -> None:
    """In the chunks as in whole replies."""
    call = base(CALLS[name])
    kind = chunk_type(type(call).reply)
    sent = _with_unknown(example(kind, {}, now=0))
    gateway.enqueue(Answer(events=[sent, sent]))
    chunks = [chunk async for chunk in client.stream(call)]
    assert [type(chunk) for chunk in chunks] == [kind, kind]
    for chunk in chunks:
        assert _is_part(sent, chunk.to_dict())
        assert all(UNKNOWN in shape.extra.values() for shape in _shapes(chunk))


async def _opened(client: MeshAPI, call: Any) -> Any:
    """Return the reply of a call, or the chunks of its stream."""
    if isinstance(call, StreamCall):
        return [chunk async for chunk in client.stream(call)]
    return await client.send(call)


def _with_unknown(value: Any) -> Any:
    """Return JSON with a key more in each of its objects."""
    if isinstance(value, dict):
        return {**{key: _with_unknown(member) for key, member in value.items()}, "brand_new": UNKNOWN}
    return [_with_unknown(member) for member in value] if isinstance(value, list) else value


def _is_part(of: Any, whole: Any) -> bool:
    """Tell whether all of some JSON is in another."""
    if isinstance(of, dict) and isinstance(whole, dict):
        return all(key in whole and _is_part(member, whole[key]) for key, member in of.items())
    if isinstance(of, list) and isinstance(whole, list):
        return len(of) == len(whole) and all(map(_is_part, of, whole))
    return bool(of == whole)


def _shapes(value: Any) -> Iterator[Shape]:
    """Yield every shape in a reply, but those that stand for an absent key."""
    if isinstance(value, Shape) and not isinstance(value, Absent):
        yield value
        kind: Any = type(value)
        for name in wire_names(kind):
            yield from _shapes(getattr(value, name))
    elif isinstance(value, list):
        for member in value:
            yield from _shapes(member)
