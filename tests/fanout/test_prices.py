"""What models cost."""

from decimal import Decimal
from typing import Any

import pytest

from meshapi_aio._codec import structurer
from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.endpoints.models import Model
from meshapi_aio.fanout import Price
from meshapi_aio.fanout._estimate import Tokens


def model(pricing: dict[str, Any] | None, **more: Any) -> Model:
    """Return a model as the gateway tells of it."""
    made: Model = structurer(Model)({"id": "m", "pricing": pricing, **more})
    return made


PAID = {"prompt_usd_per_1m": "2.50", "completion_usd_per_1m": "10"}


def test_a_price_is_exact() -> None:
    """Amounts are decimal to the last digit."""
    price = Price(prompt=Decimal("0.15"), completion=Decimal("0.60"), request=Decimal("0.000001"))
    assert price.amount(Tokens(1, 1)) == Decimal("0.00000175")
    assert price.cost(Usage(prompt_tokens=3, completion_tokens=7)) == Decimal("0.00000565")
    assert price.cost(Usage(input_tokens=3, output_tokens=7)) == Decimal("0.00000565")
    assert price.cost(Usage(prompt_tokens=3)) is None
    assert price.cost(None) is None


def test_prices_come_from_the_models_endpoint() -> None:
    """Price, context and the dearest variants are read; a free model has a price, which is nothing."""
    price = Price.of(model(PAID, context_length=1000))
    assert price == Price(prompt=Decimal("2.5"), completion=Decimal(10), context=1000)
    dear = {
        **PAID,
        "long_context_prompt_usd_per_1m": "5",
        "cache_write_1h_usd_per_1m": "4",
        "long_context_completion_usd_per_1m": "15",
        "batch_completion_usd_per_1m": "99",
        "audio_output_usd_per_1m": "99",
        "cache_read_usd_per_1m": "0.25",
        "request_usd": "0.01",
    }
    price = Price.of(model(dear))
    assert price is not None
    assert price.most(Tokens(1_000_000, 1_000_000)) == Decimal("20.01")
    assert price.amount(Tokens(1_000_000, 1_000_000)) == Decimal("12.51")
    free = Price.of(model(None, is_free=True))
    assert free is not None
    assert free.most(Tokens(10**9, 10**9)) == 0


@pytest.mark.parametrize(
    "unknown",
    [
        model(None),
        model({}),
        model({"prompt_usd_per_1m": "1"}),
        model({"completion_usd_per_1m": "1"}),
        model({"pricing_unit": "per_image", "image_output_usd_per_image": "0.04"}),
    ],
)
def test_what_is_not_told_is_not_nothing(unknown: Model) -> None:
    """A model without a price by token has none, which is another thing than 0."""
    assert Price.of(unknown) is None


def test_vectors_have_no_answer_to_pay() -> None:
    """A model that embeds costs what its prompt costs."""
    price = Price.of(model({"prompt_usd_per_1m": "1"}, supports_embeddings=True))
    assert price is not None
    assert price.cost(Usage(prompt_tokens=5)) == Decimal("0.000005")


@pytest.mark.parametrize("wrong", [0.5, True, None])
def test_floats_are_no_money(wrong: Any) -> None:
    """Binary fractions are refused before they spoil a sum."""
    with pytest.raises(TypeError, match=r"such as '2\.50'"):
        Price(prompt=wrong, completion=Decimal(1))


@pytest.mark.parametrize("wrong", ["-1", "much", "NaN", "Infinity"])
def test_what_is_no_amount_is_told(wrong: Any) -> None:
    """Amounts are numbers, and not below 0."""
    with pytest.raises(ValueError, match="must be USD, at least 0"):
        Price(prompt=wrong, completion=Decimal(1))
