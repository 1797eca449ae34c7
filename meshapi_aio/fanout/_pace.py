"""The deadline of a run: when to begin nothing more, so that what is under way is done in time."""

import asyncio
from collections.abc import Callable


__all__ = ["Pace"]

_WEIGHT = 0.125
"""Of the newest call in the mean and in the spread, as TCP weighs its round trips (RFC 6298)."""


class Pace:
    """
    Knows how long calls usually take, and so when it is too late for one more.

    ``on_time`` is called when the deadline is there, ``seconds`` after this was made.
    """

    def __init__(self, seconds: float, on_time: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._end, on_time)
        self._mean: float | None = None
        self._spread = 0.0

    def add(self, seconds: float) -> None:
        """Take in how long a call took."""
        if self._mean is None:
            self._mean, self._spread = seconds, seconds / 2
            return
        self._spread += _WEIGHT * (abs(seconds - self._mean) - self._spread)
        self._mean += _WEIGHT * (seconds - self._mean)

    def is_late(self) -> bool:
        """Tell whether a call begun now is not likely to be done in time."""
        usual = 0.0 if self._mean is None else self._mean + 2 * self._spread
        return self._loop.time() + usual >= self._end

    def close(self) -> None:
        """Forget the deadline."""
        self._timer.cancel()
