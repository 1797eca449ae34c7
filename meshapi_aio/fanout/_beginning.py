"""How a fan-out begins: its options, what they mean, and the checks of them."""

import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import Any, TypedDict, TypeVar, Unpack

from ._adaptive import AdaptiveLimit
from ._books import Books
from ._budget import Budget
from ._carrier import Carrier, Own
from ._fixed import FixedLimit
from ._journal import Journal
from ._limits import Limit
from ._resume import Resume
from ._run import FanOut
from ._spending import Spending
from ._tally import Tally


__all__ = ["Options", "begin", "fan_out"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_BUFFER = 1024
"""So many outcomes may wait to be taken."""


class Options(TypedDict, total=False):
    """
    What every fan-out takes.

    ``limit`` bounds calls at once: a number, a limit (``FixedLimit``, ``AdaptiveLimit``, ``RateLimit``), or
    several of which all must agree; by default the client's own, if it has one, else an ``AdaptiveLimit``.
    A limit may be shared with other fan-outs and with ordinary calls; those of a lower ``lane`` go first (1
    by default; ordinary calls: 0). ``repeat`` carries each item out so many times. ``ordered`` hands outcomes
    over in the order of the input, else as they are done; at most ``buffer`` wait to be taken, begun ones
    included. ``check`` is called with each result that is ``ok``: where it returns False, or raises, the
    outcome is ``invalid_output``.

    ``budget`` is a :class:`Budget`. ``journal`` is a file, or a :class:`Results` (opened for the run unless
    it is open), in which each outcome is written down before it is handed over: what an earlier run has done
    is not done again, and what failed only with ``retry_errors``. ``deadline`` is seconds for the whole run:
    nothing is begun that is not likely to be done in time, and what is not done then is cut off. ``total`` is
    how many items there are, for forecasts; that of a list is known.
    """

    limit: int | Limit | Sequence[Limit] | None
    lane: int
    repeat: int
    ordered: bool
    buffer: int
    check: Callable[[Any], object] | None
    budget: Budget | None
    journal: Journal | str | os.PathLike[str] | None
    retry_errors: bool
    deadline: float | None
    total: int | None


def fan_out(
    function: Callable[[Item], Awaitable[Result]],
    items: Iterable[Item] | AsyncIterable[Item],
    **options: Unpack[Options],
) -> FanOut[Item, Result]:
    """
    Return a fan-out that calls any async function with each item.

    ``async with fan_out(fetch, urls, limit=64) as outcomes: async for outcome in outcomes: …``. See
    :class:`Options` for what it takes, and :class:`FanOut` for what it does. What the function raises is the
    item's outcome; an error with ``status`` or ``status_code`` 429 counts as a refusal for an
    ``AdaptiveLimit``. The function is called once for each item: trying again is its own affair.
    """
    return begin(items, Own(function), **options)


def begin(
    items: Iterable[Any] | AsyncIterable[Any],
    carrier: Carrier[Any, Any],
    *,
    billed_times: int = 1,
    models: Sequence[str] = (),
    **options: Unpack[Options],
) -> FanOut[Any, Any]:
    """Return a fan-out over a carrier; a call may be billed so many times at most, by ``models`` as well."""
    unknown = options.keys() - Options.__annotations__.keys()
    if unknown:
        msg = f"a fan-out takes {', '.join(Options.__annotations__)}; not {', '.join(sorted(unknown))}"
        raise TypeError(msg)
    if isinstance(items, (str, bytes)) or not isinstance(items, (Iterable, AsyncIterable)):
        msg = f"items must be an iterable or an async iterable of what is to be done, got {items!r}"
        raise TypeError(msg)
    repeat, buffer = options.get("repeat", 1), options.get("buffer", _BUFFER)
    _check_count("repeat", repeat)
    _check_count("buffer", buffer)
    deadline = options.get("deadline")
    if deadline is not None and not deadline > 0:
        msg = f"deadline must be seconds above 0, or None for none, got {deadline!r}"
        raise ValueError(msg)
    total = options.get("total")
    if total is None and isinstance(items, Sequence):
        total = len(items) * repeat
    tally = Tally()
    budget, journal = options.get("budget"), options.get("journal")
    spending = None if budget is None else Spending(budget, carrier, times=billed_times, models=models)
    resume = None
    if journal is not None:
        resume = Resume(journal, retry_errors=options.get("retry_errors", False), tally=tally)
    return FanOut(
        items,
        carrier,
        limits=_limits(options.get("limit")),
        lane=options.get("lane", 1),
        repeat=repeat,
        ordered=options.get("ordered", False),
        buffer=buffer,
        books=Books(tally, check=options.get("check"), spending=spending, resume=resume),
        resume=resume,
        deadline=deadline,
        total=total,
    )


def _limits(limit: int | Limit | Sequence[Limit] | None) -> Sequence[Limit]:
    if limit is None:
        return (AdaptiveLimit(),)
    if isinstance(limit, int) and not isinstance(limit, bool):
        return (FixedLimit(limit),)
    limits = (limit,) if isinstance(limit, Limit) else tuple(limit) if isinstance(limit, Sequence) else ()
    if not limits or not all(isinstance(each, Limit) for each in limits):
        msg = f"limit must be a number of calls at once, one like AdaptiveLimit(), or several, got {limit!r}"
        raise TypeError(msg)
    return limits


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        msg = f"{name} must be a whole number, at least 1, got {value!r}"
        raise ValueError(msg)
