"""
The only room that knows aiohttp: the session's life, one HTTP exchange, and aiohttp's errors as ours.

aiohttp's errors carry the request's headers, the token among them, in their repr, so none of them is ever
kept as a cause or a context: what is raised from here is made anew.
"""

import asyncio
import ssl
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import ContentEncodingError, LineTooLong

from ._answer import Answer
from ._scope import Scope, timed_out
from ._wire import Request
from .errors import (
    APIConnectionError,
    APITimeoutError,
    ClientClosedError,
    MeshAPIError,
    ResponseTooLargeError,
)
from .events import Statistics
from .settings import Limits, Timeout


__all__ = ["Exchange", "Session", "Transport"]

Session = aiohttp.ClientSession

# How long a finished stream's connection may take to deliver its last bytes before it is closed instead of
# reused: gateways send the terminating chunk up to 50 ms after "[DONE]", and a new TLS connection costs more.
_LATE = 0.1


class Slots:
    """A bound on concurrent exchanges, first come, first served."""

    def __init__(self, size: int) -> None:
        self._semaphore = asyncio.Semaphore(size)
        self.held = 0
        self.waiting = 0

    async def acquire(self) -> None:
        """Wait for a slot."""
        self.waiting += 1
        try:
            await self._semaphore.acquire()
        finally:
            self.waiting -= 1
        self.held += 1

    def release(self) -> None:
        """Give a slot back."""
        self.held -= 1
        self._semaphore.release()


class Exchange:
    """
    One request and its answer.

    Every way to end it is synchronous and idempotent, gives back its slot, and leaves no timer.
    """

    def __init__(self, transport: "Transport", timeout: Timeout, scope: Scope) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self.timeout = timeout
        self._scope: Scope | None = scope
        self._deadline = scope.deadline
        self._total = scope.total
        self._wire: asyncio.Transport | None = None
        self._response: aiohttp.ClientResponse | None = None
        self._reason: MeshAPIError | None = None
        self._failure: MeshAPIError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self.reused = False
        self.fresh_only = False
        self.queued = 0.0
        self.sent_at: float | None = None
        self.idle_since: float | None = None
        self.answer: Answer | None = None

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the call, once it has answered."""
        return self.answer.request_id if self.answer is not None else None

    # How it begins.

    async def acquire(self, slots: Slots) -> None:
        """Wait for a slot."""
        started = self._loop.time()
        try:
            await slots.acquire()
        finally:
            self.queued = self._loop.time() - started

    def expect_answer(self, *, connecting: bool) -> None:
        """Bound the wait for the first event from now on."""
        seconds = self.timeout.first_event
        if self._scope is not None:
            if connecting and seconds is not None:
                seconds += self.timeout.connect or 0.0
            self._scope.limit("first_event", seconds)

    def connected(self, connection: aiohttp.connector.Connection, *, reused: bool) -> None:
        """Note the connection, before anything is sent on it: from here on the gateway's time runs."""
        self._wire = connection.transport
        self.reused = reused
        self.sent_at = self._loop.time()
        self.expect_answer(connecting=False)

    def begun(self, response: aiohttp.ClientResponse) -> None:
        """Note the answer's beginning."""
        self._response = response
        if response.connection is not None:
            self._wire = response.connection.transport
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.answer = Answer(response.status, headers)

    # How it is read.

    async def read(self) -> bytes:
        """Return what has come, at least one byte; nothing at the end. Raises once all is handed out."""
        if self._failure is not None:
            raise self._failure
        response = self._response
        assert response is not None
        content = response.content
        try:
            return await content.readany()
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception as error:  # noqa: BLE001 - whatever aiohttp raises becomes ours, outside this block
            failure = self._reason or _failure_to_read(error, self.request_id)
        self._failure = failure
        rest = b""
        if self._reason is None or isinstance(failure, APITimeoutError):
            # When the connection breaks, aiohttp raises before it hands out what it holds: with a slow
            # reader 300 of 300 chunks were lost. This gives it back.
            content.set_exception(None)  # type: ignore[arg-type] # None is what it holds while all is well
            rest = content.read_nowait()
        self.abort()
        if not rest:
            raise failure
        return rest

    async def read_all(self, limit: int, *, cut: bool) -> bytes:
        """
        Return the whole body, unpacked.

        What is larger than ``limit`` bytes is a ``ResponseTooLargeError``, or, with ``cut``, cut off there.
        """
        pieces: list[bytes] = []
        size = 0
        while True:
            if self._scope is not None:
                self._scope.limit("idle", self.timeout.idle)
            data = await self.read()
            if not data:
                self.finish()
                return b"".join(pieces)
            size += len(data)
            pieces.append(data)
            if size > limit:
                self.abort()
                if cut:
                    return b"".join(pieces)[:limit]
                msg = f"the reply is larger than {limit} bytes (Limits(reply_bytes=…))"
                raise ResponseTooLargeError(msg, request_id=self.request_id)

    def watch(self) -> None:
        """
        Leave the scope in which the exchange was opened, and watch over it with one lazy timer.

        The timer only looks at a time stamp when it fires, so that a read costs a stamp (0.05 µs) and no
        timer of its own (``asyncio.timeout`` 9 µs). It holds the exchange, never the stream.
        """
        self._scope = None
        if not self._over and (self.timeout.idle is not None or self._deadline is not None):
            self._look()

    def _look(self) -> None:
        now = self._loop.time()
        idle, deadline = self.timeout.idle, self._deadline
        if deadline is not None and now >= deadline:
            self.abort(timed_out("deadline", self._total, request_id=self.request_id))
            return
        if idle is None:
            next_look = deadline
        else:
            since = now if self.idle_since is None else self.idle_since
            if now - since >= idle:
                self.abort(timed_out("idle", idle, request_id=self.request_id))
                return
            next_look = since + idle if deadline is None else min(since + idle, deadline)
        assert next_look is not None
        self._timer = self._loop.call_at(next_look, self._look)

    # How it ends.

    def finish(self) -> None:
        """Give the connection back to the pool, also when its last bytes come a little late."""
        self.idle_since = None
        if self._over:
            return
        response = self._response
        assert response is not None
        if response.content.is_eof():
            self._end()
            return
        self._stop_timer()
        self._timer = self._loop.call_later(_LATE, self.abort)
        response.content.on_eof(self._end)

    def abort(self, reason: MeshAPIError | None = None) -> None:
        """Break the connection; a read that waits raises ``reason``."""
        if self._over:
            return
        self._reason = reason
        # Abort before anything closes: on TLS a close waits for the peer's goodbye, and one that has stopped
        # reading kept the socket open for over a second; aborted first, it is free within 100 ms.
        if self._wire is not None:
            self._wire.abort()
        if self._response is not None:
            self._response.close()
        self._end()

    def abort_from_finalizer(self) -> None:
        """Break the connection from any thread, also where the loop is closed."""
        if self._loop.is_closed():
            self._over = True
        elif asyncio._get_running_loop() is self._loop:  # noqa: SLF001 - documented, despite its name
            self.abort()
        else:
            self._loop.call_soon_threadsafe(self.abort)

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._stop_timer()
            self._wire = None
            self._transport.ended(self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


# The exchange for which the running task connects: aiohttp offers no other way from a request to the
# connection that it gets.
_CONNECTING: ContextVar[Exchange | None] = ContextVar("meshapi_aio_connecting", default=None)


class _Connector(aiohttp.TCPConnector):
    """Tells an exchange its connection before anything is sent on it, and whether it was used before."""

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        # No limit here: waiting in the connector would count as connecting.
        super().__init__(limit=0, ssl=True if ssl_context is None else ssl_context)
        self._used: weakref.WeakSet[ResponseHandler] = weakref.WeakSet()

    @property
    def open(self) -> int:
        """How many connections there are, pooled ones included."""
        return sum(protocol.is_connected() for protocol in self._used)

    async def connect(self, req: Any, traces: Any, timeout: Any) -> aiohttp.connector.Connection:
        """Connect as aiohttp does, and note what came of it."""
        exchange = _CONNECTING.get()
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None
            reused = protocol in self._used
            if reused and exchange is not None and exchange.fresh_only:
                connection.close()
                continue
            self._used.add(protocol)
            if exchange is not None:
                exchange.connected(connection, reused=reused)
            return connection


class Transport:
    """The connections of a client, shared by all that ``with_options`` made of it."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession | None,
        max_connections: int,
        proxy: str | None,
        ssl_context: ssl.SSLContext | None,
        trust_env: bool,
        on_change: Callable[[], None],
    ) -> None:
        if session is not None and not isinstance(session, aiohttp.ClientSession):
            msg = f"session must be an aiohttp.ClientSession, got {session!r}"
            raise TypeError(msg)
        self._session = session
        self._on_change = on_change
        self._owned = session is None
        self._max_connections = max_connections
        self._proxy = proxy
        self._ssl_context = ssl_context
        self._trust_env = trust_env
        self._connector: _Connector | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._slots: Slots | None = None
        self._exchanges: set[Exchange] = set()

    @property
    def busy(self) -> bool:
        """Whether any exchange is under way."""
        return bool(self._exchanges)

    def statistics(self) -> Statistics:
        """Count connections; of an injected session only those that are in use."""
        held = self._slots.held if self._slots is not None else 0
        return Statistics(
            open=self._connector.open if self._connector is not None else held,
            in_flight=held,
            queued=self._slots.waiting if self._slots is not None else 0,
        )

    def exchange(self, timeout: Timeout, scope: Scope) -> "Exchange":
        """Return an exchange that has not begun."""
        return Exchange(self, timeout, scope)

    async def open(self, exchange: "Exchange", request: Request, limits: Limits) -> None:
        """
        Send a request and wait for the beginning of its answer.

        Everything is bounded by the exchange's scope, in which this must run.
        """
        session, slots = self._ready()
        await exchange.acquire(slots)
        self._exchanges.add(exchange)
        if not self._owned:
            # Only our own connector tells when the connection is there.
            exchange.expect_answer(connecting=True)
        token = _CONNECTING.set(exchange)
        failure: MeshAPIError
        try:
            response = await session.request(
                request.method,
                request.url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                proxy=self._proxy,
                timeout=aiohttp.ClientTimeout(total=None, connect=exchange.timeout.connect),
                max_line_size=limits.header_bytes,
                max_field_size=limits.header_bytes,
            )
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            exchange.abort()
            if isinstance(error, RuntimeError) and not session.closed:
                raise
            failure = _failure_to_open(error, exchange, request, limits)
        except BaseException:
            exchange.abort()
            raise
        else:
            exchange.begun(response)
            if sum(len(name) + len(value) for name, value in response.raw_headers) <= limits.header_bytes:
                return
            exchange.abort()
            failure = _headers_too_large(limits, exchange.request_id)
        finally:
            _CONNECTING.reset(token)
        raise failure

    def _ready(self) -> tuple[aiohttp.ClientSession, Slots]:
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop:
            msg = (
                f"this client belongs to the event loop {self._loop!r} and was called in {loop!r}; "
                "make one client in each loop"
            )
            raise RuntimeError(msg)
        self._loop = loop
        if self._session is None:
            self._connector = _Connector(self._ssl_context)
            self._session = aiohttp.ClientSession(
                connector=self._connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._trust_env,
            )
        if self._slots is None:
            size = self._max_connections
            connector = self._session.connector
            if not self._owned and connector is not None and connector.limit:
                # So that nobody waits in the connector, where waiting would count as connecting.
                size = min(size, connector.limit)
            self._slots = Slots(size)
        return self._session, self._slots

    def ended(self, exchange: Exchange) -> None:
        """Forget an exchange, and let the next one begin."""
        if exchange in self._exchanges:
            self._exchanges.discard(exchange)
            assert self._slots is not None
            self._slots.release()
            self._on_change()

    def abort_all(self, reason: Callable[[], MeshAPIError]) -> None:
        """Break every connection that is in use."""
        for exchange in list(self._exchanges):
            exchange.abort(reason())

    async def close(self) -> None:
        """Close the session, unless it was injected."""
        if self._owned and self._session is not None:
            await self._session.close()


def _failure_to_open(error: Exception, exchange: Exchange, request: Request, limits: Limits) -> MeshAPIError:
    """Return our error for one of aiohttp's, made anew."""
    sent = exchange.sent_at is not None
    place = urlsplit(request.url).netloc
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return timed_out("connect", exchange.timeout.connect, sent=False)
    if isinstance(error, aiohttp.ClientConnectorError):
        return APIConnectionError(f"no connection to {place}: {_told(error.os_error)}", sent=False)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        msg = f"the proxy refused to connect to {place}: {error.status} {error.message}"
        return APIConnectionError(msg, sent=False)
    if isinstance(error, aiohttp.ClientResponseError):
        if _caused_by(error, LineTooLong):
            return _headers_too_large(limits, None)
        return APIConnectionError(f"what {place} answered is no HTTP: {error.message}")
    if isinstance(error, RuntimeError):
        return ClientClosedError("the session was closed")
    if exchange.reused and isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        msg = f"a pooled connection to {place} was closed by the other side: {_told(error)}"
        return APIConnectionError(msg, stale=True)
    return APIConnectionError(
        f"the connection to {place} broke before an answer came: {_told(error)}", sent=sent
    )


def _failure_to_read(error: Exception, request_id: str | None) -> MeshAPIError:
    # The text of a ClientPayloadError is the repr of a parser's error: what it knows is said here instead.
    if not isinstance(error, aiohttp.ClientPayloadError):
        msg = f"the connection broke in the middle of the answer: {_told(error)}"
    elif _caused_by(error, ContentEncodingError):
        msg = "the answer could not be unpacked"
    else:
        msg = "the connection ended in the middle of the answer"
    return APIConnectionError(msg, request_id=request_id)


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__
    return error is not None


def _told(error: BaseException) -> str:
    """Return the text of an error without its repr, in which aiohttp shows headers."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _headers_too_large(limits: Limits, request_id: str | None) -> ResponseTooLargeError:
    msg = f"the answer's headers are larger than {limits.header_bytes} bytes (Limits(header_bytes=…))"
    return ResponseTooLargeError(msg, request_id=request_id)
