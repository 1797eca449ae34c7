"""The bytes of a connection on their way to aiohttp: whose they are, and the head before the body."""

import asyncio
import weakref

from ._exchange import Exchange
from ._reading import PieceHandler


__all__ = ["Handler"]

_END = b"\r\n\r\n"


class Handler(PieceHandler):
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
        self.shorten(None)
        self._exchange = None if exchange is None else weakref.ref(exchange)
        self._seen = b""

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
        PieceHandler.data_received(self, data)  # super() takes longer, each time
