"""The session's connections: what is known of each, and how it is set up."""

import asyncio
import contextlib
import functools
import socket
import ssl
import weakref
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from ._exchange import Exchange
from ._handler import Handler
from ._reading import read_less_at_once


__all__ = ["CONNECTING", "Connecting", "Connector", "connecting_within"]


class Connecting:
    """
    The exchange for which a task connects, as long as it does.

    Timers and readers that aiohttp makes meanwhile keep a copy of the context, and so this, for as long as
    the connection lives; the exchange, and with it the transport, must not live on in there.
    """

    __slots__ = ("exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self.exchange: Exchange | None = exchange


# aiohttp offers no other way from a request to the connection that it gets.
CONNECTING: ContextVar[Connecting | None] = ContextVar("meshapi_aio_connecting", default=None)


@functools.lru_cache(maxsize=16)
def connecting_within(seconds: float | None) -> aiohttp.ClientTimeout:
    """Return aiohttp's setting that bounds the making of a connection and nothing else."""
    return aiohttp.ClientTimeout(total=None, connect=seconds)


class Connector(aiohttp.TCPConnector):
    """Tells an exchange its connection before anything is sent on it, and whether it was used before."""

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        # No limit here: waiting in the connector would count as connecting.
        super().__init__(limit=0, ssl=True if ssl_context is None else ssl_context)
        # Private, and a test would tell of a change: aiohttp has no other place for a handler of one's own.
        handler: type[ResponseHandler] = Handler
        self._factory = functools.partial(handler, loop=asyncio.get_running_loop())
        self._handlers: weakref.WeakSet[ResponseHandler] = weakref.WeakSet()

    def close_now(self) -> None:
        """Close all connections without waiting, for a finalizer, as aiohttp's own does, but silently."""
        self._close()

    @property
    def open(self) -> int:
        """How many connections there are, pooled ones included."""
        return sum(protocol.is_connected() for protocol in self._handlers)

    async def connect(self, req: Any, traces: Any, timeout: Any) -> aiohttp.connector.Connection:
        """Connect as aiohttp does, and note what came of it."""
        connecting = CONNECTING.get()
        return await self._connect(None if connecting is None else connecting.exchange, req, traces, timeout)

    def connection(
        self, exchange: Exchange, destination: aiohttp.ClientRequest
    ) -> Awaitable[aiohttp.connector.Connection]:
        """Return a connection for an exchange, to be awaited, made within its limit of time."""
        timeout = connecting_within(exchange.timeout.connect)
        return self._connect(exchange, destination, [], timeout)

    async def _connect(
        self, exchange: Exchange | None, req: Any, traces: Any, timeout: Any
    ) -> aiohttp.connector.Connection:
        while True:
            connection = await super().connect(req, traces, timeout)
            handler = connection.protocol
            if not isinstance(handler, Handler):
                reused = False  # not to be known in this aiohttp
                break
            reused = not handler.is_new
            if reused and (handler.is_spoilt or (exchange is not None and exchange.fresh_only)):
                connection.close()
                continue
            if not reused:
                self._handlers.add(handler)
                _keep_alive(connection)
                read_less_at_once(connection.transport)
            handler.serve(exchange)
            break
        if exchange is not None:
            exchange.connected(connection, reused=reused)
        return connection


# A NAT or a load balancer forgets an idle connection after some minutes, without telling anybody; a model may
# think for longer. So the kernel asks after a quiet minute, and gives up when five answers are missing.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 5}


def _keep_alive(connection: aiohttp.connector.Connection) -> None:
    sock = None if connection.transport is None else connection.transport.get_extra_info("socket")
    if sock is None:
        return
    # One that is closed already is told of by the request; the ValueError is uvloop's.
    with contextlib.suppress(OSError, ValueError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE.items():
            if hasattr(socket, name):  # not every system lets one choose
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
