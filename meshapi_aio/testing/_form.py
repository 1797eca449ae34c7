"""
Multipart forms as their parts.

A pure function over bytes; this room performs no I/O.
"""

import itertools
import re
from email.message import Message
from email.utils import collapse_rfc2231_value
from urllib.parse import unquote

import attrs


_BOUNDARY = re.compile(r'boundary="?([^";]+)', re.IGNORECASE)


@attrs.frozen
class Part:
    """One part of a form; ``filename`` is None where it is a field and no file."""

    name: str
    content: bytes = attrs.field(repr=False)
    filename: str | None = None
    content_type: str | None = None

    @property
    def text(self) -> str:
        """The content as text; what is no UTF-8 is replaced."""
        return self.content.decode(errors="replace")


def form_parts(content_type: str, body: bytes) -> list[Part] | None:
    """Return the parts in their order, None where this is no multipart form."""
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or boundary is None:
        return None
    # The line end before a boundary belongs to it, and the first has none (RFC 2046, section 5.1.1).
    between = rb"\r\n--%b(--)?[ \t]*(?=\r\n|\Z)" % re.escape(boundary[1].strip().encode())
    pieces = re.split(between, b"\r\n" + body)
    whole = itertools.takewhile(lambda piece: not piece[0], zip(pieces[1::2], pieces[2::2], strict=True))
    parts = [_part(piece) for _, piece in whole]
    return [part for part in parts if part is not None]


def _part(piece: bytes) -> Part | None:
    """Return the part between two boundaries, None for what has no name."""
    head, _, content = piece.partition(b"\r\n\r\n")
    headers = Message()
    for line in head.decode(errors="replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip()] = value.strip()
    named = _parameter(headers, "name")
    if named is None:
        return None
    filename = _parameter(headers, "filename")
    return Part(named, content, filename, headers["Content-Type"] and headers.get_content_type())


def _parameter(headers: Message, name: str) -> str | None:
    """Return a parameter of the content disposition as browsers write it, else as e-mail does."""
    found = re.search(rf';[ \t]*{name}="([^"]*)"', headers["Content-Disposition"] or "", re.IGNORECASE)
    if found is None:
        told = headers.get_param(name, header="content-disposition")
        return None if told is None else collapse_rfc2231_value(told)
    text = found[1]
    # A backslash stands for itself (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html).
    for escaped in ("%22", "%0D", "%0A"):
        text = text.replace(escaped, unquote(escaped))
    return text
