"""How a reader is fed."""

from collections.abc import Iterable

from meshapi_aio import ChatCompletionChunk
from meshapi_aio._chunks import ChunkReader


def fed(
    reader: ChunkReader[ChatCompletionChunk], pieces: Iterable[bytes], *, ends: bool = False
) -> list[ChatCompletionChunk]:
    """Return the chunks of some bytes, all of them, and of their clean end where they have one."""
    chunks: list[ChatCompletionChunk] = []
    for data in pieces:
        chunks += reader.feed(data)
        while reader.has_more:
            chunks += reader.feed(b"")
    if ends:
        chunks += reader.finish()
    return chunks
