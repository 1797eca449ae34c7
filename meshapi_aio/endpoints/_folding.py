"""
The pieces of a streamed message, and how they fold together: text, tool calls, reasoning, sound. Pure.

Gateways send tool-call pieces without index, without id, under another index than the name, with names
repeated: the rules here put them where they belong, and what never became whole is told apart.
"""

import base64
import binascii
import json
import re
from typing import Any

from .._shape import Absent, Shape, shape
from ._messages import FunctionCall, IncompleteToolCall, Message, ToolCall, reasoning_of


__all__ = ["AbsentDelta", "Delta", "FunctionDelta", "MessageFolder", "ToolCallDelta", "join_halves"]


@shape
class FunctionDelta(Shape):
    """A piece of a function call; ``arguments`` is a piece of JSON text."""

    name: str | None = None
    arguments: str | None = None


@shape
class ToolCallDelta(Shape):
    """A piece of a tool call, as it came: any of its keys may be missing."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionDelta | None = None
    thought_signature: str | None = None


@shape
class Delta(Shape):
    """What one chunk adds to a message: text, pieces of tool calls, both or neither."""

    role: str | None = None
    content: str | None = None
    tool_calls: list[ToolCallDelta] | None = None
    audio: dict[str, Any] | None = None
    reasoning_details: list[dict[str, Any]] | None = None

    @property
    def reasoning(self) -> str | None:
        """The piece of the model's reasoning, where the gateway sends it under one of its usual names."""
        return reasoning_of(self.extra)


@shape
class AbsentDelta(Absent, Delta):
    """The delta of a choice that came without one: it reads as empty, and is not given back."""


def join_halves(text: str) -> str:
    """Return a text in which the two halves of a character (UTF-16 surrogates) that came apart are one again."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


_SIGNS = re.compile(r'\\.|["{}\[\]]', re.DOTALL)


class _Call:
    """A tool call that is being received."""

    __slots__ = (
        "_cut",
        "_depth",
        "_in_text",
        "_pieces",
        "extra",
        "finished",
        "id",
        "index",
        "name",
        "signature",
        "type",
    )

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id: str | None = None
        self.type: str | None = None
        self.name: str | None = None
        self.signature: str | None = None
        self.extra: dict[str, Any] = {}
        self.finished = False
        """Whether the brackets of the arguments have closed; nothing that follows belongs to them."""
        self._pieces: list[str] = []
        self._depth = 0
        self._in_text = False
        self._cut = ""

    @property
    def arguments(self) -> str:
        return "".join(self._pieces)

    def add(self, delta: ToolCallDelta) -> None:
        """Take a piece that belongs to this call."""
        self.id = self.id or delta.id
        self.type = delta.type or self.type
        self.signature = delta.thought_signature or self.signature
        self.extra.update(delta.extra)
        function = delta.function
        if function is not None:
            self.name = self.name or function.name
            if function.arguments:
                self._pieces.append(function.arguments)
                self._follow(function.arguments)

    def _follow(self, arguments: str) -> None:
        """Count the brackets of a piece: parsing the whole at each piece would cost the square of its size."""
        text = self._cut + arguments
        # An odd number of backslashes at the end is an escape that was cut in half.
        self._cut = "\\" if (len(text) - len(text.rstrip("\\"))) % 2 else ""
        for sign in _SIGNS.findall(text):
            if sign == '"':
                self._in_text = not self._in_text
            elif not self._in_text and sign in "{}[]":
                self._depth += 1 if sign in "{[" else -1
                self.finished = self._depth <= 0

    def complete(self) -> ToolCall | None:
        """Return the call if it can be run, once nothing more can come; no arguments count as none needed."""
        arguments = self.arguments.strip() and self.arguments
        if not self.name:
            return None
        try:
            json.loads(arguments or "{}")
        except ValueError:
            return None
        function = FunctionCall(name=self.name, arguments=join_halves(arguments or "{}"))
        return ToolCall(
            id=self.id,
            type=self.type or "function",
            function=function,
            thought_signature=self.signature,
            extra=dict(self.extra),
        )

    def incomplete(self) -> IncompleteToolCall:
        """Return what came, for the record."""
        return IncompleteToolCall(
            index=self.index,
            id=self.id,
            name=self.name,
            arguments=join_halves(self.arguments),
            extra=dict(self.extra),
        )


class ToolCallFolder:
    """Puts the pieces of tool calls where they belong."""

    __slots__ = ("_calls", "_lost")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._lost: list[_Call] = []

    def add(self, delta: ToolCallDelta) -> None:
        """
        Take a piece.

        A new id starts a call, also under an index that is in use, unless the piece has no name and its index
        has a call that still lacks an id: then the id has come late. A piece without a name joins the call
        with its id, else the last unfinished one of its index, else the latest unfinished one. An equal name
        again is ignored; another name starts a call.
        """
        home = self._home(delta)
        if home is not None:
            home.add(delta)

    def _home(self, delta: ToolCallDelta) -> _Call | None:
        name = delta.function.name if delta.function is not None else None
        arguments = (delta.function.arguments if delta.function is not None else None) or ""
        if delta.id:
            for call in reversed(self._calls):
                if call.id == delta.id:
                    return call
            late = self._unfinished(delta.index)
            if late is not None and late.id is None and (not name or late.name in {None, name}):
                return late
            return self._begin(delta.index)
        candidate = self._unfinished(delta.index)
        if not name:
            if candidate is None and delta.index is not None:
                candidate = self._unfinished(None)
            if candidate is None and arguments.strip():
                # It has no call to go to, so it can't be run; it is kept for the record.
                candidate = _Call(delta.index)
                self._lost.append(candidate)
            return candidate
        if candidate is not None and candidate.name in {None, name}:
            return candidate
        again = any(call.name == name and call.index == delta.index for call in self._calls)
        if again and not arguments.strip():
            return None
        return self._begin(delta.index)

    def _begin(self, index: int | None) -> _Call:
        call = _Call(index)
        self._calls.append(call)
        return call

    def _unfinished(self, index: int | None) -> _Call | None:
        for call in reversed(self._calls):
            if not call.finished and (index is None or call.index == index):
                return call
        return None

    def fold(self, *, ended: bool) -> tuple[list[ToolCall], list[IncompleteToolCall]]:
        """Return the calls that can be run, and what came of others; before the answer ended, none can be."""
        calls: list[ToolCall] = []
        incomplete: list[IncompleteToolCall] = []
        taken = {call.id for call in self._calls}
        for position, call in enumerate(self._calls):
            whole = call.complete() if ended else None
            if whole is None:
                incomplete.append(call.incomplete())
                continue
            whole.id = whole.id or _made_up_id(position, taken)
            calls.append(whole)
        return calls, incomplete + [call.incomplete() for call in self._lost]


def _made_up_id(position: int, taken: set[str | None]) -> str:
    number = position
    while f"call_{number}" in taken:
        number += 1
    taken.add(f"call_{number}")
    return f"call_{number}"


# Unknown keys of deltas that are pieces of text; of any other the last value holds.
_TEXT_KEYS = frozenset({"reasoning", "reasoning_content", "refusal"})


class MessageFolder:
    """Folds the deltas of one choice into a message."""

    __slots__ = ("_audio", "_content", "_extra", "_reasoning_details", "_role", "_sound", "_texts", "_tools")

    def __init__(self) -> None:
        self._role: str | None = None
        self._content: list[str] = []
        self._tools: ToolCallFolder | None = None
        self._audio: dict[str, Any] = {}
        self._sound: list[str] = []
        self._reasoning_details: list[dict[str, Any]] = []
        self._texts: dict[str, list[str]] = {}
        self._extra: dict[str, Any] = {}

    def add(self, delta: Delta) -> None:
        """Take a delta."""
        if delta.content:
            self._content.append(delta.content)
        self._role = self._role or delta.role
        if delta.tool_calls:
            self._tools = self._tools or ToolCallFolder()
            for piece in delta.tool_calls:
                self._tools.add(piece)
        if delta.audio:
            self._add_audio(delta.audio)
        if delta.reasoning_details:
            self._reasoning_details += delta.reasoning_details
        for key, value in delta.extra.items():
            if key in _TEXT_KEYS and isinstance(value, str):
                self._texts.setdefault(key, []).append(value)
            elif value is not None:
                self._extra[key] = value

    def _add_audio(self, audio: dict[str, Any]) -> None:
        for key, value in audio.items():
            if key == "data" and isinstance(value, str):
                self._sound.append(value)
            elif key == "transcript" and isinstance(value, str):
                self._audio[key] = self._audio.get(key, "") + value
            elif value is not None:
                self._audio[key] = value

    def fold(self, *, ended: bool) -> Message:
        """Return the message so far; ``ended`` says that nothing more can come."""
        calls, incomplete = self._tools.fold(ended=ended) if self._tools is not None else ([], [])
        audio = dict(self._audio)
        if self._sound:
            audio["data"] = _joined_base64(self._sound)
        texts = {key: join_halves("".join(pieces)) for key, pieces in self._texts.items()}
        return Message(
            role=self._role or "assistant",
            content=join_halves("".join(self._content)) if self._content else None,
            tool_calls=calls or None,
            audio=audio or None,
            reasoning_details=list(self._reasoning_details) or None,
            incomplete_tool_calls=incomplete,
            extra={**self._extra, **texts},
        )


def _joined_base64(pieces: list[str]) -> str:
    """Join pieces of base64 that were encoded one by one, each with its own padding."""
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
    except binascii.Error:
        return "".join(pieces)
