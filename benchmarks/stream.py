"""
CPU per chunk of streams that come as fast as they are read.

One stream of 20,000 chunks, 100 of 500, 1,000 of 100; chunks of about 250 bytes with text, with deltas of a
tool call, and with random padding, which no two neighbours share.
"""

from .plan import Plan
from .programs import run
from .results import Goal, Row
from .runner import Bench


__all__ = ["measure"]

OWN, BARE = "meshapi_aio", "bare loop"
SLOW = "meshapi_aio, aiohttp's reader"
# Streams, chunks of each, the most that one may cost against the bare loop (with the quick reader, without),
# and the share of what it costs with openai.
SHAPES = ((1, 20_000, 0.50, 0.72, 40), (100, 500, 0.60, 0.80, 35), (1_000, 100, 0.90, 1.03, 30))
KINDS = (
    ("tools", "tool-call deltas", 0.45),
    ("padded", "random padding", 1.20),
    ("unlike", "random padding keys", 1.20),
)


def measure(bench: Bench) -> list[Row]:
    """Return the rows."""
    rows: list[Row] = []

    def row(
        work: str, names: list[str], shape: tuple[int, int], plan: Plan, *goals: Goal, tls: bool = False
    ) -> None:
        rounds = bench.rounds(names, "streams", plan, streams=shape[0], events=shape[1], tls=tls)
        rows.append(Row.of(f"CPU per chunk, {work}", "µs", rounds, "cpu", *goals))

    size = bench.options.size
    for streams, events, most, slowly, share in SHAPES:
        shape = (size(streams), size(events, 10))
        names = [OWN, SLOW, BARE, "meshapi", "openai"]
        goals = [
            Goal(OWN, BARE, most),
            Goal(SLOW, BARE, slowly),
            Goal(OWN, "openai", 1 / share, text=f"1/{share}"),
            Goal(OWN, "meshapi", 1 / 7, text="1/7"),
        ]
        if streams == 1:
            others = ["httpx + httpx-sse", "openai[aiohttp]", "litellm"]
            names += others
            goals += [Goal(OWN, other) for other in others]
        work = f"{streams:,} x {events:,}"
        row(work, bench.clients(*names), shape, Plan(events=shape[1]), *goals)
    shape = (1, size(20_000, 10))
    for kind, work, most in KINDS:
        row(work, [OWN, BARE], shape, Plan(kind, events=shape[1]), Goal(OWN, BARE, most))
    layouts = (
        ("many", 65536, "16 events a transfer chunk"),
        ("cut", 65536, "cut anywhere"),
        ("event", 0, "one event a write"),
    )
    for framing, write, work in layouts:
        plan = Plan(framing=framing, write=write, events=shape[1])
        row(work, [OWN, BARE], shape, plan, Goal(OWN, BARE))
    fast: tuple[tuple[str, float | None], ...] = (("", 0.85), (", uvloop", None))
    for suffix, limit in fast:
        names = [f"{OWN}[speed]{suffix}", f"{BARE}, orjson{suffix}"]
        if bench.clients(*names):
            row("1 x 20,000", names, shape, Plan(events=shape[1]), Goal(names[0], names[1], limit))
    if bench.options.tls:
        row("1 x 20,000, TLS", [OWN, BARE], shape, Plan(events=shape[1]), Goal(OWN, BARE), tls=True)
    return rows


if __name__ == "__main__":
    run(measure, __doc__)
