"""
A server that does what a script says, down to the byte, and notes how each connection ended.

It is raw asyncio, so that it can be wrong in ways that a web framework refuses to be.
"""

import asyncio
import functools
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import trustme


PATIENCE = 10.0
"""Seconds after which waiting for something that must happen counts as a failure."""


class Connection(asyncio.Protocol):
    """One connection as the server sees it, and what a script can do with it."""

    def __init__(self, server: "FaultServer") -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport
        self.requests: list[bytes] = []
        self.ended = asyncio.Event()
        self.how: str | None = None
        """``eof``: the client closed; ``reset``: it broke the connection; ``server``: we did either."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.connections.append(self)
        self._server.news()
        self._task = self._loop.create_task(self._server.script(self))
        self._task.add_done_callback(self._script_done)

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._news.set()

    def eof_received(self) -> bool:
        self.how = self.how or "eof"
        self._news.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.how = self.how or ("eof" if exc is None else "reset")
        self.ended.set()
        self._news.set()
        self._writable.set()
        if self._task is not None:
            self._task.cancel()
        self._server.news()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

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

    async def send(self, data: bytes) -> None:
        """Write bytes, and wait where the client does not read."""
        self.transport.write(data)
        await self._writable.wait()

    async def stall(self) -> None:
        """Do nothing until the client goes away."""
        await self.ended.wait()

    def be_deaf(self) -> None:
        """Stop reading for good."""
        self.transport.pause_reading()

    def close(self) -> None:
        """Close in order, once all is written."""
        self.how = self.how or "server"
        self.transport.close()

    def reset(self) -> None:
        """Break the connection: the client gets a reset, not an end."""
        self.how = self.how or "server"
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


Script = Callable[[Connection], Awaitable[None]]


class FaultServer:
    """``async with FaultServer(script) as server``: each connection runs the script."""

    def __init__(self, script: Script, *, tls: bool = False) -> None:
        self.script: Any = script
        self.connections: list[Connection] = []
        self.failures: list[BaseException | None] = []
        self._tls = tls
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self),
            "127.0.0.1",
            0,
            backlog=2048,
            ssl=tls_server_context() if self._tls else None,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self.connections:
            connection.transport.abort()
        await self._server.wait_closed()
        await self.until(lambda: all(c.ended.is_set() for c in self.connections))
        assert not self.failures, self.failures

    @property
    def base_url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"

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


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def tls_server_context() -> ssl.SSLContext:
    """Return the context of a server on 127.0.0.1, signed by a local authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert("127.0.0.1").configure_cert(context)
    return context


@functools.cache
def tls_client_context() -> ssl.SSLContext:
    """Return the context of a client that trusts that authority."""
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    return context


# The bytes that scripts send.

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: req_1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def piece(data: bytes) -> bytes:
    """Return bytes as one piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(text: str | None = None, *, finish: str | None = None, **more: Any) -> bytes:
    """Return an event of a chat stream."""
    delta = {} if text is None else {"content": text}
    chunk = {
        "id": "c1",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def reply(body: Any, status: int = 200, *headers: str) -> bytes:
    """Return a whole JSON answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} X",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


COMPLETION = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
