"""``models``: which there are and what they cost, searched, sorted, as a table or as JSON."""

import json
from typing import Any

import pytest

from meshapi_aio.testing import Answer, FakeGateway

from .running import environment, invoke, invoke_at
from .terminal import Terminal


MODELS: list[dict[str, Any]] = [
    {
        "id": "maker/large",
        "name": "Large",
        "context_length": 200_000,
        "model_type": "text",
        "description": "For hard questions",
        "pricing": {"prompt_usd_per_1m": "2.50000000", "completion_usd_per_1m": "10"},
    },
    {
        "id": "maker/small",
        "name": "a small one",
        "context_window": 8_000,
        "pricing": {"prompt_usd_per_1m": "0.07550000", "completion_usd_per_1m": "0.1"},
    },
    {"id": "other/gift:free", "is_free": True, "pricing": {"prompt_usd_per_1m": "0"}},
    {
        "id": "other/painter",
        "name": "Painter",
        "brand": "Other",
        "pricing": {"image_output_usd_per_image": "0.04"},
    },
]


async def table(gateway: FakeGateway, *words: str) -> list[list[str]]:
    """Return the cells of what is printed, without the head and without the names."""
    gateway.enqueue(Answer(body=MODELS))
    status, stdout, stderr = await invoke_at(gateway, "models", *words)
    assert (status, stderr) == (0, "")
    return [line.split()[:4] for line in stdout.splitlines()[1:]]


async def ids(gateway: FakeGateway, *words: str) -> list[str]:
    """Return the models that are printed, in their order, by the part of the id that tells them apart."""
    return [row[0].partition("/")[2] for row in await table(gateway, *words)]


async def test_a_table_of_models(gateway: FakeGateway) -> None:
    """Context in tokens, prices to the digit that counts; what is not known is a dash, and not nothing."""
    assert await table(gateway) == [
        ["maker/large", "200000", "2.50", "10.00"],
        ["maker/small", "8000", "0.0755", "0.10"],
        ["other/gift:free", "-", "0.00", "-"],
        ["other/painter", "-", "-", "-"],
    ]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["SMALL"], ["small"]),
        (["maker", "hard"], ["large"]),
        (["other"], ["gift:free", "painter"]),
        (["other", "--free"], ["gift:free"]),
        (["--sort", "price"], ["gift:free", "small", "large", "painter"]),
        (["--sort", "context"], ["large", "small", "gift:free", "painter"]),
        (["--sort", "name"], ["small", "large", "gift:free", "painter"]),
    ],
)
async def test_models_are_searched_and_sorted(
    gateway: FakeGateway, words: list[str], found: list[str]
) -> None:
    """Every word must occur, in whatever case; what has no price or no context comes last."""
    assert await ids(gateway, *words) == found


async def test_that_none_fits_is_said(gateway: FakeGateway) -> None:
    """On standard error."""
    gateway.enqueue(Answer(body=MODELS))
    assert await invoke_at(gateway, "models", "nobody") == (0, "", "of 4 models none fits\n")


async def test_json_is_a_line_for_each_model(gateway: FakeGateway) -> None:
    """With the prices as the gateway writes them."""
    gateway.enqueue(Answer(body=[MODELS[0] | {"brand_new": 1}]))
    status, stdout, stderr = await invoke_at(gateway, "models", "--json")
    assert (status, stderr) == (0, "")
    model = json.loads(stdout)
    assert (model["id"], model["pricing"], model["brand_new"]) == ("maker/large", MODELS[0]["pricing"], 1)


async def test_it_works_without_a_gateway() -> None:
    """``--local`` tells the models that are made up."""
    ended = await invoke("models", "--local", "mini")
    assert ended.status == 0
    assert ended.stdout.splitlines()[1].split()[:4] == ["openai/gpt-4o-mini", "128000", "0.15", "0.60"]


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (100, "200000     2.50     10.00  text  Large"),
        (45, "200000     2.50     10.00"),
        (24, "  out $/1M: 10.00"),
    ],
)
async def test_a_terminal_gets_what_it_has_room_for(gateway: FakeGateway, columns: int, shown: str) -> None:
    """The name can be spared, then the type; on a narrow one each model is a block."""
    gateway.enqueue(Answer(body=MODELS))
    async with Terminal("models", env=environment(gateway), columns=columns) as terminal:
        assert await terminal.ends() == 0
        await terminal.shows("other/painter")
        assert any(line.endswith(shown) for line in terminal.scrolled.splitlines())
