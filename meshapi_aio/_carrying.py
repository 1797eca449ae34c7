"""What fan-outs need of a client: calls carried out, prices, and bills."""

import functools
from collections.abc import AsyncIterable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias, Unpack

from ._admission import Admission
from ._bytes import ByteReply, ByteStream
from ._meta import Meta
from ._sharing import Shared
from .call import Call, StreamCall
from .endpoints._streams import FoldedStream
from .endpoints.models import GetModel
from .endpoints.usage import ListUsageEvents, UsageEvent
from .errors import NotFoundError
from .fanout import FanOut, Limit, Options, Price
from .fanout._beginning import begin
from .settings import Settings


__all__ = ["AnyCall", "fan_out"]

AnyCall: TypeAlias = Call[Any] | StreamCall[Any]

_BILLS = 1000
"""So many usage events are asked for at a time; the gateway gives 200 by default."""


def fan_out(
    calls: Iterable[Any] | AsyncIterable[Any], settings: Settings, shared: Shared, **options: Unpack[Options]
) -> FanOut[AnyCall, Any]:
    """Return a fan-out of calls with the settings of a client."""
    retry, fallback = settings.retry, settings.fallback
    # What got no answer may have been billed all the same, and a connection that broke leads on to others.
    models = () if fallback is None else fallback.models
    if options.get("limit") is None and isinstance(settings.limit, Limit):
        options["limit"] = settings.limit
    times = 1 + (retry.max_retries if retry.unanswered else 0) + len(models)
    return begin(calls, _Carrier(settings, shared), billed_times=times, models=models, **options)


class _Carrier:
    """Carries calls out with the settings of a client, and over its connections."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        self._settings = settings
        self._shared = shared

    async def perform(self, item: AnyCall, gate: Admission) -> tuple[Any, Meta | None]:
        """Send a call, or read its stream to the end."""
        if isinstance(item, Call):
            return await self._shared.send(item, self._settings, gate)
        if not isinstance(item, StreamCall):
            msg = f"a fan-out takes calls such as CreateChatCompletion(…), got {item!r}"
            raise TypeError(msg)
        stream = item.reply(
            item,
            functools.partial(self._shared.open_stream, item, self._settings, gate),
            self._settings.timeout.total,
        )
        async with stream:
            whole = await _whole(stream)
        if isinstance(whole, ByteReply):
            whole.meta = stream.meta
        return whole, stream.meta

    async def price(self, model: str) -> Price | None:
        """Ask the gateway what a model costs."""
        try:
            found, _ = await self._shared.send(GetModel(id=model), self._settings)
        except NotFoundError:
            return None
        return Price.of(found)

    async def paid(self, since: datetime) -> Sequence[UsageEvent]:
        """Ask the gateway what calls have cost."""
        page, _ = await self._shared.send(ListUsageEvents(since=since, limit=_BILLS), self._settings)
        return page.events


async def _whole(stream: Any) -> Any:
    """Return what a stream adds up to: a reply, the bytes of a file, or a list of events."""
    if isinstance(stream, FoldedStream):
        return await stream._final()  # noqa: SLF001 - each family has a name of its own for it
    if isinstance(stream, ByteStream):
        return ByteReply(content=await stream.read())
    return [event async for event in stream]
