"""What a model costs. Money is ``Decimal``, and no float becomes one. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Self

import attrs

from ..endpoints._shared import money
from ._estimate import Tokens


__all__ = ["Price"]

_MILLION = 1_000_000
_PER_MILLION = "_usd_per_1m"
# Prices of other ways to use a model: in batches, trained, or for sound, which no bound is given for here.
_OTHER_USES = ("batch_", "training_", "fine_tuned_", "audio_", "transcription_", "output_with_")


def _usd(value: Decimal | int | str) -> Decimal:
    return money("Price: an amount", value)


@attrs.frozen(kw_only=True)
class Price:
    """
    What a model costs in USD: of 1,000,000 tokens of a prompt and of an answer, and of each request.

    Amounts are given as text, whole numbers or ``Decimal``. ``prompt_most`` and ``completion_most`` are the
    dearest that such tokens can be (of a long context, or written to a cache), by default the same.
    ``context`` is how many tokens the model can hold, None where that is not known.
    """

    prompt: Decimal = attrs.field(converter=_usd)
    completion: Decimal = attrs.field(converter=_usd)
    request: Decimal = attrs.field(default=Decimal(), converter=_usd)
    prompt_most: Decimal = attrs.field(
        default=attrs.Factory(lambda self: self.prompt, takes_self=True), converter=_usd
    )
    completion_most: Decimal = attrs.field(
        default=attrs.Factory(lambda self: self.completion, takes_self=True), converter=_usd
    )
    context: int | None = None

    @classmethod
    def of(cls, model: Any) -> Self | None:
        """Return the price of a model of the models endpoint; None where it is not told, or not by token."""
        pricing = getattr(model, "pricing", None)
        prices: Mapping[str, Decimal] = {} if pricing is None else pricing.prices
        if not prices and model.is_free:
            return cls(prompt=0, completion=0, context=model.context)
        prompt, completion = prices.get(f"prompt{_PER_MILLION}"), prices.get(f"completion{_PER_MILLION}")
        if completion is None and model.supports_embeddings:
            completion = Decimal()
        if prompt is None or completion is None:
            return None
        told = {name: price for name, price in prices.items() if name.endswith(_PER_MILLION)}
        told = {name: price for name, price in told.items() if not name.startswith(_OTHER_USES)}
        answers = {name for name in told if "completion" in name or "output" in name}
        return cls(
            prompt=prompt,
            completion=completion,
            request=prices.get("request_usd", Decimal()),
            prompt_most=max([prompt, *(told[name] for name in told.keys() - answers)]),
            completion_most=max([completion, *(told[name] for name in answers)]),
            context=model.context,
        )

    def most(self, tokens: Tokens) -> Decimal:
        """Return what so many tokens cost at most, in USD."""
        spoken = self.prompt_most * tokens.prompt + self.completion_most * tokens.completion
        return self.request + spoken / _MILLION

    def amount(self, tokens: Tokens) -> Decimal:
        """Return what so many tokens cost, in USD."""
        return self.request + (self.prompt * tokens.prompt + self.completion * tokens.completion) / _MILLION

    def cost(self, usage: Any) -> Decimal | None:
        """
        Return what the tokens that a reply tells of cost, in USD; None where it does not tell them.

        What was read from a cache is counted as if it were not, so that it is never too little.
        """
        said = _count(usage, "prompt_tokens", "input_tokens")
        answered = _count(usage, "completion_tokens", "output_tokens")
        if answered is None and not self.completion:
            answered = 0
        if said is None or answered is None:
            return None
        return self.amount(Tokens(said, answered))


def _count(usage: Any, *names: str) -> int | None:
    counts = (getattr(usage, name, None) for name in names)
    return next((count for count in counts if isinstance(count, int)), None)
