"""How a reader is fed."""

from collections.abc import Iterable

from meshapi_aio import ChatCompletionChunk
from meshapi_aio._chunks import ChunkReader


def fed(
    reader: ChunkReader[ChatCompletionChunk],
    pieces: Iterable[bytes],
    *,
    ends: bool = False,
    alone: bool = False,
) -> list[ChatCompletionChunk]:
    """
    Return the chunks of some bytes, all of them, and of their clean end where they have one.

    ``alone`` tries each piece as chunks that are told by their texts first, as a stream does.
    """
    chunks: list[ChatCompletionChunk] = []
    for data in pieces:
        alike = reader.alike if alone and not reader.done and reader.failure is None else None
        texts = [] if alike is None else alike.texts(data)
        if alike is not None and texts:
            reader.told(len(texts))
            chunks += map(alike.make, texts)
            continue
        chunks += reader.feed(data)
        while reader.has_more:
            chunks += reader.feed(b"")
    if ends:
        chunks += reader.finish()
    return chunks
