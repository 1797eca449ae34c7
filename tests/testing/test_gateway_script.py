"""Answers that a test writes down: every byte, every pause, every way to end a connection."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from meshapi_aio.testing import (
    CUT,
    HANG,
    RESET,
    Answer,
    AnswerFunction,
    Ending,
    FakeGateway,
    Pause,
    ReceivedRequest,
    WaitFor,
)

from .wire import CHAT, asking, client, connected, events, exchange, receive, request_bytes


GET = request_bytes()
LAST = request_bytes(headers="Connection: close\r\n")


@pytest.fixture
async def gateway() -> AsyncIterator[FakeGateway]:
    """Run a gateway for one test."""
    async with FakeGateway() as gateway:
        yield gateway


@pytest.fixture
async def session(gateway: FakeGateway) -> AsyncIterator[aiohttp.ClientSession]:
    """Run a client that presents the right token."""
    async with client(gateway) as session:
        yield session


@pytest.mark.parametrize(
    ("answer", "content_type", "body"),
    [
        (Answer(), "text/plain", b""),
        (Answer(body=b"\x00\xff"), "application/octet-stream", b"\x00\xff"),
        (Answer(body="Grüße"), "text/plain; charset=utf-8", "Grüße".encode()),
        (Answer(body={"a": ["é", None]}), "application/json", '{"a":["é",null]}'.encode()),
        (Answer(body=[]), "application/json", b"[]"),
        (Answer(body=0), "application/json", b"0"),
        (Answer(body={"half": "\ud83d"}), "application/json", b'{"half":"\\ud83d"}'),
        (Answer(503, body="<html>", headers={"content-type": "text/html"}), "text/html", b"<html>"),
    ],
)
async def test_a_plain_answer(
    gateway: FakeGateway, session: aiohttp.ClientSession, answer: Answer, content_type: str, body: bytes
) -> None:
    """Bytes and text go out as they are, the rest as JSON; a script needs neither route nor credential."""
    gateway.enqueue(answer)
    async with session.get("/anything", headers={"Authorization": "nonsense"}) as response:
        assert response.status == answer.status
        assert response.headers["Content-Type"] == content_type
        assert await response.read() == body
    assert gateway.requests[0].completed


async def test_headers_are_added_replaced_and_left_out(gateway: FakeGateway) -> None:
    """A header of the script replaces the gateway's, in either case; None takes one away; empty ones stay."""
    gateway.enqueue(
        Answer(headers={"X-REQUEST-ID": "", "x-mesh-version": None, "Retry-After": "1", "X-None": None})
    )
    head = (await exchange(gateway, LAST))[0].decode().partition("\r\n\r\n")[0].split("\r\n")
    assert "X-REQUEST-ID: " in head
    assert "Retry-After: 1" in head
    assert not [
        line for line in head if re.match("x-request-id: .|x-mesh-version|x-none", line, re.IGNORECASE)
    ]


async def test_events_are_sent_as_a_stream(gateway: FakeGateway, session: aiohttp.ClientSession) -> None:
    """JSON and text become events, bytes are sent as they are, and the end mark follows."""
    half = {"half": "\ud83d"}
    gateway.enqueue(
        Answer(events=[{"a": "é\u2028"}, [1], "text", "two\nlines", "", b": heartbeat\n\n", half])
    )
    async with session.get("/") as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        body = await response.text()
    assert body.split("\n\n") == [
        'data: {"a":"é\u2028"}',
        "data: [1]",
        "data: text",
        "data: two\ndata: lines",
        "data: ",
        ": heartbeat",
        'data: {"half":"\\ud83d"}',
        "data: [DONE]",
        "",
    ]


async def test_each_piece_is_a_write_of_its_own(gateway: FakeGateway) -> None:
    """On the wire every event is one chunk, so a test decides what a client reads at once."""
    gateway.enqueue(Answer(events=[b"da", b"", b"ta: 1\n", b"\n"], done=False))
    answer, _ = await exchange(gateway, LAST)
    assert answer.partition(b"\r\n\r\n")[2] == b"2\r\nda\r\n6\r\nta: 1\n\r\n1\r\n\n\r\n0\r\n\r\n"


async def test_answers_come_first_in_first_out_and_then_by_default(
    gateway: FakeGateway, session: aiohttp.ClientSession
) -> None:
    """One answer for each request, in the order of the queue; then the gateway speaks for itself."""
    gateway.enqueue(Answer(500), Answer(429))
    gateway.enqueue(Answer(418))
    seen: list[int] = []
    for _ in range(4):
        async with session.post(CHAT, json=asking("hi")) as response:
            seen.append(response.status)
    assert seen == [500, 429, 418, 200]


async def test_an_answer_may_be_a_function(gateway: FakeGateway, session: aiohttp.ClientSession) -> None:
    """It gets the recorded request and returns an answer, at once or later, or None for the gateway's own."""

    async def later(request: ReceivedRequest) -> Answer:
        await asyncio.sleep(0)
        return Answer(body=f"later {request.number}")

    def own(_: ReceivedRequest) -> None:
        return None

    gateway.enqueue(lambda request: Answer(body=request.json["model"]), later, own)
    seen: list[str] = []
    for _ in range(3):
        async with session.post(CHAT, json=asking("hi")) as response:
            seen.append((await response.text())[:14])
    assert seen == ["maker/model", "later 2", '{"id":"chatcmp']


class _Outcome(BaseException):
    """Like what ``pytest.fail()`` raises."""


async def play(function: AnswerFunction, *, then: BaseException | None = None) -> None:
    """Let a gateway answer once with a function that fails, and leave it, perhaps with an error."""
    async with FakeGateway() as gateway, client(gateway) as session:
        gateway.enqueue(function)
        async with session.get("/") as response:
            body = await response.json()
        if then is not None:
            raise then
        assert response.status == 500
        assert body["error"]["code"] == "internal_error"
        assert body["error"]["message"].startswith("the answer function raised ")


@pytest.mark.parametrize("error", [AssertionError("no model"), _Outcome("failed")])
async def test_what_a_function_raises_reaches_the_test(error: BaseException) -> None:
    """The client gets a 500, which it may well retry; the test gets the error when it leaves the gateway."""

    def wrong(_: ReceivedRequest) -> Answer:
        raise error

    with pytest.raises(type(error)) as raised:
        await play(wrong)
    assert raised.value is error
    with pytest.raises(KeyError):  # an error of the test itself is not hidden
        await play(wrong, then=KeyError())


async def test_a_function_must_return_an_answer() -> None:
    """A forgotten ``Answer(...)`` around the body is told like any other mistake."""

    def wrong(_: ReceivedRequest) -> Any:
        return {"body": 1}

    with pytest.raises(TypeError, match=r"returns an Answer or None, not \{'body': 1\}"):
        await play(wrong)


async def send(answer: Answer) -> None:
    """Let a gateway send an answer that cannot be sent, and leave it."""
    async with FakeGateway() as gateway:
        gateway.enqueue(answer)
        assert await exchange(gateway, GET) == (b"", False)
        assert gateway.requests[0].outcome == "cut"


async def test_an_answer_that_cannot_be_sent_reaches_the_test() -> None:
    """The client sees its connection close; the reason is raised when the test leaves the gateway."""
    with pytest.raises(ValueError, match="many"):
        await send(Answer(headers={"Content-Length": "many"}, events=[]))


def test_only_answers_are_enqueued() -> None:
    """A mistake in a script is told where it is made."""
    with pytest.raises(TypeError, match="enqueue takes Answer objects and functions that make one, not 429"):
        FakeGateway().enqueue(429)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"body": 1, "events": []}, "a body or events, not both"),
        ({"body": object()}, "not JSON serializable"),
        ({"events": [{"a": object()}]}, "not JSON serializable"),
        ({"before": [b"HTTP"]}, "Answer.before takes Pause, WaitFor, CUT, RESET, HANG, not b'HTTP'"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "'X-A' of an Answer has a control character: '1.*X-B: 2'"),
        ({"raw": True}, "a raw Answer has events"),
        ({"raw": True, "events": [], "status": 500}, "a raw Answer has events"),
        ({"raw": True, "events": [], "headers": {"X-A": "1"}}, "a raw Answer has events"),
    ],
)
def test_what_could_not_be_sent_is_refused(fields: dict[str, object], complaint: str) -> None:
    """At the line that wrote it, and not in the middle of a connection."""
    with pytest.raises((TypeError, ValueError), match=complaint):
        Answer(**fields)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


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
