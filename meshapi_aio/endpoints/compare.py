"""
Comparisons: ``client.compare``.

Of its streams only some keys are known, and of the names of its events one, ``delta``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import attrs

from .._family import Family, create_method
from .._meta import Meta
from .._shape import Reply, Shape, shape
from ..call import Call, StreamCall, fields, post
from ._bodies import Prompted
from ._comparing import ComparisonFolder
from ._messages import Message, check_any_messages, check_messages
from ._shared import Usage, between, sized
from ._streams import FoldedStream


__all__ = [
    "Compare",
    "CompareModels",
    "Comparison",
    "ComparisonEvent",
    "ComparisonResult",
    "ComparisonStream",
    "StreamComparison",
]


@shape
class ComparisonResult(Shape):
    """What one of the models answered; ``error`` and ``error_code`` say why it did not."""

    model: str | None = None
    content: str | None = None
    response_body: dict[str, Any] | None = None
    """The model's whole answer, as it came."""
    latency_ms: float | None = None
    error: str | None = None
    error_code: str | None = None
    usage: Usage | None = None
    request_id: str | None = None
    """The gateway's id of this one's own call."""


@shape
class Comparison(Reply):
    """
    What several models answered, and how these answers compare.

    ``comparison`` is None where that was skipped, or where fewer than two models answered. That a model
    failed is no error: ``partial`` is True then, and its result says why.
    """

    comparison_id: str | None = None
    object: str | None = None
    created: int | None = None
    models: list[str] = attrs.field(factory=list)
    results: list[ComparisonResult] = attrs.field(factory=list)
    """One for each of ``models``, in their order."""
    comparison: str | None = None
    comparison_model: str | None = None
    comparison_usage: Usage | None = None
    comparison_fallback_used: bool | None = None
    partial: bool | None = None
    skip_comparison: bool | None = None
    total_latency_ms: float | None = None


@shape
class ComparisonEvent(Shape):
    """
    One event of a streamed comparison, as it came.

    ``event`` is its name. A text in ``delta`` belongs to the answer of ``model``, or where there is none to
    the comparison. With an ``error`` it says that this model failed, while the others go on.
    """

    _event_in: ClassVar[str | None] = "event"

    event: str | None = None
    model: str | None = None
    delta: str | dict[str, Any] | None = None
    data: Any = None
    finish_reason: str | None = None
    error: str | None = None
    error_code: str | None = None
    usage: Usage | None = None
    latency_ms: float | None = None
    comparison_id: str | None = None
    models: list[str] | None = None
    comparison_model: str | None = None
    comparison_fallback_used: bool | None = None
    partial: bool | None = None
    skip_comparison: bool | None = None
    total_latency_ms: float | None = None

    @classmethod
    def _is_data(cls, value: dict[str, Any]) -> bool:
        # One model's failure is a text beside its name. What names no model, and an object, concerns all.
        return isinstance(value.get("error"), str) and bool(value.get("model"))

    @property
    def text(self) -> str:
        """The text that the event adds, empty where it adds none; it may end in half a character."""
        return self.delta if isinstance(self.delta, str) else ""


class ComparisonStream(FoldedStream[ComparisonEvent, Comparison]):
    """
    A streamed comparison: as a rule the text that compares the answers, with ``skip_comparison`` these.

    That a model fails is an event like any other, and not the end; that all fail is an error. Only its end
    mark makes a stream whole.
    """

    _folds = ComparisonFolder

    async def get_final_comparison(self) -> Comparison:
        """
        Read what is left, and return what the events add up to; raise what iterating raises, or has raised.

        Results are of the models that events told of, and hold what these said.
        """
        return await self._final()

    def _folded(self, meta: Meta) -> Comparison:
        results = [ComparisonResult(**result) for result in self._folder.results()]
        return Comparison(results=results, meta=meta, **self._folder.head())


@fields
class _ComparisonFields(Prompted):
    models: Sequence[str] = attrs.field(validator=sized(1, 10))
    """From 1 to 10; the gateway asks one that is named twice only once."""
    messages: Sequence[Message | Mapping[str, Any]] = attrs.field(validator=check_messages)
    """The conversation so far, as ``Message`` objects or plain dicts, mixed freely."""
    model_overrides: Sequence[Mapping[str, Any]] | None = None
    """``{"model", "temperature", "max_tokens", "system_prompt"}`` for single models."""
    comparison_model: str | None = None
    """The model that compares the answers."""
    comparison_instructions: str | None = None
    max_tokens: int | None = attrs.field(default=None, validator=between(1))
    skip_comparison: bool | None = None
    """True returns the answers alone."""
    cache: bool | None = None
    """False goes round the gateway's response cache."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        check_any_messages(self)


@post("/v1/chat/compare")
class CompareModels(_ComparisonFields, Call[Comparison]):
    """
    Ask several models the same, and return what each answered, and how the answers compare.

    That a model fails is no error, it stands in its result. Particular errors: ``SpendLimitError``, and
    ``APIStatusError`` with the code ``all_models_failed``.
    """

    stream: Literal[False] = False


@post("/v1/chat/compare")
class StreamComparison(_ComparisonFields, StreamCall[ComparisonStream]):
    """Ask several models the same, and return a stream of how the answers compare, or of the answers."""

    stream: Literal[True] = True


class Compare(Family):
    """``client.compare``: the same question to several models."""

    create = create_method(CompareModels, StreamComparison)
