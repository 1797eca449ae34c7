"""What FakeGateway tells a key about itself: API versions, and what its requests cost."""

from decimal import Decimal
from typing import Any

import pytest

from meshapi_aio.testing import FakeGateway

from .wire import Clock, asking, chat, client, get


EVENTS = "/v1/usage/events"
ENDPOINTS = ("/v1/api-versions", "/v1/balance", "/v1/models", "/v1/models/free", "/v1/models/x/y")


async def ask(gateway: FakeGateway, **question: Any) -> tuple[int, Any]:
    """Ask for the usage events; return status and body."""
    async with client(gateway) as session, session.post(EVENTS, json=question) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_they_are_for_the_key_alone(path: str) -> None:
    """Each of these needs the credential, and GET."""
    async with FakeGateway() as gateway:
        status, body = await get(gateway, path, Authorization="Bearer rsk_other")
        assert (status, body["error"]["code"]) == (401, "unauthorized")
        async with client(gateway) as session, session.post(path) as response:
            assert (response.status, response.headers["Allow"]) == (405, "GET")


async def test_the_api_versions() -> None:
    """Both that are served, which of them an unpinned caller gets, and what the newer one adds."""
    async with FakeGateway() as gateway:
        baseline = {
            "label": "2026-08",
            "status": "active",
            "baseline": True,
            "latest": False,
            "capabilities": [],
        }
        latest = {"label": "2026-09", "status": "active", "baseline": False, "latest": True}
        latest |= {"capabilities": ["video.poll_by_request_id"]}
        assert await get(gateway, "/v1/api-versions") == (200, [baseline, latest])


async def test_each_request_is_an_event() -> None:
    """With its id, its price as a decimal text, and its tokens; streams too, the newest first."""
    clock = Clock(1_800_000_000.5)
    pricing = {"prompt_usd_per_1m": "0.15000000", "completion_usd_per_1m": "0.6", "request_usd": None}
    async with FakeGateway(catalogue=[{"id": "maker/model", "pricing": pricing}], clock=clock) as gateway:
        _, headers, body = await chat(gateway)
        clock.now += 1
        _, stream_headers, chunks = await chat(gateway, stream=True)
        assert (await chat(gateway, model="maker/other"))[0] == 404
        status, told = await ask(gateway, org_id="")
        usage = body["usage"]
        assert status == 200
        latest, event = told["events"]
        assert chunks[-1]["usage"] == usage
        assert event == {
            "request_id": headers["x-request-id"],
            "model": "maker/model",
            "cost_usd": event["cost_usd"],
            "prompt_tokens": usage["prompt_tokens"],
            "completion_tokens": usage["completion_tokens"],
            "created_at": "2027-01-15T08:00:00.500000+00:00",
        }
        cost = Decimal("0.15") * usage["prompt_tokens"] + Decimal("0.6") * usage["completion_tokens"]
        assert Decimal(event["cost_usd"]) == cost / 1_000_000
        assert "E" not in event["cost_usd"]
        assert (latest["request_id"], latest["cost_usd"]) == (
            stream_headers["x-request-id"],
            event["cost_usd"],
        )
        questions: list[tuple[dict[str, Any], int]] = [
            ({"limit": 1}, 1),
            ({"limit": None, "since": None}, 2),
            ({"since": "2027-01-15T08:00:01Z"}, 1),
            ({"since": "2027-01-15T08:00:00.5"}, 2),
            ({"since": "2027-01-15T09:00:01.500000+01:00"}, 1),
            ({"since": "2027-01-16"}, 0),
        ]
        for question, count in questions:
            assert (await ask(gateway, org_id="me", **question))[1]["events"] == told["events"][:count]


async def test_the_classifier_is_billed() -> None:
    """Auto-routing costs what its classifier reads, though the prompt is short."""
    pricing = {"prompt_usd_per_1m": "1000000", "completion_usd_per_1m": "1000000"}
    async with FakeGateway(catalogue=[{"id": "maker/model", "pricing": pricing}]) as gateway:
        _, _, body = await chat(gateway, model="auto")
        (event,) = (await ask(gateway, org_id=""))[1]["events"]
        assert Decimal(event["cost_usd"]) == body["usage"]["total_tokens"] + 1412


async def test_a_model_of_no_catalogue_has_a_price_too() -> None:
    """So that costs and spend limits can be tested without a catalogue: it is that of the default model."""
    async with FakeGateway() as gateway:
        for model in ("openai/gpt-4o", "maker/model", "google/gemma-3-27b-it:free"):
            await chat(gateway, model=model)
        free, unknown, default = (
            Decimal(event["cost_usd"]) / (event["prompt_tokens"] * 250 + event["completion_tokens"] * 1000)
            for event in (await ask(gateway, org_id=""))[1]["events"]
        )
        assert (free, unknown, default) == (0, Decimal("1E-8"), Decimal("1E-8"))
        spent = sum(Decimal(event["cost_usd"]) for event in (await ask(gateway, org_id=""))[1]["events"])
        assert (await get(gateway, "/v1/balance"))[1] == {"available_usd": f"{100 - spent:f}"}


async def test_old_events_are_forgotten() -> None:
    """A thousand are kept, of which 200 are told unless more are asked for."""
    async with FakeGateway(record=False) as gateway, client(gateway) as session:
        for number in range(1002):
            headers = {"X-Request-Id": str(number)}
            async with session.post("/v1/chat/completions", json=asking("hi"), headers=headers) as response:
                assert response.status == 200
        told = (await ask(gateway, org_id="", limit=5000))[1]["events"]
        assert [event["request_id"] for event in told] == [str(number) for number in range(1001, 1, -1)]
        assert (await ask(gateway, org_id=""))[1]["events"] == told[:200]


@pytest.mark.parametrize(
    ("question", "kind", "loc"),
    [
        ({}, "missing", "org_id"),
        ({"org_id": None}, "string_type", "org_id"),
        ({"org_id": "", "since": "yesterday"}, "datetime_parsing", "since"),
        ({"org_id": "", "since": 5}, "datetime_parsing", "since"),
        ({"org_id": "", "limit": 0}, "greater_than_equal", "limit"),
    ],
)
async def test_a_question_that_is_not_valid(question: dict[str, Any], kind: str, loc: str) -> None:
    """422, with ``org_id`` required although it means nothing to a key."""
    async with FakeGateway() as gateway:
        status, body = await ask(gateway, **question)
    assert (status, body["error"]["code"]) == (422, "validation_error")
    assert [(fault["type"], fault["loc"]) for fault in body["error"]["details"]] == [(kind, ["body", loc])]


async def test_a_question_without_a_body() -> None:
    """422 as well."""
    async with FakeGateway() as gateway, client(gateway) as session, session.post(EVENTS) as response:
        assert response.status == 422
        assert (await response.json())["error"]["details"][0]["loc"] == ["body"]
