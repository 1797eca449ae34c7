"""
Where a stream's bytes come from, what they mean, and the waiting that joins the two.

Sources and readers are protocols: this room knows neither aiohttp nor JSON.
"""

import asyncio
from collections.abc import Callable
from types import NoneType
from typing import Any, Generic, Literal, NamedTuple, Protocol, Self, TypeVar

from ._batch import Alike, Batch
from ._meta import Meta
from .errors import APIConnectionError, APITimeoutError, MeshAPIError, StreamTruncatedError


__all__ = ["End", "OnEnd", "Opening", "Outcome", "Pump", "Reader", "Source"]

ChunkType = TypeVar("ChunkType")


class Source(Protocol):
    """Where a stream's bytes come from; closing it in either way is synchronous and idempotent."""

    idle_since: float | None
    """The loop's time at which waiting for the next event began; None while nobody waits."""

    def coming(self) -> asyncio.Future[None] | None:
        """Return what is done when something has come; None where that may be already."""
        ...

    def taken(self) -> bytes:
        """Return what has come by now; where it is nothing, reading tells why."""
        ...

    async def read(self) -> bytes:
        """Return what has come, nothing at a clean end; raise only once all has been handed out."""
        ...

    def finish(self) -> None:
        """Give the connection back, since all that matters has been read."""

    def abort(self, reason: MeshAPIError | None = None) -> None:
        """Break the connection; a waiting read raises ``reason``."""

    def abort_from_finalizer(self) -> None:
        """Break the connection from any thread, also where the loop is closed."""


class Reader(Protocol[ChunkType]):
    """What a stream's bytes mean."""

    done: bool
    """Whether the end mark has come."""

    failure: MeshAPIError | None
    """What went wrong in the bytes; it counts after the chunks that were returned."""

    skipped: int
    """How many malformed events were passed over."""

    @property
    def alike(self) -> Alike[ChunkType] | None:
        """What tells chunks by the next bytes alone, where there is such a thing."""
        ...

    def told(self, count: int) -> None:
        """Note how many chunks were told by what is :attr:`alike`, and were not fed."""

    @property
    def has_more(self) -> bool:
        """Whether bytes were fed that are not decoded yet; the next feed, if only of nothing, goes on."""
        ...

    def feed(self, data: bytes) -> Batch[ChunkType]:
        """Return chunks that these bytes complete."""
        ...

    def finish(self) -> Batch[ChunkType]:
        """Take the end of the bytes, and return what it completes."""
        ...


class Pump(Generic[ChunkType]):
    """A source and its reader: waits for chunks and settles how the stream ends."""

    __slots__ = ("over", "reader", "source")

    def __init__(self, source: Source, reader: Reader[ChunkType]) -> None:
        self.source = source
        self.reader = reader
        self.over = False

    @classmethod
    def delivered(cls) -> Self:
        """Return the pump of a stream whose chunks have all come."""
        delivered: Any = _Delivered()
        pump = cls(delivered, delivered)
        pump.over = True
        return pump

    async def more(self, data: bytes = b"") -> Batch[ChunkType]:
        """
        Wait for the next chunks; ``data`` has been read already.

        None at all means that the stream is over; with the last ones it may be over too. Then the connection
        is free, and ``reader.failure`` tells whether it ended badly.
        """
        source, reader = self.source, self.reader
        # One stamp per wait, not per read: heartbeats must not keep a dead stream alive.
        if source.idle_since is None:
            source.idle_since = asyncio.get_running_loop().time()
        ended = False
        while True:
            if data:
                chunks, data = reader.feed(data), b""
            elif reader.has_more:
                chunks = reader.feed(b"")
            else:
                try:
                    read = await source.read()
                except MeshAPIError as error:
                    return self._broken(error)
                ended = not read
                chunks = reader.finish() if ended else reader.feed(read)
            if reader.failure is not None:
                self.over = True
                source.abort()
                return chunks
            if reader.done or ended:
                self.over = True
                source.finish()
                return chunks
            if chunks:
                source.idle_since = None
                return chunks

    def _broken(self, error: MeshAPIError) -> Batch[ChunkType]:
        self.over = True
        self.source.abort()
        if isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError):
            error = StreamTruncatedError(
                f"the stream broke off: {error.args[0]}", request_id=error.request_id
            )
        self.reader.failure = error
        return Batch()


class _Delivered:
    """Source and reader of a stream whose chunks have all come: nothing to read, nothing to close."""

    idle_since: float | None = None
    done = True
    failure: MeshAPIError | None = None
    alike = None
    has_more = False
    skipped = 0

    async def read(self) -> bytes:
        return b""

    def feed(self, data: bytes) -> Batch[Any]:  # noqa: ARG002 - nothing is ever fed
        return Batch()

    def finish(self) -> Batch[Any]:
        return Batch()

    def abort(self, reason: MeshAPIError | None = None) -> None:
        pass

    def abort_from_finalizer(self) -> None:
        pass


Outcome = Literal["finished", "failed", "closed", "dropped"]


class End(NamedTuple):
    """
    How a stream ended.

    ``chunks`` counts those that came, ``skipped`` the malformed events that were passed over; ``usage``
    returns the token counts, where the stream has told them.
    """

    outcome: Outcome
    chunks: int
    skipped: int
    error: MeshAPIError | None
    usage: Callable[[], object] = NoneType


OnEnd = Callable[[End], None]


class Opening(NamedTuple, Generic[ChunkType]):
    """
    What a stream gets when it is opened.

    ``on_end``, where there is one, is to be called once.
    """

    pump: Pump[ChunkType]
    chunks: Batch[ChunkType]
    meta: Meta
    on_end: OnEnd | None = None
