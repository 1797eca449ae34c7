"""What ``MeshAPI.with_options`` takes."""

from collections.abc import Callable, Mapping
from typing import Literal, TypedDict

from ._admission import Limiter
from ._meta import Event
from .settings import Fallback, Limits, Retry, Timeout


__all__ = ["Options"]


class Options(TypedDict, total=False):
    """What :meth:`MeshAPI.with_options` takes; each is explained at :class:`MeshAPI`."""

    timeout: Timeout
    retry: Retry
    limits: Limits
    api_version: str | None
    headers: Mapping[str, str]
    on_malformed: Literal["raise", "skip"]
    on_event: Callable[[Event], None] | None
    fallback: Fallback | None
    request_id: str | None
    cache: bool | None
    limit: Limiter | None
