"""Budgets: reserved before, settled after, never overshot."""

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio import CreateChatCompletion, Message
from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.endpoints.usage import UsageEvent
from meshapi_aio.fanout import Budget, Price, UnknownPriceError
from meshapi_aio.fanout._budget import Reservation


PRICE = Price(prompt=Decimal(1), completion=Decimal(1000), context=100)
PRICES = {"m": PRICE, "dear": Price(prompt=Decimal(1), completion=Decimal(5000))}


def call(limit: int | None = 100, model: str = "m", **more: Any) -> CreateChatCompletion:
    """Return a call whose answer of ``limit`` tokens costs nearly all that it costs."""
    return CreateChatCompletion(model=model, messages=[Message.user("Hi")], max_tokens=limit, **more)


def reserved(budget: Budget, *args: Any, **options: Any) -> Reservation:
    """Return what is reserved for a call that fits."""
    reservation = budget.reserve(call(*args), **options)
    assert reservation is not None
    return reservation


def settle(budget: Budget, reservation: Reservation, **told: Any) -> Decimal | None:
    """Settle with what is told, and nothing else known."""
    known: dict[str, Any] = {"cost": None, "usage": None, "model": "m", "request_id": None}
    return budget.settle(reservation, **{**known, **told})


def test_what_is_reserved_is_not_there_for_others() -> None:
    """Calls under way count with the most that they can cost, and leave it when they are settled."""
    budget = Budget("0.25", prices=PRICES)
    first, second = reserved(budget), reserved(budget)
    assert budget.reserve(call()) is None
    assert budget.fits_ever(call())
    assert not budget.fits_ever(call(300))
    assert settle(budget, first, cost=Decimal("0.01")) == Decimal("0.01")
    assert budget.reserve(call()) is not None
    settle(budget, second, billed=False)
    assert (budget.spent, budget.left) == (Decimal("0.01"), Decimal("0.24") - budget.reserved)


def test_what_a_call_cost_is_known_in_several_ways() -> None:
    """By the reply, else by its tokens, else it is taken for the most that it can be, in doubt."""
    budget = Budget(10, prices=PRICES)
    assert settle(budget, reserved(budget), cost=Decimal("0.5")) == Decimal("0.5")
    usage = Usage(prompt_tokens=1000, completion_tokens=10, total_tokens=1010)
    assert settle(budget, reserved(budget), usage=usage) == Decimal("0.011")
    assert settle(budget, reserved(budget), usage=usage, model="dear") == Decimal("0.051")
    assert budget.spent == Decimal("0.562")
    lost = reserved(budget)
    assert settle(budget, lost) is None
    assert budget.in_doubt == lost.usd > 0
    assert budget.spent == Decimal("0.562") + lost.usd
    assert settle(budget, reserved(budget), billed=False) == 0
    assert budget.reserved == 0


def test_the_gateway_has_the_last_word() -> None:
    """Its bills replace what calls seemed to cost, each once, in doubt or not; others are passed over."""
    budget = Budget(10, prices=PRICES)
    usage = Usage(prompt_tokens=1000, completion_tokens=10, total_tokens=1010)
    settle(budget, reserved(budget), usage=usage, request_id="a")
    settle(budget, reserved(budget), request_id="b")
    settle(budget, reserved(budget), cost=Decimal(1), request_id="told")
    assert budget.unreconciled == 2
    assert budget.oldest_unreconciled is not None
    bills = [
        UsageEvent(request_id="a", cost_usd="0.002"),
        UsageEvent(request_id="b", cost_usd="0.003"),
        UsageEvent(request_id="told", cost_usd="7"),
        UsageEvent(request_id="x", cost_usd="7"),
        UsageEvent(request_id=None, cost_usd="7"),
    ]
    assert budget.reconcile([UsageEvent(request_id="a"), *bills]) == 2
    assert budget.reconcile(bills) == 0
    assert (budget.spent, budget.in_doubt, budget.unreconciled) == (Decimal("1.005"), Decimal(0), 0)
    assert budget.oldest_unreconciled is None


def test_tokens_can_be_capped_too() -> None:
    """A cap in tokens needs no price, and counts what was really used."""
    budget = Budget(tokens=400)
    reservation = reserved(budget)
    assert budget.reserved_tokens == reservation.tokens > 100
    settle(budget, reservation, usage=Usage(total_tokens=300))
    assert (budget.spent_tokens, budget.reserved_tokens) == (300, 0)
    assert budget.reserve(call()) is None
    assert not budget.fits_ever(call())
    budget.tokens = 1000
    assert budget.reserve(call()) is not None


def test_a_call_may_be_billed_more_than_once() -> None:
    """Retries that may be billed, and models that may answer in its place, are reserved for."""
    budget = Budget(100, prices=PRICES)
    once = reserved(budget).usd
    assert reserved(budget, times=3).usd == 3 * once
    assert reserved(budget, models=["dear"]).usd > 4 * once


def test_without_a_limit_the_context_counts() -> None:
    """An answer without ``max_tokens`` may fill what the model can hold."""
    budget = Budget(100, prices=PRICES)
    assert reserved(budget, None).usd >= 100 * PRICE.completion / 1_000_000


@pytest.mark.parametrize(
    ("unknown", "told"),
    [
        (call(model="other"), "price of other"),
        (call(None, model="dear"), "how many tokens a call to dear can take"),
        (call(template="t"), "how many tokens a call to m can take"),
    ],
)
def test_what_is_unknown_is_refused_or_overridden(unknown: Any, told: str) -> None:
    """Neither an unknown price nor an unbounded answer counts as nothing."""
    budget = Budget(1, prices=PRICES)
    budget.learn("other", None)
    assert budget.knows("other")
    assert not budget.knows("another")
    with pytest.raises(UnknownPriceError, match=told):
        budget.reserve(unknown)
    overridden = Budget(1, prices=PRICES, unpriced="0.4")
    reservation = overridden.reserve(unknown)
    assert reservation is not None
    assert reservation.usd == Decimal("0.4")


def test_what_earlier_runs_spent_counts() -> None:
    """A run that goes on begins with what was spent before."""
    budget = Budget("0.25", prices=PRICES)
    budget.spend(Decimal("0.2"), 500)
    assert budget.reserve(call()) is None
    assert (budget.spent, budget.spent_tokens) == (Decimal("0.2"), 500)


def test_who_waits_is_told_of_a_settlement_once() -> None:
    """Whoever waits for room looks again when something is settled."""
    budget = Budget(1, prices=PRICES)
    told: list[int] = []
    budget.when_settled(lambda: told.append(1))
    first, second = reserved(budget), reserved(budget)
    settle(budget, first, billed=False)
    settle(budget, second, billed=False)
    assert told == [1]
    with pytest.raises(RuntimeError, match="settled once"):
        settle(budget, first)


def test_misuse_is_told() -> None:
    """A budget has a cap, and money is no float."""
    with pytest.raises(TypeError, match="needs a cap"):
        Budget()
    wrong: Any = 0.5
    with pytest.raises(TypeError, match="usd must be USD"):
        Budget(wrong)
    with pytest.raises(ValueError, match="unpriced must be USD"):
        Budget(1, unpriced="-1")


@given(seed=st.integers(0, 2**32), cap=st.decimals("0.1", "3", places=4))
def test_a_budget_is_never_overshot(seed: int, cap: Decimal) -> None:
    """Whatever calls cost up to the most that they can, in whatever order: spent and reserved stay below."""
    draw = random.Random(seed)
    budget = Budget(cap, tokens=draw.randint(200, 5000), prices=PRICES)
    under_way: list[tuple[Reservation, int]] = []
    for _ in range(60):
        if draw.random() < 0.6:
            limit = draw.randint(1, 200)
            reservation = budget.reserve(call(limit))
            if reservation is not None:
                under_way.append((reservation, limit))
        elif under_way:
            reservation, limit = under_way.pop(draw.randrange(len(under_way)))
            answered = draw.randint(0, limit)
            usage = Usage(prompt_tokens=8, completion_tokens=answered, total_tokens=8 + answered)
            settle(budget, reservation, usage=draw.choice([usage, None]), billed=draw.random() < 0.8)
        assert budget.spent + budget.reserved <= cap
        assert budget.tokens is not None
        assert budget.spent_tokens + budget.reserved_tokens <= budget.tokens
