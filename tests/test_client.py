"""The client over real sockets: what it is made of, what it tries again, and how it is closed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, get_type_hints

import pytest

from meshapi_aio import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ClientClosedError,
    CreateChatCompletion,
    DecodeError,
    Event,
    InternalServerError,
    Limits,
    MeshAPI,
    MeshAPIError,
    RateLimitError,
    Retry,
    StreamAPIError,
    StreamChatCompletion,
    StreamClosedError,
    Timeout,
)

from .faults.server import Connection, FaultServer, Script
from .faults.wire import COMPLETION, DONE, LAST_CHUNK, STREAM_HEAD, WHOLE_STREAM, event, piece, reply


MESSAGES = [{"role": "user", "content": "Hi"}]
QUICK = Retry(backoff=0)


@asynccontextmanager
async def serving(script: Script, **options: Any) -> AsyncGenerator[tuple[FaultServer, MeshAPI]]:
    """Run a server with a script, and a client of it."""
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_secret", **options) as client:
        yield server, client


def answering(*answers: bytes) -> Script:
    """Return a script that gives these answers to one request after the other, on whatever connection."""
    waiting = list(answers)

    async def script(connection: Connection) -> None:
        while waiting:
            await connection.request()
            await connection.send(waiting.pop(0))
        await connection.stall()

    return script


def failure(status: int, code: str = "upstream_error", *headers: str, **more: Any) -> bytes:
    """Return an error answer of the gateway."""
    body = {"error": {"code": code, "message": "no", **more}, "request_id": f"req_{status}"}
    return reply(body, status, *headers)


def frame(code: str, **more: Any) -> bytes:
    """Return a stream whose first event is an error."""
    return STREAM_HEAD + piece(event(None, error={"code": code, "message": "no", **more})) + LAST_CHUNK


# What it is made of.


def test_making_a_client_does_nothing() -> None:
    """A3: no event loop, no I/O, and the repr shows where and never who."""
    client = MeshAPI("https://example.com/v1/", "rsk_secret")
    assert client.base_url == "https://example.com"
    assert repr(client) == "<MeshAPI https://example.com>"
    assert not client.closed
    assert client.stats().open == client.stats().in_flight == client.stats().queued == 0


def test_what_a_client_is_made_with_can_be_looked_up() -> None:
    """Its annotations resolve at run time, for containers that fill arguments in by them."""
    assert get_type_hints(MeshAPI.__init__)["on_event"] == Callable[[Event], None] | None
    assert get_type_hints(MeshAPI.__init__).keys() >= {"base_url", "token", "retry"}


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both settings come from the environment where they are not given."""
    monkeypatch.setenv("MESHAPI_BASE_URL", "https://example.com/mesh")
    monkeypatch.setenv("MESHAPI_API_KEY", "rsk_environment")
    assert MeshAPI().base_url == "https://example.com/mesh"
    assert MeshAPI("https://example.org").base_url == "https://example.org"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"max_connections": 0}, "max_connections"),
        ({"max_connections": True}, "max_connections"),
        ({"max_connections": "10"}, "max_connections"),
        ({"timeout": 5}, "timeout"),
        ({"retry": 3}, "retry"),
        ({"limits": 3}, "limits"),
        ({"api_version": ""}, "api_version"),
        ({"headers": {"Authorization": "x"}}, "token="),
        ({"on_malformed": "ignore"}, "on_malformed"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, Any], names: str) -> None:
    """A mistake in the settings is told where the client is made, by name."""
    with pytest.raises((TypeError, ValueError), match=names):
        MeshAPI("https://example.com", "rsk_secret", **options)


def test_options_that_with_options_does_not_take() -> None:
    """What can't differ between clients that share connections is refused by name."""
    client = MeshAPI("https://example.com", "rsk_secret")
    wrong: Any = {"token": "rsk_other"}
    with pytest.raises(TypeError, match=r"with_options\(\) takes timeout.*not token"):
        client.with_options(**wrong)


async def test_options_differ_and_connections_are_shared() -> None:
    """``with_options`` changes what it is told and nothing else; closing it closes nothing."""
    async with serving(answering(*[reply(COMPLETION)] * 3), headers={"X-One": "1"}) as (server, client):
        other = client.with_options(
            request_id="req:mine", cache=False, api_version=None, headers={"X-Two": "2"}
        )
        await client.chat.completions.create(messages=MESSAGES)
        async with other:
            await other.chat.completions.create(messages=MESSAGES)
        await client.chat.completions.create(messages=MESSAGES)
        first, second, third = server.connections[0].requests
    assert b"X-One: 1" in second
    assert b"X-Two: 2" in second
    assert b"X-Request-Id: req:mine" in second
    assert b"X-Mesh-Cache: no-store" in second
    assert b"X-Mesh-Version" not in second
    assert b"X-Mesh-Version: 2026-08" in first
    assert first == third


async def test_calls_are_values() -> None:
    """A call can be made apart from its sending, and sent again."""
    async with serving(answering(reply(COMPLETION), reply(COMPLETION), WHOLE_STREAM)) as (server, client):
        call = CreateChatCompletion(model="m", messages=MESSAGES)
        assert await client.send(call) == await client.send(call)
        streamed = client.stream(StreamChatCompletion(model="m", messages=MESSAGES))
        assert [chunk.text async for chunk in streamed] == ["a"]
        assert server.connections[0].requests[0] == server.connections[0].requests[1]


async def test_calls_of_the_other_kind_are_told_apart() -> None:
    """send() and stream() name each other when they get the other's call."""
    client = MeshAPI("http://127.0.0.1:1", "rsk_secret")
    wrong: Any = StreamChatCompletion(messages=MESSAGES)
    with pytest.raises(TypeError, match=r"stream\(\)"):
        await client.send(wrong)
    wrong = CreateChatCompletion(messages=MESSAGES)
    with pytest.raises(TypeError, match=r"send\(\)"):
        client.stream(wrong)


# What a reply tells of itself.


async def test_a_reply_tells_how_it_came_about() -> None:
    """Every reply carries its request id, headers, attempts and times."""
    headers = (
        "X-Request-Id: req_1",
        "X-Cache: HIT",
        "X-Mesh-Version: 2026-08",
        "X-Mesh-Routing-Attempts: 2",
        "X-Mesh-Routing-Fallback: true",
        "X-Mesh-Routing-Model: other/model",
        "X-Auto-Routed: true",
        "X-RateLimit-Remaining-Requests: 9",
        "Set-Cookie: a=b",
    )
    async with serving(answering(failure(503), reply(COMPLETION, 200, *headers)), retry=QUICK) as (_, client):
        completion = await client.chat.completions.create(messages=MESSAGES)
    meta = completion.meta
    assert completion.request_id == meta.request_id == "req_1"
    assert (meta.status, meta.cache_hit, meta.api_version, meta.auto_routed) == (200, True, "2026-08", True)
    assert meta.routing is not None
    assert (meta.routing.attempts, meta.routing.fallback, meta.routing.model) == (2, True, "other/model")
    assert meta.model == "other/model"
    assert meta.rate_limits == {"remaining-requests": "9"}
    assert "set-cookie" not in meta.headers
    assert [attempt.status for attempt in meta.attempts] == [503, 200]
    assert [attempt.request_id for attempt in meta.attempts] == [None, "req_1"]
    assert meta.attempts[0].error is not None
    assert meta.attempts[0].error.startswith("InternalServerError: 503 upstream_error: no")
    assert meta.attempts[1].error is None
    assert meta.latency >= meta.attempts[1].latency > 0
    assert meta.time_to_first_event is None


async def test_a_stream_tells_how_it_came_about() -> None:
    """A stream knows its request id, model and time to the first event once it is open."""
    async with (
        serving(answering(WHOLE_STREAM)) as (_, client),
        client.chat.completions.stream(messages=MESSAGES) as stream,
    ):
        assert stream.request_id == "req_1"
        assert stream.meta is not None
        assert stream.meta.model == "m"
        assert stream.meta.time_to_first_event is not None
        assert 0 < stream.meta.time_to_first_event <= stream.meta.latency
        completion = await stream.get_final_completion()
    assert completion.request_id == "req_1"


async def test_an_error_tells_its_call_and_attempts() -> None:
    """Every error carries the call and each try; the token is in none of it."""
    async with serving(
        answering(*[failure(429, "rate_limit_exceeded")] * 3), retry=Retry(max_retries=2, backoff=0)
    ) as (
        server,
        client,
    ):
        with pytest.raises(RateLimitError) as caught:
            await client.chat.completions.create(messages=MESSAGES)
    error = caught.value
    assert error.call == CreateChatCompletion(messages=MESSAGES)
    assert [attempt.status for attempt in error.attempts] == [429, 429, 429]
    assert error.request_id == "req_429"
    assert "rsk_secret" not in repr(error.__dict__)
    assert server.requests == 3


# What is tried again.


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
async def test_passing_failures_are_tried_again(status: int, streaming: bool) -> None:
    """Promise 15: these statuses are retried, for streams as well."""
    last = WHOLE_STREAM if streaming else reply(COMPLETION)
    async with serving(answering(failure(status), failure(status), last), retry=QUICK) as (server, client):
        if streaming:
            stream = client.chat.completions.stream(messages=MESSAGES)
            assert [chunk.text async for chunk in stream] == ["a"]
            assert stream.meta is not None
            assert len(stream.meta.attempts) == 3
        else:
            assert len((await client.chat.completions.create(messages=MESSAGES)).meta.attempts) == 3
        assert server.requests == 3
        assert client.stats().in_flight == 0


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 422, 501])
async def test_final_failures_are_not(status: int) -> None:
    """Promise 15: other answers are raised at once."""
    async with serving(answering(failure(status, "x")), retry=QUICK) as (server, client):
        with pytest.raises(APIStatusError) as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert caught.value.status == status
        assert server.requests == 1


async def test_a_failed_job_is_final() -> None:
    """The gateway marks ``provider_job_failed`` as not retryable, although its status is 500."""
    async with serving(answering(failure(500, "provider_job_failed")), retry=QUICK) as (server, client):
        with pytest.raises(InternalServerError):
            await client.chat.completions.create(messages=MESSAGES)
        assert server.requests == 1


async def test_no_retries_means_one_request() -> None:
    """``max_retries=0`` means exactly one request."""
    async with serving(answering(failure(503)), retry=Retry(max_retries=0)) as (server, client):
        with pytest.raises(InternalServerError):
            await client.chat.completions.create(messages=MESSAGES)
        assert server.requests == 1


async def test_an_error_event_before_anything_else_is_tried_again() -> None:
    """Promise 15: a refusal in the stream's first event is like an error status."""
    async with serving(answering(frame("upstream_error"), WHOLE_STREAM), retry=QUICK) as (server, client):
        assert [chunk.text async for chunk in client.chat.completions.stream(messages=MESSAGES)] == ["a"]
        assert sum(len(connection.requests) for connection in server.connections) == 2


async def test_an_error_event_of_another_kind_is_not() -> None:
    """Promise 15: what stands for a final status is raised where the stream is opened."""
    async with serving(answering(frame("model_not_found")), retry=QUICK) as (server, client):
        with pytest.raises(StreamAPIError) as caught:
            await client.chat.completions.stream(messages=MESSAGES)
        assert (caught.value.status, caught.value.code) == (404, "model_not_found")
        assert server.requests == 1


async def test_nothing_is_tried_again_after_the_first_event() -> None:
    """Promise 15: once something was handed out, an error event is raised, with what had come."""
    answer = (
        STREAM_HEAD + piece(event("a")) + piece(event(None, error={"code": "upstream_error"})) + LAST_CHUNK
    )
    async with serving(answering(answer), retry=QUICK) as (server, client):
        stream = client.chat.completions.stream(messages=MESSAGES)
        assert (await anext(stream)).text == "a"
        with pytest.raises(StreamAPIError) as caught:
            await anext(stream)
        assert caught.value.partial.choices[0].message.content == "a"
        assert server.requests == 1


async def test_retry_after_over_the_cap_is_raised_at_once() -> None:
    """Promise 16: a wait that is too long is the user's to decide, who is told how long."""
    async with serving(answering(failure(429, "rate_limit_exceeded", "Retry-After: 61"))) as (server, client):
        with pytest.raises(RateLimitError) as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert caught.value.retry_after == 61
        assert server.requests == 1


async def test_retry_after_is_a_floor() -> None:
    """Promise 16: the pause is at least what was asked for, and is told in the attempts."""
    answers = (failure(429, "rate_limit_exceeded", "Retry-After: 0.01"), reply(COMPLETION))
    async with serving(answering(*answers), retry=QUICK) as (_, client):
        completion = await client.chat.completions.create(messages=MESSAGES)
        assert completion.meta.attempts[0].pause >= 0.01


async def test_a_retry_that_cannot_end_in_time_is_not_made() -> None:
    """Promise 13: ``total`` bounds the pauses too, and the answer that came is what is raised."""
    answers = (failure(429, "rate_limit_exceeded", "Retry-After: 5"),)
    async with serving(answering(*answers), timeout=Timeout(total=4)) as (server, client):
        with pytest.raises(RateLimitError):
            await client.chat.completions.create(messages=MESSAGES)
        assert server.requests == 1


async def test_no_slot_is_held_in_a_pause() -> None:
    """Promise 10: while a call waits to be tried again, another one can use its connection."""
    answers = (failure(429, "rate_limit_exceeded", "Retry-After: 30"), reply(COMPLETION))
    async with serving(answering(*answers), max_connections=1) as (server, client):
        task = asyncio.create_task(client.chat.completions.create(messages=MESSAGES))
        await server.until(lambda: server.requests == 1)
        await client.chat.completions.create(messages=MESSAGES)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_shape_that_does_not_fit() -> None:
    """A reply of another shape is a DecodeError that names the path and keeps the body."""
    async with serving(answering(reply({"choices": [{}]}))) as (_, client):
        with pytest.raises(
            DecodeError, match=r"required field missing @ \$\.choices\[0\]\.message"
        ) as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert caught.value.body == {"choices": [{}]}


async def test_events_have_a_limit() -> None:
    """Promise 19: an event over its limit is refused after what came before it."""
    answer = STREAM_HEAD + piece(event("a")) + piece(event("b" * 2000)) + LAST_CHUNK
    async with serving(answering(answer), limits=Limits(event_bytes=1000)) as (_, client):
        stream = client.chat.completions.stream(messages=MESSAGES)
        assert (await anext(stream)).text == "a"
        with pytest.raises(MeshAPIError, match="event_bytes"):
            await anext(stream)


async def test_events_that_come_alone_have_a_limit() -> None:
    """Promise 19: one that is like those before it, but for its size, as well."""
    taken = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD)
        for text in [*"abcdefghij", "k" * 2000]:
            await connection.send(piece(event(text)))
            await taken.wait()
            taken.clear()
        await connection.stall()

    async with serving(script, limits=Limits(event_bytes=1000)) as (_, client):
        seen: list[str] = []
        with pytest.raises(MeshAPIError, match="event_bytes"):
            async for chunk in client.chat.completions.stream(messages=MESSAGES):
                seen.append(chunk.text)
                taken.set()
        assert seen == list("abcdefghij")


# How it is closed.


async def _mixed(connection: Connection) -> None:
    while True:
        if b'"stream":true' in await connection.request():
            await connection.send(STREAM_HEAD + piece(event("a")))
        elif len(connection.requests) > 1:
            await connection.send(reply(COMPLETION))


async def test_close_ends_everything() -> None:
    """Running calls raise ClientClosedError, streams StreamClosedError, and so do later ones."""
    async with serving(_mixed) as (server, client):
        create = client.chat.completions.create
        waiting = asyncio.create_task(create(messages=MESSAGES))
        await server.until(lambda: server.requests == 1)
        opening = client.chat.completions.stream(messages=MESSAGES, model="m")
        assert (await anext(opening)).text == "a"
        reading = asyncio.ensure_future(anext(opening))
        await asyncio.sleep(0)
        await client.close()
        results = await asyncio.gather(waiting, reading, return_exceptions=True)
        assert [type(result) for result in results] == [ClientClosedError, StreamClosedError]
        await server.until(lambda: server.open == 0)
        await client.close()
        assert client.closed
        assert repr(client).endswith("closed>")
        for later in (
            create(messages=MESSAGES),
            client.with_options(cache=False).chat.completions.create(messages=MESSAGES),
        ):
            with pytest.raises(ClientClosedError):
                await later
        with pytest.raises(ClientClosedError):
            await client.chat.completions.stream(messages=MESSAGES)


async def test_close_while_opening_a_stream() -> None:
    """A stream that is being opened raises StreamClosedError."""

    async def silent(connection: Connection) -> None:
        await connection.request()
        await connection.stall()

    async with serving(silent) as (server, client):
        opening = asyncio.ensure_future(anext(client.chat.completions.stream(messages=MESSAGES)))
        await server.until(lambda: server.requests == 1)
        await client.close()
        with pytest.raises(StreamClosedError):
            await opening


async def test_close_ends_a_pause() -> None:
    """A call that waits to be tried again ends too, and tells itself and what was tried."""
    answer = failure(429, "rate_limit_exceeded", "Retry-After: 30")
    async with serving(answering(answer)) as (server, client):
        task = asyncio.create_task(client.chat.completions.create(messages=MESSAGES))
        await server.until(lambda: server.requests == 1)
        async with asyncio.timeout(10):
            while client.stats().in_flight:
                await asyncio.sleep(0)
        await client.close()
        with pytest.raises(ClientClosedError) as caught:
            await task
        assert caught.value.call == CreateChatCompletion(messages=MESSAGES)
        assert [attempt.status for attempt in caught.value.attempts] == [429]
        with pytest.raises(ClientClosedError) as caught:
            await client.chat.completions.create(messages=MESSAGES)
        assert caught.value.call == CreateChatCompletion(messages=MESSAGES)


async def test_grace_lets_calls_end() -> None:
    """With ``grace``, what is under way may end, and nothing new begins."""
    go_on = asyncio.Event()

    async def patient(connection: Connection) -> None:
        request = await connection.request()
        if b'"stream":true' in request:
            await connection.send(STREAM_HEAD + piece(event("a")))
            await go_on.wait()
            await connection.send(piece(event("b", finish="stop")) + piece(DONE) + LAST_CHUNK)
        else:
            await go_on.wait()
            await connection.send(reply(COMPLETION))
        await connection.stall()

    async with serving(patient) as (server, client):
        unary = asyncio.create_task(client.chat.completions.create(messages=MESSAGES))
        stream = client.chat.completions.stream(messages=MESSAGES)
        assert (await anext(stream)).text == "a"
        await server.until(lambda: server.requests == 2)
        closing = asyncio.create_task(client.close(grace=30))
        await asyncio.sleep(0)
        with pytest.raises(ClientClosedError):
            await client.chat.completions.create(messages=MESSAGES)
        go_on.set()
        assert (await unary).choices[0].message.content == "hello"
        assert [chunk.text async for chunk in stream] == ["b"]
        await closing
        await server.until(lambda: server.open == 0)


async def test_grace_runs_out() -> None:
    """After ``grace`` seconds what is still under way is ended."""

    async def silent(connection: Connection) -> None:
        await connection.request()
        await connection.stall()

    async with serving(silent) as (server, client):
        task = asyncio.create_task(client.chat.completions.create(messages=MESSAGES))
        await server.until(lambda: server.requests == 1)
        await client.close(grace=0.01)
        with pytest.raises(ClientClosedError):
            await task


async def test_two_streams_at_once_do_not_mix() -> None:
    """C15: two streams of one client keep their chunks apart."""

    async def letters(connection: Connection) -> None:
        letter = (await connection.request())[-3:-2].decode()
        await connection.send(STREAM_HEAD)
        for number in range(20):
            await connection.send(piece(event(f"{letter}{number} ")))
            await asyncio.sleep(0)
        await connection.send(piece(event(None, finish="stop")) + piece(DONE) + LAST_CHUNK)
        await connection.stall()

    async with serving(letters) as (_, client):

        async def read(letter: str) -> str:
            stream = client.chat.completions.stream(messages=MESSAGES, extra_body={"zz": letter})
            return "".join([text async for text in stream.text_stream])

        first, second = await asyncio.gather(read("a"), read("b"))
    assert first == "".join(f"a{number} " for number in range(20))
    assert second == "".join(f"b{number} " for number in range(20))


async def test_an_unanswered_stream_is_not_sent_again() -> None:
    """Promise 15: a timeout after sending is raised, since the work may have been done and billed."""

    async def silent(connection: Connection) -> None:
        await connection.request()
        await connection.stall()

    async with serving(silent, timeout=Timeout(first_event=0.02), retry=QUICK) as (server, client):
        with pytest.raises(APITimeoutError):
            await client.chat.completions.stream(messages=MESSAGES)
        assert server.requests == 1
        eager = client.with_options(retry=Retry(max_retries=1, backoff=0, unanswered=True))
        with pytest.raises(APIConnectionError) as caught:
            await eager.chat.completions.stream(messages=MESSAGES)
        assert len(caught.value.attempts) == 2
        assert server.requests == 3
