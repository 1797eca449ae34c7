"""What FakeGateway's models can do beside talking: several choices, stops, formats and reasoning."""

import itertools
import json
from typing import Any

import pytest

from meshapi_aio.testing import FakeGateway, chat_completion, chat_completion_chunks

from .wire import asking, chat


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"enum": ["C", "F"]},
        "days": {"type": "array", "items": {"$ref": "#/$defs/Day"}, "minItems": 2},
        "note": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    },
    "required": ["city", "unit", "days", "note"],
    "additionalProperties": False,
    "$defs": {"Day": {"type": "object", "properties": {"degrees": {"type": "integer", "maximum": -3}}}},
}
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}


def said(text: str = "hi", **fields: Any) -> list[dict[str, Any]]:
    """Return the choices of the answer to a question, whose stream must say the same."""
    completion = chat_completion(asking(text, **fields))
    chunks = chat_completion_chunks(completion)
    for choice in completion["choices"]:
        deltas = [
            piece["delta"]
            for chunk in chunks
            for piece in chunk["choices"]
            if piece["index"] == choice["index"]
        ]
        for name in ("content", "reasoning_content"):
            pieces = [delta[name] for delta in deltas if delta.get(name) is not None]
            assert "".join(pieces) == (choice["message"].get(name) or "")
    assert chunks[-1]["usage"] == completion["usage"]
    choices: list[dict[str, Any]] = completion["choices"]
    return choices


def text_of(**fields: Any) -> str:
    """Return the text of the only choice."""
    (choice,) = said(**fields)
    text: str = choice["message"]["content"]
    return text


async def test_several_choices() -> None:
    """``n`` of them, told apart by their index and their text; in a stream they take turns."""
    async with FakeGateway() as gateway:
        _, _, body = await chat(gateway, n=3, max_tokens=100)
        _, _, chunks = await chat(gateway, n=3, stream=True)
    texts = [choice["message"]["content"] for choice in body["choices"]]
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert texts[0] == chat_completion(asking("hi"))["choices"][0]["message"]["content"]
    assert len(set(texts)) == 3
    assert [choice["finish_reason"] for choice in body["choices"]] == ["stop"] * 3
    turns = [chunk["choices"][0]["index"] for chunk in chunks if chunk["choices"]]
    assert turns[:9] == [0, 1, 2] * 3
    assert [turns.count(index) for index in range(3)] == [len(turns) // 3] * 3
    assert all(len(chunk["choices"]) == 1 for chunk in chunks[:-1])
    single = chat_completion(asking("hi"))["usage"]
    assert body["usage"]["prompt_tokens"] == single["prompt_tokens"]
    assert body["usage"]["completion_tokens"] == 3 * single["completion_tokens"]
    assert chunks[-1]["usage"] == body["usage"]


def test_several_choices_that_call_tools() -> None:
    """Each with calls of its own, whose ids are not those of another choice; each is cut by itself."""
    choices = said("get_weather", n=2, tools=[WEATHER])
    calls = [call for choice in choices for call in choice["message"]["tool_calls"]]
    assert len({call["id"] for call in calls}) == 2
    assert [choice["finish_reason"] for choice in said(n=2, max_tokens=3)] == ["length"] * 2


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        ("hi", 'You said: "'),
        (["never", ". ", "answer"], 'You said: "hi"'),
        (["answer", "This"], 'You said: "hi". '),
        ("You", ""),
        (["", "never"], 'You said: "hi". This is the answer of maker/model.'),
        ([], 'You said: "hi". This is the answer of maker/model.'),
    ],
)
def test_a_stop_sequence_ends_the_text(stop: str | list[str], text: str) -> None:
    """The first that occurs, which itself is not said; the reason is ``stop``."""
    (choice,) = said(stop=stop)
    assert (choice["message"]["content"], choice["finish_reason"]) == (text, "stop")


def test_a_stop_sequence_comes_before_the_limit() -> None:
    """Whichever ends the text first gives the reason."""
    assert said(stop="said", max_tokens=2)[0]["finish_reason"] == "stop"
    assert said(stop="hi", max_tokens=2)[0]["finish_reason"] == "length"


def test_a_text_in_the_form_of_a_schema() -> None:
    """``json_schema``: an instance of it, which is the same every time."""
    fields: dict[str, Any] = {
        "response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": SCHEMA}}
    }
    assert json.loads(text_of(**fields)) == {
        "city": "city",
        "unit": "C",
        "days": [{"degrees": -3}] * 2,
        "note": "2026-01-31",
    }
    assert text_of(**fields) == text_of(**fields)
    assert said(**fields, max_tokens=5)[0]["finish_reason"] == "length"
    list_of_names = {"type": "array", "items": {"const": "Zoë"}}
    assert (
        text_of(response_format={"type": "json_schema", "json_schema": {"schema": list_of_names}})
        == '["Zoë"]'
    )


def test_a_text_that_is_some_object() -> None:
    """``json_object`` asks for no schema; ``text`` asks for nothing."""
    plain = text_of()
    assert json.loads(text_of(response_format={"type": "json_object"})) == {"answer": plain}
    assert text_of(response_format={"type": "text"}) == plain


def test_tools_come_before_the_format() -> None:
    """A model that has both calls the tool first, and answers in the format when it has the result."""
    fields: dict[str, Any] = {"tools": [WEATHER], "response_format": {"type": "json_object"}}
    (choice,) = said("get_weather", **fields)
    assert choice["finish_reason"] == "tool_calls"
    arguments = json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"])
    assert arguments["days"] == [{"degrees": -3}] * 2
    call_id = choice["message"]["tool_calls"][0]["id"]
    messages = [choice["message"], {"role": "tool", "tool_call_id": call_id, "content": "5"}]
    answer = json.loads(text_of(messages=messages, **fields))
    assert answer["answer"].startswith('The tool answered: "5".')


@pytest.mark.parametrize(
    "model",
    [
        "openai/o1",
        "openai/o3-mini",
        "o4-mini",
        "deepseek/deepseek-r1",
        "deepseek/deepseek-r1:free",
        "deepseek-reasoner",
        "x/Grok-4-Reasoning",
        "qwen/qwen3-235b-thinking",
    ],
)
def test_a_model_whose_name_says_so_reasons_first(model: str) -> None:
    """Pieces of ``reasoning_content`` ahead of the text, whose tokens are among those of the completion."""
    request = asking("what is this") | {"model": model}
    completion = chat_completion(request)
    message = completion["choices"][0]["message"]
    assert message["reasoning_content"] == "The prompt has 3 words. I shall answer in a sentence or two."
    deltas = [chunk["choices"][0]["delta"] for chunk in chat_completion_chunks(completion)[:-1]]
    kinds = [name for name, _ in itertools.groupby(next(iter(delta), "end") for delta in deltas)]
    assert kinds == ["role", "reasoning_content", "content", "end"]
    quiet = chat_completion(request | {"reasoning_effort": "none"})
    assert "reasoning_content" not in quiet["choices"][0]["message"]
    thought = completion["usage"]["completion_tokens"] - quiet["usage"]["completion_tokens"]
    assert completion["usage"]["completion_tokens_details"] == {"reasoning_tokens": thought}
    assert thought == deltas.count({}) + sum("reasoning_content" in delta for delta in deltas) - 1


@pytest.mark.parametrize("model", ["openai/gpt-4o", "a/pro3-r12", "foo1/bar", "o11", "mirror1", "a/o2"])
def test_other_models_do_not(model: str) -> None:
    """Whatever effort is asked of them."""
    for effort in (None, "none", "low", "high"):
        completion = chat_completion(asking("hi") | {"model": model, "reasoning_effort": effort})
        assert "reasoning_content" not in completion["choices"][0]["message"]
        assert "completion_tokens_details" not in completion["usage"]


async def test_a_catalogue_decides_who_reasons() -> None:
    """Where an entry says something about it, its name does not count."""
    catalogue: list[dict[str, Any]] = [
        {"id": "a/plain", "supports_thinking": True},
        {"id": "a/r1", "supports_thinking": False},
        {"id": "a/o1"},
    ]
    async with FakeGateway(catalogue=catalogue) as gateway:
        messages = [
            (await chat(gateway, model=entry["id"]))[2]["choices"][0]["message"] for entry in catalogue
        ]
    assert ["reasoning_content" in message for message in messages] == [True, False, True]


@pytest.mark.parametrize("fields", [{}, {"tools": [WEATHER], "tool_choice": "required"}])
def test_reasoning_may_eat_up_the_tokens(fields: dict[str, Any]) -> None:
    """``max_tokens`` cuts the reasoning first: the text is then empty, and no tool is called."""
    whole = chat_completion(asking("hi") | {"model": "o1"} | fields)
    thought = whole["usage"]["completion_tokens_details"]["reasoning_tokens"]
    for limit in (1, thought):
        cut = chat_completion(asking("hi") | {"model": "o1", "max_tokens": limit} | fields)
        (choice,) = cut["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("", "length")
        assert "tool_calls" not in choice["message"]
        reasoning = whole["choices"][0]["message"]["reasoning_content"]
        assert reasoning.startswith(choice["message"]["reasoning_content"])
        assert cut["usage"]["completion_tokens"] == limit
        assert cut["usage"]["completion_tokens_details"] == {"reasoning_tokens": limit}


async def test_what_is_unknown_is_dropped() -> None:
    """Fields of other gateways change nothing, and ``stream_options`` is not needed for the usage."""
    async with FakeGateway() as gateway:
        extras: list[dict[str, Any]] = [{}, {"stream_options": {"include_usage": False}}, {"store": True}]
        for fields in extras:
            status, _, chunks = await chat(gateway, stream=True, **fields)
            assert (status, len(chunks[-1]["choices"])) == (200, 0)
            assert chunks[-1]["usage"]["total_tokens"] > 0
