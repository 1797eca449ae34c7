"""What several families share: token counts, bytes in base64, and checks of fields. Pure."""

import binascii
import sys
from array import array
from base64 import b64decode
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from .._shape import Shape, shape
from ..errors import DecodeError


__all__ = [
    "PromptTokensDetails",
    "Usage",
    "at_most_characters",
    "between",
    "decimal",
    "floats_from_base64",
    "from_base64",
    "money",
    "positive",
    "sized",
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
    Token counts, under the names of chat, of responses and images, or both.

    None means that the gateway did not say, never zero. The classifier's tokens come only with
    auto-routing; they are billed in addition and not contained in ``prompt_tokens``.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: dict[str, Any] | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: dict[str, Any] | None = None
    output_tokens_details: dict[str, Any] | None = None
    classifier_prompt_tokens: int | None = None
    classifier_completion_tokens: int | None = None
    classifier_tokens: int | None = None
    byok_used: bool | None = None
    fallback_triggered: bool | None = None


def between(low: float, high: float | None = None) -> Callable[[object, Any, Any], None]:
    """Return a check that a number is in the range that the gateway documents."""

    def check(owner: object, attribute: Any, value: float | None) -> None:
        if value is not None and (value < low or (high is not None and value > high)):
            wanted = f"at least {low}" if high is None else f"from {low} to {high}"
            msg = f"{type(owner).__name__}: {attribute.name} must be {wanted}, got {value!r}"
            raise ValueError(msg)

    return check


def positive(owner: object, attribute: Any, value: float | None) -> None:
    """Check that a number, where there is one, is above zero."""
    if value is not None and value <= 0:
        msg = f"{type(owner).__name__}: {attribute.name} must be above 0, got {value!r}"
        raise ValueError(msg)


def sized(low: int, high: int | None = None) -> Callable[[object, Any, Any], None]:
    """Return a check that a text or a list is as long as the gateway documents."""

    def check(owner: object, attribute: Any, value: Sequence[Any] | None) -> None:
        if value is not None and (len(value) < low or (high is not None and len(value) > high)):
            unit = "characters" if isinstance(value, str) else "items"
            wanted = f"from {low} to {high}" if low else f"at most {high}"
            wanted = wanted if high is not None else f"at least {low}"
            place = f"{type(owner).__name__}: {attribute.name}"
            msg = f"{place} must be {wanted} {unit}, got {len(value)}"
            raise ValueError(msg)

    return check


def at_most_characters(most: int) -> Callable[[object, Any, Any], None]:
    """Return a check that a text is no longer than the gateway documents."""
    return sized(0, most)


def from_base64(text: str, what: str) -> bytes:
    """Return the bytes of a text in base64; a ``DecodeError`` says of ``what`` that it is none."""
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        msg = f"{what} is no base64: {error}"
        raise DecodeError(msg, body=text) from None


def floats_from_base64(text: str, what: str) -> "array[float]":
    """Return the 32-bit floats that a text in base64 holds; ``what`` stands in the ``DecodeError`` if not."""
    data = from_base64(text, what)
    if len(data) % 4:
        msg = f"{what} has {len(data)} bytes, which is no whole number of 32-bit floats"
        raise DecodeError(msg, body=text)
    floats = array("f", data)
    if sys.byteorder == "big":  # on the wire the lowest byte comes first
        floats.byteswap()
    return floats


def decimal(value: object) -> Decimal | None:
    """Return an amount of money as it was written; None for what is none. Floats are taken by their repr."""
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def money(name: str, value: Decimal | int | str) -> Decimal:
    """Return an amount of USD that was given under a name; what is none, or a float, is told."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        msg = f"{name} must be USD as text, a whole number or a Decimal, such as '2.50', got {value!r}"
        raise TypeError(msg)
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        msg = f"{name} must be USD, at least 0, such as '2.50', got {value!r}"
        raise ValueError(msg)
    return amount
