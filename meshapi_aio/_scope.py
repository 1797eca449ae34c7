"""
One call's waiting: bounded in time, and ended early by whoever holds its scope.

The standard library does the cancelling: a scope is an ``asyncio.timeout`` whose end others may move to now,
so cancellation counts stay right and an outside ``task.cancel()`` stays a ``CancelledError``.
"""

import asyncio
from types import TracebackType
from typing import Literal, Self

from .errors import APITimeoutError, MeshAPIError


__all__ = ["Scope", "timed_out"]

Phase = Literal["connect", "upload", "first_event", "idle", "deadline"]


class Scope:
    """
    An asynchronous context manager around everything that a call waits for.

    Leaving it by running out of time raises :class:`APITimeoutError`, by :meth:`end` the error given there.
    It can be entered again and again, but not twice at once.
    """

    __slots__ = ("_phase", "_reason", "_seconds", "_timeout", "deadline", "total")

    def __init__(self, total: float | None) -> None:
        """Begin to count: the whole call may take ``total`` seconds (None: no limit)."""
        self.total = total
        self.deadline = None if total is None else asyncio.get_running_loop().time() + total
        self._timeout: asyncio.Timeout | None = None
        self._reason: MeshAPIError | None = None
        self._phase: Phase = "deadline"
        self._seconds: float | None = total

    def limit(self, phase: Phase, seconds: float | None) -> None:
        """Allow the present wait this many seconds from now, and never more than the whole call has left."""
        if self._timeout is not None and self._timeout.expired():
            return  # its cancellation is on its way, and must be told as what it was for
        self._phase, self._seconds, until = "deadline", self.total, self.deadline
        if seconds is not None:
            sooner = asyncio.get_running_loop().time() + seconds
            if until is None or sooner < until:
                self._phase, self._seconds, until = phase, seconds, sooner
        if self._timeout is not None and self._reason is None:
            self._timeout.reschedule(until)

    def end(self, reason: MeshAPIError) -> None:
        """Raise an error where the scope waits, now; where it does not, at its next beginning."""
        if self._reason is None:
            self._reason = reason
            # An expiring timeout has cancelled the wait already, and cannot be moved any more.
            if self._timeout is not None and not self._timeout.expired():
                self._timeout.reschedule(0)

    async def __aenter__(self) -> Self:
        if self._reason is not None:
            raise self._reason
        self._phase, self._seconds = "deadline", self.total
        timeout = asyncio.timeout_at(self.deadline)
        await timeout.__aenter__()
        self._timeout = timeout
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        timeout, self._timeout = self._timeout, None
        assert timeout is not None
        try:
            await timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise self._reason or self._expired() from None
        if self._reason is not None and isinstance(error, MeshAPIError):
            # Ending a scope also breaks its connection, which may be noticed first.
            raise self._reason from None

    def _expired(self) -> APITimeoutError:
        return timed_out(self._phase, self._seconds)

    def now(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()

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
