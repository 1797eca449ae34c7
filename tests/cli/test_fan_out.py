"""``meshapi-aio fan-out``: a file of requests, carried out and written down."""

import asyncio
import json
import math
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio.cli import _run_display
from meshapi_aio.cli._run_display import as_lines, money
from meshapi_aio.fanout import Results
from meshapi_aio.fanout._tally import Tally
from meshapi_aio.testing import HANG, Answer, FakeGateway

from .running import end, environment, invoke, invoke_at, start, until_it_waits
from .terminal import Terminal


MODEL = "openai/gpt-4o-mini"


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    """Return a file of five requests."""
    path = tmp_path / "requests.jsonl"
    lines = [
        {
            "custom_id": f"q{number}",
            "body": {
                "model": MODEL,
                "messages": [{"role": "user", "content": f"Question {number}"}],
                "max_tokens": 64,
            },
        }
        for number in range(5)
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return where the results go."""
    return tmp_path / "results.jsonl"


def lines(path: Path) -> dict[str, Any]:
    """Return the lines of a results file by their names."""
    return {line["custom_id"]: line for line in map(json.loads, path.read_text().splitlines())}


def chats(gateway: FakeGateway) -> int:
    """Return how many chats a gateway was asked for."""
    return sum(request.path == "/v1/chat/completions" for request in gateway.requests)


async def fan_out(gateway: FakeGateway, *arguments: Any) -> Any:
    """Run the command against a gateway."""
    return await invoke_at(gateway, "fan-out", *map(str, arguments))


async def test_every_request_has_its_line(gateway: FakeGateway, requests: Path, results: Path) -> None:
    """Each request is answered, written down and counted; standard output stays empty."""
    ended = await fan_out(gateway, requests, "-o", results)
    assert (ended.status, ended.stdout) == (0, "")
    assert "done: 5 of 5" in ended.stderr
    assert "stopped" not in ended.stderr
    assert sorted(lines(results)) == ["q0", "q1", "q2", "q3", "q4"]
    assert "Question 3" in lines(results)["q3"]["response"]["body"]["choices"][0]["message"]["content"]
    assert lines(results)["q3"]["outcome"]["kind"] == "ok"


async def test_a_second_run_does_what_is_left(gateway: FakeGateway, requests: Path, results: Path) -> None:
    """What is there is not done again; what was changed is, and is told of."""
    gateway.enqueue(Answer(400, body={"error": {"code": "bad", "message": "no"}}))
    ended = await fan_out(gateway, requests, "-o", results, "--limit", "1")
    assert ended.status == 1
    assert "1 api_error" in ended.stderr
    assert chats(gateway) == 5
    ended = await fan_out(gateway, requests, "-o", results)
    assert ended.status == 1
    assert "(5 by an earlier run, 1 of them failed)" in ended.stderr
    assert chats(gateway) == 5
    changed = requests.read_text().replace("Question 4", "Question Four")
    requests.write_text(changed)
    ended = await fan_out(gateway, requests, "-o", results, "--retry-errors")
    assert ended.status == 0
    assert "done: 5 of 5 (3 by an earlier run)" in ended.stderr
    assert "changed: 1" in ended.stderr
    assert chats(gateway) == 7
    assert len(results.read_text().splitlines()) == 5
    assert {line["outcome"]["kind"] for line in lines(results).values()} == {"ok"}
    ended = await fan_out(gateway, requests, "-o", results)
    assert (ended.status, chats(gateway)) == (0, 7)


async def test_models_and_repetitions_multiply(gateway: FakeGateway, requests: Path, results: Path) -> None:
    """Every request goes to every model, so many times."""
    ended = await fan_out(gateway, requests, "-o", results, "--models", f"{MODEL},x/y", "--repeat", "2")
    assert ended.status == 0
    assert len(lines(results)) == 20
    assert lines(results)["q2@x/y#1"]["outcome"]["repeat"] == 1


async def test_a_dry_run_sends_nothing(gateway: FakeGateway, requests: Path) -> None:
    """Requests, tokens and cost are estimated for each model; what is not known is not told as nothing."""
    ended = await fan_out(gateway, requests, "--dry-run", "--models", f"{MODEL},x/y")
    assert ended.status == 0
    assert chats(gateway) == 0
    (known,) = [line for line in ended.stdout.splitlines() if MODEL in line]
    (unknown,) = [line for line in ended.stdout.splitlines() if "x/y" in line]
    assert known.split()[1] == "5"
    assert known.count("$") == 2
    assert unknown.split()[-2:] == ["unknown", "unknown"]


async def test_a_budget_is_kept_over_runs(gateway: FakeGateway, requests: Path, results: Path) -> None:
    """Calls that might exceed it are not sent, and a second run counts what the first has spent."""
    ended = await fan_out(gateway, requests, "-o", results, "--budget", "0.0001", "--limit", "1")
    assert ended.status == 3
    assert "skipped_budget" in ended.stderr
    first = chats(gateway)
    assert 0 < first < 5
    spent = sum(Decimal(line["outcome"]["cost_usd"]) for line in lines(results).values())
    assert spent <= Decimal("0.0001")
    ended = await fan_out(gateway, requests, "-o", results, "--budget", "0.0001")
    assert ended.status == 3
    assert chats(gateway) == first


async def test_rates_can_be_given(gateway: FakeGateway, requests: Path, results: Path) -> None:
    """Requests and tokens a minute can be bounded beside the calls at once."""
    arguments = ("--rpm", "60000", "--tpm", "10000000", "--limit", "2")
    assert (await fan_out(gateway, requests, "-o", results, *arguments)).status == 0
    assert chats(gateway) == 5


async def test_a_key_that_is_not_accepted_ends_the_run(
    gateway: FakeGateway, requests: Path, results: Path
) -> None:
    """One error is told in one line, with what was done so far kept."""
    ended = await invoke(
        "fan-out", str(requests), "-o", str(results), "--limit", "1",
        MESHAPI_BASE_URL=gateway.base_url, MESHAPI_API_KEY="rsk_wrong",
    )  # fmt: skip
    assert ended.status == 1
    assert "done: 1 of 5" in ended.stderr
    assert "AuthenticationError" in ended.stderr
    assert "rsk_wrong" not in ended.stderr
    assert chats(gateway) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "-o RESULTS is missing"),
        (["-o", "r", "--limit", "0"], "neither auto nor a number"),
        (["-o", "r", "--limit", "many"], "neither auto nor a number"),
        (["-o", "r", "--budget", "much"], "no amount of USD"),
        (["-o", "r", "--budget", "-1"], "no amount of USD"),
        (["-o", "r", "--deadline", "soon"], "is no time"),
        (["-o", "r", "--deadline", "0"], "is no time"),
        (["-o", "r", "--grace", "1d"], "is no time"),
        (["-o", "r", "--rpm", "0"], "0 is not in the range"),
    ],
)
async def test_misuse_is_told(gateway: FakeGateway, requests: Path, arguments: list[str], told: str) -> None:
    """What can't be right is told before anything is read or sent, with status 2."""
    ended = await fan_out(gateway, requests, *arguments)
    assert ended.status == 2
    assert told in " ".join(ended.stderr.split())
    assert gateway.requests == []


async def test_a_mistake_in_the_last_line_costs_nothing(
    gateway: FakeGateway, requests: Path, results: Path
) -> None:
    """The whole file is read before anything is sent."""
    with requests.open("a") as file:
        file.write('{"model": "m"}\n')
    ended = await fan_out(gateway, requests, "-o", results)
    assert ended.status == 2
    assert "requests.jsonl:6: " in ended.stderr
    assert gateway.requests == []


async def test_two_runs_do_not_write_one_file(gateway: FakeGateway, requests: Path, results: Path) -> None:
    """While one run writes its results, another one to the same file is told so, and sends nothing."""
    with Results(results):
        ended = await fan_out(gateway, requests, "-o", results)
        assert ended.status == 2
        assert "is being written by another run" in ended.stderr
    assert chats(gateway) == 0


async def test_an_unknown_price_is_told(gateway: FakeGateway, requests: Path, results: Path) -> None:
    """A budget that can't be kept is a misuse, told before anything is sent."""
    ended = await fan_out(gateway, requests, "-o", results, "--budget", "1", "--models", "x/y")
    assert ended.status == 2
    assert "nobody knows the price of x/y" in ended.stderr
    assert chats(gateway) == 0


async def test_a_deadline_leaves_a_file_to_go_on_with(
    gateway: FakeGateway, requests: Path, results: Path
) -> None:
    """When the time is over the command ends, with status 3 and what was done."""
    gateway.enqueue(*[Answer(events=[HANG])] * 3)
    ended = await fan_out(gateway, requests, "-o", results, "--deadline", "0.3s", "--limit", "3")
    assert ended.status == 3
    assert "stopped: deadline" in ended.stderr
    ended = await fan_out(gateway, requests, "-o", results, "--retry-errors")
    assert ended.status == 0
    assert sorted(lines(results)) == ["q0", "q1", "q2", "q3", "q4"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_drains(
    gateway: FakeGateway, requests: Path, results: Path, number: signal.Signals
) -> None:
    """After a signal nothing more is begun and the rest is waited for; a second one ends that."""
    gateway.enqueue(*[Answer(events=[HANG])] * 2)
    process = await start(
        "fan-out", str(requests), "-o", str(results), "--limit", "2", env=environment(gateway)
    )
    await gateway.received(2, timeout=30)
    await until_it_waits(process)
    process.send_signal(number)
    await asyncio.sleep(0)
    process.send_signal(number)
    ended = await end(process)
    assert ended.status == 128 + number
    assert "2 cancelled" in ended.stderr
    assert chats(gateway) == 2


async def test_a_terminal_shows_how_it_goes(gateway: FakeGateway, requests: Path, results: Path) -> None:
    """What is done, under way and spent is redrawn in its place; at the end a summary is left."""
    gateway.enqueue(Answer(events=[HANG]))
    arguments = ("fan-out", str(requests), "-o", str(results), "--limit", "1", "--grace", "0.1s")
    async with Terminal(*arguments, env=environment(gateway)) as terminal:
        await terminal.until(lambda: "1 (limit 1)" in terminal.screen and "0 of 5" in terminal.screen)
        terminal.press("\x03")
        await terminal.until(lambda: "1 cancelled" in terminal.screen and "time:" in terminal.screen)
        assert "(limit 1)" not in terminal.screen


async def test_elsewhere_it_tells_a_line_now_and_then(
    gateway: FakeGateway, requests: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into a log goes a line for each while, with all there is to tell."""
    monkeypatch.setattr(_run_display, "_TOLD", 0.05)
    gateway.enqueue(Answer(events=[HANG]))
    ended = await fan_out(gateway, requests, "-o", results, "--deadline", "0.4s", "--limit", "1")
    assert "done 0 of 5; ok 0; in flight 1 (limit 1); rate 0.0 requests/s" in ended.stderr


def test_amounts_have_the_digits_that_tell() -> None:
    """Cents of dollars, and of less than that the first digits that are none."""
    amounts = {"0": "$0", "12.345": "$12.34", "0.5": "$0.500", "0.000213": "$0.000213"}
    assert {text: money(Decimal(text)) for text in amounts} == amounts


def test_a_limit_is_told_where_there_is_one() -> None:
    """Calls that a rate alone bounds are counted without a limit."""
    tally = Tally()
    tally.begin(0.0)

    def told(limit: float) -> str:
        snapshot = tally.snapshot(1.0, in_flight=3, total=None, limit=limit, stopped=None)
        return dict(as_lines(snapshot))["in flight"]

    assert [told(8), told(math.inf)] == ["3 (limit 8)", "3"]


def test_times_are_told_as_one_says_them() -> None:
    """Seconds, minutes and hours."""
    tally = Tally()
    tally.begin(0.0)

    def told(seconds: float) -> str:
        snapshot = tally.snapshot(seconds, in_flight=0, total=None, limit=1, stopped=None)
        return dict(as_lines(snapshot))["time"]

    assert [told(7.2), told(187), told(8100)] == ["7 s", "3:07 min", "2:15 h"]
