"""What several families share: token counts, and checks of fields that several calls have. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from .._shape import Shape, shape
from ..settings import Timeout


__all__ = [
    "PromptTokensDetails",
    "Usage",
    "at_most_characters",
    "between",
    "gateway_seconds",
    "leaves_stream_alone",
    "positive",
]


@shape
class PromptTokensDetails(Shape):
    """How the prompt's tokens were billed; the gateway leaves it out where nothing was cached."""

    cached_tokens: int | None = None
    """Tokens read from the provider's prompt cache, contained in ``prompt_tokens``."""
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None


@shape
class Usage(Shape):
    """
    Token counts.

    None means that the gateway did not say, never zero. The classifier's tokens come only with
    auto-routing; they are billed in addition and not contained in ``prompt_tokens``.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: dict[str, Any] | None = None
    classifier_prompt_tokens: int | None = None
    classifier_completion_tokens: int | None = None
    classifier_tokens: int | None = None
    byok_used: bool | None = None
    fallback_triggered: bool | None = None


def gateway_seconds(value: float | None) -> float | None:
    """Tell the body field ``timeout`` (the gateway's wait for its upstream) from the client's own limits."""
    if isinstance(value, Timeout):
        msg = (
            "timeout= here is the gateway's own limit, a number of seconds; "
            "set the client's limits with client.with_options(timeout=Timeout(…))"
        )
        raise TypeError(msg)
    return value


def between(low: float, high: float | None = None) -> Callable[[object, Any, Any], None]:
    """Return a check that a number is in the range that the gateway documents."""

    def check(owner: object, attribute: Any, value: float | None) -> None:
        if value is not None and (value < low or (high is not None and value > high)):
            wanted = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
            msg = f"{type(owner).__name__}: {attribute.name} must be {wanted}, got {value!r}"
            raise ValueError(msg)

    return check


def positive(owner: object, attribute: Any, value: float | None) -> None:
    """Check that a number, where there is one, is above zero."""
    if value is not None and value <= 0:
        msg = f"{type(owner).__name__}: {attribute.name} must be above 0, got {value!r}"
        raise ValueError(msg)


def at_most_characters(most: int) -> Callable[[object, Any, Any], None]:
    """Return a check that a text is no longer than the gateway documents."""

    def check(owner: object, attribute: Any, value: str | None) -> None:
        if value is not None and len(value) > most:
            place = f"{type(owner).__name__}: {attribute.name}"
            msg = f"{place} must be at most {most} characters, got {len(value)}"
            raise ValueError(msg)

    return check


def leaves_stream_alone(owner: Any, _attribute: object, extra: Mapping[str, Any] | None) -> None:
    """Check that ``extra_body`` leaves a call of its kind: streams and whole answers are read differently."""
    if extra is not None and extra.get("stream", owner.stream) is not owner.stream:
        msg = (
            f"{type(owner).__name__}: extra_body sets stream to {extra['stream']!r}, and the answer could "
            "not be read then; use create(…, stream=True) for a stream, create(…) for a whole answer"
        )
        raise ValueError(msg)
