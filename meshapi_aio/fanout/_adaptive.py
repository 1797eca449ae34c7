"""A limit that finds out how much the gateway takes: more while all goes well, less at each refusal."""

import asyncio
import math

from ._fixed import check_size
from ._limits import Gate, Limit


__all__ = ["AdaptiveLimit"]

_CUT = 0.8
_FIRST_CUT = 0.5
"""Out of slow start, which goes too far by up to its double."""

_PATIENCE = 900
"""
Successes for a step of one, divided by the limit.

An episode costs one or two refusals, whatever the limit is, and lasts until the fifth that was cut off is
regained: 900 * ln(1 / 0.8), which is 200 successes.
"""

_SMALLEST_STEP = 15
"""Successes for a step at least, so that where answers take long it does not outrun what they tell."""

_WELL_ABOVE = 1.3
_CONFIDENCE = 2.5
"""Well above its usual ceiling it grows so many times as fast: there is more to be had than there was."""

# Simulated for 120 s after 30 s to settle, at a gateway that serves 37 a second and what a second brings at
# once, answers that take 0.25 to 0.75 s, 20 runs: 97.8 to 100 % of what there was and at most 1.3 % refused;
# after it has halved, at least 92.9 % and at most 0.6 %; after it has doubled, 97.3 % and 1.7 %. With
# answers of 2.5 to 7.5 s: 87.5 %, 92.8 %, 90.9 %, and 0.9, 1.3, 1.1 % refused. Where the gateway counts each
# second by itself, 67 % at least: calls bunch by chance, and only pacing (RateLimit) would help.

_WEIGHT = 0.1
"""Of the newest call in the usual time of one."""


class AdaptiveLimit(Limit):
    """
    As many calls at once as the gateway takes without refusing, from ``min`` to ``max``.

    It begins at ``start`` and adds one for each success (slow start) until the first 429, then one for ever
    so many; only successes of calls in whose time the limit was reached count. A 429 cuts it by a fifth,
    once an episode: refusals of calls that had begun before the cut, or within the usual time of a call
    after it, change nothing. Other failures say nothing about capacity. A ``Retry-After`` is heeded by the
    call that got it, which waits outside, and holds up no others. ``min`` and ``max`` can be set at any time.
    """

    def __init__(self, *, min: int = 1, start: int = 8, max: int = 256) -> None:  # noqa: A002
        super().__init__()
        self._min, self._max = check_size("min", min), check_size("max", max)
        self._value = check_size("start", start)
        if not min <= start <= max:
            msg = f"AdaptiveLimit: min, start and max must not fall, got {min}, {start}, {max}"
            raise ValueError(msg)
        self._is_slow_start = True
        self._ceiling = math.inf
        self._successes = 0
        self._usual: float | None = None
        self._episode_until = -math.inf
        self._reached_at = -math.inf
        self._changed(self.limit, "set")

    @property
    def min(self) -> int:
        """The least that it goes down to."""
        return self._min

    @min.setter  # noqa: A003 - the terms of the field, and no builtin is meant
    def min(self, value: int) -> None:
        self._min = check_size("min", value)
        self._max = max(self._max, value)
        self._set(max(self._value, value), "set")

    @property
    def max(self) -> int:
        """The most that it goes up to."""
        return self._max

    @max.setter  # noqa: A003 - the same
    def max(self, value: int) -> None:
        self._max = check_size("max", value)
        self._min = min(self._min, value)
        self._set(min(self._value, value), "set")

    @property
    def limit(self) -> float:
        """How many calls may be under way at once now."""
        return self._value

    @property
    def most(self) -> int:
        """How many calls may ever be under way at once."""
        return self._max

    def wait_for(self, _gate: Gate) -> float:
        """Return 0 where there is room, else infinity."""
        return 0.0 if self.in_flight < self._value else math.inf

    def take(self, gate: Gate) -> None:
        """Let a call in, and note when."""
        self.in_flight += 1
        gate.since = asyncio.get_running_loop().time()
        if self.in_flight >= self._value:
            self._reached_at = gate.since

    def give(self, gate: Gate) -> None:
        """Let a call out; a success or a refusal says something about the limit."""
        self.in_flight -= 1
        status = gate.status
        if status is None:
            return
        now = asyncio.get_running_loop().time()
        if status == 429:
            self._refused(gate.since, now)
        elif 200 <= status < 300:
            taken = now - gate.since
            self._usual = taken if self._usual is None else self._usual + _WEIGHT * (taken - self._usual)
            was_reached = gate.since <= self._reached_at
            if was_reached and self._value < self._max and now >= self._episode_until:
                self._succeeded()

    def _succeeded(self) -> None:
        self._successes += 1
        if self._is_slow_start:
            self._set(self._value + 1, "slow start")
            return
        needed = max(_PATIENCE / self._value, _SMALLEST_STEP)
        if self._value > _WELL_ABOVE * self._ceiling:
            needed /= _CONFIDENCE
        if self._successes >= needed:
            self._set(self._value + 1, "saturated")

    def _refused(self, since: float, now: float) -> None:
        if since <= self._episode_until:
            return
        self._episode_until = now + (self._usual or 0.0)
        if self._is_slow_start:
            self._ceiling = self._value * _FIRST_CUT
        else:
            self._ceiling += 0.5 * (self._value - self._ceiling)
        cut = _FIRST_CUT if self._is_slow_start else _CUT
        self._is_slow_start = False
        self._set(max(self._min, int(self._value * cut)), "429")

    def _set(self, value: int, reason: str) -> None:
        self._successes = 0
        if value != self._value or reason == "set":
            self._value = value
            self._changed(value, reason)
            if self.line:
                self.wake()
