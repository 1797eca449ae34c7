"""Batches: what is sent for whom, and results in any order. Waiting for them is in tests/test_polling.py."""

from typing import Any

import pytest

from meshapi_aio import CreateChatCompletion
from meshapi_aio.endpoints.batches import Batches, CreateBatch

from .answering import Answers, refusal


BODY = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
CHAT = CreateChatCompletion(model="m", messages=[{"role": "user", "content": "a"}])


async def test_requests_are_completed() -> None:
    """With the method and the path of a chat completion, whether the body is a call or a dict."""
    gateway = Answers({"id": "b1", "status": "validating"})
    requests: list[dict[str, Any]] = [
        {"custom_id": "1", "body": CHAT},
        {"custom_id": "2", "body": BODY, "url": "/v1/other"},
    ]
    batch = await Batches(gateway).create(requests=requests, completion_window="24h", metadata={"a": 1})
    path = "/v1/chat/completions"
    body = {
        "requests": [
            {"method": "POST", "url": path, "custom_id": "1", "body": {**BODY, "stream": False}},
            {"method": "POST", "url": "/v1/other", "custom_id": "2", "body": BODY},
        ],
        "completion_window": "24h",
        "metadata": {"a": 1},
    }
    assert gateway.sent == [("POST", "/v1/batches", body)]
    assert (batch.is_done, batch.results) == (False, None)
    assert "stream" not in BODY


REFUSED: list[tuple[Any, str]] = [
    ([], "requests is empty"),
    ([{"body": BODY}], "requests[0] has no custom_id"),
    ([{"custom_id": "", "body": BODY}], "requests[0] has no custom_id"),
    ([{"custom_id": "1", "body": BODY}] * 2, "requests[1] has the custom_id '1' of another one"),
    ([{"custom_id": "1"}], "requests[0] has no body"),
    (
        [{"custom_id": "1", "body": BODY}, {"custom_id": "2", "body": {**BODY, "model": "n"}}],
        "requests are for several models, 'm', 'n'",
    ),
    ("text", "requests must be a list"),
    ([CHAT], "requests must be a list in which each item is a dict"),
]


@pytest.mark.parametrize(("requests", "told"), REFUSED)
def test_what_the_gateway_would_refuse(requests: Any, told: str) -> None:
    """Is refused when the call is made, with the place."""
    assert f"CreateBatch: {told}" in refusal(CreateBatch, requests=requests)


async def test_results_as_they_come() -> None:
    """In any order, without an error key, and with null for what there is none of."""
    batch = await Batches(
        Answers(
            {
                "id": "b1",
                "status": "completed",
                "error_file_id": None,
                "errors_detail": [],
                "expires_at": 1,
                "request_counts": {"total": 2, "completed": 1, "failed": 1},
                "results": [
                    {"custom_id": "2", "response": {"status_code": 200, "body": {"id": "c"}}},
                    {"custom_id": "1", "response": None, "error": {"code": "x"}},
                ],
            }
        )
    ).get(id="b1")
    assert batch.is_done
    results = {result.custom_id: result for result in batch.results or []}
    answered = results["2"].response
    assert answered is not None
    assert (answered.status_code, answered.body, results["2"].error) == (200, {"id": "c"}, None)
    assert results["1"].error == {"code": "x"}


async def test_cancelling_sends_an_empty_object() -> None:
    """And the id is one segment of the path."""
    gateway = Answers({"id": "b/1", "status": "cancelling"})
    batch = await Batches(gateway).cancel(id="b/1")
    assert gateway.sent == [("POST", "/v1/batches/b%2F1/cancel", {})]
    assert not batch.is_done


async def test_the_list_goes_on_after_the_last_one() -> None:
    """As long as there are more."""
    gateway = Answers(
        {"object": "list", "data": [{"id": "b1"}], "has_more": True, "last_id": "b1"},
        {"object": "list", "data": [{"id": "b2"}], "has_more": False},
    )
    assert [batch.id async for batch in Batches(gateway).list(limit=1)] == ["b1", "b2"]
    assert [path for _, path, _ in gateway.sent] == ["/v1/batches?limit=1", "/v1/batches?after=b1&limit=1"]
