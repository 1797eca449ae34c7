"""
Bytes where bytes were due: handed over as they are, but for errors and web pages in their place.

Performs no I/O and knows no event loop.
"""

from ._answer import Answer, error_in, unexpected
from ._batch import Batch
from ._bytes import ByteReply
from ._json import loads
from .errors import MeshAPIError, ResponseTooLargeError, StreamTruncatedError
from .settings import Settings


__all__ = ["ByteReader", "read_bytes"]


def _is_doubtful(answer: Answer) -> bool:
    """Tell whether the content type is one that errors come with, or that says nothing."""
    kind = answer.content_type
    return not kind or kind in {"text/html", "application/json"} or kind.endswith("+json")


def _failure(answer: Answer, body: bytes, settings: Settings) -> MeshAPIError | None:
    """Return what a body stands for that is not what it should be; JSON that is no error may be due."""
    if not body or answer.content_type == "text/html":
        return unexpected(answer, body, settings, "a file")
    if not _is_doubtful(answer) or len(body) > settings.limits.error_bytes:
        return None
    try:
        return error_in(loads(body), answer, settings)
    except ValueError:
        return None


def read_bytes(answer: Answer, body: bytes, settings: Settings) -> ByteReply:
    """Return a body as it came, or raise the error that it is."""
    failure = _failure(answer, body, settings)
    if failure is not None:
        raise failure
    return ByteReply(content=body)


class ByteReader:
    """
    Hands over the bytes of a stream as they come: a ``Reader`` as the pump knows them.

    What may be an error is held back, up to ``error_bytes``, until it can be told.
    """

    has_more = False
    skipped = 0

    def __init__(self, answer: Answer, settings: Settings) -> None:
        self.done = False
        self.failure: MeshAPIError | None = None
        self._answer = answer
        self._settings = settings
        self._size = 0
        self._held: bytearray | None = bytearray() if _is_doubtful(answer) else None

    def feed(self, data: bytes) -> Batch[bytes]:
        """Return these bytes, and those that were held back before them. Never raises."""
        if self.failure is not None:
            return Batch()
        self._size += len(data)
        limit = self._settings.limits.reply_bytes
        if self._size > limit:
            self.failure = ResponseTooLargeError(
                f"the file is larger than {limit} bytes (Limits(reply_bytes=…))",
                request_id=self._answer.request_id,
            )
            return Batch()
        if self._held is not None:
            self._held += data
            if len(self._held) <= self._settings.limits.error_bytes:
                return Batch()
            return self._let_go(bytes(self._held))
        return Batch([data])

    def finish(self) -> Batch[bytes]:
        """Take the clean end of the bytes."""
        if self.failure is not None:
            return Batch()
        if self._held:
            batch = self._let_go(bytes(self._held))
            self.done = self.failure is None
            return batch
        self.done = self._size > 0
        if not self.done:
            self.failure = StreamTruncatedError(
                "the stream ended without a single byte", request_id=self._answer.request_id
            )
        return Batch()

    def _let_go(self, held: bytes) -> Batch[bytes]:
        self._held = None
        self.failure = _failure(self._answer, held, self._settings)
        return Batch() if self.failure is not None else Batch([held])
