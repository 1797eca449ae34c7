"""Every accident against this package's own client, over real sockets: what its docstring says comes."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import attrs
import pytest

from meshapi_aio import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ChatCompletion,
    DecodeError,
    InternalServerError,
    Limits,
    MalformedEventError,
    MeshAPI,
    MeshAPIError,
    RateLimitError,
    ResponseTooLargeError,
    Retry,
    SpendLimitError,
    StreamAPIError,
    StreamTruncatedError,
    Timeout,
    ToolCall,
    UnexpectedResponseError,
)
from meshapi_aio.testing import Accident, FakeGateway, accidents
from tests.faults.content import check_told


ONCE = Retry(max_retries=0)
QUICK = Retry(backoff=0.0)
ALL_IS_WELL = "All is well that ends well."
PART = "All is well"
MESSAGES = [{"role": "user", "content": "How is it?"}]


@attrs.frozen
class Raises:
    """What a call raises: the class of the error, how far a stream had come, and some attributes."""

    error: type[MeshAPIError]
    partial: str | None = None
    attributes: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Fine:
    """What a call returns: the text of the first choice (None for no choice), and its finish reason."""

    text: str | None = ALL_IS_WELL
    finish_reason: str | None = "stop"


@attrs.frozen
class Calls:
    """The calls of tools that a stream ends with, by their ids, and how many are not whole."""

    ids: tuple[str, ...]
    incomplete: int = 0


Outcome = Raises | Fine | Calls

FIRST_EVENT = Raises(APITimeoutError, None, {"phase": "first_event"})
IDLE = Raises(APITimeoutError, None, {"phase": "idle"})
IDLE_WITH_PART = Raises(APITimeoutError, PART, {"phase": "idle"})
TRUNCATED = Raises(StreamTruncatedError, PART)
BROKEN = Raises(APIConnectionError)
FAILED = Raises(StreamAPIError, PART, {"code": "upstream_error"})
UNEXPECTED = Raises(UnexpectedResponseError, None, {"status": 200})
TWO_CALLS = Calls(("call_a", "call_b"))

STREAM: Mapping[str, Outcome] = {
    "truncated": TRUNCATED,
    "truncated_in_event": TRUNCATED,
    "cut_mid_stream": TRUNCATED,
    "reset_mid_stream": TRUNCATED,
    "cut_before_headers": BROKEN,
    "reset_before_headers": BROKEN,
    "stall_before_headers": FIRST_EVENT,
    "stall_before_first_event": FIRST_EVENT,
    "stall_between_events": IDLE_WITH_PART,
    "heartbeats_only": FIRST_EVENT,
    "heartbeats_for_ever": IDLE_WITH_PART,
    "slow_trickle": Fine(),
    "empty_stream": Raises(StreamTruncatedError),
    "done_only": Fine(None, None),
    "no_done": Fine(),
    "late_terminator": Fine(),
    "missing_terminator": Fine(),
    "html_error": Raises(InternalServerError, None, {"status": 502}),
    "html_200": UNEXPECTED,
    "json_200_in_place_of_stream": UNEXPECTED,
    "error_200": Raises(BadRequestError, None, {"code": "context_window_exceeded"}),
    "rate_limited": Raises(RateLimitError, None, {"retry_after": 1.0}),
    "overloaded": Raises(InternalServerError, None, {"status": 503}),
    "spend_limit": Raises(SpendLimitError),
    "unauthorized": Raises(AuthenticationError),
    "redirect": Raises(UnexpectedResponseError, None, {"status": 307}),
    "garbage": BROKEN,
    "bad_chunk_size": TRUNCATED,
    "gzip_garbage": Raises(StreamTruncatedError),
    "error_frame": FAILED,
    "error_frame_first": Raises(StreamAPIError, None, {"code": "rate_limit_exceeded", "status": 429}),
    "error_frame_as_text": FAILED,
    "error_event": FAILED,
    "null_error": Fine(),
    "malformed_event": Raises(MalformedEventError, PART, {"index": 4}),
    "wrong_shape_event": Raises(MalformedEventError, PART, {"index": 4}),
    "empty_choices": Fine(),
    "null_choices": Fine(),
    "missing_delta": Fine(),
    "bare_chunks": Fine(),
    "split_character": Fine("All is \N{SLIGHTLY SMILING FACE} well"),
    "leaked_frames": Fine(),
    "done_twice": Fine(),
    "unknown_finish_reason": Fine(finish_reason="eos_token"),
    "finish_reason_error": FAILED,
    "out_of_tokens": Fine(PART, "length"),
    "content_filtered": Fine(PART, "content_filter"),
    "says_nothing": Fine(None),
    "no_usage": Fine(),
    "crlf": Fine(),
    "cr": Fine(),
    "bom": Fine(),
    "no_space": Fine(),
    "comments": Fine(),
    "split_utf8": Fine("Grüße an die 世界 \N{EARTH GLOBE EUROPE-AFRICA}"),
    "one_byte_per_write": Fine(),
    "unterminated_event": Fine(),
    "huge_event": Fine("x" * 1_048_576),
    "tool_calls_without_index": TWO_CALLS,
    "tool_calls_without_id": Calls(("call_0", "call_1")),
    "tool_arguments_elsewhere": TWO_CALLS,
    "tool_names_repeated": TWO_CALLS,
    "tool_arguments_cut": Calls(("call_a",), incomplete=1),
}
"""What a call that streams makes of each accident."""

WHOLE: Mapping[str, Outcome] = {
    "truncated": BROKEN,
    "cut_mid_stream": BROKEN,
    "reset_mid_stream": BROKEN,
    "cut_before_headers": BROKEN,
    "reset_before_headers": BROKEN,
    "stall_before_headers": FIRST_EVENT,
    "stall_between_events": IDLE,
    "empty_stream": UNEXPECTED,
    "html_error": Raises(InternalServerError, None, {"status": 502}),
    "html_200": UNEXPECTED,
    "error_200": Raises(BadRequestError, None, {"code": "context_window_exceeded"}),
    "rate_limited": Raises(RateLimitError, None, {"retry_after": 1.0}),
    "overloaded": Raises(InternalServerError, None, {"status": 503}),
    "spend_limit": Raises(SpendLimitError),
    "unauthorized": Raises(AuthenticationError),
    "redirect": Raises(UnexpectedResponseError, None, {"status": 307}),
    "garbage": BROKEN,
    "wrong_content_length": BROKEN,
    "bad_chunk_size": BROKEN,
    "gzip_garbage": BROKEN,
    "error_frame_as_text": Raises(APIStatusError, None, {"message": "the upstream failed"}),
    "null_error": Fine(),
    "malformed_event": UNEXPECTED,
    "wrong_shape_event": Raises(DecodeError),
    "empty_choices": Fine(None, None),
    "null_choices": Fine(None, None),
    "unknown_finish_reason": Fine(finish_reason="eos_token"),
    "finish_reason_error": Raises(InternalServerError, None, {"status": 502, "code": "upstream_error"}),
    "out_of_tokens": Fine(PART, "length"),
    "content_filtered": Fine(PART, "content_filter"),
    "says_nothing": Fine(""),
    "no_usage": Fine(),
    "one_byte_per_write": Fine(),
}
"""What a call that does not stream makes of each accident; others do not befall it."""


# There is no head, or it is the accident's own.
UNNAMED = {
    "cut_before_headers",
    "reset_before_headers",
    "stall_before_headers",
    "garbage",
    "wrong_content_length",
    "bad_chunk_size",
}


@asynccontextmanager
async def running(*befalling: Accident, **options: Any) -> AsyncGenerator[tuple[FakeGateway, MeshAPI]]:
    """Run a gateway to which these accidents happen, and a client of it."""
    options.setdefault("retry", ONCE)
    async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token, **options) as client:
        gateway.enqueue(*befalling)
        yield gateway, client


async def ask(client: MeshAPI, *, stream: bool) -> ChatCompletion:
    """Return the whole answer to a call of either kind."""
    if stream:
        return await client.chat.completions.stream(messages=MESSAGES).get_final_completion()
    return await client.chat.completions.create(messages=MESSAGES)


def patience(outcome: Outcome) -> Timeout:
    """Return limits of which the one that is to run out is short."""
    phase = outcome.attributes.get("phase") if isinstance(outcome, Raises) else None
    short = {phase: 0.3} if phase is not None else {}
    return Timeout(**short)


async def check(name: str, outcome: Outcome, *, stream: bool) -> None:
    """Let an accident happen to a call, and see that the outcome is as told."""
    async with running(accidents.ALL[name](), timeout=patience(outcome)) as (gateway, client):
        if isinstance(outcome, Raises):
            with pytest.raises(outcome.error) as caught:
                await ask(client, stream=stream)
            assert type(caught.value) is outcome.error
            partial = getattr(caught.value, "partial", None)
            assert (partial and partial.choices[0].message.content) == outcome.partial
            for attribute, value in outcome.attributes.items():
                assert getattr(caught.value, attribute) == value
            (request,) = gateway.requests
            check_told(caught.value, None if name in UNNAMED else request.request_id)
        else:
            completion = await ask(client, stream=stream)
            first = completion.choices[0] if completion.choices else None
            if isinstance(outcome, Calls):
                assert first is not None
                assert_calls(first.message.tool_calls or [], outcome)
                assert len(first.message.incomplete_tool_calls) == outcome.incomplete
            else:
                found = (None, None) if first is None else (first.message.content, first.finish_reason)
                assert found == (outcome.text, outcome.finish_reason)
        assert len(gateway.requests) == 1
        await until_idle(client)


async def until_idle(client: MeshAPI) -> None:
    """Let the last bytes of an answer come, or the time for them pass."""
    while client.stats().in_flight:
        await asyncio.sleep(0)


def assert_calls(calls: list[ToolCall], outcome: Calls) -> None:
    """See that the calls are those which the accidents of tools are about."""
    meant = [("get_weather", '{"city": "Oslo"}'), ("get_time", '{"zone": "UTC"}')]
    assert tuple(call.id for call in calls) == outcome.ids
    assert [(call.function.name, call.function.arguments) for call in calls] == meant[: len(calls)]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_does_not_tell_its_cost(stream: bool) -> None:
    """Is one without usage, not one that cost nothing."""
    async with running(accidents.no_usage()) as (_, client):
        assert (await ask(client, stream=stream)).usage is None


@pytest.mark.parametrize("name", STREAM)
async def test_a_stream(name: str) -> None:
    """The client raises what the docstring says, with what came, or is fine; in one request."""
    await check(name, STREAM[name], stream=True)


@pytest.mark.parametrize("name", WHOLE)
async def test_a_whole_answer(name: str) -> None:
    """The same of a call that does not stream."""
    await check(name, WHOLE[name], stream=False)


def test_every_accident_is_told_of() -> None:
    """All are in ``ALL`` by the names of their functions, and the tests above know of each."""
    public = {name: getattr(accidents, name) for name in accidents.__all__ if name != "ALL"}
    assert public == dict(accidents.ALL)
    assert set(STREAM) == {name for name, make in accidents.ALL.items() if make().stream is not None}
    assert set(WHOLE) == {name for name, make in accidents.ALL.items() if make().whole is not None}


@pytest.mark.parametrize("name", accidents.ALL)
def test_an_accident_is_documented_and_named(name: str) -> None:
    """It says what it is in one line, can be changed by keyword alone, and is recognized in a complaint."""
    make = accidents.ALL[name]
    assert (inspect.getdoc(make) or "").partition("\n")[0].startswith("Return ")
    parameters = inspect.signature(make).parameters.values()
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)
    assert repr(make()) == f"accidents.{name}"
    assert make() == make() or name == "rate_limited"


@pytest.mark.parametrize("name", sorted(set(accidents.ALL) - set(WHOLE)))
async def test_an_accident_of_streams_lets_other_calls_pass(name: str) -> None:
    """They get the gateway's own answer."""
    async with running(accidents.ALL[name]()) as (_, client):
        assert (await ask(client, stream=False)).choices[0].message.text.startswith("You said:")


async def test_an_accident_of_whole_answers_lets_streams_pass() -> None:
    """They get the gateway's own answer."""
    async with running(accidents.wrong_content_length()) as (_, client):
        assert (await ask(client, stream=True)).choices[0].message.text.startswith("You said:")


@pytest.mark.parametrize(
    "name",
    [
        "truncated",
        "truncated_in_event",
        "cut_mid_stream",
        "reset_mid_stream",
        "error_frame",
        "error_frame_as_text",
        "error_event",
        "finish_reason_error",
    ],
)
async def test_how_much_comes_before(name: str) -> None:
    """``after`` counts words, and none is lost."""
    make: Any = accidents.ALL[name]
    async with running(make(after=5)) as (_, client):
        with pytest.raises(MeshAPIError) as caught:
            await ask(client, stream=True)
        partial: Any = getattr(caught.value, "partial", None)
        assert partial.choices[0].message.content == "All is well that ends"


@pytest.mark.parametrize("name", ["malformed_event", "wrong_shape_event"])
async def test_malformed_events_can_be_skipped(name: str) -> None:
    """A client that was told to go on has the rest, and the count."""
    async with running(accidents.ALL[name](), on_malformed="skip") as (_, client):
        stream = client.chat.completions.stream(messages=MESSAGES)
        assert (await stream.get_final_completion()).choices[0].message.content == ALL_IS_WELL
        assert stream.skipped == 1


async def test_a_huge_event_and_a_limit() -> None:
    """A limit that is below it is told."""
    async with running(accidents.huge_event(size=2000), limits=Limits(event_bytes=1000)) as (_, client):
        with pytest.raises(ResponseTooLargeError, match="1000"):
            await ask(client, stream=True)


async def test_a_split_character_can_be_printed() -> None:
    """``text_stream`` holds it back until it is whole."""
    async with running(accidents.split_character()) as (_, client):
        stream = client.chat.completions.stream(messages=MESSAGES)
        pieces = [text async for text in stream.text_stream]
        assert pieces == ["All is ", "\N{SLIGHTLY SMILING FACE}", " well"]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("form", ["gateway", "seconds", "date", "milliseconds", "body", "none"])
async def test_every_way_to_ask_for_patience(
    form: Literal["gateway", "seconds", "date", "milliseconds", "body", "none"], stream: bool
) -> None:
    """Whatever the form, the error tells the seconds, and one that is too long is not waited for."""
    async with running(accidents.rate_limited(retry_after=90, form=form)) as (gateway, client):
        with pytest.raises(RateLimitError) as caught:
            await ask(client.with_options(retry=QUICK if form != "none" else ONCE), stream=stream)
        assert caught.value.retry_after == (None if form == "none" else 90.0)
        assert len(gateway.requests) == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_a_burst_passes(stream: bool) -> None:
    """Failures that pass are tried again, and then all is fine."""
    burst = [accidents.overloaded(), accidents.html_error(), accidents.rate_limited(retry_after=0)]
    async with running(*burst, retry=QUICK) as (gateway, client):
        assert (await ask(client, stream=stream)).choices[0].message.text.startswith("You said:")
        assert len(gateway.requests) == 4


async def test_a_rejection_in_an_event_is_tried_again() -> None:
    """Since nothing was delivered before it."""
    async with running(accidents.error_frame_first(), retry=QUICK) as (gateway, client):
        assert (await ask(client, stream=True)).choices[0].message.text.startswith("You said:")
        assert len(gateway.requests) == 2


FINAL = ("cut_before_headers", "reset_before_headers", "spend_limit", "unauthorized", "redirect", "truncated")


@pytest.mark.parametrize("name", FINAL)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_is_never_tried_again(name: str, stream: bool) -> None:
    """What may have been billed already, and what no repetition changes."""
    async with running(accidents.ALL[name](), retry=QUICK) as (gateway, client):
        with pytest.raises(MeshAPIError):
            await ask(client, stream=stream)
        assert len(gateway.requests) == 1


async def test_the_end_of_the_body_and_the_connection() -> None:
    """One that comes late keeps the connection; one that does not come costs it, and nothing else."""
    async with running(accidents.late_terminator(), accidents.missing_terminator()) as (gateway, client):
        assert (await ask(client, stream=True)).choices[0].message.content == ALL_IS_WELL
        await until_idle(client)
        assert (await ask(client, stream=True)).choices[0].message.content == ALL_IS_WELL
        assert gateway.connections.opened == 1
        await gateway.disconnected(gateway.requests[1])
        assert (await ask(client, stream=False)).choices[0].message.text.startswith("You said:")
        assert gateway.connections.opened == 2


async def test_what_follows_the_end_mark_does_not_spoil_the_next_answer() -> None:
    """The second answer of ``done_twice`` is read by nobody."""
    async with running(accidents.done_twice()) as (_, client):
        assert (await ask(client, stream=True)).choices[0].message.content == ALL_IS_WELL
        assert (await ask(client, stream=True)).choices[0].message.text.startswith("You said:")


async def test_a_function_may_make_an_accident() -> None:
    """For instance of every second request."""
    async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token, retry=ONCE) as client:
        gateway.enqueue(*[lambda request: None if request.number % 2 else accidents.overloaded()] * 2)
        await ask(client, stream=False)
        with pytest.raises(InternalServerError):
            await ask(client, stream=False)
