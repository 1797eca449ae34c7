"""Embeddings: vectors in every form in which the gateway has been seen to send them."""

import base64
import math
import struct
from array import array
from typing import Any

import pytest

from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.endpoints.embeddings import CreateEmbeddings, EmbeddingList, Embeddings
from meshapi_aio.errors import DecodeError, NotFoundError
from tests.endpoints.answering import Answers, refusal


VECTOR = [0.25, -1.0, 0.5]
IN_BASE64 = base64.b64encode(struct.pack("<3f", *VECTOR)).decode()


async def embedded(body: Any) -> EmbeddingList:
    """Return the reply that a body is."""
    return await Embeddings(Answers(body)).create(input="a")


@pytest.mark.parametrize(
    "given",
    [
        "a",
        ["a", "b"],
        [1, 2],
        [[1, 2], [3]],
        [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}],
    ],
)
async def test_what_may_be_embedded(given: Any) -> None:
    """A text, texts, tokens, lists of them, and parts go out as they are."""
    gateway = Answers({"data": []})
    await Embeddings(gateway).create(input=given, model="openai/text-embedding-3-small")
    body = {"input": given, "model": "openai/text-embedding-3-small"}
    assert gateway.sent == [("POST", "/v1/embeddings", body)]


def test_every_field_goes_out_under_its_own_name() -> None:
    """And what the client does not know, in ``extra_body``."""
    fields: dict[str, Any] = {
        "model": "auto",
        "dimensions": 1,
        "encoding_format": "base64",
        "input_type": "query",
        "instructions": "find",
        "provider": {"order": ["openai"], "data_collection": "deny"},
        "user": "u" * 256,
        "sparse_embedding": {"on": True},
    }
    call = CreateEmbeddings(input="a", **fields, extra_body={"new": 1})
    assert call.body() == {"input": "a", **fields, "new": 1}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"input": 5}, "input must be text or a list"),
        ({"dimensions": 0}, "dimensions must be at least 1, got 0"),
        ({"encoding_format": "int8"}, "encoding_format must be 'float' or 'base64' or None"),
        ({"user": "u" * 257}, "user must be at most 256 characters, got 257"),
    ],
)
def test_what_the_gateway_would_refuse(arguments: dict[str, Any], told: str) -> None:
    """Is refused when the call is made."""
    assert refusal(CreateEmbeddings, **{"input": "a", **arguments}).startswith(f"CreateEmbeddings: {told}")


@pytest.mark.parametrize("came", [VECTOR, IN_BASE64])
async def test_a_vector_is_floats_however_it_came(came: Any) -> None:
    """``vector`` is the same of a list and of base64; ``embedding`` is what came."""
    reply = await embedded(
        {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": came}],
            "model": "m",
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        }
    )
    assert reply[0].vector == array("f", VECTOR)
    assert (reply[0].embedding, reply[0].index, reply.model) == (came, 0, "m")
    assert reply.usage == Usage(prompt_tokens=1, total_tokens=1)


async def test_base64_that_is_no_whole_number_of_floats() -> None:
    """Does not spoil the reply: only its own vector raises, and what came is kept (as 11 bytes did)."""
    eleven = base64.b64encode(b"hello world").decode()
    reply = await embedded(
        {"data": [{"index": 3, "embedding": eleven}, {"index": 4, "embedding": IN_BASE64}]}
    )
    with pytest.raises(
        DecodeError, match=r"^the embedding of input 3 has 11 bytes, which is no whole"
    ) as caught:
        _ = reply[0].vector
    assert reply[0].embedding == caught.value.body == eleven
    assert list(reply[1].vector) == VECTOR


async def test_text_that_is_no_base64() -> None:
    """Raises where the vector is asked for, and says of which input."""
    reply = await embedded({"data": [{"index": 0, "embedding": "?"}]})
    with pytest.raises(DecodeError, match=r"^the embedding of input 0 is no base64: ") as caught:
        _ = reply[0].vector
    assert caught.value.body == "?"


async def test_a_vector_may_hold_what_is_no_number() -> None:
    """NaN, as some models send it, and whole numbers."""
    reply = await embedded(b'{"data": [{"embedding": [NaN, 1]}]}')
    vector = reply[0].vector
    assert (math.isnan(vector[0]), vector[1]) == (True, 1.0)


@pytest.mark.parametrize("came", [VECTOR, IN_BASE64])
async def test_the_flat_form(came: Any) -> None:
    """One vector without an envelope, as the documentation's sample has it; what stands beside it is kept."""
    reply = await embedded({"embedding": came, "model": "m", "new": 1})
    assert [list(item.vector) for item in reply] == [VECTOR]
    assert (reply[0].index, reply.model, reply.extra) == (0, "m", {"new": 1})


async def test_usage_with_a_provider_key_of_ones_own() -> None:
    """May say nothing of tokens: None, not zero."""
    reply = await embedded({"data": [], "usage": {"byok_used": True, "fallback_triggered": False}})
    assert reply.usage == Usage(byok_used=True, fallback_triggered=False)
    assert (await embedded({"data": [], "usage": None})).usage is None


@pytest.mark.parametrize("came", [None, [None], ["0.1"], {}, 1])
async def test_what_is_no_vector(came: Any) -> None:
    """Is a ``DecodeError`` that names its place."""
    with pytest.raises(DecodeError, match=r"\$\.data\[0\]"):
        await embedded({"data": [{"index": 0, "embedding": came}]})


async def test_an_error_in_a_200() -> None:
    """Is an error, as everywhere."""
    with pytest.raises(NotFoundError, match="no such model"):
        await embedded({"error": {"code": "model_not_found", "message": "no such model"}})
