"""Replies that are no JSON: a file as it came, whole or piece by piece."""

import os
from typing import Any, ClassVar

import attrs

from ._meta import Meta
from ._saving import written_whole
from ._stream import Stream
from .errors import MeshAPIError, Progress


__all__ = ["ByteReply", "ByteStream"]

_ANYTHING = "*/*"
_NO_META = Meta(status=0)


def _content_type(meta: Meta | None) -> str | None:
    return None if meta is None else meta.headers.get("content-type")


def _size(content: bytes) -> str:
    return f"<{len(content)} bytes>"


@attrs.define(kw_only=True)
class ByteReply:
    """A file as it came, such as spoken text."""

    accepts: ClassVar[str] = _ANYTHING

    content: bytes = attrs.field(repr=_size)
    """Its bytes; never none at all, which is an ``UnexpectedResponseError``."""
    meta: Meta = attrs.field(default=_NO_META, eq=False, repr=False)
    """How the reply came about: attempts, times, headers."""

    @property
    def content_type(self) -> str | None:
        """What the bytes are, such as ``audio/mpeg``, with parameters; None where the gateway did not say."""
        return _content_type(self.meta)

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the call, the key for its logs and bills."""
        return self.meta.request_id

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the bytes to a file, which is replaced at once and as a whole."""
        with written_whole(path) as file:
            file.write(self.content)


class ByteStream(Stream[bytes]):
    """
    A file that is handed over as it comes: iterating gives its bytes in pieces of any size.

    All that a stream promises holds: a connection that breaks is told, and so are an error and a web page in
    the file's place, before anything is handed over. The one cut that can't be told is that of a body without
    a length whose connection is closed in good order. ``Limits(reply_bytes=…)`` bounds the whole.
    """

    accepts: ClassVar[str] = _ANYTHING

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._begun = False

    @property
    def content_type(self) -> str | None:
        """What the bytes are, such as ``audio/mpeg``, with parameters; None before the stream is open."""
        return _content_type(self.meta)

    @classmethod
    def chunks_of(cls, reply: ByteReply) -> list[bytes]:
        """Return a whole reply as the one piece that is the same."""
        return [reply.content]

    async def __anext__(self) -> bytes:
        piece = await super().__anext__()
        self._begun = True
        return piece

    async def read(self) -> bytes:
        """
        Return the whole file.

        It raises what iterating raises, with what had come as ``.partial``, and ``RuntimeError`` where some
        of the file was handed over already.
        """
        self._check_untouched("read")
        pieces: list[bytes] = []
        try:
            await self._pass_on(pieces.append)
        except MeshAPIError as error:
            if isinstance(error, Progress) and pieces:
                error.partial = b"".join(pieces)
            raise
        return b"".join(pieces)

    async def save(self, path: str | os.PathLike[str]) -> None:
        """
        Write the whole file as it comes; it gets its name, or replaces what has it, once it is whole.

        Left early, by an error or by cancellation, nothing is kept and nothing replaced. It raises what
        :meth:`read` raises, and what the file system does. The writing is done in the event loop, so that a
        slow file system (one on a network, say) would hold up everything else.
        """
        self._check_untouched("save")
        async with self:
            with written_whole(path) as file:
                await self._pass_on(file.write)

    def _check_untouched(self, name: str) -> None:
        # How it failed, or that it was closed, is told again first.
        if self._begun and self._failure is None and not self._closed:
            msg = f"{name}() takes the file from its beginning, and some of it was handed over already"
            raise RuntimeError(msg)

    async def _pass_on(self, take: Any) -> None:
        async for piece in self:
            take(piece)
        await self._drain()  # raises again what was raised before
