"""What is measured, each on an open client inside one event loop; the figures go back by name."""

import asyncio
import gc
import importlib
import json
import os
import statistics
import sys
import time
from pathlib import Path

from .clients import Client, ManyAtOnce


__all__ = ["JOBS", "Figures"]

Figures = dict[str, float]


def _discard(_: object) -> None:
    """Take a chunk that only warms up."""


async def _ask(port: int, question: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /control/{question} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await writer.drain()
    return reader, writer


async def _answer(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> dict[str, float]:
    reader, writer = connection
    head = await reader.readuntil(b"\r\n\r\n")
    answer: dict[str, float] = json.loads(await reader.readexactly(int(head.split(b"Length: ")[1])))
    writer.close()
    await writer.wait_closed()
    return answer


async def streams(client: Client, _control: int, *, streams: int, events: int) -> Figures:
    """Read streams as fast as it goes: CPU and time per chunk, in µs."""
    texts: list[list[str | None]] = [[] for _ in range(streams)]
    gc.collect()
    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client.read(text.append) for text in texts))
    spent, passed = time.process_time() - spent, time.perf_counter() - began
    counts = {len(text) for text in texts}
    assert counts <= {events, events - 1}, (
        f"{counts} chunks came instead of {events}"
    )  # the tail may be left out
    return {"cpu": spent / streams / events * 1e6, "time": passed / streams / events * 1e6}


async def paced(client: Client, control: int, *, streams: int, events: int, is_warm: bool = False) -> Figures:
    """
    Read paced streams: CPU per chunk in µs, and the lag from the server's write to the chunk in ms.

    CPU counts from when the last stream has its first chunk to the last stamp, so that connecting and ending
    are not part of it. Lags count for the second half of the chunks: before, what is late is what has waited
    while thousands of streams were opened at once.

    ``is_warm`` frees a large block beforehand. From then on glibc takes blocks up to that size from the heap;
    until then it asks the kernel for each of over 128 KiB, as asyncio needs one of 256 for each read.
    """
    lags: list[int] = []
    expected = streams * (events - 3)
    opened = stamps = 0
    spent = passed = 0.0
    clock = time.monotonic_ns

    def seen(text: str | None) -> None:
        nonlocal opened, stamps, spent, passed
        if text:
            stamps += 1
            if stamps > expected // 2:
                lags.append(clock() - int(text))
            if stamps == expected:
                passed, spent = time.perf_counter() - passed, time.process_time() - spent
        elif text is not None:
            opened += 1
            if opened == streams:
                passed, spent = time.perf_counter(), time.process_time()

    if is_warm:
        bytes(2**20)
    gc.collect()
    await asyncio.gather(*(client.read(seen) for _ in range(streams)))
    assert stamps == expected, f"{stamps} stamps came of {expected}"
    late = await _answer(await _ask(control, "late"))
    lags.sort()
    return {
        "cpu": spent / stamps * 1e6,
        "busy": spent / passed,
        "p50": lags[len(lags) // 2] / 1e6,
        "p99": lags[len(lags) * 99 // 100] / 1e6,
        "server_p99": late["p99"],
    }


async def completions(client: Client, _control: int, *, at_once: int, calls: int) -> Figures:
    """Ask for small completions, so many at once: CPU per call in µs, and calls per second."""
    await asyncio.gather(*(client.complete() for _ in range(at_once)))
    left = calls

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            assert await client.complete()

    gc.collect()
    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(at_once)))
    spent, passed = time.process_time() - spent, time.perf_counter() - began
    return {"cpu": spent / calls * 1e6, "rate": calls / passed}


async def first(client: Client, _control: int, *, calls: int) -> Figures:
    """Time to the first chunk on a connection that is open, in ms."""
    times: list[float] = []
    came = 0.0

    def seen(_: object) -> None:
        nonlocal came
        came = came or time.perf_counter()

    await client.read(_discard)
    gc.collect()
    for _ in range(calls):
        came, began = 0.0, time.perf_counter()
        await client.read(seen)
        times.append(came - began)
    return {"time": statistics.median(times) * 1e3}


def _resident() -> int:
    """Return the resident memory in bytes; 0 where the system does not tell it."""
    if not sys.platform.startswith("linux"):
        return 0
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if sys.platform.startswith("linux") else 0


async def _open(client: Client, count: int) -> list[asyncio.Task[None]]:
    """Open streams that never end, and return their readers once each has a chunk."""
    all_open = asyncio.Event()
    opened = 0

    def seen(_: object) -> None:
        nonlocal opened
        opened += 1
        if opened == count:
            all_open.set()

    tasks = [asyncio.create_task(client.read(seen)) for _ in range(count)]
    waiting = asyncio.create_task(all_open.wait())
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    assert waiting.done(), f"a stream ended: {next(task for task in tasks if task.done())}"
    return tasks


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def memory(client: Client, _control: int, *, streams: int) -> Figures:
    """Resident memory per open stream, in KiB."""
    await _cancel(await _open(client, min(streams, 10)))
    before = _resident()
    tasks = await _open(client, streams)
    figures = {"memory": (_resident() - before) / streams / 1024}
    await _cancel(tasks)
    return figures


async def cancel(client: Client, control: int, *, streams: int) -> Figures:
    """Cancel open streams: ms until the server has seen the last one close, and what is left then."""
    await _cancel(await _open(client, 10))
    await _answer(await _ask(control, "closed"))
    descriptors, running = _descriptors(), len(asyncio.all_tasks())
    tasks = await _open(client, streams)
    asked = await _ask(control, "closed")
    gc.collect()
    began, spent = time.monotonic_ns(), time.process_time()
    await _cancel(tasks)
    spent = time.process_time() - spent
    closed = await _answer(asked)
    await asyncio.sleep(0)
    tasks.clear()
    return {
        "time": (closed["at"] - began) / 1e6,
        "cpu": spent / streams * 1e6,
        "descriptors": _descriptors() - descriptors,
        "tasks": len(asyncio.all_tasks()) - running,
    }


async def items(_client: Client, _control: int, *, count: int, at_once: int) -> Figures:
    """Fan out items that do nothing: CPU for each in µs, and the memory by which that grows in MiB."""
    fanout = importlib.import_module("meshapi_aio.fanout")  # which not every client's environment has

    async def nothing(item: int) -> int:
        return item

    async def all_of(count: int) -> None:
        async with fanout.fan_out(nothing, iter(range(count)), limit=at_once) as outcomes:
            async for _ in outcomes:
                pass

    await all_of(count // 10)
    before, spent = _resident(), time.process_time()
    await all_of(count)
    spent = time.process_time() - spent
    return {"cpu": spent / count * 1e6, "memory": (_resident() - before) / 2**20}


async def many(
    client: Client, _control: int, *, count: int, at_once: int, base: str | None = None
) -> Figures:
    """Ask for many small completions, so many at once, as one does by hand or by fan-out: seconds in all."""
    assert isinstance(client, ManyAtOnce)
    if base is not None:
        await client.close()
        await client.open(base, None)
    await client.complete()
    gc.collect()
    began = time.perf_counter()
    await client.many(count, at_once)
    return {"time": time.perf_counter() - began}


JOBS = {job.__name__: job for job in (streams, paced, completions, first, memory, cancel, items, many)}
"""The jobs by name."""
