"""
What users of such clients get bitten by elsewhere, row by row, and that it does not happen here.

The rows are those of the survey of needs that are about right answers: silent wrong results, leaks, hangs and
exposed secrets (P0), and frequent pain in production (P1), of streaming, time limits, retries, typing, tool
calls, configuration and security. Each test has its row in its name. More depth is in the tests of the rooms.
"""

import asyncio
import gzip
import json
import logging
import pickle
import socket
import sys
import traceback
import tracemalloc
from importlib.resources import files
from typing import Any

import attrs
import pytest

from meshapi_aio import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    CreateChatCompletion,
    DecodeError,
    Event,
    InternalServerError,
    Limits,
    MalformedEventError,
    MeshAPI,
    MeshAPIError,
    Message,
    RateLimitError,
    ResponseTooLargeError,
    Retry,
    RetryScheduled,
    SpendLimitError,
    StreamAPIError,
    StreamTruncatedError,
    Timeout,
    UnexpectedResponseError,
)
from meshapi_aio.testing import HANG, Answer, FakeGateway, WaitFor, accidents

from .faults.clock import Clock
from .faults.test_content import ask as ask_either
from .test_chat_requirements import COMPLETION, MESSAGES, MODEL, TAIL, TOOLS, ask, chunk, read, soon, stream


ROWS = {
    "A1": (1, 2, 3, 13, 21, 26, 30, 34, 43),
    "A3": (5, 6, 28, 37, 45, 46),
    "A4": (20, 23, 38, 39, 40, 48),
    "A7": (16, 24, 68, 76),
    "A8": (9, 25),
    "A14": (61,),
    "A16": (7, 49, 62, 65),
}
NOT_OF_A_CALL = {47: "a limiter weighted by tokens belongs to running many calls, and is no part of one"}

ONCE = Retry(max_retries=0)
QUICK = Retry(backoff=0)

both = pytest.mark.parametrize("kind", ["stream", "whole"])


@pytest.fixture
async def clock() -> Clock:
    """Run a test on a clock of its own."""
    return Clock()


# A1. Streams are right.


async def test_row1_a_stream_that_ends_early_is_no_success(gateway: FakeGateway, client: MeshAPI) -> None:
    """Row 1: an end without mark and reason raises, with the part, usage and id; either of them is enough."""
    usage = {"total_tokens": 3}
    gateway.enqueue(
        Answer(events=[chunk("a"), {**chunk("b"), "usage": usage}], done=False),
        Answer(events=[chunk("a")]),
        Answer(events=[chunk("a"), chunk(finish_reason="stop")], done=False),
    )
    with pytest.raises(StreamTruncatedError) as caught:
        await soon(read(stream(client)))
    assert caught.value.partial.choices[0].message.content == "ab"
    assert caught.value.partial.choices[0].finish_reason is None
    assert caught.value.usage.total_tokens == 3
    assert caught.value.request_id == gateway.requests[0].request_id
    for reason in (None, "stop"):
        completion = await soon(stream(client).get_final_completion())
        assert (completion.choices[0].message.content, completion.choices[0].finish_reason) == ("a", reason)


@both
async def test_row2_a_success_that_is_none_is_an_error(
    gateway: FakeGateway, client: MeshAPI, kind: str
) -> None:
    """Row 2: JSON with an error raises what it stands for, and anything else says what it is, in short."""
    page = f"<html>{gateway.token}{'x' * 1000}</html>"
    gateway.enqueue(accidents.error_200(), Answer(body=page, headers={"Content-Type": "text/html"}))
    with pytest.raises(BadRequestError) as refused:
        await soon(ask_either(client, kind))
    assert refused.value.code == "context_window_exceeded"
    with pytest.raises(UnexpectedResponseError) as unexpected:
        await soon(ask_either(client, kind))
    assert (unexpected.value.status, unexpected.value.content_type) == (200, "text/html")
    assert len(unexpected.value.excerpt) == 512
    assert gateway.token not in str(unexpected.value)


@pytest.mark.parametrize(
    "name",
    ["crlf", "cr", "bom", "no_space", "comments", "split_utf8", "one_byte_per_write", "unterminated_event"],
)
async def test_row3_every_legal_form_of_a_stream_is_read(
    gateway: FakeGateway, client: MeshAPI, name: str
) -> None:
    """Row 3: line ends, cuts, marks, comments and a last event without its blank line lose no character."""
    gateway.enqueue(accidents.ALL[name]())
    text = (await soon(stream(client).get_final_completion())).choices[0].message.text
    assert text == "All is well that ends well." or text.startswith("Grüße an die 世界")


async def test_row3_no_line_is_split_but_at_its_end(gateway: FakeGateway, client: MeshAPI) -> None:
    """Row 3: what Unicode calls a line end is text here, and one event may have several data lines."""
    text = "a\u2028b\u2029c\u0085d"
    lines = json.dumps(chunk("g", "stop"), indent=1)
    gateway.enqueue(Answer(events=[json.dumps(chunk(text, "stop"), ensure_ascii=False), lines]))
    assert [piece.text for piece in await soon(read(stream(client)))] == [text, "g"]


async def test_row13_an_event_may_be_of_megabytes(gateway: FakeGateway, client: MeshAPI) -> None:
    """Row 13: 8 MB in one event pass; what is over the limit is told as that."""
    gateway.enqueue(*[accidents.huge_event(size=8_000_000)] * 2)
    completion = await soon(stream(client).get_final_completion())
    assert completion.choices[0].message.text == "x" * 8_000_000
    with pytest.raises(ResponseTooLargeError, match="event_bytes"):
        await soon(read(stream(client.with_options(limits=Limits(event_bytes=7_000_000)))))


@pytest.mark.parametrize(
    ("frame", "code", "status"),
    [
        ({"error": {"code": "gateway_timeout", "message": "no"}}, "gateway_timeout", 504),
        ({"error": {"code": 503, "message": "no"}}, "503", 503),
        ({"error": {"message": "no"}, **chunk(finish_reason="error")}, "upstream_error", 502),
        (chunk(finish_reason="error"), "upstream_error", 502),
    ],
)
async def test_row21_an_error_in_a_stream_is_raised(
    gateway: FakeGateway, client: MeshAPI, frame: dict[str, Any], code: str, status: int
) -> None:
    """Row 21: an error object and the reason ``error`` raise, with code, status, the part, and the id."""
    gateway.enqueue(Answer(events=[chunk("a"), frame]))
    with pytest.raises(StreamAPIError) as caught:
        await soon(read(stream(client)))
    assert (caught.value.code, caught.value.status) == (code, status)
    assert caught.value.partial.choices[0].message.content == "a"
    assert caught.value.request_id == gateway.requests[0].request_id


async def test_row21_an_error_in_a_whole_answer_is_raised(gateway: FakeGateway, client: MeshAPI) -> None:
    """Row 21: the reason ``error`` makes no success of a whole answer either; what was paid for is kept."""
    gateway.enqueue(accidents.finish_reason_error())
    with pytest.raises(InternalServerError) as caught:
        await ask(client.with_options(retry=ONCE))
    assert (caught.value.code, caught.value.status) == ("upstream_error", 502)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["choices"][0]["message"]["content"] == "All is well"


async def test_row26_a_malformed_event_is_neither_skipped_nor_a_json_error(
    gateway: FakeGateway, client: MeshAPI
) -> None:
    """Row 26: it raises our error, with its index and its beginning, or is counted where that was asked."""
    broken = '{"choices":' + gateway.token + "x" * 1000
    events: list[Any] = [chunk("a"), broken, chunk("b", "stop")]
    gateway.enqueue(Answer(events=events), Answer(events=events))
    with pytest.raises(MalformedEventError) as caught:
        await soon(read(stream(client)))
    assert caught.value.index == 1
    assert len(caught.value.excerpt) <= 201
    assert gateway.token not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    lenient = stream(client.with_options(on_malformed="skip"))
    assert [piece.text for piece in await soon(read(lenient))] == ["a", "b"]
    assert lenient.skipped == 1


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
async def test_row30_what_is_unknown_is_kept(gateway: FakeGateway, client: MeshAPI, name: str) -> None:
    """Row 30: new finish reasons and keys are neither refused nor lost; both names of reasoning are read."""
    message = {"role": "assistant", "content": "a", name: "because", "new": [1]}
    body = {
        **COMPLETION,
        "choices": [{"index": 0, "message": message, "finish_reason": "eos", "x": {}}],
        "y": "z",
    }
    gateway.enqueue(Answer(body=body), Answer(events=[chunk("a", "eos", **{name: "because", "new": [1]})]))
    whole = await ask(client)
    assert whole.to_dict() == body
    streamed = await soon(stream(client).get_final_completion())
    for completion in (whole, streamed):
        assert completion.choices[0].finish_reason == "eos"
        assert completion.choices[0].message.reasoning == "because"
        assert completion.choices[0].message.extra["new"] == [1]


async def test_row34_usage_comes_in_a_chunk_without_choices(gateway: FakeGateway, client: MeshAPI) -> None:
    """Row 34: nothing here indexes the choices of the tail, and nobody has to ask for the usage."""
    gateway.enqueue(*[Answer(events=[chunk("a", "stop"), TAIL])] * 2)
    reading = stream(client)
    assert [text async for text in reading.text_stream] == ["a"]
    completion = await reading.get_final_completion()
    assert completion.usage is not None
    assert completion.usage.total_tokens == 21
    assert [piece.text for piece in await soon(read(stream(client)))] == ["a", ""]
    # The gateway sends it always, and some upstreams refuse the option.
    assert "stream_options" not in gateway.requests[0].json


@both
async def test_row43_an_empty_answer_is_seen_as_empty(
    gateway: FakeGateway, client: MeshAPI, kind: str
) -> None:
    """Row 43: nothing is made up for it, and it can't get into the conversation unseen."""
    empty: dict[str, Any] = {"index": 0, "message": {"role": "assistant"}, "finish_reason": "stop"}
    gateway.enqueue(
        Answer(events=[chunk(finish_reason="stop")])
        if kind == "stream"
        else Answer(body={**COMPLETION, "choices": [empty]})
    )
    message = (await soon(ask_either(client, kind))).choices[0].message
    assert (message.text, message.content or None, message.tool_calls) == ("", None, None)
    with pytest.raises(ValueError, match="neither text nor a complete tool call"):
        CreateChatCompletion(messages=[*MESSAGES, message, *MESSAGES])


# A3. Time is bounded.


@pytest.mark.parametrize(
    ("accident", "phase", "timeout"),
    [
        (accidents.heartbeats_only, "first_event", Timeout(first_event=0.2)),
        (accidents.heartbeats_for_ever, "idle", Timeout(idle=0.2)),
    ],
)
async def test_row5_heartbeats_do_not_keep_a_dead_stream_alive(
    gateway: FakeGateway, client: MeshAPI, accident: Any, phase: str, timeout: Timeout
) -> None:
    """Row 5: first and idle limits count events, not bytes; the default of idle is a minute."""
    gateway.enqueue(accident(every=0.01))
    with pytest.raises(APITimeoutError) as caught:
        await soon(read(stream(client.with_options(timeout=timeout))))
    assert caught.value.phase == phase
    assert (Timeout().idle, Timeout().total) == (60, None)


async def test_row6_a_limit_is_not_multiplied_by_retries(
    gateway: FakeGateway, client: MeshAPI, clock: Clock
) -> None:
    """Row 6: ``total`` bounds attempts and pauses together; a retry that does not fit is not begun."""
    client._shared.courier.sleep, client._shared.courier.draw = clock.sleep, lambda: 1.0
    gateway.enqueue(*[accidents.overloaded()] * 3, Answer(before=[HANG]))
    options = client.with_options(timeout=Timeout(total=10), retry=Retry(max_retries=9, backoff=2))
    with pytest.raises(InternalServerError):
        await ask_either(options, "whole")
    assert (clock.pauses, len(gateway.requests)) == ([2, 4], 3)
    task = asyncio.ensure_future(
        ask_either(client.with_options(timeout=Timeout(total=10), retry=Retry(unanswered=True)), "whole")
    )
    await gateway.received(4)
    clock.passed += 10
    with pytest.raises(APITimeoutError) as caught:
        await task
    assert (caught.value.phase, len(caught.value.attempts)) == ("deadline", 1)


async def test_row28_waiting_for_a_turn_costs_no_time_of_the_request(
    gateway: FakeGateway, clock: Clock
) -> None:
    """Row 28: the limits begin when the request is sent; the time in the queue is told apart."""
    go_on = asyncio.Event()
    gateway.enqueue(Answer(before=[WaitFor(go_on)], body=COMPLETION))
    async with MeshAPI(gateway.base_url, gateway.token, max_connections=1) as client:
        first = asyncio.ensure_future(ask_either(client, "whole"))
        await gateway.received()
        hurried = client.with_options(timeout=Timeout(connect=5, first_event=5, idle=5))
        second = asyncio.ensure_future(ask_either(hurried, "whole"))
        while not client.stats().queued:
            await asyncio.sleep(0)
        clock.passed += 100
        go_on.set()
        await first
        attempt = (await second).meta.attempts[0]
    assert attempt.queued >= 100 > attempt.latency


async def test_row37_a_stream_may_take_ten_minutes(
    gateway: FakeGateway, client: MeshAPI, clock: Clock
) -> None:
    """Row 37: nothing of aiohttp's five minutes is in the defaults: a stream runs as long as it is alive."""
    steps = [asyncio.Event() for _ in range(25)]
    events: list[Any] = [part for step in steps for part in (WaitFor(step), chunk("a"))]
    gateway.enqueue(Answer(events=[chunk("a"), *events, chunk(finish_reason="stop")]))
    began = clock.passed
    seen = 0
    async for piece in stream(client):
        seen += len(piece.text)
        if steps:
            clock.passed += 30
            steps.pop(0).set()
    assert (seen, clock.passed - began) == (26, 750)


async def test_row45_connections_are_kept_alive(gateway: FakeGateway, client: MeshAPI) -> None:
    """Row 45: the kernel probes quiet connections, so that no NAT forgets one during a long answer."""
    gateway.enqueue(Answer(events=[chunk("a"), HANG]))
    async with stream(client) as chunks:
        pump: Any = chunks._pump
        sock = pump.source._wire.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


async def test_row46_a_timed_call_leaves_no_timer_in_the_pool(
    gateway: FakeGateway, client: MeshAPI, clock: Clock
) -> None:
    """Row 46: a connection whose stream had limits is fine for the next call long after they ran out."""
    hurried = client.with_options(timeout=Timeout(first_event=2, idle=2, total=5))
    gateway.enqueue(Answer(events=[chunk("a", "stop")]))
    await soon(read(stream(hurried)))
    while client.stats().in_flight:
        await asyncio.sleep(0)
    clock.passed += 10
    for _ in range(10):
        await asyncio.sleep(0)
    assert (await ask(hurried)).choices
    assert gateway.connections.opened == 1


# A4. Retries are safe.


@both
@pytest.mark.parametrize("form", ["seconds", "date", "milliseconds", "body"])
async def test_row20_every_way_to_ask_for_patience_is_heard(
    gateway: FakeGateway, client: MeshAPI, form: Any, kind: str, clock: Clock
) -> None:
    """Row 20: it is waited for, and never less; over the cap or the deadline it raises at once, and tells."""
    client._shared.courier.sleep, client._shared.courier.draw = clock.sleep, lambda: 0.0
    gateway.enqueue(*[accidents.rate_limited(retry_after=30, form=form)] * 3)
    await ask_either(client.with_options(retry=Retry(max_retries=3)), kind)
    assert clock.pauses == [30, 30, 30]
    for impatient in (
        client.with_options(retry=Retry(retry_after_cap=29)),
        client.with_options(timeout=Timeout(total=25)),
    ):
        gateway.enqueue(accidents.rate_limited(retry_after=30, form=form))
        with pytest.raises(RateLimitError) as caught:
            await ask_either(impatient, kind)
        assert caught.value.retry_after == 30
    assert len(clock.pauses) == 3


@both
async def test_row23_what_may_have_been_billed_is_not_sent_again(
    gateway: FakeGateway, client: MeshAPI, kind: str
) -> None:
    """Row 23: a request without an answer is repeated only on demand, and never after the first event."""
    quick = client.with_options(retry=QUICK)
    gateway.enqueue(accidents.cut_before_headers())
    with pytest.raises(APIConnectionError):
        await soon(ask_either(quick, kind))
    assert len(gateway.requests) == 1
    gateway.enqueue(accidents.cut_before_headers())
    await soon(ask_either(client.with_options(retry=Retry(backoff=0, unanswered=True)), kind))
    assert len(gateway.requests) == 3
    gateway.enqueue(accidents.cut_mid_stream())
    with pytest.raises(MeshAPIError):
        await soon(ask_either(quick, kind))
    assert len(gateway.requests) == 4


@both
async def test_row38_a_failed_upstream_is_tried_again_and_a_refusal_is_not(
    gateway: FakeGateway, client: MeshAPI, kind: str
) -> None:
    """Row 38: this gateway reports its upstreams with 500 too; a 4xx stays one, and 402 above all."""
    quick = client.with_options(retry=QUICK)
    body = {"error": {"code": "upstream_error", "message": "no"}}
    gateway.enqueue(Answer(500, body=body))
    await soon(ask_either(quick, kind))
    assert len(gateway.requests) == 2
    for count, status in enumerate((400, 401, 402, 403, 404, 409, 413, 422), start=3):
        gateway.enqueue(Answer(status, body=body))
        with pytest.raises(APIStatusError):
            await soon(ask_either(quick, kind))
        assert len(gateway.requests) == count


@both
async def test_row39_retries_do_not_pile_up(gateway: FakeGateway, client: MeshAPI, kind: str) -> None:
    """Row 39: ``max_retries=0`` is one request, since nothing below retries; pauses have full jitter."""
    for accident in (accidents.overloaded, accidents.error_frame_first, accidents.cut_before_headers):
        before = len(gateway.requests)
        gateway.enqueue(accident())
        if kind == "whole" and accident is accidents.error_frame_first:
            await soon(ask_either(client.with_options(retry=ONCE), kind))  # it befalls streams alone
        else:
            with pytest.raises(MeshAPIError):
                await soon(ask_either(client.with_options(retry=ONCE), kind))
        assert len(gateway.requests) == before + 1
    draws = iter((0.0, 0.5, 1.0))
    assert [Retry().delay(1, None, draws.__next__) for _ in range(3)] == [0.0, 0.5, 1.0]


@both
async def test_row40_a_spend_limit_is_final_and_has_its_own_class(
    gateway: FakeGateway, client: MeshAPI, kind: str
) -> None:
    """Row 40: 402 is told apart from all else, by its class, at once."""
    gateway.enqueue(accidents.spend_limit())
    with pytest.raises(SpendLimitError) as caught:
        await soon(ask_either(client.with_options(retry=QUICK), kind))
    assert (caught.value.status, caught.value.code) == (402, "spend_limit_exceeded")
    assert len(gateway.requests) == 1


async def test_row48_retries_and_rate_limits_can_be_seen(gateway: FakeGateway, client: MeshAPI) -> None:
    """Row 48: each retry is told with its number, reason and pause; the headers are on the meta."""
    told: list[Event] = []
    limits = {"x-ratelimit-remaining": "7", "x-ratelimit-reset": "1s"}
    gateway.enqueue(accidents.overloaded(), Answer(body=COMPLETION, headers=limits))
    completion = await ask(client.with_options(on_event=told.append, retry=QUICK))
    assert completion.meta.rate_limits.items() >= {"remaining": "7", "reset": "1s"}.items()
    (retried,) = [one for one in told if isinstance(one, RetryScheduled)]
    assert (retried.attempt, retried.status, retried.pause) == (1, 503, 0.0)
    assert (retried.error, retried.code) == ("InternalServerError", "provider_not_available")


# A7. Types and ergonomics.


# What a stream raises, and a whole answer.
FOREIGN: dict[str, tuple[type[MeshAPIError], type[MeshAPIError]]] = {
    "garbage": (APIConnectionError, APIConnectionError),
    "gzip_garbage": (StreamTruncatedError, APIConnectionError),
    "bad_chunk_size": (StreamTruncatedError, APIConnectionError),
    "malformed_event": (MalformedEventError, UnexpectedResponseError),
    "wrong_shape_event": (MalformedEventError, DecodeError),
    "stall_before_headers": (APITimeoutError, APITimeoutError),
}


@both
@pytest.mark.parametrize("name", FOREIGN)
async def test_row16_no_foreign_error_escapes(
    gateway: FakeGateway, client: MeshAPI, name: str, kind: str, clock: Clock
) -> None:
    """Row 16: neither aiohttp's, json's nor cattrs' (all faults: faults/test_content.py)."""
    gateway.enqueue(accidents.ALL[name]())
    task = asyncio.ensure_future(ask_either(client.with_options(retry=ONCE), kind))
    await gateway.received()
    if name == "stall_before_headers":
        clock.passed += 310
    with pytest.raises(MeshAPIError) as caught:
        await task
    assert type(caught.value) is FOREIGN[name][kind == "whole"]
    assert isinstance(caught.value, TimeoutError) == (name == "stall_before_headers")


def test_row24_types_are_shipped_and_values_are_values() -> None:
    """Row 24: the marker is in the package, and calls are frozen; typing/api.py is what checkers see."""
    assert (files("meshapi_aio") / "py.typed").is_file()
    call = CreateChatCompletion(messages=MESSAGES)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        call.model = "x"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] # that is the point
    assert vars(call).keys() == {"messages"}


async def test_row68_what_people_paste_works(gateway: FakeGateway, client: MeshAPI) -> None:
    """Row 68: keywords of the field, plain dicts and messages mixed; new keys go into ``extra_body``."""
    messages: list[Message | dict[str, Any]] = [{**MESSAGES[0]}, Message.user("Hi")]
    await client.chat.completions.create(
        model=MODEL, messages=messages, max_tokens=5, tools=TOOLS, extra_body={"top_k": 3}
    )
    sent = gateway.requests[0].json
    assert sent["messages"] == [MESSAGES[0], {"role": "user", "content": "Hi"}]
    assert (sent["max_tokens"], sent["tools"], sent["top_k"]) == (5, TOOLS, 3)
    wrong: Any = {"max_token": 5}
    with pytest.raises(TypeError, match="did you mean 'max_tokens'"):
        await client.chat.completions.create(messages=messages, **wrong)
    assert len(gateway.requests) == 1


async def test_row76_a_replys_message_can_always_be_sent_back(gateway: FakeGateway, client: MeshAPI) -> None:
    """Row 76: its calls have ids, what is incomplete stays out, and an empty turn is refused."""
    gateway.enqueue(accidents.tool_calls_without_id(), accidents.tool_arguments_cut())
    history: list[Any] = [*MESSAGES]
    for _ in range(2):
        message = (await soon(stream(client).get_final_completion())).choices[0].message
        calls = message.tool_calls or []
        assert calls
        assert all(call.id for call in calls)
        history += [message, *(Message.tool("fine", tool_call_id=call.id or "") for call in calls)]
    await client.chat.completions.create(messages=history)
    sent = [message for message in gateway.requests[-1].json["messages"] if message["role"] == "assistant"]
    assert [len(message["tool_calls"]) for message in sent] == [2, 1]
    with pytest.raises(ValueError, match=r"messages\[1\] is an assistant message with neither text"):
        CreateChatCompletion(messages=[*MESSAGES[:1], {"role": "assistant", "content": ""}])


# A8. Tool calls.


@pytest.mark.parametrize(
    "name",
    [
        "tool_calls_without_index",
        "tool_calls_without_id",
        "tool_arguments_elsewhere",
        "tool_names_repeated",
    ],
)
async def test_row9_pieces_of_tool_calls_find_their_places(
    gateway: FakeGateway, client: MeshAPI, name: str
) -> None:
    """Row 9: missing, repeated and shifting indexes and ids neither raise nor mix two calls into one."""
    gateway.enqueue(accidents.ALL[name]())
    message = (await soon(stream(client).get_final_completion())).choices[0].message
    calls = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]
    assert calls == [("get_weather", {"city": "Oslo"}), ("get_time", {"zone": "UTC"})]


async def test_row25_half_a_tool_call_is_none(gateway: FakeGateway, client: MeshAPI) -> None:
    """Row 25: a call counts after the end and with whole JSON; cut off it can be seen, and not be run."""
    start = {"index": 0, "id": "call_a", "function": {"name": "pay", "arguments": '{"amount": 1'}}
    half = chunk(tool_calls=[start])
    whole = chunk(tool_calls=[{"index": 0, "function": {"arguments": "}"}}])
    gateway.enqueue(
        Answer(events=[half], done=False),
        Answer(events=[half, whole], done=False),
        Answer(events=[half, chunk(finish_reason="length")]),
    )
    found: list[Message] = []
    for _ in range(2):
        with pytest.raises(StreamTruncatedError) as caught:
            await soon(read(stream(client)))
        found.append(caught.value.partial.choices[0].message)
    found.append((await soon(stream(client).get_final_completion())).choices[0].message)
    for message in found:
        assert message.tool_calls is None
        (incomplete,) = message.incomplete_tool_calls
        assert (incomplete.name, incomplete.arguments[:12]) == ("pay", '{"amount": 1')


# A14. Configuration.


@pytest.mark.parametrize(
    "tail",
    ["", "/", "//", "/v1", "/v1/", "/v1//", "/mesh", "/mesh/", "/mesh/v1", "/mesh/v1/", "/a/b", "/a/b/v1/"],
)
async def test_row61_every_spelling_of_the_address_works(gateway: FakeGateway, tail: str) -> None:
    """Row 61: slashes, ``/v1`` and prefixes come out as one address; a query is refused."""
    gateway.enqueue(Answer(body=COMPLETION))
    async with MeshAPI(gateway.base_url + tail, gateway.token) as client:
        await ask(client)
    prefix = tail.rstrip("/").removesuffix("/v1")
    assert gateway.requests[0].target == f"{prefix}/v1/chat/completions"
    with pytest.raises(ValueError, match="base_url"):
        MeshAPI(f"{gateway.base_url}{tail}?key=1", "rsk_x")


# A16. Security.


async def test_row7_the_token_is_in_nothing_that_gets_pasted(
    gateway: FakeGateway, client: MeshAPI, caplog: pytest.LogCaptureFixture
) -> None:
    """Row 7: not in the repr, text, traceback, log or pickle of any failure, echoed or not."""
    caplog.set_level(logging.DEBUG)
    told: list[Event] = []
    watched = client.with_options(retry=ONCE, on_event=told.append)
    echo = {"error": {"code": "unauthorized", "message": f"bad {gateway.token}"}}
    shown: list[str] = [repr(client), repr(client.stats())]
    for kind in ("stream", "whole"):
        gateway.enqueue(Answer(401, body=echo), accidents.garbage(), accidents.cut_before_headers())
        for _ in range(3):
            with pytest.raises((AuthenticationError, APIConnectionError)) as caught:
                await soon(ask_either(watched, kind))
            error = caught.value
            shown += [repr(error), str(error), *traceback.format_exception(error), repr(vars(error))]
            shown.append(pickle.dumps(error).decode("latin-1"))
    assert gateway.token in gateway.requests[0].headers["Authorization"]
    assert not [text for text in (*shown, repr(told), caplog.text) if gateway.token in text]


@pytest.mark.parametrize("token", ["rsk_key\nb", "rsk_key\rb", "rsk_key\x01", " ", "rsk_key\u2028b"])
def test_row49_a_key_that_can_not_be_sent_is_named_and_not_shown(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 49: where the client is made, by the name of its variable; no header takes a line end either."""
    monkeypatch.setenv("MESHAPI_API_KEY", token)
    for given in (token, None):
        with pytest.raises(ValueError, match=r"token|MESHAPI_API_KEY") as caught:
            MeshAPI("https://gateway.example", given)
        assert "rsk_key" not in str(caught.value)
    with pytest.raises(ValueError, match="X-Team"):
        MeshAPI("https://gateway.example", "rsk_x", headers={"X-Team": "a\r\nX: b"})


@both
async def test_row62_a_redirect_carries_nothing_away(
    gateway: FakeGateway, client: MeshAPI, kind: str
) -> None:
    """Row 62: it is not followed, and the error names the host it leads to, and nothing more of it."""
    async with FakeGateway() as other:
        gateway.enqueue(accidents.redirect(location=f"{other.base_url}/v1/x?y=z"))
        with pytest.raises(UnexpectedResponseError, match=r"a redirect to 127\.0\.0\.1;") as caught:
            await soon(ask_either(client, kind))
        assert "y=z" not in str(caught.value)
        assert other.requests == []


@both
async def test_row65_a_body_is_not_unpacked_beyond_its_limit(
    gateway: FakeGateway, client: MeshAPI, kind: str
) -> None:
    """Row 65: 16 MiB out of 16 KiB are held for no answer (more: faults/test_limits.py)."""
    bomb = gzip.compress(b"data: " + b"x" * (16 << 20))
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/event-stream"}
    gateway.enqueue(Answer(200, body=bomb, headers=headers), Answer(503, body=bomb, headers=headers))
    small = client.with_options(retry=ONCE, limits=Limits(event_bytes=1 << 18, reply_bytes=1 << 18))
    tracemalloc.start()
    try:
        for error in (ResponseTooLargeError, InternalServerError):
            with pytest.raises(error):
                await soon(ask_either(small, kind))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 << 20


# The table is whole.


def test_every_row_has_its_test() -> None:
    """Each row is named by at least one test, in its name and its docstring, or told of."""
    tests = {name: test for name, test in vars(sys.modules[__name__]).items() if name.startswith("test_row")}
    rows = {name: int(name.split("_")[1].removeprefix("row")) for name in tests}
    assert set(rows.values()) == {row for section in ROWS.values() for row in section}
    assert not set(rows.values()) & set(NOT_OF_A_CALL)
    assert [
        name for name, row in rows.items() if not tests[name].__doc__.strip().startswith(f"Row {row}: ")
    ] == []
