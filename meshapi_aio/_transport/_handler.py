"""The bytes of a connection on their way to aiohttp: whose they are, and the head before the body."""

import asyncio
import contextlib
import ssl
import weakref
from asyncio.trsock import TransportSocket

import aiohttp

from ._exchange import Exchange
from ._reading import PieceHandler


__all__ = ["Handler"]

_END = b"\r\n\r\n"


class Handler(PieceHandler):
    """
    Knows whose answer comes next, and hands over the head of an answer by itself.

    Where a body can't be read (its framing or its packing breaks) in the very packet of the head, aiohttp's
    parser forgets head and body: the gateway's id of the call would be lost, and the chunks before the break.

    Where a connection breaks while a slow reader has it paused, hands over what had come. On TLS asyncio
    reads on meanwhile, up to 256 KiB and one more read, and both it and aiohttp's parser forget what they
    hold: 1,259 of 4,000 chunks were lost (Python 3.11 to 3.13, aiohttp 3.14.5).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.is_new = True
        """Whether no exchange has had the connection yet."""
        self._exchange: weakref.ref[Exchange] | None = None
        self._seen: bytes | None = None
        self._tls: ssl.SSLObject | None = None
        self._breaks = False

    @property
    def exchange(self) -> Exchange | None:
        """The exchange that has the connection, or had it last, as long as it lives."""
        return None if self._exchange is None else self._exchange()

    @property
    def is_spoilt(self) -> bool:
        """
        Whether something came that nobody asked for, and would be taken for the next answer, or for a part.

        To be asked between two exchanges: of half a head only the parser knows, which is used up by this.
        """
        if self.should_close:
            return True
        try:
            return self._parser is not None and self._parser.feed_eof() is not None
        except Exception:  # noqa: BLE001 - whatever it is, it is no silence
            return True

    def serve(self, exchange: Exchange | None) -> None:
        """Note whose answer begins with the next bytes."""
        self.is_new = False
        self.end_body()
        self._exchange = None if exchange is None else weakref.ref(exchange)
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, once it is secure where it has to be."""
        super().connection_made(transport)
        # Noted now, since a transport of TLS that was closed twice can't be asked any more.
        self._tls = transport.get_extra_info("ssl_object")

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take the end of the connection, after what came before it."""
        exchange = self.exchange
        answer = None if exchange is None else exchange.answer
        # Closed in order, everything has been read, or nobody wants it. Packed, it could be of any size.
        if exc is not None and answer is not None and "content-encoding" not in answer.headers:
            self._breaks = True
            self.data_received(self._rest())
        elif exc is not None and answer is None:
            # A server that refuses an upload answers early and closes, and the next piece that is written to
            # it breaks the connection: 5 of 100 such answers were lost.
            self._seen = None  # head and body in one, since it counts as not connected
            self.data_received(self._rest())
        content = self._payload
        if exc is not None and content is not None and not content.is_eof():
            # aiohttp's parser takes any end of a connection for that of a body without a length: a file that
            # was cut counted as whole.
            content.set_exception(aiohttp.ClientPayloadError())
        super().connection_lost(exc)
        if exchange is not None:
            self._loop.call_soon(exchange.lost)  # what aiohttp tells by itself comes first

    def _rest(self) -> bytes:
        """Return what has come and was not read."""
        return _unread(self.transport) if self._tls is None else _undeciphered(self._tls)

    def pause_reading(self) -> None:
        """Take no more for now; at the end of the connection that would be for ever."""
        if not self._breaks:
            super().pause_reading()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the connection."""
        seen = self._seen
        if seen is not None:
            end = (seen + data).find(_END)
            if end >= 0:
                self._seen = None
                body = end + len(_END) - len(seen)
                super().data_received(data[:body])
                self.begin_body()
                data = data[body:]
                if not data or not self.is_connected():
                    return
            else:
                self._seen = (seen + data)[1 - len(_END) :]
        content = self._content  # as in the class above: here it is a call less, each time
        if content is None or not content.feed_piece(data):
            self.parse(data)


def _undeciphered(tls: ssl.SSLObject) -> bytes:
    pieces: list[bytes] = []
    with contextlib.suppress(ssl.SSLError):  # that no more is here is one, too
        while piece := tls.read(2**14):  # a record
            pieces.append(piece)
    return b"".join(pieces)


def _unread(transport: asyncio.BaseTransport | None) -> bytes:
    """Return what the socket holds: where a write fails, asyncio looks no further."""
    sock = None if transport is None else transport.get_extra_info("socket")
    pieces: list[bytes] = []
    if isinstance(sock, TransportSocket):  # uvloop has closed its own by now
        with contextlib.suppress(OSError), sock.dup() as held:
            held.settimeout(0)
            while piece := held.recv(2**16):
                pieces.append(piece)
    return b"".join(pieces)
