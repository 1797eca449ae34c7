"""
One call's waiting: bounded in time, and ended early by whoever holds its scope.

A scope cancels its task as ``asyncio.timeout`` does, so cancellation counts stay right and an outside
``task.cancel()`` stays a ``CancelledError``. All scopes of a client share one timer, which is there as long
as one of them needs it; a timer and an ``asyncio.timeout`` for each took 5 % of a small completion.
"""

import asyncio
from types import TracebackType
from typing import Any, Literal, Self

from .errors import APITimeoutError, MeshAPIError


__all__ = ["Scope", "Watch", "timed_out"]

Phase = Literal["connect", "upload", "first_event", "idle", "deadline"]

# Seconds for each scope, between one look at all of them and the next. What is due meanwhile is late by that
# much, so that however many run out one after the other, looking takes a few percent of the time.
_PACE = 5e-6


class Watch:
    """
    One timer for all scopes that wait with a limit; it looks at the clock when the first may be due.

    It serves the event loop in which it was made: in another's the scopes of this one would never be due.
    """

    __slots__ = ("_scopes", "_timer", "loop")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._scopes: set[Scope] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, scope: "Scope", until: float) -> None:
        """Look after a scope whose limit is this time of the loop."""
        self._scopes.add(scope)
        if self._timer is not None:
            if self._timer.when() <= until:
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(until, self._look)

    def end(self, scope: "Scope") -> None:
        """Look after a scope no more."""
        self._scopes.discard(scope)
        if not self._scopes and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None  # whatever happens: the next scope must not take it for one that is still to come
        now = self.loop.time()
        pace = now + _PACE * len(self._scopes)
        # A scope that is due is looked after no more: its wait is over.
        self._scopes = {scope for scope in self._scopes if not scope.look(now)}
        due = min((scope.until for scope in self._scopes), default=None)
        if due is not None:
            self._timer = self.loop.call_at(max(due, pace), self._look)


class Scope:
    """
    An asynchronous context manager around everything that a call waits for.

    Leaving it by running out of time raises :class:`APITimeoutError`, by :meth:`end` the error given there.
    It can be entered again and again, but not twice at once.
    """

    __slots__ = (
        "_before",
        "_cancelled",
        "_ending",
        "_phase",
        "_reason",
        "_seconds",
        "_task",
        "deadline",
        "now",
        "total",
        "until",
        "watch",
    )

    def __init__(self, total: float | None) -> None:
        """Begin to count: the whole call may take ``total`` seconds (None: no limit)."""
        self.total = total
        self.now = asyncio.get_running_loop().time
        self.deadline = None if total is None else self.now() + total
        self.until = 0.0
        """The time of the loop that is the present limit, where there is one."""
        self.watch: Watch | None = None
        """Who looks after the time; a scope that belongs to no client gets a watch of its own."""
        self._task: asyncio.Task[Any] | None = None
        self._before = 0
        self._cancelled = False
        self._ending: asyncio.Handle | None = None
        self._reason: MeshAPIError | None = None
        self._phase: Phase = "deadline"
        self._seconds: float | None = total

    def limit(self, phase: Phase, seconds: float | None) -> None:
        """Allow the present wait this many seconds from now, and never more than the whole call has left."""
        if self._cancelled:
            return  # which is on its way, and must be told as what it was for
        self._phase, self._seconds, until = "deadline", self.total, self.deadline
        if seconds is not None:
            sooner = self.now() + seconds
            if until is None or sooner < until:
                self._phase, self._seconds, until = phase, seconds, sooner
        if self._task is not None and self._reason is None:
            if self._ending is not None:  # a limit that was over at once
                self._ending.cancel()
                self._ending = None
            self._watch(until)

    def _watch(self, until: float | None) -> None:
        watch = self.watch
        if watch is None:
            watch = self.watch = Watch()
        if until is None:
            watch.end(self)
        elif until <= self.now():
            self._soon()
        else:
            self.until = until
            watch.begin(self, until)

    def _soon(self) -> None:
        if self._ending is None:
            self._ending = asyncio.get_running_loop().call_soon(self._cancel)

    def look(self, now: float) -> bool:
        """Cancel the wait if its limit has passed; return whether it has."""
        if now < self.until:
            return False
        self._cancel()
        return True

    def _cancel(self) -> None:
        if self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()

    def end(self, reason: MeshAPIError) -> None:
        """Raise an error where the scope waits, now; where it does not, at its next beginning."""
        if self._reason is None:
            self._reason = reason
            if self._task is not None:
                self._soon()

    async def __aenter__(self) -> Self:
        if self._reason is not None:
            raise self._reason
        self._task = task = asyncio.current_task()
        assert task is not None
        self._before = task.cancelling()
        self._phase, self._seconds = "deadline", self.total
        if self.deadline is not None:
            self._watch(self.deadline)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        assert task is not None
        if self.watch is not None:
            self.watch.end(self)
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._cancelled:
            self._cancelled = False
            # Another cancellation, from outside, is not ours to answer for.
            if task.uncancel() <= self._before and isinstance(error, asyncio.CancelledError):
                raise self._reason or self._expired() from None
        if self._reason is not None and isinstance(error, MeshAPIError):
            # Ending a scope also breaks its connection, which may be noticed first.
            raise self._reason from None

    def _expired(self) -> APITimeoutError:
        return timed_out(self._phase, self._seconds)

    def left(self) -> float | None:
        """Return the seconds that remain of the whole call, None where they are not limited."""
        return None if self.deadline is None else self.deadline - self.now()


def timed_out(
    phase: Phase, seconds: float | None, *, request_id: str | None = None, sent: bool = True
) -> APITimeoutError:
    """Return the error for a limit of ``Timeout`` that ran out."""
    happened, setting = {
        "connect": ("no connection was made", "connect"),
        "upload": ("nothing of the request's body was taken", "idle"),
        "first_event": ("the gateway did not begin to answer", "first_event"),
        "idle": ("nothing came", "idle"),
        "deadline": ("the call was not finished", "total"),
    }[phase]
    return APITimeoutError(
        f"{happened} within {seconds:g} s (Timeout({setting}=…))",
        phase="idle" if phase == "upload" else phase,
        request_id=request_id,
        sent=sent,
    )
