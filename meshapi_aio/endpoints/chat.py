"""Chat completions: ``client.chat.completions``."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from .._family import Family, Namespace, create_method, stream_method
from .._meta import Meta
from .._shape import Reply, Shape, shape
from ..call import Call, StreamCall, fields, post
from ._bodies import Answered, unstreamed
from ._completion import HEAD, CompletionFolder, error_of
from ._folding import AbsentDelta, Delta, delta_of
from ._messages import Message, check_any_messages, check_messages
from ._shared import Usage, between
from ._streams import SpokenStream


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


class ChatCompletionStream(SpokenStream[ChatCompletionChunk, ChatCompletion]):
    """A streamed answer: its chunks, its text, and at the end the whole completion."""

    _folds = CompletionFolder

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
        """Read what is left, and return the whole answer; raise what iterating raises, or has raised."""
        return await self._final()

    def _folded(self, meta: Meta) -> ChatCompletion:
        whole = self._finished and self._failure is None
        choices = [Choice(**choice) for choice in self._folder.choices(whole=whole)]
        return ChatCompletion(object="chat.completion", choices=choices, meta=meta, **self._folder.head())


@fields
class _ChatFields(Answered):
    messages: Sequence[Message | Mapping[str, Any]] = attrs.field(validator=check_messages)
    """The conversation so far, as ``Message`` objects or plain dicts, mixed freely."""
    models: Sequence[str] | None = None
    """Models that the gateway tries in this order when the first fails."""
    max_tokens: int | None = attrs.field(default=None, validator=between(1))
    """The most tokens to answer with."""
    frequency_penalty: float | None = attrs.field(default=None, validator=between(-2, 2))
    presence_penalty: float | None = attrs.field(default=None, validator=between(-2, 2))
    stop: str | Sequence[str] | None = None
    """Where to stop."""
    tools: Sequence[Mapping[str, Any]] | None = None
    """``{"type": "function", "function": {"name", "description", "parameters"}}``, sent unchanged."""
    reasoning_effort: Literal["high", "medium", "low", "none"] | None = None
    """A model that can't take it refuses the call; ``none`` is a level, not the same as leaving it out."""
    cache: bool | None = None
    """False goes round the gateway's response cache."""
    transforms: Sequence[str] | None = None
    """Such as ``middle-out``."""
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

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
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
