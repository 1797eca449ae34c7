"""The models endpoints of FakeGateway, as the gateway answers them and as OpenAI's clients read them."""

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from meshapi_aio.testing import FakeGateway

from .wire import get


STAINLESS = {"X-Stainless-Lang": "python"}
USER_AGENTS = ("AsyncOpenAI/Python 3.54.0", "OpenAI/JS 6.1.0", "llm openai")
CATALOGUE: list[dict[str, Any]] = [
    {
        "id": "b/large",
        "name": "Zeta",
        "brand": "b",
        "provider": "cloud",
        "context_length": 9000,
        "input_modalities": ["text", "image"],
        "output_modalities": ["text"],
        "pricing": {"prompt_usd_per_1m": "2.5", "discount_pct": "10"},
        "description": "Sees",
    },
    {
        "id": "a/small:free",
        "name": "alpha",
        "brand": "a",
        "context_window": 10_000,
        "input_modalities": ["text"],
        "output_modalities": ["text", "image"],
        "pricing": {"prompt_usd_per_1m": "10", "discount_pct": "0"},
    },
    {"id": "bare", "model_type": "image", "description": None, "is_free": False},
]


def ids(models: Any) -> list[str]:
    """Return the ids of some models."""
    return [model["id"] for model in models]


async def test_the_list_is_a_bare_array() -> None:
    """As the gateway sends it; entries are those that were given, with the members that every model has."""
    async with FakeGateway(catalogue=CATALOGUE) as gateway:
        status, models = await get(gateway, "/v1/models")
    assert status == 200
    assert models[0] == {**CATALOGUE[0], "is_free": False, "model_type": "text"}
    assert models[2] == {**CATALOGUE[2], "name": "bare"}
    assert models[1]["is_free"] is True


async def test_there_are_examples_without_a_catalogue() -> None:
    """Several kinds of model in the documented shape: prices are decimal texts, flags are booleans."""
    async with FakeGateway() as gateway:
        _, models = await get(gateway, "/v1/models")
        _, free = await get(gateway, "/v1/models/free")
    assert len(models) > 4
    assert {model["model_type"] for model in models} >= {"text", "embedding", "image"}
    for model in models:
        for name, value in model["pricing"].items():
            assert name == "pricing_unit" or Decimal(value) >= 0
        assert all(isinstance(value, bool) for name, value in model.items() if name.startswith("supports"))
        assert (model in free) == model["is_free"] == model["id"].endswith(":free")
        assert model["brand"] == model["id"].partition("/")[0]


@pytest.mark.parametrize("headers", [STAINLESS, *({"User-Agent": name} for name in USER_AGENTS)])
async def test_clients_of_openai_get_what_they_can_read(headers: dict[str, str]) -> None:
    """A list object whose models say ``object``, ``created`` and ``owned_by``; nothing is left out for it."""
    async with FakeGateway(catalogue=CATALOGUE) as gateway:
        _, bare = await get(gateway, "/v1/models")
        _, told = await get(gateway, "/v1/models", **headers)
        _, one = await get(gateway, "/v1/models/bare", **headers)
    assert told.keys() == {"object", "data"}
    assert told["object"] == "list"
    for model, known in zip(told["data"], bare, strict=True):
        assert model.items() >= known.items()
        assert (model["object"], type(model["created"])) == ("model", int)
    assert [model["owned_by"] for model in told["data"]] == ["b", "a", "mesh"]
    assert one == told["data"][2]


@pytest.mark.parametrize("headers", [{"User-Agent": "python-httpx/0.28"}, {"X-MeshAPI-SDK": "python/0.1.12"}])
async def test_everybody_else_gets_the_array(headers: dict[str, str]) -> None:
    """The vendor's own kit among them."""
    async with FakeGateway() as gateway:
        assert isinstance((await get(gateway, "/v1/models", **headers))[1], list)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("?free=true", [1]),
        ("?free=false", [0, 2]),
        ("?type=text", [0, 1]),
        ("?type=image&free=false", [2]),
        ("?provider=cloud", [0]),
        ("?provider=nobody", []),
        ("?anything=else", [0, 1, 2]),
        ("/free", [1]),
        ("/paid", [0, 2]),
    ],
)
async def test_some_of_the_models(path: str, found: list[int]) -> None:
    """The filters of the list, and the two lists of their own; parameters that nobody knows are dropped."""
    async with FakeGateway(catalogue=CATALOGUE) as gateway:
        status, models = await get(gateway, "/v1/models" + path)
    assert (status, ids(models)) == (200, [CATALOGUE[index]["id"] for index in found])


@pytest.mark.parametrize(("query", "loc"), [("free=True", "free"), ("type=song", "type")])
async def test_a_filter_that_is_none(query: str, loc: str) -> None:
    """422 with a ``loc`` in the query."""
    async with FakeGateway() as gateway:
        status, body = await get(gateway, f"/v1/models?{query}")
    assert (status, body["error"]["code"]) == (422, "validation_error")
    assert [(fault["type"], fault["loc"]) for fault in body["error"]["details"]] == [
        ("literal_error", ["query", loc])
    ]


@pytest.mark.parametrize("safe", ["/", "", "/:"])
async def test_one_model(safe: str) -> None:
    """Whether or not the slashes of its id are escaped, since clients differ in that."""
    async with FakeGateway(catalogue=CATALOGUE) as gateway:
        path = "/v1/models/" + quote("a/small:free", safe=safe)
        status, model = await get(gateway, path)
        assert (status, model) == (200, (await get(gateway, "/v1/models"))[1][1])


async def test_a_model_that_there_is_not() -> None:
    """404 in the framework's form, not in the envelope; no id at all is another path."""
    async with FakeGateway(catalogue=[]) as gateway:
        assert await get(gateway, "/v1/models/openai/gpt-4o") == (
            404,
            {"detail": "Model 'openai/gpt-4o' not found"},
        )
        assert await get(gateway, "/v1/models/") == (404, {"detail": "Not Found"})
        assert await get(gateway, "/v1/models") == (200, [])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 1, 2]),
        ("q=ALPHA", [1]),
        ("q=sees", [0]),
        ("q=nothing", []),
        ("free=true", [1]),
        ("free=false&discounted=false", [2]),
        ("discounted=true", [0]),
        ("input_modality=text", [0, 1]),
        ("input_modality=text&input_modality=image", [0]),
        ("output_modality=image", [1]),
        ("brand=a&brand=b", [0, 1]),
        ("brand=c", []),
        ("sort=id", [1, 0, 2]),
        ("sort=id&order=desc", [2, 0, 1]),
        ("sort=name", [0, 1, 2]),
        ("sort=brand", [2, 1, 0]),
        ("sort=context_length", [2, 0, 1]),
        ("sort=price&order=asc", [2, 0, 1]),
    ],
)
async def test_a_search(query: str, found: list[int]) -> None:
    """Everything that can be searched and sorted by; the page says how much there is."""
    async with FakeGateway(catalogue=CATALOGUE) as gateway:
        status, page = await get(gateway, f"/v1/models/search?{query}")
    models = [CATALOGUE[index] for index in found]
    assert (status, ids(page.pop("items"))) == (200, ids(models))
    brands = sorted(model["brand"] for model in models if "brand" in model)
    assert page == {"total": len(found), "limit": 20, "offset": 0, "brands": brands}


async def test_the_pages_of_a_search() -> None:
    """Twenty at a time unless said otherwise; total and brands are those of all."""
    catalogue = [{"id": f"m{number}", "brand": f"b{number % 2}"} for number in range(25)]
    async with FakeGateway(catalogue=catalogue) as gateway:
        for query, first, last in [("", 0, 20), ("offset=20", 20, 25), ("limit=3&offset=2", 2, 5)]:
            _, page = await get(gateway, f"/v1/models/search?{query}")
            assert ids(page["items"]) == [f"m{number}" for number in range(first, last)]
            assert (page["total"], page["brands"]) == (25, ["b0", "b1"])


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("sort=age", "sort must be one of brand, name, id, context_length, price, not 'age'"),
        ("sort=id&order=up", "order must be one of asc, desc, not 'up'"),
        ("free=1", "free must be one of true, false, not '1'"),
        ("limit=-1", "limit must be a whole number from 0, not '-1'"),
        ("offset=x", "offset must be a whole number from 0, not 'x'"),
    ],
)
async def test_a_search_that_is_not_valid(query: str, complaint: str) -> None:
    """400 ``invalid_search_parameter``, saying which."""
    async with FakeGateway() as gateway:
        status, body = await get(gateway, f"/v1/models/search?{query}")
    assert (status, body["error"]) == (400, {"code": "invalid_search_parameter", "message": complaint})
