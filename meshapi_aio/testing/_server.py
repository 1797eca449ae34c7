"""
aiohttp's HTTP server with an address, a count of its connections, and an end that nothing can hold up.

Listens, accepts and closes; what is answered is none of its business.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import attrs
from aiohttp import web

from ._given import check_port


Handler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

# A thousand clients may connect in one turn of the loop; the kernel caps this at net.core.somaxconn.
_BACKLOG = 4096

# Turns of the loop until what was accepted is counted and what was aborted has ended: one was enough when
# measured, on Python 3.11 to 3.13, with asyncio and uvloop.
_TURNS = 3

# Seconds for an answer function that does not let itself be cancelled.
_STUBBORN = 5.0


@attrs.frozen
class ConnectionCounts:
    """Connections from clients: how many are open now, and how many were opened in all."""

    open: int
    opened: int


class Connections:
    """
    Every connection that is open, and a count of those that were.

    ``changed`` is called after each connection that opens or closes.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._opened = 0
        self._open: dict[web.RequestHandler, asyncio.Transport] = {}
        self._used: set[web.RequestHandler] = set()
        self._exempt: set[web.RequestHandler] = set()

    @property
    def counts(self) -> ConnectionCounts:
        """The counts at this moment."""
        return ConnectionCounts(open=len(self._open) - len(self._exempt), opened=self._opened)

    def add(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Count a connection."""
        self._open[handler] = transport
        self._opened += 1
        self._changed()

    def remove(self, handler: web.RequestHandler) -> None:
        """Count a connection among the open ones no more."""
        del self._open[handler]
        self._used.discard(handler)
        self._exempt.discard(handler)
        self._changed()

    def use(self, handler: web.RequestHandler) -> None:
        """Take note that the connection carries a request of the client under test."""
        self._used.add(handler)

    def exempt(self, handler: web.RequestHandler) -> None:
        """Leave a connection that has only asked for counters out of them."""
        if handler not in self._used and handler not in self._exempt:
            self._exempt.add(handler)
            self._opened -= 1
            self._changed()

    def abort(self) -> None:
        """Close every connection without waiting for what is still to be sent."""
        for transport in self._open.values():
            transport.abort()


class CountingServer(web.Server):
    """
    A server that cancels a handler as soon as its client is gone, and tells of every connection.

    Raises ``OSError`` where it cannot listen; port 0 lets the system choose one.
    """

    def __init__(self, handler: Handler, connections: Connections, *, host: str, port: int) -> None:
        super().__init__(handler, handler_cancellation=True, auto_decompress=False, access_log=None)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self._runner = web.ServerRunner(self, shutdown_timeout=_STUBBORN)
        self._counted = connections

    @property
    def port(self) -> int:
        """Where the server listens."""
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self) -> None:
        """Begin to accept connections."""
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket, backlog=_BACKLOG).start()

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Take in a connection."""
        super().connection_made(handler, transport)
        self._counted.add(handler, transport)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Let a connection go."""
        super().connection_lost(handler, exc)
        self._counted.remove(handler)

    async def close(self) -> None:
        """Stop listening, abort every connection, and return when all their tasks have ended."""
        # What asyncio has accepted but not yet made a connection of is lost, with a warning, when its server
        # is closed. So nothing more is accepted first, where the loop accepts by reading.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().remove_reader(self._socket)
        await _turns()
        for site in self._runner.sites:
            await site.stop()
        self._counted.abort()
        await _turns()
        await self._runner.cleanup()
        await _turns()


class Listener:
    """
    Where a server of this package listens: it can be started, closed, and started again.

    ``name`` is what the user knows it by, for complaints; ``handler`` answers; ``connections`` counts.
    """

    def __init__(
        self, name: str, handler: Handler, connections: Connections, *, host: str, port: int
    ) -> None:
        check_port(port)
        self._name = name
        self._handler = handler
        self._connections = connections
        self._host = host
        self._port = port
        self._base_url: str | None = None
        self._server: CountingServer | None = None

    def __repr__(self) -> str:
        return f"<{self._name} {self._base_url or '(not started)'}>"

    @property
    def is_open(self) -> bool:
        """Whether it has been started, and its closing has not begun."""
        return self._server is not None

    @property
    def base_url(self) -> str:
        """Its address, without a path; raises ``RuntimeError`` before the start."""
        if self._base_url is None:
            msg = f"this {self._name} has no base_url before it is started: use 'async with' or await start()"
            raise RuntimeError(msg)
        return self._base_url

    def check_closed(self) -> None:
        """Raise ``RuntimeError`` where it already listens."""
        if self._server is not None:
            msg = f"this {self._name} is already listening at {self._base_url}"
            raise RuntimeError(msg)

    async def start(self) -> None:
        """Begin to listen. Raises ``OSError`` where it cannot, ``RuntimeError`` where it already does."""
        self.check_closed()
        server = CountingServer(self._handler, self._connections, host=self._host, port=self._port)
        await server.start()
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._base_url = f"http://{host}:{server.port}"
        self._server = server

    async def close(self) -> None:
        """Stop listening and abort every connection. May be called twice."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.close()


async def _turns() -> None:
    """Let what was accepted become a connection, and what was aborted come to its end."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
