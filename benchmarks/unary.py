"""CPU and rate of small completions that do not stream: one at a time, 64 and 256 at once."""

from .plan import Plan
from .programs import run
from .results import Goal, Row
from .runner import Bench


__all__ = ["measure"]

OWN, BARE = "meshapi_aio", "bare loop"
# Calls at once, in all, and the most that one may cost against the bare loop and against openai.
LOADS = ((1, 500, None, None), (64, 1_000, 1.15, 11), (256, 1_000, None, None))


def measure(bench: Bench) -> list[Row]:
    """Return the rows."""
    rows: list[Row] = []
    size = bench.options.size
    plan = Plan("unary")
    others = ["openai", "openai[aiohttp]", "meshapi", "httpx + httpx-sse", "litellm"]
    names = bench.clients(OWN, BARE, *others)
    for at_once, calls, most, share in LOADS:
        rounds = bench.rounds(names, "completions", plan, at_once=size(at_once), calls=size(calls, 10))
        goals = [Goal(OWN, BARE, most)]
        goals.append(Goal(OWN, "openai", 1 / share, text=f"1/{share}") if share else Goal(OWN, "openai"))
        goals += [Goal(OWN, other) for other in others[1:]]
        work = f"small completion, {at_once} at once"
        rows.append(Row.of(f"CPU per {work}", "µs", rounds, "cpu", *goals))
        rows.append(Row.of(f"Calls a second, {work}", "/s", rounds, "rate", Goal(OWN, BARE)))
    if bench.options.tls:
        rounds = bench.rounds(
            [OWN, BARE], "completions", plan, at_once=size(64), calls=size(1_000, 10), tls=True
        )
        rows.append(Row.of("CPU per small completion, 64 at once, TLS", "µs", rounds, "cpu", Goal(OWN, BARE)))
    return rows


if __name__ == "__main__":
    run(measure, __doc__)
