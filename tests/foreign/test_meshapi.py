"""The vendor's meshapi package, blocking and for asyncio, talks to FakeGateway without an error of either."""

import json
from typing import Any

import pytest

from meshapi_aio.testing import CUT, HANG, Answer, FakeGateway

from .speaking import (
    CATALOGUE,
    CHUNK,
    HANGING,
    HELLO,
    MODEL,
    TOOLS,
    WORDS,
    Speaker,
    cancel_reading,
    gateway_with,
    refusal,
)


meshapi = pytest.importorskip("meshapi", reason='other clients are installed by the extra "foreign"')

pytestmark = pytest.mark.foreign


@pytest.fixture
def speaker(meshapi_speaker: Speaker) -> Speaker:
    """Run each of the two clients."""
    return meshapi_speaker


def asking(text: str = HELLO[0]["content"], **fields: Any) -> Any:
    """Return a chat request as the package has it: it checks every field by itself."""
    messages = [{"role": "user", "content": text}]
    return meshapi.ChatCompletionParams.model_validate({"model": MODEL, "messages": messages, **fields})


async def create(speaker: Speaker, request: Any) -> Any:
    """Return the completion that the client makes of an answer."""
    return await speaker.call(speaker.client.chat.completions.create, request)


async def test_chat(gateway: FakeGateway, speaker: Speaker) -> None:
    """A completion is read whole, with its usage."""
    completion = await create(speaker, asking(temperature=0.5, max_tokens=100, user="someone", timeout=30))
    (choice,) = completion.choices
    assert (choice.message.role, choice.message.content) == ("assistant", WORDS)
    assert (choice.finish_reason, choice.index, completion.model) == ("stop", 0, MODEL)
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert gateway.requests[0].headers["X-MeshAPI-SDK"].startswith("python/")


async def test_stream(gateway: FakeGateway, speaker: Speaker) -> None:
    """A stream is the same text in pieces, its characters whole; the usage comes last, without a choice."""
    chunks = await speaker.items(speaker.client.chat.completions.stream(asking()))
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert [delta.role for delta in deltas if delta.role] == ["assistant"]
    assert "".join(delta.content or "" for delta in deltas) == WORDS
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:-1]] == ["stop"]
    assert (chunks[-1].choices, chunks[-1].usage) == ([], (await create(speaker, asking())).usage)
    assert len(chunks) > 4
    assert gateway.requests[0].completed


async def test_the_gateway_chooses_the_model(speaker: Speaker) -> None:
    """``auto`` names the model that answered and what the choice cost; so does a request without a model."""
    completion = await create(speaker, asking(model="auto"))
    assert completion.model != "auto"
    assert completion.usage.classifier_tokens > 0
    assert (await create(speaker, asking(model=None))).model == completion.model


@gateway_with(cache=True)
async def test_a_cached_answer(speaker: Speaker) -> None:
    """What comes out of the cache, whole or streamed in one chunk, is what was put in."""
    completion = await create(speaker, asking())
    cached = await create(speaker, asking())
    assert cached.id.startswith("chatcmpl-cached-")
    assert cached.choices == completion.choices
    chunks = await speaker.items(speaker.client.chat.completions.stream(asking()))
    assert [choice.delta.content for chunk in chunks for choice in chunk.choices] == [WORDS]


async def test_heartbeats_are_no_events(gateway: FakeGateway, speaker: Speaker) -> None:
    """Comments between the events do not disturb the client."""
    gateway.enqueue(Answer(events=[b": keep-alive\n\n", CHUNK, b": keep-alive\n\n"]))
    (chunk,) = await speaker.items(speaker.client.chat.completions.stream(asking()))
    assert chunk.choices[0].delta.content == "Once"


async def test_a_loop_of_tools(speaker: Speaker) -> None:
    """The model calls both tools that are mentioned, is given what they say, and then speaks."""
    request = asking("Use get_weather and get_time.", tools=TOOLS)
    (choice,) = (await create(speaker, request)).choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    calls = choice.message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    arguments = json.loads(calls[0].function.arguments)
    assert (type(arguments["city"]), arguments["days"] >= 3) == (str, True)
    request.messages.append(meshapi.ChatMessage(role="assistant", tool_calls=calls))
    request.messages += [
        meshapi.ChatMessage(role="tool", tool_call_id=call.id, content=f"{call.id}: ok") for call in calls
    ]
    (choice,) = (await create(speaker, request)).choices
    assert (choice.finish_reason, choice.message.tool_calls) == ("stop", None)
    assert f"{calls[1].id}: ok" in choice.message.content


async def test_tools_in_a_stream(speaker: Speaker) -> None:
    """Every piece of a call has its index; the first of each also the id and the name."""
    request = asking("Use get_weather and get_time.", tools=TOOLS)
    chunks = await speaker.items(speaker.client.chat.completions.stream(request))
    pieces = [
        piece for chunk in chunks for choice in chunk.choices for piece in choice.delta.tool_calls or []
    ]
    named = {piece.index: piece.function.name for piece in pieces if piece.id}
    assert named == {0: "get_weather", 1: "get_time"}
    arguments = ["".join(piece.function.arguments for piece in pieces if piece.index == n) for n in named]
    assert json.loads(arguments[0])["days"] >= 3
    assert json.loads(arguments[1]) == {}
    assert chunks[-2].choices[0].finish_reason == "tool_calls"


async def test_structured_output(speaker: Speaker) -> None:
    """A schema as ``response_format`` is answered with an instance of it."""
    shape = meshapi.ToolFunction
    schema = {"name": shape.__name__, "schema": shape.model_json_schema()}
    request = asking(response_format={"type": "json_schema", "json_schema": schema})
    completion = await create(speaker, request)
    assert isinstance(shape.model_validate_json(completion.choices[0].message.content), shape)


async def test_a_wrong_key(gateway: FakeGateway) -> None:
    """401 has the gateway's code, message and request id; nothing is retried."""
    async with meshapi.AsyncMeshAPI(base_url=gateway.base_url, token="rsk_other") as client:
        with pytest.raises(meshapi.MeshAPIError, match="invalid API key") as caught:
            await create(Speaker(client, blocking=False), asking())
    assert (caught.value.status, caught.value.error_code) == (401, "unauthorized")
    assert [caught.value.request_id] == [request.request_id for request in gateway.requests]


@gateway_with(catalogue=CATALOGUE)
async def test_a_model_that_there_is_not(speaker: Speaker) -> None:
    """404 has the code of the chat's envelope, and of the model's own page the text that stands for one."""
    with pytest.raises(meshapi.MeshAPIError, match="there is no model 'maker/other'") as caught:
        await create(speaker, asking(model="maker/other"))
    assert (caught.value.status, caught.value.error_code) == (404, "model_not_found")
    with pytest.raises(meshapi.MeshAPIError, match="'maker/other' not found") as caught:
        await speaker.call(speaker.client.models.get, "maker/other")
    assert (caught.value.status, caught.value.error_code) == (404, "not_found")


@gateway_with(allowed_models=["maker/model"])
async def test_a_model_that_is_not_allowed(speaker: Speaker) -> None:
    """403 says which model it is about."""
    with pytest.raises(meshapi.MeshAPIError, match=MODEL) as caught:
        await create(speaker, asking())
    assert (caught.value.status, caught.value.error_code) == (403, "forbidden")


@gateway_with(spend_limit="0")
async def test_money_that_there_is_not(speaker: Speaker) -> None:
    """402 is told as such."""
    with pytest.raises(meshapi.MeshAPIError, match="spend limit") as caught:
        await create(speaker, asking())
    assert (caught.value.status, caught.value.error_code) == (402, "spend_limit_exceeded")


@gateway_with(requests_per_minute=1)
async def test_too_many_requests(gateway: FakeGateway, speaker: Speaker) -> None:
    """429 tells when to come back; of a stream the package makes no second attempt."""
    await create(speaker, asking())
    with pytest.raises(meshapi.MeshAPIError) as caught:
        await speaker.items(speaker.client.chat.completions.stream(asking()))
    assert (caught.value.status, caught.value.error_code) == (429, "rate_limit_exceeded")
    assert 0 < caught.value.retry_after_seconds <= 60
    assert len(gateway.requests) == 2


@gateway_with(catalogue=CATALOGUE)
async def test_what_the_model_cannot_do(speaker: Speaker) -> None:
    """One refusal has two forms: 400, and where it streams an error event, which the package raises too."""
    request = asking(response_format={"type": "json_object"})
    with pytest.raises(meshapi.MeshAPIError) as refused:
        await create(speaker, request)
    with pytest.raises(meshapi.MeshAPIError) as broken:
        await speaker.items(speaker.client.chat.completions.stream(request))
    assert (refused.value.status, broken.value.status) == (400, 0)
    assert refused.value.error_code == broken.value.error_code == "model_capability_not_supported"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_that_is_not_valid(speaker: Speaker, stream: bool) -> None:
    """422 has details that say which field is wrong."""
    completions = speaker.client.chat.completions
    with pytest.raises(meshapi.MeshAPIError) as caught:
        if stream:
            await speaker.items(completions.stream(asking(temperature=3)))
        else:
            await create(speaker, asking(temperature=3))
    assert (caught.value.status, caught.value.error_code) == (422, "validation_error")
    assert [detail["loc"] for detail in caught.value.details] == [["body", "temperature"]]


@pytest.mark.parametrize(
    ("status", "attempts"), [(400, 1), (402, 1), (403, 1), (404, 1), (409, 1), (429, 4), (500, 1), (503, 4)]
)
async def test_errors_have_their_codes(
    gateway: FakeGateway, speaker: Speaker, status: int, attempts: int
) -> None:
    """Each status raises the package's error with its code, after the retries that it makes by itself."""
    gateway.enqueue(*[refusal(status, retry_after="0")] * attempts)
    with pytest.raises(meshapi.MeshAPIError, match="not today") as caught:
        await create(speaker, asking())
    assert (caught.value.status, caught.value.error_code) == (status, f"code_of_{status}")
    assert caught.value.request_id == gateway.requests[-1].request_id
    assert len(gateway.requests) == attempts


async def test_a_retry_that_helps(gateway: FakeGateway, speaker: Speaker) -> None:
    """After a refusal that says when to come back the package comes back, and is answered."""
    gateway.enqueue(refusal(429, retry_after="0"))
    assert (await create(speaker, asking())).choices[0].message.content == WORDS
    assert [request.completed for request in gateway.requests] == [True, True]


async def test_models(speaker: Speaker) -> None:
    """The models are a bare list, of all or of some; each can be asked for by its id."""
    models = speaker.client.models
    listed = await speaker.call(models.list)
    assert len(listed) > 1
    free, paid = await speaker.call(models.free), await speaker.call(models.paid)
    assert sorted(model.id for model in free + paid) == sorted(model.id for model in listed)
    assert await speaker.call(models.list, free=True) == free
    assert {model.model_type for model in await speaker.call(models.list, type="embedding")} == {"embedding"}
    assert [await speaker.call(models.get, model.id) for model in listed] == listed


async def test_a_search_for_models(speaker: Speaker) -> None:
    """A search returns pages, in the order that was asked for."""
    params = {"brand": ["openai"], "input_modality": ["text"], "free": False, "sort": "id", "order": "desc"}
    search = speaker.client.models.search
    page = await speaker.call(search, meshapi.ModelSearchParams.model_validate(params))
    ids = [model.id for model in page.items]
    assert MODEL in ids
    assert (ids, page.total, page.brands) == (sorted(ids, reverse=True), len(ids), ["openai"])
    second = meshapi.ModelSearchParams.model_validate({**params, "limit": 1, "offset": 1})
    assert [model.id for model in (await speaker.call(search, second)).items] == ids[1:2]


async def test_an_error_in_the_stream(gateway: FakeGateway, speaker: Speaker) -> None:
    """What came before an error event is delivered, then the error is raised with its code."""
    error = {"error": {"code": "gateway_timeout", "message": "the provider took too long"}}
    gateway.enqueue(Answer(events=[CHUNK, error]))
    seen: list[Any] = []
    with pytest.raises(meshapi.MeshAPIError, match="took too long") as caught:
        await speaker.items(speaker.client.chat.completions.stream(asking()), seen)
    assert (caught.value.status, caught.value.error_code) == (0, "gateway_timeout")
    assert [chunk.choices[0].delta.content for chunk in seen] == ["Once"]


async def test_a_stream_that_is_cut(gateway: FakeGateway, speaker: Speaker) -> None:
    """A connection that ends in the middle is an interrupted stream, not the end of one."""
    gateway.enqueue(Answer(events=[CHUNK, CUT]))
    seen: list[Any] = []
    with pytest.raises(meshapi.MeshAPIError) as caught:
        await speaker.items(speaker.client.chat.completions.stream(asking()), seen)
    assert caught.value.error_code == "stream_interrupted"
    assert len(seen) == 1
    assert gateway.requests[0].outcome == "cut"


async def test_closing_a_stream(gateway: FakeGateway, speaker: Speaker) -> None:
    """The gateway sees it when the client closes a stream that has more to say."""
    gateway.enqueue(Answer(events=[CHUNK, HANG]))
    stream = speaker.client.chat.completions.stream(asking())
    await speaker.first(stream)
    await speaker.call(stream.close if speaker.blocking else stream.aclose)
    await gateway.disconnected(gateway.requests[0])


@HANGING
async def test_cancelling(gateway: FakeGateway, answer: Answer, chunks: int) -> None:
    """The gateway sees it when the task of an asyncio client is cancelled, whatever it is waiting for."""
    gateway.enqueue(answer)
    async with meshapi.AsyncMeshAPI(base_url=gateway.base_url, token=gateway.token) as client:

        async def opening() -> Any:
            return client.chat.completions.stream(asking())

        await cancel_reading(gateway, opening(), chunks)
