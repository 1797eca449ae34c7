"""What FakeGateway refuses with 422, and how it says so."""

import json
from typing import Any

import pytest

from meshapi_aio.testing import FakeGateway
from meshapi_aio.testing._checks import parse_chat_request

from .wire import CHAT, asking, client


USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f"}}


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
                {"type": "missing", "loc": ["body", "messages"], "msg": "messages are required"},
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
        ({"tools": [TOOL, {"type": "function"}]}, "missing", ["tools", 1, "function", "name"]),
        ({"tools": [{"function": {"name": ""}}]}, "missing", ["tools", 0, "function", "name"]),
        ({"tools": ["f"]}, "missing", ["tools", 0, "function", "name"]),
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
        {"unknown": object.__name__},
    ],
)
def test_what_is_accepted(fields: dict[str, Any]) -> None:
    """The limits themselves, nulls for absent fields, and fields that nobody knows."""
    request, problems = parse_chat_request(json.dumps(asking("hi") | fields).encode())
    assert (request, problems) == (asking("hi") | fields, [])
