"""The way past aiohttp's parser: what comes by it is what the parser would have given (promise 1)."""

import asyncio
from typing import Any

import pytest
from aiohttp.client_proto import ResponseHandler
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio._transport import _reading
from meshapi_aio._transport._handler import Handler
from meshapi_aio._transport._reading import PieceHandler, QuickReader, _tells_ends


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


class Wire(asyncio.Transport):
    """A connection on which nothing is sent."""

    def pause_reading(self) -> None:
        """Go on: what is read is given."""

    def resume_reading(self) -> None:
        """Go on."""

    def is_closing(self) -> bool:
        """Stay open."""
        return False

    def close(self) -> None:
        """Stay open."""


def received(handler: ResponseHandler, data: list[bytes]) -> tuple[Any, ...]:
    """Return what comes of an answer: its bytes after each read, whether it is over, what went wrong."""
    handler.connection_made(Wire())
    handler.set_response_params(read_until_eof=True)
    got: list[bytes] = []
    content: Any = None
    for read in data:
        handler.data_received(read)
        content = handler._payload
        if content is not None and content.exception() is None and handler.exception() is None:
            got.append(b"".join(content._buffer))
    if content is None:
        return got, False, type(None), type(handler.exception())
    # Where a read breaks, the head in it may have been handed over or not: that is not what is compared.
    is_over = content.is_eof() and handler.exception() is None
    return got, is_over, type(content.exception()), type(handler.exception())


HEADS = st.sampled_from(
    [
        HEAD,
        HEAD,
        HEAD.replace(b"\r\n", b"\n"),
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD,
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    ]
)


@given(HEADS, reads(), st.booleans())
def test_whatever_is_read_the_body_is_the_same(head: bytes, data: list[bytes], is_alone: bool) -> None:
    """For any pieces and any cut, after every read, however the head is written and what comes with it."""
    whole = [head, *data] if is_alone or not data else [head + data[0], *data[1:]]

    async def both() -> None:
        handler = Handler(asyncio.get_running_loop())
        handler.serve(None)
        assert received(handler, whole) == received(ResponseHandler(asyncio.get_running_loop()), whole)

    asyncio.run(both())


async def test_a_piece_that_comes_alone_goes_past_the_parser() -> None:
    """From the first one on, as long as each fills what is read; the parser ends the body."""
    assert _tells_ends()
    seen: list[bytes] = []

    class Spied(PieceHandler):
        """Tells what the parser gets."""

    handler = Spied(asyncio.get_running_loop())
    handler.set_response_params()
    handler.data_received(HEAD)
    handler.begin_body()
    content = handler._payload
    assert type(content) is QuickReader
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
    assert seen == [b"1\r\nc", b"\r\n", b"0\r\n\r\n"]
    assert content.read_nowait() == b"abcd"
    assert content.is_eof()
