"""The client: carries calls to the gateway, and tries again what may be tried again."""

import asyncio
import functools
import os
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, TypeVar, Unpack

from ._answer import read_error, telling_headers
from ._origin import place_of_caller
from ._pump import Opening, Pump
from ._resolve import resolve_base_url, resolve_token
from ._retry import pause_before_retry
from ._scope import Scope
from ._shape import Reply
from ._transport import Exchange, Session, Transport
from ._wire import ChunkReader, Request, prepare, read_reply
from .call import Call, StreamCall
from .endpoints import Families
from .errors import ClientClosedError, MeshAPIError, StreamClosedError
from .events import Attempt, Meta, Statistics
from .settings import Limits, Retry, Settings, Timeout


__all__ = ["MeshAPI", "Options"]

Result = TypeVar("Result")
StreamType = TypeVar("StreamType")


class Options(TypedDict, total=False):
    """What :meth:`MeshAPI.with_options` takes; each is explained at :class:`MeshAPI`."""

    timeout: Timeout
    retry: Retry
    limits: Limits
    api_version: str | None
    headers: Mapping[str, str]
    on_malformed: Literal["raise", "skip"]
    request_id: str | None
    cache: bool | None


class _Shared:
    """What a client shares with all that its ``with_options`` made: connections, and what is under way."""

    def __init__(self) -> None:
        self.closed = False
        self.transport: Transport
        # What each call that waits in a scope gets when the client is closed.
        self.scopes: dict[Scope, type[MeshAPIError]] = {}
        self._changed: asyncio.Event | None = None

    def changed(self) -> None:
        """Wake a ``close`` that waits for calls to end."""
        if self._changed is not None:
            self._changed.set()

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        self._changed = asyncio.Event()
        while self.scopes or self.transport.busy:
            self._changed.clear()
            await self._changed.wait()


class MeshAPI(Families):
    """
    A client of one Mesh API gateway with one token.

    Making it does no I/O and needs no event loop; its connections belong to the loop of its first call. Use
    it as ``async with MeshAPI(…) as client``, or ``await client.close()`` at the end. One client serves any
    number of calls at a time.

    ``base_url`` and ``token`` default to ``MESHAPI_BASE_URL`` (else the production gateway) and
    ``MESHAPI_API_KEY`` (else ``MESHAPI_TOKEN``). ``timeout``, ``retry`` and ``limits`` bound every call.
    ``api_version`` is sent as ``X-Mesh-Version``; None sends none. ``headers`` go with every request.
    ``on_malformed="skip"`` counts events that are no chunks in ``stream.skipped`` where ``"raise"`` raises.

    ``max_connections`` bounds the calls that are under way at once (by default 1000, or what the limit on
    descriptors allows); further ones queue, and only ``Timeout.total`` counts that time. ``session`` is an
    ``aiohttp.ClientSession`` of your own, which is neither changed nor closed; without it the client makes
    one, without cookies, redirects or a proxy from the environment (``trust_env=True`` takes proxies and
    ``.netrc`` from there; ``proxy`` names one). ``ssl_context`` replaces the default one.
    """

    def __init__(
        self,
        base_url: str | None = None,
        token: str | None = None,
        *,
        timeout: Timeout | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        max_connections: int | None = None,
        api_version: str | None = "2026-08",
        headers: Mapping[str, str] | None = None,
        session: Session | None = None,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        trust_env: bool = False,
        on_malformed: Literal["raise", "skip"] = "raise",
    ) -> None:
        self._settings = Settings(
            base_url=resolve_base_url(base_url, os.environ),
            token=resolve_token(token, os.environ),
            timeout=timeout if timeout is not None else Timeout(),
            retry=retry if retry is not None else Retry(),
            limits=limits if limits is not None else Limits(),
            api_version=api_version,
            headers=headers or {},
            on_malformed=on_malformed,
        )
        self._owner = True
        self._shared = _Shared()
        self._shared.transport = Transport(
            session=session,
            max_connections=max_connections,
            proxy=proxy,
            ssl_context=ssl_context,
            trust_env=trust_env,
            created_at=place_of_caller(),
            on_change=self._shared.changed,
        )

    def __repr__(self) -> str:
        state = " closed" if self.closed else ""
        return f"<{type(self).__name__} {self._settings.base_url}{state}>"

    @property
    def base_url(self) -> str:
        """Where the gateway is, without ``/v1`` and without a trailing slash."""
        return self._settings.base_url

    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
        return self._shared.closed

    def stats(self) -> Statistics:
        """Return how many connections are open, in use and waited for."""
        return self._shared.transport.statistics()

    def with_options(self, **options: Unpack[Options]) -> Self:
        """
        Return a client with other settings that shares this one's connections and limits.

        It takes ``timeout``, ``retry``, ``limits``, ``api_version``, ``headers`` (added to those that are
        there), ``on_malformed``, and two that are only here: ``request_id``, sent as ``X-Request-Id`` (1 to
        64 letters, digits, ``.``, ``_``, ``:``, ``-``), and ``cache=False``, which goes round the gateway's
        response cache. Closing it closes nothing.
        """
        unknown = options.keys() - Options.__annotations__.keys()
        if unknown:
            msg = (
                f"with_options() takes {', '.join(Options.__annotations__)}; not {', '.join(sorted(unknown))}"
            )
            raise TypeError(msg)
        other = object.__new__(type(self))
        other._settings = self._settings.evolve(**options)
        other._owner = False
        other._shared = self._shared
        return other

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, *, grace: float = 0.0) -> None:
        """
        Close every connection, after waiting up to ``grace`` seconds for what is under way. Idempotent.

        Calls that are under way then, and all later ones, raise ``ClientClosedError``; streams raise
        ``StreamClosedError``. An injected session is left as it is.
        """
        if not self._owner:
            return
        shared = self._shared
        shared.closed = True
        try:
            if grace > 0:
                async with asyncio.timeout(grace):
                    await shared.idle()
        except TimeoutError:
            pass
        finally:
            for scope, error in list(shared.scopes.items()):
                scope.end(error("the client was closed"))
            shared.transport.abort_all(functools.partial(StreamClosedError, "the client was closed"))
            await shared.transport.close()

    async def send(self, call: Call[Result]) -> Result:
        """
        Send a call and return its reply.

        Raises ``APIConnectionError`` where nothing usable came back (``APITimeoutError`` where that was for
        lack of time), ``APIStatusError`` for an unhappy answer, ``UnexpectedResponseError``,
        ``ResponseTooLargeError`` or ``DecodeError`` for one that is no reply, ``ClientClosedError`` where the
        client was closed.
        """
        if not isinstance(call, Call):
            msg = f"send() takes a call such as CreateChatCompletion(…), got {call!r}; streams go to stream()"
            raise TypeError(msg)

        async def attempt(exchange: Exchange, request: Request) -> tuple[Result, str | None]:
            limits = self._settings.limits
            await self._shared.transport.open(exchange, request, limits)
            answer = exchange.answer
            assert answer is not None
            limit = limits.reply_bytes if answer.is_success else limits.error_bytes
            body = await exchange.read_all(limit, cut=not answer.is_success)
            reply = read_reply(call, answer, body, self._settings)
            return reply, getattr(reply, "model", None)

        scope = Scope(self._settings.timeout.total)
        reply, meta = await self._attempts(call, scope, ClientClosedError, attempt)
        if isinstance(reply, Reply):
            reply.meta = meta
        return reply

    def stream(self, call: StreamCall[StreamType]) -> StreamType:
        """
        Return the stream of a call; nothing is sent before its first step.

        It is iterated with ``async for``, entered with ``async with``, or awaited to open it early.
        """
        if not isinstance(call, StreamCall):
            msg = f"stream() takes a call such as StreamChatCompletion(…), got {call!r}; others go to send()"
            raise TypeError(msg)
        made: StreamType = call.reply(
            call,
            functools.partial(self._open_stream, call),
            self._settings.timeout.total,
            place_of_caller(),
        )
        return made

    async def _open_stream(self, call: StreamCall[Any], scope: Scope) -> Opening[Any]:
        async def attempt(
            exchange: Exchange, request: Request
        ) -> tuple[tuple[Pump[Any], list[Any]], str | None]:
            limits = self._settings.limits
            await self._shared.transport.open(exchange, request, limits)
            answer = exchange.answer
            assert answer is not None
            if not answer.is_success:
                body = await exchange.read_all(limits.error_bytes, cut=True)
                raise read_error(answer, body, self._settings)
            # A stream is open with its first event: a rejection may be an error status or an error event, and
            # both are told at the same place; and until something was handed out, it may be tried again.
            pump: Pump[Any] = Pump(exchange, ChunkReader(call, answer, self._settings))
            chunks = await pump.more()
            if not chunks and pump.reader.failure is not None:
                raise pump.reader.failure
            if not pump.over:
                exchange.watch()
            return (pump, chunks), getattr(chunks[0], "model", None) if chunks else None

        (pump, chunks), meta = await self._attempts(call, scope, StreamClosedError, attempt)
        return Opening(pump, chunks, meta)

    async def _attempts(
        self,
        call: Call[Any] | StreamCall[Any],
        scope: Scope,
        when_closed: type[MeshAPIError],
        attempt: Callable[[Exchange, Request], Awaitable[tuple[Result, str | None]]],
    ) -> tuple[Result, Meta]:
        """
        Send a call until it succeeds or must not be sent again; return what came, and how.

        ``attempt`` sends it once, and returns what came and which model says that it answered.
        """
        if self._shared.closed:
            msg = "the client was closed"
            raise ClientClosedError(msg)
        request = prepare(call, self._settings)
        attempts: list[Attempt] = []
        started = scope.now()
        self._shared.scopes[scope] = when_closed
        try:
            fresh_only = False
            while True:
                exchange = self._shared.transport.exchange(self._settings.timeout, scope)
                exchange.fresh_only = fresh_only
                begun = scope.now()
                try:
                    async with scope:
                        result, model = await attempt(exchange, request)
                except MeshAPIError as error:
                    exchange.abort()
                    pause = pause_before_retry(
                        error,
                        self._settings.retry,
                        retries=len(attempts),
                        left=scope.left(),
                        draw=random.random,
                    )
                    if fresh_only and getattr(error, "stale", False):
                        pause = None
                    attempts.append(_record(exchange, scope.now() - begun, error, pause or 0.0))
                    if pause is None:
                        error.call = call
                        error.attempts = tuple(attempts)
                        error.request_id = error.request_id or exchange.request_id
                        raise
                    fresh_only = fresh_only or getattr(error, "stale", False)
                except BaseException:
                    exchange.abort()
                    raise
                else:
                    attempts.append(_record(exchange, scope.now() - begun, None, 0.0))
                    return result, _meta(call, exchange, attempts, model, scope.now() - started)
                async with scope:
                    await asyncio.sleep(pause)
        finally:
            del self._shared.scopes[scope]
            self._shared.changed()


def _record(exchange: Exchange, seconds: float, error: MeshAPIError | None, pause: float) -> Attempt:
    return Attempt(
        status=exchange.answer.status if exchange.answer is not None else None,
        request_id=exchange.request_id,
        error=None if error is None else f"{type(error).__name__}: {error}",
        queued=exchange.queued,
        latency=max(seconds - exchange.queued, 0.0),
        pause=pause,
    )


def _meta(
    call: Call[Any] | StreamCall[Any],
    exchange: Exchange,
    attempts: list[Attempt],
    model: str | None,
    latency: float,
) -> Meta:
    answer = exchange.answer
    assert answer is not None
    headers = telling_headers(answer)
    return Meta(
        status=answer.status,
        headers=headers,
        request_id=answer.request_id,
        attempts=tuple(attempts),
        model=headers.get("x-resolved-model-id") or headers.get("x-mesh-routing-model") or model,
        queued=sum(attempt.queued for attempt in attempts),
        latency=latency,
        time_to_first_event=attempts[-1].latency if isinstance(call, StreamCall) else None,
    )
