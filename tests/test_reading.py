"""The way past aiohttp's parser: what comes by it is what the parser would have given (promise 1)."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio._transport import _reading
from meshapi_aio._transport._reading import PieceHandler, QuickReader, _tells_ends, quicken


pytestmark = pytest.mark.skipif(not _reading._FAMILIAR, reason="aiohttp's own reader has no such way")

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def framed(body: bytes, head: str) -> bytes:
    """Return a piece of the chunked transfer coding whose size is written in some way."""
    return head.format(len(body)).encode() + b"\r\n" + body + b"\r\n"


BODIES = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.sampled_from([b"\r\n", b"\n", b"1\r\nx\r\n", b"0\r\n\r\n", b"2\r\n", b"a" * 300]),
)
PIECES = st.builds(
    framed, BODIES, st.sampled_from(["{:x}", "{:x}", "{:x}", "{:X}", "0{:x}", "{:x};a=b", "{:x} ", "+{:x}"])
)


@st.composite
def reads(draw: st.DrawFn) -> list[bytes]:
    """Return what is read of a body: whole pieces for the most part, others cut or together."""
    pieces = draw(st.lists(PIECES, max_size=12))
    pieces += [b"0\r\n\r\n"] if draw(st.booleans()) else []
    if draw(st.booleans()):
        whole = b"".join(pieces)
        cuts = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=6)))
        return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    return pieces


def received(handler: ResponseHandler, data: list[bytes]) -> tuple[Any, ...]:
    """Return what comes of a body: its bytes after each read, whether it is over, what went wrong."""
    handler.set_response_params()
    handler.data_received(HEAD)
    content: Any = handler._payload
    if isinstance(handler, PieceHandler):
        handler.shorten(quicken(content))
        assert type(content) is QuickReader
    got: list[bytes] = []
    for read in data:
        handler.data_received(read)
        if content.exception() is None and handler.exception() is None:
            got.append(b"".join(content._buffer))
    return got, content.is_eof(), type(content.exception()), type(handler.exception())


@given(reads())
def test_whatever_is_read_the_body_is_the_same(data: list[bytes]) -> None:
    """For any pieces and any cut, after every read."""

    async def both() -> None:
        loop = asyncio.get_running_loop()
        assert received(PieceHandler(loop), data) == received(ResponseHandler(loop), data)

    asyncio.run(both())


async def test_a_piece_that_comes_alone_goes_past_the_parser() -> None:
    """From the second one on, as long as each fills what is read; the parser ends the body."""
    assert _tells_ends()
    seen: list[bytes] = []

    class Spied(PieceHandler):
        """Tells what the parser gets."""

    handler = Spied(asyncio.get_running_loop())
    handler.set_response_params()
    handler.data_received(HEAD)
    content = handler._payload
    assert content is not None
    handler.shorten(quicken(content))
    parser: Any = handler._parser

    class Parser:
        """The parser, and a list of what it is fed."""

        def feed_data(self, data: bytes) -> Any:
            seen.append(data)
            return parser.feed_data(data)

    spying: Any = Parser()
    handler._parser = spying
    for data in (b"1\r\na\r\n", b"1\r\nb\r\n", b"1\r\nc", b"\r\n", b"1\r\nd\r\n", b"0\r\n\r\n"):
        handler.data_received(data)
    assert seen == [b"1\r\na\r\n", b"1\r\nc", b"\r\n", b"0\r\n\r\n"]
    assert isinstance(content, aiohttp.StreamReader)
    assert content.read_nowait() == b"abcd"
    assert content.is_eof()
