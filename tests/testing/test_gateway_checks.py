"""What FakeGateway refuses with 422, and how it says so."""

import json
from typing import Any

import pytest

from meshapi_aio.testing import FakeGateway
from meshapi_aio.testing._checks import parse_chat_request

from .wire import CHAT, asking, client


USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f"}}
FIRST = ("messages", 0)
PARAMETERS = ("tools", 0, "function", "parameters")


def calling(*calls: object) -> dict[str, Any]:
    """Return the messages of a request whose only message calls tools."""
    return {"messages": [{"role": "assistant", "content": None, "tool_calls": [*calls]}]}


def saying(*parts: object) -> dict[str, Any]:
    """Return the messages of a request whose only message has parts."""
    return {"messages": [{"role": "user", "content": [*parts]}]}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_that_is_not_valid_gets_422(stream: bool) -> None:
    """The standard envelope with a list of details, each with a ``loc``, for streams as well."""
    async with (
        FakeGateway() as gateway,
        client(gateway) as session,
        session.post(CHAT, json={"model": "m", "temperature": 3, "stream": stream}) as response,
    ):
        assert (response.status, response.content_type) == (422, "application/json")
        body = await response.json()
    assert body == {
        "error": {
            "code": "validation_error",
            "message": "the request is not valid",
            "details": [
                {"type": "missing", "loc": ["body", "messages"], "msg": "is required"},
                {"type": "less_than_equal", "loc": ["body", "temperature"], "msg": "must be at most 2"},
            ],
        },
        "request_id": response.headers["x-request-id"],
    }


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "missing"),
        (b'{"messages": [', "json_invalid"),
        (b"\xff", "json_invalid"),
        (b"[" * 100_000, "json_invalid"),
        (b"[]", "dict_type"),
        (b"null", "dict_type"),
    ],
)
def test_a_body_that_is_no_object(body: bytes, kind: str) -> None:
    """One problem, of the body as a whole."""
    request, problems = parse_chat_request(body)
    assert request == {}
    assert [(problem["type"], problem["loc"]) for problem in problems] == [(kind, ["body"])]


@pytest.mark.parametrize(
    ("fields", "kind", "loc"),
    [
        ({"messages": None}, "list_type", ["messages"]),
        ({"messages": "hi"}, "list_type", ["messages"]),
        ({"messages": [USER, "hi"]}, "dict_type", ["messages", 1]),
        ({"messages": [{"content": "hi"}]}, "missing", ["messages", 0, "role"]),
        ({"messages": [{"role": "robot"}]}, "literal_error", ["messages", 0, "role"]),
        ({"messages": [{"role": ["user"]}]}, "literal_error", ["messages", 0, "role"]),
        ({"messages": [{"role": "user", "content": 1}]}, "string_type", ["messages", 0, "content"]),
        ({"messages": [{"role": "tool", "content": "1"}]}, "missing", ["messages", 0, "tool_call_id"]),
        ({"model": 1}, "string_type", ["model"]),
        ({"stream": "yes"}, "bool_type", ["stream"]),
        ({"temperature": "hot"}, "float_type", ["temperature"]),
        ({"temperature": True}, "float_type", ["temperature"]),
        ({"temperature": -0.1}, "greater_than_equal", ["temperature"]),
        ({"temperature": 2.1}, "less_than_equal", ["temperature"]),
        ({"top_p": 1.1}, "less_than_equal", ["top_p"]),
        ({"frequency_penalty": -3}, "greater_than_equal", ["frequency_penalty"]),
        ({"presence_penalty": 3}, "less_than_equal", ["presence_penalty"]),
        ({"max_tokens": 0}, "greater_than_equal", ["max_tokens"]),
        ({"max_tokens": 1.5}, "int_type", ["max_tokens"]),
        ({"max_tokens": True}, "int_type", ["max_tokens"]),
        ({"reasoning_effort": "extreme"}, "literal_error", ["reasoning_effort"]),
        ({"user": "x" * 257}, "string_too_long", ["user"]),
        ({"timeout": 0}, "greater_than", ["timeout"]),
        ({"timeout": "1"}, "float_type", ["timeout"]),
        ({"tools": {}}, "list_type", ["tools"]),
        ({"messages": [{"role": "user", "name": 1, "content": "hi"}]}, "string_type", [*FIRST, "name"]),
        ({"messages": [{"role": "tool", "tool_call_id": ""}]}, "string_too_short", [*FIRST, "tool_call_id"]),
        (calling("f"), "dict_type", [*FIRST, "tool_calls", 0]),
        (calling({"id": "1"}), "missing", [*FIRST, "tool_calls", 0, "function"]),
        (
            calling({"function": {"name": "f", "arguments": {}}}),
            "string_type",
            [*FIRST, "tool_calls", 0, "function", "arguments"],
        ),
        (saying("hi"), "dict_type", [*FIRST, "content", 0]),
        (saying({"text": "hi"}), "missing", [*FIRST, "content", 0, "type"]),
        (saying({"type": "song"}), "literal_error", [*FIRST, "content", 0, "type"]),
        (saying({"type": "text"}), "missing", [*FIRST, "content", 0, "text"]),
        (saying({"type": "text", "text": None}), "string_type", [*FIRST, "content", 0, "text"]),
        (saying({"type": "image_url", "image_url": "x"}), "dict_type", [*FIRST, "content", 0, "image_url"]),
        (
            saying({"type": "image_url", "image_url": {"url": "x", "detail": "fine"}}),
            "literal_error",
            [*FIRST, "content", 0, "image_url", "detail"],
        ),
        (
            saying({"type": "input_audio", "input_audio": {"data": "x", "format": "midi"}}),
            "literal_error",
            [*FIRST, "content", 0, "input_audio", "format"],
        ),
        (
            saying({"type": "video_url", "video_url": {"url": "x"}, "fps": 2}),
            "string_type",
            [*FIRST, "content", 0, "fps"],
        ),
        ({"models": "a"}, "list_type", ["models"]),
        ({"models": ["a", 1]}, "string_type", ["models", 1]),
        ({"n": 0}, "greater_than_equal", ["n"]),
        ({"n": 129}, "less_than_equal", ["n"]),
        ({"seed": 1.5}, "int_type", ["seed"]),
        ({"seed": True}, "int_type", ["seed"]),
        ({"stop": 1}, "string_type", ["stop"]),
        ({"stop": ["a", 1]}, "string_type", ["stop", 1]),
        ({"stream_options": {"include_usage": "yes"}}, "bool_type", ["stream_options", "include_usage"]),
        ({"variables": []}, "dict_type", ["variables"]),
        ({"variables": {"a": "b", "c": 1}}, "string_type", ["variables", "c"]),
        ({"cache": 0}, "bool_type", ["cache"]),
        ({"transforms": [1]}, "string_type", ["transforms", 0]),
        ({"modality": "song"}, "literal_error", ["modality"]),
        ({"modalities": ["text", "image"]}, "literal_error", ["modalities", 1]),
        ({"image": {"n": 11}}, "less_than_equal", ["image", "n"]),
        ({"image": {"response_format": "png"}}, "literal_error", ["image", "response_format"]),
        ({"audio": {"format": "midi"}}, "literal_error", ["audio", "format"]),
        ({"response_format": {}}, "missing", ["response_format", "type"]),
        ({"response_format": {"type": "xml"}}, "literal_error", ["response_format", "type"]),
        ({"response_format": {"type": "json_schema"}}, "missing", ["response_format", "json_schema"]),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
            "missing",
            ["response_format", "json_schema", "schema"],
        ),
        ({"tools": [TOOL, {"type": "function"}]}, "missing", ["tools", 1, "function"]),
        ({"tools": [{"function": {"name": ""}}]}, "string_too_short", ["tools", 0, "function", "name"]),
        ({"tools": [{"function": {"name": "f", "parameters": 1}}]}, "dict_type", [*PARAMETERS]),
        ({"tools": [{**TOOL, "type": "web"}]}, "literal_error", ["tools", 0, "type"]),
        ({"tools": ["f"]}, "dict_type", ["tools", 0]),
        ({"tools": [TOOL], "tool_choice": "any"}, "literal_error", ["tool_choice"]),
        ({"tools": [TOOL], "tool_choice": {"function": {"name": "g"}}}, "value_error", ["tool_choice"]),
        ({"tools": [TOOL], "tool_choice": {}}, "value_error", ["tool_choice"]),
        ({"tool_choice": "required"}, "value_error", ["tool_choice"]),
        ({"response_format": "json"}, "dict_type", ["response_format"]),
    ],
)
def test_a_field_that_is_not_valid(fields: dict[str, Any], kind: str, loc: list[str | int]) -> None:
    """Each problem tells its kind and where it is, and says something."""
    _, problems = parse_chat_request(json.dumps(asking("hi") | fields).encode())
    assert [(problem["type"], problem["loc"]) for problem in problems] == [(kind, ["body", *loc])]
    assert all(problem["msg"] for problem in problems)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"messages": []},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": []}, USER, USER]},
        {"messages": [{"role": "tool", "content": [], "tool_call_id": "call_1"}]},
        {"temperature": 0, "top_p": 1, "max_tokens": 1, "timeout": 0.1, "user": "x" * 256, "seed": -1},
        {"temperature": 2.0, "frequency_penalty": -2, "presence_penalty": 2, "reasoning_effort": "none"},
        dict.fromkeys(("model", "stream", "temperature", "max_tokens", "tools", "tool_choice", "user")),
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"tools": [TOOL], "tool_choice": "required"},
        {"tools": [], "tool_choice": "auto"},
        {"models": [], "n": 128, "stop": [], "stream_options": {"include_usage": False}},
        {"stop": "a", "response_format": {"type": "text"}, "weight_profile": "anything"},
        {"response_format": {"type": "json_object"}, "modalities": ["text", "audio"], "audio": {}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}, "variables": {"a": "b"}},
        calling({"id": "1", "type": "function", "function": {"name": "f", "arguments": "{"}, "more": 1}),
        saying(
            {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": "data:", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"uri": "x", "format": "pcm24"}},
            {"type": "video_url", "video_url": {"url": "x"}, "fps": "2"},
        ),
        {"unknown": object.__name__},
    ],
)
def test_what_is_accepted(fields: dict[str, Any]) -> None:
    """The limits themselves, nulls for absent fields, and fields that nobody knows."""
    request, problems = parse_chat_request(json.dumps(asking("hi") | fields).encode())
    assert (request, problems) == (asking("hi") | fields, [])
