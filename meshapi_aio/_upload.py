"""
Files to send: what is in them, what they are called, and what they are.

Pure: a file object is asked where it stands, and nothing is opened or read here. That happens in
``_transport/``, anew for each attempt.
"""

import io
import mimetypes
import os
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Protocol

import attrs


__all__ = ["BinaryFile", "Body", "Source", "Upload", "Uploadable", "as_upload"]


class BinaryFile(Protocol):
    """A file object that was opened in binary mode; one that can also seek may be sent again."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end."""
        ...


Source = bytes | bytearray | memoryview | os.PathLike[str] | BinaryFile
"""Where the bytes of an upload come from."""

_OCTETS = "application/octet-stream"
_CONTENT_TYPE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


class Upload:
    """
    A file to be sent: bytes, a path, or a file object that was opened in binary mode.

    ``filename`` is by default the path's or the file object's own, ``content_type`` what that name stands for
    (else ``application/octet-stream``). ``on_progress(sent, total)`` is called in the event loop with the
    bytes of this file that went to the network and their number, None where it can't be known: with 0 as an
    attempt begins, then after each piece. What it raises ends the call.

    A path is opened anew for each attempt, and a file object is rewound to where it stands now; it is not
    closed. What can't be rewound, such as a pipe, is sent once: after its first bytes nothing is tried again.
    """

    __slots__ = ("content_type", "filename", "on_progress", "source", "spent", "start")

    def __init__(
        self,
        source: Source,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        on_progress: Callable[[int, int | None], object] | None = None,
    ) -> None:
        self.source: bytes | os.PathLike[str] | BinaryFile = _checked(source)
        self.filename = _own_name(self.source) if filename is None else filename
        if self.filename is not None and (not isinstance(self.filename, str) or not self.filename):
            msg = f"Upload: filename must be the name of a file, got {self.filename!r}"
            raise ValueError(msg)
        self.content_type = _guessed(self.filename) if content_type is None else content_type
        if not isinstance(self.content_type, str) or not _CONTENT_TYPE.fullmatch(self.content_type):
            msg = f"Upload: content_type must be such as 'audio/mpeg', got {self.content_type!r}"
            raise ValueError(msg)
        if on_progress is not None and not callable(on_progress):
            msg = f"Upload: on_progress must be a function of two numbers, got {on_progress!r}"
            raise TypeError(msg)
        self.on_progress = on_progress
        self.start = _position(self.source)
        """Where a file object stood; None for one that can't be rewound, and for what is no file object."""
        self.spent = False
        """Whether bytes were taken that can't be had again."""

    def __repr__(self) -> str:
        return f"<Upload of {self.shown}, {self.content_type}>"

    @property
    def shown(self) -> str:
        """What it is called in errors."""
        if isinstance(self.source, bytes):
            return (
                f"{self.filename!r} ({len(self.source)} bytes)" if self.filename else "bytes without a name"
            )
        if isinstance(self.source, os.PathLike):
            return repr(os.fspath(self.source))
        return repr(self.filename) if self.filename else repr(self.source)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Upload):
            return NotImplemented
        return (self.source, self.filename, self.content_type) == (
            other.source,
            other.filename,
            other.content_type,
        )

    def __hash__(self) -> int:
        return hash((self.filename, self.content_type))

    def named(
        self,
        filename: str | None = None,
        content_type: str | None = None,
        on_progress: Callable[[int, int | None], object] | None = None,
    ) -> "Upload":
        """Return the same file with these in place of its own."""
        name = filename or self.filename
        kept = self.content_type if filename is None or self.content_type != _guessed(self.filename) else None
        copy = Upload(
            self.source,
            filename=name,
            content_type=content_type or kept,
            on_progress=on_progress or self.on_progress,
        )
        copy.start, copy.spent = self.start, self.spent
        return copy


Uploadable = Upload | Source | tuple[str, Source] | tuple[str, Source, str]
"""What a call takes for a file: an :class:`Upload`, what one is made of, or ``(filename, content)`` and
``(filename, content, content_type)``."""


def as_upload(value: Any) -> Any:
    """Make an :class:`Upload` of what is given for a file; None stays."""
    if value is None or isinstance(value, Upload):
        return value
    if isinstance(value, tuple):
        if len(value) not in {2, 3}:
            msg = (
                "a file as a tuple must be (filename, content) or (filename, content, content_type), "
                f"got {len(value)} items"
            )
            raise TypeError(msg)
        return Upload(value[1], filename=value[0], content_type=value[2] if len(value) == 3 else None)
    return Upload(value)


def _checked(source: Any) -> bytes | os.PathLike[str] | BinaryFile:
    if isinstance(source, str):
        msg = (
            f"Upload: text is neither a file nor its content; is it a path? Then write Path({source[:100]!r})"
        )
        raise TypeError(msg)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, os.PathLike):
        if not os.fspath(source):
            msg = "Upload: an empty path is no file"
            raise ValueError(msg)
        return source
    if not callable(getattr(source, "read", None)):
        msg = f"Upload: expected bytes, a Path or a file object opened with open(…, 'rb'), got {source!r}"
        raise TypeError(msg)
    if getattr(source, "closed", False):
        msg = f"Upload: the file object {source!r} is closed"
        raise ValueError(msg)
    # Asked for nothing, since not every file of text is a TextIOBase, and no pipe waits for that.
    if isinstance(source, io.TextIOBase) or isinstance(source.read(0), str):
        msg = f"Upload: {source!r} was opened as text; open it with open(…, 'rb')"
        raise TypeError(msg)
    file: BinaryFile = source
    return file


def _own_name(source: object) -> str | None:
    if isinstance(source, bytes):
        return None
    name = source if isinstance(source, os.PathLike) else getattr(source, "name", None)
    # Of some file objects the name is a descriptor, or such as "<stdin>".
    if not isinstance(name, (str, os.PathLike)) or str(name).startswith("<"):
        return None
    last = PurePath(os.fsdecode(name)).name
    # Names that are no text to the system come as halves of characters, which can't be sent.
    return last.encode("utf-8", "replace").decode() or None


def _guessed(filename: str | None) -> str:
    kind, packed = mimetypes.guess_type(filename or "")
    return kind if kind is not None and packed is None else _OCTETS


def _position(source: Any) -> int | None:
    if isinstance(source, (bytes, os.PathLike)):
        return None
    try:
        position: int | None = source.tell() if source.seekable() else None
    except (AttributeError, OSError):
        return None
    return position


@attrs.frozen
class Body:
    """A body that is sent piece by piece: bytes that are here, and files that are read as they go out."""

    parts: tuple[bytes | Upload, ...]
