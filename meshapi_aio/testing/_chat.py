"""
What the model says: a chat request in, a completion or its chunks out.

Pure functions over plain dicts, deterministic; this room performs no I/O. The chunks are made from the
completion, so both forms of one answer agree to the letter and to the token.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ._checks import tool_name
from ._json import Object, is_object
from ._schema import instance


DEFAULT_MODEL = "openai/gpt-4o"
"""What answers where the request names no model."""

_TOKEN = re.compile(r"\s*\w{1,6}|\s*[^\w\s]|\s+")
_MESSAGE_TOKENS = 4  # what the frame of one message costs in the counts of the common tokenizers
_LONGEST_QUOTE = 400  # characters of the prompt that the answer repeats


def tokens(text: str) -> list[str]:
    """Return the text in token-sized pieces; joined they are the text."""
    return _TOKEN.findall(text)


def chat_completion(
    request: Object, *, completion_id: str = "chatcmpl-fake", created: int = 0
) -> dict[str, Any]:
    """
    Return the answer to a chat request: a short text about the prompt, or calls of the tools it mentions.

    ``max_tokens`` cuts either, with ``length`` as finish reason.
    """
    model = request.get("model") or DEFAULT_MODEL
    names = _called(request)
    calls = [(name, tokens(_arguments(request, name))) for name in names]
    content = [] if names else tokens(_text(request, model))
    budget = request.get("max_tokens")
    finish_reason = "tool_calls" if names else "stop"
    if budget is not None and budget < len(content) + _cost(calls):
        content, calls, finish_reason = content[:budget], _cut(calls, budget), "length"
    message: dict[str, Any] = {"role": "assistant", "content": None if names else "".join(content)}
    if names:
        message["tool_calls"] = [
            {
                "id": f"call_{completion_id.removeprefix('chatcmpl-')}_{index}",
                "type": "function",
                "function": {"name": name, "arguments": "".join(pieces)},
            }
            for index, (name, pieces) in enumerate(calls)
        ]
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
        "usage": _usage(_prompt_tokens(request), len(content) + _cost(calls)),
        "system_fingerprint": None,
    }


def chat_completion_chunks(completion: Object) -> list[dict[str, Any]]:
    """
    Return the same answer as a stream's chunks.

    First the role, then the text or the tool calls in pieces, then the finish reason, and last, with no
    choices at all, the usage.
    """
    head = {
        "id": completion["id"],
        "object": "chat.completion.chunk",
        "created": completion["created"],
        "model": completion["model"],
    }
    chunks = [
        head | {"choices": [{"index": choice["index"], "delta": delta, "finish_reason": finish_reason}]}
        for choice in completion["choices"]
        for delta, finish_reason in _deltas(choice)
    ]
    return [*chunks, head | {"choices": [], "usage": completion["usage"]}]


def _deltas(choice: Object) -> Iterator[tuple[Object, str | None]]:
    """Yield the deltas of one choice, each with its finish reason."""
    message = choice["message"]
    content = message["content"]
    yield {"role": "assistant", "content": None if content is None else ""}, None
    for piece in tokens(content or ""):
        yield {"content": piece}, None
    for index, call in enumerate(message.get("tool_calls", ())):
        arguments = call["function"]["arguments"]
        yield (
            {"tool_calls": [{"index": index, **call, "function": {**call["function"], "arguments": ""}}]},
            None,
        )
        for piece in tokens(arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None
    yield {}, choice["finish_reason"]


def _usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Return the usage object."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _prompt_tokens(request: Object) -> int:
    """Return what the messages and the tools cost."""
    messages = sum(len(tokens(_content(message))) + _MESSAGE_TOKENS for message in request["messages"])
    tools = request.get("tools")
    return messages + (len(tokens(json.dumps(tools))) if tools else 0)


def _cost(calls: Sequence[tuple[str, list[str]]]) -> int:
    """Return the tokens of the tool calls: one for each name and one for each piece of the arguments."""
    return sum(1 + len(pieces) for _, pieces in calls)


def _cut(calls: Sequence[tuple[str, list[str]]], budget: int) -> list[tuple[str, list[str]]]:
    """Return as much of the tool calls as the budget of tokens lets the model say."""
    kept: list[tuple[str, list[str]]] = []
    for name, pieces in calls:
        if budget < 1:
            break
        kept.append((name, pieces[: budget - 1]))
        budget -= 1 + len(pieces)
    return kept


def _content(message: Object) -> str:
    """Return the text of a message, whose content may be a text, a list of parts, or null."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    parts = (part for part in content if is_object(part) and part.get("type") == "text")
    return "".join(str(part.get("text", "")) for part in parts)


def _prompt(request: Object) -> str:
    """Return the text of the last message of the user."""
    contents = (_content(message) for message in reversed(request["messages"]) if message["role"] == "user")
    return next(contents, "")


def _follows_tool(request: Object) -> bool:
    """Return whether the last message is the answer of a tool."""
    messages = request["messages"]
    return bool(messages) and messages[-1]["role"] == "tool"


def _text(request: Object, model: str) -> str:
    """Return what the model says where it calls no tool."""
    if _follows_tool(request):
        result = _content(request["messages"][-1])
        return f'The tool answered: "{result[:_LONGEST_QUOTE]}". That is all {model} needs to know.'
    return f'You said: "{_prompt(request)[:_LONGEST_QUOTE]}". This is the answer of {model}.'


def _called(request: Object) -> list[str]:
    """
    Return the names of the tools that the model calls.

    Left to its own choice it calls each tool that the prompt mentions, and none when it has just been given a
    tool's answer, so that a loop of calls comes to an end.
    """
    tools: list[Any] = request.get("tools") or []
    names = [name for name in map(tool_name, tools) if name is not None]
    choice = request.get("tool_choice") or "auto"
    if is_object(choice):
        return [name for name in names if name == tool_name(choice)][:1]
    prompt = _prompt(request)
    mentioned = [name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", prompt)]
    if choice == "required":
        return mentioned or names[:1]
    return mentioned if choice == "auto" and not _follows_tool(request) else []


def _arguments(request: Object, name: str) -> str:
    """Return arguments, as JSON text, that the schema of the tool accepts."""
    tools: list[Object] = request["tools"]
    function: Object = next(tool["function"] for tool in tools if tool_name(tool) == name)
    parameters: Object = function.get("parameters") or {}
    return json.dumps(instance({"type": "object", **parameters}, name), ensure_ascii=False)
