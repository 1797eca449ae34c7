"""``meshapi-aio fan-out``: carries out every request of a file, and writes down what came of each."""

import signal
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import click

from meshapi_aio.client import MeshAPI
from meshapi_aio.fanout import (
    AdaptiveLimit,
    Budget,
    FanOut,
    FileError,
    FixedLimit,
    JournalLockedError,
    Limit,
    RateLimit,
    Results,
    Row,
    Snapshot,
    UnknownPriceError,
    draining_on_signals,
    read_rows,
)

from ._estimates import show_estimate
from ._failures import MisuseError, failures_told
from ._options import (
    base_url_option,
    local_option,
    models_option,
    repeat_option,
    retries_option,
    timeout_option,
)
from ._output import note
from ._run_display import as_lines, progress_shown
from ._running import Access, connected, run


__all__ = ["command"]

_RETRIES = 8
"""More than those of an ordinary call, since nobody waits for any one answer."""

_UNITS = {"s": 1, "m": 60, "h": 3600}


class _Plan(NamedTuple):
    """What is to be done, and within which bounds."""

    file: str
    results: str
    models: Sequence[str]
    repeat: int
    limits: Sequence[Limit]
    budget: Budget | None
    deadline: float | None
    grace: float
    retry_errors: bool

    def rows(self) -> Iterator[Row]:
        """Read the file, from its beginning; nothing of it is kept."""
        return read_rows(self.file, models=self.models, repeat=self.repeat)


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Return the seconds that ``90``, ``90s``, ``15m`` or ``2h`` are."""
    if value is None:
        return None
    number, unit = (value[:-1], value[-1]) if value[-1:] in _UNITS else (value, "s")
    try:
        seconds = float(number) * _UNITS[unit]
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        msg = f"{value!r} is no time: seconds, or a number with s, m or h, such as 90s, 15m, 2h."
        raise click.BadParameter(msg)
    return seconds


def _limit(_: click.Context, __: click.Parameter, value: str) -> Limit:
    if value == "auto":
        return AdaptiveLimit()
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        msg = f"{value!r} is neither auto nor a number of calls at once."
        raise click.BadParameter(msg)
    return FixedLimit(int(value))


def _budget(_: click.Context, __: click.Parameter, value: str | None) -> Budget | None:
    if value is None:
        return None
    try:
        usd = Decimal(value.removeprefix("$"))
    except InvalidOperation:
        usd = Decimal(0)
    if not usd.is_finite() or usd <= 0:
        msg = f"{value!r} is no amount of USD, such as 2.50."
        raise click.BadParameter(msg)
    return Budget(usd)


@click.command(name="fan-out", short_help="Carry out a file of requests, many at once.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "-o",
    "results",
    metavar="RESULTS",
    type=click.Path(dir_okay=False),
    help="Where the results go, a line each. What is there already is not done again.",
)
@models_option
@repeat_option
@click.option(
    "--limit",
    default="auto",
    show_default=True,
    metavar="auto|N",
    callback=_limit,
    help="How many calls at once; auto finds out what the gateway takes.",
)
@click.option("--rpm", type=click.IntRange(min=1), metavar="N", help="Requests a minute, at most.")
@click.option("--tpm", type=click.IntRange(min=1), metavar="N", help="Tokens a minute, at most.")
@click.option(
    "--budget",
    metavar="USD",
    callback=_budget,
    help="What it may cost; a call that might exceed it is not sent.",
)
@click.option(
    "--deadline",
    metavar="TIME",
    callback=_seconds,
    help="What it may take, such as 15m: then nothing more is begun, and the file can be resumed.",
)
@click.option(
    "--grace",
    default="30",
    metavar="TIME",
    callback=_seconds,
    help="How long calls under way may still take after Ctrl-C. A second Ctrl-C ends them at once.",
)
@click.option("--retry-errors", is_flag=True, help="Do again what failed in an earlier run.")
@click.option("--dry-run", is_flag=True, help="Send nothing: count, and estimate tokens and cost.")
@timeout_option
@retries_option
@base_url_option
@local_option
def command(
    *,
    file: str,
    results: str | None,
    models: Sequence[str],
    repeat: int,
    limit: Limit,
    rpm: int | None,
    tpm: int | None,
    budget: Budget | None,
    deadline: float | None,
    grace: float,
    retry_errors: bool,
    dry_run: bool,
    timeout: float | None,
    retries: int | None,
    base_url: str | None,
    local: bool,
) -> None:
    """
    Carry out the requests in FILE, and write what came of each to RESULTS.

    FILE has a request a line, in the format of batches (custom_id, method, url, body) or the body alone.
    RESULTS gets a line for each in the format of batch results, with what is known of it beside: its kind,
    attempts, times, tokens, cost. Run it again, and it goes on where it was, whatever ended it. Ends with
    status 1 where an answer is missing, 3 where the budget or the deadline left something undone, and 130 or
    143 after a signal.
    """
    if results is None and not dry_run:
        msg = "-o RESULTS is missing: the file that the results go to"
        raise MisuseError(msg)
    limits = [limit]
    if rpm is not None or tpm is not None:
        limits.append(RateLimit(requests_per_minute=rpm, tokens_per_minute=tpm))
    plan = _Plan(file, results or "", models, repeat, limits, budget, deadline, grace, retry_errors)
    access = Access(
        local=local, base_url=base_url, timeout=timeout, retries=_RETRIES if retries is None else retries
    )
    with failures_told():
        try:
            run(show_estimate(access, plan.rows()) if dry_run else _fan_out(access, plan))
        except (FileError, JournalLockedError, UnknownPriceError) as error:
            raise MisuseError(str(error)) from None


async def _fan_out(access: Access, plan: _Plan) -> None:
    # The whole file is read once before anything is sent, so that a mistake in its last line costs nothing.
    total = sum(1 for _ in plan.rows())
    signals: list[signal.Signals] = []
    async with connected(access) as client:
        with Results(plan.results) as journal:
            if plan.budget is not None:
                plan.budget.spend(*journal.spent())
            outcomes = _outcomes(client, plan, journal, total)
            try:
                async with outcomes:
                    with draining_on_signals(outcomes, grace=plan.grace, on_signal=signals.append):
                        async with progress_shown(outcomes):
                            async for _ in outcomes:
                                pass
            finally:
                for name, text in as_lines(outcomes.snapshot(), is_over=True):
                    note(f"{name}: {text}")
            if journal.superseded:
                journal.compact()
    status = _status(outcomes.snapshot(), total, signals)
    if status:
        raise click.exceptions.Exit(status)


def _outcomes(client: MeshAPI, plan: _Plan, journal: Results, total: int) -> FanOut[Any, Any]:
    return client.fan_out(
        plan.rows(),
        limit=plan.limits,
        budget=plan.budget,
        journal=journal,
        retry_errors=plan.retry_errors,
        deadline=plan.deadline,
        total=total,
    )


def _status(snapshot: Snapshot, total: int, signals: Sequence[signal.Signals]) -> int:
    if signals:
        return 128 + signals[0]
    if snapshot.kinds.get("skipped_budget") or snapshot.done + snapshot.resumed < total:
        return 3
    return 1 if snapshot.failed or snapshot.resumed_failed else 0
