"""What a key may ask about itself and the gateway: usage, balance, and API versions."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from meshapi_aio import MeshAPI
from meshapi_aio.endpoints.api_versions import APIVersions
from meshapi_aio.endpoints.balance import AccountBalance, Balance
from meshapi_aio.endpoints.usage import AccountUsage, ListUsageEvents, UsageEvent

from .answering import Answers, refusal


NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


async def test_usage_needs_an_organization_in_name_alone() -> None:
    """The empty text is sent, as null would be refused; a time may be a ``datetime``."""
    gateway = Answers(
        {"events": []}, {"events": [{"request_id": "r", "cost_usd": "0.0000021", "model": "m"}]}
    )
    usage = AccountUsage(gateway)
    assert len(await usage.events()) == 0
    events = [event async for event in usage.events(since=NOON, limit=5)]
    assert [body for _, _, body in gateway.sent] == [
        {"org_id": ""},
        {"org_id": "", "since": "2026-08-01T12:00:00+00:00", "limit": 5},
    ]
    assert [(event.request_id, event.cost) for event in events] == [("r", Decimal("0.0000021"))]
    assert events[0].extra == {"model": "m"}


@pytest.mark.parametrize(
    ("cost", "amount"),
    [("0.10", Decimal("0.10")), (0.1, Decimal("0.1")), (2, Decimal(2)), (None, None), ("free", None)],
)
def test_money_is_no_float(cost: Any, amount: Decimal | None) -> None:
    """Whatever the wire has, the amount is what was written there."""
    assert UsageEvent(cost_usd=cost).cost == amount
    assert AccountBalance(available_usd=cost).available == amount


@pytest.mark.parametrize("since", [5, datetime(2026, 8, 1)])  # noqa: DTZ001 - that is the mistake
def test_a_time_must_be_one(since: Any) -> None:
    """A datetime without a time zone could mean any of them."""
    assert refusal(ListUsageEvents, since=since).startswith("ListUsageEvents: since ")


async def test_the_balance() -> None:
    """What came, and the same as ``Decimal``."""
    gateway = Answers({"available_usd": "12.50"})
    balance = await Balance(gateway).get()
    assert (balance.available_usd, balance.available) == ("12.50", Decimal("12.5"))
    assert gateway.sent == [("GET", "/v1/balance", None)]


async def test_api_versions_are_a_bare_array() -> None:
    """Keys that are not there say nothing."""
    told = {"label": "2026-08", "status": "active", "baseline": True, "latest": False, "capabilities": []}
    versions = await APIVersions(Answers([told, {"label": "2026-09"}])).list()
    assert [(version.label, version.baseline, version.capabilities) for version in versions] == [
        ("2026-08", True, []),
        ("2026-09", None, None),
    ]


async def test_against_a_gateway(client: MeshAPI) -> None:
    """What a call cost is found by its request id, and its balance and versions are told."""
    completion = await client.chat.completions.create(messages=[{"role": "user", "content": "a"}])
    costs = {event.request_id: event.cost async for event in client.usage.events(since=NOON)}
    cost = costs[completion.request_id]
    assert cost is not None
    assert cost >= 0
    assert (await client.balance.get()).available is not None
    assert "2026-08" in [version.label async for version in client.api_versions.list()]
