"""Huge lists, slice by slice: what comes out is what the plain way makes, and others have their turns."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio import MeshAPI
from meshapi_aio._answer import Answer
from meshapi_aio._slices import read_in_slices
from meshapi_aio._wire import HUGE, read_reply
from meshapi_aio.call import Call
from meshapi_aio.endpoints.batches import GetBatch
from meshapi_aio.endpoints.models import ListModels, SearchModels

from .faults.server import Connection, FaultServer
from .faults.wire import reply
from .literals import JSON_ANSWER, SETTINGS


LIST, SEARCH = ListModels(), SearchModels()
PADDING = b" " * HUGE
MODELS = [
    {
        "id": f"brand/model-{number}",
        "is_free": number % 2 == 0,
        "description": "a text, " * 40,
        "new": [number],
    }
    for number in range(1000)
]


def outcome(read: Callable[[], Any]) -> Any:
    """Return what reading gives, or the error that it raises, to be compared."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same
        return type(error), str(error), vars(error)


def sliced(call: Call[Any], body: bytes, answer: Answer = JSON_ANSWER) -> tuple[Any, int]:
    """Read to the end, and return what came out, and how many turns others had."""
    reading, turns = read_in_slices(call, answer, body, SETTINGS), 0
    while True:
        try:
            next(reading)
        except StopIteration as over:
            return over.value, turns
        turns += 1


def same(call: Call[Any], body: bytes, answer: Answer = JSON_ANSWER) -> None:
    """Check that both ways come to the same."""
    plainly = outcome(lambda: read_reply(call, answer, body, SETTINGS))
    assert outcome(lambda: sliced(call, body, answer)[0]) == plainly


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2),
)
models = st.dictionaries(
    st.sampled_from(["id", "name", "is_free", "pricing", "context_length", "é", "extra"]), values, max_size=4
)
good = st.fixed_dictionaries({"id": st.text()}, optional={"name": st.none() | st.text(), "x": values})
items = st.lists(good, max_size=4) | st.lists(good | models | values, max_size=4)
objects = st.dictionaries(
    st.sampled_from(["items", "data", "total", "limit", "brands", "error", "x"]), items | values, max_size=5
)


@given(st.sampled_from([LIST, SEARCH]), items | objects, st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_it_is_what_the_plain_way_makes(call: Call[Any], value: Any, indent: Any, ascii_only: bool) -> None:
    """Of any JSON, however it is written; errors with their texts included."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    same(call, text.encode(errors="replace") + PADDING)


@given(items | objects, st.data())
def test_of_what_is_no_json_too(value: Any, data: st.DataObject) -> None:
    """Cut anywhere, or with a few other characters anywhere."""
    text = json.dumps(value)
    at = data.draw(st.integers(0, len(text)))
    odd = data.draw(st.text('{}[],:" \\1é\x00', max_size=2))
    for call in (LIST, SEARCH):
        same(call, (text[:at] + odd).encode() + PADDING)
        same(call, (text[:at] + odd + text[at:]).encode() + PADDING)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [{"id": "a"}], "data": null}',
        b'{"data": [{"id": "a"}], "data": [{"id": "b"}]}',
        b'{"data": null, "data": [{"id": "b"}]}',
        b'{"data": [{"id": "a"}], "error": {"code": "not_found", "message": "no"}}',
        b'{"data": [{"id": "a"}], "error": null}',
        b'{"data": [], "total": 3}',
        b'{"d\\u0061ta": [{"id": "a"}]}',
        b"{}",
        b"[]",
        b'[{"id": "a"},]',
        b'{"data": [{"id": "a"}],}',
        b"\xef\xbb\xbf[]",
        b'["\xff"]',
        b"[" * 100_000,
        b'{"data": [' + b"[" * 100_000,
    ],
)
def test_odd_bodies(body: bytes) -> None:
    """Names that come twice, escapes in names, errors beside a list, marks of byte order, depths."""
    same(LIST, body + PADDING)


def test_error_statuses_are_errors() -> None:
    """However long they are."""
    same(LIST, json.dumps(MODELS).encode(), Answer(503, {"content-type": "application/json"}))


@pytest.mark.parametrize("body", [MODELS, {"total": 1000, "items": MODELS, "limit": 1000, "more": {}}])
def test_others_have_their_turns(body: Any) -> None:
    """One for every 32 KiB or so."""
    call = LIST if isinstance(body, list) else SEARCH
    text = json.dumps(body).encode()
    page, turns = sliced(call, text)
    assert page == read_reply(call, JSON_ANSWER, text, SETTINGS)
    assert len(page) == 1000
    assert turns >= len(text) // (40 * 1024)


def test_what_is_no_list_is_read_at_once() -> None:
    """There is nothing to cut it by."""
    batch, turns = sliced(GetBatch(id="b"), b'{"id": "b"}' + PADDING)
    assert (batch.id, turns) == ("b", 0)


async def answer(connection: Connection) -> None:
    """Send all models, again and again."""
    while True:
        await connection.request()
        await connection.send(reply(MODELS))


async def test_through_the_client() -> None:
    """The same page; and the loop has turned, more than it would for a small one."""
    async with FaultServer(answer) as server, MeshAPI(server.base_url, "rsk_x") as client:
        page = await client.models.list()
        assert [model.to_dict()["new"] for model in page] == [model["new"] for model in MODELS]
        assert page.meta.status == 200


async def test_left_in_the_middle() -> None:
    """Cancelled while it reads, a call ends as everywhere; its answer was whole, and the connection stays."""
    async with FaultServer(answer) as server, MeshAPI(server.base_url, "rsk_x") as client:
        await client.models.list()
        task: asyncio.Task[object] = asyncio.ensure_future(client.send(LIST))

        def leave_when_it_reads() -> None:
            if client.stats().in_flight == 0 and len(server.connections[0].requests) == 2:
                task.cancel()
            elif not task.done():
                asyncio.get_running_loop().call_soon(leave_when_it_reads)

        await server.until(lambda: len(server.connections[0].requests) == 2)
        leave_when_it_reads()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(await client.models.list()) == 1000
