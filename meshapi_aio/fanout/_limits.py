"""
What bounds calls, and the way through: the base of all limits, and the gate that each call passes.

A limit is shared by handing it on: to several fan-outs, and to ordinary calls by ``client.with_options(
limit=…)``. Those who wait for it stand in line by lane, and within a lane in the order in which they came.
"""

import abc
import asyncio
import heapq
import itertools
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence

import attrs

from ._estimate import guess_tokens


__all__ = ["Gate", "Lane", "Limit", "LimitChange"]

_REMEMBERED = 10_000
_NUMBERS = itertools.count()
_NO_HEADERS: Mapping[str, str] = {}


@attrs.frozen
class LimitChange:
    """A limit became another: when (seconds since the epoch), how much (None: no limit), and why."""

    at: float
    limit: float | None
    reason: str


class _Waiter:
    """One who stands in line; it stays there until it has decided, so that nobody overtakes it meanwhile."""

    __slots__ = ("future", "gate", "is_gone")

    def __init__(self, gate: "Gate", future: "asyncio.Future[None]") -> None:
        self.gate = gate
        self.future = future
        self.is_gone = False


class Limit(abc.ABC):
    """
    The base of limits: who is under way, and who waits in which lane.

    It is used from one event loop at a time, and needs none to be made.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        """How many calls are under way."""
        self.history: deque[LimitChange] = deque(maxlen=_REMEMBERED)
        """How the limit has changed: the newest 10,000 changes."""
        self.line: list[tuple[int, int, int, _Waiter]] = []
        """Who waits, as a heap: lane, place in it, a number that decides between equals, waiter."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    @abc.abstractmethod
    def limit(self) -> float:
        """How many calls may be under way at once now."""

    @property
    @abc.abstractmethod
    def most(self) -> int:
        """How many calls may ever be under way at once, as it is set now."""

    def gate(self, call: object) -> "Gate":
        """Return what one ordinary call has to pass; it goes before all lanes but 0."""
        return self.lane(0).gate(call)

    def lane(self, lane: int) -> "Lane":
        """Return the limit as those see it who wait in a lane; lower ones go first, and 0 is everybody's."""
        return Lane(self, lane)

    # What gates ask; limits know how.

    @abc.abstractmethod
    def wait_for(self, _gate: "Gate") -> float:
        """Return the seconds until there is room for a call: 0 now, infinity when another one leaves."""

    def take(self, _gate: "Gate") -> None:
        """Let a call in."""
        self.in_flight += 1

    def give(self, _gate: "Gate") -> None:
        """Let a call out, and learn from how it went, which the gate tells."""
        self.in_flight -= 1

    def wake(self) -> None:
        """Let the first in line look again, if there is room for it, or once there is."""
        while self.line and self.line[0][3].is_gone:
            heapq.heappop(self.line)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.line:
            return
        waiter = self.line[0][3]
        if waiter.future.done():
            return  # it is about to look, and passes on what it leaves
        seconds = self.wait_for(waiter.gate)
        if seconds <= 0:
            waiter.future.set_result(None)
        elif seconds < math.inf:
            self._timer = waiter.future.get_loop().call_later(seconds, self.wake)

    def _changed(self, value: float | None, reason: str) -> None:
        self.history.append(LimitChange(time.time(), value, reason))


class Lane:
    """A limit as those see it who wait in one of its lanes."""

    def __init__(self, limit: Limit, lane: int) -> None:
        self._limit = limit
        self._lane = lane

    def gate(self, call: object) -> "Gate":
        """Return what one call has to pass."""
        return Gate((self._limit,), lane=self._lane, call=call)


class Gate:
    """
    One call's way through one or several limits, passed anew by each attempt.

    ``lane`` is where it waits: lower ones go first. Who waits in several lines keeps its place in each.
    """

    __slots__ = ("_call", "_lane", "_limits", "_tokens", "entered", "headers", "since", "status", "used")

    def __init__(self, limits: Sequence[Limit], *, lane: int = 0, call: object = None) -> None:
        self._limits = limits
        self._lane = lane
        self._call = call
        self._tokens: int | None = None
        self.entered = False
        """Whether an attempt is under way."""
        self.since = 0.0
        """When it was let in, in the loop's time; noted by limits that want to know."""
        # How it went; set when it leaves.
        self.status: int | None
        self.headers: Mapping[str, str]
        self.used: int | None

    @property
    def tokens(self) -> int:
        """How many tokens the call may take, guessed when it is first asked for."""
        if self._tokens is None:
            self._tokens = sum(guess_tokens(self._call))
        return self._tokens

    def try_enter(self) -> bool:
        """Enter, if it can be done at once; nobody is overtaken who waits in this lane or a better one."""
        lane = self._lane
        for limit in self._limits:
            if (limit.line and limit.line[0][0] <= lane) or limit.wait_for(self) > 0:
                return False
        self._take()
        return True

    async def enter(self) -> None:
        """Wait until all limits have room at once; cancelled, it has taken nothing and holds nobody up."""
        if self.try_enter():
            return
        place = (self._lane, next(_NUMBERS))
        loop = asyncio.get_running_loop()
        line: Limit | None = None
        waiter: _Waiter | None = None
        try:
            while (limit := self._first_without_room(place)) is not None:
                _step_out(line, waiter)
                line, waiter = limit, _Waiter(self, loop.create_future())
                heapq.heappush(line.line, (*place, next(_NUMBERS), waiter))
                line.wake()  # it may be time alone that makes room, and somebody has to watch the clock
                await waiter.future
            self._take()
        finally:
            _step_out(line, waiter)

    def _first_without_room(self, place: tuple[int, int]) -> Limit | None:
        for limit in self._limits:
            if (limit.line and limit.line[0][:2] < place) or limit.wait_for(self) > 0:
                return limit
        return None

    def _take(self) -> None:
        for limit in self._limits:
            limit.take(self)
        self.entered = True

    def leave(
        self, *, status: int | None, headers: Mapping[str, str] = _NO_HEADERS, tokens: int | None = None
    ) -> None:
        """
        Leave, and tell how the attempt went.

        ``status`` is that of HTTP, of an error event the one that its code stands for, None where no answer
        came. 2xx is a success, 429 a refusal, and all else says nothing about limits. Of ``headers`` only
        ``x-ratelimit-*`` count, in lower case; ``tokens`` are those really used, None where nobody said.
        """
        self.entered = False
        self.status, self.headers, self.used = status, headers, tokens
        for limit in self._limits:
            limit.give(self)
            if limit.line:
                limit.wake()


def _step_out(line: Limit | None, waiter: _Waiter | None) -> None:
    """Leave a line, and let the next one look."""
    if line is not None and waiter is not None:
        waiter.is_gone = True
        line.wake()
