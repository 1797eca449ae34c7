"""How many streams of 50 chunks a second one core sustains, at a p99 lag under 100 ms."""

from .plan import Plan
from .programs import run
from .results import Goal, Row
from .runner import Bench


__all__ = ["measure"]

OWN, BARE = "meshapi_aio", "bare loop"
RATE, SECONDS, LAG = 50, 6, 100  # in 3 s a full collection of garbage, some 75 ms, fell into one run or none
COARSE, FINE = 1.25, 1.04


def _holds(bench: Bench, client: str, streams: int) -> bool:
    seconds = SECONDS * min(bench.options.scale, 1)
    plan = Plan(events=max(int(RATE * seconds), 2) + 3, rate=RATE, gate=streams)
    got = bench.run(client, "paced", plan, streams=streams, events=plan.events)
    return max(got["p99"], got["server_p99"]) < LAG  # a server that is late sends less than it should


def _limit(bench: Bench, client: str, guess: int, step: float) -> int:
    """Return the largest number that holds, found in steps of this factor from a guess."""
    most = bench.options.size(2_000, 4)
    streams = min(guess, most)
    if _holds(bench, client, streams):
        while (more := max(round(streams * step), streams + 1)) <= most and _holds(bench, client, more):
            streams = more
        return streams
    while streams > 1:
        streams = min(round(streams / step), streams - 1)
        if _holds(bench, client, streams):
            break
    return streams


def _first(bench: Bench, client: str) -> int:
    """Return the largest number that holds, roughly, found from the CPU time of an easy pace."""
    streams = bench.options.size(10, 2)
    plan = Plan(events=max(int(RATE * min(bench.options.scale, 1)), 2) + 3, rate=RATE, gate=streams)
    busy = bench.run(client, "paced", plan, streams=streams, events=plan.events)["busy"]
    return _limit(bench, client, max(round(streams / busy), 1), COARSE)


def measure(bench: Bench) -> list[Row]:
    """Return the rows; each round starts from what the last one found."""
    clients = bench.clients(OWN, BARE, "meshapi", "openai")
    guesses = {client: _first(bench, client) for client in clients}
    rounds: dict[str, list[dict[str, float]]] = {client: [] for client in clients}
    for index in range(bench.options.rounds):
        at = index % len(clients)
        for client in clients[at:] + clients[:at]:
            guesses[client] = _limit(bench, client, guesses[client], FINE)
            rounds[client].append({"streams": guesses[client]})
    goals = [Goal(OWN, BARE, 1.1, least=True), Goal(OWN, "openai", 10, least=True)]
    goals.append(Goal(OWN, "meshapi", 3, least=True))
    return [Row.of("Streams at 50/s that one core sustains", "", rounds, "streams", *goals)]


if __name__ == "__main__":
    run(measure, __doc__)
