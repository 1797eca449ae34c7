"""
aiohttp's reader of a body, made quick where this version of aiohttp is known well enough.

aiohttp (3.14.5) keeps account of where the pieces of the chunked transfer coding end, which nobody here asks
for, and after each piece that is read it tells its parser to go on, paused or not. With one event to a piece,
as servers send them, that would be 1.2 of 3.3 µs a chunk (one stream of 20,000, Python 3.11).

The class of the reader is replaced, since aiohttp's parser makes it; that is allowed between classes of the
same layout. Where anything looks unfamiliar, the reader stays aiohttp's own, and only the time is lost.
"""

import asyncio
import collections
import functools
import inspect
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage


__all__ = ["PieceHandler", "QuickReader", "quicken", "read_less_at_once"]


# Stands where aiohttp keeps the places at which pieces end, while what has come ends with a piece.
_BETWEEN: Final[collections.deque[int]] = collections.deque()


class QuickReader(aiohttp.StreamReader):
    """A reader that only keeps what has come, and pauses the connection where that is too much."""

    __slots__ = ()

    def begin_http_chunk_receiving(self) -> None:
        self._http_chunk_splits = None

    def end_http_chunk_receiving(self) -> None:
        self._http_chunk_splits = _BETWEEN

    def feed_eof(self) -> None:
        self._http_chunk_splits = None
        super().feed_eof()

    @property
    def is_between(self) -> bool:
        """Whether the last thing that the parser met is the end of a piece."""
        return self._http_chunk_splits is _BETWEEN

    @property
    def is_untouched(self) -> bool:
        """Whether the parser has met nothing of the body yet."""
        return self._http_chunk_splits is None and not self._eof

    def feed_data(self, data: bytes, size: int = 0) -> bool:  # noqa: ARG002 - aiohttp's signature
        if not data:
            return False
        self._buffer.append(data)
        self._size += len(data)
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
        if self._size > self._high_water:
            self._protocol.pause_reading()
        return False

    def feed_piece(self, data: bytes) -> bool:
        """
        Take what was read from the connection, if it is one whole piece that the parser need not see.

        Everything is in one function, since it runs with cold caches where there are many streams.
        """
        if self._http_chunk_splits is not _BETWEEN or self._protocol._reading_paused:  # noqa: SLF001 - checked for below
            return False
        if type(data) is not bytes:  # as the loop of Windows has it
            return False
        begin = data.find(b"\r\n") + 2
        held = self._size + len(data) - begin - 2
        # Where it would fill the reader, the parser must be the one to hear that it shall pause.
        if not self._size < held < self._high_water:
            return False
        if not (data.startswith(b"%x\r\n" % (held - self._size)) and data.endswith(b"\r\n")):
            return False
        self._buffer.append(data[begin:-2])
        self._size = held
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
        return True

    async def readany(self) -> bytes:
        if self._exception is not None:
            raise self._exception
        buffer = self._buffer
        while not buffer and not self._eof:
            waiter = self._waiter = self._loop.create_future()
            try:
                await waiter
            finally:
                self._waiter = None
        return self.taken()

    def coming(self) -> asyncio.Future[None] | None:
        """Return what is done when something has come, be it the end or an error; None where it has."""
        if self._buffer or self._eof or self._exception is not None:
            return None
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def read_nowait(self, n: int = -1) -> bytes:
        assert n == -1
        if self._exception is not None:
            raise self._exception
        return self.taken()

    def taken(self) -> bytes:
        """Return what has come by now."""
        buffer = self._buffer
        data = buffer.popleft() if len(buffer) == 1 else b"".join(buffer)
        buffer.clear()
        self._size = 0
        if self._protocol._reading_paused:  # noqa: SLF001 - checked for below
            self._protocol.resume_reading()
        return data


def _is_familiar() -> bool:
    """Tell whether aiohttp's reader, and what hands it over, are as the quick one knows them."""
    names = {"_buffer", "_buffer_offset", "_size", "_waiter", "_eof", "_exception", "_loop", "_protocol"}
    return (
        names | {"_high_water", "_http_chunk_splits"} <= set(aiohttp.StreamReader.__slots__)
        and list(inspect.signature(aiohttp.StreamReader.feed_data).parameters) == ["self", "data", "size"]
        and hasattr(ResponseHandler, "_reading_paused")
        and list(inspect.signature(ResponseHandler.feed_data).parameters) == ["self", "data", "size"]
        and hasattr(RawResponseMessage, "chunked")
        and hasattr(RawResponseMessage, "compression")
    )


_FAMILIAR: Final = _is_familiar()


def quicken(content: aiohttp.StreamReader) -> QuickReader | None:
    """Make the reader of a body quick and return it, if it is one of those that are known."""
    if _FAMILIAR and type(content) is aiohttp.StreamReader and not content._buffer_offset:  # noqa: SLF001
        content.__class__ = QuickReader
    return content if isinstance(content, QuickReader) else None


class PieceHandler(ResponseHandler):
    """
    Takes a piece of the chunked transfer coding that comes by itself past aiohttp's parser.

    The parser is in the same state between any two pieces, so it need not see one that begins where another
    ended and fills what was read to the byte, as each does where one event is sent at a time. Everything else
    goes through it: pieces that are cut, that come together (it takes 0.4 µs for each, which splitting them
    here does not beat), that end the body, and whatever is odd.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._content: QuickReader | None = None

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take the head of an answer, and go past the parser to its body if that is in pieces, not packed."""
        if _FAMILIAR:
            message, content = data
            may = message.chunked and not message.compression and _tells_ends()
            self._content = quicken(content) if may else None
        super().feed_data(data, size)

    def begin_body(self) -> None:
        """Note that the head was all that has come: the parser is as if a piece had ended."""
        content = self._content
        if content is not None and content.is_untouched:
            content.end_http_chunk_receiving()

    def end_body(self) -> None:
        """Let the parser take what comes next."""
        self._content = None

    def data_received(self, data: bytes) -> None:
        """Take bytes of the connection."""
        content = self._content
        if content is None or not content.feed_piece(data):
            self.parse(data)

    def parse(self, data: bytes) -> None:
        """Take bytes of the connection that are no lone piece."""
        ResponseHandler.data_received(self, data)
        content = self._content
        if content is not None and not data.endswith(b"\n"):
            content.begin_http_chunk_receiving()  # it may have, in part


@functools.cache
def _tells_ends() -> bool:
    """
    Tell whether aiohttp's parser tells each end of a piece when it has read all of it, and not before.

    The one in C does; the one in Python tells it before the line end that is a part of it.
    """
    handler = ResponseHandler(asyncio.get_running_loop())
    handler.set_response_params()
    handler.data_received(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    content = None if handler._payload is None else quicken(handler._payload)  # noqa: SLF001 - checked for above
    if content is None:
        return False
    told: list[bool] = []
    for data in (b"1\r\n\n", b"\r\n", b"1", b"\r\n"):
        handler.data_received(data)
        told.append(content.is_between)
    return told == [False, True, True, False]


_READ_SIZE: Final = 64 * 1024


def read_less_at_once(transport: Any) -> None:
    """
    Let a plain connection read 64 KiB at once.

    asyncio allocates what it may read, 256 KiB, before it knows how much there is. The C library takes that
    much from the system, and may give it back each time: page faults, which made 15 µs of system time a
    wake-up where it can be 6 (100 streams of 50 chunks a second). TLS and uvloop have buffers of their own.
    """
    if isinstance(getattr(transport, "max_size", None), int):
        transport.max_size = _READ_SIZE
