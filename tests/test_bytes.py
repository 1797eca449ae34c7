"""Files as replies, whole or as they come: never a broken one as whole, and nothing kept of it."""

import asyncio
import gc
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio import (
    APIConnectionError,
    APITimeoutError,
    ByteReply,
    ByteStream,
    InternalServerError,
    Limits,
    MeshAPI,
    RateLimitError,
    RawCall,
    RawStreamCall,
    ResponseTooLargeError,
    Retry,
    StreamClosedError,
    StreamTruncatedError,
    Timeout,
    UnexpectedResponseError,
)

from .faults.server import FaultServer, Script
from .faults.wire import LAST_CHUNK, piece, reply


SOUND = bytes(range(256)) * 40
ONCE = Retry(max_retries=0)
ERROR = {"error": {"code": "rate_limit_exceeded", "message": "slowly"}}
FETCH = RawCall("GET", "/v1/sound", reply=ByteReply)
STREAM = RawStreamCall("GET", "/v1/sound", chunks=bytes)


def head(kind: str | None = "audio/mpeg", *more: str) -> bytes:
    """Return the head of an answer in chunks."""
    lines = ["HTTP/1.1 200 OK", "X-Request-Id: req_1", "Transfer-Encoding: chunked", *more]
    return "\r\n".join([*lines, f"Content-Type: {kind}"] if kind else lines).encode() + b"\r\n\r\n"


def answer(*pieces: bytes, kind: str | None = "audio/mpeg") -> bytes:
    """Return a whole answer in chunks."""
    return head(kind) + b"".join(map(piece, pieces)) + LAST_CHUNK


def sending(*sends: bytes, close: bool = False) -> Script:
    """Return a script that sends these bytes for each request, and then breaks off, waits or listens on."""

    async def script(connection: Any) -> None:
        while True:
            await connection.request()
            for data in sends:
                await connection.send(data)
            if close:
                connection.close()
                return

    return script


@asynccontextmanager
async def serving(script: Script, **options: Any) -> AsyncGenerator[tuple[FaultServer, MeshAPI]]:
    """Run a server with a script, and a client of it that asks once."""
    options = {"retry": ONCE, **options}
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_x", **options) as client:
        yield server, client


async def test_a_whole_file() -> None:
    """The bytes as they came, their type with its parameters, and how the reply came about."""
    async with serving(sending(answer(SOUND[:100], SOUND[100:], kind="audio/pcm; rate=24000"))) as (
        _,
        client,
    ):
        sound = await client.send(FETCH)
    assert sound.content == SOUND
    assert (sound.content_type, sound.request_id) == ("audio/pcm; rate=24000", "req_1")
    assert sound.meta.status == 200
    assert "<10240 bytes>" in repr(sound)


async def test_what_is_asked_for() -> None:
    """Anything at all, and not compressed, since sound and pictures are."""
    async with serving(sending(answer(SOUND))) as (server, client):
        await client.send(FETCH)
        await client.stream(STREAM).read()
        requests = [request.lower() for connection in server.connections for request in connection.requests]
    assert [b"\r\naccept: */*\r\n" in request for request in requests] == [True, True]
    assert [b"\r\naccept-encoding: identity\r\n" in request for request in requests] == [True, True]


async def test_pieces_are_handed_over_as_they_come() -> None:
    """Before the next one is sent."""
    go_on = asyncio.Event()

    async def script(connection: Any) -> None:
        await connection.request()
        await connection.send(head() + piece(b"one"))
        await go_on.wait()
        await connection.send(piece(b"two") + LAST_CHUNK)
        await connection.stall()

    async with serving(script) as (_, client), client.stream(STREAM) as stream:
        assert stream.content_type == "audio/mpeg"
        assert await anext(stream) == b"one"
        go_on.set()
        assert [part async for part in stream] == [b"two"]
        assert stream.request_id == "req_1"


async def test_after_a_whole_file_the_connection_is_used_again() -> None:
    """As after any answer that ended well."""
    async with serving(sending(answer(SOUND))) as (server, client):
        assert await client.stream(STREAM).read() == SOUND
        assert await client.stream(STREAM).read() == SOUND
        assert (await client.send(FETCH)).content == SOUND
        assert len(server.connections) == 1


BROKEN = [
    (head() + piece(SOUND), True),
    (head() + piece(SOUND) + b"400\r\nabc", True),
    (b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 20000\r\n\r\n" + SOUND, True),
]


@pytest.mark.parametrize(("data", "close"), BROKEN, ids=["no last chunk", "half a chunk", "too short"])
async def test_a_file_that_breaks_off_is_never_whole(data: bytes, close: bool, tmp_path: Path) -> None:
    """What came before is handed over before the error, or is in it, and no file is left behind."""
    async with serving(sending(data, close=close)) as (_, client):
        with pytest.raises(StreamTruncatedError) as caught:
            await client.stream(STREAM).read()
        assert caught.value.partial[: len(SOUND)] == SOUND
        stream, came = client.stream(STREAM), b""
        with pytest.raises(StreamTruncatedError):
            async for part in stream:
                came += part
        assert came[: len(SOUND)] == SOUND
        target = tmp_path / "sound.mp3"
        target.write_bytes(b"old")
        with pytest.raises(StreamTruncatedError):
            await client.stream(STREAM).save(target)
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("sound.mp3", b"old")]
        with pytest.raises(APIConnectionError):
            await client.send(FETCH)


@pytest.mark.parametrize("call", [FETCH, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("data", "error"),
    [
        (answer(json.dumps(ERROR).encode(), kind="application/json"), RateLimitError),
        (answer(json.dumps(ERROR).encode(), kind=None), RateLimitError),
        (answer(b"<h1>Sorry</h1>", kind="text/html"), UnexpectedResponseError),
        (reply(ERROR, 429), RateLimitError),
        (reply(b"", 503), InternalServerError),
    ],
    ids=["JSON", "no type", "HTML", "429", "503"],
)
async def test_an_error_is_no_file(call: Any, data: bytes, error: type[Exception]) -> None:
    """An error in JSON with status 200, a web page, and an error status are raised at the first step."""
    async with serving(sending(data)) as (_, client):
        with pytest.raises(error):
            await (client.send(call) if isinstance(call, RawCall) else anext(client.stream(call)))


async def test_an_error_that_passes_is_retried() -> None:
    """Before anything was handed over a file may be asked for again, also after an error with status 200."""
    answers = [reply(ERROR, 429), answer(json.dumps(ERROR).encode(), kind="application/json"), answer(SOUND)]

    async def script(connection: Any) -> None:
        while True:
            await connection.request()
            await connection.send(answers.pop(0))

    async with serving(script, retry=Retry(backoff=0)) as (_, client):
        assert await client.stream(STREAM).read() == SOUND
        assert not answers


@pytest.mark.parametrize(
    "text", [b'{"results": []}\n{"results": []}\n', b'{"error": null, "lines": 3}', b"[1]"]
)
async def test_json_that_is_no_error_may_be_the_file(text: bytes) -> None:
    """Nothing is made of it, whatever its type."""
    async with serving(sending(answer(text, kind="application/json"))) as (_, client):
        assert (await client.send(FETCH)).content == text
        assert await client.stream(STREAM).read() == text


async def test_long_json_is_handed_over_piece_by_piece() -> None:
    """What is longer than an error may be is none, and need not be kept."""
    text = b"[" + b"1," * 5000 + b"1]"
    limits = Limits(error_bytes=1000)
    async with serving(sending(answer(text[:800], text[800:], kind="application/json")), limits=limits) as (
        _,
        client,
    ):
        assert await client.stream(STREAM).read() == text
        assert (await client.send(FETCH)).content == text


async def test_nothing_is_no_file() -> None:
    """Not one byte, with status 200: neither is that whole."""
    async with serving(sending(answer())) as (_, client):
        with pytest.raises(UnexpectedResponseError, match="an empty body, where a file was due"):
            await client.send(FETCH)
        with pytest.raises(StreamTruncatedError, match="without a single byte"):
            await client.stream(STREAM).read()


async def test_the_size_is_bounded() -> None:
    """``Limits(reply_bytes=…)`` holds for both; what came before is in the stream's error."""
    limits = Limits(reply_bytes=1500)

    async def script(connection: Any) -> None:
        while True:
            await connection.request()
            await connection.send(head() + piece(b"x" * 1000))
            await asyncio.sleep(0)
            await connection.send(piece(b"x" * 1000) + LAST_CHUNK)

    async with serving(script, limits=limits) as (_, client):
        with pytest.raises(ResponseTooLargeError, match="larger than 1500 bytes"):
            await client.send(FETCH)
        with pytest.raises(ResponseTooLargeError, match="larger than 1500 bytes"):
            await client.stream(STREAM).read()


async def test_silence_in_a_file_is_bounded() -> None:
    """``idle`` holds between its pieces."""
    stalling = sending(head() + piece(b"one"))
    async with serving(stalling, timeout=Timeout(idle=0.05)) as (_, client):
        with pytest.raises(APITimeoutError) as caught:
            await client.stream(STREAM).read()
    assert (caught.value.phase, caught.value.partial) == ("idle", b"one")


async def test_leaving_a_file_breaks_its_connection() -> None:
    """By the end of the block, by closing, and by dropping it, which warns."""
    async with serving(sending(head() + piece(b"one"))) as (server, client):
        async with client.stream(STREAM) as stream:
            await anext(stream)
        with pytest.raises(StreamClosedError):
            await stream.read()
        await server.until(lambda: server.open == 0)
        dropped = await client.stream(STREAM)
        with pytest.warns(ResourceWarning, match="ByteStream open"):
            del dropped
            gc.collect()
        await server.until(lambda: server.open == 0)


async def test_a_file_is_saved_whole(tmp_path: Path) -> None:
    """In place of what was there, and with the rights that any new file gets."""
    target, other = tmp_path / "sound.mp3", tmp_path / "other.mp3"
    target.write_bytes(b"old")
    (tmp_path / "new").touch()
    async with serving(sending(answer(SOUND[:100], SOUND[100:]))) as (_, client):
        await client.stream(STREAM).save(target)
        (await client.send(FETCH)).save(str(other))
    assert target.read_bytes() == other.read_bytes() == SOUND
    assert target.stat().st_mode == (tmp_path / "new").stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "other.mp3", "sound.mp3"]


async def test_saving_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    """No file of any name, and no connection."""
    async with serving(sending(head() + piece(b"one"))) as (server, client):
        task = asyncio.create_task(client.stream(STREAM).save(tmp_path / "sound.mp3"))
        while not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert list(tmp_path.iterdir()) == []
        await server.until(lambda: server.open == 0)


async def test_where_nothing_can_be_saved_the_stream_is_left(tmp_path: Path) -> None:
    """The file system's own error is raised, nothing is kept, and the connection is broken."""
    (tmp_path / "taken").mkdir()
    async with serving(sending(head() + piece(b"one"), piece(b"two"))) as (server, client):
        with pytest.raises(FileNotFoundError):
            await client.stream(STREAM).save(tmp_path / "nowhere" / "sound.mp3")
        await server.until(lambda: server.open == 0)
    async with serving(sending(answer(SOUND))) as (_, client):
        with pytest.raises(OSError, match="taken"):
            await client.stream(STREAM).save(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


async def test_no_file_is_begun_before_the_stream_is_open(tmp_path: Path) -> None:
    """An error in the file's place touches nothing."""
    async with serving(sending(reply(ERROR, 429))) as (_, client):
        with pytest.raises(RateLimitError):
            await client.stream(STREAM).save(tmp_path / "nowhere" / "sound.mp3")


async def test_the_rest_of_a_file_is_not_taken_for_it() -> None:
    """Once a piece was handed over, reading or saving the whole is refused."""
    async with serving(sending(answer(SOUND))) as (_, client):
        stream = client.stream(STREAM)
        await anext(stream)
        with pytest.raises(RuntimeError, match=r"read\(\) takes the file from its beginning"):
            await stream.read()
        with pytest.raises(RuntimeError, match=r"save\(\) takes the file from its beginning"):
            await stream.save("sound.mp3")
        stream.close()


async def test_a_whole_reply_stands_in_for_a_stream() -> None:
    """As its one piece, where a family asks without streaming in the last resort."""
    assert ByteStream.chunks_of(ByteReply(content=SOUND)) == [SOUND]
