"""Usage: ``client.usage``, what calls cost, at once and with authority."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

import attrs

from .._family import Family
from .._pages import ListCall, Page, list_method
from .._shape import Shape, shape
from ..call import post
from ._bodies import Body
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


def _as_text(since: datetime | str | None) -> str:
    if isinstance(since, str):
        return since
    if not isinstance(since, datetime):
        wanted = "a datetime, or text such as '2026-08-01T00:00:00Z'"
        msg = f"ListUsageEvents: since must be {wanted}, got {since!r}"
        raise TypeError(msg)
    if since.tzinfo is None:
        msg = f"ListUsageEvents: since is {since!r} in no time zone; give it one, such as tzinfo=UTC"
        raise ValueError(msg)
    return since.isoformat()


@post("/v1/usage/events")
class ListUsageEvents(Body, ListCall[UsageEventPage, UsageEvent]):
    """Return what calls cost, streams included, as soon as they are over; match them by ``request_id``."""

    since: datetime | str | None = attrs.field(default=None, converter=_as_text)
    """Only what came since then: a datetime with its time zone, or ISO text."""
    limit: int | None = None
    """How many, 200 by default."""
    org_id: str = ""
    """Required by the gateway's schema, and of no effect where an API key calls."""


class AccountUsage(Family):
    """``client.usage``: what calls cost."""

    events = list_method(ListUsageEvents)
