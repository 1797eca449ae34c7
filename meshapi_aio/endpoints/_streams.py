"""What streams of several families share: how their chunks fold, and the text in them. Performs no I/O."""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from .._batch import Batch
from .._meta import Meta
from .._stream import Stream
from ..errors import MeshAPIError, StreamAPIError
from ._text import HasText, TextJoiner, TextStream


__all__ = ["FoldedStream", "Folder", "SpokenStream"]

ChunkType = TypeVar("ChunkType")
WholeType_co = TypeVar("WholeType_co", covariant=True)
SpokenType = TypeVar("SpokenType", bound=HasText)


class Folder:
    """Takes chunks as they come, and knows what they add up to."""

    __slots__ = ()

    @property
    def whole(self) -> bool:
        """Whether a stream that ended without its end mark is whole all the same: some never are."""
        return False

    @property
    def failure(self) -> Mapping[str, str] | None:
        """What makes a stream that ended properly a failure all the same, in the gateway's form."""
        return None

    @property
    def usage(self) -> Any:
        """The token counts, where they were told."""
        return None

    def add(self, chunks: Batch[Any]) -> None:
        """Take chunks."""
        raise NotImplementedError


class FoldedStream(Stream[ChunkType], Generic[ChunkType, WholeType_co]):
    """A stream of chunks that fold together to a whole of the second generic parameter."""

    _folds: ClassVar[type[Folder]]
    """What folds them."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._folder: Any = self._folds()

    async def _final(self) -> WholeType_co:
        """Read what is left, and return the whole."""
        await self._drain()
        return self._partial()

    def _partial(self) -> WholeType_co:
        assert self.meta is not None  # what was never opened has nothing to fold
        return self._folded(self.meta)

    def _folded(self, meta: Meta) -> WholeType_co:
        """Return what was received so far, folded."""
        raise NotImplementedError

    def _fold(self, chunks: Batch[ChunkType]) -> None:
        self._folder.add(chunks)

    def _whole(self) -> bool:
        whole: bool = self._folder.whole
        return whole

    def _spoilt(self) -> MeshAPIError | None:
        # The reader raises the gateway's own words; this is for what came to it by a template, unread.
        said = self._folder.failure
        if said is None:
            return None
        return StreamAPIError(said["message"], status=502, code=said["code"], request_id=self.request_id)

    def _usage(self) -> object:
        return self._folder.usage


class SpokenStream(FoldedStream[SpokenType, WholeType_co], Generic[SpokenType, WholeType_co]):
    """One whose chunks bring text."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._text = TextJoiner()

    @property
    def text_stream(self) -> TextStream:
        """The text of the first answer, piece by piece, every character whole."""
        return TextStream(self, self._text)
