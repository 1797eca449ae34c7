"""What goes wrong below the events: where the bytes stop, how they are framed, and how they are cut up."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from meshapi_aio import (
    APIConnectionError,
    APITimeoutError,
    MeshAPI,
    MeshAPIError,
    Retry,
    StreamTruncatedError,
    Timeout,
    UnexpectedResponseError,
)

from .authority import tls_client_context
from .scripts import MESSAGES, WHOLE, begin_and_stall, never_answer, open_and_stall
from .server import PATIENCE, Connection, FaultServer, Script
from .wire import COMPLETION, DONE, LAST_CHUNK, PLAIN_HEAD, STREAM_HEAD, event, piece, reply


both = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
no_retries = Retry(max_retries=0)


@asynccontextmanager
async def serving(
    script: Script, *, tls: Any = False, **options: Any
) -> AsyncGenerator[tuple[FaultServer, MeshAPI]]:
    """Run a server with a script, and a client of it that tries nothing again."""
    options = {"retry": no_retries, "ssl_context": tls_client_context(), **options}
    async with FaultServer(script, tls=tls) as server, MeshAPI(server.base_url, "rsk_x", **options) as client:
        yield server, client


_Then = Literal["close", "reset", "stall"]


def sending(
    data: bytes, then: _Then = "stall", *, more: bytes = b"", go_on: asyncio.Event | None = None
) -> Script:
    """
    Return a script that answers the first request with these bytes, and later ones whole.

    ``more`` comes once ``go_on`` is set, and is a segment of its own.
    """
    answered: list[bytes] = []

    async def script(connection: Connection) -> None:
        while True:
            request = await connection.request()
            if answered:
                await connection.send(WHOLE if b'"stream":true' in request else reply(COMPLETION))
                continue
            answered.append(request)
            await connection.send(data)
            if go_on is not None:
                await go_on.wait()
                await connection.send(more)
            if then == "close":
                connection.close()
            elif then == "reset":
                connection.reset()

    return script


async def read(client: MeshAPI, seen: list[str]) -> None:
    """Read a stream, and keep the texts of its chunks, whatever becomes of it."""
    async for chunk in client.chat.completions.stream(messages=MESSAGES):
        seen.append(chunk.text)


async def serves_again(server: FaultServer, client: MeshAPI) -> None:
    """Check that what went wrong is forgotten: the next calls get their own answers, and nothing is left."""
    completion = await client.chat.completions.create(messages=MESSAGES)
    assert completion.choices[0].message.content == "hello"
    seen: list[str] = []
    await read(client, seen)
    assert seen == ["a", "b"]
    await at_rest(server, client)


async def serves_again_after(more: bytes, server: FaultServer, client: MeshAPI) -> None:
    """Check it once what came after an answer has arrived, with which its connection is spoilt."""
    connector = client._shared.transport._connector
    assert connector is not None
    async with asyncio.timeout(PATIENCE):
        while more and any(one.is_connected() and not one.should_close for one in connector._handlers):
            await asyncio.sleep(0)
    await serves_again(server, client)


async def at_rest(server: FaultServer, client: MeshAPI) -> None:
    """Wait until no call holds a connection, and what is open on one side is open on the other."""
    async with asyncio.timeout(PATIENCE):
        while client.stats().in_flight:
            await asyncio.sleep(0)
    await server.until(lambda: server.open == client.stats().open)


# Where it stops.

_EVENTS = [
    b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"b"}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"c"},"finish_reason":"stop"}]}\n\n',
    DONE,
]
_RECORDED = STREAM_HEAD + b"".join(map(piece, _EVENTS)) + LAST_CHUNK


def cutting(recorded: bytes, then: Literal["close", "reset"]) -> Script:
    """Return a script that sends as many bytes as the name of the model says, and then closes or resets."""

    async def script(connection: Connection) -> None:
        request = await connection.request()
        await connection.send(recorded[: int(request.partition(b'"cut ')[2].partition(b'"')[0])])
        if then == "close":
            connection.close()
        else:
            connection.reset()

    return script


@both
@pytest.mark.parametrize("then", ["close", "reset"])
async def test_a_stream_that_ends_at_any_byte(then: Literal["close", "reset"], tls: bool) -> None:
    """
    Promises 2 and 3: closed or reset after any byte, what is complete is delivered, and the rest is an error.

    Only with its end mark is the stream whole.
    """
    ends = [_RECORDED.index(one) + len(one) for one in _EVENTS]
    cuts = iter(range(len(_RECORDED) + 1))

    async def worker(client: MeshAPI) -> None:
        for cut in cuts:
            seen: list[str] = []
            raised: MeshAPIError | None = None
            try:
                async for chunk in client.chat.completions.stream(model=f"cut {cut}", messages=MESSAGES):
                    seen.append(chunk.text)
            except MeshAPIError as error:
                raised = error
            assert seen == [text for text, end in zip("abc", ends, strict=False) if end <= cut], cut
            if cut >= ends[-1]:
                assert raised is None, cut
            elif cut >= len(STREAM_HEAD):
                assert type(raised) is StreamTruncatedError, cut
                assert raised.chunks_seen == len(seen), cut
            else:
                assert type(raised) is APIConnectionError, cut
                assert raised.sent, cut

    async with serving(cutting(_RECORDED, then), tls=tls) as (server, client):
        await asyncio.gather(*(worker(client) for _ in range(40)))
        await at_rest(server, client)
        assert server.open == 0
        assert server.requests == len(_RECORDED) + 1


@both
@pytest.mark.parametrize("then", ["close", "reset"])
async def test_a_body_that_ends_at_any_byte(then: Literal["close", "reset"], tls: bool) -> None:
    """Half an answer is never shown as a whole one, whichever half it is."""
    answer = reply({"choices": [], "usage": {"total_tokens": 2}})
    cuts = iter(range(len(answer)))

    async def worker(client: MeshAPI) -> None:
        for cut in cuts:
            with pytest.raises(APIConnectionError) as caught:
                await client.chat.completions.create(model=f"cut {cut}", messages=MESSAGES)
            assert caught.type is APIConnectionError, cut
            assert caught.value.sent

    async with serving(cutting(answer, then), tls=tls) as (server, client):
        await asyncio.gather(*(worker(client) for _ in range(40)))
        await server.until(lambda: server.open == 0)
        assert server.requests == len(answer)


# Where it stalls.


@both
@pytest.mark.parametrize(
    ("script", "timeout", "phase"),
    [
        (never_answer, Timeout(first_event=0.05), "first_event"),
        (open_and_stall, Timeout(first_event=0.05), "first_event"),
        (begin_and_stall, Timeout(idle=0.05), "idle"),
        # A second, so that there is time for what comes before the stall: the handshake, the first chunk.
        (never_answer, Timeout(total=1), "deadline"),
        (open_and_stall, Timeout(total=1), "deadline"),
        (begin_and_stall, Timeout(total=1), "deadline"),
    ],
)
async def test_a_stream_that_stalls(script: Script, timeout: Timeout, phase: str, tls: bool) -> None:
    """Promise 12: before its headers, its first event or its next one, the limit about it runs out."""
    async with serving(script, tls=tls, timeout=timeout) as (server, client):
        seen: list[str] = []
        with pytest.raises(APITimeoutError) as caught:
            await read(client, seen)
        assert caught.value.phase == phase
        assert seen == ["a"] * (script is begin_and_stall)
        await server.until(lambda: server.open == 0)
        assert [connection.how for connection in server.connections] in (["eof"], ["reset"])


async def test_a_handshake_that_stalls() -> None:
    """Promise 12: ``connect`` bounds the handshake, and the server sees that it is given up."""

    async def script(connection: Connection) -> None:
        await connection.stall()

    async with serving(script, tls="stalled", timeout=Timeout(connect=0.05)) as (server, client):
        with pytest.raises(APITimeoutError) as caught:
            await read(client, [])
        assert (caught.value.phase, caught.value.sent) == ("connect", False)
        await server.until(lambda: server.open == 0)
        (connection,) = server.connections
        assert connection.ended_at is not None
        assert connection.ended_at >= connection.opened_at


# How it is framed.

_BODY = b"".join(_EVENTS)


def framed(*headers: str, body: bytes = _BODY) -> bytes:
    """Return a stream with headers of its own about its length."""
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# What is sent, what more once that was read, what happens then, the texts that are seen, and the error.
_Frame = tuple[bytes, bytes, _Then, str, type[MeshAPIError] | None]
_A, _B = _EVENTS[:2]
_OPEN = _RECORDED.removesuffix(LAST_CHUNK)
FRAMES: dict[str, _Frame] = {
    "a length that is right": (framed(f"Content-Length: {len(_BODY)}"), b"", "stall", "abc", None),
    "a length that is too large": (framed(f"Content-Length: {len(_BODY) + 9}"), b"", "stall", "abc", None),
    "a length that is too large, without end mark": (
        *(framed(f"Content-Length: {len(_BODY)}", body=_A), b""),
        *("close", "a", StreamTruncatedError),
    ),
    "a length that is too small": (
        *(framed(f"Content-Length: {len(_A) + 9}", body=_A + _B[:9]), _B[9:] + DONE),
        *("stall", "a", StreamTruncatedError),
    ),
    "a length of nothing": (framed("Content-Length: 0", body=b""), b"", "stall", "", StreamTruncatedError),
    "a length that is no number": (framed("Content-Length: many"), b"", "stall", "", APIConnectionError),
    "a length below zero": (framed("Content-Length: -1"), b"", "stall", "", APIConnectionError),
    "two lengths": (framed("Content-Length: 9", "Content-Length: 8"), b"", "stall", "", APIConnectionError),
    "a size that is too large": (
        *(STREAM_HEAD + piece(_A), b"fff\r\n" + _B + b"\r\n0\r\n\r\n"),
        *("close", "ab", StreamTruncatedError),
    ),
    "a size that is too small": (
        *(STREAM_HEAD + piece(_A), b"5\r\n" + _B + b"\r\n" + LAST_CHUNK),
        *("stall", "a", StreamTruncatedError),
    ),
    "a size that is no number": (STREAM_HEAD + piece(_A), b"many\r\n", "stall", "a", StreamTruncatedError),
    "a size below zero": (STREAM_HEAD + piece(_A), b"-1\r\n", "stall", "a", StreamTruncatedError),
    "a size beyond measure": (STREAM_HEAD + piece(_A), b"f" * 40, "stall", "a", StreamTruncatedError),
    "no length, ended by closing": (framed(), b"", "close", "abc", None),
    "no length, broken by a reset": (framed(body=_A), b"", "reset", "a", StreamTruncatedError),
    "HTTP/1.0, ended by closing": (PLAIN_HEAD + _BODY, b"", "close", "abc", None),
    "HTTP/1.0, never closed": (PLAIN_HEAD + _BODY, b"", "stall", "abc", None),
    "HTTP/1.0, cut": (PLAIN_HEAD + _A, b"", "close", "a", StreamTruncatedError),
    "HTTP/1.0, reset": (PLAIN_HEAD + _A, b"", "reset", "a", StreamTruncatedError),
    "a terminator that never comes": (_OPEN, b"", "stall", "abc", None),
    "garbage for a terminator": (_OPEN, b"garbage", "stall", "abc", None),
    "bytes after the end": (_RECORDED, b"HTTP/1.1 500 No\r\n\r\n", "stall", "abc", None),
    "events after the end mark": (_OPEN + piece(event("d")) + LAST_CHUNK, b"", "stall", "abc", None),
}


@both
@pytest.mark.parametrize("frame", FRAMES)
async def test_a_stream_that_is_framed(frame: str, tls: bool) -> None:
    """However its length is told: what came is seen, the error is ours, the next call is right."""
    data, more, then, texts, expected = FRAMES[frame]
    go_on = asyncio.Event()
    async with serving(sending(data, then, more=more, go_on=go_on if more else None), tls=tls) as (
        server,
        client,
    ):
        seen: list[str] = []
        raised: MeshAPIError | None = None
        try:
            async for chunk in client.chat.completions.stream(messages=MESSAGES):
                seen.append(chunk.text)
                go_on.set()
        except MeshAPIError as error:
            raised = error
        assert "".join(seen) == texts
        assert (None if raised is None else type(raised)) is expected
        await serves_again_after(more, server, client)


# What is sent in place of a whole answer, what more then, what happens after it, and the error.
_ANSWER = b'{"choices": [], "usage": {"total_tokens": 2}}'


def whole(*headers: str, version: str = "1.1") -> bytes:
    """Return the head of a whole answer."""
    return "\r\n".join(
        [f"HTTP/{version} 200 OK", "Content-Type: application/json", *headers, "", ""]
    ).encode()


BODIES: dict[str, tuple[bytes, bytes, _Then, type[MeshAPIError] | None]] = {
    "a length that is too large": (whole("Content-Length: 99") + _ANSWER, b"", "close", APIConnectionError),
    "a length that is too small": (
        *(whole("Content-Length: 20") + _ANSWER[:20], _ANSWER[20:]),
        *("stall", UnexpectedResponseError),
    ),
    "a size that is no number": (
        *(whole("Transfer-Encoding: chunked") + b"many\r\n" + _ANSWER, b""),
        *("stall", APIConnectionError),
    ),
    "no length, ended by closing": (whole() + _ANSWER, b"", "close", None),
    "HTTP/1.0, ended by closing": (whole(version="1.0") + _ANSWER, b"", "close", None),
    "HTTP/1.0, cut": (whole(version="1.0") + _ANSWER[:-5], b"", "close", UnexpectedResponseError),
    "HTTP/1.0, reset": (whole(version="1.0") + _ANSWER[:-5], b"", "reset", APIConnectionError),
}


@both
@pytest.mark.parametrize("frame", BODIES)
async def test_an_answer_that_is_framed(frame: str, tls: bool) -> None:
    """What is not all of an answer is an error, and the next call is right."""
    data, more, then, expected = BODIES[frame]
    go_on = asyncio.Event()
    async with serving(sending(data, then, more=more, go_on=go_on if more else None), tls=tls) as (
        server,
        client,
    ):
        if expected is None:
            assert (await client.chat.completions.create(messages=MESSAGES)).choices == []
        else:
            with pytest.raises(MeshAPIError) as caught:
                await client.chat.completions.create(messages=MESSAGES)
            assert caught.type is expected
        go_on.set()
        await serves_again_after(more, server, client)


@both
async def test_http_without_a_length_that_stalls(tls: bool) -> None:
    """A stream that only its connection's end would end is no whole one when its time runs out."""
    data = PLAIN_HEAD + event("a", finish="stop")
    async with serving(sending(data), tls=tls, timeout=Timeout(idle=0.05)) as (server, client):
        seen: list[str] = []
        with pytest.raises(APITimeoutError) as caught:
            await read(client, seen)
        assert caught.value.phase == "idle"
        assert seen == ["a"]
        await server.until(lambda: server.open == 0)


# How it is cut up.


@both
async def test_one_byte_in_each_segment(tls: bool) -> None:
    """Promise 1: a stream and a whole answer that come byte by byte are what they are."""

    async def script(connection: Connection) -> None:
        while True:
            request = await connection.request()
            await connection.dribble(_RECORDED if b'"stream":true' in request else reply(COMPLETION))

    async with serving(script, tls=tls) as (server, client):
        seen: list[str] = []
        await read(client, seen)
        assert seen == ["a", "b", "c"]
        await at_rest(server, client)
        completion = await client.chat.completions.create(messages=MESSAGES)
        assert completion.choices[0].message.content == "hello"
        assert len(server.connections) == 1


@both
async def test_a_hundred_events_in_one_segment(tls: bool) -> None:
    """Promise 1: with the headers before and the end behind them, they come one by one, in order."""
    texts = [f"{number} " for number in range(100)]
    events = b"".join(map(event, texts)) + event(finish="stop") + DONE
    async with serving(sending(STREAM_HEAD + piece(events) + LAST_CHUNK), tls=tls) as (server, client):
        seen: list[str] = []
        await read(client, seen)
        assert seen == [*texts, ""]
        await serves_again(server, client)
        assert len(server.connections) == 1


@both
@pytest.mark.parametrize("trickles", [False, True])
async def test_a_late_end(trickles: bool, tls: bool) -> None:
    """Promise 10: the reader has its end with the mark; the connection is used again once it has its own."""
    release = asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(_RECORDED.removesuffix(LAST_CHUNK))
            await release.wait()
            release.clear()
            if trickles:
                await connection.dribble(piece(b": still here\n\n") + LAST_CHUNK)
            else:
                await connection.send(LAST_CHUNK)

    async with serving(script, tls=tls) as (server, client):
        for _ in range(3):
            seen: list[str] = []
            await read(client, seen)
            assert seen == ["a", "b", "c"]
            assert client.stats().in_flight == 1
            release.set()
            async with asyncio.timeout(PATIENCE):
                while client.stats().in_flight:
                    await asyncio.sleep(0)
        assert len(server.connections) == 1
