"""Limits to the byte: just below and just above each, packed in every way, and what they are for, memory."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec

import pytest

from meshapi_aio import InternalServerError, Limits, MeshAPI, MeshAPIError, ResponseTooLargeError, Retry

from .content import answer, says
from .server import FaultServer
from .test_content import ask
from .wire import COMPLETION, DONE, LAST_CHUNK, event, piece


MIB = 1024 * 1024


def _packers() -> dict[str, Callable[[bytes], bytes]]:
    """Return the ways to pack a body that aiohttp can unpack here, by the names that HTTP has for them."""
    packers: dict[str, Callable[[bytes], bytes]] = {
        "identity": bytes,
        "gzip": gzip.compress,
        "deflate": zlib.compress,
    }
    for name, module in (("br", "brotli"), ("zstd", "backports.zstd"), ("zstd", "compression.zstd")):
        if find_spec(module.partition(".")[0]) is not None and find_spec(module) is not None:
            packers[name] = import_module(module).compress
    return packers


PACKERS: Mapping[str, Callable[[bytes], bytes]] = _packers()
packed = pytest.mark.parametrize("packing", PACKERS)


def told(body: bytes, packing: str, status: int = 200, content_type: str = "application/json") -> bytes:
    """Return an answer whose body is packed."""
    return answer(PACKERS[packing](body), status, content_type, f"Content-Encoding: {packing}")


def streamed(body: bytes, packing: str) -> bytes:
    """Return a packed event stream, which nobody asked for, but some proxies send."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: req_1\r\n"
        b"Content-Encoding: %b\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return head % packing.encode() + piece(PACKERS[packing](body)) + LAST_CHUNK


async def result(data: bytes, kind: str, limits: Limits) -> object:
    """Ask a server that says this, and return what comes of it: the text of an answer, or the error."""
    async with (
        FaultServer(says(data)) as server,
        MeshAPI(server.base_url, "rsk_secret", retry=Retry(max_retries=0), limits=limits) as client,
    ):
        try:
            return (await ask(client, kind)).choices[0].message.content
        except MeshAPIError as error:
            return error


@packed
async def test_a_reply(packing: str) -> None:
    """``reply_bytes`` counts what a body is unpacked to: as large is taken, a byte larger is refused."""
    body = json.dumps(COMPLETION).encode()
    assert await result(told(body, packing), "whole", Limits(reply_bytes=len(body))) == "hello"
    error = await result(told(body, packing), "whole", Limits(reply_bytes=len(body) - 1))
    assert isinstance(error, ResponseTooLargeError)
    assert "Limits(reply_bytes=…)" in str(error)


@packed
async def test_an_event(packing: str) -> None:
    """``event_bytes`` counts the data lines of an event, on a packed stream as well."""
    data = event("hello" * 50, finish="stop")
    size = len(data) - len(b"\n\n")
    text = await result(streamed(data + DONE, packing), "stream", Limits(event_bytes=size))
    assert text == "hello" * 50
    error = await result(streamed(data + DONE, packing), "stream", Limits(event_bytes=size - 1))
    assert isinstance(error, ResponseTooLargeError)
    assert "Limits(event_bytes=...)" in str(error)


@packed
@pytest.mark.parametrize("kind", ["stream", "whole"])
async def test_an_error(packing: str, kind: str) -> None:
    """``error_bytes`` cuts an error's body off, since the error must be told all the same."""
    body = json.dumps({"error": {"code": "upstream_error", "message": "the upstream failed"}}).encode()
    whole = await result(told(body, packing, 503), kind, Limits(error_bytes=len(body)))
    assert isinstance(whole, InternalServerError)
    assert (whole.code, whole.message) == ("upstream_error", "the upstream failed")
    cut = await result(told(body, packing, 503), kind, Limits(error_bytes=len(body) - 1))
    assert isinstance(cut, InternalServerError)
    assert (cut.code, cut.body) == (None, body[:-1].decode())


@pytest.mark.parametrize("headers", [1, 10])
@pytest.mark.parametrize("kind", ["stream", "whole"])
async def test_headers(headers: int, kind: str) -> None:
    """``header_bytes`` counts names and values of all headers together."""
    body = json.dumps(COMPLETION).encode() if kind == "whole" else event("hello", finish="stop") + DONE
    content_type = "application/json" if kind == "whole" else "text/event-stream"
    lines = answer(body, 200, content_type).partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    rest = 2000 - sum(len(line) - len(b": ") for line in lines)
    for more, fits in ((0, True), (1, False)):
        filling = ["X-N: " + "x" * (rest // headers - len("X-N"))] * headers
        filling[0] += "x" * (rest % headers + more)
        data = answer(body, 200, content_type, *filling)
        outcome = await result(data, kind, Limits(header_bytes=2000))
        assert outcome == "hello" if fits else isinstance(outcome, ResponseTooLargeError)


def peak() -> int:
    """Return the most memory that was held since the last look."""
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    return most


TIGHT = Limits(event_bytes=MIB, reply_bytes=MIB, error_bytes=MIB)
# Each unpacks to 32 MiB, and a client that believes it holds all of that.
BOMBS: Mapping[str, tuple[str, bytes, int, str]] = {
    "reply": ("whole", b" " * 32 * MIB, 200, "application/json"),
    "error": ("whole", b"x" * 32 * MIB, 503, "application/json"),
    "error of a stream": ("stream", b"x" * 32 * MIB, 503, "application/json"),
    "page in place of a stream": ("stream", b"<" * 32 * MIB, 200, "text/html"),
    "event": ("stream", b"data: " + b"x" * 32 * MIB, 200, "text/event-stream"),
    "comment": ("stream", b": " + b"x" * 32 * MIB, 200, "text/event-stream"),
}


@pytest.mark.parametrize("packing", [name for name in PACKERS if name != "identity"])
@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb(name: str, packing: str) -> None:
    """A body of kilobytes that unpacks to 32 MiB costs a few times its limit of 1 MiB, and is told of."""
    kind, body, status, content_type = BOMBS[name]
    data = told(body, packing, status, content_type)
    assert len(data) < MIB
    tracemalloc.start()
    try:
        peak()
        error = await result(data, kind, TIGHT)
        most = peak()
    finally:
        tracemalloc.stop()
    assert isinstance(error, MeshAPIError)
    assert error.request_id == "req_1"
    assert most < 12 * MIB
