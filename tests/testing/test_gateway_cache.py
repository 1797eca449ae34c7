"""FakeGateway's response cache, which is off unless a test switches it on."""

import re
from typing import Any

import pytest

from meshapi_aio.testing import FakeGateway

from .wire import Clock, chat, get


async def hits(gateway: FakeGateway, text: str = "hi", **fields: Any) -> bool:
    """Return whether a request is answered out of the cache, with all the signs of that or none."""
    _, headers, body = await chat(gateway, text, **fields)
    identity = (body[0] if isinstance(body, list) else body)["id"]
    hit = headers.get("X-Cache")
    assert hit in {None, "HIT"}  # there is no value that means a miss
    assert bool(hit) == bool(re.fullmatch("chatcmpl-cached-[0-9A-Z]{26}", identity))
    return hit == "HIT"


async def test_answers_are_fresh_by_default() -> None:
    """Tests count calls and compare answers, so nothing is cached unless that is what they are about."""
    async with FakeGateway() as gateway:
        assert [await hits(gateway), await hits(gateway)] == [False, False]


async def test_an_equal_request_is_answered_out_of_the_cache() -> None:
    """The same answer under an id of its own; neither streaming nor the user makes a difference."""
    async with FakeGateway(cache=True) as gateway:
        _, _, fresh = await chat(gateway, n=2)
        _, headers, cached = await chat(gateway, n=2, user="me")
        assert headers["X-Cache"] == "HIT"
        assert {**cached, "id": fresh["id"]} == fresh
        assert await hits(gateway, stream=True)
        assert not await hits(gateway, "hello", stream=True)
        assert await hits(gateway, "hello")


async def test_a_cached_stream_is_one_chunk() -> None:
    """All of the text in one, with role and finish reason; then the usage, as always."""
    async with FakeGateway(cache=True) as gateway:
        _, _, fresh = await chat(gateway, model="maker/r1", n=2)
        _, headers, (chunk, tail) = await chat(gateway, model="maker/r1", n=2, stream=True)
        assert headers["X-Cache"] == "HIT"
        assert chunk["object"] == tail["object"] == "chat.completion.chunk"
        assert [choice["delta"] for choice in chunk["choices"]] == [
            choice["message"] for choice in fresh["choices"]
        ]
        assert [choice["finish_reason"] for choice in chunk["choices"]] == ["stop", "stop"]
        assert (tail["choices"], tail["usage"]) == ([], fresh["usage"])
        assert chunk["id"] == tail["id"]
        assert chunk["id"].startswith("chatcmpl-cached-")


@pytest.mark.parametrize(
    ("first", "second", "hit"),
    [
        ({}, {"temperature": 0}, False),
        ({"temperature": 0}, {"temperature": 0}, True),
        ({"temperature": 0.1}, {"temperature": 0.1}, False),
        ({"tools": []}, {"tools": None}, True),
        ({"tools": [{"function": {"name": "f"}}]}, {"tools": [{"function": {"name": "f"}}]}, False),
        ({}, {"model": "maker/other"}, False),
        ({}, {"max_tokens": 5}, False),
        ({}, {"stop": "a"}, False),
        ({}, {"response_format": {"type": "json_object"}}, False),
        ({}, {"service_tier": "flex"}, False),
        ({}, {"provider": "other"}, False),
        ({}, {"seed": 5, "top_p": 0.5, "stream": True, "user": "me"}, True),
        ({}, {"cache": False}, False),
        ({}, {"cache": True}, True),
        ({"cache": False}, {}, False),
        ({}, {"headers": {"X-Mesh-Cache": "no-store"}}, False),
        ({"headers": {"x-mesh-cache": "No-Store"}}, {}, False),
        ({}, {"headers": {"X-Mesh-Cache": "other"}}, True),
        ({"model": "auto"}, {"model": "openai/gpt-4o"}, True),
    ],
)
async def test_which_requests_are_equal(first: dict[str, Any], second: dict[str, Any], hit: bool) -> None:
    """The documented key, the documented conditions, and the two documented ways out."""
    async with FakeGateway(cache=True) as gateway:
        assert not await hits(gateway, **first)
        assert await hits(gateway, **second) == hit


async def test_a_day_later_it_is_forgotten() -> None:
    """And asked anew."""
    clock = Clock()
    async with FakeGateway(cache=True, clock=clock) as gateway:
        seen = [await hits(gateway)]
        for seconds in (86_399, 1, 86_399):
            clock.now += seconds
            seen.append(await hits(gateway))
        assert seen == [False, True, False, True]


async def test_the_oldest_answer_makes_room() -> None:
    """So that a long run does not fill the memory: 256 answers are kept."""
    async with FakeGateway(cache=True) as gateway:
        for number in range(257):
            assert not await hits(gateway, f"{number}")
        assert await hits(gateway, "1")
        assert not await hits(gateway, "0")


async def test_what_is_cached_is_free() -> None:
    """It costs no money; of the limits it takes a request and the tokens of its prompt."""
    async with FakeGateway(cache=True, requests_per_minute=9, tokens_per_minute=99) as gateway:
        assert not await hits(gateway)
        spent = await get(gateway, "/v1/balance")
        _, headers, _ = await chat(gateway)
        assert await get(gateway, "/v1/balance") == spent
        assert headers["x-ratelimit-remaining-requests"] == "7"
        _, later, _ = await chat(gateway)
        remaining = [int(told["x-ratelimit-remaining-tokens"]) for told in (headers, later)]
        assert remaining[0] - remaining[1] == 5
