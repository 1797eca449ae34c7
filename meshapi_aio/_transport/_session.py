"""The session's life, and the exchanges over it."""

import asyncio
import os
import ssl
import traceback
import warnings
from collections.abc import Callable
from itertools import chain

import aiohttp

from .._meta import Statistics
from .._scope import Scope
from .._wire import Request
from ..errors import MeshAPIError
from ..settings import Limits, Settings, Timeout
from ._answering import Response
from ._connector import CONNECTING, Connecting, Connector, connecting_within
from ._descriptors import connections_allowed, descriptor_limit
from ._direct import goes_directly, send
from ._exchange import Exchange, from_finalizer
from ._failures import failure_to_open, headers_too_large
from ._outgoing import Outgoing
from ._slots import Slots
from ._surroundings import authorized, bare, place


__all__ = ["Transport"]


# Shorter tokens, as gateways on one's own machine have them, may well be a part of a header, such as "json".
_SECRET = 12


class Change:
    """Wakes who waits for calls to end, until the next time that it is waited for."""

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None

    def tell(self) -> None:
        """Wake everybody."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self) -> None:
        """Wait to be woken."""
        self._event = self._event or asyncio.Event()
        await self._event.wait()


class Transport:
    """The connections of a client, shared by all that ``with_options`` made of it."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession | None,
        max_connections: int | None,
        proxy: str | None,
        ssl_context: ssl.SSLContext | None,
        trust_env: bool,
        created_at: str,
    ) -> None:
        if session is not None and not isinstance(session, aiohttp.ClientSession):
            msg = f"session must be an aiohttp.ClientSession, got {session!r}"
            raise TypeError(msg)
        self._session = session
        self._created_at = created_at
        self.change = Change()
        self._owned = session is None
        # Proxies, and what is taken from the environment, are aiohttp's business.
        self._direct = session is None and proxy is None and not trust_env
        self._max_connections = connections_allowed(max_connections, descriptor_limit())
        self._proxy = proxy
        self._ssl_context = ssl_context
        self._trust_env = trust_env
        self._connector: Connector | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process: int | None = None
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

    def exchange(self, timeout: Timeout, scope: Scope) -> Exchange:
        """Return an exchange that has not begun."""
        return Exchange(timeout, scope, self._ended)

    async def open(self, exchange: Exchange, request: Request, settings: Settings) -> None:
        """
        Send a request and wait for the beginning of its answer.

        Everything is bounded by the exchange's scope, in which this must run.
        """
        session, slots = self._ready()
        limits = settings.limits
        if not slots.take():
            await exchange.acquire(slots)
        self._exchanges.add(exchange)
        data = await exchange.payload(request)
        if not self._owned:
            # Only our own connector tells when the connection is there.
            exchange.expect_answer(connecting=True)
        failure: MeshAPIError
        broken: Exception | None = None
        response: Response
        try:
            if self._direct and goes_directly(request, data, session):
                assert self._connector is not None
                response = await send(exchange, request, session, self._connector, limits.header_bytes)
            else:
                response = await self._by_session(exchange, request, data, session, limits)
        except BaseException as error:
            exchange.abort()
            # Tracebacks may be shown with the locals of their frames, and aiohttp's hold the headers.
            traceback.clear_frames(error.__traceback__)
            if not isinstance(error, (aiohttp.ClientError, OSError, RuntimeError)):
                raise
            if isinstance(error, RuntimeError) and not session.closed:
                raise
            if exchange.broken_by is not None:
                broken = exchange.broken_by
            failure = failure_to_open(
                error,
                place(request.url, self._proxy),
                # A session of the user's own does not tell when the connection is there.
                sent=exchange.sent_at is not None or not self._owned,
                reused=exchange.reused,
                connect=exchange.timeout.connect,
                limits=limits,
            )
            failure.args = (settings.redact(failure.args[0]),)
        else:
            headers = b"".join(chain.from_iterable(response.raw_headers))
            # All of them are searched at once, and one by one where the token is among them.
            text = headers.decode("utf-8", "surrogateescape") if len(settings.token) >= _SECRET else ""
            exchange.begun(response, None if settings.redact(text) == text else settings.redact)
            if len(headers) <= limits.header_bytes:
                return
            exchange.abort()
            failure = headers_too_large(limits, exchange.request_id)
        raise broken or failure

    async def _by_session(
        self,
        exchange: Exchange,
        request: Request,
        data: bytes | Outgoing | None,
        session: aiohttp.ClientSession,
        limits: Limits,
    ) -> aiohttp.ClientResponse:
        """Send a request as aiohttp's users do."""
        connecting = Connecting(exchange)
        token = CONNECTING.set(connecting)
        middlewares = None
        if request.outside:
            middlewares = bare(request)
        elif self._owned and self._trust_env:
            request, middlewares = authorized(request)
        try:
            return await session.request(
                request.method,
                request.url,
                data=data,
                headers=request.headers,
                allow_redirects=False,
                middlewares=middlewares,
                proxy=self._proxy,
                timeout=connecting_within(exchange.timeout.connect),
                max_line_size=limits.header_bytes,
                max_field_size=limits.header_bytes,
            )
        finally:
            CONNECTING.reset(token)
            connecting.exchange = None

    def _ready(self) -> tuple[aiohttp.ClientSession, Slots]:
        """
        Return the session and the slots, made at the first call.

        They belong to its event loop and its process. A second session would be the alternative, but the
        first one's connections could not be closed any more from there, and would leak without a word.
        """
        loop, process = asyncio.get_running_loop(), os.getpid()
        if (
            loop is self._loop
            and process == self._process
            and self._session is not None
            and self._slots is not None
        ):
            return self._session, self._slots
        if self._process not in {None, process}:
            msg = (
                f"this client, created at {self._created_at}, has connections of the process {self._process} "
                f"and was called in its fork, {process}; make one client in each process"
            )
            raise RuntimeError(msg)
        if self._loop not in {None, loop}:
            msg = (
                f"this client, created at {self._created_at}, belongs to the event loop {self._loop!r} "
                f"and was called in {loop!r}; make one client in each event loop"
            )
            raise RuntimeError(msg)
        self._loop, self._process = loop, process
        if self._session is None:
            self._connector = Connector(self._ssl_context)
            self._session = aiohttp.ClientSession(
                connector=self._connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._trust_env,
            )
            # aiohttp by itself sends what is idempotent a second time where a connection ends without an
            # answer; what is tried again, and what is not, is ours to say (aiohttp 3.14.5, no public switch).
            self._session._retry_connection = False  # noqa: SLF001 - see above
        if self._slots is None:
            size = self._max_connections
            connector = self._session.connector
            if not self._owned and connector is not None and connector.limit:
                # So that nobody waits in the connector, where waiting would count as connecting.
                size = min(size, connector.limit)
            self._slots = Slots(size)
        return self._session, self._slots

    def _ended(self, exchange: Exchange) -> None:
        """Forget an exchange, and let the next one begin."""
        if exchange in self._exchanges:
            self._exchanges.discard(exchange)
            assert self._slots is not None
            self._slots.release()
            self.change.tell()

    def abort_all(self, reason: Callable[[], MeshAPIError]) -> None:
        """Break every connection that is in use."""
        for exchange in list(self._exchanges):
            exchange.abort(reason())

    async def close(self) -> None:
        """Close the session, unless it was injected."""
        if self._owned and self._session is not None:
            await self._session.close()

    def __del__(self) -> None:
        session = getattr(self, "_session", None)  # absent where __init__ itself raised
        if session is None or session.closed or not self._owned or self._process != os.getpid():
            return
        # Close first, warn last: a warning that is turned into an error must not keep the connections. The
        # session is detached, or aiohttp would warn of it once more, without saying where it came from.
        connector = self._connector
        session.detach()
        loop = self._loop
        if connector is not None and loop is not None and not from_finalizer(loop, connector.close_now):
            connector.close_now()  # without its loop only marked as closed, so that aiohttp is silent
        warnings.warn(
            f"the client created at {self._created_at} was never closed; use 'async with' or close()",
            ResourceWarning,
            stacklevel=2,
        )
