"""
The forms of an answer: what the model says as a completion, as the chunks of a stream, and out of the cache.

Pure functions over plain dicts, deterministic; this room performs no I/O. The chunks are made from the
completion, so both forms of one answer agree to the letter and to the token.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from ._json import Object
from ._prompt import prompt_tokens, tokens
from ._reply import Reply, name_says_thinking, reply


DEFAULT_MODEL = "openai/gpt-4o"
"""What answers where the request names no model."""


def chat_completion(
    request: Object, *, completion_id: str = "chatcmpl-fake", created: int = 0
) -> dict[str, Any]:
    """
    Return the answer to a chat request: a short text about the prompt, or calls of the tools it mentions.

    ``n`` asks for several, ``response_format`` for JSON that fits a schema; ``stop`` and ``max_tokens`` cut
    them, the latter with ``length`` as finish reason. A model whose name says so reasons first.
    """
    model = request.get("model") or DEFAULT_MODEL
    return complete(
        {**request, "model": model},
        completion_id=completion_id,
        created=created,
        asked_tokens=prompt_tokens(request),
        thinks=name_says_thinking(model),
    )


def complete(
    request: Object, *, completion_id: str, created: int, asked_tokens: int, thinks: bool
) -> dict[str, Any]:
    """Return the answer of the model that the request names; ``asked_tokens`` is what the prompt costs."""
    replies = [
        reply(request, request["model"], number, thinks=thinks) for number in range(request.get("n") or 1)
    ]
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": request["model"],
        "choices": [
            {
                "index": number,
                "message": _message(said, f"call_{completion_id.removeprefix('chatcmpl-')}_{number}"),
                "logprobs": None,
                "finish_reason": said.finish_reason,
            }
            for number, said in enumerate(replies)
        ],
        "usage": _usage(asked_tokens, replies, thinks=thinks),
        "system_fingerprint": None,
    }


def _message(said: Reply, call_id: str) -> dict[str, Any]:
    """
    Return the message of one choice; ``call_id`` begins the ids of its tool calls.

    No document names the field of the reasoning; it is ``reasoning_content`` here, the commoner of the two
    names that clients look for, since ``reasoning`` is an object where the gateway is known to send it.
    """
    calls = [
        {
            "id": f"{call_id}_{index}",
            "type": "function",
            "function": {"name": name, "arguments": "".join(pieces)},
        }
        for index, (name, pieces) in enumerate(said.calls)
    ]
    reasoning = {"reasoning_content": "".join(said.reasoning)} if said.reasoning else {}
    content = None if calls else "".join(said.content)
    return {"role": "assistant", "content": content, **reasoning, **({"tool_calls": calls} if calls else {})}


def _usage(asked_tokens: int, replies: Sequence[Reply], *, thinks: bool) -> dict[str, Any]:
    """Return the usage object; the tokens of the reasoning are among those of the completion."""
    said_tokens = sum(said.cost for said in replies)
    usage: dict[str, Any] = {
        "prompt_tokens": asked_tokens,
        "completion_tokens": said_tokens,
        "total_tokens": asked_tokens + said_tokens,
    }
    if thinks:
        reasoning_tokens = sum(len(said.reasoning) for said in replies)
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoning_tokens}
    return usage


def chat_completion_chunks(completion: Object) -> list[dict[str, Any]]:
    """
    Return the same answer as a stream's chunks.

    For each choice the role, the reasoning, the text or the tool calls in pieces, and the finish reason; the
    choices take turns. Last, with no choices at all, comes the usage.
    """
    turns = itertools.zip_longest(*(_deltas(choice) for choice in completion["choices"]))
    chunks = [
        _chunk(completion, [{"index": choice["index"], "delta": delta[0], "finish_reason": delta[1]}])
        for turn in turns
        for choice, delta in zip(completion["choices"], turn, strict=True)
        if delta is not None
    ]
    return [*chunks, _chunk(completion, [], usage=completion["usage"])]


def cached_chunks(completion: Object) -> list[dict[str, Any]]:
    """Return the same answer as the cache streams it: everything in one chunk, and then the usage."""
    choices = [
        {"index": choice["index"], "delta": choice["message"], "finish_reason": choice["finish_reason"]}
        for choice in completion["choices"]
    ]
    return [_chunk(completion, choices), _chunk(completion, [], usage=completion["usage"])]


def _chunk(completion: Object, choices: Sequence[Object], **fields: Any) -> dict[str, Any]:
    """Return one chunk of the stream of a completion."""
    head = {name: completion[name] for name in ("id", "created", "model")}
    return {**head, "object": "chat.completion.chunk", "choices": choices, **fields}


def _deltas(choice: Object) -> Iterator[tuple[Object, str | None]]:
    """Yield the deltas of one choice, each with its finish reason."""
    message = choice["message"]
    content = message["content"]
    yield {"role": "assistant", "content": None if content is None else ""}, None
    for piece in tokens(message.get("reasoning_content", "")):
        yield {"reasoning_content": piece}, None
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
