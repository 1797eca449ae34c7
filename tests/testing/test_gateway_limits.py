"""The limits of a key: requests and tokens per minute, and money."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from meshapi_aio.testing import Answer, FakeGateway

from .wire import Clock, chat, get


PRICED = {
    "id": "maker/model",
    "pricing": {"prompt_usd_per_1m": "100", "completion_usd_per_1m": "1000.5", "request_usd": "0.25"},
}


def told(headers: Mapping[str, str], name: str) -> list[str]:
    """Return limit, what remains, and the seconds to the reset, as the headers tell them."""
    return [headers[f"x-ratelimit-{member}-{name}"] for member in ("limit", "remaining", "reset")]


async def test_there_are_no_limits_unless_they_are_set() -> None:
    """And no headers that tell of any."""
    async with FakeGateway() as gateway:
        for _ in range(5):
            status, headers, _ = await chat(gateway)
            assert status == 200
            assert not [name for name in headers if name.lower().startswith("x-ratelimit")]


@pytest.mark.parametrize("stream", [False, True])
async def test_too_many_requests(stream: bool) -> None:
    """429 with the seconds to wait in the header and in the body; after them there is room again."""
    clock = Clock()
    async with FakeGateway(requests_per_minute=2, clock=clock) as gateway:
        assert told((await chat(gateway, stream=stream))[1], "requests") == ["2", "1", "60"]
        clock.now += 12.5
        assert told((await chat(gateway, stream=stream))[1], "requests") == ["2", "0", "48"]
        status, headers, body = await chat(gateway, stream=stream)
        assert (status, headers["Retry-After"], told(headers, "requests")) == (429, "48", ["2", "0", "48"])
        message = "the limit of 2 requests per minute is reached"
        assert body == {
            "error": {"code": "rate_limit_exceeded", "message": message, "retry_after_seconds": 48},
            "request_id": headers["x-request-id"],
        }
        clock.now += 47.4
        status, headers, _ = await chat(gateway)
        assert (status, headers["Retry-After"]) == (429, "1")
        clock.now += float(headers["Retry-After"])
        status, headers, _ = await chat(gateway)
        assert (status, told(headers, "requests")) == (200, ["2", "1", "60"])


async def test_too_many_tokens() -> None:
    """Prompts and answers count; a prompt that does not fit into what is left has to wait."""
    clock = Clock()
    async with FakeGateway(tokens_per_minute=30, clock=clock) as gateway:
        _, headers, body = await chat(gateway)
        used = body["usage"]["total_tokens"]
        assert told(headers, "tokens") == ["30", str(30 - used), "60"]
        status, headers, body = await chat(gateway, "one two three four five six seven eight")
        assert (status, headers["Retry-After"]) == (429, "60")
        assert body["error"]["message"] == "the limit of 30 tokens per minute is reached"
        assert (await chat(gateway))[0] == 200  # its answer leads beyond the limit
        status, headers, _ = await chat(gateway)
        assert (status, told(headers, "tokens")) == (429, ["30", "0", "60"])
        clock.now += 60
        assert (await chat(gateway))[0] == 200


async def test_both_limits_hold() -> None:
    """What one of them refuses does not count for the other; a refusal for the model does."""
    catalogue = [{"id": "maker/model"}]
    async with FakeGateway(
        catalogue=catalogue, requests_per_minute=2, tokens_per_minute=1000, clock=Clock()
    ) as gateway:
        status, headers, _ = await chat(gateway, "x " * 2000)
        assert (status, told(headers, "requests")[1], told(headers, "tokens")[1]) == (429, "2", "1000")
        status, headers, _ = await chat(gateway, model="maker/other")
        assert (status, told(headers, "requests")[1], told(headers, "tokens")[1]) == (404, "1", "995")


async def test_the_limits_are_those_of_the_gateway_itself() -> None:
    """Answers of a script, other endpoints, and requests that are not valid count for nothing."""
    async with FakeGateway(requests_per_minute=1) as gateway:
        gateway.enqueue(Answer(body={}))
        assert (await chat(gateway))[2] == {}
        assert (await get(gateway, "/v1/models"))[0] == 200
        assert (await chat(gateway, temperature=9))[0] == 422
        assert (await chat(gateway))[0] == 200
        assert (await chat(gateway))[0] == 429


async def test_a_spend_limit() -> None:
    """402 as soon as it is reached, which the last answer before it may overshoot; the balance says so."""
    async with FakeGateway(catalogue=[PRICED], spend_limit="0.4") as gateway:
        assert await get(gateway, "/v1/balance") == (200, {"available_usd": "0.4"})
        _, _, body = await chat(gateway)
        usage = body["usage"]
        cost = Decimal("0.25") + Decimal(usage["prompt_tokens"]) / 10_000
        cost += usage["completion_tokens"] * Decimal("0.0010005")
        _, balance = await get(gateway, "/v1/balance")
        assert Decimal(balance["available_usd"]) == Decimal("0.4") - cost
        assert (await chat(gateway, stream=True))[0] == 200
        assert await get(gateway, "/v1/balance") == (200, {"available_usd": "0"})
        for stream in (False, True):
            status, headers, body = await chat(gateway, stream=stream)
            assert status == 402
            assert body == {
                "error": {
                    "code": "spend_limit_exceeded",
                    "message": "the spend limit of 0.4 USD is reached",
                },
                "request_id": headers["x-request-id"],
            }


@pytest.mark.parametrize("limit", ["0", Decimal(0)])
async def test_nothing_may_be_spent(limit: str | Decimal) -> None:
    """The shortest way to a 402."""
    async with FakeGateway(spend_limit=limit) as gateway:
        assert (await chat(gateway))[0] == 402


async def test_what_costs_nothing_needs_no_money() -> None:
    """A model without prices, in a catalogue that was given, is free."""
    async with FakeGateway(catalogue=[{"id": "maker/model", "pricing": None}], spend_limit="0.01") as gateway:
        for _ in range(3):
            assert (await chat(gateway))[0] == 200
        assert await get(gateway, "/v1/balance") == (200, {"available_usd": "0.01"})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"requests_per_minute": 0}, "requests_per_minute must be at least 1, not 0; None means no limit"),
        ({"tokens_per_minute": -1}, "tokens_per_minute must be at least 1, not -1"),
        ({"spend_limit": 0.01}, "spend_limit must be USD as text, a whole number or a Decimal"),
        ({"spend_limit": "-1"}, "spend_limit must be USD, at least 0"),
        ({"spend_limit": "much"}, "got 'much'"),
        ({"spend_limit": "inf"}, "got 'inf'"),
    ],
)
def test_a_limit_that_is_none(options: dict[str, Any], complaint: str) -> None:
    """Told where it is written."""
    with pytest.raises((TypeError, ValueError), match=complaint):
        FakeGateway(**options)
