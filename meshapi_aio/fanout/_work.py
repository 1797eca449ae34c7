"""The work of a fan-out: one item let through, carried out, judged, settled, written down and handed over."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from .._meta import Meta
from ._books import Books
from ._budget import UnknownPriceError
from ._carrier import Carrier
from ._delivery import Delivery
from ._judging import ends_run, kind_of_error
from ._limits import Gate, Limit
from ._outcome import Outcome, OutcomeKind
from ._pace import Pace
from ._resume import Resume
from ._rows import Row
from ._turn import Turn


__all__ = ["Work"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Work(Generic[Item, Result]):
    """What all items of a run go through, and whether any more are to be begun."""

    def __init__(
        self,
        carrier: Carrier[Item, Result],
        *,
        limits: Sequence[Limit],
        lane: int,
        books: Books,
        resume: Resume | None,
        delivery: Delivery[Outcome[Item, Result]],
    ) -> None:
        self._carrier = carrier
        self._limits = tuple(limits)
        self._lane = lane
        self._resume = resume
        self.now: Callable[[], float]
        """The time of the event loop, in seconds; from when the run begins."""
        self.books = books
        self.delivery = delivery
        self.in_flight = 0
        self.pace: Pace | None = None
        self.stopped: str | None = None
        """Why nothing more is begun; None while there is."""
        self.is_left = False
        """Whether nobody is there any more to take outcomes."""
        self.failure: BaseException | None = None
        """What ended the run."""
        self.waiting: set[asyncio.Task[None]] = set()
        """Workers that wait for what may never come once nothing more is begun."""

    def begin(self) -> None:
        """Begin, in the event loop that runs."""
        self.now = asyncio.get_running_loop().time
        self.books.tally.begin(self.now())

    def stop(self, reason: str) -> None:
        """Begin nothing more."""
        if self.stopped is None:
            self.stopped = reason
            self.delivery.wake_workers()
            for worker in self.waiting:
                worker.cancel()

    def fail(self, failure: BaseException) -> None:
        """End the run with an error, once all that is under way is done."""
        if self.failure is None:
            self.failure = failure
        self.stop("failed")

    def turn(self, index: int, item: Any, repeat: int) -> Turn | None:
        """Return the turn of an item, None where an earlier run has done it."""
        custom_id = None
        if isinstance(item, Row):
            item, repeat, custom_id = item.call, max(item.repeat, repeat), item.custom_id
        if self._resume is not None:
            repeat = self._resume.repeats.place(item, repeat)
            if not self._resume.wants(item, repeat, custom_id):
                return None
        gate = Gate(self._limits, lane=self._lane, call=item)
        return Turn(self.delivery.place(), index, item, repeat, custom_id, gate, self.now())

    async def carry_out(self, task: "asyncio.Task[None]", turn: Turn) -> None:
        """Carry one item out, and hand over what came of it."""
        kind: OutcomeKind | None = None
        result: Result | None = None
        meta: Meta | None = None
        error: BaseException | None = None
        try:
            if await self._admitted(task, turn):
                result, meta = await self._carrier.perform(turn.item, turn.gate)
                kind, error = self.books.judge(result, turn.item)
            else:
                kind = "skipped_budget"
        except UnknownPriceError:
            raise  # the settings are to blame, not the item
        except Exception as raised:  # noqa: BLE001 - one bad item never ends a run
            kind, error = kind_of_error(raised), raised
            if ends_run(raised):
                self.fail(raised)
        except asyncio.CancelledError:
            kind, error = self._cut_short(turn)
            if task.cancelling():
                raise
        finally:
            self._hand_over(turn, kind, result, meta, error)

    async def _admitted(self, task: "asyncio.Task[None]", turn: Turn) -> bool:
        """Wait until budget and limits let an item through; tell whether the budget ever will."""
        spending = self.books.spending
        if spending is not None or not turn.gate.try_enter():
            self.waiting.add(task)
            try:
                if spending is not None:
                    turn.reservation = await spending.reserve(turn.item)
                    if turn.reservation is None:
                        return False
                await turn.gate.enter()
            finally:
                self.waiting.discard(task)
        turn.started = self.now()
        self.in_flight += 1
        return True

    def _cut_short(self, turn: Turn) -> tuple[OutcomeKind | None, Exception | None]:
        """Return what an item is whose work was cancelled."""
        if self.is_left:
            return None, None  # nobody is there to take it
        if self.stopped != "deadline":
            return "cancelled", None
        if turn.started is None:
            return "skipped_deadline", None
        return "timeout", TimeoutError("the deadline of the run was over")

    def _hand_over(
        self,
        turn: Turn,
        kind: OutcomeKind | None,
        result: Result | None,
        meta: Meta | None,
        error: BaseException | None,
    ) -> None:
        now = self.now()
        if turn.started is not None:
            self.in_flight -= 1
            if self.pace is not None:
                self.pace.add(now - turn.started)
            if turn.gate.entered:
                turn.leave(kind, result, error)
        outcome = self.books.close(turn, kind, now, result=result, meta=meta, error=error)
        if outcome is not None:
            try:
                self.books.write(outcome)
            except (OSError, TypeError, ValueError) as failure:
                self.fail(failure)
        self.delivery.put(turn.place, outcome)
