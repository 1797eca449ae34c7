"""Models: lists in every form, prices that are never floats, and ids with slashes."""

from decimal import Decimal
from typing import Any

import pytest

from meshapi_aio import MeshAPI, NotFoundError
from meshapi_aio.endpoints.models import Model, ModelPricing, Models, SearchModels

from .answering import Answers, refusal


async def test_the_list_is_a_bare_array() -> None:
    """Or the same in an object: both are a page, to be awaited or iterated."""
    listed = [{"id": "a/b"}, {"id": "c:free", "description": None, "is_free": True}]
    gateway = Answers(listed, {"data": listed}, listed)
    models = Models(gateway)
    assert [model.id for model in await models.list()] == ["a/b", "c:free"]
    assert [model.is_free for model in await models.list()] == [None, True]
    assert [model.id async for model in models.free()] == ["a/b", "c:free"]
    assert [path for _, path, _ in gateway.sent] == ["/v1/models", "/v1/models", "/v1/models/free"]


async def test_what_is_asked_for() -> None:
    """True and false in lower case, lists as repeated keys, the id's slashes as they are."""
    gateway = Answers([], [], {"items": []}, {"id": "a/b"})
    models = Models(gateway)
    await models.list(free=False, type="video", provider="x")
    await models.paid()
    await models.search(q="gpt 4", input_modality=["text", "image"], sort="price", order="desc", limit=5)
    await models.get(id="a/b c:free")
    assert [path for _, path, _ in gateway.sent] == [
        "/v1/models?free=false&type=video&provider=x",
        "/v1/models/paid",
        "/v1/models/search?limit=5&q=gpt%204&input_modality=text&input_modality=image&sort=price&order=desc",
        "/v1/models/a/b%20c%3Afree",
    ]


async def test_prices_are_decimal_text() -> None:
    """As they came, and as ``Decimal``; keys that nobody documents are among them, null is not."""
    pricing = {
        "pricing_unit": "per_1m_tokens",
        "prompt_usd_per_1m": "0.15000000",
        "completion_usd_per_1m": "0",
        "request_usd": None,
        "cache_read_usd_per_1m": "0.07500000",
        "image_usd_per_image": None,
        "notes": "usd",
    }
    told = (await Models(Answers({"id": "m", "pricing": pricing})).get(id="m")).pricing
    assert told is not None
    assert told.prompt_usd_per_1m == "0.15000000"
    assert told.prices == {
        "prompt_usd_per_1m": Decimal("0.15"),
        "completion_usd_per_1m": Decimal(0),
        "cache_read_usd_per_1m": Decimal("0.075"),
    }
    assert str(told.prices["prompt_usd_per_1m"]) == "0.15000000"
    assert told.extra == {"cache_read_usd_per_1m": "0.07500000", "image_usd_per_image": None}


async def test_a_price_by_the_second() -> None:
    """One row of the current list: no price for tokens, one for each unit, and no context."""
    pricing = {"pricing_unit": "per_second", "prompt_usd_per_1m": None, "output_usd_per_unit": "0.10000000"}
    row = {"id": "video/x", "context_length": None, "pricing": pricing}
    model = await Models(Answers(row)).get(id="video/x")
    assert model.pricing is not None
    assert (model.context, model.pricing.prices) == (None, {"output_usd_per_unit": Decimal("0.1")})


def test_a_price_that_is_none_is_left_out() -> None:
    """Nor is a price made of what is no number."""
    told = ModelPricing(request_usd="free", extra={"x_usd": True, "y_usd": "NaN", "z_usd": 0.1})
    assert told.prices == {"z_usd": Decimal("0.1")}


async def test_what_is_not_said() -> None:
    """Is not supported, but for system prompts; null says no more."""
    row = {"id": "m", "supports_tools": None, "supports_image_edit": True, "supports_thought": True}
    model = await Models(Answers(row)).get(id="m")
    assert (model.supports_tools, model.supports_system_prompt) == (False, True)
    assert (model.supports_image_edit, model.supports_image_mix) == (True, False)
    assert model.extra == {"supports_thought": True}
    assert model.pricing is None


@pytest.mark.parametrize(
    ("keys", "context"),
    [({"context_window": 8}, 8), ({"context_length": 0, "context_window": 8}, 0), ({}, None)],
)
def test_the_context_has_two_names(keys: dict[str, Any], context: int | None) -> None:
    """Some models tell it by the one, some by the other."""
    assert Model(id="m", **keys).context == context


async def test_search_goes_through_its_pages() -> None:
    """By offset, until there are as many as the total says."""
    pages = [
        {"items": [{"id": "a"}, {"id": "b"}], "total": 3, "limit": 2, "offset": 0, "brands": ["x"]},
        {"items": [{"id": "c"}], "total": 3, "limit": 2, "offset": 2, "brands": ["x"], "facets": {"free": 1}},
    ]
    gateway = Answers(*pages)
    assert [model.id async for model in Models(gateway).search(limit=2)] == ["a", "b", "c"]
    assert gateway.sent[1][1] == "/v1/models/search?limit=2&offset=2"


def test_unknown_orders_are_refused() -> None:
    """Where the gateway would answer 422."""
    assert "order must be 'asc' or 'desc' or None, got 'up' (str)" in refusal(SearchModels, order="up")


async def test_against_a_gateway(client: MeshAPI) -> None:
    """The catalogue of the gateway of the tests, in every way in which it can be asked for."""
    every = [model.id async for model in client.models.list()]
    free = [model.id async for model in client.models.free()]
    paid = [model.id async for model in client.models.paid()]
    assert sorted(free + paid) == sorted(every)
    found = [model.id async for model in client.models.search(limit=3)]
    assert sorted(found) == sorted(every)
    assert (await client.models.get(id=every[0])).id == every[0]
    with pytest.raises(NotFoundError):
        await client.models.get(id="no/such-model")
