"""
What must not be written down: credentials, wherever they stand, and the places where they stand.

Pure but for what a ``Pieces`` holds back; this room performs no I/O.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias
from urllib.parse import quote

from ._json import JSON, is_array, is_object
from ._received import SECRET_HEADERS


REDACTED = "[redacted]"

Span: TypeAlias = tuple[int, int]
Piece: TypeAlias = tuple[float, bytes]
"""When it came, in seconds, and what it is."""

_SHORTEST = 8  # characters: what is shorter keeps nobody out, and is part of any text

# The parameters that let whoever has an address in: those of the signed addresses of the large stores (S3,
# Cloud Storage, Azure, OSS), and the common names of keys.
_PARAMETERS = (
    "x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature|x-goog-credential|signature|sig|"
    "awsaccesskeyid|googleaccessid|ossaccesskeyid|security-token|access_token|token|"
    "api[-_]?key|key|secret|password"
)
_PARAMETER = re.compile(_PARAMETERS, re.IGNORECASE)
# In an address that stands in JSON or HTML, the ampersand may be escaped.
_IN_AN_ADDRESS = rf"(?i:(?<=[?&;])|(?<=\\u0026))(?i:{_PARAMETERS})=(?P<value>[!$%(-;=?-\[\]-~]{{1,4096}})"

# Pieces are held back until one ends with a byte that is part of no credential and no address, as the events
# of a stream do. What goes on for so long is no text, and of it the end is held, twice the longest secret.
_NO_SECRET_BYTE = re.compile(rb"[^!#-;=?-~]")
_MOST_HELD = 64 * 1024
_LONGEST = 2 * 4096


class Secrets:
    """The credentials of one request, which are to be found in nothing that is written of it."""

    def __init__(self, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
        known = {*_of_headers(headers), *(text for name, text in query.items() if is_parameter(name))}
        known = {secret for secret in known if len(secret) >= _SHORTEST}
        known |= {quote(secret, safe="") for secret in known}
        # The longest first: one may be part of another.
        forms = [re.escape(secret) for secret in sorted(known, key=len, reverse=True)]
        self._pattern = re.compile("|".join([*forms, _IN_AN_ADDRESS]))

    def spans(self, text: str) -> Iterator[Span]:
        """Yield where the secrets of a text begin and end."""
        for match in self._pattern.finditer(text):
            yield match.span("value") if match["value"] is not None else match.span()

    def clean(self, text: str) -> str:
        """Return a text without its secrets."""
        return self._pattern.sub(_without, text)

    def clean_bytes(self, data: bytes) -> bytes:
        """Return bytes without the secrets in them."""
        return self.clean(data.decode("latin-1")).encode("latin-1")

    def clean_json(self, value: JSON) -> JSON:
        """Return a JSON value without the secrets in its texts and names."""
        if isinstance(value, str):
            return self.clean(value)
        if is_object(value):
            return {self.clean(name): self.clean_json(member) for name, member in value.items()}
        return [self.clean_json(member) for member in value] if is_array(value) else value


def is_parameter(name: str) -> bool:
    """Return whether the value of a query's parameter is a credential."""
    return _PARAMETER.fullmatch(name) is not None


def _of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the credentials in headers: ``Bearer CREDENTIAL``, ``name=CREDENTIAL; …``, or a key alone."""
    for name, value in headers.items():
        if name.lower() == "cookie":
            yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
        elif name.lower() in SECRET_HEADERS:
            yield value.strip().rpartition(" ")[2]


def _without(match: re.Match[str]) -> str:
    """Return what stands in place of a secret; of a parameter the name stays."""
    value = match["value"]
    return REDACTED if value is None else match[0].removesuffix(value) + REDACTED


class Pieces:
    """
    A body in pieces, each without its secrets, also those that begin in one piece and end in another.

    Such a secret is replaced where it begins. The boundaries of the pieces stay. What is held back to this
    end is a piece and some kilobytes at most.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._held: list[Piece] = []
        self._size = 0

    def feed(self, piece: Piece) -> list[Piece]:
        """Take a piece, and return those that can be written down."""
        self._held.append(piece)
        self._size += len(piece[1])
        if _NO_SECRET_BYTE.match(piece[1][-1:]):
            return self.end()
        return self._release(self._size - _LONGEST) if self._size > _MOST_HELD else []

    def end(self) -> list[Piece]:
        """Return what is left."""
        return self._release(self._size)

    def _release(self, limit: int) -> list[Piece]:
        """Return the pieces that end within so many bytes, and part no secret."""
        joined = b"".join(data for _, data in self._held).decode("latin-1")
        spans = list(self._secrets.spans(joined))
        for begin, end in spans:
            if begin < limit < end:
                limit = begin
        released: list[Piece] = []
        begin = 0
        for at, data in self._held:
            if begin + len(data) > limit:
                break
            released.append((at, _cleaned(data, begin, spans)))
            begin += len(data)
        del self._held[: len(released)]
        self._size -= begin
        return [piece for piece in released if piece[1]]


def _cleaned(data: bytes, offset: int, spans: list[Span]) -> bytes:
    """Return a piece, which begins at an offset of the whole, without what the spans cover."""
    kept = bytearray()
    position = 0
    for span in spans:
        begin, end = (min(max(place - offset, 0), len(data)) for place in span)
        if begin < end:
            kept += data[position:begin]
            kept += REDACTED.encode() if span[0] >= offset else b""
            position = end
    return bytes(kept + data[position:])
