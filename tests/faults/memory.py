"""
Opens and closes streams, cancels streams, fails streams, thousands of each, and shows that memory stays.

``python -m tests.faults.memory [COUNT] [finish|cancel|fail]``: prints how far the resident size has drifted
after each kind, or this one, and exits with 1 where that is 10 MiB or more.
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from meshapi_aio import MeshAPI, MeshAPIError, Retry

from .scripts import MESSAGES, WHOLE
from .server import Connection, FaultServer
from .wire import STREAM_HEAD, event, piece, reply


COUNT = 10_000
AT_ONCE = 50
LIMIT = 10 * 1024 * 1024

BEGINNING = STREAM_HEAD + piece(event("a"))
REFUSAL = reply({"error": {"code": "upstream_error", "message": "no"}}, 503)


async def serve(connection: Connection) -> None:
    """Answer by the model: a whole stream, one that stops, a refusal, one that is cut."""
    while True:
        request = await connection.request()
        connection.requests.clear()
        if b'"whole"' in request:
            await connection.send(WHOLE)
        elif b'"stalls"' in request:
            await connection.send(BEGINNING)
        elif b'"refused"' in request:
            await connection.send(REFUSAL)
        else:
            await connection.send(BEGINNING)
            connection.close()


async def finish(client: MeshAPI) -> None:
    """Read a stream to its end."""
    async with client.chat.completions.stream(model="whole", messages=MESSAGES) as stream:
        assert (await stream.get_final_completion()).choices[0].message.content == "ab"


async def cancel(client: MeshAPI) -> None:
    """Cancel a task in the middle of a stream."""
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in client.chat.completions.stream(model="stalls", messages=MESSAGES):
            begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def fail(client: MeshAPI) -> None:
    """Be refused, and be cut off."""
    for model in ("refused", "cut"):
        try:
            async for _ in client.chat.completions.stream(model=model, messages=MESSAGES):
                pass
        except MeshAPIError:
            continue
        raise AssertionError


def resident() -> int:
    """Return the resident size of this process, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


USES = {use.__name__: use for use in (finish, cancel, fail)}


async def measure(count: int, *names: str) -> int:
    """Do each thing so many times, and return the largest drift in bytes."""
    largest = 0
    async with (
        FaultServer(serve) as server,
        MeshAPI(server.base_url, "rsk_secret", retry=Retry(max_retries=0)) as client,
    ):
        for use in (USES[name] for name in names or USES):
            await many(use, client, count // 10, server)
            before = resident()
            await many(use, client, count, server)
            drift = resident() - before
            largest = max(largest, drift)
            sys.stdout.write(f"{count} times {use.__name__}: {drift / 1024 / 1024:+.2f} MiB\n")
    return largest


async def many(
    use: Callable[[MeshAPI], Awaitable[None]], client: MeshAPI, count: int, server: FaultServer
) -> None:
    """Do a thing so many times, some at once."""

    async def worker() -> None:
        for _ in range(count // AT_ONCE):
            await use(client)
            forget(server)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def forget(server: FaultServer) -> None:
    """Let go of what the server notes of ended connections: it is not what is measured."""
    if len(server.connections) > 2 * AT_ONCE:
        server.connections[:] = [one for one in server.connections if not one.ended.is_set()]


if __name__ == "__main__":
    drifted = asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT, *sys.argv[2:]))
    sys.exit(drifted >= LIMIT)
