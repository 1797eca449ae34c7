"""
Limits per minute, of requests and of tokens.

Counts and arithmetic over a clock that is handed in; this room performs no I/O.
"""

import math
from collections.abc import Callable, Mapping

import attrs

from ._refusals import Refusal


_MINUTE = 60.0


@attrs.define
class _Window:
    """A count that begins again each minute; the minute begins with the first that is counted."""

    name: str
    limit: int
    used: int = 0
    began: float = -math.inf

    def turn(self, now: float) -> None:
        """Begin again where the minute is over."""
        if now >= self.began + _MINUTE:
            self.began, self.used = now, 0

    def left(self, now: float) -> float:
        """Return how many seconds of the minute are left."""
        return self.began + _MINUTE - now

    def headers(self, now: float) -> Mapping[str, str]:
        """Return limit, what is left of it, and the seconds after which it begins again."""
        return {
            f"x-ratelimit-limit-{self.name}": str(self.limit),
            f"x-ratelimit-remaining-{self.name}": str(max(self.limit - self.used, 0)),
            f"x-ratelimit-reset-{self.name}": str(math.ceil(self.left(now))),
        }


class RateLimits:
    """
    The limits of one key; None is no limit.

    A request needs room for itself and for its prompt; the tokens of its answer are added when they are
    known, and may exceed the limit. ``clock`` returns seconds. Raises ``ValueError`` for a limit below 1.
    """

    def __init__(
        self, requests_per_minute: int | None, tokens_per_minute: int | None, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._windows: list[_Window] = []
        for name, limit in (("requests", requests_per_minute), ("tokens", tokens_per_minute)):
            if limit is not None and limit < 1:
                msg = f"{name}_per_minute must be at least 1, not {limit!r}; None means no limit"
                raise ValueError(msg)
            if limit is not None:
                self._windows.append(_Window(name, limit))

    def admit(self, asked_tokens: int) -> Refusal | None:
        """Count a request with a prompt of so many tokens, or return why it is refused."""
        now = self._clock()
        needs = {"requests": 1, "tokens": asked_tokens}
        for window in self._windows:
            window.turn(now)
            if window.used + needs[window.name] > window.limit:
                seconds = max(math.ceil(window.left(now)), 1)
                message = f"the limit of {window.limit} {window.name} per minute is reached"
                return Refusal(
                    429,
                    "rate_limit_exceeded",
                    message,
                    fields={"retry_after_seconds": seconds},
                    headers={"Retry-After": str(seconds)},
                )
        for window in self._windows:
            window.used += needs[window.name]
        return None

    def add_tokens(self, said_tokens: int) -> None:
        """Count the tokens of an answer."""
        for window in self._windows:
            window.used += said_tokens if window.name == "tokens" else 0

    def headers(self) -> Mapping[str, str]:
        """Return the ``x-ratelimit-*`` headers, none where there is no limit."""
        now = self._clock()
        return {name: text for window in self._windows for name, text in window.headers(now).items()}
