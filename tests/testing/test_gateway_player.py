"""The sending of answers: every pause, every cut, every way to end a connection."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from meshapi_aio.testing import (
    CUT,
    HANG,
    RESET,
    Answer,
    Ending,
    FakeGateway,
    Heartbeats,
    Pause,
    WaitFor,
)

from .wire import client, connected, events, exchange, receive, request_bytes


GET = request_bytes()
LAST = request_bytes(headers="Connection: close\r\n")


@pytest.fixture
async def session(gateway: FakeGateway) -> AsyncIterator[aiohttp.ClientSession]:
    """Run a client that presents the right token."""
    async with client(gateway) as session:
        yield session


async def test_waiting_steps_hold_back_what_follows(gateway: FakeGateway) -> None:
    """``WaitFor`` and ``Pause`` let through what came before, headers included, and keep back the rest."""
    opened, ended = asyncio.Event(), asyncio.Event()
    gateway.enqueue(Answer(before=[WaitFor(opened)], events=[WaitFor(ended), Pause(0.0), "late"]))
    loop = asyncio.get_running_loop()
    async with connected(gateway, LAST) as bare:
        await gateway.received()
        with pytest.raises(BlockingIOError):
            bare.recv(1)
        opened.set()
        assert (await loop.sock_recv(bare, 65536)).endswith(b"\r\n\r\n")
        with pytest.raises(BlockingIOError):
            bare.recv(1)
        assert gateway.requests[0].outcome == "pending"
        ended.set()
        body, _ = await receive(bare)
    assert body == b"c\r\ndata: late\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


async def test_a_stream_can_be_cut_anywhere(gateway: FakeGateway) -> None:
    """Everything before the cut is delivered; then the connection ends, without the last chunk."""
    gateway.enqueue(Answer(events=[{"a": 1}, b"data: {", CUT, {"never": "sent"}]))
    answer, was_reset = await exchange(gateway, GET)
    assert answer.partition(b"\r\n\r\n")[2] == b'f\r\ndata: {"a":1}\n\n\r\n7\r\ndata: {\r\n'
    assert not was_reset
    assert gateway.requests[0].outcome == "cut"


async def test_everything_before_a_cut_is_delivered_to_a_slow_reader(gateway: FakeGateway) -> None:
    """Megabytes that were still on their way when the cut came arrive all the same."""
    megabytes = b"x" * 8_000_000
    gateway.enqueue(Answer(events=[megabytes, CUT]))
    async with connected(gateway, GET) as bare:
        request = await gateway.received()
        assert request.outcome == "pending"
        answer, _ = await receive(bare)
    assert answer.partition(b"\r\n\r\n")[2] == b"%x\r\n%b\r\n" % (len(megabytes), megabytes)


async def test_a_connection_can_be_cut_before_any_byte(gateway: FakeGateway) -> None:
    """What a reused connection does when the server has just given it up."""
    gateway.enqueue(Answer(before=[CUT]), Answer(before=[RESET], body="never sent"))
    assert await exchange(gateway, GET) == (b"", False)
    assert await exchange(gateway, GET) == (b"", True)
    assert [request.outcome for request in gateway.requests] == ["cut", "cut"]


async def test_a_body_can_be_cut(gateway: FakeGateway, session: aiohttp.ClientSession) -> None:
    """Events with the headers of a plain answer are a plain answer in pieces, here one that is too short."""
    headers = {"Content-Type": "application/json", "Content-Length": "100"}
    gateway.enqueue(Answer(headers=headers, events=[b'{"id":', CUT]))
    async with session.get("/") as response:
        assert (response.content_type, response.content_length) == ("application/json", 100)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_reset_is_a_reset(gateway: FakeGateway) -> None:
    """The client sees ECONNRESET and not just the end."""
    seen = asyncio.Event()
    gateway.enqueue(Answer(events=["one", WaitFor(seen), RESET]))
    async with connected(gateway, GET) as bare:
        got = b""
        while not got.endswith(b"data: one\n\n\r\n"):
            got += await asyncio.get_running_loop().sock_recv(bare, 65536)
        seen.set()
        assert await receive(bare) == (b"", True)
    assert gateway.requests[0].outcome == "cut"


@pytest.mark.parametrize("ending", [CUT, None])
async def test_raw_bytes_are_all_that_is_sent(gateway: FakeGateway, ending: object) -> None:
    """Status line, headers and framing are the script's own, right or wrong; then the connection ends."""
    pieces = [b"HTTP/1.1 200 O", b"K\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]
    gateway.enqueue(Answer(raw=True, events=[*pieces, *([CUT] if ending else [])]))
    assert await exchange(gateway, GET) == (b"".join(pieces), False)
    assert gateway.requests[0].outcome == ("cut" if ending else "completed")


async def test_the_same_answer_can_be_given_again(
    gateway: FakeGateway, session: aiohttp.ClientSession
) -> None:
    """An answer is a value: what is played is not used up, even if its events came from an iterator."""
    answer = Answer(events=iter([{"n": 1}, {"n": 2}]))
    gateway.enqueue(answer, answer)
    for _ in range(2):
        async with session.get("/") as response:
            assert events(await response.read()) == [{"n": 1}, {"n": 2}]


async def test_the_connection_is_kept_after_a_whole_answer(gateway: FakeGateway) -> None:
    """Also after a stream: the next request may come on the same connection."""
    gateway.enqueue(Answer(events=[]), Answer(204), Answer(body="end"))
    answer, _ = await exchange(gateway, GET + GET + LAST)
    assert answer.count(b"HTTP/1.1 ") == 3
    assert (gateway.connections.open, gateway.connections.opened) == (0, 1)


@pytest.mark.parametrize("step", [HANG, Pause(3600.0)])
async def test_a_hanging_answer_sends_its_headers(gateway: FakeGateway, step: Ending | Pause) -> None:
    """A client that got the headers of a stream and then nothing knows that the stream has begun."""
    gateway.enqueue(Answer(events=[step]))
    async with connected(gateway, GET) as bare:
        head = await asyncio.get_running_loop().sock_recv(bare, 65536)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert gateway.requests[0].outcome == "pending"
    await gateway.disconnected(gateway.requests[0])


async def test_heartbeats(gateway: FakeGateway, session: aiohttp.ClientSession) -> None:
    """Comments without data, so many as are said, among the other steps."""
    gateway.enqueue(Answer(events=[Heartbeats(2, every=0.0), "a", Heartbeats(0, every=1.0)]))
    async with session.get("/") as response:
        assert await response.text() == ": keep-alive\n\n" * 2 + "data: a\n\ndata: [DONE]\n\n"


async def test_heartbeats_for_ever(gateway: FakeGateway) -> None:
    """They end when the client does."""
    gateway.enqueue(Answer(events=[Heartbeats(None, every=0.0)]))
    async with connected(gateway, GET) as bare:
        got = b""
        while got.count(b": keep-alive") < 1000:
            got += await asyncio.get_running_loop().sock_recv(bare, 65536)
    await gateway.disconnected(gateway.requests[0])
