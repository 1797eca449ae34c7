"""
The models that there are: looking them up, and what they cost.

Values and pure functions; this room performs no I/O.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, DecimalException
from typing import Any

from ._json import Object, is_object


_MILLION = 1_000_000
_PRICES = ("prompt_usd_per_1m", "completion_usd_per_1m", "request_usd")
"""The prices that a chat completion is made of."""


def _model(model_id: str, name: str, prices: Mapping[str, str], **fields: Any) -> Object:
    """Return a model of the built-in catalogue."""
    brand = model_id.partition("/")[0]
    usual = {"model_type": "text", "input_modalities": ["text"], "output_modalities": ["text"]}
    pricing = {"pricing_unit": "per_1m_tokens", **prices}
    head = {"id": model_id, "name": name, "brand": brand, "provider": brand, "description": None}
    return {**head, "is_free": model_id.endswith(":free"), **usual, "pricing": pricing, **fields}


BUILT_IN: Sequence[Object] = (
    _model(
        "openai/gpt-4o",
        "GPT-4o",
        {"prompt_usd_per_1m": "2.50000000", "completion_usd_per_1m": "10.00000000"},
        context_length=128_000,
        input_modalities=["text", "image"],
        supports_completions_api=True,
        supports_tools=True,
        supports_structured_output=True,
    ),
    _model(
        "openai/gpt-4o-mini",
        "GPT-4o mini",
        {"prompt_usd_per_1m": "0.15000000", "completion_usd_per_1m": "0.60000000"},
        context_length=128_000,
        supports_completions_api=True,
        supports_tools=True,
        supports_structured_output=True,
    ),
    _model(
        "deepseek/deepseek-r1",
        "DeepSeek R1",
        {"prompt_usd_per_1m": "0.55000000", "completion_usd_per_1m": "2.19000000"},
        context_window=64_000,
        supports_completions_api=True,
        supports_thinking=True,
    ),
    _model(
        "google/gemma-3-27b-it:free",
        "Gemma 3 27B (free)",
        {"prompt_usd_per_1m": "0", "completion_usd_per_1m": "0"},
        context_length=96_000,
        supports_completions_api=True,
    ),
    _model(
        "openai/text-embedding-3-small",
        "Text Embedding 3 Small",
        {"prompt_usd_per_1m": "0.02000000"},
        context_length=8_191,
        model_type="embedding",
        output_modalities=["embedding"],
        supports_embeddings=True,
    ),
    _model(
        "openai/gpt-image-1",
        "GPT Image 1",
        {"pricing_unit": "per_image", "image_output_usd_per_image": "0.04000000"},
        context_length=None,
        model_type="image",
        input_modalities=["text", "image"],
        output_modalities=["image"],
        supports_image_edit=True,
    ),
)
"""What the models endpoints list where no catalogue is given; the prices are examples, not offers."""


class Catalogue:
    """
    The models, in the order in which they are listed.

    ``models``: entries as the models endpoints give them; only ``id`` is needed. Where none are given, the
    built-in ones are listed, and any other name stands for a model too, at the price of the first of them.

    Raises ``TypeError`` or ``ValueError`` for an entry that could not be served.
    """

    def __init__(self, models: Sequence[Mapping[str, Any]] | None) -> None:
        self.is_given = models is not None
        self.models = [_checked(model) for model in (BUILT_IN if models is None else models)]
        self._by_id = {model["id"]: model for model in self.models}

    def find(self, model_id: str) -> Object | None:
        """Return the entry of a model, None where there is none."""
        return self._by_id.get(model_id)

    def cost(self, model_id: str, usage: Mapping[str, Any]) -> Decimal:
        """Return what a completion costs in USD; a model without a price costs nothing."""
        model = self._by_id.get(model_id) or BUILT_IN[0]
        prompt, completion, request = (price(model, name) for name in _PRICES)
        asked = usage["prompt_tokens"] + usage.get("classifier_prompt_tokens", 0)
        said = usage["completion_tokens"] + usage.get("classifier_completion_tokens", 0)
        cost: Decimal = (prompt * asked + completion * said) / _MILLION + request
        return cost


def price(model: Object, name: str) -> Decimal:
    """Return a number of the pricing of a model; 0 where it has none."""
    pricing: Object = model.get("pricing") or {}
    return Decimal(pricing.get(name) or 0)


def _checked(model: object) -> Object:
    """Return an entry with what every entry has; refuse one without an id, or with a price that is none."""
    if not is_object(model) or not isinstance(model.get("id"), str):
        msg = f"a model of the catalogue is a dict with an 'id', not {model!r}"
        raise TypeError(msg)
    model_id: str = model["id"]
    pricing: object = model.get("pricing") or {}
    if not is_object(pricing):
        msg = f"the pricing of {model_id!r} must be a dict or None, not {pricing!r}"
        raise TypeError(msg)
    for name in (*_PRICES, "discount_pct"):
        if not _is_decimal(pricing.get(name) or "0"):
            msg = f"{name} of {model_id!r} must be a decimal number as a text, not {pricing[name]!r}"
            raise ValueError(msg)
    return {"name": model_id, "is_free": model_id.endswith(":free"), "model_type": "text", **model}


def _is_decimal(value: object) -> bool:
    """Return whether the value is a number as the gateway writes prices; a float, which is none, is not."""
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except DecimalException:
        return False
