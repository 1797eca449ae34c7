"""
What a run may cost: reserved before a call is sent, settled after it, and never overshot.

Pure: prices and bills are handed in, and nothing here waits.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import attrs

from ..endpoints._shared import money
from ._estimate import Tokens, most_tokens
from ._prices import Price


__all__ = ["Budget", "Reservation", "UnknownPriceError"]

_REMEMBERED = 100_000
"""Calls whose bills are waited for, at most; older ones stay at what they seemed to cost."""


class UnknownPriceError(ValueError):
    """What a call costs at most is not known, and nobody said what to take in its place."""


@attrs.define(eq=False)
class Reservation:
    """What is set aside for one call, until it is settled."""

    usd: Decimal
    tokens: int
    price: Price | None
    is_open: bool = True


@attrs.frozen
class _Guess:
    """What a call is taken to have cost, until its bill comes."""

    amount: Decimal
    in_doubt: Decimal
    at: float


class Budget:
    """
    A cap in USD, in tokens, or both.

    Before a call is sent, the most that it can cost is reserved; afterwards what it did cost is taken in its
    place. So what was spent never exceeds the cap, as long as prices are right. ``prices`` are by model;
    others are asked for at the models endpoint. A call of which nobody can say what it costs at most
    (no price, no ``max_tokens`` and no known context, pictures or sound in its prompt) is refused with
    :class:`UnknownPriceError`, unless ``unpriced`` says, in USD, what to take for each. Amounts are text,
    whole numbers or ``Decimal``. ``usd`` and ``tokens`` can be set at any time.
    """

    def __init__(
        self,
        usd: Decimal | int | str | None = None,
        *,
        tokens: int | None = None,
        prices: Mapping[str, Price] | None = None,
        unpriced: Decimal | int | str | None = None,
    ) -> None:
        if usd is None and tokens is None:
            msg = "Budget needs a cap: usd=, tokens= or both"
            raise TypeError(msg)
        self.usd = None if usd is None else money("Budget: usd", usd)
        self.tokens = tokens
        self.spent = Decimal()
        """USD that calls are taken to have cost so far, with those of earlier runs."""
        self.spent_tokens = 0
        self.reserved = Decimal()
        """USD set aside for calls that are under way."""
        self.reserved_tokens = 0
        self.in_doubt = Decimal()
        """What part of ``spent`` is the most that calls can have cost of which nothing came back."""
        self._prices: dict[str, Price | None] = dict(prices or {})
        self._unpriced = None if unpriced is None else money("Budget: unpriced", unpriced)
        self._guesses: dict[str, _Guess] = {}
        self._waiting: list[Callable[[], None]] = []

    @property
    def left(self) -> Decimal | None:
        """USD that are neither spent nor reserved; None without a cap in USD."""
        return None if self.usd is None else self.usd - self.spent - self.reserved

    # Prices.

    def knows(self, model: str) -> bool:
        """Tell whether a model's price was given or asked for, with whatever answer."""
        return model in self._prices

    def learn(self, model: str, price: Price | None) -> None:
        """Take in what a model costs; None says that there is no saying."""
        self._prices[model] = price

    # Reserving and settling.

    def reserve(self, call: object, *, times: int = 1, models: Iterable[str] = ()) -> Reservation | None:
        """
        Set aside what a call can cost at most; None where that does not fit now.

        It may be billed ``times``, and by ``models`` in place of its own.
        """
        amount, tokens, price = self._most(call, times, models)
        if not self._fits(amount + self.reserved, tokens + self.reserved_tokens):
            return None
        self.reserved += amount
        self.reserved_tokens += tokens
        return Reservation(amount, tokens, price)

    def fits_ever(self, call: object, *, times: int = 1, models: Iterable[str] = ()) -> bool:
        """Tell whether a call would fit if all that is under way came to nothing."""
        amount, tokens, _ = self._most(call, times, models)
        return self._fits(amount, tokens)

    def settle(
        self,
        reservation: Reservation,
        *,
        cost: Decimal | None,
        usage: Any,
        model: str | None,
        request_id: str | None,
        billed: bool = True,
    ) -> Decimal | None:
        """
        Take what a call did cost in place of what was reserved, and return it; None where nobody knows.

        ``billed`` False says that it cost nothing. Else it is ``cost``, as the reply told it, or the price
        of the tokens in ``usage``, or, where neither is known, all that was reserved, in doubt.
        """
        if not reservation.is_open:
            msg = "a reservation is settled once"
            raise RuntimeError(msg)
        reservation.is_open = False
        self.reserved -= reservation.usd
        self.reserved_tokens -= reservation.tokens
        taken: Decimal | None = Decimal()
        if billed:
            price = self._prices.get(model or "") or reservation.price
            taken = cost if cost is not None or price is None else price.cost(usage)
            amount = reservation.usd if taken is None else taken
            in_doubt = amount if taken is None else Decimal()
            if cost is None and request_id is not None:
                self._guesses[request_id] = _Guess(amount, in_doubt, time.time())
                if len(self._guesses) > _REMEMBERED:
                    del self._guesses[next(iter(self._guesses))]
            total = getattr(usage, "total_tokens", None)
            self.spent += amount
            self.in_doubt += in_doubt
            self.spent_tokens += reservation.tokens if total is None else total
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()
        return taken

    def when_settled(self, wake: Callable[[], None]) -> None:
        """Have something called when the next call is settled, or never."""
        self._waiting.append(wake)

    def spend(self, amount: Decimal, tokens: int = 0) -> None:
        """Count what was spent elsewhere, such as by an earlier run."""
        self.spent += amount
        self.spent_tokens += tokens

    # What the gateway says.

    @property
    def unreconciled(self) -> int:
        """How many calls are counted at what they seemed to cost, since no bill of theirs has come."""
        return len(self._guesses)

    @property
    def oldest_unreconciled(self) -> float | None:
        """When the first of these was settled, in seconds since the epoch; None where there is none."""
        return min((guess.at for guess in self._guesses.values()), default=None)

    def reconcile(self, events: Iterable[Any]) -> int:
        """
        Take what the gateway says that calls cost in place of what they seemed to, and return how many.

        ``events`` have a ``request_id`` and a ``cost``, as those of ``client.usage.events``.
        """
        matched = 0
        for event in events:
            if event.cost is not None and event.request_id in self._guesses:
                guess = self._guesses.pop(event.request_id)
                self.spent += event.cost - guess.amount
                self.in_doubt -= guess.in_doubt
                matched += 1
        return matched

    # How much a call may be.

    def _fits(self, amount: Decimal, tokens: int) -> bool:
        fits = self.usd is None or self.spent + amount <= self.usd
        return fits and (self.tokens is None or self.spent_tokens + tokens <= self.tokens)

    def _most(self, call: object, times: int, models: Iterable[str]) -> tuple[Decimal, int, Price | None]:
        """Return what a call costs at most, in USD and in tokens, and the price of its own model."""
        asked = [getattr(call, "model", None), *models]
        prices = [None if model is None else self._prices.get(model) for model in asked]
        known = [price for price in prices if price is not None]
        # Where an answer costs nothing, its length is no matter.
        free = bool(known) and all(not price.completion_most for price in known)
        context = max((price.context or 0 for price in known), default=0) or (0 if free else None)
        most = most_tokens(call, context)
        if most is None or (self.usd is not None and len(known) < len(prices)):
            if self._unpriced is None:
                raise UnknownPriceError(_why_unknown(asked, prices, most))
            return (
                self._unpriced * times,
                0 if most is None else sum(most) * times,
                known[0] if known else None,
            )
        amount = max((price.most(most) for price in known), default=Decimal())
        return amount * times, sum(most) * times, prices[0]


def _why_unknown(models: list[Any], prices: list[Price | None], most: Tokens | None) -> str:
    unknown = [str(model) for model, price in zip(models, prices, strict=True) if price is None]
    if unknown and most is not None:
        what = f"nobody knows the price of {', '.join(unknown)}"
        remedy = "give it with Budget(prices={…: Price(prompt=…, completion=…)})"
    else:
        what = f"nobody knows how many tokens a call to {models[0]} can take"
        remedy = "set its max_tokens, and leave pictures and sound out of its prompt"
    return f"{what}, and so what it can cost; {remedy}, or say what to take for each with Budget(unpriced=…)"
