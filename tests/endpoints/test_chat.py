"""Chat completions: requests as the gateway documents them, and streams that fold into whole answers."""

import asyncio
import inspect
import json
import math
from collections.abc import Sequence
from typing import Any

import pytest

from meshapi_aio._answer import Answer
from meshapi_aio._batch import Alike, Batch
from meshapi_aio._codec import structurer
from meshapi_aio._json import dumps, loads
from meshapi_aio._meta import Meta
from meshapi_aio._pump import Opening, Pump
from meshapi_aio._scope import Scope
from meshapi_aio._wire import read_reply
from meshapi_aio.call import CALLS, Route
from meshapi_aio.endpoints._messages import FunctionCall, IncompleteToolCall, Message, ToolCall
from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.endpoints.chat import (
    Chat,
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionStream,
    Choice,
    CreateChatCompletion,
    StreamChatCompletion,
)
from meshapi_aio.errors import (
    APIConnectionError,
    APIStatusError,
    MeshAPIError,
    StreamAPIError,
    StreamClosedError,
    StreamTruncatedError,
)
from meshapi_aio.settings import Settings, Timeout


USER = {"role": "user", "content": "What is the capital of France?"}

# The request.


def test_the_documented_request() -> None:
    """Every value goes out under its own name and as it was given (rows B3 to B7, C5, D1 to D4)."""
    tools = [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "Get the weather",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string", "default": None}},
                    "required": ["city"],
                },
            },
        }
    ]
    call = StreamChatCompletion(
        model="openai/gpt-4o-mini",
        messages=[{"role": "system", "content": "Be brief."}, Message.user("What is the weather in Köln?")],
        temperature=0.7,
        max_tokens=256,
        tools=tools,
        tool_choice="auto",
    )
    assert loads(dumps(call.body())) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is the weather in Köln?"},
        ],
        "model": "openai/gpt-4o-mini",
        "temperature": 0.7,
        "max_tokens": 256,
        "tools": tools,
        "tool_choice": "auto",
        "stream": True,
    }
    assert CreateChatCompletion(messages=[USER]).body() == {"messages": [USER], "stream": False}


FITTING: list[dict[str, Any]] = [
    {"models": ["a/b", "c/d"]},
    {"temperature": 0},
    {"temperature": 2.0},
    {"top_p": 0.5},
    {"max_tokens": 1},
    {"frequency_penalty": -2, "presence_penalty": 2},
    {"stop": "."},
    {"stop": [".", "!"]},
    {"seed": -1},
    {"tool_choice": {"type": "function", "function": {"name": "f"}}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "X", "schema": {"default": None}}}},
    {"reasoning_effort": "none"},
    {"user": "u" * 256},
    {"template": "greeting", "variables": {"name": "Ann"}},
    {"session_id": "s", "cache": False, "transforms": ["middle-out"]},
    {"timeout": 0.5, "async_mode": True},
    {"modality": "image", "image": {"n": 1, "size": "1024x1024"}},
    {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    {"service_tier": "flex", "weight_profile": "cost_first"},
]


@pytest.mark.parametrize("arguments", FITTING)
def test_what_the_gateway_takes(arguments: dict[str, Any]) -> None:
    """Every field of the documentation, whole or streamed, unchanged."""
    for kind, streams in ((CreateChatCompletion, False), (StreamChatCompletion, True)):
        call = kind(messages=[USER], **arguments)
        assert call.body() == {"messages": [USER], **arguments, "stream": streams}


@pytest.mark.parametrize(
    ("arguments", "kind", "told"),
    [
        ({"temperature": 2.1}, ValueError, "temperature must be from 0 to 2, got 2.1"),
        ({"temperature": -0.1}, ValueError, "temperature must be from 0 to 2, got -0.1"),
        ({"temperature": math.nan}, TypeError, "temperature must be a finite number or None, got nan"),
        ({"temperature": "0.7"}, TypeError, "temperature must be a number or None, got '0.7'"),
        ({"top_p": 1.5}, ValueError, "top_p must be from 0 to 1, got 1.5"),
        ({"max_tokens": 0}, ValueError, "max_tokens must be at least 1, got 0"),
        ({"max_tokens": 1.5}, TypeError, "max_tokens must be a whole number or None, got 1.5"),
        ({"frequency_penalty": -2.5}, ValueError, "frequency_penalty must be from -2 to 2, got -2.5"),
        ({"presence_penalty": 3}, ValueError, "presence_penalty must be from -2 to 2, got 3"),
        ({"stop": 5}, TypeError, "stop must be text or a list or None, got 5"),
        ({"tools": {"name": "f"}}, TypeError, "tools must be a list or None, got {'name': 'f'}"),
        (
            {"reasoning_effort": "max"},
            TypeError,
            "reasoning_effort must be 'high' or 'medium' or 'low' or 'none'",
        ),
        ({"user": "u" * 257}, ValueError, "user must be at most 256 characters, got 257"),
        ({"timeout": 0}, ValueError, "timeout must be above 0, got 0"),
        ({"timeout": -1}, ValueError, "timeout must be above 0, got -1"),
        ({"timeout": "5"}, TypeError, "timeout must be a number or None, got '5'"),
        ({"modality": "sound"}, TypeError, "modality must be 'text' or 'image' or None, got 'sound'"),
        (
            {"modalities": ["smell"]},
            TypeError,
            "modalities must be a list in which each item is 'text' or 'audio'",
        ),
        (
            {"variables": {"n": 1}},
            TypeError,
            "variables must be a dict in which each value is text ('n' is 1",
        ),
        ({"messages": []}, ValueError, "messages is empty; it needs at least one message, or a template"),
        ({"messages": ()}, ValueError, "messages is empty; it needs at least one message, or a template"),
        ({"messages": [{"content": "hi"}]}, ValueError, "messages[0] has no role"),
    ],
)
def test_what_the_gateway_would_refuse(arguments: dict[str, Any], kind: type[Exception], told: str) -> None:
    """Is refused when the call is made: the message names the call, the field, and what would be right."""
    for call in (CreateChatCompletion, StreamChatCompletion):
        given: dict[str, Any] = {"messages": [USER], **arguments}
        with pytest.raises(kind) as caught:
            call(**given)
        assert str(caught.value).startswith(f"{call.__name__}: {told}")


def test_a_template_needs_no_messages() -> None:
    """It brings its own."""
    assert CreateChatCompletion(messages=[], template="greeting").body()["messages"] == []


def test_the_clients_timeout_in_the_gateways_field() -> None:
    """A ``TypeError`` that says where it belongs, since both are called timeout."""
    misplaced: Any = Timeout(total=5)
    with pytest.raises(
        TypeError, match=r"set the client's limits with client\.with_options\(timeout=Timeout\(…\)\)$"
    ):
        CreateChatCompletion(messages=[USER], timeout=misplaced)


def test_keys_that_the_client_does_not_know() -> None:
    """Go through ``extra_body``; a misspelt one is told apart."""
    call = CreateChatCompletion(messages=[USER], extra_body={"top_k": 5, "logit_bias": {"50256": None}})
    assert call.body() == {"messages": [USER], "stream": False, "top_k": 5, "logit_bias": {"50256": None}}
    misspelt: dict[str, Any] = {"max_token": 5}
    with pytest.raises(
        TypeError, match=r"^CreateChatCompletion has no field 'max_token'; did you mean 'max_tokens'\?$"
    ):
        CreateChatCompletion(messages=[USER], **misspelt)


@pytest.mark.parametrize("stream", [True, False])
def test_the_kind_of_a_call_is_not_changed_by_its_extra_body(stream: bool) -> None:
    """A stream could not be read as a whole answer, nor the reverse: refused before anything is sent."""
    call = StreamChatCompletion if stream else CreateChatCompletion
    for other in (not stream, None, 1, "x"):
        with pytest.raises(ValueError, match=rf"^{call.__name__}: extra_body sets stream to {other!r}, "):
            call(messages=[USER], extra_body={"stream": other})
    assert call(messages=[USER], extra_body={"stream": stream}).body()["stream"] is stream


def test_the_calls_are_registered() -> None:
    """Both go to the documented route."""
    for call in (CreateChatCompletion, StreamChatCompletion):
        assert CALLS[call.__name__] is call
        assert call.route == Route("POST", "/v1/chat/completions")
    assert CreateChatCompletion.reply is ChatCompletion
    assert StreamChatCompletion.reply is ChatCompletionStream


class Sender:
    """A client that notes what is sent."""

    def __init__(self) -> None:
        self.sent: list[object] = []

    async def send(self, call: Any) -> Any:
        """Note a call."""
        self.sent.append(call)

    def stream(self, call: Any) -> Any:
        """Note a call that streams."""
        self.sent.append(call)


async def test_the_namespace() -> None:
    """``chat.completions.create`` and ``.stream``, with the signature of the calls (rows A6, B1, C1)."""
    sender = Sender()
    completions = Chat(sender).completions
    await completions.create(messages=[USER])
    completions.create(messages=[USER], stream=True)
    completions.stream(messages=[USER])
    streamed = StreamChatCompletion(messages=[USER])
    assert sender.sent == [CreateChatCompletion(messages=[USER]), streamed, streamed]
    signature = inspect.signature(completions.create)
    assert signature.return_annotation == ChatCompletion | ChatCompletionStream
    assert (signature.parameters["stream"].annotation, signature.parameters["stream"].default) == (
        bool,
        False,
    )
    assert signature.parameters["temperature"].annotation == float | None
    assert inspect.signature(completions.stream).return_annotation is ChatCompletionStream


# The whole answer.


def test_an_answer() -> None:
    """What is there is there, what is not reads as None or empty (rows B8 to B13)."""
    answer = structurer(ChatCompletion)(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1.7e9,
            "model": "m",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Paris"}, "finish_reason": "stop"}
            ],
            "usage": {"total_tokens": 21},
            "system_fingerprint": None,
            "x_auto_routed": True,
            "new": None,
        }
    )
    assert answer.choices == [Choice(index=0, message=Message.assistant("Paris"), finish_reason="stop")]
    assert answer.usage == Usage(total_tokens=21)
    assert (answer.created, answer.x_auto_routed, answer.extra) == (1_700_000_000, True, {"new": None})
    bare = structurer(ChatCompletion)({"choices": []})
    assert (bare.choices, bare.usage, bare.cost, bare.id) == ([], None, None, None)
    assert structurer(ChatCompletion)({"choices": None}).choices == []
    assert structurer(ChatCompletion)({"choices": [{"message": None}]}).choices[0].message == Message()


# Chunks.


@pytest.mark.parametrize(
    ("chunk", "text"),
    [
        ({}, ""),
        ({"choices": None}, ""),
        ({"choices": []}, ""),
        ({"choices": [{}]}, ""),
        ({"choices": [{"delta": None}]}, ""),
        ({"choices": [{"delta": {"content": None}}]}, ""),
        ({"choices": [{"delta": {"content": "a"}}]}, "a"),
        ({"choices": [{"index": None, "delta": {"content": "a"}}]}, "a"),
        ({"choices": [{"index": 1, "delta": {"content": "b"}}]}, ""),
        (
            {"choices": [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]},
            "a",
        ),
    ],
)
def test_odd_chunks_are_chunks(chunk: dict[str, Any], text: str) -> None:
    """Promise 6: any key may be missing or null; ``text`` is what the chunk adds to the first answer."""
    made = structurer(ChatCompletionChunk)(chunk)
    assert made.text == text
    json.loads(made.to_json())


def test_a_delta_as_json() -> None:
    """It is given back as it came; one that did not come is not given back (rows D5 to D9)."""
    came = {
        "choices": [
            {
                "index": 0,
                "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}], "new": None},
            },
            {"index": 1, "delta": {}},
            {"index": 2},
        ]
    }
    made = structurer(ChatCompletionChunk)(came)
    assert made.to_dict() == came
    assert made.choices[2].delta.content is None


# The stream.

CALL = StreamChatCompletion(messages=[USER])
DONE = "[DONE]"
META = Meta(status=200, request_id="req_1")


class Wire:
    """A source whose reads are JSON text, an event each; an error among them is raised in its place."""

    def __init__(self, events: Sequence[Any]) -> None:
        self.idle_since: float | None = None
        self._events = list(events)

    def coming(self) -> asyncio.Future[None] | None:
        """Wait for nothing."""
        return None

    def taken(self) -> bytes:
        """Leave it to reading."""
        return b""

    async def read(self) -> bytes:
        """Return the next event."""
        if not self._events:
            return b""
        event = self._events.pop(0)
        if isinstance(event, MeshAPIError):
            raise event
        return dumps(event)

    def finish(self) -> None:
        """Do nothing: there is no connection."""

    def abort(self, reason: MeshAPIError | None = None) -> None:
        """Do nothing: there is no connection."""

    def abort_from_finalizer(self) -> None:
        """Do nothing: there is no connection."""


class Chunks:
    """A reader of such text."""

    def __init__(self) -> None:
        self.done = False
        self.failure: MeshAPIError | None = None
        self.alike: Alike[ChatCompletionChunk] | None = None
        self.has_more = False
        self.skipped = 0

    def told(self, count: int) -> None:
        """Have told none."""

    def feed(self, data: bytes) -> Batch[ChatCompletionChunk]:
        """Read one event."""
        value = loads(data)
        if value == DONE:
            self.done = True
            return Batch()
        return Batch([structurer(ChatCompletionChunk)(value)])

    def finish(self) -> Batch[ChatCompletionChunk]:
        """Have nothing left."""
        return Batch()


def stream(*events: Any) -> ChatCompletionStream:
    """Make a stream of chunks, the end mark, or errors."""

    async def opener(_scope: Scope) -> Opening[ChatCompletionChunk]:
        return Opening(Pump(Wire(events), Chunks()), Batch(), META)

    return ChatCompletionStream(CALL, opener, None)


def chunk(content: str | None = None, finish_reason: str | None = None, **others: Any) -> dict[str, Any]:
    """Make a chunk of the first answer."""
    delta = {} if content is None else {"content": content}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **others}


CALLING: list[dict[str, Any]] = [
    {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": '{"x"'}}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}}]},
]
CALLED = ToolCall(id="a", function=FunctionCall(name="f", arguments='{"x":1}'))


async def test_chunks_are_handed_out_as_they_came() -> None:
    """Raw, in order, tool-call pieces too (rows C6, C9, D9)."""
    events = [
        chunk("Hé", new=1),
        *CALLING,
        chunk("llo", "stop"),
        {"choices": [], "usage": {"total_tokens": 1}},
    ]
    came = [each async for each in stream(*events, DONE)]
    assert came == [structurer(ChatCompletionChunk)(event) for event in events]


async def test_a_stream_folds_into_the_whole_answer() -> None:
    """
    Text, finish reason, usage, and what the chunks said of the answer itself.

    The first id, time and model hold, since the tail's model is an upstream build name; of usage, cost and
    fingerprint the last.
    """
    answer = await stream(
        chunk("Hé", id="c1", created=1, model="openai/gpt-4o-mini", object="chat.completion.chunk"),
        chunk("llo", usage={"total_tokens": 1}, system_fingerprint="old"),
        chunk(None, "stop", system_fingerprint="fp", new="a"),
        {"id": "c2", "created": 2, "model": "gpt-4o-mini-2024-07-18", "choices": [], "new": "b"},
        {"choices": [], "usage": {"total_tokens": 21}, "cost": "0.0000021"},
        {"choices": [], "usage": None, "cost": None, "new": None},
        DONE,
    ).get_final_completion()
    assert answer == ChatCompletion(
        id="c1",
        object="chat.completion",
        created=1,
        model="openai/gpt-4o-mini",
        choices=[Choice(index=0, message=Message.assistant("Héllo"), finish_reason="stop")],
        usage=Usage(total_tokens=21),
        system_fingerprint="fp",
        cost="0.0000021",
        extra={"new": "b"},
    )
    assert (answer.meta, answer.request_id) == (META, "req_1")


async def test_a_streams_tool_calls() -> None:
    """Put together, and ready to be sent back with their results."""
    answer = await stream(*CALLING, chunk(None, "tool_calls"), DONE).get_final_completion()
    message = answer.choices[0].message
    assert (message.content, message.tool_calls, message.incomplete_tool_calls) == (None, [CALLED], [])
    again = CreateChatCompletion(messages=[USER, message, Message.tool("1", tool_call_id="a")])
    assert again.body()["messages"][1] == {"role": "assistant", "tool_calls": [CALLED.to_dict()]}


async def test_answers_are_told_apart_by_their_index() -> None:
    """However they are mixed, and in the order of their indexes; without one it is the first."""
    answer = await stream(
        {"choices": [{"index": 1, "delta": {"content": "b"}}, {"delta": {"content": "a"}}]},
        {
            "choices": [
                {"index": 0, "delta": {"content": "A"}, "finish_reason": "stop", "logprobs": {"content": [1]}}
            ]
        },
        {"choices": [{"index": 1, "delta": None, "finish_reason": "length", "native_finish_reason": "MAX"}]},
        {"choices": [{"index": 0, "logprobs": {"content": [2]}}]},
        DONE,
    ).get_final_completion()
    assert answer.choices == [
        Choice(index=0, message=Message.assistant("aA"), finish_reason="stop", logprobs={"content": [1, 2]}),
        Choice(
            index=1,
            message=Message.assistant("b"),
            finish_reason="length",
            extra={"native_finish_reason": "MAX"},
        ),
    ]


async def test_long_streams_fold_alike() -> None:
    """In batches on the way as at the end."""
    events = [chunk(str(n % 10)) for n in range(1000)]
    reading = stream(*events, chunk(None, "stop"), DONE)
    text = "".join([each.text async for each in reading])
    answer = await reading.get_final_completion()
    assert answer.choices[0].message.content == text == "0123456789" * 100


async def test_the_whole_answer_may_be_asked_for_at_any_time() -> None:
    """Before, in the middle of, and after iterating; each time a new object."""
    reading = stream(chunk("a"), chunk("b", "stop"), DONE)
    assert (await anext(reading)).text == "a"
    first = await reading.get_final_completion()
    second = await reading.get_final_completion()
    assert first.choices[0].message.text == "ab"
    assert first == second
    first.choices.clear()
    assert second.choices
    assert [each async for each in reading] == []


async def test_a_stream_with_nothing_in_it() -> None:
    """The end mark alone is an answer without choices."""
    answer = await stream(DONE).get_final_completion()
    assert answer == ChatCompletion(choices=[], object="chat.completion")


# How streams end.


async def test_an_end_without_its_mark() -> None:
    """Is whole where every answer has its finish reason (promise 2)."""
    answer = await stream(chunk("a", "stop")).get_final_completion()
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    "events",
    [
        [],
        [chunk("a")],
        [{"choices": []}],
        [{"choices": [{"index": 1, "delta": {"content": "b"}}]}, chunk("a", "stop")],
    ],
)
async def test_an_end_without_its_mark_and_without_a_finish_reason(events: list[Any]) -> None:
    """Is truncated, also where one of two answers has none; what came is on the error (promise 2)."""
    reading = stream(*events)
    with pytest.raises(StreamTruncatedError) as caught:
        await reading.get_final_completion()
    assert caught.value.chunks_seen == len(events)
    assert (caught.value.partial is None) == (not events)
    with pytest.raises(StreamTruncatedError) as again:
        await reading.get_final_completion()
    assert again.value is caught.value


async def test_what_was_cut_off_is_never_run() -> None:
    """A call whose brackets have closed is incomplete all the same, since its answer never ended."""
    reading = stream(chunk("a", usage={"total_tokens": 3}), *CALLING, APIConnectionError("reset"))
    texts = []
    with pytest.raises(StreamTruncatedError) as caught:
        async for each in reading:
            texts.append(each.text)
    assert texts == ["a", "", "", ""]
    partial = caught.value.partial
    assert isinstance(partial, ChatCompletion)
    message = partial.choices[0].message
    assert (message.content, message.tool_calls) == ("a", None)
    assert message.incomplete_tool_calls == [
        IncompleteToolCall(index=0, id="a", name="f", arguments='{"x":1}')
    ]
    assert (caught.value.chunks_seen, caught.value.usage) == (4, Usage(total_tokens=3))
    assert (partial.request_id, caught.value.call) == ("req_1", CALL)


async def test_a_finish_reason_makes_calls_complete() -> None:
    """Also where the connection broke after it; the error says that the end mark never came."""
    reading = stream(*CALLING, chunk(None, "tool_calls"), APIConnectionError("reset"))
    with pytest.raises(StreamTruncatedError) as caught:
        await reading.get_final_completion()
    assert caught.value.partial.choices[0].message.tool_calls == [CALLED]


@pytest.mark.parametrize("end", [[DONE], []])
async def test_the_finish_reason_error_is_an_error(end: list[Any]) -> None:
    """After everything that came; its calls are not complete."""
    reading = stream(chunk("a"), *CALLING, chunk(None, "error"), *end)
    texts = []
    with pytest.raises(StreamAPIError, match="finish_reason 'error'") as caught:
        async for text in reading.text_stream:
            texts.append(text)
    assert texts == ["a"]
    assert (caught.value.code, caught.value.request_id) == ("upstream_error", "req_1")
    assert caught.value.status == 502
    message = caught.value.partial.choices[0].message
    assert (message.text, message.tool_calls, len(message.incomplete_tool_calls)) == ("a", None, 1)


@pytest.mark.parametrize(
    ("said", "status", "code", "told"),
    [
        ({}, 502, "upstream_error", "finish_reason 'error'"),
        ({"error": {"code": 429, "message": "busy"}}, 429, "429", "busy"),
        ({"error": {"message": "busy"}}, 502, "upstream_error", "busy"),
        ({"error": "busy"}, 502, "upstream_error", "busy"),
    ],
)
def test_the_finish_reason_error_is_an_error_of_a_whole_answer_too(
    said: dict[str, Any], status: int, code: str, told: str
) -> None:
    """It raises like any error in a 200; what the upstream said is told, and the paid part is kept."""
    message = {"role": "assistant", "content": "half"}
    whole = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "c1", "choices": [whole, {**whole, "index": 1, "finish_reason": "error", **said}]}
    settings = Settings(base_url="https://gateway.example", token="rsk_secret")
    answer = Answer(200, {"x-request-id": "req_1"})
    with pytest.raises(APIStatusError, match=told) as caught:
        read_reply(CreateChatCompletion(messages=[USER]), answer, json.dumps(body).encode(), settings)
    error = caught.value
    assert (error.status, error.code, error.request_id) == (status, code, "req_1")
    assert isinstance(error.body, dict)
    assert error.body["choices"] == body["choices"]


async def test_a_closed_stream_tells_what_had_come() -> None:
    """``close()`` before the end: the next step raises, and so does asking for the whole answer."""
    reading = stream(chunk("a"), chunk("b", "stop"), DONE)
    await anext(reading)
    reading.close()
    for step in (anext(reading), reading.get_final_completion()):
        with pytest.raises(StreamClosedError) as caught:
            await step
        assert caught.value.partial.choices[0].message.text == "a"


# The text.


async def test_the_text_alone() -> None:
    """Piece by piece, every character whole, and the folded answer says the same (rows C8, C14)."""
    reading = stream(
        chunk(""), chunk("Hé\n"), *CALLING, chunk("\ud83d"), {"choices": []}, chunk("\ude00!", "stop"), DONE
    )
    texts = [text async for text in reading.text_stream]
    assert texts == ["Hé\n", "😀!"]
    answer = await reading.get_final_completion()
    assert answer.choices[0].message.content == "Hé\n😀!"


async def test_the_text_may_be_asked_for_step_by_step() -> None:
    """A half that one text stream holds is not lost to the next."""
    reading = stream(chunk("a\ud83d"), chunk("\ude00b", "stop"), DONE)
    assert await anext(reading.text_stream) == "a"
    assert await anext(reading.text_stream) == "😀b"
    assert [text async for text in reading.text_stream] == []
