"""
What is wrong with a chat request, as the gateway's 422 lists it.

Pure functions over the body; this room performs no I/O. Refused is what the gateway documents as out of range
and what could not be answered; unknown fields are dropped, and a null stands for an absent field.
"""

import json
from collections.abc import Mapping, Sequence

from ._faults import (
    Check,
    Loc,
    Problems,
    an_object,
    boolean,
    count,
    each,
    members,
    number,
    one_of,
    positive,
    problem,
    tagged,
    text,
    text_or,
    values,
    whole_number,
)
from ._json import Object, is_array, is_object


_MOST_CHOICES = 128  # no document names a limit for ``n``; this is the one of OpenAI's API

_PART = tagged(
    {
        "text": members({"text": text()}, required=["text"]),
        "image_url": members(
            {
                "image_url": members(
                    {"url": text(), "detail": one_of("auto", "low", "high")}, required=["url"]
                )
            },
            required=["image_url"],
        ),
        "input_audio": members(
            {
                "input_audio": members(
                    {
                        "data": text(),
                        "uri": text(),
                        "url": text(),
                        "format": one_of("wav", "mp3", "aiff", "aac", "ogg", "flac", "m4a", "pcm16", "pcm24"),
                    }
                )
            },
            required=["input_audio"],
        ),
        "video_url": members(
            {"video_url": members({"url": text()}, required=["url"]), "fps": text()}, required=["video_url"]
        ),
    }
)
_TOOL_CALL = members(
    {
        "id": text(),
        "type": one_of("function"),
        "function": members({"name": text(), "arguments": text()}, required=["name", "arguments"]),
    },
    required=["function"],
)
_MESSAGE_FIELDS: Mapping[str, Check] = {
    "role": one_of("system", "user", "assistant", "tool"),
    "content": text_or(each(_PART)),
    "name": text(),
    "tool_calls": each(_TOOL_CALL),
    "tool_call_id": text(shortest=1),
}
_MESSAGE = members(_MESSAGE_FIELDS, required=["role"])
_TOOL_ANSWER = members(_MESSAGE_FIELDS, required=["role", "tool_call_id"])
_TOOL = members(
    {
        "type": one_of("function"),
        "function": members(
            {"name": text(shortest=1), "description": text(), "parameters": an_object}, required=["name"]
        ),
    },
    required=["function"],
)
_RESPONSE_FORMAT = tagged(
    {
        "text": an_object,
        "json_object": an_object,
        "json_schema": members(
            {"json_schema": members({"name": text(), "schema": an_object}, required=["schema"])},
            required=["json_schema"],
        ),
    }
)


def _message(loc: Loc, value: object) -> Problems:
    """Accept a message; a tool's answer needs the id of the call."""
    is_answer = is_object(value) and value.get("role") == "tool"
    return (_TOOL_ANSWER if is_answer else _MESSAGE)(loc, value)


_REQUEST = members(
    {
        "messages": each(_message),
        "model": text(),
        "models": each(text()),
        "stream": boolean,
        "stream_options": members({"include_usage": boolean}),
        "temperature": number(0, 2),
        "top_p": number(0, 1),
        "max_tokens": count(),
        "n": count(_MOST_CHOICES),
        "frequency_penalty": number(-2, 2),
        "presence_penalty": number(-2, 2),
        "stop": text_or(each(text())),
        "seed": whole_number,
        "tools": each(_TOOL),
        "response_format": _RESPONSE_FORMAT,
        "reasoning_effort": one_of("high", "medium", "low", "none"),
        "user": text(longest=256),
        "template": text(),
        "variables": values(text()),
        "session_id": text(),
        "cache": boolean,
        "transforms": each(text()),
        "timeout": positive,
        "async_mode": boolean,
        "modality": one_of("text", "image"),
        "image": members(
            {
                "n": count(10),
                "size": text(),
                "quality": text(),
                "response_format": one_of("url", "b64_json"),
            }
        ),
        "modalities": each(one_of("text", "audio")),
        "audio": members({"voice": text(), "format": one_of("wav", "mp3", "flac", "opus", "pcm16")}),
        "service_tier": text(),
        "weight_profile": text(),  # an unknown one means "balanced"
    },
    required=["messages"],
)
_CHOICE = one_of("auto", "none", "required")


def parse_chat_request(body: bytes) -> tuple[Object, Sequence[Object]]:
    """Return the request in the body and all that is wrong with it."""
    request, wrong = parse_object(body)
    return request, wrong or [*_REQUEST((), request), *_choice_problems(request)]


def parse_object(body: bytes) -> tuple[Object, Sequence[Object]]:
    """Return the JSON object in the body, or an empty one and why there is none."""
    if not body:
        return {}, [problem((), "missing", "a JSON body is required")]
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        return {}, [problem((), "json_invalid", f"the body is not JSON: {error}")]
    if not is_object(parsed):
        return {}, [problem((), "dict_type", "the body must be a JSON object")]
    return parsed, []


def _choice_problems(request: Object) -> Problems:
    """Yield what is wrong with the choice among the tools."""
    choice = request.get("tool_choice")
    tools: object = request.get("tools")
    names = [tool_name(tool) for tool in tools] if is_array(tools) else []
    if is_object(choice):
        if tool_name(choice) not in names or tool_name(choice) is None:
            yield problem(("tool_choice",), "value_error", f"must name one of the tools, not {choice!r}")
    elif choice == "required" and not names:
        yield problem(("tool_choice",), "value_error", "required, but there are no tools")
    elif choice is not None:
        yield from _CHOICE(("tool_choice",), choice)


def tool_name(tool: object) -> str | None:
    """Return the name in ``{"type": "function", "function": {"name": ...}}``, None where there is none."""
    function = tool.get("function") if is_object(tool) else None
    name = function.get("name") if is_object(function) else None
    return name if isinstance(name, str) and name else None
