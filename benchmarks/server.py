"""
The load server: a bare asyncio protocol that writes bytes rendered before, and never is the bottleneck.

``python -m benchmarks.server`` prints its ports as JSON and serves until its standard input ends. What a
request gets stands in its path (:class:`~benchmarks.plan.Plan`). ``GET /control/closed`` is answered once no
answer is under way any more, with the time at which the last one ended; ``GET /control/late`` tells how late
the pacer was.
"""

import argparse
import asyncio
import json
import selectors
import ssl
import sys
import time
from functools import cache
from typing import cast

from . import payloads
from .placing import settle
from .plan import Plan


__all__ = ["main"]


@cache
def _pieces(plan: Plan) -> list[bytes]:
    return [payloads.reply()] if plan.kind == "unary" else payloads.pieces(plan)


class Watchful(selectors.DefaultSelector):
    """
    Does not sleep while somebody is connected, where the server has a core of its own.

    A core that sleeps is woken by who writes to it: in a virtual machine that was some 15 µs of the client's
    time for each request, and real gateways are elsewhere. And a sleep ends up to a millisecond late: the
    pacer would send a bunch of events at once then, which is not how tokens come.
    """

    def __init__(self, *, has_core: bool) -> None:
        super().__init__()
        self.connections = 0
        self._has_core = has_core

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready."""
        return super().select(0 if self._has_core and self.connections else timeout)


class Pacer:
    """Sends to a group of streams in turn, evenly spread over the period, each event with its time."""

    def __init__(self, plan: Plan, server: "Server") -> None:
        self._plan = plan
        self._lateness = server.lateness
        self._streams: list[Connection] = []
        self._loop = asyncio.get_running_loop()
        *_, finish, usage, done = payloads.events("text", 4)
        self._end = b"".join(map(payloads.framed, (finish, usage, done))) + payloads.TERMINATOR
        self._sent = 0
        self._step = 0.0
        self._began = 0

    def add(self, stream: "Connection") -> bool:
        """Take one more stream; return whether the group is full, which starts it."""
        self._streams.append(stream)
        if len(self._streams) < self._plan.gate:
            return False
        self._step = 1e9 / self._plan.rate / len(self._streams)
        # A moment in which the client reads what the last ones were sent first.
        self._began = time.monotonic_ns() + 200_000_000
        self._loop.call_later(0.19, self._run)
        return True

    def _run(self) -> None:
        count = len(self._streams)
        middle = (self._plan.events - 3) * count
        while self._sent < middle + count:
            now = time.monotonic_ns()
            late = now - self._began - int(self._sent * self._step)
            if late < 0:
                self._loop.call_later(-late / 1e9, self._run)
                return
            stream = self._streams[self._sent % count]
            if stream.transport is not None:
                if self._sent < middle:
                    before, after = stream.stamped
                    stream.transport.write(b"%b%020d%b" % (before, now, after))
                    self._lateness.append(late)
                else:
                    stream.transport.write(payloads.own(self._end, stream.number))
                    stream.ended()
            self._sent += 1


class Server:
    """What the connections share."""

    def __init__(self, watchful: Watchful) -> None:
        self.watchful = watchful
        self.streams: set[Connection] = set()
        self.waiting: list[Connection] = []
        self.lateness: list[int] = []
        self.last_end = 0
        self.served = 0
        self._pacers: dict[Plan, Pacer] = {}

    def paced(self, plan: Plan, stream: "Connection") -> None:
        """Add a stream to the group that waits for its like."""
        pacer = self._pacers.get(plan)
        if pacer is None:
            pacer = self._pacers[plan] = Pacer(plan, self)
        if pacer.add(stream):
            del self._pacers[plan]

    def ended(self, stream: "Connection") -> None:
        """Note that an answer is over, in whatever way."""
        if stream in self.streams:
            self.streams.discard(stream)
            self.last_end = time.monotonic_ns()
            if not self.streams:
                self.tell()

    def tell(self) -> None:
        """Answer those that wait until no answer is under way."""
        for connection in self.waiting:
            connection.answer({"at": self.last_end})
        self.waiting.clear()

    def late(self) -> dict[str, float]:
        """Return how late the pacer was since it was asked last: the 99th percentile, in ms."""
        values = sorted(self.lateness) or [0]
        self.lateness.clear()
        return {"p99": values[len(values) * 99 // 100] / 1e6}


class Connection(asyncio.Protocol):
    """One connection: reads requests, and writes what they ask for."""

    def __init__(self, server: Server) -> None:
        self.transport: asyncio.Transport | None = None
        self.number = 0
        self.stamped = (b"", b"")
        self._server = server
        self._received = b""
        self._pieces: list[bytes] = []
        self._next = 0
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = cast("asyncio.Transport", transport)
        self._server.watchful.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it
        """Count an answer that was left unfinished as ended."""
        self.transport = None
        self._server.watchful.connections -= 1
        self.ended()

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        if len(body) >= length:
            self._received = body[length:]
            self._serve(head.split(b" ", 2)[1].decode())

    def _serve(self, path: str) -> None:
        server = self._server
        if path == "/control/closed":
            server.waiting.append(self)
            if not server.streams:
                server.tell()
            return
        if path == "/control/late":
            self.answer(server.late())
            return
        plan = Plan.of_path(path)
        server.streams.add(self)
        server.served += 1
        # Cut anywhere, some ids are in two pieces.
        self.number = 0 if plan.framing == "cut" else server.served
        if plan.rate:
            assert self.transport is not None
            first = payloads.framed(payloads.events("text", 1)[0])
            self.transport.write(payloads.HEAD + payloads.own(first, self.number))
            before, after = payloads.stamped()
            self.stamped = payloads.own(before, self.number), after
            server.paced(plan, self)
            return
        self._pieces, self._next = _pieces(plan), 0
        self._write()
        if not plan.hold and self._next == len(self._pieces):
            self.ended()

    def _write(self) -> None:
        while self._next < len(self._pieces) and not self._full and self.transport is not None:
            self._next += 1
            self.transport.write(payloads.own(self._pieces[self._next - 1], self.number))

    def pause_writing(self) -> None:
        """Stop where the client does not read."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on."""
        self._full = False
        if self._next < len(self._pieces):
            self._write()
            if self._next == len(self._pieces):
                self.ended()

    def ended(self) -> None:
        """Tell that the answer is over."""
        self._server.ended(self)

    def answer(self, value: object) -> None:
        """Answer a question about the server itself."""
        body = json.dumps(value).encode()
        if self.transport is not None:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def _serve(certificate: str | None, watchful: Watchful) -> None:
    loop = asyncio.get_running_loop()
    shared = Server(watchful)
    plain = await loop.create_server(lambda: Connection(shared), "127.0.0.1", 0, backlog=8192)
    ports = {"plain": plain.sockets[0].getsockname()[1]}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        secure = await loop.create_server(
            lambda: Connection(shared), "127.0.0.1", 0, ssl=context, backlog=8192
        )
        ports["tls"] = secure.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificate", help="a PEM file with key and chain: serves TLS too")
    parser.add_argument("--core", type=int, help="the core to run on, where the system allows it")
    arguments = parser.parse_args()
    watchful = Watchful(has_core=settle(arguments.core))
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(watchful)) as runner:
        runner.run(_serve(arguments.certificate, watchful))


if __name__ == "__main__":
    main()
