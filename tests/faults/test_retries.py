"""
Retries and fallback over real sockets, with a clock and a sleep of their own: no test waits.

What the pause of each error is, is tested as a table in test_retry; here, that it is what happens.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from meshapi_aio import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Event,
    Fallback,
    FallbackTaken,
    InternalServerError,
    MeshAPI,
    MeshAPIError,
    RequestFailed,
    RequestSent,
    Retry,
    RetryScheduled,
    StreamTruncatedError,
    Timeout,
)

from .clock import Clock
from .content import answer, as_json
from .server import Connection, FaultServer, Script
from .test_content import ask
from .wire import COMPLETION, DONE, LAST_CHUNK, STREAM_HEAD, event, piece


MESSAGES = [{"role": "user", "content": "Hi"}]
both = pytest.mark.parametrize("kind", ["stream", "whole"])


@pytest.fixture
async def clock() -> Clock:
    """Run a test on a clock that pauses move on."""
    return Clock()


@asynccontextmanager
async def serving(
    script: Script, clock: Clock, **options: Any
) -> AsyncGenerator[tuple[FaultServer, MeshAPI]]:
    """Run a server with a script, and a client of it that pauses on the clock, as long as it may."""
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_secret", **options) as client:
        courier = client._shared.courier
        courier.sleep, courier.draw = clock.sleep, lambda: 1.0
        yield server, client


def in_turn(*answers: bytes, then: bytes | None = None) -> Script:
    """Return a script that gives these answers in turn, on whatever connection; an empty one closes it."""
    waiting = list(answers)

    async def script(connection: Connection) -> None:
        while True:
            request = await connection.request()
            data = waiting.pop(0) if waiting else then
            if data is None:
                data = stream_of("hello") if b'"stream":true' in request else answer(as_json(COMPLETION))
            await connection.send(data)
            if not data:
                connection.close()
                return

    return script


def stream_of(*texts: str, head: str = "", error: Any = None) -> bytes:
    """Return a whole stream, or one that is an error event alone, with one more header."""
    events = [event(text, finish="stop") for text in texts] if error is None else [event(None, error=error)]
    lines = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: req_1\r\n{head}"
    pieces = b"".join(map(piece, [*events, DONE]))
    return lines.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + LAST_CHUNK


def failure(status: int, *headers: str, **fields: Any) -> bytes:
    """Return an error answer."""
    body = {"error": {"code": "upstream_error", "message": "no", **fields}}
    return answer(as_json(body), status, "application/json", *headers)


# The policy.


@both
async def test_pauses_and_attempts_are_those_of_the_policy(kind: str, clock: Clock) -> None:
    """Promise 15: the pauses grow from ``backoff`` to ``backoff_cap``; each attempt is on the meta."""
    retry = Retry(max_retries=5, backoff=2.0, backoff_cap=10.0)
    async with serving(in_turn(*[failure(503)] * 5), clock, retry=retry) as (server, client):
        completion = await ask(client, kind)
        assert server.requests == 6
    assert clock.pauses == [2.0, 4.0, 8.0, 10.0, 10.0]
    attempts = completion.meta.attempts
    assert [attempt.pause for attempt in attempts] == [*clock.pauses, 0.0]
    assert [attempt.status for attempt in attempts] == [503] * 5 + [200]
    assert {attempt.request_id for attempt in attempts} == {"req_1"}
    assert [attempt.error for attempt in attempts] == [
        *["InternalServerError: 503 upstream_error: no (request id: req_1)"] * 5,
        None,
    ]
    assert completion.meta.latency >= sum(clock.pauses)


@both
async def test_the_error_tells_of_every_attempt(kind: str, clock: Clock) -> None:
    """Promise 15: after ``max_retries`` the last failure is raised, with every attempt on it."""
    async with serving(in_turn(then=failure(503)), clock, retry=Retry(max_retries=2)) as (server, client):
        with pytest.raises(InternalServerError) as caught:
            await ask(client, kind)
        assert server.requests == 3
    assert [(attempt.status, attempt.pause) for attempt in caught.value.attempts] == [
        (503, 0.5),
        (503, 1.0),
        (503, 0.0),
    ]


@both
@pytest.mark.parametrize(
    "fault",
    [
        *[failure(status) for status in (408, 429, 500, 502, 503, 504, 529)],
        failure(429, "Retry-After: 0"),
        answer(as_json({"error": {"code": "upstream_error"}})),
        stream_of(error={"code": "upstream_error"}),
        b"",
    ],
)
async def test_no_retries_means_one_request(fault: bytes, kind: str, clock: Clock) -> None:
    """``max_retries=0`` is exactly one request at the server, whatever fails."""
    retry = Retry(max_retries=0, unanswered=True)
    async with serving(in_turn(then=fault), clock, retry=retry) as (server, client):
        with pytest.raises(MeshAPIError):
            await ask(client, kind)
        assert server.requests == 1
        assert len(server.connections) == 1
    assert clock.pauses == []


@both
async def test_no_retries_means_one_connection(kind: str, clock: Clock) -> None:
    """``max_retries=0`` is one try at connecting, too."""
    sent: list[Event] = []
    async with FaultServer(in_turn()) as server:
        base_url = server.base_url
    async with MeshAPI(base_url, "rsk_secret", retry=Retry(max_retries=0), on_event=sent.append) as client:
        with pytest.raises(APIConnectionError):
            await ask(client, kind)
    assert [type(one) for one in sent] == [RequestSent, RequestFailed]


@both
async def test_statuses_are_those_that_were_set(kind: str, clock: Clock) -> None:
    """``on_status`` replaces the list."""
    retry = Retry(on_status={418})
    async with serving(in_turn(failure(418), failure(503)), clock, retry=retry) as (server, client):
        with pytest.raises(APIStatusError, match="503"):
            await ask(client, kind)
        assert server.requests == 2


@both
async def test_unanswered_requests_are_sent_again_if_asked(kind: str, clock: Clock) -> None:
    """``unanswered=True``: a connection that broke without an answer is followed by another."""
    async with serving(in_turn(b"", b""), clock, retry=Retry(unanswered=True)) as (server, client):
        assert (await ask(client, kind)).choices[0].message.content == "hello"
        assert server.requests == 3


# How long the gateway asks to wait.

DATES = ("Date: Wed, 21 Oct 2026 07:28:00 GMT", "Retry-After: Wed, 21 Oct 2026 07:28:30 GMT")
ASKED: list[tuple[tuple[str, ...], dict[str, Any], float]] = [
    (("Retry-After: 7",), {}, 7.0),
    (("Retry-After: 2.25",), {}, 2.25),
    (DATES, {}, 30.0),
    (("retry-after-ms: 1500",), {}, 1.5),
    ((), {"retry_after_seconds": 4}, 4.0),
    ((), {"retry_after_seconds": 0.75}, 0.75),
    ((), {"retry_after_seconds": "4"}, 4.0),
    (("Retry-After: 3", "retry-after-ms: 2000"), {"retry_after_seconds": 9}, 9.0),
    ((), {}, 0.0),
]


@pytest.mark.parametrize(("headers", "fields", "floor"), ASKED)
@pytest.mark.parametrize("form", ["status", "success", "event"])
async def test_retry_after_is_a_floor_in_every_form(
    form: str, headers: tuple[str, ...], fields: dict[str, Any], floor: float, clock: Clock
) -> None:
    """Promise 16: of an error status, of an error in a 200, and of an error event; jitter is added to it."""
    error = {"code": "rate_limit_exceeded", "message": "no", **fields}
    data = {
        "status": failure(429, *headers, **fields),
        "success": answer(as_json({"error": error}), 200, "application/json", *headers),
        "event": stream_of(error=error, head="".join(f"{line}\r\n" for line in headers)),
    }[form]
    async with serving(in_turn(data), clock, retry=Retry(backoff=0.125)) as (_, client):
        assert (await ask(client, "stream")).choices[0].message.content == "hello"
    assert clock.pauses == [floor + 0.125]


@pytest.mark.parametrize("form", ["status", "event"])
async def test_over_its_cap_it_is_raised_at_once(form: str, clock: Clock) -> None:
    """Promise 16: with the seconds, for whoever can wait so long; the cap can be set."""
    error = {"code": "rate_limit_exceeded", "retry_after_seconds": 61}
    data = failure(429, retry_after_seconds=61) if form == "status" else stream_of(error=error)
    async with serving(in_turn(data, data), clock) as (server, client):
        with pytest.raises(MeshAPIError) as caught:
            await ask(client, "stream")
        assert getattr(caught.value, "retry_after", None) == 61.0
        assert (server.requests, clock.pauses) == (1, [])
        patient = client.with_options(retry=Retry(retry_after_cap=61, backoff=0))
        assert (await ask(patient, "stream")).choices[0].message.content == "hello"
        assert clock.pauses == [61.0]


# One limit over all.


@both
async def test_total_bounds_all_attempts_and_pauses(kind: str, clock: Clock) -> None:
    """Promise 13: a retry that could not begin within what is left is not made, and the failure is raised."""
    options = {"retry": Retry(max_retries=9, backoff=3.0), "timeout": Timeout(total=10)}
    async with serving(in_turn(then=failure(503)), clock, **options) as (server, client):
        with pytest.raises(InternalServerError):
            await ask(client, kind)
        assert (server.requests, clock.pauses) == (3, [3.0, 6.0])


@both
async def test_total_ends_the_attempt_that_is_under_way(kind: str, clock: Clock) -> None:
    """Promise 13: what is left after pauses is all that the last attempt gets."""

    async def fail_and_stall(connection: Connection) -> None:
        await connection.request()
        await connection.send(failure(503))
        await connection.request()
        clock.passed += 5
        await connection.stall()

    options = {"retry": Retry(backoff=4.0), "timeout": Timeout(total=9)}
    async with serving(fail_and_stall, clock, **options) as (server, client):
        with pytest.raises(APITimeoutError) as caught:
            await ask(client, kind)
        assert (caught.value.phase, clock.pauses, server.requests) == ("deadline", [4.0], 2)
        assert len(caught.value.attempts) == 2


@both
async def test_total_bounds_models_too(kind: str, clock: Clock) -> None:
    """Promise 13: a fallback begins no new time."""
    options = {"retry": Retry(max_retries=9, backoff=3.0), "timeout": Timeout(total=10)}
    async with serving(in_turn(then=failure(503)), clock, **options) as (server, client):
        chained = client.with_options(fallback=Fallback(models=["b"]))
        with pytest.raises(InternalServerError):
            await ask(chained, kind)
        # The second model is asked in the second that is left, and none of its pauses fits in there.
        assert (server.requests, clock.pauses) == (4, [3.0, 6.0])


async def test_a_pause_can_be_cancelled(clock: Clock) -> None:
    """Promise 9: cancelled in a pause, nothing more is sent, and the call is told of as cancelled."""
    told: list[Event] = []
    pausing = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        pausing.set()
        await asyncio.get_running_loop().create_future()

    async with serving(in_turn(then=failure(503)), clock, on_event=told.append) as (server, client):
        client._shared.courier.sleep = sleep
        task = asyncio.ensure_future(ask(client, "whole"))
        await pausing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert server.requests == 1
    assert [type(one) for one in told] == [RequestSent, RetryScheduled, RequestFailed]
    failed = told[-1]
    assert isinstance(failed, RequestFailed)
    assert (failed.error, failed.attempts, failed.request_id) == ("CancelledError", 1, "req_1")


@both
async def test_a_cancelled_attempt_is_told_of(kind: str, clock: Clock) -> None:
    """A call that is cancelled before its answer is told of, for those who count what is under way."""
    told: list[Event] = []

    async def silent(connection: Connection) -> None:
        await connection.request()
        await connection.stall()

    async with serving(silent, clock, on_event=told.append) as (server, client):
        task = asyncio.ensure_future(ask(client, kind))
        await server.until(lambda: server.requests == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    failed = told[-1]
    assert isinstance(failed, RequestFailed)
    assert (len(told), failed.error, failed.attempts, failed.request_id) == (2, "CancelledError", 1, None)


# Other models.


@both
@pytest.mark.parametrize("broken", [b"", answer(as_json(COMPLETION))[:-5], STREAM_HEAD])
async def test_a_connection_that_broke_leads_on(kind: str, broken: bytes, clock: Clock) -> None:
    """The same model is not asked again, since it may have worked and billed; the next one is."""

    async def script(connection: Connection) -> None:
        if b'"model":"a"' in await connection.request():
            await connection.send(broken)
            connection.close()
        else:
            data = stream_of("hello") if kind == "stream" else answer(as_json(COMPLETION))
            await connection.send(data)
            await connection.stall()

    async with serving(script, clock) as (server, client):
        chained = client.with_options(fallback=Fallback(models=["b"]))
        completions = chained.chat.completions
        if kind == "stream":
            completion = await completions.stream(model="a", messages=MESSAGES).get_final_completion()
        else:
            completion = await completions.create(model="a", messages=MESSAGES)
        assert completion.choices[0].message.content == "hello"
        assert server.requests == 2
    assert completion.meta.model == "m"
    assert [attempt.model for attempt in completion.meta.attempts] == ["a", "b"]


async def test_without_a_fallback_it_is_raised(clock: Clock) -> None:
    """Promise 15: a stream that broke before its first event is not sent again."""
    async with serving(in_turn(STREAM_HEAD, b""), clock) as (server, client):
        task = asyncio.ensure_future(ask(client, "stream"))
        await server.until(lambda: server.requests == 1)
        server.connections[0].reset()
        with pytest.raises(StreamTruncatedError):
            await task
        assert server.requests == 1


async def test_a_stream_whose_models_all_fail_is_asked_for_as_a_whole(clock: Clock) -> None:
    """The last resort comes after the chain, and asks the model that was wanted first; all is told."""
    told: list[Event] = []

    async def script(connection: Connection) -> None:
        while True:
            streams = b'"stream":true' in await connection.request()
            await connection.send(failure(503) if streams else answer(as_json(COMPLETION)))

    options = {"retry": Retry(max_retries=0), "on_event": told.append}
    async with serving(script, clock, **options) as (_, client):
        careful = client.with_options(fallback=Fallback(models=["b", "c"], unary=True))
        stream = await careful.chat.completions.stream(model="a", messages=MESSAGES)
        assert [chunk.text async for chunk in stream] == ["hello"]
    assert stream.meta is not None
    assert (stream.meta.unary, stream.meta.model) == (True, "m")
    assert [attempt.model for attempt in stream.meta.attempts] == ["a", "b", "c", "a"]
    taken = [(one.model, one.to_model, one.unary) for one in told if isinstance(one, FallbackTaken)]
    assert taken == [("a", "b", False), ("b", "c", False), ("c", "a", True)]


@pytest.mark.parametrize(
    "answered", [STREAM_HEAD + piece(event("a")) + LAST_CHUNK, failure(401), failure(429)]
)
async def test_the_last_resort_is_the_last(answered: bytes, clock: Clock) -> None:
    """What began to stream, and what no repetition changes, is not asked for as a whole."""
    async with serving(in_turn(then=answered), clock, retry=Retry(max_retries=0)) as (server, client):
        careful = client.with_options(fallback=Fallback(unary=True))
        with pytest.raises(MeshAPIError):
            await ask(careful, "stream")
        assert server.requests == 1
