"""Which models FakeGateway serves, what it refuses for one, and how it goes on to another."""

from typing import Any

import pytest

from meshapi_aio.testing import FakeGateway

from .wire import chat


TOOL = {"type": "function", "function": {"name": "f"}}
SYSTEM = {"role": "system", "content": "be brief"}
USER = {"role": "user", "content": "hi"}
PICTURE = {
    "role": "user",
    "content": [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": "x"}}],
}
EMPTY = {"role": "assistant", "content": ""}


def entry(**fields: Any) -> dict[str, Any]:
    """Return a catalogue's entry of the model that the requests ask for."""
    return {"id": "maker/model", **fields}


async def refused(gateway: FakeGateway, text: str = "hi", **fields: Any) -> tuple[int, str, str]:
    """Return status, code and message of a refusal, whose request id must be right."""
    status, headers, body = await chat(gateway, text, **fields)
    assert body.keys() == {"error", "request_id"}
    assert body["request_id"] == headers["x-request-id"]
    return status, body["error"]["code"], body["error"]["message"]


async def test_any_model_answers_without_a_catalogue() -> None:
    """A test that is about something else need not say which models there are."""
    async with FakeGateway() as gateway:
        for model in ("nobody/heard-of-it", "openai/text-embedding-3-small", "x"):
            status, _, body = await chat(gateway, model=model, reasoning_effort="high", tools=[TOOL])
            assert (status, body["model"]) == (200, model)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unknown_model_gets_404(stream: bool) -> None:
    """Where there is a catalogue: 404 ``model_not_found`` in the envelope, also where a stream was wanted."""
    async with FakeGateway(catalogue=[entry()]) as gateway:
        assert (await chat(gateway))[0] == 200
        told = await refused(gateway, model="maker/other", stream=stream)
        assert told == (404, "model_not_found", "there is no model 'maker/other'")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_that_the_key_may_not_use_gets_403(stream: bool) -> None:
    """With or without a catalogue; that a model exists is looked at first."""
    async with FakeGateway(allowed_models={"maker/model"}) as gateway:
        assert (await chat(gateway))[0] == 200
        told = await refused(gateway, model="maker/other", stream=stream)
        assert told == (403, "forbidden", "this key may not use the model 'maker/other'")
    catalogue = [entry(), {"id": "maker/other"}]
    async with FakeGateway(catalogue=catalogue, allowed_models=["maker/model"]) as gateway:
        assert (await refused(gateway, model="maker/other"))[0] == 403
        assert (await refused(gateway, model="maker/third"))[0] == 404


@pytest.mark.parametrize(
    ("catalogue", "allowed", "model"),
    [
        (None, None, "openai/gpt-4o"),
        (None, ["a/b", "a/c"], "a/b"),
        ([{"id": "a/b", "model_type": "image"}, {"id": "a/c"}], None, "a/c"),
        ([{"id": "a/b"}, {"id": "a/c"}], ["a/c"], "a/c"),
    ],
)
@pytest.mark.parametrize("asked", [None, "", "auto"])
async def test_the_model_of_a_request_that_names_none(
    catalogue: Any, allowed: Any, model: str, asked: str | None
) -> None:
    """The first one of the catalogue that the key may use for text; the documented default without one."""
    async with FakeGateway(catalogue=catalogue, allowed_models=allowed) as gateway:
        assert (await chat(gateway, model=asked))[2]["model"] == model


CANNOT: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"supports_thinking": False}, {"reasoning_effort": "low"}, "supports_thinking is false"),
    ({"supports_thinking": False}, {"reasoning_effort": "none"}, "supports_thinking is false"),
    ({"supports_tools": False}, {"tools": [TOOL]}, "supports_tools is false"),
    ({"supports_completions_api": False}, {}, "supports_completions_api is false"),
    ({"supports_system_prompt": False}, {"messages": [SYSTEM, USER]}, "supports_system_prompt is false"),
    (
        {"supports_structured_output": False},
        {"response_format": {"type": "json_object"}},
        "supports_structured_output is false",
    ),
    ({"input_modalities": ["text", "audio"]}, {"messages": [PICTURE]}, "no input of the modality image"),
]


@pytest.mark.parametrize(("flags", "fields", "complaint"), CANNOT)
async def test_what_a_model_cannot_do_is_refused_in_two_forms(
    flags: dict[str, Any], fields: dict[str, Any], complaint: str
) -> None:
    """One refusal of the provider: 400 as it is, but 200 and an error event for who wanted a stream."""
    async with FakeGateway(catalogue=[entry(**flags)]) as gateway:
        told = await refused(gateway, **fields)
        assert told[:2] == (400, "model_capability_not_supported")
        assert complaint in told[2]
        status, headers, chunks = await chat(gateway, stream=True, **fields)
        assert (status, headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        code = {"code": "model_capability_not_supported", "message": told[2]}
        assert chunks == [{"error": code, "request_id": headers["x-request-id"]}]


@pytest.mark.parametrize("fields", [case[1] for case in CANNOT])
@pytest.mark.parametrize("known", [True, False])
async def test_a_flag_that_is_absent_says_nothing(fields: dict[str, Any], known: bool) -> None:
    """A catalogue of bare ids refuses nothing but other ids, one of true flags neither."""
    flags = {name: True for case in CANNOT for name in case[0]} if known else {}
    async with FakeGateway(catalogue=[entry(**{**flags, "input_modalities": None})]) as gateway:
        assert (await chat(gateway, **fields))[0] == 200


async def test_flags_are_about_what_is_asked() -> None:
    """A model without any of them still answers a plain question, nulls and formats of text included."""
    flags = {name: False for case in CANNOT for name in case[0]} | {"supports_completions_api": True}
    async with FakeGateway(catalogue=[entry(**{**flags, "input_modalities": ["text"]})]) as gateway:
        content = [{"type": "text", "text": "hi"}]
        messages = [{"role": "user", "content": content}]
        plain: dict[str, Any] = {"response_format": {"type": "text"}, "tools": [], "reasoning_effort": None}
        assert (await chat(gateway, messages=messages, **plain))[0] == 200


@pytest.mark.parametrize("name", ["context_length", "context_window"])
async def test_a_context_overflow(name: str) -> None:
    """Prompt and ``max_tokens`` must fit into the model's context; the text tells by how much they do not."""
    async with FakeGateway(catalogue=[entry(**{name: 105})]) as gateway:
        assert (await chat(gateway, max_tokens=100))[0] == 200
        told = "input length and max_tokens exceed context limit: 5 + 101 > 105"
        assert await refused(gateway, max_tokens=101) == (400, "context_window_exceeded", told)
        told = "input length and max_tokens exceed context limit: 205 + 0 > 105"
        assert (await refused(gateway, "hi " * 200))[2] == told
        (event,) = (await chat(gateway, "hi " * 200, stream=True))[2]
        assert event["error"] == {"code": "context_window_exceeded", "message": told}


async def test_an_empty_message_of_the_assistant_poisons_the_conversation() -> None:
    """As at the provider that is known for it: every turn is refused as long as the message is there."""
    called = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "f", "arguments": ""}}],
    }
    async with FakeGateway(catalogue=[entry(provider="AWS Bedrock")]) as gateway:
        assert (await chat(gateway, messages=[USER, called, USER]))[0] == 200
        assert (await refused(gateway, messages=[USER, EMPTY, USER]))[:2] == (400, "invalid_request")
        (event,) = (await chat(gateway, messages=[USER, EMPTY, USER], stream=True))[2]
        assert event["error"]["code"] == "invalid_request"
    async with FakeGateway(catalogue=[entry(provider=None)]) as gateway:
        assert (await chat(gateway, messages=[USER, EMPTY, USER]))[0] == 200


async def test_the_next_of_the_models_answers() -> None:
    """``models`` is tried in order; where none can, the first refusal is told."""
    catalogue = [entry(supports_tools=False), {"id": "maker/able"}]
    async with FakeGateway(catalogue=catalogue) as gateway:
        fields: dict[str, Any] = {"tools": [TOOL], "models": ["maker/absent", "maker/able"]}
        assert (await chat(gateway, **fields))[2]["model"] == "maker/able"
        assert (await chat(gateway, model=None, **fields))[2]["model"] == "maker/able"
        assert (await refused(gateway, tools=[TOOL], models=["maker/absent"]))[0] == 400


ROUTING = ("x-mesh-routing-attempts", "x-mesh-routing-fallback", "x-mesh-routing-model")


async def test_the_routing_is_told() -> None:
    """By headers, where that was switched on, and never on a stream."""
    catalogue = [entry(), {"id": "maker/able"}]

    def told(headers: Any) -> list[str | None]:
        return [headers.get(name) for name in ROUTING]

    async with FakeGateway(catalogue=catalogue, routing=True) as gateway:
        assert told((await chat(gateway))[1]) == ["1", "false", None]
        fields: dict[str, Any] = {"model": "maker/absent", "models": ["maker/able"]}
        assert told((await chat(gateway, **fields))[1]) == ["2", "true", "maker/able"]
        assert told((await chat(gateway, stream=True, **fields))[1]) == [None] * 3
    async with FakeGateway(catalogue=catalogue) as gateway:
        assert told((await chat(gateway, **fields))[1]) == [None] * 3


async def test_auto_routing() -> None:
    """The gateway's choice stands in the headers, in the body, and in the model; its classifier is billed."""
    async with FakeGateway(catalogue=[entry()]) as gateway:
        _, headers, body = await chat(gateway, model="auto")
        assert (headers["x-auto-routed"], headers["x-resolved-model-id"]) == ("true", "maker/model")
        assert body["model"] == "maker/model"
        assert {name: body[name] for name in body if name.startswith("x_")} == {
            "x_auto_routed": True,
            "x_resolved_model_id": "maker/model",
            "x_auto_routed_fallback": False,
            "x_auto_routed_fallback_reason": None,
            "x_classifier_usage": [{"prompt_tokens": 1400, "completion_tokens": 12, "total_tokens": 1412}],
        }
        classified = {
            "classifier_prompt_tokens": 1400,
            "classifier_completion_tokens": 12,
            "classifier_tokens": 1412,
        }
        assert body["usage"].items() >= classified.items()
        assert body["usage"]["total_tokens"] < 100
        _, headers, chunks = await chat(gateway, model="auto", stream=True)
        assert (headers["x-auto-routed"], headers["x-resolved-model-id"]) == ("true", "maker/model")
        assert {chunk["model"] for chunk in chunks} == {"maker/model"}
        assert not [name for chunk in chunks for name in chunk if name.startswith("x_")]
        assert chunks[-1]["usage"] == body["usage"]
        _, headers, body = await chat(gateway)
        assert not [name for name in (*headers, *body) if name.lower().startswith(("x-auto", "x_", "x-res"))]


@pytest.mark.parametrize(
    ("catalogue", "complaint"),
    [
        (["maker/model"], "a model of the catalogue is a dict with an 'id', not 'maker/model'"),
        ([{"name": "x"}], "a dict with an 'id', not {'name': 'x'}"),
        ([entry(pricing="cheap")], "the pricing of 'maker/model' must be a dict or None, not 'cheap'"),
        ([entry(pricing={"request_usd": 0.1})], "request_usd of 'maker/model' must be a decimal .* not 0.1"),
        ([entry(pricing={"discount_pct": "some"})], "discount_pct of 'maker/model' must be .* not 'some'"),
        ([entry(pricing={"request_usd": "nan"})], "request_usd of 'maker/model' must be a decimal"),
    ],
)
def test_a_catalogue_that_cannot_be_served(catalogue: Any, complaint: str) -> None:
    """Told where it is written, with the entry that is wrong."""
    with pytest.raises((TypeError, ValueError), match=complaint):
        FakeGateway(catalogue=catalogue)


def test_one_name_is_no_list_of_names() -> None:
    """The usual slip, which would otherwise allow single letters."""
    with pytest.raises(TypeError, match="allowed_models takes several names, not the text 'maker/model'"):
        FakeGateway(allowed_models="maker/model")
