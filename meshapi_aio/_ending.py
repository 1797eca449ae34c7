"""How a stream ends, what is told of that, and what its chunks have added up to by then."""

from typing import Generic, TypeVar

from ._batch import Batch
from ._meta import Meta
from ._pump import End, OnEnd, Outcome, Pump, Reader
from .errors import MeshAPIError, Progress, StreamClosedError, StreamTruncatedError


__all__ = ["Ending"]

ChunkType = TypeVar("ChunkType")


class Ending(Generic[ChunkType]):
    """The part of a stream that knows how the answer came about, and whether it is over, and well."""

    def __init__(self, call: object) -> None:
        self._call = call
        self._pump: Pump[ChunkType] | None = None
        self._chunks_seen = 0
        self._meta: Meta | None = None
        self._closed = False
        self._finished = False
        self._failure: MeshAPIError | None = None
        self._on_end: OnEnd | None = None

    @property
    def meta(self) -> Meta | None:
        """How the answer came about; None before the stream is open."""
        return self._meta

    @property
    def request_id(self) -> str | None:
        """The gateway's id of this call; None before the stream is open."""
        return self._meta.request_id if self._meta is not None else None

    @property
    def skipped(self) -> int:
        """How many malformed events were passed over (with ``on_malformed="skip"``)."""
        return self._pump.reader.skipped if self._pump is not None else 0

    def _closing(self) -> StreamClosedError:
        error = StreamClosedError("the stream was closed before its end", request_id=self.request_id)
        self._tell(error)
        return error

    def _end(self, reader: Reader[ChunkType]) -> None:
        failure = reader.failure
        if failure is None and not reader.done and not self._whole():
            failure = StreamTruncatedError(
                "the stream ended before it was whole: without an end mark and without a finish reason"
                if self._chunks_seen
                else "the stream ended without a single event",
                request_id=self.request_id,
            )
        if failure is None:
            failure = self._spoilt()
        if failure is None:
            self._finished = True
            self._told("finished")
            raise StopAsyncIteration
        self._fail(failure)
        raise failure

    def _fail(self, failure: MeshAPIError) -> None:
        self._tell(failure)
        self._finished = True
        self._failure = failure
        self._told("failed", failure)

    def _told(self, outcome: Outcome, error: MeshAPIError | None = None) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(End(outcome, self._chunks_seen, self.skipped, error, self._usage))

    def _tell(self, failure: MeshAPIError) -> None:
        failure.call = self._call
        if self._meta is not None:
            failure.attempts = self._meta.attempts
        if isinstance(failure, Progress) and self._chunks_seen:
            failure.partial = self._partial()
            failure.chunks_seen = self._chunks_seen
            failure.usage = self._usage()

    # What a family's stream adds: how its chunks fold together.

    def _fold(self, chunks: Batch[ChunkType]) -> None:
        """Take chunks into the folded answer."""

    def _whole(self) -> bool:
        """Tell whether a stream that ended without its end mark is whole all the same."""
        return False

    def _spoilt(self) -> MeshAPIError | None:
        """Return what makes a stream that ended properly a failure all the same."""
        return None

    def _partial(self) -> object:
        """Return what was received so far, folded."""
        return None

    def _usage(self) -> object:
        """Return the token counts, where the stream has told them."""
        return None
