"""What a stream costs besides its chunks: time to the first one, memory while it is open, leaving it."""

from .plan import Plan
from .programs import run
from .results import Goal, Row
from .runner import Bench


__all__ = ["measure"]

OWN, BARE = "meshapi_aio", "bare loop"


def measure(bench: Bench) -> list[Row]:
    """Return the rows."""
    size = bench.options.size
    names = [OWN, BARE]
    held = Plan(events=5, hold=True)
    rows: list[Row] = []

    rounds = bench.rounds(names, "first", Plan(events=8), calls=size(1_000, 10))
    rows.append(Row.of("Time to the first chunk, median", "ms", rounds, "time", Goal(OWN, BARE, 1.05)))

    streams = size(1_000)
    rounds = bench.rounds(names, "memory", held, streams=streams, fresh=True)
    work = "Resident memory per open stream, 1,000 open"
    rows.append(Row.of(work, "KiB", rounds, "memory", Goal(OWN, BARE, 1.05)))

    for tls in (False, True) if bench.options.tls else (False,):
        rounds = bench.rounds(names, "cancel", held, streams=streams, tls=tls)
        work = "Cancelling 1,000 streams" + (", TLS" if tls else "")
        until = f"{work}, until the server has seen all"
        rows.append(Row.of(until, "ms", rounds, "time", Goal(OWN, BARE, None if tls else 1.1)))
        rows.append(Row.of(f"{work}, CPU each", "µs", rounds, "cpu", Goal(OWN, BARE)))
        rows.append(Row.of(f"{work}: descriptors left", "", rounds, "descriptors", Goal(OWN, "", 0)))
        rows.append(Row.of(f"{work}: tasks left", "", rounds, "tasks", Goal(OWN, "", 0)))
    return rows


if __name__ == "__main__":
    run(measure, __doc__)
