"""The bytes of a connection on their way to aiohttp: whose they are, and the head before the body."""

import asyncio
import weakref
from typing import Any

from aiohttp.client_proto import ResponseHandler

from ._exchange import Exchange
from ._reading import what_came


__all__ = ["Handler"]

_END = b"\r\n\r\n"


class Handler(ResponseHandler):
    """
    Knows whose answer comes next, and hands over the head of an answer by itself.

    Where a body can't be read (its framing or its packing breaks) in the very packet of the head, aiohttp's
    parser forgets head and body: the gateway's id of the call would be lost, and the chunks before the break.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.is_new = True
        """Whether no exchange has had the connection yet."""
        self._exchange: weakref.ref[Exchange] | None = None
        self._seen: bytes | None = None

    @property
    def exchange(self) -> Exchange | None:
        """The exchange that has the connection, or had it last, as long as it lives."""
        return None if self._exchange is None else self._exchange()

    def serve(self, exchange: Exchange | None) -> None:
        """Note whose answer begins with the next bytes."""
        self.is_new = False
        self._exchange = None if exchange is None else weakref.ref(exchange)
        self._seen = b""

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take what the other side said before it broke the connection, then the end of it."""
        # A server that refuses an upload answers early and closes, and the next piece that is written to it
        # breaks the connection. asyncio looks no further then: 5 of 100 answers were lost that way.
        transport: Any = self.transport
        if isinstance(exc, ConnectionError) and transport is not None:
            self._seen = None  # head and body in one, since it counts as not connected
            for data in what_came(transport):
                self.data_received(data)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the connection."""
        seen = self._seen
        if seen is not None:
            end = (seen + data).find(_END)
            if end >= 0:
                self._seen = None
                body = end + len(_END) - len(seen)
                super().data_received(data[:body])
                data = data[body:]
                if not data or not self.is_connected():
                    return
            else:
                self._seen = (seen + data)[1 - len(_END) :]
        super().data_received(data)
