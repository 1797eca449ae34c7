"""What stands between client and gateway: proxies and TLS. What fails there is told, with what to do."""

import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from meshapi_aio import APIConnectionError, APITimeoutError, Fallback, MeshAPI, Retry, Timeout

from .authority import (
    tls_asking_context,
    tls_client_context,
    tls_expired_context,
    tls_foreign_context,
    tls_known_client_context,
    tls_server_context,
    tls_strange_client_context,
    tls_wrong_name_context,
)
from .proxy import closes_in_handshake, dies, says, tunnels
from .server import Connection, FaultServer, Script
from .wire import COMPLETION, STREAM_HEAD, WHOLE_STREAM, event, piece, reply


MESSAGES = [{"role": "user", "content": "Hi"}]
QUICK = Retry(max_retries=2, backoff=0.0)

both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


async def answer(connection: Connection) -> None:
    """Answer one request after the other, as each asks for."""
    while True:
        streams = b'"stream":true' in await connection.request()
        await connection.send(WHOLE_STREAM if streams else reply(COMPLETION))


async def ask(client: MeshAPI, *, stream: bool) -> str:
    """Return the text of the answer to a call of either kind."""
    if stream:
        completion = await client.chat.completions.stream(messages=MESSAGES).get_final_completion()
    else:
        completion = await client.chat.completions.create(messages=MESSAGES)
    return completion.choices[0].message.text


async def refused(client: MeshAPI, *, stream: bool, attempts: int) -> APIConnectionError:
    """Return the error of a call that got no connection, after so many attempts."""
    with pytest.raises(APIConnectionError) as caught:
        await ask(client, stream=stream)
    assert type(caught.value) is APIConnectionError
    assert not caught.value.sent
    assert caught.value.lasting == (attempts == 1)
    assert len(caught.value.attempts) == attempts
    return caught.value


@asynccontextmanager
async def behind(
    proxy: Script, credentials: str = "", **options: Any
) -> AsyncGenerator[tuple[FaultServer, FaultServer, MeshAPI]]:
    """Run a gateway, a proxy, and a client that goes through the one to the other."""
    options = {"ssl_context": tls_client_context(), "retry": QUICK, **options}
    async with FaultServer(answer, tls=True) as server, FaultServer(proxy) as between:
        url = between.base_url.replace("http://", f"http://{credentials}")
        async with MeshAPI(server.base_url, "rsk_secret", proxy=url, **options) as client:
            yield server, between, client


# Proxies.


@both
@pytest.mark.parametrize("credentials", ["", "user:p%40ss@"], ids=["open", "with a password"])
async def test_a_proxy_tunnels(credentials: str, stream: bool) -> None:
    """Calls go through CONNECT, the password to the proxy alone; the tunnel is kept for the next call."""
    script = tunnels("user:p@ss" if credentials else None)
    async with behind(script, credentials) as (server, proxy, client):
        for _ in range(3):
            assert await ask(client, stream=stream) in {"hello", "a"}
        assert len(proxy.connections) == len(server.connections) == 1
        assert server.requests == 3


async def test_a_proxy_for_a_gateway_without_tls() -> None:
    """There is no tunnel then: the proxy gets the request itself, for the whole URL."""
    async with (
        FaultServer(answer) as proxy,
        MeshAPI("http://gateway.example", "rsk_secret", proxy=proxy.base_url) as client,
    ):
        assert await ask(client, stream=False) == "hello"
        (request,) = proxy.connections[0].requests
        assert request.startswith(b"POST http://gateway.example/v1/chat/completions HTTP/1.1\r\n")


async def test_leaving_a_stream_in_a_tunnel() -> None:
    """Promise 8: the gateway behind the proxy sees the connection close at once."""

    async def begin_and_stall(connection: Connection) -> None:
        await connection.request()
        await connection.send(STREAM_HEAD + piece(event("a")))
        await connection.stall()

    async with behind(tunnels()) as (server, proxy, client):
        server.script = begin_and_stall
        async with client.chat.completions.stream(messages=MESSAGES) as stream:
            async for _ in stream:
                break
        await proxy.until(lambda: not proxy.open)
        await server.until(lambda: not server.open)
        assert client.stats().open == 0


@both
@pytest.mark.parametrize("credentials", ["", "user:wrong@"], ids=["none", "wrong"])
async def test_a_proxy_that_wants_a_password(credentials: str, stream: bool) -> None:
    """407 is told with what to do, and is not tried again."""
    async with behind(tunnels("user:right"), credentials) as (server, proxy, client):
        error = await refused(client, stream=stream, attempts=1)
        assert "407 Proxy Authentication Required; it wants proxy='http://user:password@…'" in str(error)
        assert "wrong" not in str(error)
        assert proxy.base_url.removeprefix("http://") in str(error)
        assert len(proxy.connections) == 1
        assert not server.connections


@pytest.mark.parametrize(
    ("script", "told", "attempts"),
    [
        (says(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "the proxy refused to connect to .*: 403 Forbidden", 1),
        (says(b"HTTP/1.1 503 Later\r\n\r\n"), "the proxy refused to connect to .*: 503 Later", 3),
        (says(b"HTTP/1.1 429 Later\r\n\r\n"), "the proxy refused to connect to .*: 429 Later", 3),
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), "through the proxy .* answered is no HTTP: Bad status line", 3),
        (says(b""), "through the proxy .* broke before an answer came", 3),
        (dies, "through the proxy .* broke before an answer came", 3),
        (closes_in_handshake, "no connection to .* through the proxy ", 3),
    ],
    ids=["403", "503", "429", "no HTTP", "closes", "dies", "dies in the handshake"],
)
async def test_a_proxy_that_fails(script: Script, told: str, attempts: int) -> None:
    """Nothing was sent to the gateway: what may pass is tried again, and the proxy is named."""
    async with behind(script) as (server, proxy, client):
        error = await refused(client, stream=False, attempts=attempts)
        assert error.args[0]
        with pytest.raises(APIConnectionError, match=told):
            raise error
        assert len(proxy.connections) == attempts
        assert not server.requests


async def test_a_proxy_that_is_not_there() -> None:
    """The address in the error is the proxy's, since it is what can't be reached."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        proxy = f"http://user:secret@{address}"
        async with MeshAPI("https://gateway.example", "rsk_secret", proxy=proxy, retry=QUICK) as client:
            error = await refused(client, stream=False, attempts=3)
    assert str(error).startswith(f"no connection to the proxy {address}: ")


async def test_a_proxy_that_says_nothing() -> None:
    """Promise 12: ``connect`` bounds what a proxy takes, too."""

    async def stall(connection: Connection) -> None:
        await connection.request()
        await connection.stall()

    async with behind(stall, timeout=Timeout(connect=0.05)) as (_, proxy, client):
        with pytest.raises(APITimeoutError) as caught:
            await ask(client, stream=True)
        assert caught.value.phase == "connect"
        assert len(proxy.connections) == 3


async def test_a_proxy_that_dies_later() -> None:
    """In the middle of a tunnel that carries a request it is as if the gateway died: not tried again."""
    async with behind(tunnels()) as (server, proxy, client):

        async def wait(connection: Connection) -> None:
            await connection.request()
            proxy.connections[0].reset()
            await connection.stall()

        server.script = wait
        with pytest.raises(APIConnectionError, match="broke before an answer came") as caught:
            await ask(client, stream=False)
        assert caught.value.sent
        assert len(proxy.connections) == 1


@pytest.mark.parametrize(
    ("proxy", "told"),
    [
        ("proxy.example:3128", "does not begin with http:// or https://"),
        ("socks5://proxy.example:1080", "does not begin with http:// or https://"),
        ("http://", "names no host"),
        ("http://user:secret@proxy.example:port", "is no URL"),
        (
            "http://user:se/cret@proxy.example:3128",
            "(is no URL|goes on after its port); a password has to be",
        ),
        ("http://proxy.example/?a", "goes on after its port"),
        ("http://proxy.example:3128 ", "holds white space"),
        (b"http://proxy.example", "must be text, got something of <class 'bytes'>"),
    ],
)
def test_a_wrong_proxy_is_told_where_the_client_is_made(proxy: Any, told: str) -> None:
    """The message says what is wrong and how a right one looks, and shows nothing of it."""
    with pytest.raises(
        (TypeError, ValueError), match=rf"^proxy .*{told}.*it should look like 'http://"
    ) as caught:
        MeshAPI("https://gateway.example", "rsk_secret", proxy=proxy)
    assert "cret" not in str(caught.value)


def test_a_right_proxy_is_taken() -> None:
    """With and without port, password and final slash."""
    for proxy in (
        "http://proxy.example",
        "https://user:p%40ss@proxy.example:3128/",
        "HTTP://[::1]:3128",
        None,
    ):
        MeshAPI("https://gateway.example", "rsk_secret", proxy=proxy)


# TLS.


@both
async def test_a_private_authority(stream: bool) -> None:
    """``ssl_context`` trusts whom the system does not."""
    async with (
        FaultServer(answer, tls=tls_server_context()) as server,
        MeshAPI(server.base_url, "rsk_secret", ssl_context=tls_client_context()) as client,
    ):
        assert await ask(client, stream=stream) in {"hello", "a"}


UNTRUSTED = r"if you trust who signed it: ssl_context=ssl\.create_default_context\(cafile='…'\)"
CERTIFICATES = {
    "expired": (tls_expired_context, "certificate has expired.*; it has to be renewed there"),
    "for another name": (tls_wrong_name_context, "'127.0.0.1'.*; check the host in base_url"),
    "of a foreign authority": (tls_foreign_context, UNTRUSTED),
}


@both
@pytest.mark.parametrize("name", CERTIFICATES)
@pytest.mark.parametrize("tunnel", [False, True], ids=["direct", "tunnel"])
async def test_a_certificate_that_is_refused(name: str, tunnel: bool, stream: bool) -> None:
    """The error says what to do; no retry and no other model is wasted on it, and nothing is sent."""
    context, told = CERTIFICATES[name]
    async with (
        FaultServer(answer, tls=context()) as server,
        FaultServer(tunnels()) as proxy,
        MeshAPI(
            server.base_url,
            "rsk_secret",
            ssl_context=tls_client_context(),
            proxy=proxy.base_url if tunnel else None,
            retry=Retry(backoff=0.0, unanswered=True),
        ) as client,
    ):
        chained = client.with_options(fallback=Fallback(models=["a/b"], unary=True))
        error = await refused(chained, stream=stream, attempts=1)
        with pytest.raises(APIConnectionError, match=rf"^no secure connection to 127\.0\.0\.1:\d+.*{told}"):
            raise error
        assert len(server.connections) == 1
        assert not server.requests


async def test_a_gateway_without_tls() -> None:
    """https:// where only http:// is spoken is told as that."""

    async def speak_http(connection: Connection) -> None:
        await connection.take()
        await connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await connection.stall()

    async with (
        FaultServer(speak_http) as server,
        MeshAPI(server.base_url.replace("http://", "https://"), "rsk_secret", retry=QUICK) as client,
    ):
        error = await refused(client, stream=False, attempts=1)
        assert str(error).endswith("what answers there speaks no TLS: check the scheme and the port")


async def shake_hands(connection: Connection, context: ssl.SSLContext) -> None:
    """Speak TLS as OpenSSL does, which tells the other side why it refuses it; asyncio only goes away."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            tls.do_handshake()
            await connection.send(outgoing.read())
            tls.read()
        except ssl.SSLWantReadError:
            await connection.send(outgoing.read())
            incoming.write(await connection.take())
        except ssl.SSLError:
            await connection.send(outgoing.read())
            await connection.stall()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("context", [tls_client_context, tls_strange_client_context], ids=["none", "strange"])
async def test_a_gateway_that_wants_a_certificate_of_the_client(
    version: ssl.TLSVersion, context: Any
) -> None:
    """Without one, or with one that it does not trust, the error says how to load one, at once."""
    asking = tls_asking_context()
    asking.maximum_version = version

    async def script(connection: Connection) -> None:
        await shake_hands(connection, asking)

    async with FaultServer(script) as server:
        url = server.base_url.replace("http://", "https://")
        async with MeshAPI(url, "rsk_secret", ssl_context=context(), retry=QUICK) as client:
            error = await refused(client, stream=False, attempts=1)
            assert str(error).endswith("load one into ssl_context= (SSLContext.load_cert_chain)")
            assert len(server.connections) == 1


@both
async def test_a_certificate_of_the_client(stream: bool) -> None:
    """With one that the gateway trusts, in ``ssl_context``, calls are answered."""
    async with (
        FaultServer(answer, tls=tls_asking_context()) as server,
        MeshAPI(server.base_url, "rsk_secret", ssl_context=tls_known_client_context()) as client,
    ):
        assert await ask(client, stream=stream) in {"hello", "a"}


async def test_a_handshake_that_breaks_is_tried_again() -> None:
    """What says nothing about certificates may pass."""

    async def go_away(connection: Connection) -> None:
        await connection.take()
        connection.close()

    async with FaultServer(go_away) as server:
        url = server.base_url.replace("http://", "https://")
        async with MeshAPI(url, "rsk_secret", retry=QUICK) as client:
            await refused(client, stream=False, attempts=3)


# A session of the user's own.


async def test_a_session_of_ones_own_and_what_was_sent() -> None:
    """Promise 15: a request that was sent and got no answer is not sent again over such a session, either."""

    async def break_off(connection: Connection) -> None:
        await connection.request()
        connection.close()

    async with FaultServer(break_off) as server, aiohttp.ClientSession() as session:
        client = MeshAPI(server.base_url, "rsk_secret", session=session, retry=QUICK)
        with pytest.raises(APIConnectionError) as caught:
            await ask(client, stream=False)
        assert caught.value.sent
        assert server.requests == 1


async def test_a_session_of_ones_own_and_a_refused_certificate() -> None:
    """It is told and not tried again there, too."""
    connector = aiohttp.TCPConnector(ssl=tls_client_context())
    async with (
        FaultServer(answer, tls=tls_expired_context()) as server,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        client = MeshAPI(server.base_url, "rsk_secret", session=session, retry=QUICK)
        assert "it has to be renewed there" in str(await refused(client, stream=False, attempts=1))
