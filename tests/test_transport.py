"""The transport over real sockets: every way in which an exchange begins and ends, plain and on TLS."""

import asyncio
import errno
import gc
import itertools
import os
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import uvloop

from meshapi_aio import (
    APIConnectionError,
    APITimeoutError,
    ClientClosedError,
    CreateChatCompletion,
    Limits,
    MeshAPI,
    MeshAPIError,
    RawStreamCall,
    Reply,
    ResponseTooLargeError,
    Retry,
    StreamClosedError,
    StreamTruncatedError,
    Timeout,
    UnexpectedResponseError,
)
from meshapi_aio._scope import Scope
from meshapi_aio._transport import Exchange, _reading
from meshapi_aio._transport._connector import _keep_alive
from meshapi_aio.call import CALLS, Call, delete, get

from .faults.authority import tls_client_context
from .faults.server import Connection, FaultServer, Script
from .faults.wire import COMPLETION, DONE, LAST_CHUNK, STREAM_HEAD, event, piece, reply


MESSAGES = [{"role": "user", "content": "Hi"}]


@get("/v1/thing")
class _GetThing(Call[Reply]):
    """Fetch the thing."""


@delete("/v1/thing")
class _DeleteThing(Call[Reply]):
    """Remove the thing."""


for _call in ("_GetThing", "_DeleteThing"):  # what goes through every call of the package must not meet them
    CALLS.pop(_call)

both = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@asynccontextmanager
async def serving(
    script: Script, *, tls: bool = False, **options: Any
) -> AsyncGenerator[tuple[FaultServer, MeshAPI]]:
    """Run a server with a script, and a client of it."""
    async with (
        FaultServer(script, tls=tls) as server,
        MeshAPI(server.base_url, "rsk_secret", ssl_context=tls_client_context(), **options) as client,
    ):
        yield server, client


async def begin_and_stall(connection: Connection) -> None:
    """Send two events and nothing more."""
    await connection.request()
    await connection.send(STREAM_HEAD + piece(event("a")) + piece(event("b")))
    await connection.stall()


async def never_answer(connection: Connection) -> None:
    """Take the request and say nothing."""
    await connection.request()
    await connection.stall()


def answering(*answers: bytes) -> Script:
    """Return a script that gives these answers to one request after the other."""

    async def script(connection: Connection) -> None:
        for answer in answers:
            await connection.request()
            await connection.send(answer)
        await connection.stall()

    return script


@both
async def test_break_in_a_block_closes_the_connection(tls: bool) -> None:
    """Promise 11: leaving the block breaks the connection at once."""
    async with serving(begin_and_stall, tls=tls) as (server, client):
        async with client.chat.completions.stream(messages=MESSAGES) as stream:
            async for _ in stream:
                break
        await server.until(lambda: server.open == 0)
        assert client.stats().in_flight == 0
        assert client.stats().open == 0


@both
async def test_cancelling_a_reader_closes_the_connection(tls: bool) -> None:
    """Promises 8 and 9: task.cancel() breaks the connection and stays CancelledError."""
    async with serving(begin_and_stall, tls=tls) as (server, client):
        seen: list[str] = []
        two = asyncio.Event()

        async def read() -> None:
            async for chunk in client.chat.completions.stream(messages=MESSAGES):
                seen.append(chunk.text)
                if len(seen) == 2:
                    two.set()

        task = asyncio.create_task(read())
        await two.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == ["a", "b"]
        await server.until(lambda: server.open == 0)
        assert client.stats().in_flight == 0


@both
async def test_closing_from_a_callback(tls: bool) -> None:
    """Promise 8: stream.close() from a callback ends the reader with StreamClosedError and what had come."""
    async with serving(begin_and_stall, tls=tls) as (server, client):
        stream = client.chat.completions.stream(messages=MESSAGES)
        assert (await anext(stream)).text == "a"
        assert (await anext(stream)).text == "b"
        asyncio.get_running_loop().call_soon(stream.close)
        with pytest.raises(StreamClosedError) as caught:
            await anext(stream)
        assert caught.value.partial.choices[0].message.content == "ab"
        assert caught.value.request_id == "req_1"
        await server.until(lambda: server.open == 0)


@both
@pytest.mark.parametrize("streaming", [False, True])
async def test_cancelling_before_headers(tls: bool, streaming: bool) -> None:
    """Promise 8: before there is an answer, cancelling breaks the connection just the same."""
    async with serving(never_answer, tls=tls) as (server, client):
        create: Any = client.chat.completions.create
        opening = create(messages=MESSAGES, **({"stream": True} if streaming else {}))
        task = asyncio.ensure_future(opening)
        await server.until(lambda: server.requests == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: server.open == 0)
        assert client.stats().in_flight == 0


@both
async def test_closing_before_headers(tls: bool) -> None:
    """Promise 8: stream.close() ends an opening, and the cancellation count stays right."""
    async with serving(never_answer, tls=tls) as (server, client):
        stream = client.chat.completions.stream(messages=MESSAGES)
        task = asyncio.ensure_future(anext(stream))
        await server.until(lambda: server.requests == 1)
        stream.close()
        with pytest.raises(StreamClosedError):
            await task
        assert task.cancelling() == 0
        await server.until(lambda: server.open == 0)


@both
@pytest.mark.parametrize("answered", [False, True])
async def test_a_peer_that_stopped_reading(tls: bool, answered: bool) -> None:
    """Promise 8: the socket is freed though the peer reads nothing, before headers and after."""

    async def deaf(connection: Connection) -> None:
        await connection.request()
        connection.be_deaf()
        if answered:
            await connection.send(STREAM_HEAD + piece(event("a")))
        await connection.stall()

    async with serving(deaf, tls=tls) as (server, client):
        stream = client.chat.completions.stream(messages=MESSAGES)
        task = asyncio.ensure_future(anext(stream))
        await server.until(lambda: server.requests == 1)
        if answered:
            await task
        stream.close()
        if not answered:
            with pytest.raises(StreamClosedError):
                await task
        async with asyncio.timeout(10):
            while not server.connections[0].left:
                await asyncio.sleep(0)


@both
async def test_dropping_a_stream_closes_it(tls: bool) -> None:
    """Promise 11: a stream that is dropped unfinished breaks its connection and warns."""
    async with serving(begin_and_stall, tls=tls) as (server, client):
        stream = client.chat.completions.stream(messages=MESSAGES)
        await anext(stream)
        with pytest.warns(ResourceWarning, match="dropped before its end"):
            del stream
            gc.collect()
        await server.until(lambda: server.open == 0)
        assert client.stats().in_flight == 0


async def test_dropping_a_stream_in_another_thread() -> None:
    """A finalizer may run in any thread: the connection is still broken by the loop's own."""
    async with serving(begin_and_stall) as (server, client):
        holder = [client.chat.completions.stream(messages=MESSAGES)]
        await anext(holder[0])
        with pytest.warns(ResourceWarning, match="dropped before its end"):
            await asyncio.to_thread(holder.clear)
        await server.until(lambda: server.open == 0)
        assert client.stats().in_flight == 0


def test_finalizing_after_the_loop() -> None:
    """With the loop closed there is nothing left to break, and nothing is tried on it."""

    async def begin() -> Exchange:
        client = MeshAPI("http://127.0.0.1:1", "rsk_secret")
        return client._shared.transport.exchange(Timeout(), Scope(None))

    exchange = asyncio.run(begin())
    exchange.abort_from_finalizer()
    exchange.abort()


async def test_an_answer_that_comes_as_all_is_broken_off() -> None:
    """Promise 8: closed in the very turn in which the headers come, a call closes them too."""
    async with (
        FaultServer(begin_and_stall) as server,
        aiohttp.ClientSession() as session,
        MeshAPI(server.base_url, "rsk_secret") as client,
    ):
        exchange = client._shared.transport.exchange(Timeout(), Scope(None))
        exchange.abort()
        response = await session.post(server.base_url, data=b"{}")
        exchange.begun(response, str)
        assert response.closed
        await server.until(lambda: server.open == 0)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_is_gone_is_broken_off(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Promise 8: where the peer was quicker, nothing is left to break, and that is no error on any loop."""

    async def leave() -> None:
        async with (
            FaultServer(never_answer) as server,
            MeshAPI(server.base_url, "rsk_secret") as client,
        ):
            exchange = client._shared.transport.exchange(Timeout(), Scope(None))
            loop = asyncio.get_running_loop()
            address: Any = urlsplit(server.base_url)
            transport, _ = await loop.create_connection(asyncio.Protocol, address.hostname, address.port)
            connection: Any = SimpleNamespace(transport=transport)
            exchange.connected(connection, reused=False)
            sock = transport.get_extra_info("socket")
            transport.abort()
            async with asyncio.timeout(10):
                while sock.fileno() >= 0:
                    await asyncio.sleep(0)
            _keep_alive(connection)
            exchange.abort()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(leave())


@both
async def test_everything_received_is_delivered_before_a_reset(tls: bool) -> None:
    """Promise 3: with a reader that is slower than the reset, all 300 chunks come before the error."""
    more, broken = asyncio.Event(), asyncio.Event()
    events = [event(f"{n} ") for n in range(300)]

    async def reset(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD + piece(events[0]))
        await more.wait()
        await connection.send(b"".join(map(piece, events[1:])))
        await broken.wait()
        connection.reset()

    async with serving(reset, tls=tls) as (server, client):
        seen: list[str] = []
        with pytest.raises(StreamTruncatedError) as caught:
            async for chunk in client.chat.completions.stream(messages=MESSAGES):
                if not seen:
                    content = _content(client)
                    more.set()
                    async with asyncio.timeout(10):
                        while content._size < len(b"".join(events[1:])):
                            await asyncio.sleep(0)
                        broken.set()
                        while content.exception() is None:
                            await asyncio.sleep(0)
                    await server.until(lambda: server.open == 0)
                seen.append(chunk.text)
        assert seen == [f"{n} " for n in range(300)]
        assert caught.value.chunks_seen == 300
        assert caught.value.request_id == "req_1"


@both
async def test_a_reader_far_behind_gets_everything_before_a_reset(tls: bool) -> None:
    """Promise 3: also of what had come after aiohttp held so much that it took no more."""
    more, full = asyncio.Event(), asyncio.Event()
    numbers = itertools.count()

    async def some(connection: Connection, count: int) -> None:
        events = [event(str(next(numbers)).rjust(1000)) for _ in range(count)]
        await connection.send(b"".join(map(piece, events)))

    async def reset(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD)
        await some(connection, 1)
        await more.wait()
        while not full.is_set():
            await some(connection, 1)
            await asyncio.sleep(0)
        await some(connection, 40)  # for which the kernel has room, though nobody reads
        connection.reset()

    async with serving(reset, tls=tls) as (server, client):
        seen: list[int] = []
        with pytest.raises(StreamTruncatedError) as caught:
            async for chunk in client.chat.completions.stream(messages=MESSAGES):
                if not seen:
                    protocol = _content(client)._protocol
                    more.set()
                    async with asyncio.timeout(10):
                        while not protocol._reading_paused:
                            await asyncio.sleep(0)
                        full.set()
                        await server.until(lambda: server.open == 0)
                        # On TLS asyncio goes on reading; else nobody sees the reset until there is room.
                        while tls and client.stats().open:
                            await asyncio.sleep(0)
                seen.append(int(chunk.text))
        assert seen == list(range(next(numbers)))
        assert caught.value.chunks_seen == len(seen)


def _content(client: MeshAPI) -> aiohttp.StreamReader:
    """Return what aiohttp holds of the only exchange's body."""
    (exchange,) = client._shared.transport._exchanges
    assert exchange._response is not None
    return exchange._response.content


@both
async def test_a_late_terminator_keeps_the_connection(tls: bool) -> None:
    """Promise 10: twenty streams whose last bytes come late use one connection."""
    release = asyncio.Event()

    async def late(connection: Connection) -> None:
        for _ in range(20):
            await connection.request()
            await connection.send(STREAM_HEAD + piece(event("a", finish="stop")) + piece(DONE))
            await release.wait()
            release.clear()
            await connection.send(LAST_CHUNK)
        await connection.stall()

    async with serving(late, tls=tls) as (server, client):
        for _ in range(20):
            assert [chunk.text async for chunk in client.chat.completions.stream(messages=MESSAGES)] == ["a"]
            assert client.stats().in_flight == 1
            release.set()
            async with asyncio.timeout(10):
                while client.stats().in_flight:
                    await asyncio.sleep(0)
        assert len(server.connections) == 1


@both
async def test_a_missing_terminator_closes_the_connection(tls: bool) -> None:
    """Promise 10: what does not end soon after its end mark is closed, however it trickles."""

    async def trickle(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD + piece(event("a", finish="stop")) + piece(DONE))
        while not connection.ended.is_set():
            await connection.send(piece(b": still here\n\n"))
            await asyncio.sleep(0.01)

    async with serving(trickle, tls=tls) as (server, client):
        assert [chunk.text async for chunk in client.chat.completions.stream(messages=MESSAGES)] == ["a"]
        await server.until(lambda: server.open == 0)
        assert client.stats().in_flight == 0


async def test_a_connection_that_went_back_is_not_broken() -> None:
    """A stream whose bytes have all come holds no connection: closing it leaves the next call alone."""
    go_on, answer = asyncio.Event(), asyncio.Event()

    async def two(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD + piece(event("a")))
        await go_on.wait()
        await connection.send(piece(event("b", finish="stop")) + piece(DONE) + LAST_CHUNK)
        await connection.request()
        await answer.wait()
        await connection.send(reply(COMPLETION))
        await connection.stall()

    async with serving(two) as (server, client):
        stream = client.chat.completions.stream(messages=MESSAGES)
        await anext(stream)
        go_on.set()
        async with asyncio.timeout(10):
            while client.stats().in_flight:
                await asyncio.sleep(0)
        task = asyncio.create_task(client.chat.completions.create(messages=MESSAGES))
        await server.until(lambda: server.requests == 2)
        stream.close()
        answer.set()
        assert (await task).choices[0].message.content == "hello"
        assert len(server.connections) == 1


async def test_a_stale_connection_is_replaced_once() -> None:
    """Promise 15: a pooled connection that closes without a byte of answer is replaced by a new one."""

    async def one_answer(connection: Connection) -> None:
        await connection.request()
        await connection.send(reply(COMPLETION))
        await connection.request()
        connection.close()

    async with serving(one_answer) as (server, client):
        await client.chat.completions.create(messages=MESSAGES)
        again = await client.chat.completions.create(messages=MESSAGES)
        first, second = again.meta.attempts
        assert "pooled connection" in (first.error or "")
        assert (first.pause, second.error) == (0.0, None)
        assert len(server.connections) == 2


async def test_a_stale_connection_is_not_replaced_by_another_stale_one() -> None:
    """Promise 15: the retry goes out on a fresh connection, past every pooled one."""
    together = asyncio.Barrier(3)

    async def one_answer(connection: Connection) -> None:
        await connection.request()
        if len(server.connections) <= 3:
            await together.wait()
        await connection.send(reply(COMPLETION))
        await connection.request()
        connection.close()

    async with serving(one_answer) as (server, client):
        await asyncio.gather(*(client.chat.completions.create(messages=MESSAGES) for _ in range(3)))
        assert len(server.connections) == 3
        again = await client.chat.completions.create(messages=MESSAGES)
        assert len(again.meta.attempts) == 2
        assert len(server.connections) == 4


async def test_aiohttp_sends_nothing_again_by_itself() -> None:
    """``max_retries=0`` means exactly one request, also of methods that aiohttp holds to be idempotent."""

    async def leave(connection: Connection) -> None:
        await connection.request()
        connection.close()

    async with serving(leave, retry=Retry(max_retries=0)) as (server, client):
        for sent, call in enumerate([_GetThing(), _DeleteThing()], start=1):
            with pytest.raises(APIConnectionError):
                await client.send(call)
            assert server.requests == sent


async def test_a_stale_connection_without_retries() -> None:
    """``max_retries=0`` means exactly one request: then the error is raised."""

    async def one_answer(connection: Connection) -> None:
        await connection.request()
        await connection.send(reply(COMPLETION))
        await connection.request()
        connection.close()

    async with serving(one_answer, retry=Retry(max_retries=0)) as (server, client):
        await client.chat.completions.create(messages=MESSAGES)
        with pytest.raises(APIConnectionError, match="pooled connection"):
            await client.chat.completions.create(messages=MESSAGES)
        assert server.requests == 2


@pytest.mark.parametrize(
    ("timeout", "phase"),
    [(Timeout(first_event=0.05), "first_event"), (Timeout(total=0.05), "deadline")],
)
@pytest.mark.parametrize("streaming", [False, True])
async def test_a_gateway_that_never_answers(timeout: Timeout, phase: str, streaming: bool) -> None:
    """Promise 12: each limit raises APITimeoutError with its phase, and is not retried."""
    async with serving(never_answer, timeout=timeout) as (server, client):
        create: Any = client.chat.completions.create
        with pytest.raises(APITimeoutError) as caught:
            await create(messages=MESSAGES, **({"stream": True} if streaming else {}))
        assert caught.value.phase == phase
        assert isinstance(caught.value, TimeoutError)
        await server.until(lambda: server.open == 0)
        assert server.requests == 1


@pytest.mark.parametrize(
    ("timeout", "phase"), [(Timeout(idle=0.05), "idle"), (Timeout(total=0.05), "deadline")]
)
async def test_a_stream_that_stops(timeout: Timeout, phase: str) -> None:
    """Promises 12 and 13: a stream that goes silent raises, after its chunks and with them."""
    async with serving(begin_and_stall, timeout=timeout) as (server, client):
        seen = []
        with pytest.raises(APITimeoutError) as caught:
            async for chunk in client.chat.completions.stream(messages=MESSAGES):
                seen.append(chunk.text)
        assert seen == ["a", "b"]
        assert caught.value.phase == phase
        assert caught.value.partial.choices[0].message.content == "ab"
        assert caught.value.request_id == "req_1"
        await server.until(lambda: server.open == 0)


@both
@pytest.mark.parametrize("count", [1, 5, 300])
async def test_a_slow_reader_of_a_call_over_time_is_told(count: int, tls: bool) -> None:
    """Promises 3 and 13: what came in time is handed over late, and then the error is raised."""
    sent = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD + piece(event("a")))
        await connection.send(b"".join([piece(event("b"))] * count))
        sent.set()
        await connection.stall()

    async with serving(script, tls=tls, timeout=Timeout(total=0.3)) as (server, client):
        seen: list[str] = []
        with pytest.raises(APITimeoutError) as caught:
            async for chunk in client.chat.completions.stream(messages=MESSAGES):
                if not seen:
                    await sent.wait()
                    await server.until(lambda: server.open == 0)
                seen.append(chunk.text)
        assert seen == ["a", *("b" * count)]
        assert caught.value.phase == "deadline"


async def test_heartbeats_do_not_keep_a_stream_alive() -> None:
    """Promise 12: comments and empty events do not count as events."""

    async def heartbeats(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD + piece(event("a")))
        while not connection.ended.is_set():
            await connection.send(piece(b": ping\n\ndata:\n\n"))
            await asyncio.sleep(0.01)

    async with serving(heartbeats, timeout=Timeout(idle=0.05)) as (_, client):
        with pytest.raises(APITimeoutError) as caught:
            async for _chunk in client.chat.completions.stream(messages=MESSAGES):
                pass
        assert caught.value.phase == "idle"


async def test_a_slow_reader_does_not_trip_the_idle_limit() -> None:
    """Promise 12: only waiting for the network counts, so the reader may take its time."""
    go_on = asyncio.Event()

    async def two(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD + piece(event("a")))
        await go_on.wait()
        await connection.send(piece(event("b", finish="stop")) + piece(DONE) + LAST_CHUNK)
        await connection.stall()

    async with serving(two, timeout=Timeout(idle=0.02)) as (_, client):
        stream = client.chat.completions.stream(messages=MESSAGES)
        assert (await anext(stream)).text == "a"
        loop = asyncio.get_running_loop()
        later = loop.create_future()
        loop.call_later(0.1, later.set_result, None)
        await later
        go_on.set()
        assert [chunk.text async for chunk in stream] == ["b"]


async def test_a_body_that_stops_is_idle() -> None:
    """Promise 12: where nothing streams, ``idle`` runs between reads."""

    async def half(connection: Connection) -> None:
        await connection.request()
        await connection.send(reply(COMPLETION)[:-10])
        await connection.stall()

    async with serving(half, timeout=Timeout(idle=0.05)) as (_, client):
        with pytest.raises(APITimeoutError) as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert caught.value.phase == "idle"


async def test_a_body_that_is_cut_is_no_reply() -> None:
    """Half a body is never shown as a whole one."""

    async def half(connection: Connection) -> None:
        await connection.request()
        await connection.send(reply(COMPLETION, 200, "X-Request-Id: req_1")[:-10])
        connection.close()

    async with serving(half) as (server, client):
        with pytest.raises(APIConnectionError, match="ended in the middle") as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert caught.value.request_id == "req_1"
        assert server.requests == 1


@both
@pytest.mark.parametrize("head", ["HTTP/1.0 200 OK", "HTTP/1.1 200 OK\r\nConnection: close"])
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_file_that_the_end_of_the_connection_ends(how: str, head: str, tls: bool) -> None:
    """Without a length only an orderly end makes a file whole, where a reset cuts it."""
    arrived = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(f"{head}\r\nContent-Type: audio/mpeg\r\n\r\n".encode() + b"x" * 1000)
        await arrived.wait()
        getattr(connection, how)()

    async with serving(script, tls=tls) as (_, client):
        stream = client.stream(RawStreamCall("POST", "/v1/thing", body={}, chunks=bytes))
        got = await anext(stream)
        arrived.set()
        if how == "close":
            assert got + b"".join([data async for data in stream]) == b"x" * 1000
        else:
            with pytest.raises(StreamTruncatedError):
                while True:
                    got += await anext(stream)
            assert got == b"x" * 1000


async def test_a_body_that_cannot_be_unpacked() -> None:
    """A body that is not what its Content-Encoding says is an error of ours."""
    answer = reply(b"this is no gzip", 200, "Content-Encoding: gzip")
    async with serving(answering(answer)) as (_, client):
        with pytest.raises(APIConnectionError, match="could not be unpacked"):
            await client.chat.completions.create(messages=MESSAGES)


async def test_a_body_whose_framing_breaks() -> None:
    """Promise 3: it ends there and then, with what came before; aiohttp alone would let the reader wait."""
    one = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD + piece(event("a")))
        await one.wait()
        await connection.send(b"no size\r\n")
        await connection.stall()

    async with serving(script, timeout=Timeout(idle=None)) as (server, client):
        seen: list[str] = []
        with pytest.raises(StreamTruncatedError) as caught:
            async for chunk in client.chat.completions.stream(messages=MESSAGES):
                seen.append(chunk.text)
                one.set()
        assert seen == ["a"]
        assert caught.value.partial.choices[0].message.content == "a"
        await server.until(lambda: server.open == 0)
        assert client.stats().in_flight == 0


async def test_a_pooled_connection_that_breaks_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """What happens to a connection that nobody uses is logged by nobody."""
    async with serving(answering(reply(COMPLETION))) as (server, client):
        await client.send(CreateChatCompletion(messages=MESSAGES))
        server.connections[0].reset()
        await server.until(lambda: server.open == 0)
        while client.stats().open:
            await asyncio.sleep(0)
    gc.collect()
    assert caplog.messages == []


@pytest.mark.parametrize("more", [0, 1])
async def test_large_requests_are_sent_whole_and_silently(more: int) -> None:
    """A prompt of a megabyte, images in it say, is nothing to warn of, and all of it is sent."""
    text = "x" * (2**20 - 200 + 400 * more)
    async with serving(answering(reply(COMPLETION))) as (server, client):
        await client.chat.completions.create(messages=[{"role": "user", "content": text}])
        (request,) = server.connections[0].requests
    assert text.encode() in request
    assert (len(request.partition(b"\r\n\r\n")[2]) > 2**20) == bool(more)


async def test_no_connection() -> None:
    """Promise 15: a failed connect is retried, and tells the address, why, and that nothing was sent."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with MeshAPI(
            f"http://127.0.0.1:{port}", "rsk_secret", retry=Retry(max_retries=2, backoff=0)
        ) as client:
            told = rf"^no connection to 127\.0\.0\.1:{port}: {os.strerror(errno.ECONNREFUSED)}"
            with pytest.raises(APIConnectionError, match=told) as caught:
                await client.chat.completions.create(messages=MESSAGES)
    assert caught.value.sent is False
    assert len(caught.value.attempts) == 3
    assert client.stats().in_flight == 0


async def test_a_handshake_that_stalls() -> None:
    """Promise 12: ``connect`` bounds the TLS handshake too."""
    async with FaultServer(never_answer) as server:
        base_url = server.base_url.replace("http:", "https:")
        options: Any = {"timeout": Timeout(connect=0.05), "retry": Retry(max_retries=0)}
        async with MeshAPI(base_url, "rsk_secret", **options) as client:
            with pytest.raises(APITimeoutError) as caught:
                await client.chat.completions.create(messages=MESSAGES)
        assert (caught.value.phase, caught.value.sent) == ("connect", False)


async def test_a_foreign_authority() -> None:
    """A certificate that no trusted authority signed is a failed connect."""
    async with (
        FaultServer(never_answer, tls=True) as server,
        MeshAPI(server.base_url, "rsk_secret", retry=Retry(max_retries=0)) as client,
    ):
        with pytest.raises(APIConnectionError, match="certificate"):
            await client.chat.completions.create(messages=MESSAGES)


async def test_what_is_no_http() -> None:
    """Garbage in place of an answer is an error of ours."""
    async with serving(answering(b"garbage\r\n\r\n"), retry=Retry(max_retries=0)) as (_, client):
        with pytest.raises(APIConnectionError, match="no HTTP"):
            await client.chat.completions.create(messages=MESSAGES)


async def test_a_connection_that_closes_before_an_answer() -> None:
    """Promise 15: a fresh connection that breaks may have been billed, so it is not tried again."""

    async def leave(connection: Connection) -> None:
        await connection.request()
        connection.close()

    async with serving(leave) as (server, client):
        with pytest.raises(APIConnectionError, match="broke before an answer came") as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert caught.value.sent
        assert server.requests == 1
        patient = client.with_options(retry=Retry(max_retries=2, backoff=0, unanswered=True))
        with pytest.raises(APIConnectionError):
            await patient.chat.completions.create(messages=MESSAGES)
        assert server.requests == 4


@pytest.mark.parametrize("header", [b"X-Big: " + b"x" * 3000 + b"\r\n", b"X-Many: 1234567890\r\n" * 80])
async def test_headers_are_limited(header: bytes) -> None:
    """Promise 19: one header that is too large, and too many of them, are refused."""
    answer = reply(COMPLETION).replace(b"Content-Type", header + b"Content-Type", 1)
    async with serving(answering(answer), limits=Limits(header_bytes=1024)) as (_, client):
        with pytest.raises(ResponseTooLargeError, match="header_bytes"):
            await client.chat.completions.create(messages=MESSAGES)
        assert client.stats().in_flight == 0
    async with serving(answering(answer)) as (_, client):
        await client.chat.completions.create(messages=MESSAGES)


async def test_replies_are_limited() -> None:
    """Promise 19: a reply over its limit is refused, one at its limit is not; an error is cut off."""
    body = b'{"choices": []}'
    async with serving(answering(reply(body)), limits=Limits(reply_bytes=len(body))) as (_, client):
        await client.chat.completions.create(messages=MESSAGES)
    async with serving(answering(reply(body)), limits=Limits(reply_bytes=len(body) - 1)) as (_, client):
        with pytest.raises(ResponseTooLargeError, match="reply_bytes"):
            await client.chat.completions.create(messages=MESSAGES)
        assert client.stats().in_flight == 0
    async with serving(answering(reply(b"x" * 1000, 400)), limits=Limits(error_bytes=10)) as (_, client):
        with pytest.raises(MeshAPIError) as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert getattr(caught.value, "body", None) == "x" * 10


async def test_redirects_are_not_followed() -> None:
    """Promise 18: a redirect is an error that names the other host."""
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/v1?x=1\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(answer)) as (server, client):
        with pytest.raises(UnexpectedResponseError, match=r"evil\.example") as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert caught.value.status == 302
        assert server.requests == 1


async def test_cookies_are_not_kept() -> None:
    """Promise 18: a cookie that the gateway sets does not come back to it."""
    answer = reply(COMPLETION, 200, "Set-Cookie: a=b; Path=/")
    async with FaultServer(answering(answer, answer)) as server:
        # Cookies of a host without a name would be dropped in any case.
        async with MeshAPI(server.base_url.replace("127.0.0.1", "localhost"), "rsk_secret") as client:
            await client.chat.completions.create(messages=MESSAGES)
            await client.chat.completions.create(messages=MESSAGES)
        assert len(server.connections) == 1
        assert b"ookie" not in b"".join(server.connections[0].requests)


async def test_this_aiohttp_is_familiar() -> None:
    """The quick reader is in use with the versions that are tested, and finds all that it looks at."""
    async with serving(begin_and_stall) as (_, client):
        stream = await client.chat.completions.create(messages=MESSAGES, stream=True)
        exchange: Any = stream._pump.source if stream._pump is not None else None
        content = exchange._response.content
        assert type(content) is (_reading.QuickReader if _reading._FAMILIAR else aiohttp.StreamReader)
        assert _reading._is_familiar()
        stream.close()


@both
@pytest.mark.parametrize("familiar", [True, False], ids=["quick", "aiohttp's own"])
async def test_a_slow_reader_holds_the_sender_back(
    tls: bool, familiar: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not read stays with the sender, but for a few buffers; once it is read, all of it comes."""
    monkeypatch.setattr(_reading, "_FAMILIAR", familiar)
    sent = 0
    over = asyncio.Event()
    some = piece(event("a" * 1000)) * 60

    async def script(connection: Connection) -> None:
        nonlocal sent
        await connection.request()
        await connection.send(STREAM_HEAD)
        for _ in range(300):
            await connection.send(some)
            sent += len(some)
        await connection.send(piece(DONE) + LAST_CHUNK)
        over.set()
        await connection.stall()

    async with serving(script, tls=tls) as (_, client):
        async with client.chat.completions.stream(messages=MESSAGES) as stream:
            await anext(stream)
            before = -1
            while before != sent:  # until the sender gets no further
                before = sent
                for _ in range(200):
                    await asyncio.sleep(0)
            assert not over.is_set()
            seen = 1
            async for chunk in stream:
                assert len(chunk.text) == 1000
                seen += 1
        assert seen == 300 * 60


async def test_slots_are_given_out_in_order() -> None:
    """Promise 14: further calls queue, first come, first served, and a cancelled one leaves the queue."""
    order: list[bytes] = []
    go_on = asyncio.Event()

    async def note(connection: Connection) -> None:
        while True:
            order.append((await connection.request())[-3:-2])
            await go_on.wait()
            await connection.send(reply(COMPLETION))

    async with serving(note, max_connections=1) as (server, client):

        async def call(text: str) -> Any:
            return await client.chat.completions.create(messages=MESSAGES, extra_body={"zz": text})

        tasks = [asyncio.create_task(call(str(number))) for number in range(5)]
        await server.until(lambda: server.requests == 1)
        assert client.stats().queued == 4
        assert client.stats().in_flight == 1
        tasks[2].cancel()
        go_on.set()
        replies: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [b"0", b"1", b"3", b"4"]
        assert isinstance(replies[2], asyncio.CancelledError)
        assert not isinstance(replies[4], BaseException)
        assert replies[4].meta.queued > 0
        assert len(server.connections) == 1
        assert client.stats().in_flight == 0


async def test_waiting_for_a_slot_is_charged_to_total_alone() -> None:
    """Promise 14: neither ``connect`` nor ``first_event`` counts the queue; ``total`` does."""
    async with serving(never_answer, max_connections=1) as (server, client):
        holder = asyncio.create_task(client.chat.completions.create(messages=MESSAGES))
        await server.until(lambda: server.requests == 1)
        hurried = client.with_options(timeout=Timeout(connect=0.001, first_event=0.001, total=0.05))
        with pytest.raises(APITimeoutError) as caught:
            await hurried.chat.completions.create(messages=MESSAGES)
        assert caught.value.phase == "deadline"
        assert server.requests == 1
        holder.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holder


async def test_an_injected_session_is_used_and_left_as_it_is() -> None:
    """A session of the user's own is neither closed nor changed; its connector's limit bounds the slots."""
    async with (
        FaultServer(answering(reply(COMPLETION), reply(COMPLETION))) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session,
    ):
        async with MeshAPI(server.base_url, "rsk_secret", session=session) as client:
            await asyncio.gather(*(client.chat.completions.create(messages=MESSAGES) for _ in range(2)))
            assert client.stats().in_flight == 0
            assert client.stats().open == 0
        assert not session.closed
        assert len(server.connections) == 1
        with pytest.raises(ClientClosedError):
            await client.chat.completions.create(messages=MESSAGES)


async def test_an_injected_session_has_the_same_limits() -> None:
    """Promise 12 holds for an injected session, with the time to connect added to ``first_event``."""
    timeout = Timeout(connect=0.02, first_event=0.02)
    async with FaultServer(never_answer) as server, aiohttp.ClientSession() as session:
        client = MeshAPI(server.base_url, "rsk_secret", session=session, timeout=timeout)
        with pytest.raises(APITimeoutError) as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert caught.value.phase == "first_event"
        await server.until(lambda: server.open == 0)


async def test_a_closed_injected_session() -> None:
    """A session that its owner closed is reported as that."""
    session = aiohttp.ClientSession()
    await session.close()
    client = MeshAPI("http://127.0.0.1:1", "rsk_secret", session=session)
    with pytest.raises(ClientClosedError, match="session was closed"):
        await client.chat.completions.create(messages=MESSAGES)


def test_what_is_no_session() -> None:
    """A wrong session is refused where the client is made."""
    wrong: Any = "session"
    with pytest.raises(TypeError, match=r"aiohttp\.ClientSession"):
        MeshAPI("http://127.0.0.1:1", "rsk_secret", session=wrong)


async def test_a_programmer_error_of_the_session_stays_one() -> None:
    """A RuntimeError that is none of closing is not dressed up."""

    async def middleware(_request: Any, _handler: Any) -> Any:
        msg = "a mistake"
        raise RuntimeError(msg)

    async with aiohttp.ClientSession(middlewares=(middleware,)) as session:
        client = MeshAPI("http://127.0.0.1:1", "rsk_secret", session=session)
        with pytest.raises(RuntimeError, match="a mistake"):
            await client.chat.completions.create(messages=MESSAGES)
        assert client.stats().in_flight == 0


def test_a_second_event_loop() -> None:
    """A client belongs to the loop of its first call; another one is told so."""

    async def call(client: MeshAPI, server_url: str) -> None:
        await client.chat.completions.create(messages=MESSAGES)

    async def first() -> MeshAPI:
        async with FaultServer(answering(reply(COMPLETION))) as server:
            client = MeshAPI(server.base_url, "rsk_secret")
            await call(client, server.base_url)
            await client.close()
            return client

    client = asyncio.run(first())
    client._shared.closed = False
    with pytest.raises(RuntimeError, match="event loop"):
        asyncio.run(call(client, ""))


async def test_a_token_in_no_error_of_aiohttp() -> None:
    """Promise 17: aiohttp's errors, which hold the request's headers, are neither cause nor context."""
    async with serving(answering(b"garbage\r\n\r\n"), retry=Retry(max_retries=0)) as (_, client):
        with pytest.raises(APIConnectionError) as caught:
            await client.chat.completions.create(messages=MESSAGES)
    error: BaseException | None = caught.value
    while error is not None:
        assert type(error).__module__.startswith("meshapi_aio")
        error = error.__cause__ or error.__context__
