"""Comparisons: the same question to several models, one of which may fail while the others go on."""

from typing import Any

import pytest

from meshapi_aio.endpoints._messages import Message
from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.endpoints.compare import (
    Compare,
    CompareModels,
    Comparison,
    ComparisonResult,
    ComparisonStream,
    StreamComparison,
)
from meshapi_aio.errors import APIStatusError, StreamAPIError, StreamTruncatedError
from tests.endpoints.answering import META, Answers, event, refusal


ASKED: dict[str, Any] = {"models": ["a/b", "c/d"], "messages": [{"role": "user", "content": "Hi"}]}
FIELDS: dict[str, Any] = {
    "model_overrides": [{"model": "a/b", "temperature": 0, "system_prompt": "Be brief."}],
    "comparison_model": "e/f",
    "comparison_instructions": "Which is shorter?",
    "temperature": 2,
    "max_tokens": 1,
    "skip_comparison": False,
    "cache": False,
    "template": "greeting",
    "variables": {"name": "Ann"},
}
FAILED = {
    "model": "c/d",
    "response_body": None,
    "content": None,
    "latency_ms": 120000,
    "error": "timed out",
    "error_code": "gateway_timeout",
    "usage": None,
    "request_id": "req_2",
}


@pytest.mark.parametrize("kind", ["compare.completion", "chat.compare"])
async def test_a_comparison(kind: str) -> None:
    """Every field goes out under its own name; one model's failure is data."""
    answered = {
        "model": "a/b",
        "content": "Hello",
        "latency_ms": 1.5,
        "response_body": {"id": "c1"},
        "error": None,
    }
    gateway = Answers(
        {
            "comparison_id": "cmp_1",
            "object": kind,
            "created": 1,
            "models": ["a/b", "c/d"],
            "results": [{**answered, "usage": {"total_tokens": 2}, "request_id": "req_1"}, FAILED],
            "comparison": None,
            "partial": True,
            "total_latency_ms": 120001,
        }
    )
    compared = await Compare(gateway).create(**ASKED, **FIELDS)
    assert gateway.sent == [("POST", "/v1/chat/compare", {**ASKED, **FIELDS, "stream": False})]
    assert [(result.content, result.error, result.request_id) for result in compared.results] == [
        ("Hello", None, "req_1"),
        (None, "timed out", "req_2"),
    ]
    assert compared.results[0].usage == Usage(total_tokens=2)
    assert (compared.object, compared.partial, compared.comparison) == (kind, True, None)


async def test_that_all_fail() -> None:
    """Is an error, also where the status says that all is well."""
    failed = {"error": {"code": "all_models_failed", "message": "none answered"}}
    with pytest.raises(APIStatusError, match="none answered") as caught:
        await Compare(Answers(failed)).create(**ASKED)
    assert caught.value.code == "all_models_failed"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"models": []}, "models must be from 1 to 10 items, got 0"),
        ({"models": ["m"] * 11}, "models must be from 1 to 10 items, got 11"),
        ({"messages": []}, "messages is empty; it needs at least one message, or a template"),
        (
            {"messages": [{"role": "assistant", "content": ""}]},
            "messages[0] is an assistant message with neither",
        ),
        ({"temperature": 3}, "temperature must be from 0 to 2, got 3"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
        ({"extra_body": {"stream": 1}}, "extra_body sets stream to 1"),
    ],
)
def test_what_the_gateway_would_refuse(arguments: dict[str, Any], told: str) -> None:
    """Is refused when the call is made, streamed or not."""
    for call in (CompareModels, StreamComparison):
        assert refusal(call, **{**ASKED, **arguments}).startswith(f"{call.__name__}: {told}")


def test_a_template_needs_no_messages() -> None:
    """It brings its own; and messages may be objects."""
    assert CompareModels(models=["a"], messages=[], template="greeting").body()["messages"] == []
    call = CompareModels(models=["a"], messages=[Message.user("Hi")])
    assert call.body()["messages"] == ASKED["messages"]


# Streamed.

DONE = event("[DONE]")
STARTED = event({"comparison_id": "cmp_1", "models": ["a/b", "c/d"], "skip_comparison": True}, name="start")
ONE_FAILED = {"model": "c/d", "error": "timed out", "error_code": "gateway_timeout", "latency_ms": 5}


def piece(text: str, model: str | None = None, **others: Any) -> bytes:
    """Make an event of a piece of text."""
    return event({"delta": text, **({"model": model} if model else {}), **others}, name="delta")


def stream(*reads: bytes) -> ComparisonStream:
    """Make a stream of reads."""
    return Compare(Answers(list(reads))).create(**ASKED, stream=True)


async def test_the_comparing_text() -> None:
    """Names of events are in ``event``, unless the data says another; texts without a model compare."""
    streaming = stream(
        piece("Both "), piece("say hi\ud83d"), piece("\ude00", event="own"), event({"partial": False}), DONE
    )
    events = [each async for each in streaming]
    assert [(each.event, each.text, each.model) for each in events] == [
        ("delta", "Both ", None),
        ("delta", "say hi\ud83d", None),
        ("own", "\ude00", None),
        (None, "", None),
    ]
    whole = await streaming.get_final_comparison()
    assert whole == Comparison(comparison="Both say hi😀", partial=False)
    assert whole.meta == META


@pytest.mark.parametrize("name", [None, "result", "error"])
@pytest.mark.parametrize("cut", [False, True])
async def test_a_model_that_fails_while_others_go_on(name: str | None, cut: bool) -> None:
    """Its failure is an event, whatever its name; what the others say comes before and after it."""
    reads = [
        STARTED,
        piece("He", "a/b"),
        piece("?", "c/d"),
        event(ONE_FAILED, name=name),
        piece("llo", "a/b"),
        event({"model": "a/b", "finish_reason": "stop", "usage": {"total_tokens": 2}}, name="result"),
        event({"partial": True, "total_latency_ms": 9}, name="end"),
        DONE,
    ]
    streaming = stream(*reads) if cut else stream(b"".join(reads))
    events = [each async for each in streaming]
    assert [each.error for each in events] == [None, None, None, "timed out", None, None, None]
    assert (events[3].event, events[3].error_code) == (name, "gateway_timeout")
    assert await streaming.get_final_comparison() == Comparison(
        comparison_id="cmp_1",
        models=["a/b", "c/d"],
        skip_comparison=True,
        partial=True,
        total_latency_ms=9,
        results=[
            ComparisonResult(model="a/b", content="Hello", usage=Usage(total_tokens=2)),
            ComparisonResult(
                model="c/d", content="?", error="timed out", error_code="gateway_timeout", latency_ms=5
            ),
        ],
    )


@pytest.mark.parametrize("name", [None, "error", "delta"])
@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": "all_models_failed", "message": "boom"}},
        {"error": {"code": "gateway_timeout", "message": "boom"}, "model": "a/b"},
        {"error": "boom"},
    ],
)
async def test_what_ends_a_stream(error: dict[str, Any], name: str | None) -> None:
    """An error that is an object, and one that names no model, after what came before it."""
    streaming = stream(piece("He", "a/b"), event(error, name=name), piece("llo", "a/b"), DONE)
    assert (await anext(streaming)).text == "He"
    with pytest.raises(StreamAPIError, match="boom") as caught:
        await anext(streaming)
    assert caught.value.partial.results == [ComparisonResult(model="a/b", content="He")]


async def test_an_end_too_early() -> None:
    """Is truncated, whatever came."""
    with pytest.raises(StreamTruncatedError) as caught:
        await stream(STARTED, piece("He", "a/b")).get_final_comparison()
    assert caught.value.partial.results[0].content == "He"
    with pytest.raises(StreamTruncatedError):
        await stream().get_final_comparison()
