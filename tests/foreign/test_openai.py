"""The openai package, blocking and for asyncio, talks to FakeGateway without an error of either."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio.testing import CUT, HANG, Answer, FakeGateway, Recorder

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


openai = pytest.importorskip("openai", reason='other clients are installed by the extra "foreign"')
pydantic = pytest.importorskip("pydantic", reason="comes with the openai package")

pytestmark = pytest.mark.foreign

City = pydantic.create_model(
    "City",
    name=(str, ...),
    population=(int, pydantic.Field(ge=1)),
    twin=(str | None, ...),
    rivers=(list[str], ...),
)
"""What the model is asked to answer with."""


@pytest.fixture
def speaker(openai_speaker: Speaker) -> Speaker:
    """Run each of the two clients."""
    return openai_speaker


async def create(speaker: Speaker, **fields: Any) -> Any:
    """Return the completion, or the stream, that the client makes of an answer."""
    fields = {"model": MODEL, "messages": HELLO, **fields}
    return await speaker.call(speaker.client.chat.completions.create, **fields)


async def test_chat(gateway: FakeGateway, speaker: Speaker) -> None:
    """A completion is read whole, with its usage and the id of its request."""
    completion = await create(speaker, temperature=0.5, max_tokens=100, user="someone")
    (choice,) = completion.choices
    assert (choice.message.role, choice.message.content) == ("assistant", WORDS)
    assert (choice.finish_reason, choice.index, completion.model) == ("stop", 0, MODEL)
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert completion._request_id == gateway.requests[0].request_id
    assert completion.object == "chat.completion"


@pytest.mark.parametrize("kind", ["AsyncOpenAI", "OpenAI"])
async def test_recorded_and_replayed(gateway: FakeGateway, tmp_path: Path, kind: str) -> None:
    """Through a Recorder the client gets what it would get without one, and gets it again in a replay."""
    path = tmp_path / "answers.jsonl"

    async def talk(base_url: str, api_key: str) -> list[Any]:
        client = getattr(openai, kind)(base_url=base_url + "/v1", api_key=api_key)
        speaker = Speaker(client, blocking=kind == "OpenAI")
        whole = await create(speaker, messages=[{"role": "user", "content": "Use get_time."}], tools=TOOLS)
        chunks = await speaker.items(await create(speaker, stream=True))
        with pytest.raises(openai.UnprocessableEntityError) as refused:
            await create(speaker, temperature=3)
        await speaker.call(client.close)
        return [whole, whole._request_id, chunks, refused.value.body]

    async with Recorder(gateway.base_url, path) as recorder:
        heard = await talk(recorder.base_url, gateway.token)
    assert heard[0].choices[0].message.tool_calls[0].function.name == "get_time"
    assert "".join(choice.delta.content or "" for chunk in heard[2] for choice in chunk.choices) == WORDS
    assert all(request.completed for request in gateway.requests)
    assert gateway.token not in path.read_text(encoding="utf-8")
    async with FakeGateway.replay(path) as replaying:
        assert await talk(replaying.base_url, "rsk_any") == heard


async def test_parts_are_a_message(speaker: Speaker) -> None:
    """Content may be a list of parts, of which the gateway repeats the text."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    parts = [{"type": "text", "text": "What is this?"}, image]
    completion = await create(speaker, messages=[{"role": "user", "content": parts}])
    assert 'You said: "What is this?".' in completion.choices[0].message.content


async def test_an_own_request_id_comes_back(speaker: Speaker) -> None:
    """A valid ``X-Request-Id`` of the client is what the answer carries."""
    completion = await create(speaker, extra_headers={"X-Request-Id": "mine:1"})
    assert completion._request_id == "mine:1"


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
async def test_stream(gateway: FakeGateway, speaker: Speaker, options: dict[str, Any]) -> None:
    """A stream is the same text in pieces; the usage comes last, asked for or not, without a choice."""
    stream = await create(speaker, stream=True, **options)
    chunks = await speaker.items(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert [delta.role for delta in deltas if delta.role] == ["assistant"]
    assert "".join(delta.content or "" for delta in deltas) == WORDS
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:-1]] == ["stop"]
    assert (chunks[-1].choices, chunks[-1].usage) == ([], (await create(speaker)).usage)
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert stream.response.headers["x-request-id"] == gateway.requests[0].request_id
    assert gateway.requests[0].completed


async def test_several_choices(speaker: Speaker) -> None:
    """``n`` choices come whole, and the package folds those of a stream by their indexes."""
    completion = await create(speaker, n=3)
    texts = [choice.message.content for choice in completion.choices]
    assert len(set(texts)) == 3
    _, folded = await follow(speaker, messages=HELLO, n=3)
    assert [choice.message.content for choice in folded.choices] == texts
    assert [choice.finish_reason for choice in folded.choices] == ["stop"] * 3


async def test_reasoning(speaker: Speaker) -> None:
    """What a model thinks stands beside the text, in a field that the package keeps, and is counted."""
    completion = await create(speaker, model="deepseek/deepseek-r1")
    message = completion.choices[0].message
    chunks = await speaker.items(await create(speaker, model="deepseek/deepseek-r1", stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    thought = [delta.reasoning_content for delta in deltas if hasattr(delta, "reasoning_content")]
    assert len(thought) > 1
    assert "".join(thought) == message.reasoning_content
    assert "".join(delta.content or "" for delta in deltas) == message.content
    assert chunks[-1].usage.completion_tokens_details.reasoning_tokens == len(thought)


@gateway_with(cache=True)
async def test_a_cached_answer(speaker: Speaker) -> None:
    """What comes out of the cache, whole or streamed in one chunk, is what was put in."""
    completion = await create(speaker)
    cached = await create(speaker)
    assert cached.id.startswith("chatcmpl-cached-")
    assert cached.choices == completion.choices
    chunks = await speaker.items(await create(speaker, stream=True))
    assert [choice.delta.content for chunk in chunks for choice in chunk.choices] == [WORDS]


async def test_heartbeats_are_no_events(gateway: FakeGateway, speaker: Speaker) -> None:
    """Comments between the events do not disturb the client."""
    gateway.enqueue(Answer(events=[b": keep-alive\n\n", CHUNK, b": keep-alive\n\n"]))
    (chunk,) = await speaker.items(await create(speaker, stream=True))
    assert chunk.choices[0].delta.content == "Once"


async def test_a_loop_of_tools(speaker: Speaker) -> None:
    """The model calls both tools that are mentioned, is given what they say, and then speaks."""
    messages: list[Any] = [{"role": "user", "content": "Use get_weather and get_time."}]
    completion = await create(speaker, messages=messages, tools=TOOLS)
    (choice,) = completion.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    calls = choice.message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert len({call.id for call in calls}) == 2
    arguments = json.loads(calls[0].function.arguments)
    assert (type(arguments["city"]), arguments["days"] >= 3) == (str, True)
    assert json.loads(calls[1].function.arguments) == {}
    messages.append(choice.message)
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"{call.id}: ok"} for call in calls]
    completion = await create(speaker, messages=messages, tools=TOOLS)
    (choice,) = completion.choices
    assert (choice.finish_reason, choice.message.tool_calls) == ("stop", None)
    assert f"{calls[1].id}: ok" in choice.message.content


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("none", []),
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "get_time"}}, ["get_time"]),
    ],
)
async def test_a_choice_of_tools(speaker: Speaker, choice: object, called: list[str]) -> None:
    """``tool_choice`` decides where the prompt does not."""
    completion = await create(speaker, tools=TOOLS, tool_choice=choice)
    calls = completion.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == called


async def follow(speaker: Speaker, **fields: Any) -> tuple[list[Any], Any]:
    """Return the events of the package's own helper for streams, and the completion it folds them into."""
    manager = speaker.client.chat.completions.stream(model=MODEL, **fields)

    def block() -> tuple[list[Any], Any]:
        with manager as stream:
            return list(stream), stream.get_final_completion()

    if speaker.blocking:
        return await asyncio.to_thread(block)
    async with manager as stream:
        return [event async for event in stream], await stream.get_final_completion()


async def test_tools_in_a_stream(speaker: Speaker) -> None:
    """The helper follows the arguments as they grow, and parses them by the tool's own schema."""
    events, completion = await follow(
        speaker,
        messages=[{"role": "user", "content": "Call City, please."}],
        tools=[openai.pydantic_function_tool(City)],
    )
    pieces = [event.arguments_delta for event in events if event.type.endswith("arguments.delta")]
    (done,) = [event for event in events if event.type.endswith("arguments.done")]
    assert len(pieces) > 1
    assert "".join(pieces) == done.arguments
    (call,) = completion.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, City)
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.usage.completion_tokens > 0


async def test_structured_output(speaker: Speaker) -> None:
    """``parse`` sends the schema of a model, strict, and gets an instance of that model."""
    completion = await speaker.call(
        speaker.client.chat.completions.parse, model=MODEL, messages=HELLO, response_format=City
    )
    assert isinstance(completion.choices[0].message.parsed, City)
    assert completion.choices[0].finish_reason == "stop"


async def test_structured_output_in_a_stream(speaker: Speaker) -> None:
    """The helper for streams gets the same instance in pieces."""
    events, completion = await follow(speaker, messages=HELLO, response_format=City)
    assert sum(event.type == "content.delta" for event in events) > 1
    assert isinstance(completion.choices[0].message.parsed, City)


async def test_any_json(speaker: Speaker) -> None:
    """``json_object`` asks for JSON of no particular shape."""
    completion = await create(speaker, response_format={"type": "json_object"})
    assert isinstance(json.loads(completion.choices[0].message.content), dict)


async def test_an_answer_that_is_cut_short(speaker: Speaker) -> None:
    """``length`` is a finish reason that the package knows: what was cut is never taken for an instance."""
    with pytest.raises(openai.LengthFinishReasonError) as caught:
        await speaker.call(
            speaker.client.chat.completions.parse,
            model=MODEL,
            messages=HELLO,
            response_format=City,
            max_tokens=3,
        )
    assert caught.value.completion.usage.completion_tokens == 3


async def test_a_wrong_key(gateway: FakeGateway) -> None:
    """401 is an ``AuthenticationError`` with the gateway's code, message and request id, at once."""
    async with openai.AsyncOpenAI(base_url=gateway.base_url + "/v1", api_key="rsk_other") as client:
        with pytest.raises(openai.AuthenticationError, match="invalid API key") as caught:
            await create(Speaker(client, blocking=False))
    assert (caught.value.status_code, caught.value.code) == (401, "unauthorized")
    assert [caught.value.request_id] == [request.request_id for request in gateway.requests]


@gateway_with(catalogue=CATALOGUE)
async def test_a_model_that_there_is_not(speaker: Speaker) -> None:
    """404 is a ``NotFoundError``, of a chat as of the model itself."""
    with pytest.raises(openai.NotFoundError, match="there is no model 'maker/other'") as caught:
        await create(speaker, model="maker/other")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        await speaker.call(speaker.client.models.retrieve, "maker/other")


@gateway_with(allowed_models=["maker/model"])
async def test_a_model_that_is_not_allowed(speaker: Speaker) -> None:
    """403 is a ``PermissionDeniedError``."""
    with pytest.raises(openai.PermissionDeniedError, match=MODEL) as caught:
        await create(speaker)
    assert caught.value.code == "forbidden"


@gateway_with(spend_limit="0")
async def test_money_that_there_is_not(speaker: Speaker) -> None:
    """402 is an ``APIStatusError``: the package has no class of its own for it."""
    with pytest.raises(openai.APIStatusError, match="spend limit") as caught:
        await create(speaker)
    assert (caught.value.status_code, caught.value.code) == (402, "spend_limit_exceeded")


@gateway_with(requests_per_minute=1)
async def test_too_many_requests(speaker: Speaker) -> None:
    """429 is a ``RateLimitError`` that tells when to come back, in the header and in the body."""
    raw = speaker.client.chat.completions.with_raw_response
    answer = await speaker.call(raw.create, model=MODEL, messages=HELLO)
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(openai.RateLimitError) as caught:
        await create(Speaker(speaker.client.with_options(max_retries=0), blocking=speaker.blocking))
    assert caught.value.code == "rate_limit_exceeded"
    seconds = caught.value.body["retry_after_seconds"]
    assert 0 < seconds <= 60
    assert caught.value.response.headers["retry-after"] == str(seconds)


@gateway_with(catalogue=CATALOGUE)
async def test_what_the_model_cannot_do(speaker: Speaker) -> None:
    """One refusal has two forms: 400, and where it streams an error event, which the package raises too."""
    wanted = {"response_format": {"type": "json_object"}}
    with pytest.raises(openai.BadRequestError) as refused:
        await create(speaker, **wanted)
    stream = await create(speaker, **wanted, stream=True)
    with pytest.raises(openai.APIError) as broken:
        await speaker.items(stream)
    assert refused.value.code == broken.value.code == "model_capability_not_supported"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_that_is_not_valid(speaker: Speaker, stream: bool) -> None:
    """422 is an ``UnprocessableEntityError`` whose body says which field is wrong."""
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        await create(speaker, temperature=3, stream=stream)
    assert caught.value.code == "validation_error"
    assert [detail["loc"] for detail in caught.value.body["details"]] == [["body", "temperature"]]


@pytest.mark.parametrize(
    ("status", "error", "attempts"),
    [
        (400, "BadRequestError", 1),
        (402, "APIStatusError", 1),  # the package has no class for it
        (403, "PermissionDeniedError", 1),
        (404, "NotFoundError", 1),
        (409, "ConflictError", 3),
        (429, "RateLimitError", 3),
        (500, "InternalServerError", 3),
        (503, "InternalServerError", 3),
    ],
)
async def test_errors_have_their_classes(
    gateway: FakeGateway, speaker: Speaker, status: int, error: str, attempts: int
) -> None:
    """Each status raises the error that the package has for it, after the retries that it makes by itself."""
    gateway.enqueue(*[refusal(status, retry_after="0.01")] * attempts)
    with pytest.raises(openai.APIStatusError, match="not today") as caught:
        await create(speaker)
    assert type(caught.value) is getattr(openai, error)
    assert (caught.value.status_code, caught.value.code) == (status, f"code_of_{status}")
    assert caught.value.request_id == gateway.requests[-1].request_id
    counts = [request.headers["x-stainless-retry-count"] for request in gateway.requests]
    assert counts == [str(number) for number in range(attempts)]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_retry_that_helps(gateway: FakeGateway, speaker: Speaker, stream: bool) -> None:
    """After a refusal that says when to come back the package comes back, and is answered."""
    gateway.enqueue(refusal(429, retry_after="0.01"))
    answer = await create(speaker, stream=stream)
    if stream:
        await speaker.items(answer)
    assert [request.completed for request in gateway.requests] == [True, True]


async def test_models(gateway: FakeGateway, speaker: Speaker) -> None:
    """The list is a page of the package's own models, each of which can be asked for by its id."""
    if speaker.blocking:
        models = await speaker.items(iter(await speaker.call(speaker.client.models.list)))
    else:
        models = await speaker.items(speaker.client.models.list())
    assert MODEL in [model.id for model in models]
    assert {model.object for model in models} == {"model"}
    assert all(model.owned_by and model.created for model in models)
    (listed,) = [model for model in models if model.id == MODEL]
    assert await speaker.call(speaker.client.models.retrieve, MODEL) == listed
    assert [request.completed for request in gateway.requests] == [True, True]


async def test_an_error_in_the_stream(gateway: FakeGateway, speaker: Speaker) -> None:
    """What came before an error event is delivered, then the error is raised with its code."""
    error = {"error": {"code": "gateway_timeout", "message": "the provider took too long"}}
    gateway.enqueue(Answer(events=[CHUNK, error]))
    seen: list[Any] = []
    with pytest.raises(openai.APIError, match="took too long") as caught:
        await speaker.items(await create(speaker, stream=True), seen)
    assert caught.value.code == "gateway_timeout"
    assert [chunk.choices[0].delta.content for chunk in seen] == ["Once"]


async def test_a_stream_that_is_cut(gateway: FakeGateway, speaker: Speaker) -> None:
    """A connection that ends in the middle is an error of the connection, not the end of the stream."""
    gateway.enqueue(Answer(events=[CHUNK, CUT]))
    seen: list[Any] = []
    with pytest.raises(openai.APIConnectionError):
        await speaker.items(await create(speaker, stream=True), seen)
    assert len(seen) == 1
    assert gateway.requests[0].outcome == "cut"


async def test_closing_a_stream(gateway: FakeGateway, speaker: Speaker) -> None:
    """The gateway sees it when the client closes a stream that has more to say."""
    gateway.enqueue(Answer(events=[CHUNK, HANG]))
    stream = await create(speaker, stream=True)
    await speaker.first(stream)
    await speaker.call(stream.close)
    await gateway.disconnected(gateway.requests[0])


@HANGING
async def test_cancelling(gateway: FakeGateway, answer: Answer, chunks: int) -> None:
    """The gateway sees it when the task of an asyncio client is cancelled, whatever it is waiting for."""
    gateway.enqueue(answer)
    async with openai.AsyncOpenAI(base_url=gateway.base_url + "/v1", api_key=gateway.token) as client:
        await cancel_reading(gateway, create(Speaker(client, blocking=False), stream=True), chunks)
