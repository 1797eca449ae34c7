"""
A gateway in a process of its own, from both sides: the program, and the handle of who started it.

The handle starts a process of this interpreter and talks to it over its pipes and its control route.
"""

import argparse
import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import aiohttp

from ._gateway import FakeGateway
from ._state import STATE_PATH, GatewayState


# An interpreter, aiohttp and a socket take a third of a second, and much longer where much else runs.
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class _WatchedStdin(asyncio.Protocol):
    """Tells when whoever holds the other end of standard input has closed it, or has died."""

    def __init__(self, stopped: asyncio.Event) -> None:
        self._stopped = stopped

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio hands it in)
        """Stop."""
        self._stopped.set()


async def _watch_stdin(stopped: asyncio.Event) -> asyncio.ReadTransport | None:
    """Watch standard input where it is a pipe; a terminal or ``/dev/null`` tells of no parent."""
    mode = os.fstat(sys.stdin.fileno()).st_mode if sys.stdin else 0
    if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
        return None
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: _WatchedStdin(stopped), sys.stdin)
    return transport


async def serve(*, host: str = "127.0.0.1", port: int = 0, pace: float = 0.0) -> None:
    """
    Run a gateway until SIGTERM, SIGINT or the end of a piped standard input.

    Prints one line of JSON with ``base_url`` and ``token`` as soon as it listens.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    stdin = await _watch_stdin(stopped)
    async with FakeGateway(host=host, port=port, pace=pace, record=False) as gateway:
        sys.stdout.write(json.dumps({"base_url": gateway.base_url, "token": gateway.token}) + "\n")
        sys.stdout.flush()
        await stopped.wait()
    if stdin is not None:
        stdin.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``python -m meshapi_aio.testing``."""
    parser = argparse.ArgumentParser(
        prog="python -m meshapi_aio.testing", description="Run a fake Mesh API gateway."
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0, the default, lets the system choose")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds between the pieces of a stream")
    options = parser.parse_args(arguments)
    asyncio.run(serve(host=options.host, port=options.port, pace=options.pace))


class GatewayProcess:
    """
    A ``FakeGateway`` in a process of its own, which costs the loop under test nothing.

    ::

        async with GatewayProcess() as gateway:
            await the_bot(gateway.base_url, gateway.token)
            assert (await gateway.state(open_connections=0)).requests == 3

    It ends with the ``async with`` block, and with the process that started it.

    ``pace``: seconds between the pieces of a stream.
    """

    def __init__(self, *, pace: float = 0.0) -> None:
        self._pace = pace
        self._running = AsyncExitStack()
        self.base_url = ""
        self.token = ""

    async def __aenter__(self) -> Self:
        # The child looks for modules where this process does, installed or not.
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "meshapi_aio.testing", "--pace", str(self._pace)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(_end, process)
            told = await _first_line(process)
            self.base_url, self.token = told["base_url"], told["token"]
            self._running = stack.pop_all()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._running.aclose()

    async def state(self, *, timeout: float = 5.0, **wanted: int) -> GatewayState:
        """
        Return the counters of the gateway, once they are as wanted or ``timeout`` seconds are over.

        ``state(disconnects=1)`` waits for the first disconnect; ``open_connections`` is waited for to fall
        that far, the other counters to rise. The asking itself is not counted.
        """
        query = {"timeout": str(timeout)} | {name: str(count) for name, count in wanted.items()}
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.base_url + STATE_PATH, params=query, raise_for_status=True) as response,
        ):
            return GatewayState(**await response.json())


async def _first_line(process: asyncio.subprocess.Process) -> Mapping[str, str]:
    """Return what the process tells when it is ready. Raises ``RuntimeError`` where it tells nothing."""
    stdout = cast("asyncio.StreamReader", process.stdout)  # a pipe was asked for
    async with asyncio.timeout(_START_SECONDS):
        line = await stdout.readline()
    if not line:
        msg = "the process of the gateway ended before it was ready; its standard error says why"
        raise RuntimeError(msg)
    told: Mapping[str, str] = json.loads(line)
    return told


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the standard input of the process, which ends it, and wait for that."""
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.communicate(b"")  # without input it would leave standard input open
    except TimeoutError:
        process.kill()
        await process.communicate()
