"""A clock for tests in which much time passes at once."""

import asyncio


__all__ = ["Clock"]


class Clock:
    """The clock of the event loop, which a pause moves on, and a test that adds to ``passed``."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        real = loop.time
        self.passed = 0.0
        self.pauses: list[float] = []
        # For good: each test has its loop, whose time must not go back while fixtures are closed.
        vars(loop)["time"] = lambda: real() + self.passed

    async def sleep(self, seconds: float) -> None:
        """Let the time pass, and the loop take note of it."""
        self.pauses.append(seconds)
        self.passed += seconds
        await asyncio.sleep(0)
