"""
Images: ``client.images``.

The wire facts are those of the gateway's documentation of ``/v1/images`` and of its production behaviour
where that differs; such places say so.
"""

import builtins
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote_to_bytes, urlsplit

import attrs

from .._batch import Batch
from .._family import Family, create_method, method
from .._pages import Page
from .._shape import Shape, shape
from .._stream import Stream
from ..call import Call, StreamCall, fields, post
from ..errors import DecodeError
from ._shared import Usage, between, check_stream_left_alone, from_base64


__all__ = [
    "EditImage",
    "GenerateImages",
    "Image",
    "ImageChunk",
    "ImageList",
    "ImageSource",
    "ImageStream",
    "ImageUsage",
    "Images",
    "StreamImages",
]


@shape
class Image(Shape):
    """One image: in base64, or at a URL, which may be a ``data:`` URL with the image in it."""

    url: str | None = None
    b64_json: str | None = None
    revised_prompt: str | None = None
    """What the model made of the prompt."""

    def bytes(self) -> builtins.bytes:
        """
        Return the image's bytes, where the reply holds them.

        ``ValueError`` where it holds only an address, which has to be fetched; ``DecodeError`` where what it
        holds is no image in base64, or nothing.
        """
        held = self.b64_json or self.url
        if not held:
            msg = "the image holds neither b64_json nor url"
            raise DecodeError(msg, body=self.to_dict())
        if held[:5].lower() == "data:":
            head, _, data = held.partition(",")
            encoded = unquote_to_bytes(data)
            is_base64 = head.lower().endswith(";base64")
            return from_base64(encoded.decode("latin-1"), "the image's data: URL") if is_base64 else encoded
        if self.b64_json:
            return from_base64(self.b64_json, "the image's b64_json")
        # Without its query, which may be the signature that lets one fetch it.
        address = urlsplit(held)._replace(query="", fragment="").geturl()
        msg = (
            f"the image is not in the reply but at {address}; fetch image.url with an HTTP client of yours "
            "(and without the token), or ask for response_format='b64_json'"
        )
        raise ValueError(msg)

    def save(self, path: str | PathLike[str]) -> None:
        """Write :meth:`bytes` to a file, and replace one that is there; it blocks until they are written."""
        data = self.bytes()
        Path(path).write_bytes(data)


@shape
class ImageUsage(Usage):
    """Token counts of images; some models send none."""

    input_tokens_details: dict[str, Any] | None = None
    output_tokens_details: dict[str, Any] | None = None


@shape
class ImageList(Page[Image]):
    """The images that were made; it can be iterated and indexed itself."""

    created: int | None = None
    data: list[Image]
    background: str | None = None
    output_format: str | None = None
    quality: str | None = None
    size: str | None = None
    usage: ImageUsage | None = None


@shape
class ImageChunk(Shape):
    """One event of a stream: a sign of life without images (``status`` is ``processing``), or images."""

    id: str | None = None
    object: str | None = None
    created: int | None = None
    data: list[Image] = attrs.field(factory=list)
    status: str | None = None
    model: str | None = None
    usage: ImageUsage | None = None


class ImageStream(Stream[ImageChunk]):
    """
    Images as they come.

    Only its end mark makes a stream whole, since no image says that it is the last.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._images: list[Image] = []
        self._created: int | None = None
        self._told_usage: ImageUsage | None = None

    async def get_final_images(self) -> ImageList:
        """
        Read what is left, and return all images that came, the previews of ``partial_images`` among them.

        It raises what iterating raises, also when that was raised before.
        """
        await self._drain()
        return self._partial()

    def _fold(self, chunks: Batch[ImageChunk]) -> None:
        for chunk in chunks:
            self._images += chunk.data
            self._created = chunk.created if self._created is None else self._created
            self._told_usage = chunk.usage or self._told_usage

    def _partial(self) -> ImageList:
        assert self.meta is not None  # what was never opened has nothing to fold
        return ImageList(
            created=self._created, data=list(self._images), usage=self._told_usage, meta=self.meta
        )

    def _usage(self) -> ImageUsage | None:
        return self._told_usage


@fields
class _GenerationFields:
    prompt: str
    model: str | None = None
    n: int | None = attrs.field(default=None, validator=between(1, 10))
    """How many images; 1 by default."""
    size: str | None = None
    """``auto`` by default."""
    quality: str | None = None
    """``auto`` by default."""
    aspect_ratio: str | None = None
    resolution: str | None = None
    response_format: Literal["url", "b64_json"] | None = None
    """``url`` by default, which may be a ``data:`` URL; some models always answer with ``b64_json``."""
    output_format: Literal["png", "jpeg", "webp"] | None = None
    output_compression: int | None = attrs.field(default=None, validator=between(0, 100))
    background: Literal["transparent", "opaque", "auto"] | None = None
    moderation: Literal["low", "auto"] | None = None
    partial_images: int | None = attrs.field(default=None, validator=between(0, 3))
    """How many previews a stream brings."""
    image: str | Sequence[str] | None = None
    """Images to begin with, as ``data:`` URLs."""
    seed: int | None = attrs.field(default=None, validator=between(-1, 2147483647))
    sequential_image_generation: Literal["auto", "disabled"] | None = None
    sequential_image_generation_options: Mapping[str, Any] | None = None
    guidance_scale: float | None = attrs.field(default=None, validator=between(1, 10))
    watermark: bool | None = None
    optimize_prompt_options: Mapping[str, Any] | None = None
    extra_body: Mapping[str, Any] | None = None
    """Body keys that this client does not know; they replace its own of the same name, but for ``stream``."""

    def __attrs_post_init__(self) -> None:
        check_stream_left_alone(self)


@post("/v1/images/generations")
class GenerateImages(_GenerationFields, Call[ImageList]):
    """
    Make images of a prompt, and return them.

    Particular errors: ``SpendLimitError``, ``UnprocessableEntityError`` (a field out of range),
    ``InternalServerError`` (501: a model that makes no images).
    """

    stream: Literal[False] = False


@post("/v1/images/generations")
class StreamImages(_GenerationFields, StreamCall[ImageStream]):
    """
    Make images of a prompt, and return a stream of them, with signs of life while they are made.

    Particular errors, at the first step: as of the whole answer.
    """

    stream: Literal[True] = True


ImageSource = str | Mapping[str, str]
"""An image that is sent: a ``data:`` URL, bare base64, or either as ``{"url": …}``."""


def _check_source(owner: object, attribute: Any, value: Any) -> None:
    """Refuse what the gateway does not fetch."""
    for item in value if isinstance(value, list) else [value]:
        text = item.get("url", "") if isinstance(item, dict) else item or ""
        if text[:8].lower().startswith(("http://", "https://")):
            msg = (
                f"{type(owner).__name__}: {attribute.name} must be a data: URL or base64, since the gateway "
                "fetches no images; got an http address"
            )
            raise ValueError(msg)


@post("/v1/images/edits")
class EditImage(Call[ImageList]):
    """
    Change an image, and return what became of it.

    Particular errors: as of :class:`GenerateImages`.
    """

    model: str
    image: ImageSource = attrs.field(validator=_check_source)
    """A ``data:`` URL, bare base64, or either as ``{"url": …}``."""
    prompt: str | None = None
    """What to change; the operations ``edit``, ``outpaint`` and ``mix`` need it."""
    operation: (
        Literal["edit", "inpaint", "outpaint", "mix", "reframe", "upscale", "remove_background"] | None
    ) = None
    """``edit`` by default."""
    mask: ImageSource | None = attrs.field(default=None, validator=_check_source)
    reference_images: Sequence[ImageSource] | None = attrs.field(default=None, validator=_check_source)
    n: int | None = None
    size: str | None = None
    response_format: Literal["url", "b64_json"] | None = None
    background: str | None = None
    upscale_factor: str | None = None
    quality_tier: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    expand_factor: str | float | None = None
    mask_feather: int | None = None
    extra_body: Mapping[str, Any] | None = None
    """Body keys that this client does not know; they replace its own of the same name."""

    def __attrs_post_init__(self) -> None:
        operation = self.operation or "edit"
        if operation in {"edit", "outpaint", "mix"} and not self.prompt:
            msg = f"{type(self).__name__}: prompt is missing; the operation {operation!r} needs one"
            raise ValueError(msg)


class Images(Family):
    """``client.images``: images made of texts and of other images."""

    generate = create_method(GenerateImages, StreamImages)
    edit = method(EditImage)
