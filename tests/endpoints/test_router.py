"""Routing: which model fits a conversation."""

from typing import Any

import pytest

from meshapi_aio.endpoints._messages import Message
from meshapi_aio.endpoints.router import AutoRouter, Router, SelectModel
from meshapi_aio.errors import DecodeError
from tests.endpoints.answering import Answers, refusal


async def test_a_selection() -> None:
    """Messages as in chat, and no model in the call; the reply names one, and why."""
    gateway = Answers(
        {
            "model": "openai/gpt-4o-mini",
            "auto_router": {"fallback_used": False, "fallback_reason": None},
            "reasoning_effort": "medium",
        }
    )
    chosen = await Router(gateway).select(
        messages=[Message.user("Hé")], api_type="responses", exclude_models=["a/b"]
    )
    body = {
        "messages": [{"role": "user", "content": "Hé"}],
        "api_type": "responses",
        "exclude_models": ["a/b"],
    }
    assert gateway.sent == [("POST", "/v1/router/select", body)]
    assert (chosen.model, chosen.reasoning_effort) == ("openai/gpt-4o-mini", "medium")
    assert chosen.auto_router == AutoRouter(fallback_used=False)


async def test_a_reply_with_the_model_alone() -> None:
    """Is one; without a model it is none."""
    router = Router(Answers({"model": "m"}, {"auto_router": {"fallback_used": True}}))
    messages = [{"role": "user", "content": "a"}]
    bare = await router.select(messages=messages)
    assert (bare.auto_router, bare.reasoning_effort) == (None, None)
    with pytest.raises(DecodeError, match=r"required field missing @ \$\.model"):
        await router.select(messages=messages)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"messages": []}, "messages must be at least 1 items, got 0"),
        ({"api_type": "chat"}, "api_type must be 'completions' or 'responses' or 'embeddings'"),
    ],
)
def test_what_the_gateway_would_refuse(arguments: dict[str, Any], told: str) -> None:
    """Is refused when the call is made."""
    assert refusal(SelectModel, **{"messages": [{"role": "user", "content": "a"}], **arguments}).startswith(
        f"SelectModel: {told}"
    )
