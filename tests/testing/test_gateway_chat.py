"""What FakeGateway says by itself when it is asked for a chat completion."""

import itertools
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio.testing import FakeGateway, Pause, chat_completion, chat_completion_chunks
from meshapi_aio.testing._prompt import tokens
from meshapi_aio.testing._service import paced

from .wire import CHAT, asking, client, events


def tool(name: str, **parameters: Any) -> dict[str, Any]:
    """Return a tool with its parameters' properties, all of them required."""
    schema = {"type": "object", "properties": parameters, "required": list(parameters)}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


WEATHER = tool("get_weather", city={"type": "string"}, days={"type": "integer"})
CLOCK = tool("get-time", zone={"enum": ["UTC", "CET"]})


def calls(**fields: Any) -> list[tuple[str, Any]]:
    """Return the names and the arguments of the calls in the answer to a request."""
    message = chat_completion(fields)["choices"][0]["message"]
    made = message.get("tool_calls", [])
    assert (message["content"] is None) == bool(made)
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in made]


def folded(chunks: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]], str | None]:
    """Return the text, the tool calls and the finish reason that chunks add up to, in OpenAI's manner."""
    text, made, reason = "", list[dict[str, Any]](), None
    for choice in itertools.chain.from_iterable(chunk["choices"] for chunk in chunks):
        text += choice["delta"].get("content") or ""
        for piece in choice["delta"].get("tool_calls", ()):
            if "id" in piece:
                assert piece["index"] == len(made)
                made.append(json.loads(json.dumps(piece)))
                assert made[-1]["function"]["arguments"] == ""
            else:
                assert piece.keys() == {"index", "function"}
                made[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
        reason = choice["finish_reason"] or reason
    for call in made:
        del call["index"]
    return text, made, reason


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Run a gateway for one test, and a client that presents its token."""
    async with FakeGateway() as gateway, client(gateway) as session:
        yield session


async def test_a_completion(session: aiohttp.ClientSession) -> None:
    """The documented shape: id, object, created, model as asked, one choice with its text, usage."""
    async with session.post(CHAT, json=asking("The capital of France?")) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        body = await response.json()
    assert re.fullmatch("chatcmpl-[0-9A-Z]{26}", body.pop("id"))
    assert body.pop("created") > 1_700_000_000
    assert body == {
        "object": "chat.completion",
        "model": "maker/model",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": 'You said: "The capital of France?". This is the answer of maker/model.',
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 21, "total_tokens": 31},
        "system_fingerprint": None,
    }


async def test_a_stream(session: aiohttp.ClientSession) -> None:
    """Role, text in token-sized pieces, finish reason, usage without choices, end mark."""
    request = asking("Grüße, 世界 👋\nand more")
    async with session.post(CHAT, json=request) as response:
        whole = await response.json()
    async with session.post(CHAT, json=request | {"stream": True}) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        chunks = events(await response.read())
    assert len({(chunk["id"], chunk["created"]) for chunk in chunks}) == 1
    assert {(chunk["object"], chunk["model"]) for chunk in chunks} == {
        ("chat.completion.chunk", "maker/model")
    }
    assert chunks[0]["choices"] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    ]
    assert chunks[-2]["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], whole["usage"])
    pieces = chunks[1:-2]
    assert all(list(chunk["choices"][0]["delta"]) == ["content"] for chunk in pieces)
    assert len(pieces) == whole["usage"]["completion_tokens"]
    assert folded(chunks)[0] == whole["choices"][0]["message"]["content"]


async def test_a_tool_call_is_streamed_in_pieces(session: aiohttp.ClientSession) -> None:
    """First index, id, type and name with empty arguments, then the arguments: the completion's calls."""
    request = asking("compare get_weather and get-time", tools=[WEATHER, CLOCK], tool_choice="auto")
    async with session.post(CHAT, json=request) as response:
        whole = (await response.json())["choices"][0]
    async with session.post(CHAT, json=request | {"stream": True}) as response:
        chunks = events(await response.read())
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}
    text, made, reason = folded(chunks)
    assert (text, reason, whole["finish_reason"]) == ("", "tool_calls", "tool_calls")
    assert [call["function"] for call in made] == [
        call["function"] for call in whole["message"]["tool_calls"]
    ]
    assert {call["type"] for call in made} == {"function"}
    ids = [call["id"] for call in made + whole["message"]["tool_calls"]]
    assert len(set(ids)) == 4
    assert all(identity.startswith("call_") for identity in ids)


@pytest.mark.parametrize(
    ("text", "choice", "named"),
    [
        ("hello", "auto", []),
        ("hello", None, []),
        ("use get_weather", "none", []),
        ("use get_weather", "auto", ["get_weather"]),
        ("use get_weather", None, ["get_weather"]),
        ("get-time, get_weather", None, ["get_weather", "get-time"]),
        ("xget_weather get_weather2 get-time-zone", None, []),
        ("hello", "required", ["get_weather"]),
        ("use get-time", "required", ["get-time"]),
        ("use get_weather", {"type": "function", "function": {"name": "get-time"}}, ["get-time"]),
    ],
)
def test_which_tools_are_called(text: str, choice: object, named: list[str]) -> None:
    """What ``tool_choice`` asks for, else each tool that the prompt mentions by its whole name."""
    fields = asking(text, tools=[WEATHER, CLOCK]) | ({} if choice is None else {"tool_choice": choice})
    assert [name for name, _ in calls(**fields)] == named


def test_arguments_fit_their_schema() -> None:
    """Every kind of parameter is filled in, names that no model could guess from their enum included."""
    tools = [WEATHER, CLOCK, tool("bare") | {"function": {"name": "bare"}}]
    fields = asking("get_weather get-time bare", tools=tools)
    assert calls(**fields) == [
        ("get_weather", {"city": "city", "days": 1}),
        ("get-time", {"zone": "UTC"}),
        ("bare", {}),
    ]


def test_a_loop_of_tool_calls_ends() -> None:
    """Given a tool's answer the model talks about it, though the prompt still mentions the tool."""
    request = asking("use get_weather", tools=[WEATHER])
    message = chat_completion(request)["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "rain"}
    request["messages"] += [message, result]
    answer = chat_completion(request)["choices"][0]
    assert answer["finish_reason"] == "stop"
    assert answer["message"]["content"].startswith('The tool answered: "rain".')
    assert calls(**request, tool_choice="required")


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], ""),
        ([{"role": "system", "content": "be brief"}], ""),
        ([{"role": "user", "content": "one"}, {"role": "user", "content": "two"}], "two"),
        ([{"role": "user", "content": "one"}, {"role": "assistant", "content": None}], "one"),
        ([{"role": "user", "content": None}], ""),
        (
            [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {}, 1],
                }
            ],
            "ab",
        ),
        ([{"role": "user", "content": "x" * 500}], "x" * 400),
    ],
)
def test_the_last_prompt_is_what_the_answer_is_about(messages: list[dict[str, Any]], said: str) -> None:
    """Text of the last message of the user, parts joined, cut where it is long; none at all is fine too."""
    answer = chat_completion({"messages": messages})
    assert answer["model"] == "openai/gpt-4o"
    content = answer["choices"][0]["message"]["content"]
    assert content == f'You said: "{said}". This is the answer of openai/gpt-4o.'


def test_the_answer_is_the_same_every_time() -> None:
    """Nothing but the id and the time differs between two answers to one request."""
    request = asking("hi", tools=[WEATHER], tool_choice="required")
    assert chat_completion(request) == chat_completion(request)
    assert chat_completion(request, completion_id="chatcmpl-x", created=5)["created"] == 5


@pytest.mark.parametrize("limit", range(1, 25))
@pytest.mark.parametrize("text", ["hi", "use get_weather and get-time"])
def test_max_tokens_cuts(limit: int, text: str) -> None:
    """The answer is the beginning of the uncut one, of exactly that many tokens; ``length`` is its reason."""
    request = asking(text, tools=[WEATHER, CLOCK])
    whole = chat_completion(request)
    cut = chat_completion(request | {"max_tokens": limit})
    cost = whole["usage"]["completion_tokens"]
    assert cut["usage"]["completion_tokens"] == min(limit, cost)
    reason = cut["choices"][0]["finish_reason"]
    assert reason == ("length" if limit < cost else whole["choices"][0]["finish_reason"])
    assert folded(chat_completion_chunks(cut))[0] == (cut["choices"][0]["message"]["content"] or "")
    said, cut_said = (answer["choices"][0]["message"] for answer in (whole, cut))
    assert (said["content"] or "").startswith(cut_said["content"] or "")
    for call, cut_call in zip(said.get("tool_calls", ()), cut_said.get("tool_calls", ()), strict=False):
        assert cut_call["function"]["name"] == call["function"]["name"]
        assert call["function"]["arguments"].startswith(cut_call["function"]["arguments"])


def test_tools_are_part_of_the_prompt() -> None:
    """They cost prompt tokens, as they do at every provider."""
    bare, full = (chat_completion(asking("hi") | more)["usage"] for more in ({}, {"tools": [WEATHER]}))
    assert full["prompt_tokens"] > bare["prompt_tokens"]
    assert full["total_tokens"] == full["prompt_tokens"] + full["completion_tokens"]


@given(st.text())
def test_tokens_lose_nothing(text: str) -> None:
    """Joined, the pieces are the text, whatever the text; none is empty."""
    assert "".join(tokens(text)) == text
    assert all(tokens(text))


async def test_half_a_surrogate_pair_comes_back_as_it_went() -> None:
    """JSON can say it and UTF-8 cannot, so it travels as an escape in both directions."""
    async with FakeGateway() as gateway, client(gateway) as session:
        data = json.dumps(asking("\ud83d", stream=True))
        async with session.post(CHAT, data=data.encode()) as response:
            assert '"\ud83d"' in folded(events(await response.read()))[0]


def test_the_pieces_come_at_the_pace() -> None:
    """A pause stands between any two pieces and none before the first; without a pace there is none."""
    chunks = [{"n": 1}, {"n": 2}, {"n": 3}]
    assert paced(chunks, 0.0) == chunks
    pause = Pause(0.25)
    assert paced(chunks, 0.25) == [{"n": 1}, pause, {"n": 2}, pause, {"n": 3}]


async def test_a_paced_stream_begins_at_once() -> None:
    """The pace of a gateway reaches its streams: the first chunk is there long before the second."""
    async with FakeGateway(pace=3600) as gateway, client(gateway) as session:
        async with session.post(CHAT, json=asking("hi", stream=True)) as response:
            assert json.loads((await response.content.readany()).removeprefix(b"data: "))["choices"]
            assert gateway.requests[0].outcome == "pending"
            response.close()
        await gateway.disconnected(gateway.requests[0])
