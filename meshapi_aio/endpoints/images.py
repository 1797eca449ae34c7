"""Images: ``client.images``."""

import builtins
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal

import attrs

from .._family import Family, create_method, method
from .._meta import Meta
from .._pages import Page
from .._saving import written_whole
from .._shape import Shape, shape
from ..call import Call, StreamCall, fields, post
from ._bodies import Body, Streamable
from ._images import ImageFolder, check_source, image_bytes
from ._shared import Usage, between
from ._streams import FoldedStream


__all__ = [
    "EditImage",
    "GenerateImages",
    "Image",
    "ImageChunk",
    "ImageList",
    "ImageSource",
    "ImageStream",
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
        return image_bytes(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write :meth:`bytes` to a file that is there whole or not at all; it blocks until it is."""
        data = self.bytes()
        with written_whole(path) as file:
            file.write(data)


@shape
class ImageList(Page[Image]):
    """The images that were made; it can be iterated and indexed itself."""

    created: int | None = None
    data: list[Image]
    background: str | None = None
    output_format: str | None = None
    quality: str | None = None
    size: str | None = None
    usage: Usage | None = None
    """None of some models."""


@shape
class ImageChunk(Shape):
    """One event of a stream: a sign of life without images (``status`` is ``processing``), or images."""

    id: str | None = None
    object: str | None = None
    created: int | None = None
    data: list[Image] = attrs.field(factory=list)
    status: str | None = None
    model: str | None = None
    usage: Usage | None = None


class ImageStream(FoldedStream[ImageChunk, ImageList]):
    """Images as they come. Only its end mark makes a stream whole: no image says that it is the last."""

    _folds = ImageFolder

    async def get_final_images(self) -> ImageList:
        """Read what is left; return all images, previews too; raise what iterating raises, or has raised."""
        return await self._final()

    def _folded(self, meta: Meta) -> ImageList:
        return ImageList(meta=meta, **self._folder.head())


@fields
class _GenerationFields(Streamable):
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
    """Make images of a prompt, and return a stream of them, with signs of life while they are made."""

    stream: Literal[True] = True


ImageSource = str | Mapping[str, str]
"""An image that is sent: a ``data:`` URL, bare base64, or either as ``{"url": …}``."""


@post("/v1/images/edits")
class EditImage(Body, Call[ImageList]):
    """Change an image, and return what became of it; errors are those of :class:`GenerateImages`."""

    model: str
    image: ImageSource = attrs.field(validator=check_source)
    prompt: str | None = None
    """What to change; the operations ``edit``, ``outpaint`` and ``mix`` need it."""
    operation: (
        Literal["edit", "inpaint", "outpaint", "mix", "reframe", "upscale", "remove_background"] | None
    ) = None
    """``edit`` by default."""
    mask: ImageSource | None = attrs.field(default=None, validator=check_source)
    reference_images: Sequence[ImageSource] | None = attrs.field(default=None, validator=check_source)
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

    def __attrs_post_init__(self) -> None:
        operation = self.operation or "edit"
        if operation in {"edit", "outpaint", "mix"} and not self.prompt:
            msg = f"{type(self).__name__}: prompt is missing; the operation {operation!r} needs one"
            raise ValueError(msg)


class Images(Family):
    """``client.images``: images made of texts and of other images."""

    generate = create_method(GenerateImages, StreamImages)
    edit = method(EditImage)
