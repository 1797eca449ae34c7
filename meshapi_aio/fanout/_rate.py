"""A limit on what goes out in a minute: requests, and tokens."""

import asyncio
import math
import re
from collections.abc import Mapping

from ._limits import Gate, Limit


__all__ = ["RateLimit"]

_MINUTE = 60.0
_DAY = 24 * 60 * _MINUTE
_MOST = 1000
"""Calls at once: it is not this limit that bounds them, and somebody has to."""

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


class _Bucket:
    """So many a minute, evenly: what a second brings may be taken at once, and no more is saved up."""

    __slots__ = ("_at", "_level", "per_minute", "shut_until")

    def __init__(self, per_minute: float | None) -> None:
        self.per_minute = per_minute
        self._level = math.inf
        self._at = 0.0
        self.shut_until = -math.inf

    @property
    def _size(self) -> float:
        return math.inf if self.per_minute is None else max(self.per_minute / _MINUTE, 1.0)

    def _fill(self, now: float) -> None:
        if self.per_minute is None:
            self._level = math.inf
        else:
            self._level = min(self._level + (now - self._at) * self.per_minute / _MINUTE, self._size)
        self._at = now

    def wait_for(self, needed: float, now: float) -> float:
        self._fill(now)
        shut = max(self.shut_until - now, 0.0)
        if self.per_minute is None:
            return shut
        # What is larger than the bucket goes when it is full, and leaves it in debt.
        missing = min(needed, self._size) - self._level
        # So close to nothing that the clock could not tell the time that it takes.
        return max(shut, missing * _MINUTE / self.per_minute if missing > 1e-9 else 0.0)

    def take(self, needed: float) -> None:
        self._level -= needed

    def give_back(self, surplus: float) -> None:
        self._level = min(self._level + surplus, self._size)


class RateLimit(Limit):
    """
    So many requests and so many tokens a minute, evenly spread; None is no limit.

    Tokens are estimated before a call, and corrected once they are known. What the gateway tells in
    ``x-ratelimit-*`` headers is heeded too: its limits where none were given or lower ones (they count by the
    minute), and that nothing remains until a reset. Both can be set at any time.
    """

    def __init__(
        self, *, requests_per_minute: float | None = None, tokens_per_minute: float | None = None
    ) -> None:
        super().__init__()
        self._given = {
            "requests": _check_rate("requests_per_minute", requests_per_minute),
            "tokens": _check_rate("tokens_per_minute", tokens_per_minute),
        }
        self._learnt: dict[str, float | None] = {"requests": None, "tokens": None}
        self._buckets = {name: _Bucket(rate) for name, rate in self._given.items()}
        for name in self._given:
            self._apply(name, "set")

    @property
    def requests_per_minute(self) -> float | None:
        """How many requests a minute, as set or learnt; None is no limit."""
        return self._buckets["requests"].per_minute

    @requests_per_minute.setter
    def requests_per_minute(self, value: float | None) -> None:
        self._give_rate("requests", _check_rate("requests_per_minute", value))

    @property
    def tokens_per_minute(self) -> float | None:
        """How many tokens a minute, as set or learnt; None is no limit."""
        return self._buckets["tokens"].per_minute

    @tokens_per_minute.setter
    def tokens_per_minute(self, value: float | None) -> None:
        self._give_rate("tokens", _check_rate("tokens_per_minute", value))

    @property
    def limit(self) -> float:
        """Infinity: how many are under way at once is not its affair; ``history`` has rates by the minute."""
        return math.inf

    @property
    def most(self) -> int:
        """1,000, so that they are bounded by something."""
        return _MOST

    def wait_for(self, gate: Gate) -> float:
        """Return the seconds until a call fits."""
        now = asyncio.get_running_loop().time()
        seconds = self._buckets["requests"].wait_for(1.0, now)
        tokens = self._buckets["tokens"]
        if tokens.per_minute is None:
            return max(seconds, tokens.wait_for(0.0, now))
        return max(seconds, tokens.wait_for(gate.tokens, now))

    def take(self, gate: Gate) -> None:
        """Let a call in, with as many tokens as it is estimated to take."""
        self.in_flight += 1
        self._buckets["requests"].take(1.0)
        if self._buckets["tokens"].per_minute is not None:
            self._buckets["tokens"].take(gate.tokens)

    def give(self, gate: Gate) -> None:
        """Let a call out: its tokens are known, and headers may tell more."""
        self.in_flight -= 1
        if gate.used is not None and self._buckets["tokens"].per_minute is not None:
            self._buckets["tokens"].give_back(gate.tokens - gate.used)
        if gate.headers:
            for name in ("requests", "tokens"):
                self._learn(name, gate.headers)

    def _learn(self, name: str, headers: Mapping[str, str]) -> None:
        limit = _number(_header(headers, "limit", name))
        if limit is not None and limit > 0 and limit != self._learnt[name]:
            self._learnt[name] = limit
            self._apply(name, "learnt")
        if _number(_header(headers, "remaining", name)) == 0:
            reset = _seconds(_header(headers, "reset", name))
            if reset is not None:
                self._buckets[name].shut_until = asyncio.get_running_loop().time() + reset

    def _give_rate(self, name: str, value: float | None) -> None:
        self._given[name] = value
        self._apply(name, "set")
        self.wake()

    def _apply(self, name: str, reason: str) -> None:
        rates = [rate for rate in (self._given[name], self._learnt[name]) if rate is not None]
        rate = min(rates, default=None)
        if rate != self._buckets[name].per_minute or reason == "set":
            self._buckets[name].per_minute = rate
            self._changed(rate, f"{name} per minute {reason}")


def _check_rate(name: str, value: float | None) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        msg = f"{name} must be a number, or None for no limit, got {value!r}"
        raise TypeError(msg)
    if value is not None and not 0 < value < math.inf:
        msg = f"{name} must be above 0, or None for no limit, got {value!r}"
        raise ValueError(msg)
    return value


def _header(headers: Mapping[str, str], what: str, name: str) -> str | None:
    """Return one of the family; without a name at its end it counts requests."""
    value = headers.get(f"x-ratelimit-{what}-{name}")
    return headers.get(f"x-ratelimit-{what}") if value is None and name == "requests" else value


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _seconds(text: str | None) -> float | None:
    """Return how long ``12``, ``1.5``, ``6m0s`` or ``350ms`` is; None of what is no time within a day."""
    seconds = _number(text)
    if seconds is None and text:
        parts = _DURATION.fullmatch(text.strip())
        if parts is not None and any(parts.groups()):
            hours, minutes, rest, thousandths = (float(part or 0) for part in parts.groups())
            seconds = hours * 3600 + minutes * 60 + rest + thousandths / 1000
    return seconds if seconds is not None and 0 <= seconds <= _DAY else None
