"""Connections: how many, kept alive, never starved."""

import asyncio
import gc
import resource
import socket
import warnings

import pytest

from meshapi_aio import MeshAPI, RateLimitError, Retry
from meshapi_aio._transport._descriptors import connections_allowed

from .authority import tls_client_context
from .server import Connection, FaultServer
from .wire import COMPLETION, reply


MESSAGES = [{"role": "user", "content": "Hi"}]


async def test_a_thousand_refused_streams_starve_nobody() -> None:
    """Refused streams give their connections back: a pool of ten serves a thousand, and then an answer."""

    async def refuse(connection: Connection) -> None:
        while True:
            if b'"stream":true' in await connection.request():
                await connection.send(reply({"error": {"code": "rate_limit_exceeded", "message": "no"}}, 429))
            else:
                await connection.send(reply(COMPLETION))

    options = Retry(max_retries=0)
    async with (
        FaultServer(refuse) as server,
        MeshAPI(server.base_url, "rsk_secret", max_connections=10, retry=options) as client,
    ):

        async def refused() -> None:
            with pytest.raises(RateLimitError):
                await client.chat.completions.stream(messages=MESSAGES)

        await asyncio.gather(*(refused() for _ in range(1000)))
        stats = client.stats()
        assert (stats.in_flight, stats.queued) == (0, 0)
        assert stats.open <= 10
        assert len(server.connections) <= 10
        completion = await client.chat.completions.create(messages=MESSAGES)
        assert completion.choices[0].message.content == "hello"


async def test_connections_are_counted() -> None:
    """``stats()`` tells open connections, those in use, and the calls that wait for one."""
    go_on = asyncio.Event()

    async def wait(connection: Connection) -> None:
        while True:
            await connection.request()
            await go_on.wait()
            await connection.send(reply(COMPLETION))

    async with (
        FaultServer(wait) as server,
        MeshAPI(server.base_url, "rsk_secret", max_connections=2) as client,
    ):
        tasks = [asyncio.create_task(client.chat.completions.create(messages=MESSAGES)) for _ in range(5)]
        await server.until(lambda: server.requests == 2)
        stats = client.stats()
        assert (stats.open, stats.in_flight, stats.queued) == (2, 2, 3)
        go_on.set()
        await asyncio.gather(*tasks)
        stats = client.stats()
        assert (stats.open, stats.in_flight, stats.queued) == (2, 0, 0)
        assert len(server.connections) == 2
    assert client.stats().open == 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_the_kernel_keeps_connections_alive(tls: bool) -> None:
    """Every socket asks its peer for a sign of life, so that no NAT forgets it silently."""

    async def answer(connection: Connection) -> None:
        await connection.request()
        await connection.send(reply(COMPLETION))
        await connection.stall()

    async with (
        FaultServer(answer, tls=tls) as server,
        MeshAPI(server.base_url, "rsk_secret", ssl_context=tls_client_context()) as client,
    ):
        await client.chat.completions.create(messages=MESSAGES)
        port = int(server.base_url.rpartition(":")[2])
        sockets = [one for one in gc.get_objects() if isinstance(one, socket.socket) and one.fileno() != -1]
        (ours,) = [one for one in sockets if _peer_port(one) == port]
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 15
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 5


def _peer_port(one: socket.socket) -> int | None:
    try:
        peer: int = one.getpeername()[1]
    except (OSError, IndexError):
        return None
    return peer


def test_a_limit_on_descriptors_that_is_too_low_is_told() -> None:
    """More connections than descriptors: a warning, where the client is made, that says what to do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    try:
        with pytest.warns(
            RuntimeWarning, match=r"max_connections=301 .* 300 descriptors .*ulimit -n"
        ) as caught:
            MeshAPI("https://gateway.example", "rsk_secret", max_connections=301)
        assert caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            MeshAPI("https://gateway.example", "rsk_secret", max_connections=300)
            MeshAPI("https://gateway.example", "rsk_secret")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_default_fits_the_descriptors() -> None:
    """By default a thousand connections, or as many as leave the program some descriptors of its own."""
    assert connections_allowed(None, None) == 1000
    assert connections_allowed(None, 20_000) == 1000
    assert connections_allowed(None, 1024) == 1000
    assert connections_allowed(None, 256) == 232
    assert connections_allowed(None, 8) == 1
    assert connections_allowed(7, None) == 7
