"""What several families share: token counts that are never made up, and checks that name the field."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from meshapi_aio._codec import structurer
from meshapi_aio.endpoints._bodies import gateway_seconds
from meshapi_aio.endpoints._shared import (
    PromptTokensDetails,
    Usage,
    at_most_characters,
    between,
    from_base64,
    positive,
    sized,
)
from meshapi_aio.errors import DecodeError
from meshapi_aio.settings import Timeout


class Field:
    """A field as its checks see it."""

    name = "size"


class Ask:
    """A call as the checks of its fields see it."""


def refusal(check: Callable[[object, Any, Any], None], value: object) -> str | None:
    """Return what a check says of a value, None where it has nothing to say."""
    try:
        check(Ask(), Field(), value)
    except ValueError as error:
        return str(error)
    return None


def test_usage_that_was_not_told_is_none() -> None:
    """Never zero, since zero tokens are a statement."""
    assert structurer(Usage)({}) == Usage()
    assert Usage().total_tokens is None
    assert Usage().to_dict() == {}


def test_usage_as_it_came() -> None:
    """With details, and with what this client does not know."""
    came = {
        "prompt_tokens": 14,
        "completion_tokens": 7,
        "total_tokens": 21,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0, "audio_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": None},
        "byok_used": False,
        "cost_in_credits": 3,
    }
    usage = structurer(Usage)(came)
    assert usage.prompt_tokens_details == PromptTokensDetails(
        cached_tokens=4, cache_write_tokens=0, extra={"audio_tokens": 1}
    )
    assert usage.extra == {"cost_in_credits": 3}
    assert usage.to_dict() == came


@pytest.mark.parametrize(
    ("low", "high", "value", "told"),
    [
        (0, 2, 0, None),
        (0, 2, 2.0, None),
        (0, 2, None, None),
        (0, 2, 2.01, "Ask: size must be from 0 to 2, got 2.01"),
        (-2, 2, -3, "Ask: size must be from -2 to 2, got -3"),
        (0.5, 1.5, 0, "Ask: size must be from 0.5 to 1.5, got 0"),
        (1, None, 1, None),
        (1, None, 10**30, None),
        (1, None, 0, "Ask: size must be at least 1, got 0"),
    ],
)
def test_ranges(low: float, high: float | None, value: float | None, told: str | None) -> None:
    """Both ends are in; None is no value; the message names the call, the field, the range and the value."""
    assert refusal(between(low, high), value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (1e-9, None),
        (math.inf, None),
        (0, "Ask: size must be above 0, got 0"),
        (-0.5, "Ask: size must be above 0, got -0.5"),
    ],
)
def test_positive_numbers(value: float | None, told: str | None) -> None:
    """Zero is out."""
    assert refusal(positive, value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        ("", None),
        ("x" * 5, None),
        ("é…😀ab", None),
        ("x" * 6, "Ask: size must be at most 5 characters, got 6"),
    ],
)
def test_lengths(value: str | None, told: str | None) -> None:
    """Characters are counted, not bytes; the text itself is not in the message."""
    assert refusal(at_most_characters(5), value) == told


@pytest.mark.parametrize(
    ("low", "high", "value", "told"),
    [
        (1, 2, None, None),
        (1, 2, "é…", None),
        (1, 2, ["a"], None),
        (1, 2, "", "Ask: size must be from 1 to 2 characters, got 0"),
        (1, 2, ["a", "b", "c"], "Ask: size must be from 1 to 2 items, got 3"),
        (1, None, [], "Ask: size must be at least 1 items, got 0"),
        (0, 2, "abc", "Ask: size must be at most 2 characters, got 3"),
    ],
)
def test_sizes(low: int, high: int | None, value: Any, told: str | None) -> None:
    """Of texts the characters count, of lists the items; both ends are in."""
    assert refusal(sized(low, high), value) == told


def test_base64() -> None:
    """Line breaks don't matter; what is no base64 is an error with what came, and nothing is passed over."""
    assert from_base64("aGVs\nbG8=\n", "it") == b"hello"
    for wrong in ("a", "aGVs*bG8=", "é"):
        with pytest.raises(DecodeError, match=r"^it is no base64: ") as caught:
            from_base64(wrong, "it")
        assert caught.value.body == wrong


@pytest.mark.parametrize("value", [None, 5, 0.5, "not my business", -1])
def test_the_gateways_own_timeout_is_a_number(value: Any) -> None:
    """Whatever it is, it is left to the check of its annotation."""
    assert gateway_seconds(value) is value


def test_the_clients_timeout_in_the_place_of_the_gateways() -> None:
    """A ``TypeError`` that says where it belongs."""
    misplaced: Any = Timeout(total=5)
    with pytest.raises(TypeError) as caught:
        gateway_seconds(misplaced)
    assert str(caught.value) == (
        "timeout= here is the gateway's own limit, a number of seconds; "
        "set the client's limits with client.with_options(timeout=Timeout(…))"
    )
