"""
What a key may ask about itself and the gateway: API versions, balance, and what its requests cost.

Pure functions of the request and the service; this room performs no I/O.
"""

import math
from datetime import UTC, datetime

from ._checks import parse_object
from ._faults import Loc, Problems, count, members, problem, text
from ._received import ReceivedRequest
from ._refusals import invalid
from ._rules import SERVED_VERSIONS
from ._script import Answer
from ._service import Service


_CAPABILITIES = {"2026-09": ["video.poll_by_request_id"]}
_MOST_EVENTS = 200  # the default of ``limit``


def list_api_versions(_: ReceivedRequest, __: Service) -> Answer:
    """Answer ``GET /v1/api-versions``."""
    versions = [
        {
            "label": label,
            "status": "active",
            "baseline": label == SERVED_VERSIONS[0],
            "latest": label == SERVED_VERSIONS[-1],
            "capabilities": _CAPABILITIES.get(label, []),
        }
        for label in SERVED_VERSIONS
    ]
    return Answer(body=versions)


def get_balance(_: ReceivedRequest, service: Service) -> Answer:
    """Answer ``GET /v1/balance``: what the spend limit leaves, or what is left of 100 USD without one."""
    return Answer(body={"available_usd": service.ledger.available})


def list_usage_events(request: ReceivedRequest, service: Service) -> Answer:
    """Answer ``POST /v1/usage/events``: what the latest requests cost, the newest first."""
    asked, problems = parse_object(request.body)
    problems = problems or [*_QUESTION((), asked)]
    if problems:
        return invalid(problems).answer(request.request_id)
    since: str | None = asked.get("since")
    oldest = -math.inf if since is None else read_time(since)
    most: int = asked.get("limit") or _MOST_EVENTS
    return Answer(body={"events": service.ledger.events(oldest, most)})


def read_time(written: str) -> float:
    """
    Return the seconds since the epoch of a time in ISO 8601; without an offset it is UTC.

    Raises ``ValueError`` for what is no time.
    """
    time = datetime.fromisoformat(written)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _a_time(loc: Loc, value: object) -> Problems:
    """Accept times as ISO 8601 writes them."""
    try:
        read_time(str(value))
    except ValueError:
        yield problem(loc, "datetime_parsing", "must be a time such as 2026-01-31T12:00:00Z")


_QUESTION = members({"org_id": text(), "since": _a_time, "limit": count()}, required=["org_id"])
