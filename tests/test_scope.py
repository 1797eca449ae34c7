"""One call's waiting: how time bounds it, how others end it, and that outside cancellation always wins."""

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import pytest

from meshapi_aio import MeshAPI
from meshapi_aio._scope import Scope, timed_out
from meshapi_aio.errors import APIConnectionError, APITimeoutError, ClientClosedError, MeshAPIError


Phase = Literal["connect", "first_event", "idle", "deadline"]

SHORT = 0.001  # seconds, where a limit has to run out
LONG = 1000.0  # seconds, where none may

PHASES: dict[Phase, str] = {
    "connect": "no connection was made within 0.001 s (Timeout(connect=…))",
    "first_event": "the gateway did not begin to answer within 0.001 s (Timeout(first_event=…))",
    "idle": "nothing came within 0.001 s (Timeout(idle=…))",
    "deadline": "the call was not finished within 0.001 s (Timeout(total=…))",
}


class Timers:
    """The timers that a loop was asked for, each with its time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._call_at: Callable[..., asyncio.TimerHandle] = loop.call_at
        self._made: list[asyncio.TimerHandle] = []
        self._loop = loop

    def call_at(self, when: float, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        """Stand in for the loop's own."""
        handle = self._call_at(when, *args, **kwargs)
        self._made.append(handle)
        return handle

    @property
    def pending(self) -> list[float]:
        """When the timers are due that were not cancelled and are still to come."""
        now = self._loop.time()
        return [handle.when() for handle in self._made if not handle.cancelled() and handle.when() > now]


@pytest.fixture
async def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """Count the timers of this test's loop."""
    loop = asyncio.get_running_loop()
    counted = Timers(loop)
    monkeypatch.setattr(loop, "call_at", counted.call_at)
    return counted


@pytest.fixture(autouse=True)
async def undisturbed() -> AsyncIterator[None]:
    """Check after each test that no cancellation is left behind or still to come."""
    yield
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    for _ in range(3):
        await asyncio.sleep(0)


def forever() -> "asyncio.Future[None]":
    """Return what never comes."""
    return asyncio.get_running_loop().create_future()


def cancelling() -> int:
    """Return how many cancellations of this task are not yet answered for."""
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def waiting(scope: Scope, what: "asyncio.Future[None] | None" = None) -> None:
    """Wait inside a scope."""
    async with scope:
        await (forever() if what is None else what)


# Time.


async def test_without_limits_nothing_happens(timers: Timers) -> None:
    """A scope without a total sets no timer and lets everything through."""
    scope = Scope(None)
    assert (scope.total, scope.deadline, scope.left()) == (None, None, None)
    async with scope as entered:
        assert entered is scope
        await asyncio.sleep(0)
    with pytest.raises(ZeroDivisionError):
        async with scope:
            raise ZeroDivisionError
    assert timers.pending == []


async def test_the_whole_call_is_bounded() -> None:
    """``total`` runs out with an error that names it (promise 13); it is a ``TimeoutError``, too."""
    with pytest.raises(APITimeoutError) as caught:
        await waiting(Scope(SHORT))
    assert (caught.value.phase, caught.value.args[0]) == ("deadline", PHASES["deadline"])
    assert isinstance(caught.value, TimeoutError)
    assert cancelling() == 0


@pytest.mark.parametrize("phase", PHASES)
async def test_each_wait_is_bounded(phase: Phase) -> None:
    """A limit that runs out names its phase and its setting (promise 12)."""
    with pytest.raises(APITimeoutError) as caught:
        async with Scope(LONG) as scope:
            scope.limit(phase, SHORT)
            await forever()
    assert (caught.value.phase, caught.value.args[0]) == (phase, PHASES[phase])
    assert cancelling() == 0


async def test_the_whole_call_bounds_each_wait() -> None:
    """Where less is left of the whole call than a wait may take, the call's limit is the one that ran out."""
    with pytest.raises(APITimeoutError) as caught:
        async with Scope(SHORT) as scope:
            scope.limit("idle", LONG)
            await forever()
    assert (caught.value.phase, caught.value.args[0]) == ("deadline", PHASES["deadline"])


async def test_a_limit_replaces_the_one_before(timers: Timers) -> None:
    """Each wait has its own limit, and None lifts it; one timer looks no later than it is due."""
    async with Scope(None) as scope:
        scope.limit("first_event", LONG)
        (first,) = timers.pending
        scope.limit("idle", LONG / 2)
        (second,) = timers.pending
        assert second < first
        scope.limit("idle", None)
        assert timers.pending == []
    async with Scope(LONG) as scope:
        deadline = timers.pending
        assert deadline == [scope.deadline]
        scope.limit("idle", LONG / 2)
        assert timers.pending < deadline
        scope.limit("idle", None)
        assert len(timers.pending) == 1
        assert timers.pending <= deadline
    assert timers.pending == []


async def test_a_limit_is_for_one_entry(timers: Timers) -> None:
    """A limit that was set outside, or in an earlier block, bounds nothing in the next one."""
    scope = Scope(LONG)
    scope.limit("idle", SHORT)
    for _ in range(2):
        async with scope:
            assert timers.pending == [scope.deadline]
            scope.limit("idle", LONG / 2)
        assert timers.pending == []


async def test_time_is_counted_from_the_beginning() -> None:
    """What remains shrinks across all entries, and a call that is over time ends at its next wait."""
    scope = Scope(SHORT)
    assert scope.deadline is not None
    while (left := scope.left()) is not None and left > 0:
        await asyncio.sleep(left)
    assert scope.now() >= scope.deadline
    for _ in range(2):
        with pytest.raises(APITimeoutError) as caught:
            await waiting(scope)
        assert caught.value.phase == "deadline"


async def test_an_earlier_limit_is_not_blamed() -> None:
    """What runs out in a block without a limit is the time of the whole call, whatever was set before."""
    scope = Scope(0.02)
    async with scope:
        scope.limit("first_event", SHORT)
    with pytest.raises(APITimeoutError, match=r"the call was not finished within 0\.02 s") as caught:
        await waiting(scope)
    assert caught.value.phase == "deadline"


async def test_what_is_over_time_but_needs_no_wait_is_not_lost() -> None:
    """A block that ends without waiting ends well, whatever the clock says."""
    async with Scope(SHORT) as scope:
        scope.limit("idle", 0.0)
    await asyncio.sleep(0)
    assert cancelling() == 0


@pytest.mark.parametrize("phase", PHASES)
def test_a_timeout_says_what_is_known(phase: Phase) -> None:
    """The error carries the request id, and whether the request was sent."""
    error = timed_out(phase, 0.001, request_id="req_1", sent=False)
    assert (error.phase, error.args[0]) == (phase, PHASES[phase])
    assert (error.request_id, error.sent) == ("req_1", False)
    assert timed_out(phase, 1).sent


async def test_each_loop_has_a_watch_of_its_own() -> None:
    """A client that is called in another thread, which is refused, keeps its own limits (promise 13)."""
    here = asyncio.get_running_loop()
    client = MeshAPI("http://127.0.0.1:1", "rsk_secret")
    shared = client._shared
    assert shared.watch() is shared.watch()
    scope = Scope(0.05)
    scope.watch = shared.watch()

    async def elsewhere() -> None:
        other = Scope(LONG)
        other.watch = shared.watch()
        async with other:
            other.limit("idle", SHORT * 10)

    waits = here.create_task(waiting(scope))
    await asyncio.sleep(0)
    await here.run_in_executor(None, asyncio.run, elsewhere())
    with pytest.raises(APITimeoutError):
        await waits
    assert shared.watch().loop is here


# Being ended by others.


async def test_ended_before_it_waits() -> None:
    """Ended outside, a scope raises the reason at its next beginning, each time, and runs nothing."""
    scope, reason = Scope(None), ClientClosedError("closed")
    scope.end(reason)
    for _ in range(2):
        with pytest.raises(ClientClosedError) as caught:
            await waiting(scope)
        assert caught.value is reason


async def test_ended_while_it_waits(timers: Timers) -> None:
    """Ended from a callback, a waiting scope raises the reason; the first reason holds (promise 8)."""
    scope, reason = Scope(LONG), ClientClosedError("closed")
    loop = asyncio.get_running_loop()
    loop.call_soon(scope.end, reason)
    loop.call_soon(scope.end, ClientClosedError("closed again"))
    with pytest.raises(ClientClosedError) as caught:
        await waiting(scope)
    assert caught.value is reason
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert cancelling() == 0
    assert timers.pending == []
    with pytest.raises(ClientClosedError):
        await waiting(scope)


async def test_ended_by_itself() -> None:
    """Ended from inside its own block, the scope raises at the next wait."""
    scope, reason = Scope(None), ClientClosedError("closed")
    with pytest.raises(ClientClosedError):
        async with scope:
            scope.end(reason)
            await forever()


async def test_ended_when_nothing_waits_any_more() -> None:
    """A block that was done already ends well, and nothing is cancelled later."""
    scope = Scope(None)
    async with scope:
        await asyncio.sleep(0)
        scope.end(ClientClosedError("closed"))
    for _ in range(3):
        await asyncio.sleep(0)
    with pytest.raises(ClientClosedError):
        await waiting(scope)


@pytest.mark.parametrize("reason_first", [True, False])
async def test_the_reason_counts_over_what_it_brought_about(reason_first: bool) -> None:
    """Ending a call breaks its connection, which may be noticed first: the reason is what is raised."""
    scope, reason = Scope(None), ClientClosedError("closed")
    with pytest.raises(ClientClosedError) as caught:
        async with scope:
            if reason_first:
                scope.end(reason)
            try:
                asyncio.get_running_loop().call_soon(scope.end, reason)
                await forever()
            except asyncio.CancelledError:
                raise APIConnectionError("broke") from None
    assert caught.value is reason
    assert caught.value.__suppress_context__


async def test_what_has_nothing_to_do_with_ending_stays_what_it_is() -> None:
    """Programmer errors and errors of a call that nobody ended pass through."""
    scope = Scope(None)
    with pytest.raises(APIConnectionError, match="broke"):
        async with scope:
            raise APIConnectionError("broke")
    with pytest.raises(ZeroDivisionError):
        async with scope:
            scope.end(ClientClosedError("closed"))
            raise ZeroDivisionError


async def test_no_limit_undoes_an_end() -> None:
    """What has been ended waits no more, whatever limit is set afterwards."""
    scope, reason = Scope(None), ClientClosedError("closed")
    with pytest.raises(ClientClosedError):
        async with scope:
            scope.end(reason)
            scope.limit("idle", LONG)
            await forever()


async def test_ended_when_time_is_just_up() -> None:
    """Between the time's running out and its being noticed, the reason still counts."""
    scope, reason = Scope(None), ClientClosedError("closed")
    with pytest.raises(ClientClosedError):
        async with scope:
            scope.limit("idle", 0.0)
            asyncio.get_running_loop().call_soon(scope.end, reason)
            await forever()
    assert cancelling() == 0


async def test_a_limit_that_comes_when_time_is_just_up_changes_nothing() -> None:
    """Between the time's running out and its being noticed, a new limit neither fails nor renames it."""
    with pytest.raises(APITimeoutError) as caught:
        async with Scope(LONG) as scope:
            scope.limit("first_event", 0.0)
            asyncio.get_running_loop().call_soon(scope.limit, "idle", LONG)
            await forever()
    assert caught.value.phase == "first_event"


# Being cancelled from outside.


async def outcome(
    scope: Scope,
    *acts: Callable[["asyncio.Task[None]"], object],
    what: "asyncio.Future[None] | None" = None,
    ticks: int = 0,
) -> tuple[object, int]:
    """
    Let a task wait in a scope and act on it, with so many ticks of the loop after each act.

    Return what it raised, and its count of cancellations afterwards.
    """
    counts: list[int] = []

    async def wait() -> None:
        try:
            await waiting(scope, what)
        finally:
            counts.append(cancelling())

    task = asyncio.get_running_loop().create_task(wait())
    await asyncio.sleep(0)
    for act in acts:
        act(task)
        for _ in range(ticks):
            await asyncio.sleep(0)
    (result,) = await asyncio.gather(task, return_exceptions=True)
    return result, counts[0]


async def test_outside_cancellation_stays_what_it_is(timers: Timers) -> None:
    """``task.cancel()`` leaves a scope as ``CancelledError``, and is still counted (promise 9, row E8)."""
    result, count = await outcome(Scope(LONG), lambda task: task.cancel())
    assert isinstance(result, asyncio.CancelledError)
    assert count == 1
    assert timers.pending == []


def finish(what: "asyncio.Future[None]") -> None:
    """Let come what is waited for, unless the wait is over."""
    if not what.done():
        what.set_result(None)


ACTS: dict[str, Callable[["asyncio.Task[None]", Scope, "asyncio.Future[None]"], object]] = {
    "cancel": lambda task, _scope, _what: task.cancel(),
    "end": lambda _task, scope, _what: scope.end(ClientClosedError("closed")),
    "expire": lambda _task, scope, _what: scope.limit("idle", 0.0),
    "finish": lambda _task, _scope, what: finish(what),
}
ORDERS = [order for number in range(1, len(ACTS) + 1) for order in itertools.permutations(ACTS, number)]


@pytest.mark.parametrize("ticks", [0, 1])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
async def test_whatever_happens_at_once(order: tuple[str, ...], ticks: int, timers: Timers) -> None:
    """
    Cancelled, ended, over time and finished, in any order, in one tick or in one after the other.

    Cancellation wins unless all was over before, a reason counts over the time, the count of cancellations is
    right afterwards, and no timer is left.
    """
    scope, what = Scope(LONG), forever()
    cancelled = False

    def act(task: "asyncio.Task[None]", name: str) -> None:
        nonlocal cancelled
        cancelled |= name == "cancel" and not task.done()
        ACTS[name](task, scope, what)

    result, count = await outcome(
        scope, *(functools.partial(act, name=name) for name in order), what=what, ticks=ticks
    )
    assert isinstance(result, asyncio.CancelledError) == cancelled
    assert count == cancelled
    if isinstance(result, ClientClosedError):
        assert "end" in order
    elif isinstance(result, APITimeoutError):
        assert "expire" in order
        assert ticks or "end" not in order
    elif not cancelled:
        assert result is None
        assert "finish" in order
    assert timers.pending == []


async def test_an_outer_timeout_is_the_users_own() -> None:
    """``asyncio.timeout`` around a call raises the plain ``TimeoutError``, which is not ours (row E6)."""
    outer = asyncio.timeout(SHORT)
    with pytest.raises(TimeoutError) as caught:
        async with outer:
            await waiting(Scope(LONG))
    assert outer.expired()
    assert not isinstance(caught.value, MeshAPIError)
    assert cancelling() == 0


async def test_an_inner_limit_is_not_the_users_timeout() -> None:
    """A limit of the call that runs out inside ``asyncio.timeout`` is told as that limit."""
    outer = asyncio.timeout(LONG)
    with pytest.raises(APITimeoutError):
        async with outer:
            await waiting(Scope(SHORT))
    assert not outer.expired()
    assert cancelling() == 0


@pytest.mark.parametrize("outer_first", [True, False])
@pytest.mark.parametrize("how", ["end", "expire"])
async def test_an_outer_timeout_in_the_same_tick_wins(outer_first: bool, how: str) -> None:
    """When the user's timeout and the call's end come at once, the user's is told, and both are counted."""
    scope = Scope(LONG)
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(LONG) as outer, scope:
            acts: list[Callable[[], object]] = [
                lambda: outer.reschedule(0),
                lambda: ACTS[how](task, scope, forever()),
            ]
            for act in acts if outer_first else reversed(acts):
                act()
            await forever()
    assert not isinstance(caught.value, MeshAPIError)
    assert cancelling() == 0


async def test_a_scope_in_a_task_that_is_being_cancelled() -> None:
    """Cleaning up after a cancellation may wait in a scope, too, whose end is still told from the other."""
    counts: list[object] = []

    async def clean_up() -> None:
        try:
            await forever()
        finally:
            for limit in (SHORT, LONG):
                scope = Scope(limit)
                if limit == LONG:
                    asyncio.get_running_loop().call_soon(scope.end, ClientClosedError("closed"))
                try:
                    await waiting(scope)
                except MeshAPIError as error:
                    counts.append((type(error), cancelling()))

    task = asyncio.get_running_loop().create_task(clean_up())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert counts == [(APITimeoutError, 1), (ClientClosedError, 1)]
