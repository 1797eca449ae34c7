"""
A server that does what a script says, down to the byte.

It is raw asyncio, so that it can be wrong in ways that a web framework refuses to be. It accepts connections
itself, so that each is on record (when it opened, how it ended) from its first packet, before any handshake,
and none is lost when the server closes.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Literal, Self

from .authority import tls_server_context


__all__ = ["PATIENCE", "Connection", "FaultServer", "Script"]

PATIENCE = 60.0
"""Seconds after which waiting for something that must happen counts as a failure."""

_BREAK = struct.pack("ii", 1, 0)
# As the kernel counts them; a connection that was reset is in the one, one that was closed in the other.
_KERNEL_CLOSED, _KERNEL_CLOSE_WAIT = 7, 8


class Connection(asyncio.Protocol):
    """One connection as the server sees it, and what a script can do with it."""

    def __init__(self, server: "FaultServer", sock: socket.socket) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._task: asyncio.Task[None] | None = None
        self.sock = sock
        self.transport: asyncio.Transport | None = None
        self.requests: list[bytes] = []
        self.opened_at = self._loop.time()
        self.ended_at: float | None = None
        self.ended = asyncio.Event()
        self.how: Literal["eof", "reset", "server", "handshake"] | None = None
        """
        ``eof``: the client closed; ``reset``: it broke the connection; ``handshake``: either, before TLS was
        up; ``server``: we did. None while it is open.
        """

    # asyncio.Protocol

    def connection_made(self, transport: Any) -> None:
        self.transport = transport  # uvloop's are no asyncio.Transport, and do the same
        self._task = self._loop.create_task(self._server.script(self))
        self._task.add_done_callback(self._script_done)
        self._server.news()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._news.set()

    def eof_received(self) -> bool:
        self.how = self.how or "eof"
        self._news.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.end("eof" if exc is None else "reset")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def end(self, how: Literal["eof", "reset", "server", "handshake"]) -> None:
        """Note that the connection is over."""
        self.how = self.how or how
        self.ended_at = self._loop.time()
        self.ended.set()
        self._news.set()
        self._writable.set()
        if self._task is not None:
            self._task.cancel()
        self._server.news()

    def _script_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._server.failures.append(task.exception())
        self._server.news()

    # What scripts do.

    async def request(self) -> bytes:
        """Return the next whole request, head and body; wait for ever where none comes."""
        while True:
            head, separator, rest = bytes(self._received).partition(b"\r\n\r\n")
            if separator:
                length = 0
                for line in head.split(b"\r\n")[1:]:
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                if len(rest) >= length:
                    whole = head + separator + rest[:length]
                    del self._received[: len(whole)]
                    self.requests.append(whole)
                    self._server.news()
                    return whole
            self._news.clear()
            await self._news.wait()

    @property
    def heard(self) -> bool:
        """Whether anything has come that no request took yet."""
        return bool(self._received)

    async def some(self) -> None:
        """Wait for the beginning of a request, and leave it where it is."""
        while not self.heard:
            self._news.clear()
            await self._news.wait()
        self._server.news()

    async def take(self) -> bytes:
        """Return what has come, whatever it is; nothing once the client has closed its side."""
        while not self._received and self.how is None:
            self._news.clear()
            await self._news.wait()
        data = bytes(self._received)
        self._received.clear()
        return data

    async def send(self, data: bytes) -> None:
        """Write bytes, and wait where the client does not read."""
        assert self.transport is not None
        self.transport.write(data)
        await self._writable.wait()

    async def dribble(self, data: bytes) -> None:
        """Write bytes one by one, each in a segment (and on TLS in a record) of its own."""
        for position in range(len(data)):
            await self.send(data[position : position + 1])
            await asyncio.sleep(0)

    async def stall(self) -> None:
        """Do nothing until the client goes away."""
        await self.ended.wait()

    def be_deaf(self) -> None:
        """Stop reading for good."""
        assert self.transport is not None
        self.transport.pause_reading()

    def close(self) -> None:
        """Close in order, once all is written."""
        self.how = self.how or "server"
        assert self.transport is not None
        self.transport.close()

    def reset(self) -> None:
        """Break the connection: the client gets what was sent, as far as it has room, and then a reset."""
        self.how = self.how or "server"
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BREAK)
        assert self.transport is not None
        self.transport.abort()

    @property
    def left(self) -> bool:
        """Whether the client has closed or broken the connection, as the kernel knows without any reading."""
        if self.ended.is_set() or self.sock.fileno() == -1:
            return True
        state = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return state in {_KERNEL_CLOSED, _KERNEL_CLOSE_WAIT}


Script = Callable[[Connection], Awaitable[None]]


class FaultServer:
    """
    ``async with FaultServer(script) as server``: each connection runs the script.

    With ``tls`` it speaks TLS, in a context of its own where one is given; with ``tls="stalled"`` its address
    says so, and no handshake gets an answer.
    """

    def __init__(self, script: Script, *, tls: bool | Literal["stalled"] | ssl.SSLContext = False) -> None:
        self.script: Any = script
        self.connections: list[Connection] = []
        self.failures: list[BaseException | None] = []
        self._tls = tls
        self._news = asyncio.Event()
        self._listener: socket.socket | None = None
        self._accepting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for connection in self.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await self.until(lambda: not self.open)
        assert not self.failures, self.failures

    def _accept(self) -> None:
        assert self._listener is not None
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BlockingIOError, InterruptedError):
            while True:
                sock, _ = self._listener.accept()
                sock.setblocking(False)
                # asyncio does it only for sockets that name their protocol; one accepted by hand does not.
                # Without it the kernel holds a second write back until the first is acknowledged, for 40 ms,
                # and a reset throws away what it holds: on TLS an answer right behind the session tickets.
                # So it was from Python 3.12, where aiohttp's request comes with the end of the handshake.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = Connection(self, sock)
                self.connections.append(connection)
                self.news()
                task = loop.create_task(self._serve(connection))
                self._accepting.add(task)
                task.add_done_callback(self._accepting.discard)

    async def _serve(self, connection: Connection) -> None:
        context = tls_server_context() if self._tls is True else self._tls
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                connection.sock,
                ssl=context if isinstance(context, ssl.SSLContext) else None,
            )
        except (OSError, asyncio.CancelledError):  # of TLS too: its errors are OSErrors
            connection.end("handshake")

    @property
    def base_url(self) -> str:
        """Where it listens."""
        assert self._listener is not None
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def requests(self) -> int:
        """How many whole requests have come."""
        return sum(len(connection.requests) for connection in self.connections)

    @property
    def open(self) -> int:
        """How many connections are open."""
        return sum(not connection.ended.is_set() for connection in self.connections)

    def news(self) -> None:
        """Wake those who wait for something to happen."""
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that must happen; what takes longer than ``PATIENCE`` fails."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._news.clear()
                await self._news.wait()
