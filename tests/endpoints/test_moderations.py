"""Moderations: what was found in each input, category by category."""

from typing import Any

import pytest

from meshapi_aio.endpoints.moderations import CreateModeration, Moderations
from tests.endpoints.answering import Answers, refusal


@pytest.mark.parametrize(
    "given",
    [
        "a",
        ["a", "b"],
        [
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        ],
    ],
)
async def test_what_may_be_moderated(given: Any) -> None:
    """A text, texts, or parts go out as they are; the model is the gateway's choice unless it is named."""
    gateway = Answers({"results": []})
    await Moderations(gateway).create(input=given)
    assert gateway.sent == [("POST", "/v1/moderations", {"input": given})]


async def test_what_was_found() -> None:
    """By category; a null among them, and keys that the client does not know, are kept."""
    came: dict[str, Any] = {
        "id": "modr-1",
        "model": "omni-moderation-latest",
        "results": [
            {
                "flagged": True,
                "categories": {"violence": True, "illicit": None},
                "category_scores": {"violence": 0.9, "illicit": 0},
                "category_applied_input_types": {"violence": ["text"]},
            },
            {"flagged": False},
        ],
        "new": 1,
    }
    reply = await Moderations(Answers(came)).create(input=["a", "b"])
    first, second = reply
    assert (first.flagged, first.categories["violence"], first.category_scores["violence"]) == (
        True,
        True,
        0.9,
    )
    assert (second.flagged, second.categories, second.category_scores) == (False, {}, {})
    assert (len(reply), reply[1], reply.extra) == (2, second, {"new": 1})
    assert first.to_dict() == came["results"][0]


def test_an_input_of_another_kind() -> None:
    """Is refused when the call is made."""
    assert refusal(CreateModeration, input=5).startswith("CreateModeration: input must be text or a list")
