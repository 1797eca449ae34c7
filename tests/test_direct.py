"""Requests go to the connection directly where they may, else through aiohttp's session."""

import asyncio
import json
import socket
from typing import Any

import aiohttp
import pytest

from meshapi_aio import MeshAPI, Timeout
from meshapi_aio._transport import _direct
from meshapi_aio._transport._answering import _unwritten
from meshapi_aio._transport._connector import connecting_within

from .faults.authority import tls_client_context
from .faults.scripts import MESSAGES, answer
from .faults.server import Connection, FaultServer
from .faults.wire import COMPLETION, reply


both = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.fixture(autouse=True)
def familiar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go directly, unless the test says otherwise."""
    monkeypatch.setattr(_direct, "_FAMILIAR", True)


@pytest.fixture
def by_session(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the methods of the requests that go through a session, the way in which mocks stand."""
    seen: list[str] = []
    theirs: Any = aiohttp.ClientSession._request

    async def request(session: aiohttp.ClientSession, method: str, *args: Any, **kwargs: Any) -> Any:
        seen.append(method)
        return await theirs(session, method, *args, **kwargs)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", request)
    return seen


def test_this_aiohttp_is_familiar() -> None:
    """What is tested is what runs."""
    assert _direct._is_familiar()


@both
async def test_both_ways_send_the_same(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line, but for the order of the headers: whole and streamed, the first request and the next."""
    async with FaultServer(answer, tls=tls) as server:
        for familiar in (True, False):
            monkeypatch.setattr(_direct, "_FAMILIAR", familiar)
            async with MeshAPI(
                server.base_url + "/a%20b/ü",
                "rsk_secret",
                headers={"X-Own": "ü"},
                ssl_context=tls_client_context(),
            ) as client:
                for text in ("Hi", "Hello €"):
                    await client.chat.completions.create(messages=[{"role": "user", "content": text}])
                    async for _ in client.chat.completions.stream(messages=MESSAGES):
                        pass
        direct, plain = ([_lines(request) for request in one.requests] for one in server.connections)
        assert direct == plain
        assert len(direct) == 4


def _lines(request: bytes) -> list[bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    return [first, *sorted(headers), body]


async def test_mocks_and_recorders_are_asked(by_session: list[str]) -> None:
    """Who stands in for the session's own way gets every request, as before."""
    async with FaultServer(answer) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        await client.chat.completions.create(messages=MESSAGES)
    assert by_session == ["POST"]


async def test_tracers_are_told() -> None:
    """Who listens to each session, as tools that trace a program do, hears of every request."""
    heard: list[str] = []

    async def hear(_: object, __: object, sent: aiohttp.TraceRequestStartParams) -> None:
        heard.append(sent.method)

    async with FaultServer(answer) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        await client.chat.completions.create(messages=MESSAGES)
        session = client._shared.transport._session
        assert session is not None
        tracer = aiohttp.TraceConfig()
        tracer.on_request_start.append(hear)
        tracer.freeze()
        session.trace_configs.append(tracer)
        await client.chat.completions.create(messages=MESSAGES)
    assert heard == ["POST"]


async def test_paths_are_not_kept_for_ever() -> None:
    """A client that asks for ever other paths keeps the heads of a few, the last ones."""
    async with FaultServer(answer) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        await client.chat.completions.create(messages=MESSAGES)
        (headers,) = client._settings.prepared.values()
        assert len(headers.heads) == 1
        others: dict[Any, None] = {("POST", str(n)): None for n in range(_direct._HEADS)}
        headers.heads = others.copy()
        for _ in range(2):
            await client.chat.completions.create(messages=MESSAGES)
            assert len(headers.heads) == _direct._HEADS
        assert list(headers.heads)[:-1] == list(others)[1:]


@both
async def test_answered_before_it_was_asked_whole(tls: bool) -> None:
    """What is left of a request that was answered early is no beginning of the next one's."""
    asked = asyncio.Event()

    async def impatient(connection: Connection) -> None:
        if len(server.connections) == 1:
            await connection.request()
            await connection.send(reply(COMPLETION))
            connection.be_deaf()
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await asked.wait()
            await connection.send(reply(COMPLETION))
            await connection.stall()
        await answer(connection)

    async with (
        FaultServer(impatient, tls=tls) as server,
        MeshAPI(server.base_url, "rsk_secret", ssl_context=tls_client_context()) as client,
    ):
        await client.chat.completions.create(messages=MESSAGES)
        connector = client._shared.transport._connector
        assert connector is not None
        (handler,) = connector._handlers
        transport: Any = handler.transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        large = [{"role": "user", "content": "a" * 900_000}]
        call = asyncio.create_task(client.chat.completions.create(messages=large))
        while not _unwritten(transport):
            await asyncio.sleep(0)
        asked.set()
        await call
        assert transport.is_closing()
        await client.chat.completions.create(messages=MESSAGES)
        first, second = server.connections
        assert json.loads(second.requests[0].partition(b"\r\n\r\n")[2])["messages"] == MESSAGES
        assert len(first.requests) == 1


async def test_a_header_of_two_lines_is_not_sent() -> None:
    """Whatever its checks let through, no value begins a header of its own; nor is it shown."""
    async with FaultServer(answer) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        await client.chat.completions.create(messages=MESSAGES)
        (headers,) = client._settings.prepared.values()
        headers.heads.clear()
        headers["Accept"] = "rsk_one\r\nX-Two: 2"
        with pytest.raises(ValueError, match="no single line") as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert "rsk_one" not in str(caught.value)
        assert client.stats().in_flight == 0
        (connection,) = server.connections
        assert len(connection.requests) == 1


async def test_limits_of_time_are_not_kept_for_ever() -> None:
    """A client whose calls have ever other limits, since somebody counts down, keeps a few."""
    async with FaultServer(answer) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        for number in range(1, 40):
            counting = client.with_options(timeout=Timeout(connect=60 - number))
            await counting.chat.completions.create(messages=MESSAGES)
    assert connecting_within.cache_info().currsize <= 16
