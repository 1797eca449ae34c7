"""
Work that takes its time: asked for again and again, at growing intervals, until it has come to an end.

Who sends, and who sleeps, is handed in; nothing here runs by itself, so leaving it leaves nothing.
"""

import inspect
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, Protocol, TypeVar

import attrs

from ._family import Method, as_method
from ._retry import passes_by
from ._scope import Scope
from ._shape import Reply, shape
from .call import Call
from .errors import APITimeoutError, MeshAPIError
from .settings import Retry


__all__ = ["Job", "Patience", "wait_method", "wait_until_done"]

JobType = TypeVar("JobType", bound="Job")
JobType_co = TypeVar("JobType_co", bound="Job", covariant=True)


@shape
class Job(Reply):
    """Work that goes on after its call was answered: ask for it again until :attr:`is_done`."""

    _state_in: ClassVar[str] = "status"
    """The field that says how far the work is."""
    _final_states: ClassVar[frozenset[str]] = frozenset()

    @property
    def is_done(self) -> bool:
        """Whether the work has ended, well or not. A state that this client does not know is no end."""
        return getattr(self, self._state_in) in self._final_states


@attrs.frozen(kw_only=True)
class Patience:
    """How often to ask, and for how long; the fields are explained at ``MeshAPI.wait``."""

    interval: float
    growth: float
    longest: float
    total: float | None

    def __attrs_post_init__(self) -> None:
        for name, least, wanted in (
            ("interval", 0.0, "seconds above 0"),
            ("growth", None, "a factor of at least 1"),
            ("longest", 0.0, "seconds above 0"),
            ("total", 0.0, "seconds above 0, or None for no limit"),
        ):
            value = getattr(self, name)
            if value is None and name == "total":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                msg = f"wait(): {name} must be {wanted}, got {value!r}"
                raise TypeError(msg)
            if not (value >= 1 if least is None else value > least) or not math.isfinite(value):
                msg = f"wait(): {name} must be {wanted}, got {value!r}"
                raise ValueError(msg)

    def after(self, pause: float | None) -> float:
        """Return the pause after the given one, None standing for no pause yet."""
        if pause is None:
            return self.interval
        return min(pause * self.growth, max(self.longest, self.interval))


async def wait_until_done(
    call: Call[JobType],
    *,
    send: Callable[[Call[JobType]], Awaitable[JobType]],
    sleep: Callable[[float], Awaitable[object]],
    scope: Scope,
    patience: Patience,
    retry: Retry,
    on_update: Callable[[JobType], object] | None,
) -> JobType:
    """Send a call until the job that it returns is done; ``MeshAPI.wait`` says more."""
    job: JobType | None = None
    passing: MeshAPIError | None = None
    pause: float | None = None
    try:
        async with scope:
            while True:
                least = 0.0
                try:
                    answer = await send(call)
                except MeshAPIError as error:
                    if not passes_by(error, retry):
                        raise
                    passing, least = error, getattr(error, "retry_after", None) or 0.0
                else:
                    if answer != job and on_update is not None:
                        on_update(answer)
                    job, passing = answer, None
                    if job.is_done:
                        return job
                pause = patience.after(pause)
                await sleep(max(pause, least))
    except APITimeoutError as error:
        # Nothing else comes here: those of single answers pass by.
        raise _not_in_time(call, patience, job, passing) from error.__cause__


def _not_in_time(
    call: Call[Any], patience: Patience, job: Job | None, passing: MeshAPIError | None
) -> APITimeoutError:
    what = f"{job._state_in} is {getattr(job, job._state_in)!r}" if job is not None else "state is unknown"  # noqa: SLF001 - same room
    trouble = "" if passing is None else f"; when it was last asked for: {passing.args[0]}"
    error = APITimeoutError(
        f"{call!r} was not done within {patience.total:g} s (wait(total=…)), its last known {what}{trouble}",
        phase="deadline",
        request_id=None if job is None else job.request_id,
    )
    error.call, error.partial = call, job
    return error


class _Getter(Protocol[JobType_co]):
    """A call class that needs an id and no more."""

    def __call__(self, *, id: str) -> Call[JobType_co]: ...  # noqa: A002 - the fields' own name


class _WaitBound(Protocol[JobType_co]):
    def __call__(
        self,
        id: str,  # noqa: A002 - as above
        *,
        interval: float = 1.0,
        growth: float = 1.5,
        longest: float = 30.0,
        total: float | None = None,
        on_update: Callable[[JobType_co], object] | None = None,
    ) -> Coroutine[Any, Any, JobType_co]: ...


_DOC = """
Wait until the work has ended, and return it as it is then: failed or cancelled is returned too.

It is asked for at once, then after ``interval`` seconds, a pause that grows by the factor ``growth`` up to
``longest`` seconds. After ``total`` seconds ``APITimeoutError`` names its last state, and has it as
``.partial``. ``on_update`` is called with each answer that differs from the one before. What passes by
(connections that fail, statuses that are retried) does not end the waiting; other errors do.
"""


def wait_method(call: _Getter[JobType]) -> Method[_WaitBound[JobType]]:
    """Return a family's method that waits for the job of an id; ``call`` asks for it."""

    def wait(sender: Any, id: str, **patience: Any) -> Coroutine[Any, Any, JobType]:  # noqa: A002 - as above
        waiting: Coroutine[Any, Any, JobType] = sender.wait(call(id=id), **patience)
        return waiting

    reply: Any = inspect.signature(call).return_annotation
    own = inspect.signature(_WaitBound.__call__)
    parameters = list(own.parameters.values())[1:]
    signature = own.replace(parameters=parameters, return_annotation=reply)
    made: Method[_WaitBound[JobType]] = as_method(wait, inspect.cleandoc(_DOC), signature)
    return made
