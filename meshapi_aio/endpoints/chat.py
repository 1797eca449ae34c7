"""
Chat completions: ``client.chat.completions``.

The wire facts are those of the gateway's documentation of ``POST /v1/chat/completions`` and of its production
behaviour where that differs; such places say so.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import attrs

from .._batch import Batch
from .._family import Family, Namespace, create_method, stream_method
from .._shape import Reply, Shape, shape
from .._stream import Stream
from ..call import Call, StreamCall, fields, post
from ..errors import MeshAPIError, StreamAPIError
from ._completion import FAILED, HEAD, CompletionFolder, error_of
from ._folding import AbsentDelta, Delta, delta_of
from ._messages import Message, check_any_messages, check_messages
from ._shared import (
    Usage,
    at_most_characters,
    between,
    check_stream_left_alone,
    gateway_seconds,
    positive,
    unstreamed,
)
from ._text import TextJoiner, TextStream


__all__ = [
    "Chat",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatCompletionStream",
    "Choice",
    "ChunkChoice",
    "Completions",
    "CreateChatCompletion",
    "StreamChatCompletion",
]


@shape
class Choice(Shape):
    """One of the answers of a completion."""

    index: int | None = None
    message: Message
    finish_reason: str | None = None
    """Why the model stopped: ``stop``, ``length``, ``tool_calls``, …; an open set."""
    logprobs: Any = None


@shape
class ChatCompletion(Reply):
    """
    A whole answer.

    ``choices`` may be empty. ``model`` may be the upstream's name of the model. ``usage`` is None where the
    gateway did not send it; ``cost`` (USD, a decimal text) is absent in production, where the price of a call
    comes from its usage events by ``request_id``. The ``x_…`` fields come with ``model="auto"``.
    """

    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[Choice]
    usage: Usage | None = None
    system_fingerprint: str | None = None
    cost: str | float | None = None
    x_auto_routed: bool | None = None
    x_resolved_model_id: str | None = None
    x_auto_routed_fallback: bool | None = None
    x_auto_routed_fallback_reason: str | None = None
    x_classifier_usage: list[dict[str, Any]] | None = None

    def _spoilt(self) -> Any:
        return error_of(self.choices)


@shape
class ChunkChoice(Shape):
    """What a chunk adds to one of the answers."""

    index: int | None = None
    delta: Delta = attrs.field(factory=AbsentDelta)
    finish_reason: str | None = None
    logprobs: Any = None


@shape
class ChatCompletionChunk(Shape):
    """
    One event of a streamed answer, as it came.

    Any key may be missing. The last chunk usually has no choices, and the usage.
    """

    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[ChunkChoice] = attrs.field(factory=list)
    usage: Usage | None = None
    system_fingerprint: str | None = None
    cost: str | float | None = None

    @property
    def text(self) -> str:
        """
        The text that the chunk adds to the first answer, empty where it adds none.

        It may hold half of a character, whose other half comes in the next chunk, and which ``print``
        refuses; ``stream.text_stream`` joins them.
        """
        for choice in self.choices:
            if not choice.index:
                return choice.delta.content or ""
        return ""


class ChatCompletionStream(Stream[ChatCompletionChunk]):
    """A streamed answer: its chunks, its text, and at the end the whole completion."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._folder = CompletionFolder()
        self._text = TextJoiner()

    @property
    def text_stream(self) -> TextStream:
        """The text of the first answer, piece by piece, every character whole."""
        return TextStream(self, self._text)

    @classmethod
    def chunks_of(cls, completion: ChatCompletion) -> list[ChatCompletionChunk]:
        """Return a whole answer as the one chunk that says the same."""
        head = {name: getattr(completion, name) for name in HEAD}
        choices = [
            ChunkChoice(
                index=choice.index,
                delta=delta_of(choice.message),
                finish_reason=choice.finish_reason,
                logprobs=choice.logprobs,
                extra=choice.extra,
            )
            for choice in completion.choices
        ]
        return [
            ChatCompletionChunk(
                object="chat.completion.chunk", choices=choices, extra=completion.extra, **head
            )
        ]

    async def get_final_completion(self) -> ChatCompletion:
        """
        Read what is left, and return the whole answer: text, tool calls, finish reasons, usage.

        It raises what iterating raises, also when that was raised before.
        """
        await self._drain()
        return self._folded()

    def _fold(self, chunks: Batch[ChatCompletionChunk]) -> None:
        self._folder.add(chunks)

    def _folded(self) -> ChatCompletion:
        whole = self._finished and self._failure is None
        choices = [Choice(**choice) for choice in self._folder.choices(whole=whole)]
        assert self.meta is not None  # what was never opened has nothing to fold
        return ChatCompletion(
            object="chat.completion", choices=choices, meta=self.meta, **self._folder.head()
        )

    def _whole(self) -> bool:
        reasons = self._folder.finish_reasons
        return bool(reasons) and all(reasons)

    def _spoilt(self) -> MeshAPIError | None:
        if "error" not in self._folder.finish_reasons:
            return None
        return StreamAPIError(FAILED["message"], status=502, code=FAILED["code"], request_id=self.request_id)

    def _partial(self) -> ChatCompletion:
        return self._folded()

    def _usage(self) -> Usage | None:
        usage: Usage | None = self._folder.head()["usage"]
        return usage


@fields
class _ChatFields:
    falls_back: ClassVar[bool] = True
    messages: Sequence[Message | Mapping[str, Any]] = attrs.field(validator=check_messages)
    """The conversation so far, as ``Message`` objects or plain dicts, mixed freely."""
    model: str | None = None
    """``provider/name``, or ``auto`` to let the gateway choose; None takes the key's default."""
    models: Sequence[str] | None = None
    """Models that the gateway tries in this order when the first fails."""
    temperature: float | None = attrs.field(default=None, validator=between(0, 2))
    top_p: float | None = attrs.field(default=None, validator=between(0, 1))
    max_tokens: int | None = attrs.field(default=None, validator=between(1))
    """The most tokens to answer with."""
    frequency_penalty: float | None = attrs.field(default=None, validator=between(-2, 2))
    presence_penalty: float | None = attrs.field(default=None, validator=between(-2, 2))
    stop: str | Sequence[str] | None = None
    """Where to stop."""
    seed: int | None = None
    tools: Sequence[Mapping[str, Any]] | None = None
    """``{"type": "function", "function": {"name", "description", "parameters"}}``, sent unchanged."""
    tool_choice: str | Mapping[str, Any] | None = None
    """``auto``, ``none``, ``required``, or ``{"type": "function", "function": {"name": …}}``."""
    response_format: Mapping[str, Any] | None = None
    """``{"type": "json_schema", "json_schema": {"name", "schema"}}``; support differs per model."""
    reasoning_effort: Literal["high", "medium", "low", "none"] | None = None
    """A model that can't take it refuses the call; ``none`` is a level, not the same as leaving it out."""
    user: str | None = attrs.field(default=None, validator=at_most_characters(256))
    """An id of the end user."""
    template: str | None = None
    """Name or id of a stored template."""
    variables: Mapping[str, str] | None = None
    """What fills the template's placeholders."""
    session_id: str | None = None
    cache: bool | None = None
    """False goes round the gateway's response cache."""
    transforms: Sequence[str] | None = None
    """Such as ``middle-out``."""
    timeout: float | None = attrs.field(default=None, converter=gateway_seconds, validator=positive)
    """
    Seconds that the GATEWAY waits for its upstream (300 by default).

    The client's own limits are set with ``client.with_options(timeout=Timeout(…))``.
    """
    async_mode: bool | None = None
    modality: Literal["text", "image"] | None = None
    """``image`` makes images through chat."""
    image: Mapping[str, Any] | None = None
    """With modality ``image``: ``n``, ``size``, ``quality``, ``response_format``."""
    modalities: Sequence[Literal["text", "audio"]] | None = None
    audio: Mapping[str, Any] | None = None
    """With modality ``audio``: ``voice``, ``format``."""
    service_tier: str | None = None
    weight_profile: Literal["quality_first", "balanced", "cost_first", "latency_first"] | None = None
    """What auto-routing weighs most."""
    extra_body: Mapping[str, Any] | None = None
    """Body keys that this client does not know; they replace its own of the same name, but for ``stream``."""

    def __attrs_post_init__(self) -> None:
        check_stream_left_alone(self)
        check_any_messages(self)


@post("/v1/chat/completions")
class CreateChatCompletion(_ChatFields, Call[ChatCompletion]):
    """
    Ask a model to continue a conversation, and return its whole answer.

    Particular errors: ``NotFoundError`` (no such model), ``SpendLimitError``, ``UnprocessableEntityError``
    (a field out of range).
    """

    stream: Literal[False] = False


@post("/v1/chat/completions")
class StreamChatCompletion(_ChatFields, StreamCall[ChatCompletionStream]):
    """
    Ask a model to continue a conversation, and return a stream of its answer.

    Particular errors, at the first step: as of the whole answer. A rejection that is an error status without
    streaming may be an error event here (``StreamAPIError``).
    """

    stream: Literal[True] = True

    def whole(self) -> CreateChatCompletion:
        """Return the same request without streaming."""
        return unstreamed(self, CreateChatCompletion)


class Completions(Family):
    """``client.chat.completions``: answers to conversations, whole or streamed."""

    create = create_method(CreateChatCompletion, StreamChatCompletion)
    stream = stream_method(StreamChatCompletion)


class Chat(Family):
    """``client.chat``."""

    completions = Namespace(Completions)
