"""
A stream of chunks: a class iterator that any task or callback can close, at once and without awaiting.

It knows neither aiohttp nor JSON: how to open it is handed to it.
"""

import functools
import warnings
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar, get_args, get_origin

from ._batch import Alike, Batch, Run
from ._ending import Ending
from ._pump import Opening, Source
from ._scope import Scope
from .errors import MeshAPIError


__all__ = ["Stream", "chunk_type"]

ChunkType = TypeVar("ChunkType")


Opener = Callable[[Scope], Awaitable[Opening[ChunkType]]]


# So many chunks that were told by their texts are folded at once.
_MOST_TOLD = 512


class Stream(Ending[ChunkType]):
    """
    The chunks of one answer, in the order in which they came.

    Iterate it with ``async for``, enter it with ``async with`` (which closes it at the end of the block), or
    await it to open it early. Nothing is sent before the first of these, and nothing is ever sent twice.

    Opening raises what any call raises. Iterating raises :class:`StreamTruncatedError` when the stream ends
    before it is whole, :class:`StreamAPIError` for an error event, :class:`MalformedEventError` for an event
    that is no chunk, :class:`APITimeoutError`, and :class:`StreamClosedError` after :meth:`close`; always
    after everything that came before has been handed out, but for :meth:`close`, which drops it. Once it has
    ended or its error was raised, iterating it again ends at once.
    """

    accepts: ClassVar[str] = "text/event-stream"

    def __init__(
        self,
        call: object,
        opener: Opener[ChunkType],
        total: float | None,
        created_at: str = "an unknown place",
    ) -> None:
        super().__init__(call)
        self._created_at = created_at
        self._opener: Opener[ChunkType] | None = opener
        self._total = total
        self._scope: Scope | None = None
        # Where the next bytes come from, unless there are some already, or none will come.
        self._source: Source | None = None
        # What has come and was not handed out: pieces, and of the present one the chunks, or a run's texts
        # and what makes chunks of them. In each the last comes first, so that taking is cheap.
        self._pieces: list[list[ChunkType] | Run[ChunkType]] = []
        self._ready: list[Any] = []
        self._make: Callable[[str], ChunkType] | None = None
        # What tells the next chunks if they are all that comes, and the texts of those that it told and that
        # are not folded yet.
        self._alike: Alike[ChunkType] | None = None
        self._texts: list[str] = []
        # Whether a task is in the stream: two would steal each other's chunks.
        self._is_taken = False

    def __repr__(self) -> str:
        if self._closed:
            state = "closed"
        elif self._finished:
            state = "finished" if self._failure is None else "failed"
        else:
            count = self._chunks_seen + len(self._texts)
            state = "not opened" if self._pump is None else f"open, {count} chunks so far"
        return f"<{type(self).__name__} {state}>"

    def __await__(self) -> Generator[object, None, Self]:
        return self._opened().__await__()

    async def __aenter__(self) -> Self:
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChunkType:
        if not self._ready:
            # The usual wait: for a chunk that is like those before it, or a few. It runs with cold caches
            # where there are many streams, so what counts is how little it touches: no coroutine but this.
            # Two in a read take half of what they took by way of the reader (490 steps each, not 916).
            came, source = b"", self._source
            if source is not None and not self._pieces and not self._is_taken:
                coming = source.coming()
                if coming is not None:
                    self._is_taken = True
                    try:
                        await coming
                    except Exception:  # noqa: BLE001, S110 - reading tells it, and what came before it
                        pass
                    except BaseException:
                        self._is_taken = False
                        self.close()
                        raise
                    self._is_taken = False
                came, alike = source.taken(), self._alike
                if alike is not None:
                    texts = alike.texts(came)
                    if texts:
                        source.idle_since = None
                        self._texts += texts
                        if len(self._texts) >= _MOST_TOLD:
                            self._settle()
                        if len(texts) > 1:
                            texts.reverse()
                            self._ready, self._make = texts, alike.make
                        return alike.make(texts.pop())
            await self._prepare(came)
        make, item = self._make, self._ready.pop()
        return item if make is None else make(item)

    def close(self) -> None:
        """
        Leave the stream now: break its connection, drop what was not handed out. Idempotent.

        May be called from any task or callback of the loop. A task that waits in the stream gets
        :class:`StreamClosedError`, as does the next step; a stream that was read to its end stays as it is.
        """
        if self._finished or self._closed:
            return
        self._closed = True
        self._settle()
        self._source = self._alike = None
        self._ready.clear()
        self._pieces.clear()
        self._opener = None
        if self._pump is not None:
            # Only who waits is told: the error holds what came, folded, which is most of what closing costs.
            self._pump.source.abort(self._closing() if self._is_taken else None)
        if self._scope is not None:
            self._scope.end(self._closing())
        self._told("closed")

    def __del__(self) -> None:
        pump = getattr(self, "_pump", None)  # absent where __init__ itself raised
        if pump is None or self._closed or self._finished:
            return
        self._settle()
        if pump.over and not self._ready and not self._pieces:
            self._told("finished" if pump.reader.failure is None else "failed", pump.reader.failure)
            return
        self._told("dropped")
        # Close first: a warning that is turned into an error must not keep the connection.
        pump.source.abort_from_finalizer()
        warnings.warn(
            f"{self!r}, created at {self._created_at}, was dropped before its end; "
            "read it whole, or use 'async with' or close()",
            ResourceWarning,
            stacklevel=2,
        )

    async def _opened(self) -> Self:
        self._enter()
        try:
            if self._closed:
                raise self._closing()
            if self._pump is None and not self._finished:
                await self._open()
        finally:
            self._is_taken = False
        return self

    def _enter(self) -> None:
        if self._is_taken:
            msg = "two tasks are in the same stream; let one of them read it, and pass the chunks on"
            raise RuntimeError(msg)
        self._is_taken = True

    async def _prepare(self, came: bytes) -> None:
        """Wait until there is a chunk to hand out, in what came or comes; raise how the stream ends."""
        self._enter()
        try:
            if self._closed:
                raise self._closing()
            if self._finished:
                raise StopAsyncIteration
            if self._pump is None:
                await self._open()
            pump = self._pump
            assert pump is not None
            self._settle()
            while not self._ready:
                if self._pieces:
                    self._turn_to(self._pieces.pop())
                    break
                if pump.over:
                    self._end(pump.reader)
                try:
                    chunks = await pump.more(came)
                except BaseException:
                    # Cancelled while waiting: nothing that follows may make this look like a whole answer.
                    self._is_taken = False
                    self.close()
                    raise
                if self._closed:
                    raise self._closing()
                came = b""
                self._take(chunks)
        finally:
            self._is_taken = False

    async def _open(self) -> None:
        opener = self._opener
        assert opener is not None
        self._opener = None
        self._scope = Scope(self._total)
        try:
            opening = await opener(self._scope)
        except MeshAPIError as error:
            if self._closed:
                raise self._closing() from None
            self._fail(error)
            raise
        except BaseException:
            self.close()
            raise
        finally:
            self._scope = None
        self._pump = opening.pump
        self._meta = opening.meta
        self._on_end = opening.on_end
        if self._closed:
            opening.pump.source.abort()
            self._told("closed")
            raise self._closing()
        self._take(opening.chunks)

    def _settle(self) -> None:
        """Fold the chunks that were told by their texts, and note them."""
        texts, alike, pump = self._texts, self._alike, self._pump
        if texts and alike is not None and pump is not None:
            self._texts = []
            pump.reader.told(len(texts))
            self._fold(Batch(Run(alike.make, texts, alike.path)))
            self._chunks_seen += len(texts)

    def _take(self, chunks: Batch[ChunkType]) -> None:
        # Folded before they are handed out, so that what is done to a chunk afterwards does not change the
        # answer; and what is folded need not be kept: a chunk weighs about 1 KB, its text a few bytes.
        self._fold(chunks)
        self._pieces = chunks.pieces[::-1]
        self._chunks_seen += len(chunks)
        pump = self._pump
        assert pump is not None
        self._source = None if pump.over or pump.reader.has_more else pump.source
        self._alike = pump.reader.alike

    def _turn_to(self, piece: list[ChunkType] | Run[ChunkType]) -> None:
        if isinstance(piece, Run):
            self._ready, self._make = piece.texts[::-1], piece.make
        else:
            self._ready, self._make = piece[::-1], None

    async def _drain(self) -> None:
        """Read what is left; raise as iterating does, also when it was raised before."""
        if self._closed:
            raise self._closing()
        if self._failure is not None:
            raise self._failure
        async for _ in self:
            pass


@functools.cache
def chunk_type(stream: type[Stream[Any]]) -> Any:
    """Return what the chunks of a stream are."""
    if get_origin(stream) is not None:
        return get_args(stream)[0]
    for base in getattr(stream, "__orig_bases__", ()):
        origin = get_origin(base)
        if isinstance(origin, type) and issubclass(origin, Stream):
            return get_args(base)[0]
    msg = f"{stream.__name__} must derive from Stream[Chunk]"
    raise TypeError(msg)
