"""
What a chunk and a call cost in steps of the interpreter, which no noise touches: guards against regressions.

Counted are the bytecodes that this package executes, with those of attrs, cattrs and json on its behalf, and
the C functions that they call; each of these counts as four bytecodes, about what it takes. aiohttp and
asyncio are not counted. The client reads, through real sockets and without orjson, one piece after the other
in lockstep with the server. Figures are for one minor version of Python. ``python -m benchmarks.cost`` shows
them beside the stored ones, and ``--update`` stores them.
"""

import argparse
import asyncio
import importlib
import json
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from . import payloads
from .clients import BODY, TOKEN


__all__ = ["MINOR", "main", "regressions", "stored"]

MINOR = "{}.{}".format(*sys.version_info)
STORED = Path(__file__).with_name("cost.json")

# By which factor a figure may exceed the stored one before it counts as a regression.
_ALLOWED = 1.03
_C_CALL = 4  # bytecodes


def stored() -> dict[str, float]:
    """Return the stored figures of this Python; empty where it has none."""
    if not STORED.exists():
        return {}
    every: dict[str, dict[str, float]] = json.loads(STORED.read_text(encoding="utf-8"))
    return every.get(MINOR, {})


def regressions(figures: dict[str, float], before: dict[str, float]) -> list[str]:
    """Return a line for each figure that is more than 3 % over the stored one, or has none."""
    lines: list[str] = []
    for name, figure in figures.items():
        if name not in before:
            lines.append(f"{name}: {figure} steps, and no figure is stored")
        elif figure > before[name] * _ALLOWED:
            more = (figure / before[name] - 1) * 100
            lines.append(f"{name}: {figure} steps, {more:.1f} % over the stored {before[name]}")
    return lines


class Meter:
    """Counts what the package does, and others do for it, while it is on."""

    def __init__(self) -> None:
        self.steps = 0
        modules = map(importlib.import_module, ("meshapi_aio", "attr", "cattrs", "json"))
        self._folders = tuple(str(Path(str(module.__file__)).parent) + os.sep for module in modules)
        self._known: dict[CodeType, bool] = {}

    def _is_ours(self, code: CodeType) -> bool:
        known = self._known.get(code)
        if known is None:
            name = code.co_filename
            # Generated code has names such as "<attrs generated init meshapi_aio.endpoints.chat.Delta>".
            known = self._known[code] = name.startswith(self._folders) or " meshapi_aio." in name
        return known

    def _trace(self, frame: FrameType, event: str, _: Any) -> Callable[[FrameType, str, Any], Any] | None:
        if event == "call":
            if not self._is_ours(frame.f_code):
                return None
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            self.steps += 1
        return self._trace

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "c_call" and self._is_ours(frame.f_code):
            self.steps += _C_CALL

    @contextmanager
    def on(self) -> Generator[None]:
        """Count within the block, from the next call on."""
        sys.setprofile(self._profile)
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(None)
            sys.setprofile(None)


class _Server:
    """Answers completions by itself; what a stream gets, it is told piece by piece."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._reply = payloads.reply()  # once: its JSON would be counted too
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while not reader.at_eof():
            with suppress(asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
        streams = b'"stream":true' in (await reader.readexactly(int(length))).replace(b" ", b"")
        writer.write(payloads.HEAD if streams else self._reply)
        self._writer = writer
        self.asked.set()

    def send(self, events: list[bytes], *, last: bool = False) -> None:
        """Write events in one go, each in a transfer chunk of its own."""
        assert self._writer is not None
        self._writer.write(b"".join(map(payloads.framed, events)) + payloads.TERMINATOR * last)


async def _chunks(client: Any, server: _Server, meter: Meter, kind: str, together: int) -> float:
    """Return the steps per chunk of a stream of which so many chunks come together."""
    *events, done = payloads.events(kind, 400)
    server.asked.clear()
    stream = client.chat.completions.create(**BODY, stream=True)
    opening = asyncio.ensure_future(anext(stream))
    await server.asked.wait()
    server.send(events[:1])
    await opening
    for at in range(1, len(events), together):
        part = events[at : at + together]
        server.send(part)
        with meter.on():
            for _ in part:
                await anext(stream)
    server.send([done], last=True)
    async for _ in stream:
        pass
    return meter.steps / (len(events) - 1)


async def _streams(client: Any, server: _Server, meter: Meter) -> float:
    """Return the steps of opening, reading and ending a stream of four chunks that come with the headers."""
    count = 20
    events = payloads.events("text", 4)
    for _ in range(count):
        server.asked.clear()
        with meter.on():
            stream = client.chat.completions.create(**BODY, stream=True)
            opening = asyncio.ensure_future(anext(stream))
            await server.asked.wait()
            server.send(events, last=True)
            await opening
            async for _ in stream:
                pass
        await asyncio.sleep(0)
    return meter.steps / count


async def _completions(client: Any, _server: _Server, meter: Meter) -> float:
    """Return the steps of a small completion."""
    count = 20
    with meter.on():
        for _ in range(count):
            await client.chat.completions.create(**BODY)
    return meter.steps / count


def _stream_of(kind: str, together: int) -> Callable[[Any, _Server, Meter], Any]:
    async def chunks(client: Any, server: _Server, meter: Meter) -> float:
        return await _chunks(client, server, meter, kind, together)

    return chunks


CASES = {
    "a chunk of text, alone": _stream_of("text", 1),
    "a chunk of text, 40 together": _stream_of("text", 40),
    "a chunk of a tool call, 40 together": _stream_of("tools", 40),
    "a chunk with random padding, 40 together": _stream_of("padded", 40),
    "a stream of four chunks": _streams,
    "a small completion": _completions,
}


async def count() -> dict[str, float]:
    """Return the figures: of each case, after a rehearsal, the lesser of two, as a read cut in two adds."""
    # This makes its import fail, so that the figures do not depend on what is installed.
    modules: dict[str, Any] = sys.modules
    modules["orjson"] = None
    package = importlib.import_module("meshapi_aio")
    server = _Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with package.MeshAPI(f"http://127.0.0.1:{port}", TOKEN) as client:
        await client.chat.completions.create(**BODY)
        figures: dict[str, float] = {}
        for name, case in CASES.items():
            runs = [await case(client, server, Meter()) for _ in range(3)]
            figures[name] = round(min(runs[1:]), 1)
        listening.close()
    return figures


def main() -> None:
    """Count, and show or store what was counted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON and nothing else")
    parser.add_argument("--update", action="store_true", help=f"store the figures in {STORED.name}")
    arguments = parser.parse_args()
    figures = asyncio.run(count())
    if arguments.json:
        print(json.dumps(figures))
        return
    before = stored()
    for name, figure in figures.items():
        share = f"{figure / before[name]:8.3f} of {before[name]:.1f}" if name in before else ""
        print(f"{name:42}{figure:10.1f}{share}")
    if arguments.update:
        every = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
        every[MINOR] = figures
        STORED.write_text(json.dumps(every, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
