"""Embeddings: ``client.embeddings``."""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from .._family import Family, method
from .._pages import Page
from .._shape import Shape, shape
from ..call import Call, post
from ._bodies import Body
from ._shared import Usage, at_most_characters, between, floats_from_base64


__all__ = ["CreateEmbeddings", "Embedding", "EmbeddingList", "Embeddings"]


@shape
class Embedding(Shape):
    """The vector of one input, as it came: numbers, or their bytes in base64."""

    object: str | None = None
    index: int | None = None
    """Which input it belongs to, from 0."""
    embedding: list[float] | str

    @property
    def vector(self) -> "array[float]":
        """
        The vector as 32-bit floats, in whichever form it came; made anew at each use.

        Base64 that is none, or whose bytes are not whole floats, is a ``DecodeError``: nothing is cut off or
        filled up, and ``embedding`` still has what came.
        """
        came = self.embedding
        if isinstance(came, str):
            return floats_from_base64(came, f"the embedding of input {self.index}")
        return array("f", came)


@shape
class EmbeddingList(Page[Embedding]):
    """
    The vectors of all inputs; it can be iterated and indexed itself.

    ``usage`` may lack token counts where a provider key of your own was used, and then says only that.
    """

    object: str | None = None
    data: list[Embedding]
    model: str | None = None
    usage: Usage | None = None

    @classmethod
    def _given(cls, value: Any) -> Any:
        # The documentation's sample is one flat vector, the clients' tests have a list of objects.
        if isinstance(value, dict) and "embedding" in value and "data" not in value:
            rest = {key: item for key, item in value.items() if key != "embedding"}
            return {**rest, "data": [{"index": 0, "embedding": value["embedding"]}]}
        return super()._given(value)


@post("/v1/embeddings")
class CreateEmbeddings(Body, Call[EmbeddingList]):
    """
    Make vectors of texts, and return them with the index of the input that each belongs to.

    Particular errors: ``NotFoundError`` (no such model), ``BadRequestError`` (a model that makes none).
    """

    input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]] | Sequence[Mapping[str, Any]]
    """A text, texts, tokens, lists of tokens, or ``{"type": "text" | "image_url" | "video_url", …}``."""
    model: str | None = None
    """``provider/name``, or ``auto`` to let the gateway choose."""
    dimensions: int | None = attrs.field(default=None, validator=between(1))
    encoding_format: Literal["float", "base64"] | None = None
    """``base64`` is a quarter of the bytes, and the same ``vector``."""
    input_type: str | None = None
    instructions: str | None = None
    provider: str | Mapping[str, Any] | None = None
    """A name, or ``{"order", "allow_fallbacks", "require_parameters", "data_collection"}``."""
    user: str | None = attrs.field(default=None, validator=at_most_characters(256))
    sparse_embedding: Mapping[str, Any] | None = None


class Embeddings(Family):
    """``client.embeddings``: texts and pictures as vectors."""

    create = method(CreateEmbeddings)
