"""
Forms with files, as multipart/form-data. Pure.

aiohttp's own percent-encodes file names as a whole (or, asked not to, escapes with backslashes), so that
``Müller.mp3`` would arrive as ``M%C3%BCller.mp3``. This is what browsers send, and so what servers know.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ._json import dumps
from ._upload import Body, Upload


__all__ = ["form"]

_UNNAMED = "upload"

# https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data: these three,
# and nothing else. So no name ends its quotes or its line.
_ESCAPED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def form(fields: Mapping[str, Any], boundary: str) -> Body:
    """
    Return a form's body: lists as repeated parts, files with their names, None left out.

    ``boundary`` must occur in no part; a random one does not.
    """
    parts: list[bytes | Upload] = []
    text = b""
    for name, value in _each(fields):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
        if isinstance(value, Upload):
            named = f'{head}; filename="{_quoted(value.filename or _UNNAMED)}"'
            text += f"{named}\r\nContent-Type: {value.content_type}\r\n\r\n".encode()
            parts += [text, value]
            text = b"\r\n"
        else:
            text += f"{head}\r\n\r\n".encode() + _text(value) + b"\r\n"
    return Body((*parts, text + f"--{boundary}--\r\n".encode()))


def _each(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                yield name, item


def _quoted(name: str) -> str:
    return name.translate(_ESCAPED)


def _text(value: Any) -> bytes:
    """Return a value as text: true and false in lower case, objects as JSON."""
    return value.encode() if isinstance(value, str) else dumps(value)
