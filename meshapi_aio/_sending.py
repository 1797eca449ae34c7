"""
How a call is sent: attempt after attempt, model after model, within its scope and with an account of it.

What may be tried again is decided in pure rooms; here it is done.
"""

import asyncio
import random
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs

from ._answer import Answer, read_error, telling_headers
from ._batch import Batch
from ._byte_reader import ByteReader
from ._chunks import ChunkReader, chunk_type
from ._observing import Account, Observer
from ._pump import Opening, Outcome, Pump, Reader
from ._retry import leads_on, pause_before_retry
from ._scope import Scope
from ._slices import HUGE, read_in_slices
from ._transport import Exchange, Transport
from ._wire import Request, prepare, read_reply, settings_for
from .call import Call, StreamCall
from .errors import MeshAPIError
from .events import (
    Attempt,
    FallbackTaken,
    GatewayRouted,
    Meta,
    ReplyReceived,
    RequestFailed,
    RequestSent,
    RetryScheduled,
    StreamEnded,
    StreamOpened,
)
from .settings import Settings


__all__ = ["Courier", "Errand"]

Result = TypeVar("Result")


@attrs.define
class Courier:
    """What all errands of a client share; ``sleep`` and ``draw`` are here so that tests need not wait."""

    transport: Transport
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    draw: Callable[[], float] = random.random


class Errand:
    """One call under way: its scope, its attempts, and what is told of it."""

    def __init__(
        self, courier: Courier, settings: Settings, scope: Scope, call: Call[Any] | StreamCall[Any]
    ) -> None:
        self._courier = courier
        self._settings = settings_for(call, settings)
        self._scope = scope
        self._call = call
        self._fallback = settings.fallback if call.falls_back else None
        self._account = Account(Observer(settings.on_event), call)
        self._attempts: list[Attempt] = []
        self._opened: tuple[float, Meta]
        self._started = scope.now()

    # The two kinds of errands.

    async def whole(self, call: Call[Result]) -> tuple[Result, Meta]:
        """Return the reply of a call, and how it came about."""
        reply, meta = await self._told(self._chain(call, self._ask_whole))
        self._account.tell(
            ReplyReceived,
            attempts=len(self._attempts),
            duration=self._account.duration,
            request_id=meta.request_id,
        )
        return reply, meta

    async def stream(self, call: StreamCall[Any]) -> Opening[Any]:
        """Return what the stream of a call is opened with."""
        (pump, chunks), meta = await self._told(self._open(call))
        self._account.tell(
            StreamOpened,
            attempts=len(self._attempts),
            time_to_first_event=meta.time_to_first_event,
            request_id=meta.request_id,
        )
        self._opened = (time.monotonic(), meta)
        return Opening(pump, chunks, meta, self._stream_ended)

    def _stream_ended(self, outcome: Outcome, chunks: int, skipped: int, error: MeshAPIError | None) -> None:
        opened_at, meta = self._opened
        self._account.tell(
            StreamEnded,
            outcome=outcome,
            chunks=chunks,
            skipped=skipped,
            duration=time.monotonic() - opened_at,
            time_to_first_event=meta.time_to_first_event,
            **_nature(error),
            request_id=meta.request_id,
        )

    async def _told(self, coming: Awaitable[tuple[Result, Meta]]) -> tuple[Result, Meta]:
        """Wait for the outcome of an errand, and tell of its failure."""
        try:
            result, meta = await coming
        except BaseException as error:
            # Tracebacks may be shown with the locals of their frames: headers, bodies that echo the token.
            traceback.clear_frames(error.__traceback__)
            if isinstance(error, MeshAPIError):
                error.call = self._call
                error.attempts = tuple(self._attempts)
            last = self._attempts[-1].request_id if self._attempts else None
            self._account.tell(
                RequestFailed,
                attempts=len(self._attempts),
                duration=self._account.duration,
                **_nature(error),
                request_id=getattr(error, "request_id", None) or last,
            )
            raise
        routing = meta.routing
        if routing is not None and (routing.fallback or (routing.attempts or 0) > 1):
            self._account.tell(GatewayRouted, routing=routing, request_id=meta.request_id)
        return result, meta

    # One model after the other.

    async def _open(self, call: StreamCall[Any]) -> tuple[tuple[Pump[Any], Batch[Any]], Meta]:
        try:
            return await self._chain(call, self._ask_stream)
        except MeshAPIError as error:
            fallback, instead = self._fallback, call.whole()
            if fallback is None or not fallback.unary or instead is None or not leads_on(error, fallback):
                raise
            model = getattr(call, "model", None)
            self._tell_fallback(error, model, unary=True)
            self._account.model = model
            reply, meta = await self._persist(instead, self._ask_whole)
            pump: Pump[Any] = Pump.delivered()
            return (pump, Batch(call.reply.chunks_of(reply))), attrs.evolve(meta, unary=True)

    async def _chain(
        self, call: Any, ask: "Callable[[Any, Exchange, Request], Awaitable[tuple[Result, str | None]]]"
    ) -> tuple[Result, Meta]:
        """Ask the call's own model, and those of the fallback while each failure leads on."""
        fallback = self._fallback
        model = getattr(call, "model", None)
        others = [] if fallback is None else [other for other in fallback.models if other != model]
        while True:
            try:
                return await self._persist(call, ask)
            except MeshAPIError as error:
                if fallback is None or not others or not leads_on(error, fallback):
                    raise
                self._tell_fallback(error, others[0], unary=False)
            call = attrs.evolve(call, model=others.pop(0))
            self._account.model = call.model

    def _tell_fallback(self, error: MeshAPIError, to_model: str | None, *, unary: bool) -> None:
        self._account.tell(
            FallbackTaken,
            to_model=to_model,
            unary=unary,
            **_nature(error),
            request_id=error.request_id,
        )

    # One attempt after the other.

    async def _persist(
        self, call: Any, ask: "Callable[[Any, Exchange, Request], Awaitable[tuple[Result, str | None]]]"
    ) -> tuple[Result, Meta]:
        """Send a call until it succeeds or must not be sent again."""
        request = prepare(call, self._settings)
        retries = 0
        fresh_only = False
        while True:
            exchange = self._courier.transport.exchange(self._settings.timeout, self._scope)
            exchange.fresh_only = fresh_only
            self._account.tell(
                RequestSent, attempt=len(self._attempts) + 1, method=request.method, path=call.route.path
            )
            begun = self._scope.now()
            try:
                async with self._scope:
                    result, model = await ask(call, exchange, request)
            except MeshAPIError as error:
                exchange.abort()
                stale = getattr(error, "stale", False)
                pause = self._pause(error, retries, given_up=exchange.is_spent or (stale and fresh_only))
                error.request_id = error.request_id or exchange.request_id
                self._attempts.append(self._record(exchange, begun, error, pause or 0.0))
                if pause is None:
                    raise
                fresh_only = fresh_only or stale
            except BaseException as error:
                exchange.abort()
                self._attempts.append(self._record(exchange, begun, error, 0.0))
                raise
            else:
                self._attempts.append(self._record(exchange, begun, None, 0.0))
                return result, self._meta(call, exchange, model)
            retries += 1
            async with self._scope:
                await self._courier.sleep(pause)

    def _pause(self, error: MeshAPIError, retries: int, *, given_up: bool) -> float | None:
        if given_up:
            return None
        pause = pause_before_retry(
            error, self._settings.retry, retries=retries, left=self._scope.left(), draw=self._courier.draw
        )
        if pause is not None:
            self._account.tell(
                RetryScheduled,
                attempt=len(self._attempts) + 1,
                pause=pause,
                **_nature(error),
                request_id=error.request_id,
            )
        return pause

    def _record(self, exchange: Exchange, begun: float, error: BaseException | None, pause: float) -> Attempt:
        return Attempt(
            status=exchange.answer.status if exchange.answer is not None else None,
            request_id=exchange.request_id,
            model=self._account.model,
            error=None if error is None else _text(error),
            queued=exchange.queued,
            latency=max(self._scope.now() - begun - exchange.queued, 0.0),
            pause=pause,
        )

    def _meta(self, call: object, exchange: Exchange, model: str | None) -> Meta:
        answer = exchange.answer
        assert answer is not None
        headers = telling_headers(answer)
        return Meta(
            status=answer.status,
            headers=headers,
            request_id=answer.request_id,
            attempts=tuple(self._attempts),
            model=headers.get("x-resolved-model-id") or headers.get("x-mesh-routing-model") or model,
            queued=sum(attempt.queued for attempt in self._attempts),
            latency=self._scope.now() - self._started,
            time_to_first_event=self._attempts[-1].latency if isinstance(call, StreamCall) else None,
        )

    # One attempt.

    async def _ask_whole(
        self, call: Call[Any], exchange: Exchange, request: Request
    ) -> tuple[Any, str | None]:
        limits = self._settings.limits
        await self._courier.transport.open(exchange, request, self._settings)
        answer = exchange.answer
        assert answer is not None
        limit = limits.reply_bytes if answer.is_success else limits.error_bytes
        body = await exchange.read_all(limit, cut=not answer.is_success)
        exchange.check_sent()
        if len(body) < HUGE:
            reply = read_reply(call, answer, body, self._settings)
        else:
            reply = await self._read_huge(call, answer, body)
        return reply, getattr(reply, "model", None)

    async def _read_huge(self, call: Call[Any], answer: Answer, body: bytes) -> Any:
        """Read a reply, and let others have their turn meanwhile."""
        self._scope.limit("deadline", None)  # everything is here: silence is no matter any more
        reading = read_in_slices(call, answer, body, self._settings)
        while True:
            try:
                next(reading)
            except StopIteration as over:
                return over.value
            await asyncio.sleep(0)

    async def _ask_stream(
        self, call: StreamCall[Any], exchange: Exchange, request: Request
    ) -> tuple[tuple[Pump[Any], Batch[Any]], str | None]:
        limits = self._settings.limits
        await self._courier.transport.open(exchange, request, self._settings)
        answer = exchange.answer
        assert answer is not None
        if not answer.is_success:
            body = await exchange.read_all(limits.error_bytes, cut=True)
            raise read_error(answer, body, self._settings)
        # A stream is open with its first event: a rejection may be an error status or an error event, and
        # both are told at the same place; and until something was handed out, it may be tried again.
        reader: Reader[Any]
        if chunk_type(call.reply) is bytes:
            reader = ByteReader(answer, self._settings)
        else:
            reader = ChunkReader(call, answer, self._settings)
        pump: Pump[Any] = Pump(exchange, reader)
        chunks = await pump.more()
        if not chunks and pump.reader.failure is not None:
            raise pump.reader.failure
        if not pump.over:
            exchange.watch()
        return (pump, chunks), getattr(next(iter(chunks), None), "model", None)


def _nature(error: BaseException | None) -> dict[str, Any]:
    """Return what events tell of an error; not its text, which may quote the prompt or the answer."""
    return {
        "error": None if error is None else type(error).__name__,
        "status": getattr(error, "status", None),
        "code": getattr(error, "code", None),
    }


def _text(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
