"""Recorder between a client and a gateway: what it passes on, what it writes down, and how either ends."""

import asyncio
import gzip
import json
import ssl
import tracemalloc
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from meshapi_aio import MeshAPI, MeshAPIError, Retry
from meshapi_aio.testing import CUT, HANG, RESET, Answer, FakeGateway, Recorder, WaitFor, accidents
from tests.faults.authority import tls_client_context
from tests.faults.server import Connection, FaultServer
from tests.faults.wire import reply

from .wire import CHAT, asking, client, connected, exchange, receive, request_bytes


HELLO = [{"role": "user", "content": "Hello, wörld!"}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the file of the recording."""
    return tmp_path / "answers.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a recording."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def of_kind(path: Path, kind: str) -> list[dict[str, Any]]:
    """Return the lines of one kind."""
    return [line for line in lines(path) if kind in line]


async def test_what_a_client_sees(gateway: FakeGateway, path: Path) -> None:
    """Through a Recorder, and from its recording, a client gets what the gateway said, whole and streamed."""

    async def talk(base_url: str) -> list[Any]:
        async with MeshAPI(base_url, gateway.token) as client:
            completion = await client.chat.completions.create(model="maker/model", messages=HELLO)
            stream = client.chat.completions.stream(model="maker/model", messages=HELLO)
            return [completion, completion.request_id, [chunk async for chunk in stream]]

    async with Recorder(gateway.base_url + "/v1", path) as recorder:
        heard = await talk(recorder.base_url)
    assert gateway.requests[0].request_id == heard[1]
    assert all(request.completed for request in gateway.requests)
    async with FakeGateway.replay(path) as replaying:
        assert await talk(replaying.base_url) == heard


async def test_the_file(gateway: FakeGateway, path: Path) -> None:
    """JSON, a line for each thing that happened, to be read by people; seconds are since the request."""
    gateway.enqueue(Answer(headers={"X-One": "1"}, events=[{"é": 1}, b"data: \xff\n\n"]))
    path.write_text("an older one")
    async with (
        Recorder(gateway.base_url, path) as recorder,
        client(recorder) as session,
        session.post(CHAT + "?a=1&b=2&b=3", json=asking("hé")) as response,
    ):
        await response.read()
    first, asked, answer, *pieces, end = lines(path)
    assert (first["recording"], first["of"]) == (1, gateway.base_url)
    assert asked == {
        "request": 1,
        "method": "POST",
        "path": CHAT,
        "query": {"a": "1", "b": ["2", "3"]},
        "json": asking("hé"),
    }
    assert (answer["answer"], answer["status"], answer["headers"]["X-One"]) == (1, 200, "1")
    assert [{**piece, "at": 0} for piece in pieces] == [
        {"piece": 1, "at": 0, "text": 'data: {"é":1}\n\n'},
        {"piece": 1, "at": 0, "base64": "ZGF0YTog/woK"},
        {"piece": 1, "at": 0, "text": "data: [DONE]\n\n"},
    ]
    assert (end["end"], end["how"]) == (1, "complete")
    times = [line["at"] for line in (answer, *pieces, end)]
    assert times == sorted(times)
    assert "hé" in path.read_text(encoding="utf-8")


async def test_a_stream_is_neither_delayed_nor_cut_anew(gateway: FakeGateway, path: Path) -> None:
    """A piece arrives while the gateway still keeps the next one back, and as the piece that it was."""
    gate, pieces = asyncio.Event(), [b"data: 1\n\nda", b"ta: ", b"2\n\n"]
    gateway.enqueue(Answer(events=[pieces[0], WaitFor(gate), *pieces[1:]], done=False))
    async with (
        Recorder(gateway.base_url, path) as recorder,
        client(recorder) as session,
        session.get("/v1/anything") as response,
    ):
        assert await response.content.readchunk() == (pieces[0], True)
        assert gateway.requests[0].outcome == "pending"
        gate.set()
        assert [data async for data, _ in response.content.iter_chunks()] == pieces[1:]
    assert [line["text"].encode() for line in of_kind(path, "piece")] == pieces


async def test_the_request_is_passed_on(gateway: FakeGateway, path: Path) -> None:
    """Target and body to the byte, the client's own headers, and none that is about its connection."""
    body = b'{"spaces" :  1}'
    head = "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nX-Mesh-Version: 2026-09\r\nAccept-Encoding: br\r\n"
    async with (
        Recorder(gateway.base_url, path) as recorder,
        connected(recorder, request_bytes("POST", "/v1/a%2Fb?q=%C3%A9", body, head)),
    ):
        request = await gateway.received()
    assert (request.method, request.target, request.body) == ("POST", "/v1/a%2Fb?q=%C3%A9", body)
    assert {name.lower(): value for name, value in request.headers.items()} == {
        "host": gateway.base_url.removeprefix("http://"),
        "x-mesh-version": "2026-09",
        "accept-encoding": "identity",
        "content-length": str(len(body)),
        "connection": "close",
    }


async def test_the_answer_is_passed_on(gateway: FakeGateway, path: Path) -> None:
    """Status, length and headers too, repeated ones included; redirects are the client's own business."""
    headers = {"Location": "/elsewhere", "X-One": "1", "Set-Cookie": "a=b"}
    gateway.enqueue(Answer(307, headers=headers, body="go on"), Answer(204))
    async with Recorder(gateway.base_url, path) as recorder, client(recorder) as session:
        async with session.get("/v1/anything", allow_redirects=False) as response:
            assert (response.status, response.content_length) == (307, 5)
            assert [response.headers[name] for name in headers] == list(headers.values())
            assert await response.text() == "go on"
        async with session.get("/v1/anything") as response:
            assert (response.status, await response.read()) == (204, b"")
    assert [line["status"] for line in of_kind(path, "answer")] == [307, 204]


@pytest.mark.parametrize(
    ("answer", "pieces"),
    [(Answer(before=[HANG]), 0), (Answer(events=[HANG]), 0), (Answer(events=["one", HANG]), 1)],
    ids=["before the headers", "before the first piece", "after it"],
)
async def test_a_client_that_is_cancelled(
    gateway: FakeGateway, path: Path, answer: Answer, pieces: int
) -> None:
    """The gateway sees it at once, and the recording says that it is not all; nor is it in a replay."""
    gateway.enqueue(answer)
    async with Recorder(gateway.base_url, path) as recorder:
        async with connected(recorder, request_bytes()) as bare:
            request = await gateway.received()
            got = b""
            while pieces and b"one" not in got:
                got += await asyncio.get_running_loop().sock_recv(bare, 65536)
        await gateway.disconnected(request)
    assert [line["how"] for line in of_kind(path, "end")] == ["cut by the client"]
    assert len(of_kind(path, "piece")) == pieces
    async with FakeGateway.replay(path) as replaying:
        async with connected(replaying, request_bytes()) as bare:
            request = await replaying.received()
            assert request.outcome == "pending"
        await replaying.disconnected(request)


async def test_a_recorder_that_is_closed(gateway: FakeGateway, path: Path) -> None:
    """It ends what is going on, at either side, and leaves no task."""
    gateway.enqueue(Answer(events=["one", HANG]))
    before = asyncio.all_tasks()
    async with Recorder(gateway.base_url, path) as recorder, connected(recorder, request_bytes()) as bare:
        request = await gateway.received()
        await recorder.close()
        await recorder.close()
        await gateway.disconnected(request)
        await receive(bare)
    await gateway.until(lambda: gateway.connections.open == 0)
    assert asyncio.all_tasks() == before
    assert [line["how"] for line in of_kind(path, "end")] == ["cut by the recorder"]


@pytest.mark.parametrize("ending", [CUT, RESET])
async def test_an_answer_that_the_gateway_cuts(gateway: FakeGateway, path: Path, ending: Any) -> None:
    """What came before is passed on, then the client's connection is cut as well; so it is in a replay."""
    whole = [b"data: %d\n\n" % number for number in range(100)]
    got = asyncio.Event()
    gateway.enqueue(Answer(events=[*whole, WaitFor(got), ending]))
    async with (
        Recorder(gateway.base_url, path) as recorder,
        client(recorder) as session,
        session.get("/v1/anything") as response,
    ):
        await response.content.readexactly(len(b"".join(whole)))
        got.set()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    (end,) = of_kind(path, "end")
    assert end["how"] == "cut by the gateway"
    assert end["why"]
    async with FakeGateway.replay(path) as replaying:
        answer, _ = await exchange(replaying, request_bytes(target="/v1/anything"))
        assert answer.count(b"data: ") == 100
        assert not answer.endswith(b"\r\n0\r\n\r\n")


async def test_what_came_before_a_cut_is_not_lost(path: Path) -> None:
    """Also where headers, pieces and the end of the connection come all at once."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(head + b"the beginning")
        connection.close()

    async with FaultServer(script) as server, Recorder(server.base_url, path) as recorder:
        answer, _ = await exchange(recorder, request_bytes())
    assert answer.endswith(b"\r\n\r\nthe beginning")
    assert [line["text"] for line in of_kind(path, "piece")] == ["the beginning"]
    async with FakeGateway.replay(path) as replaying:
        answer, _ = await exchange(replaying, request_bytes())
    assert b"content-length: 100\r\n" in answer.lower()
    assert answer.endswith(b"\r\n\r\nthe beginning")


@pytest.mark.parametrize(
    "answer", [Answer(before=[CUT]), Answer(raw=True, events=[b"no HTTP\r\n\r\n"])], ids=["none", "no HTTP"]
)
async def test_an_answer_that_is_none(gateway: FakeGateway, path: Path, answer: Answer) -> None:
    """The client's connection ends without one; so it does in a replay."""
    gateway.enqueue(answer)
    async with Recorder(gateway.base_url, path) as recorder:
        assert await exchange(recorder, request_bytes()) == (b"", False)
    assert [line["how"] for line in of_kind(path, "end")] == ["cut by the gateway"]
    async with FakeGateway.replay(path) as replaying:
        assert await exchange(replaying, request_bytes()) == (b"", False)


async def test_a_body_whose_framing_breaks(gateway: FakeGateway, path: Path) -> None:
    """It is an answer that was cut, and waits for nothing."""
    gateway.enqueue(accidents.bad_chunk_size())
    async with (
        Recorder(gateway.base_url, path) as recorder,
        client(recorder) as session,
        session.post(CHAT, json=asking("hi", stream=True)) as response,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert [line["how"] for line in of_kind(path, "end")] == ["cut by the gateway"]


async def test_a_chunk_that_comes_in_parts(path: Path) -> None:
    """Each part is passed on as it comes; the end of a chunk that comes alone is no piece."""
    got: asyncio.Queue[None] = asyncio.Queue()
    parts = [b"the ", b"chunk: ", b"\r\n1\r\n.\r\n0\r\n\r\n"]

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n")
        for part in parts:
            await connection.send(part)
            await got.get()

    async with (
        FaultServer(script) as server,
        Recorder(server.base_url, path) as recorder,
        client(recorder) as session,
        session.get("/v1/anything") as response,
    ):
        for part in (b"the ", b"chunk: ", b"."):
            assert await response.content.readexactly(len(part)) == part
            got.put_nowait(None)
        assert await response.read() == b""
    assert [line["text"] for line in of_kind(path, "piece")] == ["the ", "chunk: ", "."]


async def test_a_body_that_ends_with_its_connection(gateway: FakeGateway, path: Path) -> None:
    """Where an answer tells no length and has no chunks, the end of the connection is its end, and no cut."""
    gateway.enqueue(Answer(raw=True, events=[b"HTTP/1.0 200 OK\r\n\r\nthe text"]))
    async with (
        Recorder(gateway.base_url, path) as recorder,
        client(recorder) as session,
        session.get("/v1/anything") as response,
    ):
        assert await response.text() == "the text"
    assert [line["how"] for line in of_kind(path, "end")] == ["complete"]


async def test_a_gateway_that_is_not_there(path: Path) -> None:
    """The client is told so, with the address, by an answer that is not recorded as one."""
    async with FakeGateway() as gone:
        base_url = gone.base_url
    async with (
        Recorder(base_url, path) as recorder,
        client(recorder) as session,
        session.get("/v1/anything") as response,
    ):
        error = (await response.json())["error"]
    assert (response.status, error["code"]) == (502, "gateway_unreachable")
    assert error["message"].startswith(f"Recorder: {base_url} cannot be reached: ")
    assert of_kind(path, "answer") == []
    assert of_kind(path, "end")[0]["how"] == "cut by the gateway"


async def test_no_credential_is_written_down(gateway: FakeGateway, path: Path) -> None:
    """Neither the key, wherever it stands, nor cookies, nor what signs an address, nor keys in queries."""
    token, signed = gateway.token, "https://store/a?X-Amz-Date=1&X-Amz-Signature=5161718191"
    cookies = {"session": "chocolate-chip", "x": "y"}
    gateway.enqueue(
        Answer(
            headers={
                "Set-Cookie": "fresh=oven-warm",
                "Location": signed + "&X-Amz-Expires=9",
                "X-Echo": token,
            },
            events=[
                {"url": signed, "said": f"{token} and chocolate-chip"},
                f"{signed}\\u0026sig=2122232425",
                token.encode()[:9],
                token.encode()[9:],
                b"\xff" + token.encode(),
            ],
        )
    )
    async with (
        Recorder(gateway.base_url, path) as recorder,
        aiohttp.ClientSession(recorder.base_url, cookies=cookies) as session,
    ):
        headers = {"Authorization": f"Bearer {token}"}
        body = {"model": "m", "said": [f"<{token}>"], "image": signed}
        url = f"/v1/{token}?api_key=3132333435&safe=yes"
        async with session.post(url, json=body, headers=headers) as response:
            assert token in await response.text(errors="replace")
    assert gateway.requests[0].json == body
    text = path.read_text(encoding="utf-8")
    for secret in (token, token[9:], "chocolate", "oven", "5161718191", "2122232425", "3132333435"):
        assert secret not in text
    assert "X-Amz-Date=1&X-Amz-Signature=[redacted]&X-Amz-Expires=9" in text
    assert lines(path)[1] == {
        "request": 1,
        "method": "POST",
        "path": "/v1/[redacted]",
        "query": {"api_key": "[redacted]", "safe": "yes"},
        "json": {
            "model": "m",
            "said": ["<[redacted]>"],
            "image": "https://store/a?X-Amz-Date=1&X-Amz-Signature=[redacted]",
        },
    }
    other = {**body, "said": ["<rsk_another_key>"], "image": signed.replace("5161", "9999")}
    async with (
        FakeGateway.replay(path, token="rsk_another_key") as replaying,
        client(replaying) as session,
        session.post("/v1/rsk_another_key?api_key=yet-another&safe=yes", json=other) as response,
    ):
        assert "[redacted] and [redacted]" in await response.text(errors="replace")


async def test_a_body_in_base64(gateway: FakeGateway, path: Path) -> None:
    """What is no text comes out of the recording as it went in, to the byte, in either direction."""
    data = bytes(range(256)) * 3
    gateway.enqueue(Answer(body=data))
    async with (
        Recorder(gateway.base_url, path) as recorder,
        client(recorder) as session,
        session.post("/v1/speech", data=data) as response,
    ):
        assert await response.read() == data
    assert gateway.requests[0].body == data
    async with (
        FakeGateway.replay(path) as replaying,
        client(replaying) as session,
        session.post("/v1/speech", data=data) as response,
    ):
        assert (await response.read(), response.content_length) == (data, len(data))


async def test_a_packed_answer_is_unpacked(gateway: FakeGateway, path: Path) -> None:
    """Where a gateway packs though it was asked not to: what is packed can't be searched for keys."""
    packed = gzip.compress(b"the text")
    gateway.enqueue(Answer(headers={"Content-Encoding": "gzip"}, body=packed))
    async with (
        Recorder(gateway.base_url, path) as recorder,
        client(recorder) as session,
        session.get("/v1/anything") as response,
    ):
        assert (await response.text(), "Content-Encoding" in response.headers) == ("the text", False)
    assert "".join(line["text"] for line in of_kind(path, "piece")) == "the text"
    assert "Content-Encoding" not in of_kind(path, "answer")[0]["headers"]


async def test_requests_at_the_same_time(gateway: FakeGateway, path: Path) -> None:
    """Their lines are told apart by their numbers."""
    gate = asyncio.Event()
    gateway.enqueue(Answer(events=["a", WaitFor(gate), "b"]), Answer(body="second"))
    async with (
        Recorder(gateway.base_url, path) as recorder,
        client(recorder) as session,
        session.get("/v1/first") as first,
    ):
        async with session.get("/v1/second") as second:
            await second.read()
        gate.set()
        await first.read()
    assert [line["end"] for line in of_kind(path, "end")] == [2, 1]
    async with (
        FakeGateway.replay(path) as replaying,
        client(replaying) as session,
        session.get("/v1/second") as second,
        session.get("/v1/first") as first,
    ):
        assert await second.text() == "second"
        assert await first.text() == "data: a\n\ndata: b\n\ndata: [DONE]\n\n"


async def test_over_tls(path: Path) -> None:
    """A gateway behind TLS, with an authority of one's own; whose certificate does not fit is not asked."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(reply({"ok": True}))

    async def ask(context: ssl.SSLContext | None) -> int:
        async with (
            FaultServer(script, tls=True) as server,
            Recorder(server.base_url, path, ssl_context=context) as recorder,
            client(recorder) as session,
            session.get("/v1/anything") as response,
        ):
            return response.status

    assert await ask(tls_client_context()) == 200
    assert await ask(None) == 502


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request_bytes(headers="Upgrade: websocket\r\nConnection: Upgrade\r\n"), 501),
        (request_bytes(target="http://elsewhere/", headers="Connection: close\r\n"), 400),
    ],
)
async def test_what_is_not_passed_on(gateway: FakeGateway, path: Path, sent: bytes, status: int) -> None:
    """A WebSocket; and a target that would name another host, to which the key would go."""
    async with Recorder(gateway.base_url, path) as recorder, connected(recorder, sent) as bare:
        answer = await asyncio.get_running_loop().sock_recv(bare, 65536)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert (gateway.requests, len(lines(path))) == ([], 1)


async def test_its_address(gateway: FakeGateway, path: Path) -> None:
    """It listens where it is told, once at a time, and has no address before."""
    recorder = Recorder(gateway.base_url, path)
    with pytest.raises(RuntimeError, match="this Recorder has no base_url before it is started"):
        _ = recorder.base_url
    async with recorder:
        with pytest.raises(RuntimeError, match="this Recorder is already listening at http://127"):
            await recorder.start()
        port = int(recorder.base_url.rpartition(":")[2])
        other = path.with_name("other.jsonl")
        with pytest.raises(OSError, match="in use"):
            await Recorder(gateway.base_url, other, port=port).start()
    async with Recorder(gateway.base_url, path, host="::1", port=port) as recorder:
        assert recorder.base_url == f"http://[::1]:{port}"
    with pytest.raises(ValueError, match="base_url does not begin with https"):
        Recorder("api.meshapi.ai", path)


async def test_a_file_that_cannot_be_opened(gateway: FakeGateway, tmp_path: Path) -> None:
    """It is told before anything is listened at."""
    recorder = Recorder(gateway.base_url, tmp_path / "nowhere" / "answers.jsonl")
    with pytest.raises(FileNotFoundError):
        await recorder.start()
    with pytest.raises(RuntimeError, match="no base_url"):
        _ = recorder.base_url


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file to which nothing can be written")
async def test_a_file_that_is_full(gateway: FakeGateway) -> None:
    """The client gets its answers all the same; the error is raised at the end, or added to another one."""
    with pytest.raises(OSError, match="No space left"):
        async with (
            Recorder(gateway.base_url, "/dev/full") as recorder,
            client(recorder) as session,
            session.post(CHAT, json=asking("hi")) as response,
        ):
            assert response.status == 401
    with pytest.raises(KeyError) as caught:
        async with Recorder(gateway.base_url, "/dev/full"):
            raise KeyError
    assert caught.value.__notes__ == ["Recorder: [Errno 28] No space left on device"]


@pytest.mark.parametrize("byte", [b"x", b"\n"])
async def test_much_takes_little_memory(gateway: FakeGateway, path: Path, byte: bytes) -> None:
    """An answer of megabytes goes through, and into the file, in pieces."""
    size = 1024 * 1024
    gateway.enqueue(Answer(events=[byte * size] * 16, done=False))
    async with Recorder(gateway.base_url, path) as recorder, client(recorder) as session:
        tracemalloc.start()
        async with session.get("/v1/anything") as response:
            got = 0
            async for piece in response.content.iter_any():
                got += len(piece)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert got == 16 * size
    assert peak < 8 * size


ENDLESS = ("heartbeats", "slow_trickle", "stall")
ENDING = [name for name in accidents.ALL if not name.startswith(ENDLESS)]


@pytest.mark.parametrize("name", ENDING)
async def test_an_accident(gateway: FakeGateway, path: Path, name: str) -> None:
    """Whatever goes wrong goes wrong in the same way through a Recorder, and in a replay."""

    async def suffer(base_url: str) -> list[Any]:
        async with MeshAPI(base_url, "rsk_key", retry=Retry(max_retries=0)) as client:
            stream = client.chat.completions.stream(model="maker/model", messages=HELLO)
            seen: list[Any] = []
            try:
                async for chunk in stream:
                    seen.append(chunk)
            except MeshAPIError as error:
                seen.append(
                    (type(error), getattr(error, "status", None), getattr(error, "retry_after", None))
                )
            return seen

    accident = accidents.ALL[name]()
    gateway.enqueue(accident, accident)
    suffered = await suffer(gateway.base_url)
    async with Recorder(gateway.base_url, path) as recorder:
        assert await suffer(recorder.base_url) == suffered
    async with FakeGateway.replay(path) as replaying:
        assert await suffer(replaying.base_url) == suffered
