"""
Of what kind an answer or an error is, so that a wrong model and a network that is down are told apart.

Replies are looked at by what they have, so that this room needs no family of the API. Pure.
"""

import json
from collections.abc import Mapping
from typing import Any

from ..errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    ClientClosedError,
    SpendLimitError,
    StreamAPIError,
    StreamClosedError,
    StreamTruncatedError,
    UnexpectedResponseError,
)
from ._outcome import OutcomeKind


__all__ = ["ends_run", "kind_of_error", "kind_of_reply", "status_of"]


def kind_of_reply(reply: object, call: object) -> OutcomeKind:
    """Return of what kind an answer is; one that has neither choices nor an output is ``ok``."""
    choices = getattr(reply, "choices", None)
    if choices or (isinstance(choices, list) and not hasattr(reply, "output_text")):
        return _kind_of_choices(choices, call)
    return _kind_of_response(reply, call) if hasattr(reply, "output_text") else "ok"


def kind_of_error(error: BaseException) -> OutcomeKind:
    """Return of what kind a failure is."""
    if status_of(error) == 429:
        return "rate_limited"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, StreamClosedError):
        return "cancelled"
    if isinstance(error, (APIConnectionError, StreamTruncatedError, OSError)):
        return "connection"
    return "api_error"


def status_of(error: BaseException | None) -> int | None:
    """Return the HTTP status that an error tells, as ``status`` or, of other clients, ``status_code``."""
    status = getattr(error, "status", None)
    if status is None:
        status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def ends_run(error: BaseException) -> bool:
    """
    Tell whether an error will meet every other call as well, so that going on makes no sense.

    So it is with a key that is not accepted, an account without money, a client that was closed, a
    certificate or a proxy that refuses, an address that redirects, and a version that the gateway does not
    know.
    """
    if isinstance(error, (AuthenticationError, SpendLimitError, ClientClosedError)):
        return True
    if isinstance(error, (APIStatusError, StreamAPIError)):
        return error.status in {401, 402} or error.code == "invalid_api_version"
    if isinstance(error, UnexpectedResponseError):
        return 300 <= error.status < 400
    return isinstance(error, APIConnectionError) and error.lasting


def _kind_of_choices(choices: list[Any], call: object) -> OutcomeKind:
    kinds = [_kind_of_choice(choice, call) for choice in choices]
    # Of several answers the worst counts: whoever asks for three wants three.
    for kind in _WORST_FIRST:
        if kind in kinds:
            return kind
    return "ok" if kinds else "empty"


_WORST_FIRST: tuple[OutcomeKind, ...] = ("refused", "truncated", "empty", "invalid_output")


def _kind_of_choice(choice: Any, call: object) -> OutcomeKind:
    message = getattr(choice, "message", None)
    text = getattr(message, "text", "") or ""
    if choice.finish_reason == "content_filter" or getattr(message, "extra", {}).get("refusal"):
        return "refused"
    if choice.finish_reason in {"length", "max_tokens"}:
        return "truncated"
    said = text.strip() or any(
        getattr(message, name, None) or getattr(message, "extra", {}).get(name)
        for name in ("tool_calls", "audio", "images", "function_call")
    )
    if not said:
        return "empty"
    return "ok" if not text.strip() or _is_as_asked(text, call) else "invalid_output"


def _kind_of_response(reply: Any, call: object) -> OutcomeKind:
    if reply.status == "incomplete":
        details = reply.extra.get("incomplete_details")
        filtered = isinstance(details, Mapping) and details.get("reason") == "content_filter"
        return "refused" if filtered else "truncated"
    if reply.status in {"queued", "in_progress"}:
        return "ok"  # it works in the background, and what comes of it is asked for later
    if not reply.output:
        return "empty"
    text = reply.output_text
    return "ok" if not text.strip() or _is_as_asked(text, call) else "invalid_output"


def _is_as_asked(text: str, call: object) -> bool:
    """Tell whether a text is JSON, where the call asked for it."""
    wanted = getattr(call, "response_format", None)
    if not isinstance(wanted, Mapping) or wanted.get("type") not in {"json_object", "json_schema"}:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
