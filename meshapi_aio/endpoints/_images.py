"""Images in requests, replies and streams: what they may be, their bytes, and how they gather. Pure."""

from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from .._batch import Batch
from ..errors import DecodeError
from ._shared import from_base64
from ._streams import Folder


__all__ = ["ImageFolder", "check_source", "image_bytes"]


def image_bytes(image: Any) -> bytes:
    """Return the bytes of an image that came in base64 or in a ``data:`` URL, under either key."""
    held: str | None = image.b64_json or image.url
    if not held:
        msg = "the image holds neither b64_json nor url"
        raise DecodeError(msg, body=image.to_dict())
    if held[:5].lower() == "data:":
        head, _, data = held.partition(",")
        encoded = unquote_to_bytes(data)
        is_base64 = head.lower().endswith(";base64")
        return from_base64(encoded.decode("latin-1"), "the image's data: URL") if is_base64 else encoded
    if image.b64_json:
        return from_base64(held, "the image's b64_json")
    # Without its query, which may be the signature that lets one fetch it.
    address = urlsplit(held)._replace(query="", fragment="").geturl()
    msg = (
        f"the image is not in the reply but at {address}; fetch image.url with an HTTP client of yours "
        "(and without the token), or ask for response_format='b64_json'"
    )
    raise ValueError(msg)


def check_source(owner: object, attribute: Any, value: Any) -> None:
    """Refuse images that the gateway does not fetch; a validator."""
    for item in value if isinstance(value, list) else [value]:
        text = item.get("url", "") if isinstance(item, dict) else item or ""
        if text[:8].lower().startswith(("http://", "https://")):
            msg = (
                f"{type(owner).__name__}: {attribute.name} must be a data: URL or base64, since the gateway "
                "fetches no images; got an http address"
            )
            raise ValueError(msg)


class ImageFolder(Folder):
    """Gathers the images of a stream."""

    __slots__ = ("_created", "_images", "_usage")

    def __init__(self) -> None:
        self._images: list[Any] = []
        self._created: int | None = None
        self._usage: Any = None

    @property
    def usage(self) -> Any:
        """The token counts as they were told last."""
        return self._usage

    def head(self) -> dict[str, Any]:
        """Return what came, as fields of a list of images."""
        return {"created": self._created, "data": list(self._images), "usage": self._usage}

    def add(self, chunks: Batch[Any]) -> None:
        """Take chunks."""
        for chunk in chunks:
            self._images += chunk.data
            self._created = chunk.created if self._created is None else self._created
            self._usage = chunk.usage or self._usage
