"""
The gateway's response cache.

A mapping over a clock that is handed in; this room performs no I/O.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping

from ._json import Object


_SECONDS = 24 * 60 * 60.0
_MOST = 256  # answers; whoever tests a cache asks for a few of them twice, and none may pile up
_KEY = (
    "provider",
    "messages",
    "max_tokens",
    "temperature",
    "stop",
    "response_format",
    "service_tier",
)
"""What two requests have in common, beside the model, that get one answer; ``stream`` is not among it."""


def is_cacheable(request: Object, headers: Mapping[str, str]) -> bool:
    """Return whether the answer may come from the cache and go into it."""
    return (
        not request.get("temperature")
        and not request.get("tools")
        and request.get("cache") is not False
        and headers.get("X-Mesh-Cache", "").strip().lower() != "no-store"
    )


class ResponseCache:
    """The latest answers, for a day each; ``clock`` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Object]] = OrderedDict()

    def find(self, request: Object, model: str) -> Object | None:
        """Return the completion that was stored for such a request, None where there is none."""
        stored, completion = self._kept.get(_key(request, model), (0.0, None))
        return completion if self._clock() < stored + _SECONDS else None

    def store(self, request: Object, model: str, completion: Object) -> None:
        """Keep a completion; the oldest goes where there are too many."""
        key = _key(request, model)
        self._kept[key] = (self._clock(), completion)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)


def _key(request: Object, model: str) -> str:
    """Return what tells one request from another."""
    told = json.dumps([model, *(request.get(name) for name in _KEY)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
