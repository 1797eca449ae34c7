"""
What chat has to do, requirement by requirement, against a gateway on a real socket.

The rows are those of the vendor's page on chat completions, restated for Python: A construction, B answers
as a whole, C streams, D tools, E cancelling, F the page's own conventions. Each test has its row in its name.
"""

import asyncio
import copy
import inspect
import itertools
import json
import random
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs
import pytest

from meshapi_aio import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionStream,
    Choice,
    ChunkChoice,
    CreateChatCompletion,
    MeshAPI,
    MeshAPIError,
    Message,
    RateLimitError,
    Retry,
    StreamAPIError,
    StreamClosedError,
    StreamTruncatedError,
    every_call,
)
from meshapi_aio.testing import CUT, HANG, RESET, Answer, FakeGateway, ReceivedRequest, WaitFor


T = TypeVar("T")

ROWS = [
    f"{letter}{number}"
    for letter, last in {"A": 7, "B": 13, "C": 16, "D": 10, "E": 15, "F": 3}.items()
    for number in range(1, last + 1)
]

PATIENCE = 10.0  # seconds; a guard, so that what never comes fails the test instead of hanging it

MODEL = "openai/gpt-4o-mini"
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the current weather in a city",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "default": None},
                    "unit": {"enum": ["c", "f", None], "type": ["string", "null"]},
                },
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }
]
HAIKU = "静かさや\n岩にしみ入る\n\n蝉の声 🙂\u2028é\r\n"

COMPLETION: dict[str, Any] = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": MODEL,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 14, "completion_tokens": 7, "total_tokens": 21},
}
TAIL: dict[str, Any] = {"id": "c1", "choices": [], "usage": {"total_tokens": 21}}


def chunk(content: str | None = None, finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """Return a chunk as the gateway sends it."""
    delta = delta if content is None else {"content": content, **delta}
    ending = {} if finish_reason is None else {"finish_reason": finish_reason}
    return {"id": "c1", "choices": [{"index": 0, "delta": delta, **ending}]}


def pieces(*texts: str) -> list[Any]:
    """Return the chunks of a whole answer with this text."""
    return [chunk(role="assistant"), *map(chunk, texts), chunk(finish_reason="stop"), TAIL]


A_B_AND_NOTHING_MORE = Answer(events=[chunk("a"), chunk("b"), HANG])


async def soon(what: Awaitable[T]) -> T:
    """Wait for what must come."""
    return await asyncio.wait_for(what, PATIENCE)


async def ticks(number: int = 20) -> None:
    """Let everything run that is ready to."""
    for _ in range(number):
        await asyncio.sleep(0)


async def ask(client: MeshAPI, **more: Any) -> ChatCompletion:
    """Send a chat request that is answered as a whole."""
    return await soon(client.chat.completions.create(model=MODEL, messages=MESSAGES, **more))


def stream(client: MeshAPI, **more: Any) -> ChatCompletionStream:
    """Return a stream as the page makes it."""
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, **more)


async def read(chunks: ChatCompletionStream) -> list[ChatCompletionChunk]:
    """Iterate a stream to its end."""
    return [chunk async for chunk in chunks]


async def texts(chunks: ChatCompletionStream) -> list[str]:
    """Iterate a stream to its end as the page does, and return what it prints."""
    return [
        (chunk.choices[0].delta.content or "") if chunk.choices else "" for chunk in await soon(read(chunks))
    ]


class Reading:
    """A task that reads a stream, and what it has got so far."""

    def __init__(self, chunks: ChatCompletionStream) -> None:
        self.got: list[str] = []
        self.news = asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(self._read(chunks))

    async def _read(self, chunks: ChatCompletionStream) -> str:
        async for chunk in chunks:
            self.got.append(chunk.text)
            self.news.set()
        return "ended normally"

    async def until(self, *got: str) -> None:
        """Wait until just these texts have come."""
        while self.got != [*got]:
            await soon(self.news.wait())
            self.news.clear()

    async def outcome(self) -> object:
        """Wait for the end, and return what was raised, or how the loop ended."""
        (result,) = await soon(asyncio.gather(self.task, return_exceptions=True))
        return result


async def gone(gateway: FakeGateway, client: MeshAPI, request: ReceivedRequest) -> None:
    """Check that the client has left a request, and holds nothing of it."""
    await gateway.disconnected(request)
    await gateway.until(lambda: gateway.connections.open == 0)
    stats = client.stats()
    assert (stats.open, stats.in_flight, stats.queued) == (0, 0, 0)


# A. Construction.


async def test_a1_a_client_is_made_of_two_settings(gateway: FakeGateway) -> None:
    """A1: a base URL and a token are all that a client needs."""
    async with MeshAPI(base_url=gateway.base_url, token=gateway.token) as client:
        assert (await ask(client)).choices[0].message.content


@pytest.mark.parametrize("prefix", ["", "/mesh", "/a/b"])
@pytest.mark.parametrize("end", ["", "/", "//", "/v1", "/v1/"])
async def test_a2_any_base_url_is_joined_to_the_path(gateway: FakeGateway, prefix: str, end: str) -> None:
    """A2: any base URL will do; a trailing slash makes no difference, nor does ``/v1``."""
    gateway.enqueue(Answer(body=COMPLETION))
    async with MeshAPI(base_url=gateway.base_url + prefix + end, token=gateway.token) as client:
        await ask(client)
    assert gateway.requests[0].target == f"{prefix}/v1/chat/completions"


def test_a3_making_a_client_does_nothing() -> None:
    """A3: no await and no event loop is needed, so nothing can go over a network."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    assert not inspect.isawaitable(MeshAPI(base_url="https://api.yourdomain.example", token="rsk_key"))


async def test_a3_making_a_client_connects_to_nothing(gateway: FakeGateway) -> None:
    """A3: not even inside an event loop does a client begin anything before its first call."""
    client = MeshAPI(base_url=gateway.base_url, token=gateway.token)
    await ticks()
    assert gateway.connections.opened == 0
    await client.close()


@pytest.mark.parametrize("token", ["rsk_01J00000000000000000000000", "other-Key/+=~.!", "RSK_x rsk_y"])
async def test_a4_the_token_is_sent_as_it_is(token: str) -> None:
    """A4: each request carries the token as a bearer credential, neither checked nor rewritten."""
    async with FakeGateway(token=token) as gateway, MeshAPI(gateway.base_url, token) as client:
        await ask(client)
        await soon(read(stream(client)))
        sent = [request.headers["Authorization"] for request in gateway.requests]
    assert sent == [f"Bearer {token}"] * 2


async def test_a5_one_client_serves_several_calls(gateway: FakeGateway, client: MeshAPI) -> None:
    """A5: whole answers and streams follow each other on one client, and on one connection."""
    for _ in range(2):
        assert (await ask(client)).choices[0].message.content
        assert "".join(await texts(stream(client)))
    assert [request.outcome for request in gateway.requests] == ["completed"] * 4
    assert gateway.connections.opened == 1


async def test_a6_the_call_is_reached_as_documented(client: MeshAPI) -> None:
    """A6: client, chat, completions, create."""
    completion = await soon(client.chat.completions.create(model=MODEL, messages=MESSAGES))
    assert isinstance(completion, ChatCompletion)


async def test_a7_the_token_shows_nowhere(gateway: FakeGateway, client: MeshAPI) -> None:
    """A7: neither the repr of a client or call nor the text of any error holds the token, echoed or not."""
    token = gateway.token
    echo = {"error": {"code": "unauthorized", "message": f"bad {token}", "details": [token]}}
    gateway.enqueue(
        Answer(401, body=echo),
        Answer(401, body=echo),
        Answer(body=echo),
        Answer(events=[echo]),
        Answer(events=[chunk("a"), "{" + token]),
        Answer(body=f"<p>{token}</p>"),
        Answer(302, headers={"Location": f"https://x:{token}@example.com/?{token}"}),
        Answer(before=(CUT,)),
    )
    streams = (False, True, False, True, True, True, False, False)
    shown = [repr(client), repr(client.chat.completions), repr(stream(client))]
    client = client.with_options(retry=Retry(max_retries=0))
    for streaming in streams:
        with pytest.raises(MeshAPIError) as caught:
            await soon(read(stream(client)) if streaming else ask(client))
        shown += [str(caught.value), repr(caught.value), repr(vars(caught.value))]
        context = caught.value.__context__
        shown += [repr(context), repr(caught.value.__cause__)]
    assert len(gateway.requests) == len(streams)
    assert not [text for text in shown if token in text]


# B. Answers as a whole.


async def test_b1_a_whole_answer_is_one_object(client: MeshAPI) -> None:
    """B1: awaited without ``stream``, create returns one complete answer, which is no iterator."""
    completion = await soon(client.chat.completions.create(model=MODEL, messages=MESSAGES))
    assert isinstance(completion, ChatCompletion)
    assert not hasattr(completion, "__aiter__")
    assert not hasattr(completion, "__iter__")


async def test_b2_the_request_is_one_post(gateway: FakeGateway, client: MeshAPI) -> None:
    """B2: one POST to ``/v1/chat/completions`` with a JSON body."""
    await ask(client)
    (request,) = gateway.requests
    assert (request.method, request.target) == ("POST", "/v1/chat/completions")
    assert request.headers["Content-Type"] == "application/json"
    assert isinstance(request.json, dict)


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "a/b:free", "auto", "Ünïcode/Ω.1"])
async def test_b3_the_model_is_passed_through(gateway: FakeGateway, client: MeshAPI, model: str) -> None:
    """B3: the name of the model goes out unchanged."""
    await soon(client.chat.completions.create(model=model, messages=MESSAGES))
    assert gateway.requests[0].json["model"] == model


@pytest.mark.parametrize("as_objects", [False, True])
async def test_b4_messages_keep_order_and_roles(
    gateway: FakeGateway, client: MeshAPI, as_objects: bool
) -> None:
    """B4: a system message and those that follow go out in order, whether dicts or ``Message`` objects."""
    wanted = [*MESSAGES, {"role": "assistant", "content": "Paris"}, {"role": "user", "content": "Sure?"}]
    given: list[Any] = (
        [Message(role=m["role"], content=m["content"]) for m in wanted] if as_objects else wanted
    )
    await soon(client.chat.completions.create(model=MODEL, messages=given))
    assert gateway.requests[0].json["messages"] == wanted


async def test_b5_temperature_is_a_number(gateway: FakeGateway, client: MeshAPI) -> None:
    """B5: 0.7 goes out as the number 0.7."""
    await ask(client, temperature=0.7)
    assert b'"temperature":0.7' in gateway.requests[0].body
    assert gateway.requests[0].json["temperature"] == 0.7


async def test_b6_max_tokens_is_an_integer(gateway: FakeGateway, client: MeshAPI) -> None:
    """B6: 256 goes out as an integer, under exactly this name."""
    await ask(client, max_tokens=256)
    assert type(gateway.requests[0].json["max_tokens"]) is int
    assert gateway.requests[0].json["max_tokens"] == 256


@pytest.mark.parametrize("given", [{}, {"temperature": None, "max_tokens": None, "tools": None}])
async def test_b7_what_was_not_given_is_absent(
    gateway: FakeGateway, client: MeshAPI, given: dict[str, Any]
) -> None:
    """B7: arguments that were not given, or given as None, are not in the body, not even as null."""
    await ask(client, **given)
    assert gateway.requests[0].json == {"model": MODEL, "messages": MESSAGES, "stream": False}


async def test_b8_choices_may_be_empty(gateway: FakeGateway, client: MeshAPI) -> None:
    """B8: an answer without choices is no error of the client; the caller can look first."""
    gateway.enqueue(Answer(body={**COMPLETION, "choices": []}), Answer(body={**COMPLETION, "choices": None}))
    for _ in range(2):
        completion = await ask(client)
        assert isinstance(completion.choices, list)
        assert (completion.choices[0].message.content if completion.choices else "nothing") == "nothing"


async def test_b9_the_first_choice_has_text(gateway: FakeGateway, client: MeshAPI) -> None:
    """B9: ``choices[0].message.content`` is the text, to the letter."""
    gateway.enqueue(
        Answer(body={**COMPLETION, "choices": [{"message": {"role": "assistant", "content": HAIKU}}]})
    )
    assert (await ask(client)).choices[0].message.content == HAIKU


@pytest.mark.parametrize("null", [False, True])
async def test_b10_usage_may_be_absent(gateway: FakeGateway, client: MeshAPI, null: bool) -> None:
    """B10: without usage the answer is read, and ``usage`` is None."""
    body = {key: value for key, value in COMPLETION.items() if key != "usage"}
    gateway.enqueue(Answer(body={**body, "usage": None} if null else body))
    completion = await ask(client)
    assert completion.usage is None
    assert completion.choices[0].message.content == "Paris"


async def test_b11_total_tokens_is_an_integer(gateway: FakeGateway, client: MeshAPI) -> None:
    """B11: where there is usage, ``usage.total_tokens`` is an integer."""
    gateway.enqueue(Answer(body=COMPLETION))
    usage = (await ask(client)).usage
    assert usage is not None
    assert type(usage.total_tokens) is int
    assert usage.total_tokens == 21


@pytest.mark.parametrize(
    "message", [{"role": "assistant", "content": None}, {"role": "assistant"}, {"content": None}, {}, None]
)
async def test_b12_a_choice_has_a_message(gateway: FakeGateway, client: MeshAPI, message: object) -> None:
    """B12: ``message`` is there on each choice, while its ``content`` may be null."""
    gateway.enqueue(Answer(body={**COMPLETION, "choices": [{"index": 0, "message": message}]}))
    answered = (await ask(client)).choices[0].message
    assert isinstance(answered, Message)
    assert answered.content is None
    assert answered.role == "assistant"


async def test_b13_unknown_keys_break_nothing(gateway: FakeGateway, client: MeshAPI) -> None:
    """B13: keys that the client does not know, at every level, break nothing and are kept."""
    body = copy.deepcopy(COMPLETION)
    for place in (body, body["choices"][0], body["choices"][0]["message"], body["usage"]):
        place["x_new"] = {"a": [1, None]}
    gateway.enqueue(Answer(body=body))
    completion = await ask(client)
    assert completion.choices[0].message.content == "Paris"
    assert completion.to_dict() == body


# C. Streams.


async def test_c1_with_stream_the_same_method_gives_something_to_iterate(client: MeshAPI) -> None:
    """C1: the same create, with ``stream=True``, is iterated with ``async for``."""
    chunks = client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
    assert isinstance(chunks, ChatCompletionStream)
    assert await soon(read(chunks))


async def test_c2_no_await_is_needed(client: MeshAPI) -> None:
    """C2: the loop stands directly around the call; awaiting it first is allowed and gives the same."""
    direct, awaited = "", ""
    async for piece in client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
        direct += piece.text
    async for piece in await client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
        awaited += piece.text
    assert direct == awaited != ""


async def test_c3_nothing_is_sent_before_the_first_step(gateway: FakeGateway, client: MeshAPI) -> None:
    """C3: calling create sends nothing; the request goes out at the first step."""
    chunks = stream(client)
    await ticks()
    assert (gateway.connections.opened, gateway.requests) == (0, [])
    await soon(anext(chunks))
    assert len(gateway.requests) == 1
    chunks.close()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(401, body={"error": {"code": "unauthorized", "message": "no"}}), AuthenticationError),
        (Answer(429, body={"error": {"message": "slow"}}), RateLimitError),
        (Answer(418, body="teapot"), APIStatusError),
        (Answer(events=[{"error": {"code": "invalid_request", "message": "no"}}]), StreamAPIError),
        (Answer(before=(CUT,)), APIConnectionError),
        (None, APIConnectionError),
    ],
)
async def test_c4_errors_surface_in_the_loop(
    gateway: FakeGateway, answer: Answer | None, kind: type[MeshAPIError]
) -> None:
    """C4: failed connections, credentials and statuses are raised where a try around the loop is."""
    if answer is None:
        await gateway.close()
    else:
        gateway.enqueue(answer)
    async with MeshAPI(gateway.base_url, gateway.token, retry=Retry(max_retries=0)) as client:
        chunks = stream(client)
        with pytest.raises(kind):
            async for _ in chunks:
                pytest.fail("there is no chunk")


async def test_c5_the_body_says_stream(gateway: FakeGateway, client: MeshAPI) -> None:
    """C5: the JSON body carries ``"stream": true``."""
    await soon(read(stream(client)))
    assert gateway.requests[0].json == {"model": MODEL, "messages": MESSAGES, "stream": True}


async def test_c6_each_item_is_a_chunk(gateway: FakeGateway, client: MeshAPI) -> None:
    """C6: what is iterated are parsed objects with attributes."""
    gateway.enqueue(Answer(events=pieces("Hi")))
    chunks = await soon(read(stream(client)))
    assert {type(piece) for piece in chunks} == {ChatCompletionChunk}
    assert chunks[1].choices[0].delta.content == "Hi"
    assert chunks[2].choices[0].finish_reason == "stop"


async def test_c7_a_chunk_without_choices_is_delivered(gateway: FakeGateway, client: MeshAPI) -> None:
    """C7: the tail with the usage comes like any other chunk, and raises nothing."""
    gateway.enqueue(Answer(events=pieces("Hi")))
    tail = (await soon(read(stream(client))))[-1]
    assert tail.choices == []
    assert tail.usage is not None
    assert tail.usage.total_tokens == 21


@pytest.mark.parametrize("delta", [{}, {"content": None}, {"content": ""}, {"role": "assistant"}, None])
async def test_c8_no_content_counts_as_no_text(gateway: FakeGateway, client: MeshAPI, delta: object) -> None:
    """C8: content that is absent or null counts as empty text."""
    empty = {"choices": [{"index": 0, "delta": delta}]}
    gateway.enqueue(Answer(events=[chunk("a"), empty, chunk("b", "stop")]))
    chunks = stream(client)
    assert await texts(chunks) == ["a", "", "b"]
    assert (await soon(chunks.get_final_completion())).choices[0].message.content == "ab"


async def test_c9_the_text_is_exact_however_the_bytes_are_cut(gateway: FakeGateway, client: MeshAPI) -> None:
    """C9: chunks come in order, and their text is the whole, whatever packets they travel in."""
    sent = [*HAIKU, *(f" {number}" for number in range(50)), HAIKU]
    data = b"".join(
        b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n" for event in pieces(*sent)
    )
    draw = random.Random(7)
    for number in (0, 1, 7, 50, 200):
        places = sorted(draw.sample(range(len(data)), number))
        cut = [data[start:end] for start, end in itertools.pairwise([0, *places, len(data)])]
        gateway.enqueue(Answer(events=cut))
        assert [text for text in await texts(stream(client)) if text] == sent


async def test_c10_each_chunk_is_handed_over_at_once(gateway: FakeGateway, client: MeshAPI) -> None:
    """C10: a chunk arrives while the answer is still being made, not when it is over."""
    steps = [asyncio.Event() for _ in range(3)]
    sent = [event for step in steps for event in (chunk("x"), WaitFor(step))]
    gateway.enqueue(Answer(events=[*sent, chunk("end", "stop")]))
    chunks = stream(client)
    for step in steps:
        assert (await soon(anext(chunks))).text == "x"
        assert gateway.requests[0].outcome == "pending"
        step.set()
    assert await texts(chunks) == ["end"]


async def test_c11_the_loop_ends_by_itself(gateway: FakeGateway, client: MeshAPI) -> None:
    """C11: the end mark ends the loop and is no chunk, and nothing that follows it is one."""
    gateway.enqueue(
        Answer(events=[*pieces("Hi"), "[DONE]", chunk("late"), "{"]),
        Answer(events=[*pieces("Hi"), "[DONE]", HANG]),
    )
    for _ in range(2):
        assert [piece.to_dict() for piece in await soon(read(stream(client)))] == pieces("Hi")


async def test_c12_after_the_loop_the_connection_is_free(gateway: FakeGateway, client: MeshAPI) -> None:
    """C12: after the loop all the text is there, and the connection serves the next call."""
    gateway.enqueue(Answer(events=pieces("Pa", "ris")))
    text = "".join(await texts(stream(client)))
    assert text == "Paris"
    assert client.stats().in_flight == 0
    await ask(client)
    assert gateway.connections.opened == 1


@pytest.mark.parametrize("ending", [[CUT], [RESET], [b'data: {"choices":', CUT], []])
@pytest.mark.parametrize("before", [0, 3])
async def test_c13_an_interrupted_stream_raises(
    gateway: FakeGateway, client: MeshAPI, ending: list[Any], before: int
) -> None:
    """C13: a stream that was cut, or that ends without mark and finish reason, never looks finished."""
    gateway.enqueue(Answer(events=[chunk("a")] * before + ending, done=False))
    reading = Reading(stream(client))
    error = await reading.outcome()
    assert isinstance(error, StreamTruncatedError)
    assert error.chunks_seen == before
    if RESET not in ending:  # after which the system itself may drop what was received
        assert reading.got == ["a"] * before


async def test_c14_text_arrives_unchanged(gateway: FakeGateway, client: MeshAPI) -> None:
    """C14: line breaks and characters of any script arrive as they were sent, escaped or not."""
    raw, escaped = (json.dumps(chunk(HAIKU, "stop"), ensure_ascii=ascii_only) for ascii_only in (False, True))
    gateway.enqueue(Answer(events=[f"{raw}"]), Answer(events=[escaped]))
    for _ in range(2):
        chunks = stream(client)
        assert await texts(chunks) == [HAIKU]
        assert (await soon(chunks.get_final_completion())).choices[0].message.content == HAIKU


async def test_c15_two_streams_do_not_mix(gateway: FakeGateway, client: MeshAPI) -> None:
    """C15: two streams of one client, read in turns, each give their own chunks."""
    steps = [asyncio.Event() for _ in range(2)]
    for step, name in zip(steps, "ab", strict=True):
        gateway.enqueue(Answer(events=[chunk(f"{name}1"), WaitFor(step), chunk(f"{name}2", "stop")]))
    first, second = stream(client), stream(client)
    assert (await soon(anext(first))).text == "a1"
    assert (await soon(anext(second))).text == "b1"
    steps[1].set()
    assert await texts(second) == ["b2"]
    steps[0].set()
    assert await texts(first) == ["a2"]


async def test_c16_a_second_iteration_gives_nothing(gateway: FakeGateway, client: MeshAPI) -> None:
    """C16: iterating a finished or failed stream again ends at once and sends nothing."""
    gateway.enqueue(Answer(events=pieces("Hi")), Answer(events=[chunk("a"), CUT]))
    whole, broken = stream(client), stream(client)
    assert await soon(read(whole))
    with pytest.raises(StreamTruncatedError):
        await soon(read(broken))
    assert await soon(read(whole)) == await soon(read(broken)) == []
    assert len(gateway.requests) == 2


# D. Streaming with tools.


def called(**piece: Any) -> dict[str, Any]:
    """Return a chunk with a piece of a tool call."""
    return chunk(tool_calls=[piece])


CALL_PIECES = [
    called(index=0, id="call_1", type="function", function={"name": "get_weather", "arguments": ""}),
    called(index=0, function={"arguments": '{"city"'}),
    called(index=0, function={"arguments": ': "Paris"}'}),
    chunk(finish_reason="tool_calls"),
]


async def test_d1_tools_are_sent_unchanged(gateway: FakeGateway, client: MeshAPI) -> None:
    """D1: the list of functions goes out as it was given, and stays as it was."""
    tools = copy.deepcopy(TOOLS)
    await ask(client, tools=tools)
    assert gateway.requests[0].json["tools"] == tools == TOOLS


async def test_d2_the_schema_is_not_touched(gateway: FakeGateway, client: MeshAPI) -> None:
    """D2: a JSON schema goes out to the letter: its order, its nulls, and keys that nobody knows."""
    schema = {"zeta": 1, "type": "object", "x-odd": {"b": None, "a": [None, {"c": 1.0}]}, "required": []}
    await ask(client, tools=[{"type": "function", "function": {"name": "f", "parameters": schema}}])
    written = json.dumps(schema, separators=(",", ":")).encode()
    assert b'"parameters":' + written in gateway.requests[0].body


@pytest.mark.parametrize(
    "choice", ["auto", "none", "required", {"type": "function", "function": {"name": "get_weather"}}]
)
async def test_d3_tool_choice_is_sent_unchanged(gateway: FakeGateway, client: MeshAPI, choice: Any) -> None:
    """D3: ``auto`` and the other choices go out as they were given."""
    await ask(client, tools=TOOLS, tool_choice=choice)
    assert gateway.requests[0].json["tool_choice"] == choice


async def test_d4_tools_and_stream_go_together(gateway: FakeGateway, client: MeshAPI) -> None:
    """D4: one call may stream and offer tools."""
    chunks = await soon(read(stream(client, tools=TOOLS, tool_choice="auto")))
    assert chunks
    sent = gateway.requests[0].json
    assert (sent["tools"], sent["tool_choice"], sent["stream"]) == (TOOLS, "auto", True)


async def test_d5_a_delta_holds_text_or_tool_calls(gateway: FakeGateway, client: MeshAPI) -> None:
    """D5: neither key is required; what is not there reads as None."""
    gateway.enqueue(Answer(events=[chunk("a"), *CALL_PIECES, chunk()]))
    deltas = [piece.choices[0].delta for piece in await soon(read(stream(client, tools=TOOLS)))]
    has = [(delta.content is not None, delta.tool_calls is not None) for delta in deltas]
    assert has == [(True, False), (False, True), (False, True), (False, True), (False, False), (False, False)]


@pytest.mark.parametrize("choice", [{}, {"index": 0}, {"index": 0, "delta": None}])
async def test_d6_the_delta_may_be_missing(
    gateway: FakeGateway, client: MeshAPI, choice: dict[str, Any]
) -> None:
    """D6: a chunk whose choice has no delta is read, and guarded and unguarded access both work."""
    gateway.enqueue(Answer(events=[{"choices": [choice]}]))
    (piece,) = await soon(read(stream(client)))
    delta = piece.choices[0].delta
    assert (delta.content, delta.tool_calls, piece.text) == (None, None, "")


@pytest.mark.parametrize(
    "delta",
    [
        {"role": "assistant", "content": HAIKU},
        CALL_PIECES[0]["choices"][0]["delta"],
        CALL_PIECES[1]["choices"][0]["delta"],
        {"content": "a", "x_new": {"b": [1, None]}, "reasoning_content": "hm"},
        {"tool_calls": [{"index": 0, "x_new": 1, "function": {"arguments": "{", "x_new": None}}]},
        {},
    ],
)
async def test_d7_a_delta_is_json_again(gateway: FakeGateway, client: MeshAPI, delta: dict[str, Any]) -> None:
    """D7: a delta is written as JSON without the loss of a key that the gateway sent."""
    gateway.enqueue(Answer(events=[chunk(**delta)]))
    (piece,) = await soon(read(stream(client)))
    assert piece.choices[0].delta.to_dict() == delta
    assert json.loads(piece.choices[0].delta.to_json()) == delta


async def test_d8_a_missing_delta_is_json_too(gateway: FakeGateway, client: MeshAPI) -> None:
    """D8: a delta that is missing is written as nothing, and the chunk does not make it up."""
    gateway.enqueue(Answer(events=[{"choices": [{"index": 0}]}]))
    (piece,) = await soon(read(stream(client)))
    assert piece.choices[0].delta.to_json() == "{}"
    assert piece.to_dict() == {"choices": [{"index": 0}]}


async def test_d9_pieces_of_tool_calls_come_raw(gateway: FakeGateway, client: MeshAPI) -> None:
    """D9: each piece is handed over as it came; the assembled call is there beside it."""
    gateway.enqueue(Answer(events=CALL_PIECES))
    chunks = stream(client, tools=TOOLS)
    got = [piece.choices[0].delta for piece in await soon(read(chunks))]
    assert [delta.to_dict() for delta in got] == [piece["choices"][0]["delta"] for piece in CALL_PIECES]
    (call,) = (await soon(chunks.get_final_completion())).choices[0].message.tool_calls or []
    assert (call.id, call.function.name, call.function.arguments) == (
        "call_1",
        "get_weather",
        '{"city": "Paris"}',
    )


async def test_d10_a_model_may_answer_in_text(gateway: FakeGateway, client: MeshAPI) -> None:
    """D10: an answer in plain text, although tools were offered, is a stream like any other."""
    gateway.enqueue(Answer(events=pieces("No", " tool")))
    chunks = stream(client, tools=TOOLS, tool_choice="auto")
    assert "".join(await texts(chunks)) == "No tool"
    message = (await soon(chunks.get_final_completion())).choices[0].message
    assert (message.content, message.tool_calls) == ("No tool", None)


# E. Cancelling.

Cancel = Callable[[Reading, ChatCompletionStream], object]

WAYS: dict[str, tuple[Cancel, type[BaseException]]] = {
    "task.cancel()": (lambda reading, _stream: reading.task.cancel(), asyncio.CancelledError),
    "stream.close()": (lambda _reading, stream: stream.close(), StreamClosedError),
}
ways = pytest.mark.parametrize(("cancel", "kind"), WAYS.values(), ids=WAYS)


async def test_e1_options_are_not_in_the_body(gateway: FakeGateway, client: MeshAPI) -> None:
    """E1: what belongs to one call but not to its body is set by ``with_options``, and never in the JSON."""
    other = client.with_options(retry=Retry(max_retries=0), request_id="mine", cache=False)
    chunks = stream(other)
    await soon(read(chunks))
    chunks.close()
    assert set(gateway.requests[0].json) == {"model", "messages", "stream"}


@ways
async def test_e2_a_stream_is_cancelled_from_outside(
    gateway: FakeGateway, client: MeshAPI, cancel: Cancel, kind: type[BaseException]
) -> None:
    """E2: a timer of another task cancels the loop while it waits for the next chunk."""
    gateway.enqueue(A_B_AND_NOTHING_MORE)
    chunks = stream(client)
    reading = Reading(chunks)
    await reading.until("a", "b")
    asyncio.get_running_loop().call_later(0, cancel, reading, chunks)
    assert type(await reading.outcome()) is kind


@ways
@pytest.mark.parametrize("answer", [A_B_AND_NOTHING_MORE, Answer(events=[HANG]), Answer(before=(HANG,))])
async def test_e3_cancelling_takes_effect_at_once(
    gateway: FakeGateway, client: MeshAPI, answer: Answer, cancel: Cancel, kind: type[BaseException]
) -> None:
    """E3: although no byte arrives, the reader is free after a few ticks of the loop, no time in between."""
    gateway.enqueue(answer)
    chunks = stream(client)
    reading = Reading(chunks)
    request = await gateway.received()
    await reading.until(*"ab" if answer is A_B_AND_NOTHING_MORE else "")
    cancel(reading, chunks)
    await ticks()
    assert reading.task.done()
    assert type(await reading.outcome()) is kind
    await gone(gateway, client, request)


@ways
async def test_e4_what_came_before_stays(
    gateway: FakeGateway, client: MeshAPI, cancel: Cancel, kind: type[BaseException]
) -> None:
    """E4: chunks from before the cancellation were delivered, and stay as they are."""
    gateway.enqueue(A_B_AND_NOTHING_MORE)
    chunks = stream(client)
    reading = Reading(chunks)
    await reading.until("a", "b")
    cancel(reading, chunks)
    error = await reading.outcome()
    assert reading.got == ["a", "b"]
    if isinstance(error, StreamClosedError):
        assert error.chunks_seen == 2
        assert error.partial.choices[0].message.content == "ab"
    assert type(error) is kind


@ways
async def test_e5_a_cancelled_stream_never_looks_complete(
    gateway: FakeGateway, client: MeshAPI, cancel: Cancel, kind: type[BaseException]
) -> None:
    """E5: the loop is left by raising, and later steps raise too; also where the rest had arrived already."""
    gateway.enqueue(A_B_AND_NOTHING_MORE, Answer(events=pieces("a")))
    chunks, whole = stream(client), stream(client)
    reading = Reading(chunks)
    await reading.until("a", "b")
    cancel(reading, chunks)
    assert type(await reading.outcome()) is kind
    await soon(anext(whole))
    whole.close()
    for closed in (chunks, whole):
        with pytest.raises(StreamClosedError):
            await soon(read(closed))
        with pytest.raises(StreamClosedError):
            await soon(closed.get_final_completion())


async def test_e6_cancellation_is_told_by_its_kind(gateway: FakeGateway, client: MeshAPI) -> None:
    """E6: CancelledError, the user's own TimeoutError and StreamClosedError differ from all that fails."""
    gateway.enqueue(A_B_AND_NOTHING_MORE, A_B_AND_NOTHING_MORE, A_B_AND_NOTHING_MORE)
    reading = Reading(stream(client))
    await reading.until("a", "b")
    reading.task.cancel()
    assert type(await reading.outcome()) is asyncio.CancelledError
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(PATIENCE) as patience:
            async for piece in stream(client):
                if piece.text == "b":
                    patience.reschedule(0)
    assert not isinstance(caught.value, MeshAPIError)
    chunks = stream(client)
    with pytest.raises(StreamClosedError):
        async for piece in chunks:
            if piece.text == "b":
                chunks.close()
    assert not issubclass(StreamClosedError, (APIConnectionError, APIStatusError, asyncio.CancelledError))


@ways
@pytest.mark.parametrize(
    "case",
    [
        (Answer(events=[chunk("a"), CUT]), StreamTruncatedError),
        (Answer(events=[chunk("a"), {"error": {"message": "no"}}]), StreamAPIError),
        (Answer(404, body={"detail": "no"}), APIStatusError),
    ],
)
async def test_e7_other_errors_are_not_cancellation(
    gateway: FakeGateway,
    client: MeshAPI,
    case: tuple[Answer, type[MeshAPIError]],
    cancel: Cancel,
    kind: type[BaseException],
) -> None:
    """E7: what failed by itself is told as that, also where the cancellation comes too late."""
    answer, failure = case
    gateway.enqueue(answer)
    chunks = stream(client)
    reading = Reading(chunks)
    error = await reading.outcome()
    assert isinstance(error, failure)
    assert not isinstance(error, kind)
    cancel(reading, chunks)
    with pytest.raises(failure) as caught:
        await soon(chunks.get_final_completion())
    assert caught.value is error


@pytest.mark.parametrize("answer", [A_B_AND_NOTHING_MORE, Answer(before=(HANG,)), Answer(503)])
@pytest.mark.parametrize("streaming", [True, False])
async def test_e8_cancellation_stays_cancellation(
    gateway: FakeGateway, client: MeshAPI, answer: Answer, streaming: bool
) -> None:
    """E8: CancelledError is neither swallowed nor made into an error of the client, in a pause neither."""
    gateway.enqueue(answer)
    patient = client.with_options(retry=Retry(backoff=1000, backoff_cap=1000))
    task: asyncio.Future[Any] = asyncio.ensure_future(read(stream(patient)) if streaming else ask(patient))
    request = await gateway.received()
    await gateway.until(lambda: request.outcome == "completed" or answer.status == 200)
    await ticks()
    task.cancel()
    (result,) = await soon(asyncio.gather(task, return_exceptions=True))
    assert type(result) is asyncio.CancelledError
    assert task.cancelled()


@ways
@pytest.mark.parametrize("answer", [A_B_AND_NOTHING_MORE, Answer(before=(HANG,))])
async def test_e9_nothing_is_left_over(
    gateway: FakeGateway, client: MeshAPI, answer: Answer, cancel: Cancel, kind: type[BaseException]
) -> None:
    """E9: after cancelling, the connection is closed and no task is left; the next call gets a fresh one."""
    gateway.enqueue(answer)
    before = asyncio.all_tasks()
    chunks = stream(client)
    reading = Reading(chunks)
    request = await gateway.received()
    await reading.until(*"ab" if answer is A_B_AND_NOTHING_MORE else "")
    cancel(reading, chunks)
    assert type(await reading.outcome()) is kind
    await gone(gateway, client, request)
    await ticks()
    assert asyncio.all_tasks() == before
    assert (await ask(client)).choices
    assert gateway.connections.opened == 2


@ways
@pytest.mark.parametrize("answer", [A_B_AND_NOTHING_MORE, Answer(events=[HANG]), Answer(before=(HANG,))])
async def test_e10_a_cancelled_stream_is_not_retried(
    gateway: FakeGateway, client: MeshAPI, answer: Answer, cancel: Cancel, kind: type[BaseException]
) -> None:
    """E10: there is one request and no other, although retries without a pause are allowed."""
    gateway.enqueue(answer)
    chunks = stream(client.with_options(retry=Retry(backoff=0, unanswered=True)))
    reading = Reading(chunks)
    request = await gateway.received()
    cancel(reading, chunks)
    assert type(await reading.outcome()) is kind
    await gone(gateway, client, request)
    await ticks()
    assert len(gateway.requests) == 1


@ways
async def test_e11_cancelled_before_the_start_nothing_is_sent(
    gateway: FakeGateway, client: MeshAPI, cancel: Cancel, kind: type[BaseException]
) -> None:
    """E11: a stream that is cancelled before its first step opens no connection."""
    chunks = stream(client)
    reading = Reading(chunks)
    cancel(reading, chunks)
    assert type(await reading.outcome()) is kind
    await ticks()
    assert (gateway.connections.opened, gateway.requests) == (0, [])


@ways
async def test_e11_cancelled_before_the_headers(
    gateway: FakeGateway, client: MeshAPI, cancel: Cancel, kind: type[BaseException]
) -> None:
    """E11: cancelling before the gateway has answered anything works the same way."""
    gateway.enqueue(Answer(before=(HANG,)))
    chunks = stream(client)
    reading = Reading(chunks)
    request = await gateway.received()
    cancel(reading, chunks)
    assert type(await reading.outcome()) is kind
    await gone(gateway, client, request)


@ways
async def test_e12_cancelling_after_the_end_changes_nothing(
    gateway: FakeGateway, client: MeshAPI, cancel: Cancel, kind: type[BaseException]
) -> None:
    """E12: a timer that fires late finds a finished stream, which stays finished; its connection is kept."""
    gateway.enqueue(Answer(events=pieces("Hi")))
    chunks = stream(client)
    reading = Reading(chunks)
    assert await reading.outcome() == "ended normally"
    cancel(reading, chunks)
    assert await reading.outcome() == "ended normally"
    assert (await soon(chunks.get_final_completion())).choices[0].message.content == "Hi"
    assert not await soon(read(chunks))
    await ask(client)
    assert gateway.connections.opened == 1


async def test_e13_no_handle_is_needed(gateway: FakeGateway, client: MeshAPI) -> None:
    """E13: a stream that nobody means to cancel behaves the same as one in a block or under a timeout."""
    gateway.enqueue(*[Answer(events=pieces("Pa", "ris"))] * 3)
    plain = await texts(stream(client))
    async with asyncio.timeout(PATIENCE):
        timed = await texts(stream(client))
    async with stream(client) as chunks:
        entered = await texts(chunks)
    assert plain == timed == entered == ["", "Pa", "ris", "", ""]
    assert len({request.body for request in gateway.requests}) == 1


@ways
@pytest.mark.parametrize("other_streams", [True, False])
async def test_e14_other_calls_go_on(
    gateway: FakeGateway, client: MeshAPI, other_streams: bool, cancel: Cancel, kind: type[BaseException]
) -> None:
    """E14: cancelling one stream does not disturb another call of the same client."""
    step = asyncio.Event()
    rest = [chunk("y", "stop")] if other_streams else [json.dumps(COMPLETION).encode()]
    start = [chunk("x")] if other_streams else [b" "]
    gateway.enqueue(A_B_AND_NOTHING_MORE, Answer(events=[*start, WaitFor(step), *rest], done=other_streams))
    chunks = stream(client)
    reading = Reading(chunks)
    await reading.until("a", "b")
    other = asyncio.ensure_future(texts(stream(client)) if other_streams else ask(client))
    await gateway.received(2)
    cancel(reading, chunks)
    assert type(await reading.outcome()) is kind
    await gateway.disconnected(gateway.requests[0])
    step.set()
    result = await soon(other)
    assert result == ["x", "y"] if other_streams else isinstance(result, ChatCompletion)


async def test_e15_break_and_close_free_the_connection(gateway: FakeGateway, client: MeshAPI) -> None:
    """E15: leaving the loop early and then closing the stream, by hand or by its block, frees all."""
    gateway.enqueue(A_B_AND_NOTHING_MORE, A_B_AND_NOTHING_MORE)
    chunks = stream(client)
    async for _ in chunks:
        break
    chunks.close()
    await gone(gateway, client, gateway.requests[0])
    async with stream(client) as chunks:
        async for _ in chunks:
            break
    await gone(gateway, client, gateway.requests[1])


# F. The page's own conventions.


def test_f1_the_pages_of_the_documentation_are_not_the_clients() -> None:
    """
    F1: ``.md`` addresses, ``llms.txt`` and the documentation's own server are no behaviour of a client.

    What can be checked is that no call goes there.
    """
    assert every_call()
    for call in every_call().values():
        assert re.fullmatch(r"/v1/[^.]*", call.route.path)


async def test_f2_the_pages_examples_need_no_settings(gateway: FakeGateway, client: MeshAPI) -> None:
    """
    F2: the page says nothing of error codes, retries, headers and time limits, so none may be needed.

    Its four examples run with the two settings and the arguments that it shows.
    """
    completion = await soon(
        client.chat.completions.create(model=MODEL, messages=MESSAGES, temperature=0.7, max_tokens=256)
    )
    assert completion.choices[0].message.content if completion.choices else None
    assert completion.usage.total_tokens if completion.usage else None
    haiku = [{"role": "user", "content": "Write a haiku about the sea."}]
    full = ""
    async for piece in client.chat.completions.create(model=MODEL, messages=haiku, stream=True):
        full += (piece.choices[0].delta.content or "") if piece.choices else ""
    assert full
    deltas: list[str] = []
    async for piece in client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Use get_weather for Paris."}],
        tools=TOOLS,
        tool_choice="auto",
        stream=True,
    ):
        deltas += [choice.delta.to_json() for choice in piece.choices]
    assert any("get_weather" in delta for delta in deltas)
    gateway.enqueue(A_B_AND_NOTHING_MORE)
    chunks = client.chat.completions.create(model=MODEL, messages=haiku, stream=True)
    asyncio.get_running_loop().call_later(0.01, chunks.close)
    with pytest.raises(StreamClosedError):
        await soon(read(chunks))


def test_f3_settings_are_pythons_and_fields_are_the_wires() -> None:
    """F3: settings are named as Python does, and what is on the wire as it is there."""
    settings = inspect.signature(MeshAPI).parameters
    assert {"base_url", "token"} <= settings.keys()
    assert all(name == name.lower() for name in settings)
    assert {"max_tokens", "tool_choice"} <= inspect.signature(CreateChatCompletion).parameters.keys()
    replies: list[Any] = [Choice, ChunkChoice]
    whole, streamed = (attrs.fields_dict(reply).keys() for reply in replies)
    assert {"index", "message", "finish_reason"} <= whole
    assert {"index", "delta", "finish_reason"} <= streamed


# The table is whole.


def test_every_row_has_its_test() -> None:
    """Each requirement is named by at least one test, in its name and at the beginning of its docstring."""
    tests = {name: test for name, test in vars(sys.modules[__name__]).items() if name.startswith("test_")}
    del tests["test_every_row_has_its_test"]
    rows = {name: name.split("_")[1].upper() for name in tests}
    assert set(rows.values()) == set(ROWS)
    assert [
        name for name, row in rows.items() if not tests[name].__doc__.strip().startswith(f"{row}: ")
    ] == []
