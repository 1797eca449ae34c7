"""Usage: ``client.usage``, what calls cost, at once and with authority."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import attrs

from .._family import Family
from .._pages import ListCall, Page, list_method
from .._shape import Shape, shape
from ..call import post
from ._shared import decimal


__all__ = ["AccountUsage", "ListUsageEvents", "UsageEvent", "UsageEventPage"]


@shape
class UsageEvent(Shape):
    """What one call cost; ``request_id`` is that of its reply, its stream or its error."""

    request_id: str | None = None
    cost_usd: str | float | None = None
    """As it came; :attr:`cost` is the same as a ``Decimal``."""

    @property
    def cost(self) -> Decimal | None:
        """The price in USD, None where it was not told."""
        return decimal(self.cost_usd)


@shape
class UsageEventPage(Page[UsageEvent]):
    """The usage that was asked for. No page follows; ``since`` and ``limit`` say how much this one holds."""

    _items_in: ClassVar[str] = "events"

    events: list[UsageEvent]


def _as_text(since: datetime | str | None) -> datetime | str | None:
    if not isinstance(since, datetime):
        return since
    if since.tzinfo is None:
        msg = f"ListUsageEvents: since is {since!r} in no time zone; give it one, such as tzinfo=UTC"
        raise ValueError(msg)
    return since.isoformat()


def _check_text(_owner: object, _attribute: object, since: Any) -> None:
    if not isinstance(since, str):
        wanted = "a datetime, or text such as '2026-08-01T00:00:00Z'"
        msg = f"ListUsageEvents: since must be {wanted}, got {since!r}"
        raise TypeError(msg)


@post("/v1/usage/events")
class ListUsageEvents(ListCall[UsageEventPage, UsageEvent]):
    """
    Tell what calls cost, streams included; the price of a call is there as soon as the call is over.

    Match them by ``request_id``.
    """

    since: datetime | str | None = attrs.field(default=None, converter=_as_text, validator=_check_text)
    """Only what came since then: a datetime with its time zone, or ISO text."""
    limit: int | None = None
    """How many, 200 by default."""
    org_id: str = ""
    """Required by the gateway's schema, and of no effect where an API key calls."""
    extra_body: Mapping[str, Any] | None = None


class AccountUsage(Family):
    """``client.usage``: what calls cost."""

    events = list_method(ListUsageEvents)
