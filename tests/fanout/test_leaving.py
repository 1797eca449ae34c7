"""Runs that are left at random points, in every way: nothing is held, and nothing is counted twice."""

import asyncio
import random
from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio import APIConnectionError, CreateChatCompletion, Message, RateLimitError
from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.fanout import AdaptiveLimit, Budget, FixedLimit, Limit, Price, RateLimit, fan_out

from .clock import run_in_no_time


COUNT = 60
CALLS = [
    CreateChatCompletion(model="m", messages=[Message.user(str(number))], max_tokens=100)
    for number in range(COUNT)
]


class Reply:
    """A reply that tells its tokens."""

    def __init__(self, tokens: int) -> None:
        self.usage = Usage(prompt_tokens=5, completion_tokens=tokens, total_tokens=5 + tokens)


class World:
    """Answers after a while, or fails, or takes its time to be cancelled; knows how many are in it."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self.inside = 0
        self.most = 0

    async def answer(self, _call: object) -> Reply:
        """Answer one call."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(self._draw.random() * 3)
            if self._draw.random() < 0.2:
                raise self._draw.choice([RateLimitError("slow", status=429), APIConnectionError("gone")])
            return Reply(self._draw.randint(0, 100))
        except asyncio.CancelledError:
            if self._draw.random() < 0.3:
                await asyncio.sleep(self._draw.random())  # stubborn
            raise
        finally:
            self.inside -= 1


@given(seed=st.integers(0, 2**32))
def test_nothing_is_held_after_a_run(seed: int) -> None:
    """
    However a run ends, limits and budget are free again, no task is left, and no item has two outcomes.

    It is read to its end, drained, cancelled, late, left by ``break`` or an error, or its task is cancelled.
    """
    draw = random.Random(seed)
    world = World(draw)
    limits: list[Limit] = draw.sample(
        [FixedLimit(5), AdaptiveLimit(start=3, max=7), RateLimit(requests_per_minute=600)], draw.randint(1, 3)
    )
    budget = Budget(
        draw.choice(["0.001", "1"]), prices={"m": Price(prompt=Decimal(1), completion=Decimal(1))}
    )
    seen: Counter[int] = Counter()
    ending = draw.choice(["end", "drain", "cancel", "deadline", "break", "error", "task"])

    async def run() -> None:
        options: Any = {
            "limit": limits,
            "ordered": draw.random() < 0.5,
            "buffer": draw.choice([1, 3, 100]),
            "budget": draw.choice([budget, None]),
            "deadline": draw.random() * 10 if ending == "deadline" else None,
        }
        async with fan_out(world.answer, CALLS, **options) as outcomes:
            if ending in {"drain", "cancel"}:
                end = outcomes.drain if ending == "drain" else outcomes.cancel
                asyncio.get_running_loop().call_later(draw.random() * 10, end)
            async for outcome in outcomes:
                seen[outcome.index] += 1
                if ending in {"break", "error"} and draw.random() < 0.1:
                    if ending == "break":
                        break
                    raise ZeroDivisionError
            if ending == "end":
                assert set(seen) == set(range(COUNT))

    async def main() -> None:
        task = asyncio.create_task(run())
        if ending == "task":
            await asyncio.sleep(draw.random() * 10)
            task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert result is None or isinstance(result, (ZeroDivisionError, asyncio.CancelledError))
        assert len(asyncio.all_tasks()) == 1

    run_in_no_time(main())
    assert world.inside == 0
    assert [limit.in_flight for limit in limits] == [0] * len(limits)
    assert [limit.line for limit in limits] == [[]] * len(limits)
    assert world.most <= min(limit.most for limit in limits)
    assert (budget.reserved, budget.reserved_tokens) == (Decimal(), 0)
    assert budget.usd is not None
    assert budget.spent <= budget.usd
    assert all(count == 1 for count in seen.values())
