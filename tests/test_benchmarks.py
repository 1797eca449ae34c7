"""The benchmarks run, with sizes at which their figures say nothing; no figure of time is looked at here."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from benchmarks import payloads, report
from benchmarks.plan import Plan
from benchmarks.results import Goal, Row, table
from benchmarks.runner import Bench, Options
from meshapi_aio.sse import SSEDecoder

from .tree import PROJECT


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Start the server and the clients once, in this very environment."""
    with Bench(Options(rounds=1, quick=True, here=True, tls=True, scale=0.002)) as bench:
        yield bench


@pytest.mark.parametrize("program", report.PROGRAMS[:-1], ids=lambda program: program.__name__)
def test_program(bench: Bench, program: ModuleType) -> None:
    """Each program brings rows in which every client did all that it was asked, and left nothing behind."""
    rows: list[Row] = program.measure(bench)
    assert rows
    for row in rows:
        for values in row.figures.values():
            assert len(values) == 1
            assert math.isfinite(values[0])
            if row.work.endswith("left"):
                assert values == [0], row
    assert json.dumps([row.as_json() for row in rows])
    assert all(row.work in table(rows) for row in rows)


def test_a_program_by_itself() -> None:
    """The last of the programs, like each, prints JSON: machine, versions, a row for each piece of work."""
    command = [sys.executable, "-m", "benchmarks.install", "--json", "--rounds=1", "--quick", "--here"]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["machine"].keys() == {"cpu", "cores", "system", "python"}
    assert [row["work"] for row in found["rows"]] == [
        "Cold import, CPU",
        "Installed size, with what it needs",
    ]


def unchunked(body: bytes) -> bytes:
    """Undo the chunks of the transfer encoding."""
    parts: list[bytes] = []
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            assert body == b"\r\n"
            return b"".join(parts)
        parts.append(body[:length])
        assert body[length : length + 2] == b"\r\n"
        body = body[length + 2 :]


@pytest.mark.parametrize("kind", ["text", "tools", "padded", "unlike"])
@pytest.mark.parametrize("framing", ["event", "many", "cut"])
@pytest.mark.parametrize("write", [0, 5000])
def test_what_the_server_sends(kind: str, framing: str, write: int) -> None:
    """However it is laid out, a stream has as many chunks as the plan says, and the end mark."""
    whole = b"".join(payloads.pieces(Plan(kind, 50, framing, write)))
    assert whole.startswith(payloads.HEAD)
    *chunks, done = SSEDecoder().feed(unchunked(whole.removeprefix(payloads.HEAD)))
    assert (len(chunks), done.data) == (50, "[DONE]")
    assert all(json.loads(chunk.data)["object"] == "chat.completion.chunk" for chunk in chunks)


def test_a_plan_travels_in_the_path() -> None:
    """What a path is made of is read from it again."""
    plan = Plan("padded", 7, "cut", 0, 12.5, 3, hold=True)
    assert Plan.of_path(f"{plan.path}/v1/chat/completions") == plan


def test_ratios_are_taken_within_a_round() -> None:
    """The ratio is the median of the rounds' ratios, and tells whether the goal is met."""
    goals = [Goal("own", "bare", 0.5), Goal("own", "slow", 10, least=True)]
    row = Row("work", "s", {"own": [1.0, 2.0, 9.0], "bare": [2.0, 5.0, 10.0], "slow": [1.0, 1.0, 1.0]}, goals)
    assert [(one["ratio"], one["met"]) for one in row.as_json()["compared"]] == [(0.5, True), (2.0, False)]
    assert "0.5 (0.4-0.9) of bare | ≤ 0.5 | met |" in table([row])


def test_figures_replace_figures() -> None:
    """The report puts its figures where the last ones stood, and refuses a text without a place for them."""
    text = "a\n<!-- figures -->\nold\n<!-- end of figures -->\nz\n"
    assert report.put(text, "new") == re.sub("old", "new", text)
    with pytest.raises(ValueError, match="0 times"):
        report.put("nothing", "new")
