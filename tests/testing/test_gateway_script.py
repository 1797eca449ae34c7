"""Answers that a test writes down: bodies, headers, events, functions, and the order they come in."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from meshapi_aio.testing import (
    CUT,
    HANG,
    Answer,
    AnswerFunction,
    FakeGateway,
    Heartbeats,
    Pause,
    ReceivedRequest,
)

from .wire import CHAT, asking, client, exchange, request_bytes


GET = request_bytes()
LAST = request_bytes(headers="Connection: close\r\n")


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


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(), "Answer(200)"),
        (Answer(429, headers={"A": "1"}, body=0), "Answer(429, headers={'A': '1'}, body=0)"),
        (Answer(body="x" * 1000), f"Answer(200, body='{'x' * 39})"),
        (Answer(events=["a", CUT]), "Answer(200, events=<2 steps>)"),
        (Answer(before=[HANG]), "Answer(200, before=(<Ending.HANG: 'hang'>,))"),
        (Answer(raw=True, events=[]), "Answer(200, raw=True, events=<0 steps>)"),
    ],
)
def test_an_answer_is_shown_in_brief(answer: Answer, told: str) -> None:
    """What was given, and of what is long its beginning or its size."""
    assert repr(answer) == told


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"body": 1, "events": []}, "a body or events, not both"),
        ({"body": object()}, "not JSON serializable"),
        ({"events": [{"a": object()}]}, "not JSON serializable"),
        ({"events": "abc"}, "Answer.events takes a list of events, not 'abc' alone"),
        ({"events": b"abc"}, "Answer.events takes a list of events, not b'abc' alone"),
        ({"headers": [("A", "1")]}, r"the headers of an Answer are a dict, not \[\('A', '1'\)\]"),
        ({"status": "429"}, "the status of an Answer has three digits, not '429'"),
        ({"status": 99}, "the status of an Answer has three digits, not 99"),
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


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (lambda: Pause(-1), "Pause.seconds must be a number of seconds from 0, not -1"),
        (lambda: Pause(float("nan")), "Pause.seconds must be a number of seconds from 0, not nan"),
        (lambda: Pause("1"), "Pause.seconds must be a number of seconds, not '1'"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        (lambda: Heartbeats(1, every=-0.1), "Heartbeats.every must be a number of seconds from 0, not -0.1"),
    ],
)
def test_a_step_that_could_not_be_taken_is_refused(step: Callable[[], object], complaint: str) -> None:
    """At the line that wrote it."""
    with pytest.raises((TypeError, ValueError), match=complaint):
        step()
