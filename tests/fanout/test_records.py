"""Outcomes as lines of a results file."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio import ByteReply, ChatCompletion, CreateChatCompletion, RateLimitError
from meshapi_aio._codec import structurer
from meshapi_aio._json import dumps
from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.endpoints.batches import BatchResult
from meshapi_aio.fanout import Outcome, PaidAttempt, Results, Row, request_key
from meshapi_aio.fanout._batch_results import outcome_of
from meshapi_aio.fanout._records import entry_of, record_of


CALL = CreateChatCompletion(model="m", messages=[{"role": "user", "content": "Hi"}])
BODY: dict[str, Any] = {
    "id": "c",
    "model": "m-2",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Ho"}}],
    "usage": {"total_tokens": 7},
}


def completion(body: dict[str, Any]) -> ChatCompletion:
    """Return a reply as the gateway sends it."""
    made: ChatCompletion = structurer(ChatCompletion)(body)
    return made


def outcome(**more: Any) -> Outcome[Any, Any]:
    """Return an outcome of a call that was answered at the second attempt."""
    attempts = (
        PaidAttempt(status=429, error="RateLimitError: slow", pause=0.5),
        PaidAttempt(status=200, request_id="r", usage=Usage(total_tokens=7), cost=Decimal("0.0000010")),
    )
    known: dict[str, Any] = {"index": 3, "call": CALL, "kind": "ok", "result": completion(BODY)}
    known |= {"attempts": attempts, "custom_id": "a", "model": "m-2"}
    return Outcome(**(known | more))


def test_a_line_has_the_format_of_batch_results() -> None:
    """What batches tell is where they tell it, and what only an outcome knows is beside it."""
    record = record_of(outcome(latency=1.5))
    assert (record["id"], record["custom_id"], record["error"]) == ("r", "a", None)
    assert record["response"] == {"status_code": 200, "request_id": "r", "body": completion(BODY).to_dict()}
    told = record["outcome"]
    assert (told["kind"], told["index"], told["repeat"], told["latency"]) == ("ok", 3, 0, 1.5)
    assert (told["model"], told["usage"], told["cost_usd"]) == ("m-2", {"total_tokens": 7}, "0.0000010")
    assert told["key"] == request_key(CALL)
    assert [attempt["status"] for attempt in told["attempts"]] == [429, 200]
    assert json.loads(dumps(record)) == record


def test_a_failure_has_an_error_in_place_of_a_response() -> None:
    """Code and message of the error are told."""
    error = RateLimitError("slow", status=429, code="rate_limit_exceeded")
    record = record_of(outcome(kind="rate_limited", result=None, error=error))
    assert record["response"] is None
    assert record["error"] == {"code": "rate_limit_exceeded", "message": str(error)}
    assert record_of(outcome(result=None, error=KeyError("k")))["error"]["code"] == "KeyError"


@pytest.mark.parametrize(
    ("result", "body"),
    [
        (None, None),
        (7, 7),
        ([{"a": None}], [{"a": None}]),
        (b"\0\1", {"base64": "AAE="}),
        (ByteReply(content=b"\0\1"), {"content_type": None, "base64": "AAE="}),
    ],
)
def test_results_of_any_kind(result: object, body: object) -> None:
    """Values are JSON as they are, files are in base64."""
    assert record_of(outcome(result=result))["response"]["body"] == body


@pytest.mark.parametrize(
    ("kind", "done"),
    [
        ("ok", True), ("empty", True), ("truncated", True), ("refused", True), ("invalid_output", True),
        ("rate_limited", False), ("timeout", False), ("connection", False), ("api_error", False),
    ],
)  # fmt: skip
def test_what_has_an_answer_is_done(tmp_path: Path, kind: Any, done: bool) -> None:
    """An answer is done whatever is to be said of it; what failed may be done again."""
    record = record_of(outcome(kind=kind))
    entry = entry_of(record)
    assert (entry.key, entry.done, entry.name) == (request_key(CALL), done, "a")
    with Results(tmp_path / "results.jsonl") as results:
        results.append(record)
        assert results.state(request_key(CALL)) == ("done" if done else "failed")


def result(status: int | None, body: Any, error: Any = None) -> BatchResult:
    """Return a result as a batch has it."""
    response = None if status is None else {"status_code": status, "body": body}
    made: BatchResult = structurer(BatchResult)({"custom_id": "a", "response": response, "error": error})
    return made


@pytest.mark.parametrize(
    ("came", "kind", "told"),
    [
        (result(200, BODY), "ok", None),
        (result(200, {**BODY, "choices": []}), "empty", None),
        (result(429, {"error": {"code": "rate_limit_exceeded", "message": "slow"}}), "rate_limited", "slow"),
        (result(500, {"error": "broken"}), "api_error", "broken"),
        (result(None, None, {"code": "expired", "message": "too late"}), "api_error", "too late"),
        (result(None, None, "gone"), "api_error", "gone"),
        (result(None, None), "api_error", "no answer"),
        (result(200, {"choices": 7}), "api_error", "no completion"),
    ],
)
def test_results_of_batches_are_outcomes_too(came: BatchResult, kind: str, told: str | None) -> None:
    """They are judged as those of calls, and make lines of the same form."""
    row = Row(custom_id="a", call=CALL, line=1)
    made = outcome_of(came, row, index=4, repeat=2)
    assert (made.kind, made.index, made.custom_id) == (kind, 4, "a")
    record = record_of(made)
    assert record["outcome"]["key"] == request_key(CALL, 2)
    assert json.loads(dumps(record)) == record
    if told is None:
        assert record["response"]["status_code"] == 200
        assert record["outcome"]["model"] == "m-2"
    else:
        # What can't be read is kept, for whoever wants to look.
        assert (record["response"] is None) == (told != "no completion")
        assert told in record["error"]["message"]
        assert not record["error"]["message"].startswith("0")


def test_the_request_id_of_a_batch_result_is_kept() -> None:
    """Where the gateway tells one, it is the line's."""
    came = structurer(BatchResult)(
        {"custom_id": "a", "response": {"status_code": 200, "request_id": "req_7", "body": BODY}}
    )
    row = Row(custom_id="a", call=CALL, line=1)
    assert record_of(outcome_of(came, row, index=0, repeat=0))["id"] == "req_7"
