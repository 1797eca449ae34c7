"""Sending over real sockets: models in place of models, the last resort of streams, and what is told."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from meshapi_aio import (
    APIConnectionError,
    APITimeoutError,
    Event,
    Fallback,
    FallbackTaken,
    GatewayRouted,
    InternalServerError,
    MeshAPI,
    RateLimitError,
    ReplyReceived,
    RequestFailed,
    RequestSent,
    Retry,
    RetryScheduled,
    StreamAPIError,
    StreamClosedError,
    StreamEnded,
    StreamOpened,
    Timeout,
)

from .faults.server import Connection, FaultServer, Script
from .faults.wire import COMPLETION, DONE, LAST_CHUNK, STREAM_HEAD, event, piece, reply


MESSAGES = [{"role": "user", "content": "a secret prompt"}]
ONCE = Retry(max_retries=0)


@asynccontextmanager
async def serving(script: Script, **options: Any) -> AsyncGenerator[tuple[FaultServer, MeshAPI]]:
    """Run a server with a script, and a client of it."""
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_secret", **options) as client:
        yield server, client


def by_model(**answers: bytes) -> Script:
    """Return a script that answers by the model asked for; a stream only where the answer is one."""

    async def script(connection: Connection) -> None:
        while True:
            request = await connection.request()
            model = request.split(b'"model":"')[1].split(b'"')[0].decode()
            kind = "_stream" if b'"stream":true' in request and f"{model}_stream" in answers else ""
            await connection.send(answers[model + kind])

    return script


def failure(status: int, code: str = "upstream_error") -> bytes:
    """Return an error answer of the gateway."""
    return reply({"error": {"code": code, "message": "a secret prompt is not liked"}}, status)


def stream_of(text: str) -> bytes:
    """Return a whole stream."""
    return STREAM_HEAD + piece(event(text, finish="stop")) + piece(DONE) + LAST_CHUNK


def frame(code: str) -> bytes:
    """Return a stream whose first event is an error."""
    return STREAM_HEAD + piece(event(None, error={"code": code, "message": "no"})) + LAST_CHUNK


def models(server: FaultServer) -> list[str]:
    """Return the models that were asked, in order."""
    requests = [request for connection in server.connections for request in connection.requests]
    return [request.split(b'"model":"')[1].split(b'"')[0].decode() for request in requests]


# Models in place of models.


async def test_the_chain_is_asked_in_order() -> None:
    """Each model that fails for good leads on to the next; the one that was asked for is not asked twice."""
    script = by_model(a=failure(503), b=failure(502), c=reply({**COMPLETION, "model": "c"}))
    async with serving(script, retry=ONCE) as (server, client):
        chained = client.with_options(fallback=Fallback(models=["a", "b", "c", "d"]))
        completion = await chained.chat.completions.create(model="a", messages=MESSAGES)
        assert models(server) == ["a", "b", "c"]
    assert completion.meta.model == "c"
    assert [(attempt.model, attempt.status) for attempt in completion.meta.attempts] == [
        ("a", 503),
        ("b", 502),
        ("c", 200),
    ]


async def test_each_model_has_its_own_retries() -> None:
    """A model is left only when its retries are used up."""
    script = by_model(a=failure(503), b=reply(COMPLETION))
    async with serving(script, retry=Retry(max_retries=2, backoff=0)) as (server, client):
        chained = client.with_options(fallback=Fallback(models=["b"]))
        await chained.chat.completions.create(model="a", messages=MESSAGES)
        assert models(server) == ["a", "a", "a", "b"]


async def test_the_last_error_is_raised() -> None:
    """When all fail, the last one's error is raised, with every attempt and the call as it was made."""
    async with serving(by_model(a=failure(503), b=failure(504)), retry=ONCE) as (_, client):
        chained = client.with_options(fallback=Fallback(models=["b"]))
        with pytest.raises(InternalServerError) as caught:
            await chained.chat.completions.create(model="a", messages=MESSAGES)
    assert caught.value.status == 504
    assert [attempt.model for attempt in caught.value.attempts] == ["a", "b"]
    assert caught.value.call is not None
    assert getattr(caught.value.call, "model", None) == "a"


async def test_only_calls_that_another_model_may_answer_fall_back() -> None:
    """Vectors of another model could not be compared; a call without a model has none to replace."""
    async with serving(by_model(a=failure(503), c=failure(503)), retry=ONCE) as (server, client):
        chained = client.with_options(fallback=Fallback(models=["b"]))
        with pytest.raises(InternalServerError):
            await chained.embeddings.create(input="x", model="a")
        with pytest.raises(InternalServerError):
            await chained.router.select(messages=MESSAGES, extra_body={"model": "c"})
        assert models(server) == ["a", "c"]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500])
async def test_what_does_not_lead_on(status: int) -> None:
    """Terminal statuses, 429 and 500 do not lead on by default; ``on_status`` decides."""
    async with serving(by_model(a=failure(status), b=reply(COMPLETION)), retry=ONCE) as (server, client):
        chained = client.with_options(fallback=Fallback(models=["b"]))
        with pytest.raises(Exception, match=str(status)):
            await chained.chat.completions.create(model="a", messages=MESSAGES)
        assert models(server) == ["a"]
        asked = client.with_options(fallback=Fallback(models=["b"], on_status={status}))
        await asked.chat.completions.create(model="a", messages=MESSAGES)
        assert models(server) == ["a", "a", "b"]


async def test_a_timeout_does_not_lead_on() -> None:
    """A timeout may have been billed, and another model would take its time as well."""

    async def silent(connection: Connection) -> None:
        await connection.request()
        await connection.stall()

    async with serving(silent, retry=ONCE, timeout=Timeout(first_event=0.02)) as (server, client):
        chained = client.with_options(fallback=Fallback(models=["b"]))
        with pytest.raises(APITimeoutError):
            await chained.chat.completions.create(model="a", messages=MESSAGES)
        assert models(server) == ["a"]


async def test_a_failed_connect_leads_on() -> None:
    """Where no connection was made nothing can have been billed."""
    told: list[Event] = []
    async with FaultServer(by_model()) as server:
        base_url = server.base_url
    async with MeshAPI(base_url, "rsk_secret", retry=ONCE, on_event=told.append) as client:
        chained = client.with_options(fallback=Fallback(models=["b"]))
        with pytest.raises(APIConnectionError):
            await chained.chat.completions.create(model="a", messages=MESSAGES)
    assert [taken.to_model for taken in told if isinstance(taken, FallbackTaken)] == ["b"]


async def test_streams_fall_back_before_their_first_event() -> None:
    """An error status and an error event before anything else lead on; later ones do not."""
    later = (
        STREAM_HEAD + piece(event("x")) + piece(event(None, error={"code": "upstream_error"})) + LAST_CHUNK
    )
    script = by_model(
        a=failure(503), b_stream=frame("upstream_error"), c_stream=stream_of("c"), d_stream=later
    )
    async with serving(script, retry=ONCE) as (server, client):
        chained = client.with_options(fallback=Fallback(models=["b", "c"]))
        stream = chained.chat.completions.stream(model="a", messages=MESSAGES)
        assert [chunk.text async for chunk in stream] == ["c"]
        assert models(server) == ["a", "b", "c"]
        stream = chained.chat.completions.stream(model="d", messages=MESSAGES)
        with pytest.raises(StreamAPIError):
            assert [chunk.text async for chunk in stream]
        assert models(server)[3:] == ["d"]


async def test_one_total_over_the_chain() -> None:
    """Promise 13: ``total`` bounds all models together."""

    async def slow(connection: Connection) -> None:
        await connection.request()
        await connection.send(failure(503))
        await connection.request()
        await connection.stall()

    async with serving(slow, retry=ONCE, timeout=Timeout(total=0.1)) as (server, client):
        chained = client.with_options(fallback=Fallback(models=["b", "c"]))
        with pytest.raises(APITimeoutError) as caught:
            await chained.chat.completions.create(model="a", messages=MESSAGES)
        assert caught.value.phase == "deadline"
        assert models(server) == ["a", "b"]


# The last resort of streams.


async def test_a_stream_that_cannot_be_opened_is_asked_for_as_a_whole() -> None:
    """With ``unary=True`` the same call without streaming answers, as one chunk, and is marked."""
    call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}', "odd": 1}}
    message = {"role": "assistant", "content": "hello", "tool_calls": [call], "reasoning": "because"}
    answer = {**COMPLETION, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    async with serving(by_model(a_stream=failure(503), a=reply(answer)), retry=ONCE) as (server, client):
        careful = client.with_options(fallback=Fallback(unary=True))
        async with careful.chat.completions.stream(model="a", messages=MESSAGES) as stream:
            chunks = [chunk async for chunk in stream]
            completion = await stream.get_final_completion()
        assert len(chunks) == 1
        assert chunks[0].text == "hello"
        assert chunks[0].choices[0].delta.reasoning == "because"
        assert stream.meta is not None
        assert stream.meta.unary
        assert len(stream.meta.attempts) == 2
        assert completion.choices[0].message.to_dict() == message
        assert completion.usage is not None
        assert b'"stream":false' in server.connections[0].requests[1]
        assert client.stats().in_flight == 0


async def test_the_last_resort_has_its_own_failure() -> None:
    """When the call without streaming fails too, its error is raised."""
    async with serving(by_model(a_stream=failure(503), a=failure(401)), retry=ONCE) as (_, client):
        careful = client.with_options(fallback=Fallback(unary=True))
        with pytest.raises(Exception, match="401"):
            await careful.chat.completions.stream(model="a", messages=MESSAGES)


async def test_the_last_resort_is_asked_for() -> None:
    """Without ``unary``, or for a failure that does not lead on, a stream stays a stream."""
    async with serving(by_model(a_stream=failure(503), b_stream=failure(429)), retry=ONCE) as (
        server,
        client,
    ):
        for model, fallback in (("a", Fallback()), ("b", Fallback(unary=True))):
            with pytest.raises((InternalServerError, RateLimitError)):
                await client.with_options(fallback=fallback).chat.completions.stream(
                    model=model, messages=MESSAGES
                )
        assert models(server) == ["a", "b"]


# What is told.


async def test_what_is_told_of_a_call() -> None:
    """Sent, retried, fallen back, routed, received: in order, with one number for the call."""
    told: list[Event] = []
    routed = reply(COMPLETION, 200, "X-Mesh-Routing-Attempts: 2", "X-Request-Id: req_2")
    script = by_model(a=failure(503), b=routed)
    async with serving(script, retry=Retry(max_retries=1, backoff=0), on_event=told.append) as (_, client):
        chained = client.with_options(fallback=Fallback(models=["b"]))
        await chained.chat.completions.create(model="a", messages=MESSAGES)
    assert [type(one) for one in told] == [
        RequestSent,
        RetryScheduled,
        RequestSent,
        FallbackTaken,
        RequestSent,
        GatewayRouted,
        ReplyReceived,
    ]
    assert {one.call_id for one in told} == {told[0].call_id}
    assert [one.model for one in told] == ["a", "a", "a", "a", "b", "b", "b"]
    retry = told[1]
    assert isinstance(retry, RetryScheduled)
    assert (retry.attempt, retry.error, retry.status, retry.code) == (
        1,
        "InternalServerError",
        503,
        "upstream_error",
    )
    received = told[-1]
    assert isinstance(received, ReplyReceived)
    assert (received.attempts, received.request_id) == (3, "req_2")
    assert received.duration > 0
    assert "secret" not in repr(told)


async def test_what_is_told_of_a_failure() -> None:
    """A call that fails for good is told with its kind and status, without the text of the error."""
    told: list[Event] = []
    async with serving(by_model(a=failure(401, "unauthorized")), on_event=told.append) as (_, client):
        with pytest.raises(Exception, match="401"):
            await client.chat.completions.create(model="a", messages=MESSAGES)
    failed = told[-1]
    assert isinstance(failed, RequestFailed)
    assert (failed.error, failed.status, failed.code) == ("AuthenticationError", 401, "unauthorized")
    assert failed.attempts == 1
    assert "secret" not in repr(told)


async def test_what_is_told_of_a_stream() -> None:
    """Opened and ended, with counts and times."""
    told: list[Event] = []
    async with serving(by_model(a_stream=stream_of("x")), on_event=told.append) as (_, client):
        assert [
            chunk.text async for chunk in client.chat.completions.stream(model="a", messages=MESSAGES)
        ] == ["x"]
    sent, opened, ended = told
    assert isinstance(sent, RequestSent)
    assert isinstance(opened, StreamOpened)
    assert isinstance(ended, StreamEnded)
    assert opened.time_to_first_event is not None
    assert opened.time_to_first_event > 0
    assert (ended.outcome, ended.chunks, ended.skipped, ended.error) == ("finished", 1, 0, None)
    assert ended.request_id == "req_1"


@pytest.mark.parametrize("way", ["closed", "failed", "dropped", "cancelled"])
async def test_how_streams_end(way: str) -> None:
    """Each way of leaving a stream is told once, with its name."""
    told: list[Event] = []
    cut = asyncio.Event()

    async def half(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD + piece(event("x")))
        await cut.wait()
        connection.close()

    async with serving(half, on_event=told.append) as (server, client):
        holder = [client.chat.completions.stream(model="a", messages=MESSAGES)]
        await anext(holder[0])
        if way == "closed":
            holder[0].close()
            holder[0].close()
            with pytest.raises(StreamClosedError):
                await anext(holder[0])
        elif way == "failed":
            cut.set()
            with pytest.raises(Exception, match="broke off"):
                await anext(holder[0])
        elif way == "dropped":
            with pytest.warns(ResourceWarning):
                holder.clear()
        else:
            task = asyncio.ensure_future(anext(holder[0]))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await server.until(lambda: server.open == 0)
    (ended,) = [one for one in told if isinstance(one, StreamEnded)]
    assert ended.outcome == ("closed" if way == "cancelled" else way)
    assert ended.error == ("StreamTruncatedError" if way == "failed" else None)
    assert ended.chunks == 1


async def test_a_callback_that_raises_does_not_disturb_the_call(caplog: pytest.LogCaptureFixture) -> None:
    """The call goes on, and the logger is told of the mistake."""

    def broken(_event: Event) -> None:
        raise ZeroDivisionError

    async with serving(by_model(a=reply(COMPLETION)), on_event=broken) as (_, client):
        await client.chat.completions.create(model="a", messages=MESSAGES)
    assert "on_event raised" in caplog.text


@pytest.mark.parametrize(
    "wrong", [{"on_event": 3}, {"on_event": "print"}, {"fallback": ["m"]}, {"fallback": 3}], ids=str
)
def test_wrong_settings(wrong: Any) -> None:
    """What can't be a callback or a fallback is refused where it is given."""
    client = MeshAPI("http://127.0.0.1:1", "rsk_secret")
    with pytest.raises(TypeError, match=next(iter(wrong))):
        client.with_options(**wrong)


def test_a_coroutine_function_is_no_callback() -> None:
    """Nobody would await it."""

    async def tell(_event: Event) -> None: ...

    wrong: Any = tell
    with pytest.raises(TypeError, match="no coroutine function"):
        MeshAPI("http://127.0.0.1:1", "rsk_secret", on_event=wrong)
