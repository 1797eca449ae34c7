"""Of what kind answers and errors are: the model's fault, or the network's."""

from typing import Any

import pytest

from meshapi_aio import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ChatCompletion,
    ClientClosedError,
    DecodeError,
    InternalServerError,
    MalformedEventError,
    PermissionDeniedError,
    RateLimitError,
    SpendLimitError,
    StreamAPIError,
    StreamClosedError,
    StreamTruncatedError,
    UnexpectedResponseError,
)
from meshapi_aio._codec import structurer
from meshapi_aio.endpoints.embeddings import EmbeddingList
from meshapi_aio.endpoints.responses import Response
from meshapi_aio.fanout._judging import ends_run, kind_of_error, kind_of_reply


class OtherError(Exception):
    """An error of another maker's client."""

    status_code = 429


class Asking:
    """A call that asks for an answer of some form."""

    def __init__(self, response_format: Any = None) -> None:
        self.response_format = response_format


def completion(*choices: dict[str, Any]) -> ChatCompletion:
    """Return a completion as the gateway sends it."""
    made: ChatCompletion = structurer(ChatCompletion)({"id": "c", "choices": list(choices)})
    return made


def choice(content: Any = "Hi", finish_reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    """Return one choice of a completion."""
    return {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {"role": "assistant", "content": content, **message},
    }


TOOL_CALL = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
JSON = Asking({"type": "json_object"})


@pytest.mark.parametrize(
    ("reply", "call", "kind"),
    [
        (completion(choice()), Asking(), "ok"),
        (completion(choice(finish_reason=None)), Asking(), "ok"),
        (completion(), Asking(), "empty"),
        (completion(choice("")), Asking(), "empty"),
        (completion(choice(" \n")), Asking(), "empty"),
        (completion(choice(None)), Asking(), "empty"),
        (completion(choice(None, "tool_calls", tool_calls=[TOOL_CALL])), Asking(), "ok"),
        (completion(choice(None, audio={"id": "a", "data": "AA=="})), Asking(), "ok"),
        (completion(choice(None, images=[{"url": "u"}])), Asking(), "ok"),
        (completion(choice("cut", "length")), Asking(), "truncated"),
        (completion(choice("", "length")), Asking(), "truncated"),
        (completion(choice("no", "content_filter")), Asking(), "refused"),
        (completion(choice(None, refusal="I won't")), Asking(), "refused"),
        (completion(choice(), choice("cut", "length")), Asking(), "truncated"),
        (completion(choice("", "content_filter"), choice("cut", "length")), Asking(), "refused"),
        (completion(choice('{"a": 1}')), JSON, "ok"),
        (completion(choice("Here you are: {}")), JSON, "invalid_output"),
        (completion(choice("{")), Asking({"type": "json_schema", "json_schema": {}}), "invalid_output"),
        (completion(choice("[" * 100_000)), JSON, "invalid_output"),
        (completion(choice("text")), Asking({"type": "text"}), "ok"),
        (completion(choice(None, "tool_calls", tool_calls=[TOOL_CALL])), JSON, "ok"),
        (object(), Asking(), "ok"),
        (None, None, "ok"),
    ],
)
def test_replies_of_chat(reply: object, call: object, kind: str) -> None:
    """Truncated, refused, empty and invalid answers are told apart from good ones."""
    assert kind_of_reply(reply, call) == kind


MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}


@pytest.mark.parametrize(
    ("said", "call", "kind"),
    [
        ({"status": "completed", "output": [MESSAGE]}, Asking(), "ok"),
        ({"status": "completed", "output": "Hi"}, JSON, "invalid_output"),
        ({"status": "completed", "output": []}, Asking(), "empty"),
        ({"status": "queued"}, Asking(), "ok"),
        ({"status": "incomplete", "output": [MESSAGE]}, Asking(), "truncated"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            Asking(),
            "refused",
        ),
        ({"choices": [choice("cut", "length")]}, Asking(), "truncated"),
    ],
)
def test_replies_of_responses(said: dict[str, Any], call: object, kind: str) -> None:
    """Responses are judged alike, also those that come in the shape of chat."""
    assert kind_of_reply(structurer(Response)({"id": "r", **said}), call) == kind


def test_replies_of_other_families_are_good() -> None:
    """What is no text can't be judged, and came whole."""
    assert kind_of_reply(structurer(EmbeddingList)({"data": []}), None) == "ok"


def timeout(phase: Any = "idle") -> APITimeoutError:
    """Return an error of one phase."""
    return APITimeoutError("late", phase=phase)


def refused_certificate() -> APIConnectionError:
    """Return an error that will not pass."""
    error = APIConnectionError("no", sent=False)
    error.lasting = True
    return error


@pytest.mark.parametrize(
    ("error", "kind", "ends"),
    [
        (RateLimitError("slow", status=429), "rate_limited", False),
        (StreamAPIError("slow", status=429), "rate_limited", False),
        (timeout(), "timeout", False),
        (OtherError(), "rate_limited", False),
        (TimeoutError(), "timeout", False),
        (APIConnectionError("gone"), "connection", False),
        (refused_certificate(), "connection", True),
        (StreamTruncatedError("cut"), "connection", False),
        (ConnectionResetError(), "connection", False),
        (StreamClosedError("closed"), "cancelled", False),
        (BadRequestError("no", status=400), "api_error", False),
        (BadRequestError("no", status=400, code="invalid_api_version"), "api_error", True),
        (InternalServerError("no", status=503), "api_error", False),
        (PermissionDeniedError("no", status=403), "api_error", False),
        (AuthenticationError("no", status=401), "api_error", True),
        (SpendLimitError("no", status=402), "api_error", True),
        (StreamAPIError("no", status=402), "api_error", True),
        (ClientClosedError("closed"), "api_error", True),
        (UnexpectedResponseError("moved", status=302), "api_error", True),
        (UnexpectedResponseError("a page", status=200), "api_error", False),
        (DecodeError("what?"), "api_error", False),
        (MalformedEventError("what?", index=0, excerpt=""), "api_error", False),
        (KeyError("mine"), "api_error", False),
    ],
)
def test_errors(error: Exception, kind: str, ends: bool) -> None:
    """Each error has its kind; those that would meet every other call as well end a run."""
    assert kind_of_error(error) == kind
    assert ends_run(error) is ends
