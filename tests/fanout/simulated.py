"""A gateway that is no more than its limit, and workers that call it as a client does; for virtual time."""

import asyncio
import random
from collections import deque

from meshapi_aio.fanout import AdaptiveLimit, Gate


__all__ = ["Bucket", "Gateway", "Window", "Workers"]


class Bucket:
    """So many requests a second, and as many at once as a second brings."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._level = rate
        self._at = 0.0

    def admits(self, now: float) -> bool:
        """Tell whether a request is served."""
        self._level = min(self._level + (now - self._at) * self.rate, self.rate)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True


class Window:
    """So many requests in each second that has passed, to the number."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._served: deque[float] = deque()

    def admits(self, now: float) -> bool:
        """Tell whether a request is served."""
        while self._served and self._served[0] <= now - 1:
            self._served.popleft()
        if len(self._served) >= self.rate:
            return False
        self._served.append(now)
        return True


class Gateway:
    """Serves as its limit says, after a while; refuses at once, and says when to come again."""

    def __init__(self, limit: Bucket | Window, latency: float, draw: random.Random) -> None:
        self.limit = limit
        self._latency = latency
        self._draw = draw
        self.served = 0
        self.refused = 0

    async def answer(self) -> int:
        """Return the status of one request."""
        if not self.limit.admits(asyncio.get_running_loop().time()):
            self.refused += 1
            await asyncio.sleep(self._latency * 0.1)
            return 429
        await asyncio.sleep(self._latency * self._draw.uniform(0.5, 1.5))
        self.served += 1
        return 200


class Workers:
    """As many as could ever be under way, each with one request after the other, tried again until served."""

    def __init__(self, gateway: Gateway, limit: AdaptiveLimit, draw: random.Random) -> None:
        self._gateway = gateway
        self._limit = limit
        self._draw = draw
        self._tasks = [asyncio.create_task(self._work()) for _ in range(limit.most)]

    async def _work(self) -> None:
        while True:
            gate = Gate((self._limit,), lane=1)
            tries = 0
            while True:
                await gate.enter()
                status = await self._gateway.answer()
                gate.leave(status=status)
                if status == 200:
                    break
                # The gateway asks for a second, and clients add a jitter that grows.
                await asyncio.sleep(1 + self._draw.uniform(0, min(0.5 * 2**tries, 30)))
                tries += 1

    async def stop(self) -> None:
        """Stop them all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
