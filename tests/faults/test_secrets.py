"""Promise 17: whatever goes wrong, neither the token nor a proxy's password is to be seen anywhere."""

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from meshapi_aio import Fallback, Limits, MeshAPI, MeshAPIError, Retry, StreamChatCompletion, Timeout
from meshapi_aio.testing import FakeGateway, accidents

from .authority import tls_client_context, tls_expired_context
from .proxy import dies, says, tunnels
from .secrecy import Watch, forms, watching
from .server import Connection, FaultServer, Script
from .wire import COMPLETION, STREAM_HEAD, event, piece, reply


# Characters that are written otherwise in JSON, in HTML and in a URL, so that every form is another.
TOKEN = 'rsk_Zm9v"+/=&5f0123456789abcdef'
PASSWORD = "hunter2~correct-horse"
MESSAGES = [{"role": "user", "content": "Hi"}]
ONCE = Retry(max_retries=0)
AGAIN = Retry(max_retries=1, backoff=0.0, retry_after_cap=0.0)
QUICK = Timeout(connect=5, first_event=0.1, idle=0.1)


@contextlib.asynccontextmanager
async def watched_client(base_url: str, **options: Any) -> AsyncGenerator[tuple[Watch, MeshAPI]]:
    """Run a client with everything watched and the loop in debug mode; at the end nothing may be seen."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    with watching() as watch:
        async with MeshAPI(base_url, TOKEN, on_event=watch.events.append, **options) as client:
            yield watch, client
            watch.add(client, client.with_options(timeout=QUICK), client.stats())
        del client
        await asyncio.sleep(0)
    loop.set_debug(False)
    assert watch.records or watch.seen
    watch.assert_kept(TOKEN, PASSWORD)


async def ask(watch: Watch, client: MeshAPI, *, stream: bool) -> BaseException | None:
    """Make a call of either kind, and note all that can be seen of its outcome; return the error, if any."""
    try:
        if stream:
            streamed = client.chat.completions.stream(model="a/b", messages=MESSAGES)
            watch.add(streamed)
            async with streamed:
                completion = await streamed.get_final_completion()
        else:
            completion = await client.chat.completions.create(model="a/b", messages=MESSAGES)
        watch.add(completion, completion.meta)
    except BaseException as error:  # noqa: BLE001 - a cancellation is looked at, too
        watch.error(error)
        return error
    return None


both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.mark.parametrize("form", sorted(forms(TOKEN)))
def test_the_search_finds_each_form(form: str) -> None:
    """The search is no sieve: each form of a secret is found."""
    watch = Watch()
    watch.add(f"before{form}after")
    with pytest.raises(AssertionError):
        watch.assert_kept(TOKEN)


def test_the_search_finds_what_a_frame_holds() -> None:
    """Also where a secret stands in a local variable of a frame alone."""

    def fail(authorization: str) -> None:
        msg = "no secret here"
        raise MeshAPIError(msg)

    with watching() as watch:
        try:
            fail(f"Bearer {TOKEN}")
        except MeshAPIError as error:
            watch.error(error)
    with pytest.raises(AssertionError, match="authorization"):
        watch.assert_kept(TOKEN)


@pytest.mark.parametrize("name", accidents.ALL)
async def test_no_accident_shows_the_token(name: str) -> None:
    """Every ready accident, of calls of both kinds, once without and once with a retry and a fallback."""
    async with FakeGateway(token=TOKEN) as gateway:
        make = accidents.ALL[name]
        chain = Fallback(models=["c/d"], unary=True)
        async with watched_client(gateway.base_url, retry=ONCE, timeout=QUICK) as (watch, client):
            for stream in (False, True):
                gateway.enqueue(make())
                await ask(watch, client, stream=stream)
            gateway.enqueue(make())
            await ask(watch, client.with_options(retry=AGAIN, fallback=chain), stream=True)


@both
@pytest.mark.parametrize(
    "status", [301, 307, 400, 401, 402, 403, 404, 409, 418, 422, 429, 500, 502, 503, 529]
)
async def test_no_status_shows_the_token(status: int, stream: bool) -> None:
    """Every status, by a gateway that writes the token into its answer, wherever an answer has room."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            error = {"message": f"no {TOKEN}", "code": TOKEN, "details": [TOKEN], TOKEN: TOKEN}
            body = {"error": error, "request_id": TOKEN}
            await connection.send(reply(body, status, f"Location: https://elsewhere.example/{TOKEN}"))

    async with (
        FaultServer(script) as server,
        watched_client(server.base_url, retry=AGAIN) as (watch, client),
    ):
        assert isinstance(await ask(watch, client, stream=stream), MeshAPIError)


ESCAPED = "".join(f"\\u{ord(character):04x}" for character in TOKEN)
QUOTED = json.dumps(TOKEN)[1:-1]
ECHOES: dict[str, bytes] = {
    "html": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n"
    + f"<html>{TOKEN}".encode().ljust(99),
    "an error page": b"HTTP/1.1 502 no\r\nContent-Length: 99\r\n\r\n" + f"<html>{TOKEN}".encode().ljust(99),
    "another shape": reply({**COMPLETION, "choices": [{"message": TOKEN}], TOKEN: TOKEN}),
    "an error in a 200": reply(b'{"error":{"message":"' + ESCAPED.encode() + b'","code":"conflict"}}'),
    "a text": reply(f'"{ESCAPED}"'.encode()),
    "an answer's header": reply(
        COMPLETION, 200, f"X-Request-Id: {TOKEN}", f"X-Mesh-Routing-Model: {TOKEN}", f"X-Cache: {TOKEN}"
    ),
    "an error's header": reply(
        {"error": {"message": "no"}}, 400, f"X-Request-Id: {TOKEN}", f"Content-Type: text/{TOKEN}"
    ),
    "an event that is no JSON": STREAM_HEAD + piece(b"data: {" + QUOTED.encode() + b"\n\n"),
    "an event of another shape": STREAM_HEAD + piece(event("a", choices=[QUOTED, {"index": TOKEN}])),
    "an error event": STREAM_HEAD + piece(event("a") + event(error={"message": TOKEN, "code": TOKEN})),
    "an event called error": STREAM_HEAD + piece(f"event: error\ndata: no {TOKEN}\n\n".encode()),
    "a body that breaks": STREAM_HEAD + piece(event("a")) + f"{TOKEN}\r\n".encode(),
    "the status line": f"HTTP/1.1 {TOKEN}\r\n\r\n".encode(),
    "the reason": f"HTTP/1.1 503 {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode(),
    "a line that is no header": f"HTTP/1.1 200 OK\r\n{TOKEN}\r\n\r\n".encode(),
    "headers that are too long": f"HTTP/1.1 200 OK\r\nX-A: {TOKEN * 100}\r\n\r\n".encode(),
    "no answer at all": TOKEN.encode(),
}


@both
@pytest.mark.parametrize("name", ECHOES)
async def test_no_echo_shows_the_token(name: str, stream: bool) -> None:
    """A gateway that gives the token back, in whatever part of whatever answer, is not quoted."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(ECHOES[name])
        connection.close()

    limits = Limits(header_bytes=2048)
    async with (
        FaultServer(script) as server,
        watched_client(server.base_url, retry=ONCE, limits=limits) as (watch, client),
    ):
        await ask(watch, client, stream=stream)


async def test_a_short_token_spoils_no_header() -> None:
    """A token such as gateways on one's own machine have is no secret; taken out it would break answers."""
    async with (
        FaultServer(_answer_once) as server,
        MeshAPI(server.base_url, "json") as client,
    ):
        completion = await client.chat.completions.create(messages=MESSAGES)
        assert completion.meta.headers["content-type"] == "application/json"


async def never_answer(connection: Connection) -> None:
    """Take the request and say nothing."""
    await connection.request()
    await connection.stall()


async def begin_and_stall(connection: Connection) -> None:
    """Begin a stream, and say nothing more."""
    await connection.request()
    await connection.send(STREAM_HEAD + piece(event("a")))
    await connection.stall()


async def break_off(connection: Connection) -> None:
    """Break the connection in place of an answer."""
    await connection.request()
    connection.reset()


@both
@pytest.mark.parametrize("script", [never_answer, begin_and_stall, break_off])
@pytest.mark.parametrize(
    "timeout", [Timeout(first_event=0.05, idle=0.05), Timeout(total=0.05)], ids=["silence", "total"]
)
async def test_no_timeout_shows_the_token(script: Script, timeout: Timeout, stream: bool) -> None:
    """Whichever limit runs out, wherever aiohttp waits then; and where a connection breaks."""
    async with (
        FaultServer(script) as server,
        watched_client(server.base_url, retry=ONCE, timeout=timeout) as (watch, client),
    ):
        assert isinstance(await ask(watch, client, stream=stream), MeshAPIError)


@both
@pytest.mark.parametrize("tls", [False, "stalled"], ids=["connected", "connecting"])
@pytest.mark.parametrize("how", ["cancel", "close", "asyncio.timeout"])
async def test_no_cancellation_shows_the_token(how: str, tls: Any, stream: bool) -> None:
    """Cancelled, closed or timed out from outside, in the middle of what aiohttp does."""
    async with (
        FaultServer(never_answer, tls=tls) as server,
        watched_client(server.base_url, retry=ONCE) as (watch, client),
    ):
        task = asyncio.ensure_future(ask(watch, client, stream=stream))
        if how == "asyncio.timeout":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await task
        else:
            await server.until(lambda: bool(server.connections) and (bool(server.requests) or bool(tls)))
            if how == "cancel":
                task.cancel()
            else:
                await client.close()
        await asyncio.wait([task])
        assert task.cancelled() or isinstance(task.result(), (asyncio.CancelledError, MeshAPIError))


async def test_a_task_that_nobody_waits_for_shows_no_token() -> None:
    """What asyncio logs: a failed task, with all that belongs to it."""
    async with (
        FaultServer(break_off) as server,
        watched_client(server.base_url, retry=ONCE) as (watch, client),
    ):
        task = asyncio.ensure_future(client.chat.completions.create(messages=MESSAGES))
        await asyncio.wait([task])
        del task
        gc.collect()
        assert any("never retrieved" in record.getMessage() for record in watch.records)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_what_was_forgotten_shows_no_token() -> None:
    """The warnings about a stream and a client that nobody closed."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    with watching() as watch:
        async with FaultServer(begin_and_stall) as server:
            client: Any = MeshAPI(server.base_url, TOKEN, on_event=watch.events.append)
            stream: Any = client.chat.completions.stream(messages=MESSAGES)
            async for _ in stream:
                break
            del stream
            gc.collect()
            del client
            gc.collect()
            await server.until(lambda: not server.open)
        texts = [str(warning.message) for warning in watch.warnings]
    assert any("was dropped before its end" in text for text in texts)
    assert any("was never closed" in text for text in texts)
    watch.assert_kept(TOKEN)


def raising(*_: object) -> None:
    """Be a callback that fails."""
    msg = "a mistake"
    raise ZeroDivisionError(msg)


async def test_a_callback_that_fails_shows_no_token() -> None:
    """Its traceback is logged, with the client's frames around it."""
    with watching() as watch:
        async with FakeGateway(token=TOKEN) as gateway:
            async with MeshAPI(gateway.base_url, TOKEN, on_event=raising) as client:
                await ask(watch, client, stream=True)
            assert any(record.exc_info for record in watch.records)
    watch.assert_kept(TOKEN)


WRONG_SETTINGS: dict[str, dict[str, Any]] = {
    "token with a line end": {"token": f"{TOKEN}\n"},
    "token of bytes": {"token": TOKEN.encode()},
    "token in a list": {"token": [TOKEN]},
    "token beyond ASCII": {"token": f"{TOKEN}…"},
    "token as base_url": {"base_url": TOKEN},
    "token inside base_url": {"base_url": f"https://{TOKEN}@gateway.example"},
    "password inside base_url": {"base_url": f"https://user:{PASSWORD}@gateway.example"},
    "token in the query": {"base_url": f"https://gateway.example/?key={TOKEN}"},
    "proxy of another kind": {"proxy": f"socks5://user:{PASSWORD}@proxy.example:1080"},
    "proxy without a host": {"proxy": f"http://user:{PASSWORD}@"},
    "proxy with a wrong port": {"proxy": f"http://user:{PASSWORD}@proxy.example:port"},
    "proxy with a slash in it": {"proxy": f"http://user:/{PASSWORD}@proxy.example:3128"},
    "proxy with a line end": {"proxy": f"http://user:{PASSWORD}@proxy.example:3128\n"},
    "proxy of bytes": {"proxy": f"http://user:{PASSWORD}@proxy.example:3128".encode()},
    "timeout": {"timeout": 5},
    "retry": {"retry": 3},
    "session": {"session": 1},
    "max_connections": {"max_connections": 0},
    "header's name": {"headers": {"a b": "x"}},
    "header's value": {"headers": {"X-Key": f"{TOKEN}\n"}},
    "own header": {"headers": {"Authorization": f"Bearer {TOKEN}"}},
    "headers": {"headers": [TOKEN]},
    "on_event": {"on_event": 1},
    "api_version": {"api_version": ""},
}
RIGHT: dict[str, Any] = {
    "base_url": "https://gateway.example",
    "token": TOKEN,
    "proxy": f"http://user:{PASSWORD}@proxy.example:3128",
    "headers": {"X-Key": TOKEN},
}


@pytest.mark.parametrize("name", WRONG_SETTINGS)
@pytest.mark.parametrize("source", ["arguments", "environment"])
def test_no_wrong_setting_shows_a_secret(name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names what is wrong, and neither it nor a frame that it came through holds what is right."""
    settings = {**RIGHT, **WRONG_SETTINGS[name]}
    for setting, variable in (("token", "MESHAPI_API_KEY"), ("base_url", "MESHAPI_BASE_URL")):
        if source == "environment" and isinstance(settings[setting], str):
            monkeypatch.setenv(variable, settings.pop(setting))
    with watching() as watch:
        _make(watch, settings)
    watch.assert_kept(TOKEN, PASSWORD)


def _make(watch: Watch, settings: dict[str, Any]) -> None:
    try:
        MeshAPI(**settings)
    except (TypeError, ValueError) as error:
        settings.clear()  # this very frame is in the traceback, too
        watch.error(error)
    else:
        pytest.fail("a wrong setting was taken")


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 5},
        {"request_id": "a b"},
        {"headers": {"X-A": f"{TOKEN}\n"}},
        {"cache": 1},
        {"fallback": 1},
        {"tokens": 1},
    ],
    ids=lambda options: next(iter(options)),
)
def test_no_wrong_option_shows_the_token(options: dict[str, Any]) -> None:
    """``with_options`` copies the settings, the token among them; an error on the way does not show it."""
    client = MeshAPI(**RIGHT)
    with watching() as watch:
        try:
            client.with_options(**options)
        except (TypeError, ValueError) as error:
            options = {}
            watch.error(error)
    assert watch.seen
    watch.assert_kept(TOKEN)


@both
async def test_no_wrong_argument_shows_the_token(stream: bool) -> None:
    """What JSON can't hold, what is no call, what no call takes."""
    async with FakeGateway(token=TOKEN) as gateway, watched_client(gateway.base_url) as (watch, client):
        completions: Any = client.chat.completions
        sender: Any = client
        wrongs: tuple[Any, ...] = (
            lambda: completions.create(messages=MESSAGES, stream=stream, extra_body={"a": {1, 2}}),
            lambda: completions.create(messages=MESSAGES, stream=stream, temprature=1),
            lambda: completions.create(messages=MESSAGES, stream=stream, timeout=QUICK),
            lambda: sender.stream(5) if stream else sender.send(StreamChatCompletion(messages=MESSAGES)),
        )
        for wrong in wrongs:
            with pytest.raises(TypeError) as caught:
                await wrong()
            watch.error(caught.value)


@both
async def test_a_session_that_fails_shows_no_token(stream: bool) -> None:
    """What aiohttp refuses of a session that users bring along is raised without its frames' locals."""
    with watching() as watch:
        async with aiohttp.ClientSession(auth=aiohttp.BasicAuth("user", PASSWORD)) as session:
            client = MeshAPI("http://127.0.0.1:1", TOKEN, session=session)
            assert isinstance(await ask(watch, client, stream=stream), ValueError)
            del client
    watch.assert_kept(TOKEN, PASSWORD)


async def test_nothing_else_of_the_environment_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback with locals does not print the whole environment, either."""
    monkeypatch.setenv("SOME_OTHER_KEY", PASSWORD)
    monkeypatch.setenv("MESHAPI_BASE_URL", "gateway.example")
    with watching() as watch:
        _make(watch, {"token": TOKEN})
    watch.assert_kept(PASSWORD)


PROXIES: dict[str, Script] = {
    "tunnels": tunnels(f"user:{PASSWORD}"),
    "wants another password": tunnels("user:another"),
    "dies": dies,
    "refuses": says(b"HTTP/1.1 403 no\r\n\r\n"),
    "talks nonsense": says(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "says nothing": never_answer,
}


@both
@pytest.mark.parametrize("name", PROXIES)
async def test_no_proxy_shows_its_password(name: str, stream: bool) -> None:
    """Neither a proxy that works nor one that does not, and the token neither."""
    credentials = f"http://user:{PASSWORD}@"
    async with FaultServer(begin_and_stall, tls=True) as server, FaultServer(PROXIES[name]) as proxy:
        async with watched_client(
            server.base_url,
            proxy=proxy.base_url.replace("http://", credentials),
            ssl_context=tls_client_context(),
            retry=AGAIN,
            timeout=Timeout(connect=0.5, idle=0.1, first_event=0.5),
        ) as (watch, client):
            assert isinstance(await ask(watch, client, stream=stream), MeshAPIError)
        # The gateway gets the token and no password, the proxy the password and no token.
        to_proxy = b"".join(request for one in proxy.connections for request in one.requests)
        to_server = b"".join(request for one in server.connections for request in one.requests)
        assert TOKEN.encode() not in to_proxy
        assert b"proxy-authorization" not in to_server.lower()
        assert (TOKEN.encode() in to_server) == (name == "tunnels")


async def test_no_certificate_error_shows_the_token() -> None:
    """The errors that aiohttp raises over TLS hold a whole connection key."""
    async with (
        FaultServer(never_answer, tls=tls_expired_context()) as server,
        watched_client(server.base_url, ssl_context=tls_client_context()) as (watch, client),
    ):
        assert isinstance(await ask(watch, client, stream=True), MeshAPIError)


# Where the token may go, and where not.


async def test_a_redirect_takes_no_token_along() -> None:
    """Promise 18: the other host is not even connected to, for calls of either kind and every such status."""
    async with FaultServer(never_answer) as elsewhere:

        async def redirect(connection: Connection) -> None:
            for status in (301, 302, 303, 307, 308) * 2:
                await connection.request()
                await connection.send(
                    reply({}, status, f"Location: {elsewhere.base_url}/v1/chat/completions")
                )
            await connection.stall()

        options = {"timeout": Timeout(total=5)}
        async with (
            FaultServer(redirect) as server,
            watched_client(server.base_url, **options) as (watch, client),
        ):
            for index in range(10):
                error = await ask(watch, client, stream=index < 5)
                assert "redirects are not followed" in str(error)
            assert server.requests == 10
        assert not elsewhere.connections


async def test_netrc_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 18: what ``.netrc`` has for the gateway's host never takes the token's place."""
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login user password {PASSWORD}\n", encoding="ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    async def answer(connection: Connection) -> None:
        await connection.request()
        await connection.send(reply(COMPLETION))
        await connection.stall()

    for trust_env in (False, True):
        async with (
            FaultServer(answer) as server,
            watched_client(server.base_url, trust_env=trust_env) as (watch, client),
        ):
            assert await ask(watch, client, stream=False) is None
            (request,) = server.connections[0].requests
            assert request.count(b"uthorization:") == 1
            assert f"\r\nAuthorization: Bearer {TOKEN}\r\n".encode() in request


@pytest.mark.parametrize("trust_env", [False, True])
async def test_proxies_of_the_environment(trust_env: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 18: they are used where that was asked for, and else not."""
    async with (
        FaultServer(tunnels(f"user:{PASSWORD}")) as proxy,
        FaultServer(_answer_once, tls=True) as server,
    ):
        for variable in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, proxy.base_url.replace("http://", f"http://user:{PASSWORD}@"))
        for variable in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(variable, raising=False)
        async with watched_client(server.base_url, trust_env=trust_env, ssl_context=tls_client_context()) as (
            watch,
            client,
        ):
            assert await ask(watch, client, stream=False) is None
        assert len(proxy.connections) == trust_env


async def _answer_once(connection: Connection) -> None:
    await connection.request()
    await connection.send(reply(COMPLETION))
    await connection.stall()


async def test_cookies_are_not_kept_and_not_shown() -> None:
    """Promise 18: what a gateway sets neither comes back nor is in the meta."""

    async def answer(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(reply(COMPLETION, 200, f"Set-Cookie: session={PASSWORD}; Path=/"))

    async with FaultServer(answer) as server:
        # Cookies of a host without a name would be dropped in any case.
        named = server.base_url.replace("127.0.0.1", "localhost")
        async with watched_client(named) as (watch, client):
            for _ in range(3):
                assert await ask(watch, client, stream=False) is None
        requests = [request for one in server.connections for request in one.requests]
        assert len(requests) == 3
        assert not [request for request in requests if b"cookie" in request.lower()]
