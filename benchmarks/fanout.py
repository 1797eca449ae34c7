"""Fan-out: what an item costs that does nothing, and 10,000 calls against the same written by hand."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager

from meshapi_aio.testing import FakeGateway

from .clients import TOKEN
from .plan import Plan
from .programs import run
from .results import Goal, Row
from .runner import Bench


__all__ = ["measure"]

OWN, BARE = "meshapi_aio", "bare loop"


def measure(bench: Bench) -> list[Row]:
    """Return the rows."""
    size = bench.options.size
    plan = Plan("unary")
    items = bench.rounds([OWN], "items", plan, count=size(1_000_000, 1000), at_once=64)
    rows = [
        Row.of("CPU per item that does nothing, 1,000,000 at limit 64", "µs", items, "cpu", Goal(OWN, "", 5)),
        Row.of("Memory by which that grows", "MiB", items, "memory", Goal(OWN, "", 1)),
    ]
    sizes = {"count": size(10_000, 100), "at_once": size(256, 4)}
    fast = bench.rounds([OWN, BARE], "many", plan, **sizes)
    rows.append(Row.of("10,000 calls at limit 256, the load server", "s", fast, "time", Goal(OWN, BARE)))
    with _gateway() as base:
        real = bench.rounds([OWN, BARE], "many", plan, base=base, **sizes)
    rows.append(Row.of("10,000 calls at limit 256, FakeGateway", "s", real, "time", Goal(OWN, BARE, 1.3)))
    return rows


@contextmanager
def _gateway() -> Generator[str]:
    """Run FakeGateway in this process, which is no client's, and give its address."""
    with asyncio.Runner() as runner:
        gateway = FakeGateway(token=TOKEN, record=False)
        runner.run(gateway.start())
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield gateway.base_url
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            runner.run(gateway.close())


if __name__ == "__main__":
    run(measure, __doc__)
