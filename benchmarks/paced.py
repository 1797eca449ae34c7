"""
Streams whose chunks come one by one, as models write them: each wakes the client up.

200 streams of 50 chunks a second each; then 10,000 chunks a second in all, spread over more and more streams.
"""

from .plan import Plan
from .programs import run
from .results import Goal, Row
from .runner import Bench


__all__ = ["measure"]

OWN, BARE = "meshapi_aio", "bare loop"
SECONDS = 4
SPREADS = (10, 100, 1_000, 5_000)


def _plan(streams: int, rate: float, seconds: float) -> Plan:
    return Plan(events=max(int(rate * seconds), 2) + 3, rate=rate, gate=streams)


def _steady(bench: Bench) -> list[Row]:
    size = bench.options.size
    streams = size(200)
    plan = _plan(streams, 50, SECONDS * min(bench.options.scale, 1))
    rows: list[Row] = []
    plain = ("", "")
    variants = [
        ("", plain, False, False, 0.60, 0.5),
        (", warm", plain, True, False, None, None),
        ("", ("[speed]", ", orjson"), False, False, None, None),
        ("", ("[speed], uvloop", ", orjson, uvloop"), False, False, None, None),
    ]
    if bench.options.tls:
        variants.append((", TLS", plain, False, True, None, None))
    for told, (own, bare), is_warm, tls, most, lag in variants:
        names = [OWN + own, BARE + bare]
        if bench.clients(*names) != names:
            continue
        # Each in a new process, since what one leaves behind may make the next one's reads cheaper.
        rounds = bench.rounds(
            names, "paced", plan, streams=streams, events=plan.events, is_warm=is_warm, tls=tls, fresh=True
        )
        work = f"200 streams paced at 50/s{told}"
        rows.append(Row.of(f"CPU per chunk, {work}", "µs", rounds, "cpu", Goal(names[0], names[1], most)))
        rows.append(Row.of(f"p99 lag, {work}", "ms", rounds, "p99", Goal(names[0], names[1], lag)))
        rows.append(Row.of(f"p99 by which the server was late, {work}", "ms", rounds, "server_p99"))
    return rows


def _growth(bench: Bench) -> list[Row]:
    total = bench.options.size(10_000, 100)
    figures: dict[str, list[float]] = {}
    for _ in range(bench.options.rounds):
        for spread in SPREADS:
            streams = bench.options.size(spread)
            plan = _plan(streams, total / streams, SECONDS * min(bench.options.scale, 1))
            got = bench.run(OWN, "paced", plan, streams=streams, events=plan.events)
            figures.setdefault(f"{OWN}, {spread:,} streams", []).append(got["cpu"])
    least, *more = figures
    goals = [Goal(name, least, 1.5) for name in more]
    return [Row("CPU per chunk, 10,000 chunks/s in all", "µs", figures, goals)]


def measure(bench: Bench) -> list[Row]:
    """Return the rows."""
    return [*_steady(bench), *_growth(bench)]


if __name__ == "__main__":
    run(measure, __doc__)
