"""What commands read: prompts, files that are attached to a message, and those that are parts of a call."""

import base64
import codecs
import html
import sys
from collections.abc import Sequence
from pathlib import Path

from meshapi_aio.endpoints._messages import ContentPart, ImagePart, Message, TextPart

from ._failures import MisuseError


__all__ = ["STDIN", "as_image", "as_text", "attach", "content_of", "message", "prompt_from_stdin"]

STDIN = "-"
"""The name of standard input."""

# By their first bytes, since names lie: what the gateway's models take as images.
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def prompt_from_stdin() -> str:
    """Return the text that standard input holds, without the line ends at its end."""
    text = as_text(_stdin())
    if text is None:
        msg = "standard input is no text in UTF-8; --file - attaches an image"
        raise MisuseError(msg)
    return text.rstrip("\r\n")


def attach(path: str) -> ContentPart:
    """Return a file as a part of a message; it is a misuse of the command if it can't be one."""
    content = content_of(path, f"--file {path}")
    image = as_image(content)
    if image is not None:
        return ImagePart(image_url={"url": image})
    text = as_text(content)
    if text is None:
        msg = f"--file {path}: neither text in UTF-8 nor an image of the kinds PNG, JPEG, GIF and WebP"
        raise MisuseError(msg)
    name = "standard input" if path == STDIN else Path(path).name
    return TextPart(text=f'<file name="{html.escape(name)}">\n{text}\n</file>')


def content_of(path: str, told: str) -> bytes:
    """Return what a file holds; it is a misuse of the command, told as this, if it can't be read."""
    try:
        return _stdin() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        msg = f"{told}: {error.strerror}"
        raise MisuseError(msg) from None


def message(prompt: str, attachments: Sequence[ContentPart]) -> Message:
    """
    Return the user's message: what is attached, in its order, then the prompt.

    It is one text where there is no image, which every model takes.
    """
    parts = [*attachments, TextPart(text=prompt)] if prompt else list(attachments)
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    return Message.user("\n\n".join(texts) if len(texts) == len(parts) else parts)


def _stdin() -> bytes:
    return b"" if sys.stdin is None else sys.stdin.buffer.read()


def as_image(content: bytes) -> str | None:
    """Return an image as a ``data:`` URL, None for anything else."""
    kind = next((kind for begin, kind in _IMAGES.items() if content.startswith(begin)), None)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        kind = "image/webp"
    return None if kind is None else f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def as_text(content: bytes) -> str | None:
    """Return the text that bytes stand for, None where they are none."""
    # Windows PowerShell writes UTF-16 into files, with a byte order mark.
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
