"""Runs that go on where earlier ones were, whatever ended those."""

import asyncio
import itertools
import json
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio.fanout import FanOut, Results, Row, fan_out


async def outcomes_of(run: FanOut[Any, Any]) -> list[Any]:
    """Run a fan-out to its end."""
    async with run as outcomes:
        return [outcome async for outcome in outcomes]


class Function:
    """Doubles numbers, fails for some, and remembers which it was asked."""

    def __init__(self, *failing: int) -> None:
        self.failing = failing
        self.asked: list[int] = []

    async def __call__(self, number: int) -> int:
        self.asked.append(number)
        if number in self.failing:
            raise ConnectionError(number)
        return 2 * number


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the results go."""
    return tmp_path / "results.jsonl"


async def test_what_is_done_is_not_done_again(path: Path) -> None:
    """A second run does what the first did not, wherever it stands in the input now."""
    first, second = Function(), Function()
    await outcomes_of(fan_out(first, range(5), journal=path))
    async with fan_out(second, [7, 3, 2, 9, 0], journal=path) as outcomes:
        seen = [outcome.call async for outcome in outcomes]
        assert outcomes.snapshot().resumed == 3
    assert sorted(first.asked) == [0, 1, 2, 3, 4]
    assert second.asked == seen == [7, 9]
    with Results(path) as results:
        assert sorted(record["response"]["body"] for record in results) == [0, 2, 4, 6, 8, 14, 18]


async def test_what_failed_is_done_again_when_asked(path: Path) -> None:
    """Failures are kept as they are, unless they are to be tried again; then the answer replaces them."""
    await outcomes_of(fan_out(Function(1, 3), range(5), journal=path))
    again = Function()
    assert await outcomes_of(fan_out(again, range(5), journal=path)) == []
    await outcomes_of(fan_out(again, range(5), journal=path, retry_errors=True))
    assert sorted(again.asked) == [1, 3]
    with Results(path) as results:
        assert sorted(record["response"]["body"] for record in results) == [0, 2, 4, 6, 8]
        assert results.superseded == 2


async def test_equal_requests_are_counted(path: Path) -> None:
    """Three equal items want three answers; what of them is there is not asked for again."""
    first, second = Function(), Function()
    await outcomes_of(fan_out(first, [7, 7], journal=path))
    await outcomes_of(fan_out(second, [7, 5, 7, 7], journal=path))
    assert first.asked == [7, 7]
    assert Counter(second.asked) == {7: 1, 5: 1}


async def test_requests_that_changed_are_noticed(path: Path) -> None:
    """Another request under the same name is done, told of, and takes the place of the old one."""

    def rows(**numbers: Any) -> list[Any]:
        return [Row(custom_id=name, call=number) for name, number in numbers.items()]

    await outcomes_of(fan_out(Function(), rows(a=1, b=2), journal=path))
    function = Function()
    async with fan_out(function, rows(a=1, b=3), journal=path) as outcomes:
        (outcome,) = [outcome async for outcome in outcomes]
        assert outcomes.snapshot().changed == 1
    assert function.asked == [3]
    assert outcome.custom_id == "b"
    with Results(path) as results:
        assert {record["custom_id"]: record["response"]["body"] for record in results} == {"a": 2, "b": 6}


async def test_what_was_cut_short_is_not_written(path: Path) -> None:
    """What was cancelled or skipped is done by the next run, without being asked for specially."""

    async def wait(_item: int) -> None:
        await asyncio.get_running_loop().create_future()

    async with fan_out(wait, range(5), journal=path) as outcomes:
        for _ in range(5):
            await asyncio.sleep(0)
        outcomes.cancel()
        assert {outcome.kind async for outcome in outcomes} == {"cancelled"}
    assert path.read_bytes() == b""


async def test_an_open_journal_is_left_open(path: Path) -> None:
    """A journal that its user has opened stays open; one that is not is opened for the run."""
    with Results(path) as results:
        await outcomes_of(fan_out(Function(), range(3), journal=results))
        assert len(results) == 3
    await outcomes_of(fan_out(Function(), range(5), journal=results))
    assert not results.is_open
    assert len(path.read_bytes().splitlines()) == 5


async def test_a_journal_that_cannot_be_written_ends_the_run(path: Path) -> None:
    """Where an outcome can't be written down, it is handed over, and then the run ends with the reason."""

    async def odd(_item: int) -> set[int]:
        return {1}

    seen = []
    with pytest.raises(TypeError, match="JSON can't"):
        async with fan_out(odd, range(100), journal=path, limit=1) as outcomes:
            async for outcome in outcomes:
                seen.append(outcome)
    assert [outcome.result for outcome in seen] == [{1}]


LIMIT = 8
ITEMS = 400


def run_until_killed(path: Path, payments: Path) -> None:
    """Fan out, and write down what each call has cost at the moment when it is paid for."""

    async def pay(item: int) -> int:
        with payments.open("ab", buffering=0) as file:
            file.write(f"{item}\n".encode())
        await asyncio.sleep(0)
        return item

    async def main() -> None:
        async with fan_out(pay, range(ITEMS), limit=LIMIT, journal=Results(path, fsync=None)) as outcomes:
            async for _ in outcomes:
                pass

    status = 1
    try:
        asyncio.run(main())
        status = 0
    finally:
        os._exit(status)


def is_finished(path: Path, payments: Path, size: int) -> bool:
    """Run in a child, and kill it when so many bytes more have been paid; tell whether it came to its end."""
    wanted = payments.stat().st_size + size
    child = os.fork()
    if not child:
        run_until_killed(path, payments)
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if payments.stat().st_size >= wanted:
            os.kill(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
            break
    status = os.waitstatus_to_exitcode(ended[1])
    assert status in {0, -signal.SIGKILL}
    return status == 0


def test_a_run_that_is_killed_pays_for_nothing_twice(tmp_path: Path) -> None:
    """
    ``kill -9`` at 100 random moments: no result is lost, the file always opens, and each goes on.

    No item is paid for twice beyond those that were under way when a run was killed.
    """
    draw = random.Random(7)
    kills = 0
    for run in itertools.count():
        path, payments = tmp_path / f"{run}.jsonl", tmp_path / f"{run}.txt"
        payments.touch()
        killed = 0
        while not is_finished(path, payments, draw.randint(1, 400)):
            killed += 1
            with Results(path) as results:
                assert results.unreadable == 0
        paid = Counter(map(int, payments.read_text().split()))
        assert set(paid) == set(range(ITEMS))
        assert paid.total() <= ITEMS + killed * LIMIT
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert sorted(line["response"]["body"] for line in lines) == list(range(ITEMS))
        kills += killed
        if kills >= 100:
            break
