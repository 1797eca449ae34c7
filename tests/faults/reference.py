"""
Slow readers of the same things, written from the rules and not from the client, for it to be compared with.

They take one byte, one line or one piece after the other, keep everything, and look at all of it each time.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import attrs

from meshapi_aio.sse import ServerSentEvent


__all__ = ["Folded", "Piece", "Reference", "fold_by_the_rules", "read_by_the_book"]

_BOM = b"\xef\xbb\xbf"


@attrs.define
class Reference:
    """An event stream interpreted byte by byte, as section 9.2.6 of the HTML standard puts it."""

    limit: int
    events: list[ServerSentEvent] = attrs.field(factory=list)
    places: list[int] = attrs.field(factory=list)
    """For each event, how many bytes had to come for it."""
    too_large: int | None = None
    """How many bytes had come when the limit was exceeded; None where it was not."""
    last_event_id: str = ""
    retry: int | None = None
    _count: int = 0
    _opening: bytes | None = b""
    _after_cr: bool = False
    _line: bytes = b""
    _data: str = ""
    _type: str = ""
    _id: str = ""
    _held: int = 0

    def take(self, byte: bytes) -> None:
        """Take the next byte."""
        if self.too_large is not None:
            return
        self._count += 1
        if self._opening is None:
            self._take(byte)
            return
        # "The UTF-8 decode algorithm strips one leading BOM, if any."
        self._opening += byte
        if self._opening == _BOM:
            self._opening = None
        elif not _BOM.startswith(self._opening):
            opening, self._opening = self._opening, None
            for index in range(len(opening)):
                self._take(opening[index : index + 1])

    def _take(self, byte: bytes) -> None:
        if self.too_large is not None:
            return
        # "Lines must be separated by either a CRLF pair, a single LF, or a single CR."
        after_cr, self._after_cr = self._after_cr, byte == b"\r"
        if byte == b"\n" and after_cr:
            return
        if byte in {b"\r", b"\n"}:
            line, self._line = self._line, b""
            self._interpret(line)
            return
        self._line += byte
        if self._held + len(self._line) > self.limit:
            self.too_large = self._count

    def _interpret(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        if not text:
            self._dispatch()
        elif not text.startswith(":"):
            field, _, value = text.partition(":")
            self._process(field, value.removeprefix(" "), len(line))

    def _process(self, field: str, value: str, size: int) -> None:
        if field == "event":
            self._type = value
        elif field == "data":
            self._data += value + "\n"
            self._held += size
        elif field == "id":
            self._id = self._id if "\0" in value else value
        elif field == "retry" and re.fullmatch("[0-9]+", value):
            # Where the standard sets no bound the client sets one.
            self.retry = int(value) if int(value) < 10**18 else self.retry

    def _dispatch(self) -> None:
        self.last_event_id = self._id
        if self._data:
            data = self._data.removesuffix("\n")
            self.events.append(ServerSentEvent(self._type or "message", data, self._id, self.retry))
            self.places.append(self._count)
        self._data, self._type, self._held = "", "", 0

    @property
    def pending(self) -> str | None:
        """The data that a blank line would dispatch now; None where it would dispatch nothing."""
        if self.too_large is not None:
            return None
        ended = attrs.evolve(self, events=list(self.events), places=[])
        ended._interpret(self._line)
        data = ended._data if self._line else self._data
        return data.removesuffix("\n") if data else None


def read_by_the_book(stream: bytes, limit: int = 10**9) -> Reference:
    """Interpret a whole stream."""
    reference = Reference(limit)
    for index in range(len(stream)):
        reference.take(stream[index : index + 1])
    return reference


@attrs.frozen
class Piece:
    """A piece of a tool call."""

    index: int | None
    id: str | None
    name: str | None
    arguments: str | None


@attrs.define
class Folded:
    """A tool call that pieces were put into."""

    index: int | None
    id: str | None = None
    name: str | None = None
    arguments: list[str] = attrs.field(factory=list)
    closed_by: int | None = None
    """Which of the pieces closed the brackets; None while they are open."""

    @property
    def text(self) -> str:
        """The arguments so far."""
        return "".join(self.arguments)

    @property
    def is_placeholder(self) -> bool:
        """Whether the arguments are an empty object that came in one piece."""
        if self.closed_by is None:
            return False
        return "".join(self.arguments[: self.closed_by + 1]).strip() == "{}" and (
            self.arguments[self.closed_by].strip() == "{}"
        )

    def add(self, piece: Piece) -> None:
        """Take a piece."""
        self.id = self.id or piece.id
        self.name = self.name or piece.name
        if piece.arguments:
            self.arguments.append(piece.arguments)
            if self.closed_by is None and _closes(self.text):
                self.closed_by = len(self.arguments) - 1

    def empty(self) -> None:
        """Forget a placeholder."""
        self.arguments, self.closed_by = [], None


def _closes(text: str) -> bool:
    """Tell whether the first bracket of a text that begins like JSON is closed in it."""
    depth, quoted, escaped = 0, False, False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in "{[":
            depth += 1
        elif not quoted and character in "}]":
            depth -= 1
            if depth <= 0:
                return True
    return False


def fold_by_the_rules(pieces: Sequence[Piece]) -> tuple[list[Folded], list[Folded]]:
    """Return the calls in their order, and what belongs to none; the rules are ``ToolCallFolder``'s."""
    folder = _Folder()
    for piece in pieces:
        home = folder.home(piece)
        if home is not None:
            home.add(piece)
            if piece.id:
                folder.ids.append((piece.id, home))
            if home.name:
                folder.names.append((home.index, home.name, home))
    return folder.calls, list(folder.astray.values())


class _Folder:
    def __init__(self) -> None:
        self.calls: list[Folded] = []
        self.astray: dict[int | None, Folded] = {}
        self.ids: list[tuple[str, Folded]] = []
        self.names: list[tuple[int | None, str, Folded]] = []
        # In the order in which they were begun or emptied: the latest that is open comes first.
        self.begun: list[Folded] = []

    def home(self, piece: Piece) -> Folded | None:
        name = piece.name or None
        arguments = piece.arguments if piece.arguments and piece.arguments.strip() else ""
        if piece.id:
            return self.by_id(piece.id, piece.index, name, arguments)
        here = self.open(piece.index)
        if name:
            if here is not None and here.name in {None, name}:
                return here
            again = [one for index, its, one in self.names if its == name and piece.index in {None, index}]
            return again[-1] if again and not arguments else self.begin(piece.index)
        if not arguments:
            return here or self.last(piece.index)
        return here or self.open(None) or self.stray(piece.index)

    def by_id(self, key: str, index: int | None, name: str | None, arguments: str) -> Folded | None:
        known = [one for its, one in self.ids if its == key]
        if not known:
            late = self.open(index)
            if late is None and name is None:
                late = self.open(None) if arguments else self.last(index)
            fits = late is not None and late.id is None and (name is None or late.name in {None, name})
            return late if fits else self.begin(index)
        call = known[-1]
        if name is not None and call.name not in {None, name}:
            return self.begin(index)
        if call.closed_by is None or not arguments:
            return call
        if call.is_placeholder:
            return self.reopen(call)
        if name is None:
            return call
        return None if (name, arguments) == (call.name, call.text) else self.begin(index)

    def stray(self, index: int | None) -> Folded:
        last = self.last(index)
        if last is None:
            return self.begin(index)
        if last.is_placeholder:
            return self.reopen(last)
        return self.astray.setdefault(index, Folded(index))

    def begin(self, index: int | None) -> Folded:
        self.calls.append(Folded(index))
        return self.reopen(self.calls[-1])

    def reopen(self, call: Folded) -> Folded:
        call.empty()
        self.begun.append(call)
        return call

    def open(self, index: int | None) -> Folded | None:
        found = [one for one in self.begun if one.closed_by is None and index in {None, one.index}]
        return found[-1] if found else None

    def last(self, index: int | None) -> Folded | None:
        found = [one for one in self.calls if index in {None, one.index}]
        return found[-1] if found else None


def as_said(value: Any) -> Any:
    """Return decoded JSON without what says nothing: nulls, and lists and objects that hold nothing else."""
    if isinstance(value, dict):
        members = {key: as_said(item) for key, item in value.items()}
        return {key: item for key, item in members.items() if item is not None and item not in ([], {})}
    if isinstance(value, list):
        return [as_said(item) for item in value]
    return value


def decoded(text: str) -> Any:
    """Return JSON decoded; None for what is none, and for null."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
