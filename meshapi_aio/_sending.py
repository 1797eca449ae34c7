"""
How a call is sent: attempt after attempt, model after model, within its scope.

What may be tried again is decided in pure rooms; here it is done.
"""

import asyncio
import functools
import random
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, TypeVar

import attrs

from ._admission import Admission, leave
from ._answer import Answer, read_error
from ._batch import Batch
from ._byte_reader import ByteReader
from ._chunks import ChunkReader
from ._course import Course
from ._kin import Kin
from ._meta import Meta
from ._pump import End, Opening, Pump, Reader
from ._retry import leads_on, pause_before_retry
from ._scope import Scope
from ._stream import chunk_type
from ._transport import Exchange, Transport
from ._wire import HUGE, Request, prepare, read_reply, settings_for
from .call import Call, StreamCall
from .errors import MeshAPIError
from .settings import Fallback, Settings


__all__ = ["Courier", "Errand"]

Result = TypeVar("Result")


@attrs.define(eq=False)
class Courier:
    """What all errands of a client share; ``sleep`` and ``draw`` are here so that tests need not wait."""

    transport: Transport
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    draw: Callable[[], float] = random.random
    kin: dict[Any, Kin] = attrs.field(factory=functools.partial(defaultdict, Kin))
    """What the streams of each class have learnt."""


class Errand:
    """One call under way."""

    __slots__ = (
        "_admission",
        "_call",
        "_courier",
        "_course",
        "_fallback",
        "_scope",
        "_settings",
        "_started",
        "_waited",
    )

    def __init__(
        self,
        courier: Courier,
        settings: Settings,
        scope: Scope,
        call: Call[Any] | StreamCall[Any],
        admission: Admission | None = None,
    ) -> None:
        self._courier = courier
        self._settings = settings_for(call, settings)
        self._scope = scope
        self._call = call
        self._fallback = settings.fallback if call.falls_back else None
        self._course = Course(settings.on_event, call)
        self._started = scope.now()
        if admission is None and settings.limit is not None:
            admission = settings.limit.gate(call)
        self._admission = admission
        self._waited = 0.0

    # The two kinds of errands.

    async def whole(self, call: Call[Result]) -> tuple[Result, Meta]:
        """Return the reply of a call, and how it came about."""
        try:
            reply, meta = await self._chain(call, self._ask_whole)
        except BaseException as error:
            self._failed(error)
            raise
        self._course.replied(meta)
        return reply, meta

    async def stream(self, call: StreamCall[Any], over: Callable[[], None]) -> Opening[Any]:
        """Return what the stream of a call is opened with; ``over`` is called when that waits no more."""
        try:
            (pump, chunks), meta = await (
                self._chain(call, self._ask_stream) if self._fallback is None else self._open(call)
            )
        except BaseException as error:
            self._failed(error)
            raise
        finally:
            over()
        self._course.opened(meta)
        # What it holds lives as long as the stream, and there may be thousands of these.
        on_end = self._course.ended if self._admission is None else functools.partial(self._ended, meta)
        return Opening(pump, chunks, meta, on_end)

    def _failed(self, error: BaseException) -> None:
        """Tell of an errand's failure."""
        # Tracebacks may be shown with the locals of their frames: headers, bodies that echo the token.
        traceback.clear_frames(error.__traceback__)
        if isinstance(error, MeshAPIError):
            error.call = self._call
            error.attempts = tuple(self._course.attempts)
        self._course.failed(error)

    # One model after the other.

    async def _open(self, call: StreamCall[Any]) -> tuple[tuple[Pump[Any], Batch[Any]], Meta]:
        try:
            return await self._chain(call, self._ask_stream)
        except MeshAPIError as error:
            fallback, instead = self._fallback, call.whole()
            if fallback is None or not fallback.unary or instead is None or not leads_on(error, fallback):
                raise
            self._course.fell_back(error, getattr(call, "model", None), unary=True)
            reply, meta = await self._persist(instead, self._ask_whole)
            pump: Pump[Any] = Pump.delivered()
            return (pump, Batch(call.reply.chunks_of(reply))), attrs.evolve(meta, unary=True)

    def _chain(
        self, call: Any, ask: "Callable[[Any, Exchange, Request], Awaitable[tuple[Result, str | None]]]"
    ) -> Awaitable[tuple[Result, Meta]]:
        """Ask the call's own model, and those of the fallback, if any, while each failure leads on."""
        fallback = self._fallback
        return self._persist(call, ask) if fallback is None else self._fall_back(call, ask, fallback)

    async def _fall_back(
        self,
        call: Any,
        ask: "Callable[[Any, Exchange, Request], Awaitable[tuple[Result, str | None]]]",
        fallback: Fallback,
    ) -> tuple[Result, Meta]:
        model = getattr(call, "model", None)
        others = [other for other in fallback.models if other != model]
        while True:
            try:
                return await self._persist(call, ask)
            except MeshAPIError as error:
                if not others or not leads_on(error, fallback):
                    raise
                self._course.fell_back(error, others[0], unary=False)
            call = attrs.evolve(call, model=others.pop(0))

    # One attempt after the other.

    async def _persist(
        self, call: Any, ask: "Callable[[Any, Exchange, Request], Awaitable[tuple[Result, str | None]]]"
    ) -> tuple[Result, Meta]:
        """Send a call until it succeeds or must not be sent again."""
        request = prepare(call, self._settings)
        retries = 0
        fresh_only = False
        while True:
            if self._admission is not None:
                await self._admitted(self._admission)
            exchange = self._courier.transport.exchange(self._settings.timeout, self._scope)
            exchange.fresh_only = fresh_only
            self._course.sent(request.method, call.route.path)
            begun = self._scope.now()
            try:
                async with self._scope:
                    result, model = await ask(call, exchange, request)
            except MeshAPIError as error:
                exchange.abort()
                stale = getattr(error, "stale", False)
                pause = self._pause(error, retries, given_up=exchange.is_spent or (stale and fresh_only))
                error.request_id = error.request_id or exchange.request_id
                self._note(exchange, begun, error, pause or 0.0)
                if pause is None:
                    raise
                fresh_only = fresh_only or stale
            except BaseException as error:
                exchange.abort()
                self._note(exchange, begun, error)
                raise
            else:
                self._note(exchange, begun)
                answer, streams = exchange.answer, isinstance(call, StreamCall)
                assert answer is not None
                if self._admission is not None and not streams:  # a stream is admitted to its end
                    leave(self._admission, answer.status, answer.headers, getattr(result, "usage", None))
                latency = self._scope.now() - self._started
                return result, self._course.meta(answer, model, latency=latency, streams=streams)
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
            self._course.retried(error, pause)
        return pause

    def _note(
        self,
        exchange: Exchange,
        begun: float,
        error: BaseException | None = None,
        pause: float = 0.0,
    ) -> None:
        latency = max(self._scope.now() - begun - exchange.queued, 0.0)
        queued = self._waited + exchange.queued
        self._course.note(exchange.answer, error, queued=queued, latency=latency, pause=pause)
        if self._admission is not None and error is not None:
            headers = {} if exchange.answer is None else exchange.answer.headers
            leave(self._admission, getattr(error, "status", None), headers)

    # What bounds calls beside the client.

    async def _admitted(self, admission: Admission) -> None:
        self._waited = 0.0
        if not admission.entered:  # by whoever began the call
            begun = self._scope.now()
            async with self._scope:
                await admission.enter()
            self._waited = self._scope.now() - begun

    def _ended(self, meta: Meta, end: End) -> None:
        self._course.ended(end)
        if self._admission is not None and self._admission.entered:  # not where a call stood in for it
            status = meta.status if end.error is None else getattr(end.error, "status", None)
            leave(self._admission, status, meta.headers, end.usage())

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
        # Imported on demand, with the room of pages 2 ms.
        reading = import_module("._slices", __package__).read_in_slices(call, answer, body, self._settings)
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
            reader = ChunkReader(call, answer, self._settings, self._courier.kin[call.reply])
        pump: Pump[Any] = Pump(exchange, reader)
        chunks = await pump.more()
        if not chunks and pump.reader.failure is not None:
            raise pump.reader.failure
        if not pump.over:
            exchange.watch()
        return (pump, chunks), getattr(next(iter(chunks), None), "model", None)
