"""
What is wrong with a chat request, as the gateway's 422 lists it.

Pure functions over the body; this room performs no I/O. Only what the gateway is known to refuse is refused:
unknown fields are dropped by it, and a null stands for an absent field.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from ._json import Object, is_array, is_object


Loc: TypeAlias = tuple[str | int, ...]
Fault: TypeAlias = tuple[str, str] | None
"""The type of a problem and its message, None for no problem."""
Check: TypeAlias = Callable[[Any], Fault]


def parse_chat_request(body: bytes) -> tuple[Object, Sequence[Object]]:
    """Return the request in the body and all that is wrong with it."""
    if not body:
        return {}, [_problem((), ("missing", "a JSON body is required"))]
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        return {}, [_problem((), ("json_invalid", f"the body is not JSON: {error}"))]
    if not is_object(request):
        return {}, [_problem((), ("dict_type", "the body must be a JSON object"))]
    return request, [
        *_message_problems(request),
        *_field_problems(request),
        *_tool_problems(request),
    ]


def _problem(loc: Loc, fault: tuple[str, str]) -> Object:
    """Return one entry of the list of details."""
    return {"type": fault[0], "loc": ["body", *loc], "msg": fault[1]}


def _number(low: float, high: float) -> Check:
    """Accept numbers from ``low`` to ``high``."""

    def check(value: object) -> Fault:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "float_type", "must be a number"
        if value < low:
            return "greater_than_equal", f"must be at least {low}"
        return None if value <= high else ("less_than_equal", f"must be at most {high}")

    return check


def _positive(value: object) -> Fault:
    """Accept numbers above zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "float_type", "must be a number"
    return None if value > 0 else ("greater_than", "must be greater than 0")


def _count(value: object) -> Fault:
    """Accept whole numbers from 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        return "int_type", "must be a whole number"
    return None if value >= 1 else ("greater_than_equal", "must be at least 1")


def _text(longest: int | None = None) -> Check:
    """Accept strings of up to so many characters."""

    def check(value: object) -> Fault:
        if not isinstance(value, str):
            return "string_type", "must be a string"
        if longest is not None and len(value) > longest:
            return "string_too_long", f"must have at most {longest} characters"
        return None

    return check


def _one_of(*choices: str) -> Check:
    """Accept exactly these strings."""

    def check(value: object) -> Fault:
        return None if value in choices else ("literal_error", f"must be one of {', '.join(choices)}")

    return check


def _of_type(accepted: type, name: str) -> Check:
    """Accept values of one JSON type."""

    def check(value: object) -> Fault:
        return None if isinstance(value, accepted) else (f"{accepted.__name__}_type", f"must be {name}")

    return check


_FIELDS: Mapping[str, Check] = {
    "model": _text(),
    "stream": _of_type(bool, "true or false"),
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "max_tokens": _count,
    "frequency_penalty": _number(-2, 2),
    "presence_penalty": _number(-2, 2),
    "tools": _of_type(list, "a list"),
    "response_format": _of_type(dict, "an object"),
    "reasoning_effort": _one_of("high", "medium", "low", "none"),
    "user": _text(256),
    "variables": _of_type(dict, "an object"),
    "cache": _of_type(bool, "true or false"),
    "timeout": _positive,
    "modality": _one_of("text", "image"),
}
_ROLE = _one_of("system", "user", "assistant", "tool")


def _field_problems(request: Object) -> list[Object]:
    """Return what is wrong with each field by itself."""
    found = ((name, check(request[name])) for name, check in _FIELDS.items() if request.get(name) is not None)
    return [_problem((name,), fault) for name, fault in found if fault is not None]


def _message_problems(request: Object) -> list[Object]:
    """Return what is wrong with the messages."""
    if "messages" not in request:
        return [_problem(("messages",), ("missing", "messages are required"))]
    messages = request["messages"]
    if not is_array(messages):
        return [_problem(("messages",), ("list_type", "must be a list"))]
    problems: list[Object] = []
    for index, message in enumerate(messages):
        loc = ("messages", index)
        if not is_object(message):
            problems.append(_problem(loc, ("dict_type", "must be an object")))
        elif "role" not in message:
            problems.append(_problem((*loc, "role"), ("missing", "a role is required")))
        elif fault := _ROLE(message["role"]):
            problems.append(_problem((*loc, "role"), fault))
        elif not isinstance(message.get("content"), str | list | None):
            problems.append(
                _problem((*loc, "content"), ("string_type", "must be a string or a list of parts"))
            )
        elif message["role"] == "tool" and not message.get("tool_call_id"):
            problems.append(
                _problem((*loc, "tool_call_id"), ("missing", "a tool's answer needs the id of the call"))
            )
    return problems


def _tool_problems(request: Object) -> list[Object]:
    """Return what is wrong with the tools, and with a choice among them."""
    given: object = request.get("tools")
    tools: list[object] = given if is_array(given) else []
    problems = [
        _problem(("tools", index, "function", "name"), ("missing", "the function of a tool needs a name"))
        for index, tool in enumerate(tools)
        if tool_name(tool) is None
    ]
    choice = request.get("tool_choice")
    names = [tool_name(tool) for tool in tools]
    if is_object(choice):
        if tool_name(choice) not in names or tool_name(choice) is None:
            problems.append(
                _problem(("tool_choice",), ("value_error", f"must name one of the tools, not {choice!r}"))
            )
    elif choice is not None and (fault := _one_of("auto", "none", "required")(choice)):
        problems.append(_problem(("tool_choice",), fault))
    elif choice == "required" and not names:
        problems.append(_problem(("tool_choice",), ("value_error", "required, but there are no tools")))
    return problems


def tool_name(tool: object) -> str | None:
    """Return the name in ``{"type": "function", "function": {"name": ...}}``, None where there is none."""
    function = tool.get("function") if is_object(tool) else None
    name = function.get("name") if is_object(function) else None
    return name if isinstance(name, str) and name else None
