"""A run's dealings with its budget: prices asked for once, room waited for, bills fetched."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from meshapi_aio import (
    APIConnectionError,
    APIStatusError,
    CreateChatCompletion,
    Message,
    Meta,
    RateLimitError,
    StreamTruncatedError,
)
from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.endpoints.usage import UsageEvent
from meshapi_aio.fanout import Budget, Price
from meshapi_aio.fanout._budget import Reservation
from meshapi_aio.fanout._spending import Spending


CALL = CreateChatCompletion(model="m", messages=[Message.user("Hi")], max_tokens=100)


class Asked:
    """Carries nothing out, and answers what things cost."""

    def __init__(self, *bills: UsageEvent, failing: bool = False) -> None:
        self.bills = bills
        self.failing = failing
        self.prices_asked: list[str] = []
        self.bills_asked: list[datetime] = []

    async def perform(self, item: Any, gate: Any) -> Any:
        raise NotImplementedError

    async def price(self, model: str) -> Price:
        self.prices_asked.append(model)
        await asyncio.sleep(0)
        return Price(prompt=Decimal(1), completion=Decimal(1000))

    async def paid(self, since: datetime) -> Sequence[UsageEvent]:
        self.bills_asked.append(since)
        await asyncio.sleep(0)
        if self.failing:
            raise APIConnectionError("gone")
        return self.bills


def spending(budget: Budget, carrier: Asked) -> Spending:
    """Return the dealings of a run whose calls are billed once."""
    return Spending(budget, carrier, times=1, models=())


async def reserved(dealings: Spending) -> Reservation:
    """Return what is reserved for a call that fits."""
    reservation = await dealings.reserve(CALL)
    assert reservation is not None
    return reservation


async def test_a_price_is_asked_for_once() -> None:
    """However many calls want it at once, the gateway is asked for a model's price one time."""
    carrier = Asked()
    dealings = spending(Budget(1), carrier)
    await asyncio.gather(*(dealings.reserve(CALL) for _ in range(5)))
    assert carrier.prices_asked == ["m"]


async def test_room_is_waited_for() -> None:
    """A call that would fit if others cost less waits for them; one that never will does not."""
    dealings = spending(Budget("0.15"), Asked())
    first = await reserved(dealings)
    waiting = asyncio.create_task(dealings.reserve(CALL))
    await asyncio.sleep(0)
    assert not waiting.done()
    dealings.settle(first, None, None, RateLimitError("slow", status=429), sent=True)
    second = await waiting
    assert second is not None
    dealings.settle(second, Meta(status=200), None, None, sent=True)
    assert await dealings.reserve(CALL) is None


async def test_who_is_cancelled_while_waiting_is_no_trouble() -> None:
    """Cancelled, one has reserved nothing, and a later settlement passes over it."""
    budget = Budget("0.15")
    dealings = spending(budget, Asked())
    first = await reserved(dealings)
    waiting = asyncio.create_task(dealings.reserve(CALL))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    dealings.settle(first, None, None, None, sent=False)
    assert budget.reserved == budget.spent == 0


def cut_short(seen: int) -> StreamTruncatedError:
    """Return the error of a stream that broke after some chunks."""
    error = StreamTruncatedError("cut")
    error.chunks_seen = seen
    return error


@pytest.mark.parametrize(
    ("error", "sent", "is_billed"),
    [
        (APIStatusError("no", status=503), True, False),
        (RateLimitError("slow", status=429), True, False),
        (APIConnectionError("no", sent=False), True, False),
        (APIConnectionError("gone", sent=True), True, True),
        (cut_short(3), True, True),
        (asyncio.CancelledError(), True, True),
        (asyncio.CancelledError(), False, False),
        (None, True, True),
    ],
)
async def test_what_may_have_been_billed_counts(
    error: BaseException | None, sent: bool, is_billed: bool
) -> None:
    """A refusal costs nothing; what was sent and got no whole answer may have cost all that it could."""
    budget = Budget(1)
    dealings = spending(budget, Asked())
    reservation = await reserved(dealings)
    dealings.settle(reservation, None, None, error, sent=sent)
    assert budget.spent == (reservation.usd if is_billed else 0)
    assert budget.in_doubt == budget.spent


async def settled(dealings: Spending, count: int) -> None:
    """Settle calls whose cost nobody has told."""
    for number in range(count):
        meta = Meta(status=200, request_id=f"r{number}", model="m")
        reply = type("Reply", (), {"usage": Usage(prompt_tokens=5, completion_tokens=5)})()
        dealings.settle(await reserved(dealings), meta, reply, None, sent=True)


async def test_bills_are_fetched_when_there_are_enough() -> None:
    """Not for each call, but for a hundred together; those asked about reach back to the oldest."""
    bills = [UsageEvent(request_id=f"r{number}", cost_usd="0.001") for number in range(100)]
    carrier = Asked(*bills)
    budget = Budget(100)
    dealings = spending(budget, carrier)
    await dealings.reconcile()
    assert carrier.bills_asked == []
    await settled(dealings, 99)
    assert not dealings.wants_bills
    await settled(dealings, 100)
    assert dealings.wants_bills
    before = budget.spent
    await asyncio.gather(dealings.reconcile(), dealings.reconcile())
    (since,) = carrier.bills_asked
    assert timedelta(seconds=50) < datetime.now(UTC) - since < timedelta(minutes=10)
    assert (budget.unreconciled, budget.spent) != (100, before)
    assert not dealings.wants_bills


async def test_bills_that_do_not_come_are_not_asked_for_again_and_again() -> None:
    """After a hundred were asked for, the next hundred are waited for, whatever the gateway has told."""
    carrier = Asked()
    dealings = spending(Budget(100), carrier)
    await settled(dealings, 100)
    await dealings.reconcile()
    await settled(dealings, 99)
    assert not dealings.wants_bills
    await settled(dealings, 1)
    assert dealings.wants_bills
    assert len(carrier.bills_asked) == 1


async def test_a_bill_that_does_not_come_costs_no_answers() -> None:
    """Where the gateway does not tell, calls stay at what they seemed to cost, and that is to be seen."""
    budget = Budget(100)
    dealings = spending(budget, Asked(failing=True))
    await settled(dealings, 3)
    await dealings.reconcile()
    assert budget.unreconciled == 3
