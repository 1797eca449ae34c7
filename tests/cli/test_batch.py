"""``meshapi-aio batch``: a file as batches of the gateway, and their results in the form of fan-out."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio.fanout import Results
from meshapi_aio.testing import Answer, FakeGateway

from .running import Ended, invoke_at


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    """Return a file of requests to two models, of which two are equal."""
    path = tmp_path / "requests.jsonl"
    lines = [
        {"custom_id": name, "body": {"model": model, "messages": [{"role": "user", "content": text}]}}
        for name, model, text in (
            ("a", "openai/gpt-4o-mini", "One"),
            ("b", "deepseek/deepseek-r1", "Two"),
            ("c", "openai/gpt-4o-mini", "One"),
        )
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return where the results go."""
    return tmp_path / "results.jsonl"


async def batch(gateway: FakeGateway, *arguments: Any) -> Ended:
    """Run one of the commands."""
    return await invoke_at(gateway, "batch", *map(str, arguments))


def lines(path: Path) -> dict[str, Any]:
    """Return the lines of a results file by their names."""
    return {line["custom_id"]: line for line in map(json.loads, path.read_text().splitlines())}


async def test_a_file_goes_and_comes_back(gateway: FakeGateway, requests: Path, results: Path) -> None:
    """Submitted, waited for and fetched, each request has its line, and fan-out has nothing left to do."""
    submitted = await batch(gateway, "submit", requests)
    ids = submitted.stdout.split()
    assert (submitted.status, len(ids)) == (0, 2)
    assert "2 requests to openai/gpt-4o-mini" in submitted.stderr
    waited = await batch(gateway, "wait", *ids, "--interval", "0.01")
    assert waited.status == 0
    assert waited.stderr.count("completed") == 2
    fetched = await batch(gateway, "fetch", requests, *ids, "-o", results)
    assert fetched.status == 0
    assert "3 written, 0 were there already, 0 failed" in fetched.stderr
    assert sorted(lines(results)) == ["a", "b", "c"]
    assert len({line["outcome"]["key"] for line in lines(results).values()}) == 3
    assert "Two" in lines(results)["b"]["response"]["body"]["choices"][0]["message"]["content"]
    again = await batch(gateway, "fetch", requests, *ids, "-o", results)
    assert "0 written, 3 were there already" in again.stderr
    before = len(gateway.requests)
    assert (await invoke_at(gateway, "fan-out", str(requests), "-o", str(results))).status == 0
    assert len(gateway.requests) == before


async def test_what_is_missing_is_told(gateway: FakeGateway, requests: Path, results: Path) -> None:
    """Requests that are in none of the batches are named, and the status is 1."""
    first, second = (await batch(gateway, "submit", requests)).stdout.split()
    await batch(gateway, "wait", first, second, "--interval", "0.01")
    fetched = await batch(gateway, "fetch", requests, first, "-o", results)
    assert fetched.status == 1
    assert "in none of the batches: b" in fetched.stderr
    assert sorted(lines(results)) == ["a", "c"]


async def test_a_batch_that_is_not_completed_has_no_results(
    gateway: FakeGateway, requests: Path, results: Path
) -> None:
    """Fetched too early it says so, and writes nothing; one that ends otherwise has status 1."""
    (_, second) = (await batch(gateway, "submit", requests)).stdout.split()
    early = await batch(gateway, "fetch", requests, second, "-o", results)
    assert early.status == 2
    assert "only one that is completed has results" in early.stderr
    assert not results.exists()
    gateway.enqueue(Answer(body={"id": second, "status": "expired"}))
    assert (await batch(gateway, "wait", second)).status == 1


async def test_results_that_failed_are_written_as_such(
    gateway: FakeGateway, requests: Path, results: Path
) -> None:
    """A request that a batch could not carry out has its error, and those of other files are passed over."""
    came = [
        {
            "custom_id": "a",
            "response": {"status_code": 500, "body": {"error": {"code": "x", "message": "no"}}},
        },
        {"custom_id": "other", "response": {"status_code": 200, "body": {}}},
    ]
    gateway.enqueue(Answer(body={"id": "b1", "status": "completed", "results": came}))
    fetched = await batch(gateway, "fetch", requests, "b1", "-o", results)
    assert fetched.status == 1
    assert "1 written, 0 were there already, 1 failed" in fetched.stderr
    assert lines(results)["a"]["error"]["code"] == "x"


async def test_a_batch_that_there_is_not_ends_no_waiting(gateway: FakeGateway, requests: Path) -> None:
    """It is told in a line, the others are waited for, and the status is 1."""
    first, second = (await batch(gateway, "submit", requests)).stdout.split()
    waited = await batch(gateway, "wait", first, "nope", second, "--interval", "0.01")
    assert waited.status == 1
    assert "nope: NotFoundError: 404 not_found: there is no batch 'nope'" in waited.stderr
    assert waited.stderr.count("completed") == 2


@pytest.mark.parametrize("failed_first", [True, False])
async def test_of_several_results_an_answer_counts(
    gateway: FakeGateway, requests: Path, results: Path, failed_first: bool
) -> None:
    """Where a file went twice, a request that failed once and was answered once has its answer."""
    requests.write_text(requests.read_text().splitlines()[0] + "\n")
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Ho"}}
    answered = {"status_code": 200, "body": {"id": "c", "model": "m", "choices": [choice]}}
    failed = {"status_code": 500, "body": {"error": {"code": "x", "message": "no"}}}
    for name, response in zip(
        ("b1", "b2"), (failed, answered) if failed_first else (answered, failed), strict=True
    ):
        came = [{"custom_id": "a", "response": response}]
        gateway.enqueue(Answer(body={"id": name, "status": "completed", "results": came}))
    fetched = await batch(gateway, "fetch", requests, "b1", "b2", "-o", results)
    assert fetched.status == 0
    assert "1 written, 0 were there already, 0 failed" in fetched.stderr
    assert lines(results)["a"]["outcome"]["kind"] == "ok"


async def test_results_that_a_run_is_writing_are_left_alone(
    gateway: FakeGateway, requests: Path, results: Path
) -> None:
    """While a run writes the file, it is said so."""
    gateway.enqueue(Answer(body={"id": "b1", "status": "completed", "results": []}))
    with Results(results):
        fetched = await batch(gateway, "fetch", requests, "b1", "-o", results)
    assert fetched.status == 2
    assert "is being written by another run" in fetched.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no request"),
        ("{\n", "requests.jsonl:1: "),
        ('{"url": "/v1/embeddings", "body": {"model": "m", "input": "x"}}\n', "is no chat completion"),
        ('{"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]}\n', "is no chat"),
    ],
)
async def test_a_file_that_batches_cannot_take_is_told(
    gateway: FakeGateway, requests: Path, content: str, told: str
) -> None:
    """Nothing is sent of a file that can't go as a whole."""
    requests.write_text(content)
    ended = await batch(gateway, "submit", requests)
    assert ended.status == 2
    assert told in ended.stderr
    assert gateway.requests == []
