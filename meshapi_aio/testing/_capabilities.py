"""
What a model of the catalogue can't do, and how its provider says so.

Pure functions; this room performs no I/O. A flag that is false is held against the model; one that is absent
says nothing, so that a catalogue of names alone is enough for a test.
"""

from typing import Any

from ._json import Object
from ._prompt import parts
from ._refusals import Refusal
from ._reply import name_says_thinking


def thinks(entry: Object | None, model: str) -> bool:
    """Return whether the model reasons first: as its entry says, or else as its name says."""
    flag = None if entry is None else entry.get("supports_thinking")
    return name_says_thinking(model) if flag is None else bool(flag)


def provider_refusal(entry: Object, request: Object, asked_tokens: int) -> Refusal | None:
    """
    Return why the provider of a model refuses a request, None where it serves it.

    ``asked_tokens``: what the prompt costs.
    """
    wants: dict[str, Any] = {
        "supports_completions_api": True,
        "supports_system_prompt": any(message["role"] == "system" for message in request["messages"]),
        "supports_tools": request.get("tools"),
        "supports_structured_output": (request.get("response_format") or {}).get("type", "text") != "text",
        "supports_thinking": request.get("reasoning_effort"),
    }
    lacking = next((flag for flag, wanted in wants.items() if wanted and entry.get(flag) is False), None)
    if lacking is not None:
        message = f"{entry['id']} cannot do what the request asks for: {lacking} is false"
        return Refusal(400, "model_capability_not_supported", message, upstream=True)
    if (modality := _strange_modality(entry, request)) is not None:
        message = f"{entry['id']} takes no input of the modality {modality}"
        return Refusal(400, "model_capability_not_supported", message, upstream=True)
    if "bedrock" in (entry.get("provider") or "").lower() and any(map(_is_empty, request["messages"])):
        message = "messages: an assistant message must have text or tool calls"
        return Refusal(400, "invalid_request", message, upstream=True)
    limit = entry.get("context_length") or entry.get("context_window")
    room = request.get("max_tokens") or 0
    if limit is not None and asked_tokens + room > limit:
        message = f"input length and max_tokens exceed context limit: {asked_tokens} + {room} > {limit}"
        return Refusal(400, "context_window_exceeded", message, upstream=True)
    return None


def _strange_modality(entry: Object, request: Object) -> str | None:
    """Return a modality that the messages have and the model does not take."""
    taken: list[str] | None = entry.get("input_modalities")
    kinds = {"image_url": "image", "input_audio": "audio", "video_url": "video"}
    given = (kinds.get(part["type"]) for message in request["messages"] for part in parts(message))
    return next(
        (kind for kind in given if taken is not None and kind is not None and kind not in taken), None
    )


def _is_empty(message: Object) -> bool:
    """Return whether a message of the assistant has neither text nor tool calls."""
    return message["role"] == "assistant" and not message.get("content") and not message.get("tool_calls")
