"""Uploads over sockets: what goes out, again after a failure, and what is left when they end early."""

import asyncio
import gzip
import io
import os
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import aiohttp
import pytest

from meshapi_aio import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    MeshAPI,
    MeshAPIError,
    Retry,
    Timeout,
    UnexpectedResponseError,
    __version__,
)
from meshapi_aio._outside import PutFile
from meshapi_aio._upload import Source, Upload

from .authority import tls_client_context
from .clock import Clock
from .leftovers import Leftovers
from .server import PATIENCE, Connection, FaultServer, Script
from .wire import reply


AT_ONCE = Retry(backoff=0.0)
MUCH = 8 * 2**20
"""More than the buffers of a connection hold."""


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Hold every test to it: no task, timer or descriptor is left, and no complaint."""
    await asyncio.to_thread(int)  # starts what asyncio keeps for reading files
    left = Leftovers()
    yield
    await left.none()


def client_of(server: FaultServer, *, timeout: Timeout | None = None) -> MeshAPI:
    """Return a client that tries again without a pause."""
    return MeshAPI(server.base_url, "rsk_secret", retry=AT_ONCE, timeout=timeout)


def put(server: FaultServer, source: Source, **more: Any) -> PutFile:
    """Return a call whose body is the file itself."""
    return PutFile(url=f"{server.base_url}/box?signature=s", file=Upload(source, **more))


async def take_all(connection: Connection) -> bytes:
    """Take a request whose body is in chunks, and return the body."""
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        data += await connection.take()
    body, rest = b"", data.partition(b"\r\n\r\n")[2]
    while not rest.startswith(b"0\r\n"):
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body


def answering(*statuses: int) -> Script:
    """Answer whole requests with these statuses."""
    left = list(statuses)

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(reply({}, left.pop(0)))

    return script


def bodies(server: FaultServer) -> list[bytes]:
    """Return the bodies of the requests that came."""
    requests = [request for connection in server.connections for request in connection.requests]
    return [request.partition(b"\r\n\r\n")[2] for request in requests]


@contextmanager
def pipe(*data: bytes) -> Generator[tuple[IO[bytes], int]]:
    """Open a pipe with something in it: what it is read from, and the descriptor of its other end."""
    reading, writing = os.pipe()
    try:
        for piece in data:
            os.write(writing, piece)
        with os.fdopen(reading, "rb") as file:
            yield file, writing
    finally:
        os.close(writing)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what only the kernel knows, or a thread."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


def is_open(path: Path) -> bool:
    """Tell whether this process has a file open."""
    return path in {Path(os.path.realpath(entry)) for entry in Path("/proc/self/fd").iterdir()}


# What goes out.


async def test_a_stored_file_byte_for_byte(tmp_path: Path) -> None:
    """The address as it was signed, and no header of ours but the type, the length and who asks."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF")
    async with FaultServer(answering(200)) as server, client_of(server) as client:
        url = f"{server.base_url}/b%C3%BCx/a%2Fb?X-Sig=a%2Fb%2Bc%3D%7E&y=1+2"
        await client.send(PutFile(url=url, file=Upload(path)))
    first, *head = server.connections[0].requests[0].decode().partition("\r\n\r\n")[0].split("\r\n")
    assert first == "PUT /b%C3%BCx/a%2Fb?X-Sig=a%2Fb%2Bc%3D%7E&y=1+2 HTTP/1.1"
    assert dict(line.split(": ") for line in head) == {
        "Host": url.split("/")[2],
        "User-Agent": f"meshapi_aio/{__version__}",
        "Content-Type": "application/pdf",
        "Content-Length": "4",
    }
    assert bodies(server) == [b"%PDF"]


async def test_nothing_of_a_session_goes_past_the_gateway() -> None:
    """Neither its headers nor its cookies nor its credentials, which are meant for the gateway."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        FaultServer(answering(200)) as server,
        aiohttp.ClientSession(
            headers={"X-Key": "secret", "Authorization": "secret"}, cookies={"id": "secret"}, cookie_jar=jar
        ) as session,
    ):
        client = MeshAPI(server.base_url, "rsk_secret", session=session, headers={"X-Own": "secret"})
        await client.send(put(server, b"x"))
        await client.close()
    head = server.connections[0].requests[0]
    assert b"secret" not in head
    assert [line.split(b":")[0] for line in head.split(b"\r\n")[1:-2]] == [
        b"Host",
        b"User-Agent",
        b"Content-Type",
        b"Content-Length",
    ]


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, 200_000])
@pytest.mark.parametrize("kind", ["bytes", "path", "file", "unpacked"])
async def test_every_kind_of_source(tmp_path: Path, kind: str, size: int) -> None:
    """All of it arrives with a length, whatever it is read from; a file object stays open."""
    content = os.urandom(size)
    path = tmp_path / "a.bin"
    path.write_bytes(gzip.compress(content) if kind == "unpacked" else b"....." + content)
    if kind == "path":
        path.write_bytes(content)
    with path.open("rb") as file, gzip.open(path) as unpacked:
        file.seek(5)
        source: Any = {"bytes": content, "path": path, "file": file, "unpacked": unpacked}[kind]
        async with FaultServer(answering(200)) as server, client_of(server) as client:
            await client.send(put(server, source))
        assert not file.closed
    assert bodies(server) == [content]


async def test_a_pipe_goes_out_in_chunks() -> None:
    """Its length can't be known; what is in it goes out before more comes."""
    got: list[bytes] = []

    async def script(connection: Connection) -> None:
        await connection.some()
        await asyncio.to_thread(os.write, writing, b"second")
        await asyncio.to_thread(os.close, writing)
        got.append(await take_all(connection))
        await connection.send(reply({}))

    reading, writing = os.pipe()
    os.write(writing, b"first ")
    told: list[tuple[int, int | None]] = []
    async with FaultServer(script) as server, client_of(server) as client:
        with os.fdopen(reading, "rb") as file:
            await client.send(put(server, file, on_progress=lambda *step: told.append(step)))
    assert got == [b"first second"]
    assert (told[0], told[-1]) == ((0, None), (12, None))


async def test_a_named_pipe_is_waited_for(tmp_path: Path) -> None:
    """It is opened before anybody writes to it, and no thread is lost on it."""
    got: list[bytes] = []

    async def script(connection: Connection) -> None:
        await connection.some()
        with await asyncio.to_thread((tmp_path / "fifo").open, "wb") as file:
            file.write(b"late")
        got.append(await take_all(connection))
        await connection.send(reply({}))

    os.mkfifo(tmp_path / "fifo")
    async with FaultServer(script) as server, client_of(server) as client:
        await client.send(put(server, tmp_path / "fifo"))
    assert got == [b"late"]


async def test_a_form_over_the_wire(tmp_path: Path) -> None:
    """With the boundary that its head names, and its length."""
    (tmp_path / "ä.mp3").write_bytes(b"sound")
    async with FaultServer(answering(200)) as server, client_of(server) as client:
        await client.audio.transcriptions.create(model="m", file=tmp_path / "ä.mp3", keyterms=["a", "b"])
    head, _, body = server.connections[0].requests[0].partition(b"\r\n\r\n")
    boundary = head.partition(b"multipart/form-data; boundary=")[2].partition(b"\r\n")[0]
    assert b"Authorization: Bearer rsk_secret" in head
    assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
    assert body == (
        b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="\xc3\xa4.mp3"\r\n'
        b"Content-Type: audio/mpeg\r\n\r\nsound\r\n"
        b'--B\r\nContent-Disposition: form-data; name="keyterms"\r\n\r\na\r\n'
        b'--B\r\nContent-Disposition: form-data; name="keyterms"\r\n\r\nb\r\n'
        b"--B--\r\n"
    ).replace(b"--B", b"--" + boundary)


async def test_progress_is_told_piece_by_piece(tmp_path: Path) -> None:
    """From nothing to all, and again from nothing where it is sent again."""
    (tmp_path / "a").write_bytes(bytes(150_000))
    told: list[tuple[int, int | None]] = []
    async with FaultServer(answering(503, 200)) as server, client_of(server) as client:
        await client.send(put(server, tmp_path / "a", on_progress=lambda *step: told.append(step)))
    steps = [(sent, 150_000) for sent in (0, 65_536, 131_072, 150_000)]
    assert told == steps * 2


async def test_a_large_file_in_little_memory(tmp_path: Path) -> None:
    """100 MB pass in pieces."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    got = 0

    async def script(connection: Connection) -> None:
        nonlocal got
        while got < 100_000_000:
            got += len(await connection.take())
        await connection.send(reply({}))

    async with FaultServer(script) as server, client_of(server) as client:
        tracemalloc.start()
        await client.audio.transcriptions.create(model="m", file=path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 3_000_000


# Again.


@pytest.mark.parametrize("kind", ["bytes", "path", "file"])
async def test_a_second_attempt_begins_at_the_beginning(tmp_path: Path, kind: str) -> None:
    """A file object's beginning is where it stood when the upload was made."""
    content = os.urandom(100_000)
    (tmp_path / "a").write_bytes(b"." * 7 + content)
    (tmp_path / "b").write_bytes(content)
    with (tmp_path / "a").open("rb") as file:
        file.seek(7)
        source: Any = {"bytes": content, "path": tmp_path / "b", "file": file}[kind]
        async with FaultServer(answering(503, 500, 200)) as server, client_of(server) as client:
            await client.send(put(server, source))
    assert bodies(server) == [content] * 3


async def test_one_file_object_in_two_places() -> None:
    """Each part is read from its own beginning."""
    file = io.BytesIO(b"abcdef")
    whole = Upload(file, filename="a")
    file.seek(3)
    async with FaultServer(answering(200)) as server, client_of(server) as client:
        await client.audio.transcriptions.create(model="m", file=whole, extra_body={"rest": Upload(file)})
    assert b"\r\n\r\nabcdef\r\n" in bodies(server)[0]
    assert b"\r\n\r\ndef\r\n" in bodies(server)[0]


async def test_a_pipe_is_sent_once() -> None:
    """What was taken from it can't be had again, so the first error is raised as it is."""

    async def script(connection: Connection) -> None:
        await take_all(connection)
        await connection.send(reply({"error": {"message": "busy"}}, 503))

    reading, writing = os.pipe()
    os.write(writing, b"once")
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        async with FaultServer(script) as server, client_of(server) as client:
            call = put(server, file)
            with pytest.raises(APIStatusError, match="503: busy") as caught:
                await client.send(call)
            assert len(caught.value.attempts) == 1
            with pytest.raises(ValueError, match="was sent already and can't be read again"):
                await client.send(call)
    assert len(server.connections) == 1


async def test_a_pipe_of_which_nothing_was_taken_may_be_tried_again() -> None:
    """A failed connect costs no bytes."""
    with pipe(b"x") as (file, _):
        call = PutFile(url="http://127.0.0.1:1/box", file=Upload(file))
        async with MeshAPI("http://127.0.0.1:1", "rsk_secret", retry=AT_ONCE) as client:
            with pytest.raises(APIConnectionError) as caught:
                await client.send(call)
    assert len(caught.value.attempts) == 4


# Mistakes.


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda folder: folder / "none", FileNotFoundError),
        (lambda folder: folder, IsADirectoryError),
    ],
)
async def test_a_path_that_can_not_be_read(
    tmp_path: Path, make: Callable[[Path], Path], error: type[OSError]
) -> None:
    """The system's own error, with the path, before anything is sent; nothing is tried again."""
    async with FaultServer(answering()) as server, client_of(server) as client:
        with pytest.raises(error, match=tmp_path.name):
            await client.audio.transcriptions.create(model="m", file=make(tmp_path))
        assert client.stats().in_flight == 0
    assert server.connections == []


async def test_a_file_that_is_cut_while_it_is_sent(tmp_path: Path) -> None:
    """The request breaks off, and the error says what is wrong with the file."""
    path = tmp_path / "a"
    path.write_bytes(bytes(MUCH))

    def cut(sent: int, _total: int | None) -> None:
        if sent == 0:
            os.truncate(path, 100_000)

    async with FaultServer(answering(200)) as server, client_of(server) as client:
        with pytest.raises(
            OSError, match=rf"was cut while it was sent: 100000 of its {MUCH} bytes"
        ) as caught:
            await client.send(put(server, path, on_progress=cut))
        assert not isinstance(caught.value, MeshAPIError)
        await server.connections[0].ended.wait()
    assert bodies(server) == []


async def test_a_file_that_grows_while_it_is_sent(tmp_path: Path) -> None:
    """What was there at the beginning is sent: a log that is written to is no mistake."""
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100_000)

    def grow(_sent: int, _total: int | None) -> None:
        with path.open("ab") as file:
            file.write(b"y" * 100_000)

    async with FaultServer(answering(200)) as server, client_of(server) as client:
        await client.send(put(server, path, on_progress=grow))
    assert bodies(server) == [b"x" * 100_000]


async def test_what_on_progress_raises_ends_the_call() -> None:
    """As it was raised."""

    def refuse(sent: int, _total: int | None) -> None:
        if sent:
            raise LookupError(sent)

    async with FaultServer(answering(200)) as server, client_of(server) as client:
        with pytest.raises(LookupError):
            await client.send(put(server, bytes(MUCH), on_progress=refuse))


class _Strange(io.RawIOBase):
    """A file object that reads as no file does."""

    def __init__(self, *pieces: Any) -> None:
        self._pieces = [b"", *pieces]  # it is first asked for nothing

    def read(self, _size: int = -1) -> Any:
        piece = self._pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece


@pytest.mark.parametrize(
    ("piece", "error"), [("text", TypeError), (RuntimeError("unreadable"), RuntimeError)]
)
async def test_a_file_object_that_can_not_be_read(piece: object, error: type[Exception]) -> None:
    """Its own error, not one of the connection."""
    source: Any = _Strange(b"x", piece)
    async with FaultServer(Connection.stall) as server, client_of(server) as client:
        with pytest.raises(error, match=r"text|unreadable"):
            await client.send(put(server, source))


# Leaving.


async def deaf(connection: Connection) -> None:
    """Take the beginning of a request, and read no more."""
    connection.be_deaf()
    await connection.stall()


async def by_cancelling(client: MeshAPI, task: "asyncio.Task[Any]") -> None:
    """Cancel the task of the call."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def by_closing(client: MeshAPI, task: "asyncio.Task[Any]") -> None:
    """Close the client."""
    await client.close()
    with pytest.raises(MeshAPIError):
        await task


@pytest.mark.parametrize("leave", [by_cancelling, by_closing])
@pytest.mark.parametrize("kind", ["path", "bytes", "pipe"])
@pytest.mark.parametrize("tls", [False, True])
async def test_leaving_in_the_middle(
    tmp_path: Path,
    leave: "Callable[[MeshAPI, asyncio.Task[Any]], Awaitable[None]]",
    kind: str,
    tls: bool,
) -> None:
    """The connection is broken at once though the peer no longer reads; file, task and timer are gone."""
    (tmp_path / "a").write_bytes(bytes(MUCH))
    with pipe(bytes(1000)) as (file, _):
        source: Any = {"path": tmp_path / "a", "bytes": bytes(MUCH), "pipe": file}[kind]
        async with FaultServer(deaf if kind != "pipe" else Connection.stall, tls=tls) as server:
            context = tls_client_context() if tls else None
            client = MeshAPI(server.base_url, "rsk_secret", retry=AT_ONCE, ssl_context=context)
            begun = asyncio.Event()
            call = put(server, source, on_progress=lambda sent, _: begun.set() if sent else None)
            task = asyncio.create_task(client.send(call))
            await begun.wait()
            for _ in range(50):
                await asyncio.sleep(0)
            await leave(client, task)
            await until(lambda: not is_open(tmp_path / "a"))
            await until(lambda: server.connections[0].left)
            assert client.stats().in_flight == 0
            await client.close()


async def test_a_peer_that_reads_no_more(tmp_path: Path) -> None:
    """``Timeout.idle`` bounds the wait for the network to take a piece; nothing is left."""
    (tmp_path / "a").write_bytes(bytes(MUCH))
    async with FaultServer(deaf) as server, client_of(server, timeout=Timeout(idle=0.05)) as client:
        with pytest.raises(
            APITimeoutError,
            match=r"nothing of the request's body was taken within 0\.05 s \(Timeout\(idle=…\)\)",
        ) as caught:
            await client.audio.transcriptions.create(model="m", file=tmp_path / "a")
        assert caught.value.phase == "idle"
        assert len(caught.value.attempts) == 1
        await until(lambda: server.connections[0].left)


async def test_time_for_the_answer_begins_with_the_end_of_the_body() -> None:
    """A long body does not use up ``first_event``, and an empty pipe does not use up ``idle``."""

    async def script(connection: Connection) -> None:
        await connection.some()
        clock.passed += 1000
        await asyncio.to_thread(os.write, writing, b"x" * 1000)
        clock.passed += 1000
        os.close(writing)
        await take_all(connection)
        clock.passed += 5
        await connection.send(reply({}))

    reading, writing = os.pipe()
    clock = Clock()
    timeout = Timeout(first_event=10, idle=10)
    async with FaultServer(script) as server, client_of(server, timeout=timeout) as client:
        with os.fdopen(reading, "rb") as file:
            await client.send(put(server, file))


async def test_no_answer_after_the_body() -> None:
    """That is what ``first_event`` is for."""
    async with (
        FaultServer(Connection.stall) as server,
        client_of(server, timeout=Timeout(first_event=0.05)) as client,
    ):
        with pytest.raises(APITimeoutError) as caught:
            await client.send(put(server, b"x"))
    assert caught.value.phase == "first_event"


async def test_a_connection_that_breaks_in_the_middle(tmp_path: Path) -> None:
    """It is told as that, without the address; what was not answered is not sent again."""

    async def script(connection: Connection) -> None:
        await connection.some()
        connection.reset()

    (tmp_path / "a").write_bytes(bytes(MUCH))
    async with FaultServer(script) as server, client_of(server) as client:
        with pytest.raises(APIConnectionError, match="broke before an answer came") as caught:
            await client.send(put(server, tmp_path / "a"))
    assert "/box" not in str(caught.value)
    assert (caught.value.sent, len(caught.value.attempts)) == (True, 1)


# Answers that come early.


@pytest.mark.parametrize("then", ["close", "reset", "be_deaf"])
@pytest.mark.parametrize("kind", ["path", "bytes"])
async def test_an_answer_before_the_body_is_sent(tmp_path: Path, kind: str, then: str) -> None:
    """It is told, the rest is not sent, and the connection is not used again."""
    (tmp_path / "a").write_bytes(bytes(MUCH))

    async def script(connection: Connection) -> None:
        await connection.some()
        await connection.send(reply({"error": {"code": "too_large", "message": "at most 1 MB"}}, 413))
        getattr(connection, then)()
        await connection.stall()

    source: Any = {"path": tmp_path / "a", "bytes": bytes(MUCH)}[kind]
    async with FaultServer(script) as server, client_of(server) as client:
        with pytest.raises(APIStatusError, match="413 too_large: at most 1 MB"):
            await client.audio.transcriptions.create(model="m", file=("a.mp3", source))
        await until(lambda: server.connections[0].left)
        await client.close()
    assert server.requests == 0


async def test_a_success_before_the_body_is_sent(tmp_path: Path) -> None:
    """What was not sent can't be stored, whatever the other side says."""

    async def script(connection: Connection) -> None:
        await connection.some()
        await connection.send(reply({}))
        await connection.stall()

    (tmp_path / "a").write_bytes(bytes(MUCH))
    async with FaultServer(script) as server, client_of(server) as client:
        with pytest.raises(UnexpectedResponseError, match="200 before the request was sent whole"):
            await client.send(put(server, tmp_path / "a"))


async def test_an_early_answer_while_a_pipe_is_waited_for() -> None:
    """Nothing more is wanted, so the call does not wait for the pipe."""

    async def script(connection: Connection) -> None:
        await connection.some()
        await connection.send(reply({"error": {"message": "no"}}, 401))
        await connection.stall()

    with pipe(b"x") as (file, _):
        async with FaultServer(script) as server, client_of(server) as client:
            with pytest.raises(APIStatusError, match="401: no"):
                await client.send(put(server, file))
            await client.close()


async def test_a_connection_is_used_again_after_an_upload() -> None:
    """Where all was sent it goes back to the pool."""
    async with FaultServer(answering(200, 200)) as server, client_of(server) as client:
        for _ in range(2):
            await client.send(put(server, bytes(300_000)))
    assert len(server.connections) == 1


# Secrets.


async def test_a_signed_address_is_told_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Storages quote what was signed; errors, events and logs show neither the query nor its values."""
    signature, key = "abcdef0123456789abcdef", "AKIA/2026/us-east-1/s3"
    query = f"X-Amz-Credential={key.replace('/', '%2F')}&X-Amz-Signature={signature}&X-Amz-Expires=900"
    told: list[Any] = []
    code = "<Code>SignatureDoesNotMatch</Code>"

    async def script(connection: Connection) -> None:
        await connection.request()
        xml = f"<Error>{code}<S>{signature}</S><K>{key}</K><Q>{query}</Q></Error>"
        head = (
            f"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: {len(xml)}\r\n\r\n"
        )
        await connection.send((head + xml).encode())

    caplog.set_level("DEBUG")
    async with FaultServer(script) as server:
        client = MeshAPI(server.base_url, "rsk_secret", retry=AT_ONCE, on_event=told.append)
        call = PutFile(url=f"{server.base_url}/box?{query}", file=Upload(b"x"))
        with pytest.raises(APIStatusError, match=f"403: <Error>{code}") as caught:
            await client.send(call)
        await client.close()
        dead = PutFile(url=f"http://127.0.0.1:1/box?{query}", file=Upload(b"x"))
        async with MeshAPI(server.base_url, "rsk_secret", retry=AT_ONCE) as client:
            with pytest.raises(APIConnectionError) as refused:
                await client.send(dead)
    error = caught.value
    shown = [error, error.args, error.call, error.attempts, error.body, vars(error), told, caplog.text]
    for text in map(repr, [*shown, refused.value, vars(refused.value), call]):
        assert signature not in text
        assert key not in text
        assert "Expires=900" not in text


async def test_redirects_of_a_storage_are_not_followed() -> None:
    """The file goes where the gateway said, or nowhere."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(
            b"HTTP/1.1 307 X\r\nLocation: http://elsewhere/?sig=1\r\nContent-Length: 0\r\n\r\n"
        )

    async with FaultServer(script) as server, client_of(server) as client:
        with pytest.raises(MeshAPIError, match="307, a redirect to elsewhere"):
            await client.send(put(server, b"x"))
    assert server.requests == 1


async def test_a_download(tmp_path: Path) -> None:
    """Saved whole, from the very address, without anything of ours; an error is the other side's own."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 X\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\nPNG")
        await connection.request()
        await connection.send(reply(b"<Error>expired</Error>", 403))

    async with FaultServer(script) as server, client_of(server) as client:
        url = f"{server.base_url}/a%2Fb.png?X-Sig=abcdef%2Fabcdef%3Dabcdef"
        await client.download(url).save(tmp_path / "a.png")
        with pytest.raises(APIStatusError, match="403: <Error>expired</Error>") as caught:
            await client.download(url).save(tmp_path / "b.png")
    assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"PNG"
    assert "abcdef" not in repr([caught.value, caught.value.call, vars(caught.value)])
    first, *head = server.connections[0].requests[0].decode().split("\r\n")
    assert first == "GET /a%2Fb.png?X-Sig=abcdef%2Fabcdef%3Dabcdef HTTP/1.1"
    assert [line.partition(":")[0] for line in head if line] == ["Host", "User-Agent"]


@pytest.mark.parametrize("url", ["", "/box", "ftp://a/b", "http://", "http://a/ b", "http://[/"])
def test_an_address_that_is_none_is_refused_unseen(url: str) -> None:
    """It may be signed, so the error does not show it."""
    with pytest.raises(ValueError, match=rf"not shown, .*; {len(url)} characters"):
        PutFile(url=url, file=Upload(b"x"))
