"""A fan-out: its workers, its bounds, its outcomes, and leaving it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest

from meshapi_aio import Attempt, AuthenticationError, Meta
from meshapi_aio.fanout import FanOut, FixedLimit, Outcome, fan_out

from .clock import run_in_no_time


async def double(number: int) -> int:
    """Return twice a number, without ever waiting."""
    return 2 * number


async def outcomes_of(run: FanOut[Any, Any]) -> list[Outcome[Any, Any]]:
    """Run a fan-out to its end."""
    async with run as outcomes:
        return [outcome async for outcome in outcomes]


class Gatherings:
    """Functions that wait until they are told to go on, and who is in them."""

    def __init__(self) -> None:
        self.inside: dict[int, asyncio.Future[int]] = {}
        self.most = 0
        self.cancelled: list[int] = []
        self._changed = asyncio.Event()

    async def enter(self, number: int) -> int:
        """Wait to be let go."""
        self.inside[number] = asyncio.get_running_loop().create_future()
        self.most = max(self.most, len(self.inside))
        self._changed.set()
        try:
            return await self.inside[number]
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        finally:
            del self.inside[number]

    async def count(self, wanted: int) -> None:
        """Wait until so many are inside."""
        while len(self.inside) != wanted:
            self._changed.clear()
            await self._changed.wait()

    def let_go(self, number: int) -> None:
        """Let one go; it may be on its way already."""
        if not self.inside[number].done():
            self.inside[number].set_result(number)


async def test_every_item_has_its_outcome() -> None:
    """Each item is carried out once, and its outcome knows which one it was and what came of it."""
    outcomes = await outcomes_of(fan_out(double, range(1000), limit=7))
    assert sorted((outcome.index, outcome.call, outcome.result) for outcome in outcomes) == [
        (number, number, 2 * number) for number in range(1000)
    ]
    assert all(outcome.ok and outcome.error is None for outcome in outcomes)


async def test_nothing_comes_of_nothing() -> None:
    """A run over no items is over at once."""
    assert await outcomes_of(fan_out(double, [])) == []


async def test_the_limit_bounds_how_many_are_under_way() -> None:
    """As many as the limit allows are under way at once, and never more."""
    gatherings = Gatherings()
    async with fan_out(gatherings.enter, range(50), limit=5) as outcomes:
        await gatherings.count(5)
        seen: list[Outcome[int, int]] = []
        while len(seen) < 50:
            for number in list(gatherings.inside):
                gatherings.let_go(number)
            seen.append(await anext(outcomes))
    assert gatherings.most == 5


async def test_items_are_read_as_they_are_wanted() -> None:
    """An input without an end is no trouble: no more of it is read than places are free."""
    read = 0

    def endless() -> Iterator[int]:
        nonlocal read
        while True:
            yield read
            read += 1

    async with fan_out(double, endless(), limit=3, buffer=10) as outcomes:
        for taken in range(100):
            await anext(outcomes)
            assert read <= taken + 1 + 10


async def test_a_slow_reader_slows_the_workers() -> None:
    """Outcomes that nobody takes are bounded in number: nothing is begun beyond the buffer."""
    begun = 0

    async def begin(_item: int) -> None:
        nonlocal begun
        begun += 1

    async with fan_out(begin, range(1000), limit=4, buffer=20) as outcomes:
        for _ in range(50):
            await asyncio.sleep(0)
        assert begun == 20
        await anext(outcomes)


@pytest.mark.parametrize("buffer", [1, 2, 5, 64])
async def test_ordered_outcomes_come_as_the_items_stand(buffer: int) -> None:
    """Ordered, outcomes come as the input stands, whatever is done first and however small the buffer."""

    async def wait_by_number(number: int) -> int:
        for _ in range(number * 7919 % 13):
            await asyncio.sleep(0)
        return number

    outcomes = await outcomes_of(fan_out(wait_by_number, range(200), limit=8, ordered=True, buffer=buffer))
    assert [outcome.index for outcome in outcomes] == list(range(200))


async def test_what_is_done_first_comes_first() -> None:
    """Not ordered, an outcome comes as soon as it is done."""
    gatherings = Gatherings()
    async with fan_out(gatherings.enter, range(3), limit=3) as outcomes:
        await gatherings.count(3)
        for number in (2, 0, 1):
            gatherings.let_go(number)
            assert (await anext(outcomes)).index == number


async def test_each_item_is_repeated() -> None:
    """With ``repeat`` each item is carried out so many times, each time under another key."""
    outcomes = await outcomes_of(fan_out(double, [1, 2], repeat=3))
    assert sorted((outcome.call, outcome.repeat) for outcome in outcomes) == [
        (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2),
    ]  # fmt: skip
    assert len({outcome.key for outcome in outcomes}) == 6


async def test_keys_do_not_depend_on_the_place() -> None:
    """Reordered items keep their keys."""
    forth = {outcome.call: outcome.key for outcome in await outcomes_of(fan_out(double, [1, 2, 3]))}
    back = {outcome.call: outcome.key for outcome in await outcomes_of(fan_out(double, [3, 2, 1]))}
    assert forth == back


async def test_async_items_are_taken_one_at_a_time() -> None:
    """An async generator feeds all workers, is never asked twice at once, and is closed at the end."""
    closed = False

    async def slowly() -> AsyncIterator[int]:
        nonlocal closed
        try:
            for number in range(100):
                await asyncio.sleep(0)
                yield number
        finally:
            closed = True

    outcomes = await outcomes_of(fan_out(double, slowly(), limit=9, repeat=2))
    assert sorted(outcome.result or 0 for outcome in outcomes) == sorted(
        2 * [2 * each for each in range(100)]
    )
    assert closed


async def test_a_bad_item_does_not_end_the_run() -> None:
    """What one item raises is its outcome, and the others are carried out."""

    async def refuse_some(number: int) -> int:
        if number % 3 == 0:
            raise KeyError(number)
        return number

    outcomes = await outcomes_of(fan_out(refuse_some, range(30), ordered=True))
    assert [outcome.kind for outcome in outcomes[:4]] == ["api_error", "ok", "ok", "api_error"]
    assert isinstance(outcomes[3].error, KeyError)
    assert len(outcomes) == 30


async def test_what_would_meet_every_item_ends_the_run() -> None:
    """After a key that is not accepted nothing more is begun; all outcomes come before the error."""
    gatherings = Gatherings()
    refusal = AuthenticationError("no", status=401)

    async def refused_once(number: int) -> int:
        if number == 1:
            raise refusal
        return await gatherings.enter(number)

    seen = []
    with pytest.raises(AuthenticationError) as raised:
        async with fan_out(refused_once, range(100), limit=4) as outcomes:
            await gatherings.count(1)
            for number in list(gatherings.inside):
                gatherings.let_go(number)
            async for outcome in outcomes:
                seen.append(outcome)
                for number in list(gatherings.inside):
                    gatherings.let_go(number)
    assert raised.value is refusal
    assert {outcome.index for outcome in seen} == set(range(len(seen)))
    assert next(outcome.error for outcome in seen if outcome.index == 1) is refusal
    assert len(seen) < 100


async def test_what_the_input_raises_ends_the_run() -> None:
    """An input that fails is told once everything before it was handed over."""

    def failing() -> Iterator[int]:
        yield from range(5)
        msg = "no more"
        raise LookupError(msg)

    seen = []
    with pytest.raises(LookupError, match="no more"):
        async with fan_out(double, failing()) as outcomes:
            async for outcome in outcomes:
                seen.append(outcome.index)
    assert sorted(seen) == list(range(5))


async def test_leaving_cancels_the_rest_and_waits() -> None:
    """Leaving the block early cancels what is under way, waits for it, and begins nothing more."""
    gatherings = Gatherings()
    async with fan_out(gatherings.enter, range(100), limit=6) as outcomes:
        await gatherings.count(6)
        gatherings.let_go(0)
        await anext(outcomes)
    assert gatherings.inside == {}
    assert len(gatherings.cancelled) >= 5
    assert len(asyncio.all_tasks()) == 1


async def test_what_the_block_raises_comes_out_as_it_is() -> None:
    """An error of the loop's body is not wrapped, and everything is cancelled."""
    gatherings = Gatherings()
    with pytest.raises(ZeroDivisionError):
        async with fan_out(gatherings.enter, range(9), limit=3):
            await gatherings.count(3)
            raise ZeroDivisionError
    assert sorted(gatherings.cancelled) == [0, 1, 2]


async def test_cancelling_the_task_cancels_the_run() -> None:
    """A task that is cancelled while it iterates leaves nothing under way, and ends cancelled."""
    gatherings = Gatherings()

    async def run() -> None:
        async with fan_out(gatherings.enter, range(9), limit=3) as outcomes:
            async for _ in outcomes:
                pass

    task = asyncio.create_task(run())
    await gatherings.count(3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(gatherings.cancelled) == [0, 1, 2]
    assert len(asyncio.all_tasks()) == 1


async def test_a_stubborn_function_is_waited_for() -> None:
    """A function that takes its time to end after it is cancelled has ended when the block is left."""
    ended = []

    async def stubborn(number: int) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for _ in range(20):
                await asyncio.sleep(0)
            ended.append(number)

    async with fan_out(stubborn, range(3), limit=3):
        for _ in range(10):
            await asyncio.sleep(0)
    assert sorted(ended) == [0, 1, 2]


async def test_a_function_that_cancels_itself_is_an_outcome() -> None:
    """A CancelledError that nobody asked for is that item's outcome, and the worker goes on."""

    async def leave(number: int) -> int:
        if number == 2:
            raise asyncio.CancelledError
        return number

    outcomes = await outcomes_of(fan_out(leave, range(5), limit=1))
    assert [outcome.kind for outcome in outcomes] == ["ok", "ok", "cancelled", "ok", "ok"]


async def test_draining_begins_nothing_more() -> None:
    """After ``drain`` what is under way ends, its outcomes come, and the loop ends by itself."""
    gatherings = Gatherings()
    async with fan_out(gatherings.enter, range(100), limit=4) as outcomes:
        await gatherings.count(4)
        outcomes.drain()
        outcomes.drain()
        for number in range(4):
            gatherings.let_go(number)
        seen = [outcome async for outcome in outcomes]
        assert outcomes.snapshot().stopped == "drained"
    assert sorted(outcome.index for outcome in seen) == [0, 1, 2, 3]
    assert all(outcome.ok for outcome in seen)


async def test_draining_gives_up_what_only_waits() -> None:
    """What waits for the limit when the run is drained is cancelled, and its outcome says so."""
    gatherings = Gatherings()
    limit = FixedLimit(2)
    async with fan_out(gatherings.enter, range(4), limit=limit) as others:
        await gatherings.count(2)
        async with fan_out(double, range(4), limit=limit) as outcomes:
            await asyncio.sleep(0)
            outcomes.drain()
            seen = [outcome async for outcome in outcomes]
        assert {outcome.kind for outcome in seen} == {"cancelled"}
        others.cancel()


async def test_cancelling_the_run_tells_of_each() -> None:
    """After ``cancel`` the outcomes of what was under way are ``cancelled``, and the loop ends by itself."""
    gatherings = Gatherings()
    async with fan_out(gatherings.enter, range(100), limit=4) as outcomes:
        await gatherings.count(4)
        outcomes.cancel()
        outcomes.cancel()
        seen = [outcome async for outcome in outcomes]
    assert sorted((outcome.index, outcome.kind) for outcome in seen) == [
        (number, "cancelled") for number in range(4)
    ]


async def test_check_refuses_results() -> None:
    """A result that ``check`` returns False for, or raises at, is invalid output, and still there."""

    def check(number: int) -> bool:
        if number == 4:
            msg = "four"
            raise ValueError(msg)
        return number != 2

    outcomes = await outcomes_of(fan_out(double, range(4), check=check, ordered=True))
    assert [outcome.kind for outcome in outcomes] == ["ok", "invalid_output", "invalid_output", "ok"]
    assert outcomes[1].error is None
    assert str(outcomes[2].error) == "four"
    assert outcomes[2].result == 4


async def test_a_snapshot_tells_how_far_it_is() -> None:
    """Counts by kind, what is under way, the limit and the total can be asked for at any time."""
    gatherings = Gatherings()
    async with fan_out(gatherings.enter, range(5), limit=3) as outcomes:
        await gatherings.count(3)
        before = outcomes.snapshot()
        assert (before.done, before.in_flight, before.total, before.limit) == (0, 3, 5, 3)
        gatherings.let_go(1)
        await anext(outcomes)
        after = outcomes.snapshot()
        assert after.stopped is None
        assert (after.done, after.kinds, after.failed, after.valid_rate) == (1, {"ok": 1}, 0, 1.0)


async def test_misuse_is_told_before_anything_is_done() -> None:
    """Iterating outside the block, entering twice, and options that can't be right are told at once."""
    run = fan_out(double, [1])
    with pytest.raises(RuntimeError, match="inside its block"):
        await anext(run)
    async with run:
        pass
    with pytest.raises(RuntimeError, match="entered once"):
        await run.__aenter__()
    wrong: Any = "many"
    with pytest.raises(TypeError, match="limit must be"):
        fan_out(double, [1], limit=wrong)
    wrong = 7
    with pytest.raises(TypeError, match="items must be"):
        fan_out(double, wrong)
    with pytest.raises(ValueError, match="repeat must be"):
        fan_out(double, [1], repeat=0)
    with pytest.raises(ValueError, match="buffer must be"):
        fan_out(double, [1], buffer=0)
    with pytest.raises(ValueError, match="deadline must be"):
        fan_out(double, [1], deadline=0)
    wrong = {"limits": 3}
    with pytest.raises(TypeError, match="not limits"):
        fan_out(double, [1], **wrong)


async def sleep_for(seconds: float) -> float:
    """Return after so many seconds, which take no time here."""
    await asyncio.sleep(seconds)
    return seconds


def test_a_deadline_stops_in_time() -> None:
    """Nothing is begun that would not be done in time, and nothing has to be cut off."""

    async def run() -> None:
        async with fan_out(sleep_for, itertools.repeat(1.0), limit=4, deadline=10.2) as outcomes:
            seen = [outcome async for outcome in outcomes]
            assert outcomes.snapshot().stopped == "deadline"
        assert 32 <= len(seen) <= 40
        assert all(outcome.ok for outcome in seen)
        assert asyncio.get_running_loop().time() <= 10.2

    run_in_no_time(run())


def test_what_is_not_done_at_the_deadline_is_cut_off() -> None:
    """What is under way then has timed out; what only waited for the limit was skipped."""

    async def run() -> None:
        limit = FixedLimit(2)
        async with fan_out(sleep_for, [1.0, 1.0, 99.0, 99.0, 1.0], limit=limit, deadline=10.0) as outcomes:
            await asyncio.sleep(2)
            async with fan_out(sleep_for, [1.0], limit=limit, deadline=5.0) as others:
                skipped = [outcome.kind async for outcome in others]
            seen = sorted((outcome.index, outcome.kind) for outcome in [each async for each in outcomes])
        assert skipped == ["skipped_deadline"]
        assert seen == [(0, "ok"), (1, "ok"), (2, "timeout"), (3, "timeout")]
        assert asyncio.get_running_loop().time() == 10.0

    run_in_no_time(run())


async def test_draining_an_input_that_is_waited_for() -> None:
    """An async input that has nothing to give at the moment is not waited for when the run is drained."""

    async def silent() -> AsyncIterator[int]:
        yield 1
        await asyncio.get_running_loop().create_future()

    async with fan_out(double, silent(), limit=2) as outcomes:
        assert (await anext(outcomes)).result == 2
        outcomes.drain()
        assert [outcome async for outcome in outcomes] == []


async def test_an_outcome_knows_what_a_reply_of_the_client_tells() -> None:
    """A function that returns a reply has its attempts and usage in the outcome; one that waits, its time."""

    class Reply:
        meta = Meta(
            status=200, attempts=(Attempt(status=200, request_id="r", model="m", queued=0.5),), model="m"
        )
        usage = "three"
        cost = "0.25"

    async def ask(_item: int) -> Reply:
        return Reply()

    (outcome,) = await outcomes_of(fan_out(ask, [1]))
    assert (outcome.request_id, outcome.usage, outcome.cost) == ("r", "three", Decimal("0.25"))
    assert (outcome.model, outcome.queued >= 0.5) == ("m", True)
    (plain,) = await outcomes_of(fan_out(double, [1]))
    assert (plain.attempts, plain.request_id, plain.usage, plain.cost) == ((), None, None, None)
