"""Messages of a conversation, to the model and from it, and the parts they are made of. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from .._shape import Shape, local, shape


__all__ = [
    "AudioPart",
    "ContentPart",
    "FunctionCall",
    "ImagePart",
    "IncompleteToolCall",
    "Message",
    "TextPart",
    "ToolCall",
    "UnknownPart",
    "VideoPart",
    "check_any_messages",
    "check_messages",
]


@shape
class TextPart(Shape):
    """Text as one part of a message's content. ``cache_control`` marks the end of a cached prefix."""

    type: str = "text"
    text: str = ""
    cache_control: dict[str, Any] | None = None


@shape
class ImagePart(Shape):
    """An image, ``image_url={"url": …}`` with an address or a data URL, and optionally ``"detail"``."""

    type: str = "image_url"
    image_url: dict[str, Any]
    cache_control: dict[str, Any] | None = None


@shape
class AudioPart(Shape):
    """Sound, ``input_audio={"data": base64, "format": "wav"}``; ``uri`` or ``url`` in place of ``data``."""

    type: str = "input_audio"
    input_audio: dict[str, Any]
    cache_control: dict[str, Any] | None = None


@shape
class VideoPart(Shape):
    """A video, ``video_url={"url": …}``; ``fps`` is text, and stands beside the address, not inside it."""

    type: str = "video_url"
    video_url: dict[str, Any]
    fps: str | None = None
    cache_control: dict[str, Any] | None = None


@shape
class UnknownPart(Shape):
    """A part of a kind that this client does not know; all keys but ``type`` are in ``extra``."""

    type: str | None = None


ContentPart = TextPart | ImagePart | AudioPart | VideoPart | UnknownPart


@shape
class FunctionCall(Shape):
    """Which function a model wants called; ``arguments`` is JSON text."""

    name: str
    arguments: str = "{}"


@shape
class ToolCall(Shape):
    """
    One complete call of a tool.

    ``thought_signature`` has to be sent back with the call, as ``messages`` does by itself when the reply's
    message is appended.
    """

    id: str | None = None
    type: str = "function"
    function: FunctionCall
    thought_signature: str | None = None


@shape
class IncompleteToolCall(Shape):
    """What came of a tool call that never became complete JSON with a name; it cannot be run."""

    index: int | None = None
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@shape
class Message(Shape):
    """
    One message of a conversation; a reply's message can be appended to the next request as it is.

    ``content`` is text, a list of parts, or None. Make one with :meth:`system`, :meth:`user`,
    :meth:`assistant` or :meth:`tool`, or use plain dicts instead: both may be mixed freely.
    """

    role: str = "assistant"
    content: str | list[ContentPart] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    audio: dict[str, Any] | None = None
    reasoning_details: list[dict[str, Any]] | None = None
    incomplete_tool_calls: list[IncompleteToolCall] = attrs.field(factory=list, metadata=local())
    """Tool calls of a stream that were never whole; never sent."""

    @classmethod
    def system(cls, content: str | Sequence[ContentPart | Mapping[str, Any]]) -> "Message":
        """Return instructions to the model."""
        return cls(role="system", content=_content(content))

    @classmethod
    def user(
        cls, content: str | Sequence[ContentPart | Mapping[str, Any]], *, name: str | None = None
    ) -> "Message":
        """Return what the user says: text, or parts (as objects or dicts)."""
        return cls(role="user", content=_content(content), name=name)

    @classmethod
    def assistant(
        cls,
        content: str | Sequence[ContentPart | Mapping[str, Any]] | None = None,
        *,
        tool_calls: Sequence[ToolCall] | None = None,
    ) -> "Message":
        """Return what the model is to have said."""
        return cls(
            role="assistant",
            content=_content(content),
            tool_calls=list(tool_calls) if tool_calls is not None else None,
        )

    @classmethod
    def tool(
        cls, content: str | Sequence[ContentPart | Mapping[str, Any]], *, tool_call_id: str
    ) -> "Message":
        """Return the result of a tool call to the model that asked for it."""
        return cls(role="tool", content=_content(content), tool_call_id=tool_call_id)

    @property
    def text(self) -> str:
        """The content as text: of parts, the text ones joined; empty where there is none."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content if isinstance(part, TextPart))
        return self.content or ""

    @property
    def reasoning(self) -> str | None:
        """The model's reasoning as text, where the gateway sends it under one of its usual names."""
        return reasoning_of(self.extra)


def reasoning_of(extra: Mapping[str, Any]) -> str | None:
    """Return the reasoning text among unknown keys: providers call it by either of two names."""
    for name in ("reasoning", "reasoning_content"):
        if isinstance(extra.get(name), str):
            return str(extra[name])
    return None


def _content(
    content: str | Sequence[ContentPart | Mapping[str, Any]] | None,
) -> str | list[ContentPart] | None:
    if content is None or isinstance(content, str):
        return content
    parts: Any = content
    if not isinstance(parts, Sequence):
        msg = f"content must be text or a list of parts, got {content!r:.100}"
        raise TypeError(msg)
    return [part if isinstance(part, ContentPart) else Parts.of(part) for part in parts]


class Parts:
    """Which class a content part has, by its ``type``."""

    kinds: ClassVar[Mapping[str, type[TextPart | ImagePart | AudioPart | VideoPart]]] = {
        "text": TextPart,
        "image_url": ImagePart,
        "input_audio": AudioPart,
        "video_url": VideoPart,
    }

    @classmethod
    def of(cls, part: Mapping[str, Any]) -> ContentPart:
        """Return a part that the user wrote as a dict, as the object that it stands for."""
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            msg = f"a content part must be a part object or a dict with a 'type', got {part!r:.100}"
            raise TypeError(msg)
        kind: Any = cls.kinds.get(part["type"], UnknownPart)
        known = {field.name for field in attrs.fields(kind)} - {"extra"}
        extra = {key: value for key, value in part.items() if key not in known}
        made: ContentPart = kind(extra=extra, **{key: value for key, value in part.items() if key in known})
        return made


def check_messages(
    owner: object, _attribute: object, messages: Sequence[Message | Mapping[str, Any]]
) -> None:
    """
    Refuse messages that the gateway would refuse, or that would poison the conversation.

    An assistant message without text and without a tool call makes every later turn fail on some upstreams,
    with status 200 and an error event.
    """
    for position, message in enumerate(messages):
        # A dict by far the most, and Mapping is slow to ask.
        keys = message if type(message) is dict or isinstance(message, Mapping) else message.to_dict()
        role = keys.get("role")
        if role in {"user", "system", "tool"}:
            continue
        where = f"{type(owner).__name__}: messages[{position}]"
        if not isinstance(role, str) or not role:
            msg = f"{where} has no role; it needs one such as 'system', 'user', 'assistant' or 'tool'"
            raise ValueError(msg)
        if role == "assistant" and _is_empty(keys):
            incomplete = isinstance(message, Message) and message.incomplete_tool_calls
            msg = f"{where} is an assistant message with neither text nor a complete tool call"
            msg += f" ({len(incomplete)} incomplete)" if incomplete else ""
            raise ValueError(msg + "; sending it would spoil the conversation, so leave it out")


def check_any_messages(call: Any) -> None:
    """Check that a call has messages, or a template that brings them."""
    if not call.messages and call.template is None:
        msg = f"{type(call).__name__}: messages is empty; it needs at least one message, or a template"
        raise ValueError(msg)


def _is_empty(message: Mapping[str, Any]) -> bool:
    if any(message.get(key) for key in ("tool_calls", "audio", "function_call", "refusal")):
        return False
    content = message.get("content")
    return not (any(map(_says_something, content)) if isinstance(content, list) else content)


def _says_something(part: object) -> bool:
    if isinstance(part, TextPart):  # inside a message that is a dict
        return bool(part.text)
    if isinstance(part, Mapping) and part.get("type") == "text":
        return bool(part.get("text"))
    return True
