"""How a fan-out goes, on standard error: redrawn on a terminal, elsewhere a line now and then."""

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from meshapi_aio.fanout import FanOut, Snapshot

from ._output import note


__all__ = ["as_lines", "money", "progress_shown"]

_REDRAWN = 0.25  # seconds
_TOLD = 10.0  # seconds, into a log: 360 lines for an hour


def _duration(seconds: float) -> str:
    """Return seconds as one says them: ``42 s``, ``3:07 min``, ``2:15 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02} h"


def money(amount: Decimal) -> str:
    """Return an amount with as many digits as tell something: ``$12.34``, ``$0.00021``."""
    if not amount:
        return "$0"
    places = 2 if amount >= 1 else min(2 - amount.adjusted(), 9)
    return f"${amount:.{places}f}"


def as_lines(snapshot: Snapshot, *, is_over: bool = False) -> list[tuple[str, str]]:
    """Return what there is to tell, each with its name; of what is over without the forecasts."""
    total = "" if snapshot.total is None else f" of {snapshot.total}"
    lines = [("done", f"{snapshot.done + snapshot.resumed}{total}")]
    if snapshot.resumed:
        failed = f", {snapshot.resumed_failed} of them failed" if snapshot.resumed_failed else ""
        lines[0] = ("done", f"{lines[0][1]} ({snapshot.resumed} by an earlier run{failed})")
    if snapshot.changed:
        lines.append(("changed", f"{snapshot.changed} are others than in the earlier run, and done again"))
    others = [f"{count} {kind}" for kind, count in sorted(snapshot.kinds.items()) if kind != "ok"]
    lines.append(("ok", ", ".join([str(snapshot.kinds.get("ok", 0)), *others])))
    if not is_over:
        limit = "" if snapshot.limit == math.inf else f" (limit {snapshot.limit:g})"
        lines.append(("in flight", f"{snapshot.in_flight}{limit}"))
        rates = f"{snapshot.requests_per_second:.1f} requests/s, {snapshot.tokens_per_second:.0f} tokens/s"
        lines.append(("rate", rates))
    if snapshot.spent or snapshot.projected is not None:
        unknown = f", {snapshot.unpriced} at a price unknown" if snapshot.unpriced else ""
        projected = None if is_over else snapshot.projected
        all_of_it = "" if projected is None else f", {money(projected)} in all"
        lines.append(("spent", f"{money(snapshot.spent)}{all_of_it}{unknown}"))
    left = (
        "" if is_over or snapshot.seconds_left is None else f", about {_duration(snapshot.seconds_left)} left"
    )
    lines.append(("time", f"{_duration(snapshot.elapsed)}{left}"))
    if snapshot.stopped is not None:
        lines.append(("stopped", f"{snapshot.stopped}: nothing more is begun"))
    return lines


@asynccontextmanager
async def progress_shown(outcomes: FanOut[object, object]) -> AsyncGenerator[None]:
    """Show how a fan-out goes for as long as the block runs."""
    console = Console(stderr=True)
    showing = asyncio.create_task(_redraw(console, outcomes) if console.is_terminal else _tell(outcomes))
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.wait([showing])


async def _redraw(console: Console, outcomes: FanOut[object, object]) -> None:
    with Live(_table(outcomes.snapshot()), console=console, auto_refresh=False, transient=True) as live:
        while True:
            await asyncio.sleep(_REDRAWN)
            live.update(_table(outcomes.snapshot()), refresh=True)


async def _tell(outcomes: FanOut[object, object]) -> None:
    while True:
        await asyncio.sleep(_TOLD)
        note("; ".join(f"{name} {text}" for name, text in as_lines(outcomes.snapshot())))


def _table(snapshot: Snapshot) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, text in as_lines(snapshot):
        table.add_row(Text(name, style="dim"), Text(text))
    return table
