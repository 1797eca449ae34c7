"""What a chunk adds to an answer, and how such pieces fold together. Pure."""

import base64
from typing import Any

from .._shape import Absent, Shape, shape
from ._messages import Message, reasoning_of
from ._text import join_halves
from ._tool_calls import FunctionDelta, ToolCallDelta, ToolCallFolder


__all__ = ["AbsentDelta", "ChoiceFolder", "Delta", "MessageFolder", "delta_of"]


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


def delta_of(message: Message) -> Delta:
    """Return a whole message as the one delta that says the same; of parts, the text."""
    calls = [
        ToolCallDelta(
            index=index,
            id=call.id,
            type=call.type,
            function=FunctionDelta(
                name=call.function.name, arguments=call.function.arguments, extra=call.function.extra
            ),
            thought_signature=call.thought_signature,
            extra=call.extra,
        )
        for index, call in enumerate(message.tool_calls or [])
    ]
    return Delta(
        role=message.role,
        content=message.text or None,
        tool_calls=calls or None,
        audio=message.audio,
        reasoning_details=message.reasoning_details,
        extra=message.extra,
    )


class _Folder:
    """Folds JSON objects: texts of the given keys are joined, of any other key the last value holds."""

    __slots__ = ("_last", "_text_keys", "_texts")

    def __init__(self, *text_keys: str) -> None:
        self._text_keys = text_keys
        self._texts: dict[str, list[str]] = {}
        self._last: dict[str, Any] = {}

    def add(self, piece: dict[str, Any]) -> None:
        for key, value in piece.items():
            if key in self._text_keys and isinstance(value, str):
                self._texts.setdefault(key, []).append(value)
            elif value is not None:
                self._last[key] = value

    def pieces(self, key: str) -> list[str]:
        return self._texts.get(key, [])

    def fold(self) -> dict[str, Any]:
        texts = {key: join_halves("".join(pieces)) for key, pieces in self._texts.items()}
        return {**self._last, **texts}


class MessageFolder:
    """
    Folds the deltas of one choice into a message.

    What most answers are without is made when it comes: of 1,000 open streams each would weigh 0.7 KiB more.
    """

    __slots__ = ("_audio", "_content", "_others", "_reasoning_details", "_role", "_tools")

    def __init__(self) -> None:
        self._role: str | None = None
        self._content: list[str] = []
        self._tools: ToolCallFolder | None = None
        self._audio: _Folder | None = None
        self._reasoning_details: list[dict[str, Any]] | None = None
        self._others: _Folder | None = None

    def add(self, delta: Delta) -> None:
        """Take a delta."""
        if delta.content:
            self._content.append(delta.content)
        if self._role is None:
            self._role = delta.role
        if delta.tool_calls:
            self._tools = self._tools or ToolCallFolder()
            for piece in delta.tool_calls:
                self._tools.add(piece)
        if delta.audio:
            self._audio = self._audio or _Folder("data", "transcript")
            self._audio.add(delta.audio)
        if delta.reasoning_details:
            self._reasoning_details = self._reasoning_details or []
            self._reasoning_details += delta.reasoning_details
        if delta.extra:
            self._others = self._others or _Folder("reasoning", "reasoning_content", "refusal")
            self._others.add(delta.extra)

    def extend(self, delta: Delta, path: str, texts: list[str]) -> bool:
        """
        Take the texts of deltas that are like this one but for the text at a path.

        Returns False, and takes nothing, where that is not all that they add.
        """
        if delta.audio or delta.reasoning_details or delta.extra:
            return False
        if path == "content" and not delta.tool_calls:
            self._content += filter(None, texts)
            return True
        pieces = delta.tool_calls or []
        if path == "tool_calls[].function.arguments" and len(pieces) == 1 and not delta.content:
            return self._tools is not None and self._tools.extend(pieces[0], texts)
        return False

    def fold(self, *, ended: bool, cut_off: bool = False) -> Message:
        """
        Return the message so far.

        ``ended`` says that nothing more can come, ``cut_off`` that the model did not end it by itself.
        """
        calls, incomplete = (
            self._tools.fold(ended=ended, cut_off=cut_off) if self._tools is not None else ([], [])
        )
        audio = None if self._audio is None else self._audio.fold()
        sound = None if self._audio is None else self._audio.pieces("data")
        if audio and sound:
            audio["data"] = _joined_base64(sound)
        return Message(
            role=self._role or "assistant",
            content=join_halves("".join(self._content)) if self._content else None,
            tool_calls=calls or None,
            audio=audio or None,
            reasoning_details=None if self._reasoning_details is None else list(self._reasoning_details),
            incomplete_tool_calls=incomplete,
            extra={} if self._others is None else self._others.fold(),
        )


def _joined_base64(pieces: list[str]) -> str:
    """Join pieces of base64: each encoded by itself, with its own padding, or one that was cut anywhere."""
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
    except ValueError:
        return "".join(pieces)


class _LogprobsFolder:
    """Folds the log probabilities of one choice: lists are joined, of anything else the last value holds."""

    __slots__ = ("_lists", "_others")

    def __init__(self) -> None:
        self._lists: dict[str, list[Any]] = {}
        self._others: Any = None

    def add(self, logprobs: Any) -> None:
        """Take the log probabilities of a chunk."""
        if not isinstance(logprobs, dict):
            self._others = logprobs
            return
        if not isinstance(self._others, dict):
            self._others = {}
        for key, value in logprobs.items():
            if isinstance(value, list):
                self._lists.setdefault(key, []).extend(value)
            else:
                self._others[key] = value

    def fold(self) -> Any:
        """Return them so far; None where there were none."""
        if not isinstance(self._others, dict):
            return self._others
        return {**self._others, **{key: list(items) for key, items in self._lists.items()}}


# With these a model did not end its answer by itself, so that a call without arguments may lack them.
_CUT_OFF = frozenset({"length", "content_filter"})


class ChoiceFolder:
    """Folds what the chunks say of one answer."""

    __slots__ = ("_logprobs", "_others", "finish_reason", "message")

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.message = MessageFolder()
        self._logprobs: _LogprobsFolder | None = None
        self._others: _Folder | None = None

    def add(self, delta: Delta, finish_reason: str | None, logprobs: Any, others: dict[str, Any]) -> None:
        """Take what a chunk says; ``others`` are the keys that this client does not know."""
        self.message.add(delta)
        if finish_reason is not None:
            self.finish_reason = finish_reason
        if logprobs is not None:
            self._logprobs = self._logprobs or _LogprobsFolder()
            self._logprobs.add(logprobs)
        if others:
            self._others = self._others or _Folder()
            self._others.add(others)

    def fold(self, *, whole: bool) -> dict[str, Any]:
        """Return the answer so far; ``whole`` says that nothing is missing."""
        reason = self.finish_reason
        # What ended in an error did not end, as far as tool calls are concerned.
        ended = reason != "error" and (whole or reason is not None)
        return {
            "message": self.message.fold(ended=ended, cut_off=reason in _CUT_OFF),
            "finish_reason": reason,
            "logprobs": None if self._logprobs is None else self._logprobs.fold(),
            "extra": {} if self._others is None else self._others.fold(),
        }
