"""Responses: whole, streamed and in the background, in each of the shapes in which the gateway sends them."""

from typing import Any

import pytest

from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.endpoints.responses import (
    CreateResponse,
    GetResponse,
    Response,
    ResponseEvent,
    Responses,
    ResponseStream,
    StreamResponse,
)
from meshapi_aio.errors import (
    APIStatusError,
    InternalServerError,
    MeshAPIError,
    StreamAPIError,
    StreamTruncatedError,
)
from tests.endpoints.answering import META, Answers, event, refusal
from tests.literals import TOKEN


WHOLE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "model": "m",
    "status": "completed",
    "error": None,
    "created_at": 1,
    "output": [
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "name": "f", "arguments": "{}"},
        {
            "type": "message",
            "content": [
                {"type": "output_text", "text": "Hé"},
                {"type": "refusal", "refusal": "no"},
                {"type": "output_text", "text": "llo"},
            ],
        },
    ],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
}

# Whole.


async def responded(body: Any) -> Response:
    """Return the response that a body is."""
    return await Responses(Answers(body)).create(input="Hi")


FIELDS: dict[str, Any] = {
    "model": "m",
    "instructions": "Be brief.",
    "previous_response_id": "resp_0",
    "template": "greeting",
    "variables": {"name": "Ann"},
    "session_id": "s",
    "background": False,
    "store": False,
    "max_output_tokens": 1,
    "temperature": 2,
    "top_p": 0.5,
    "seed": 0,
    "expire_at": 1_800_000_000,
    "user": "u" * 256,
    "timeout": 0.5,
    "max_tool_calls": 10,
    "reasoning": {"effort": "low"},
    "thinking": {"type": "enabled"},
    "caching": {"type": "enabled"},
    "text": {"format": {"type": "text"}},
    "response_format": {"type": "json_object"},
    "context_management": {"edits": []},
    "include": ["reasoning.encrypted_content"],
    "plugins": [{"id": "web"}],
    "tools": [{"type": "function", "name": "f", "parameters": {"default": None}}, {"type": "file_search"}],
    "tool_choice": {"type": "function", "name": "f"},
}


async def test_a_response() -> None:
    """Every field goes out under its own name; the output is kept as it came, and read as text."""
    gateway = Answers(WHOLE)
    given = [{"role": "user", "content": "Hi"}]
    response = await Responses(gateway).create(input=given, **FIELDS, extra_body={"new": 1})
    assert gateway.sent == [("POST", "/v1/responses", {"input": given, **FIELDS, "stream": False, "new": 1})]
    assert (response.output_text, response.output) == ("Héllo", WHOLE["output"])
    assert response.usage == Usage(input_tokens=3, output_tokens=2, total_tokens=5)
    assert (response.id, response.created_at, response.is_done) == ("resp_1", 1, True)


CHAT: dict[str, Any] = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello", "reasoning": {"encrypted_content": "x"}},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3},
}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"output": "Hello", "created_at": "2026-09-01T00:00:00Z"}, "Hello"),
        (CHAT, "Hello"),
        ({"output": []}, ""),
        ({"output": [{"type": "message", "content": None}, {"type": "message", "content": [None, "x"]}]}, ""),
        ({"output": None}, ""),
        ({}, ""),
    ],
)
async def test_other_shapes(body: Any, text: str) -> None:
    """A text as output, the shape of chat, and nothing at all are responses too, and lose no key."""
    response = await responded(body)
    assert response.output_text == text
    assert {key: value for key, value in response.to_dict().items() if value != []} == {
        key: value for key, value in body.items() if value not in (None, [])
    }


async def test_the_shape_of_chat_keeps_its_reasoning() -> None:
    """What a message has beside its text is in its ``extra``."""
    response = await responded(CHAT)
    assert response.choices[0].message.extra == {"reasoning": {"encrypted_content": "x"}}
    assert response.usage == Usage(prompt_tokens=3)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"id": "r", "status": "failed", "error": {"code": "upstream_error", "message": "down"}}, "down"),
        (
            {"id": "r", "status": "failed", "error": None},
            "502 upstream_error: the response failed, and does not",
        ),
        ({"error": {"code": "upstream_error", "message": "down"}}, "down"),
        ({"choices": [{"message": {"content": "half"}, "finish_reason": "error"}]}, "finish_reason 'error'"),
    ],
)
async def test_a_response_that_failed(body: Any, told: str) -> None:
    """Is raised by the call that asked for it, in whatever shape it says so."""
    with pytest.raises(InternalServerError, match=told):
        await responded(body)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"input": 5}, "input must be text or a list"),
        ({"max_output_tokens": 0}, "max_output_tokens must be at least 1, got 0"),
        ({"temperature": 2.5}, "temperature must be from 0 to 2, got 2.5"),
        ({"top_p": -1}, "top_p must be from 0 to 1, got -1"),
        ({"max_tool_calls": 0}, "max_tool_calls must be from 1 to 10, got 0"),
        ({"max_tool_calls": 11}, "max_tool_calls must be from 1 to 10, got 11"),
        ({"timeout": 0}, "timeout must be above 0, got 0"),
        ({"extra_body": {"stream": None}}, "extra_body sets stream to None"),
    ],
)
def test_what_the_gateway_would_refuse(arguments: dict[str, Any], told: str) -> None:
    """Is refused when the call is made, streamed or not."""
    for call in (CreateResponse, StreamResponse):
        assert refusal(call, **{"input": "Hi", **arguments}).startswith(f"{call.__name__}: {told}")


# In the background.


async def test_background_responses() -> None:
    """Are listed in pages, which may be empty, and fetched; one that failed is returned, not raised."""
    summary = {
        "id": "resp_1",
        "status": "completed",
        "provider": "p",
        "completed_at": 2,
        "usage_synced": True,
    }
    failed = {"id": "resp/2", "status": "failed", "error": {"code": "server_error", "message": "down"}}
    gateway = Answers(
        {"object": "list", "data": [summary], "has_more": True, "last_id": "resp_1"},
        {"object": "list", "data": [], "has_more": False},
        failed,
    )
    responses = Responses(gateway)
    listed = [response async for response in responses.list(limit=1)]
    assert [(response.id, response.provider, response.usage_synced) for response in listed] == [
        ("resp_1", "p", True)
    ]
    fetched = await responses.get(id="resp/2")
    assert (fetched.status, fetched.error, fetched.is_done) == ("failed", failed["error"], True)
    assert [sent[1] for sent in gateway.sent] == [
        "/v1/responses?limit=1",
        "/v1/responses?after=resp_1&limit=1",
        "/v1/responses/resp%2F2",
    ]


async def test_an_error_in_place_of_a_response() -> None:
    """Is raised by asking for one too."""
    with pytest.raises(APIStatusError, match="no such"):
        await Responses(Answers({"error": {"code": "not_found", "message": "no such"}})).get(id="r")


@pytest.mark.parametrize(
    ("response", "done"),
    [
        (Response(status="queued"), False),
        (Response(status="in_progress", output="half"), False),
        (Response(status="incomplete"), True),
        (Response(status="cancelled"), True),
        (Response(), False),
        (Response(output="x"), True),
    ],
)
def test_when_a_response_is_done(response: Response, done: bool) -> None:
    """When its state is a last one; without a state, when there is an answer."""
    assert response.is_done is done


class Waiting:
    """A client that notes what it is to wait for."""

    async def wait(self, call: Any, **patience: Any) -> Any:
        return call, patience


async def test_waiting() -> None:
    """Asks for the response again and again, as the client does for all work."""
    waiting: Any = Waiting()
    waited: Any = await Responses(waiting).wait("resp_1", total=5)
    assert waited == (GetResponse(id="resp_1"), {"total": 5})


# Streamed.

CREATED = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}}
THOUGHT = {"type": "response.reasoning_text.delta", "delta": "hm"}
COMPLETED = {"type": "response.completed", "response": WHOLE}
DONE = "[DONE]"


def delta(text: str, number: int = 0) -> dict[str, Any]:
    """Make an event of a piece of text."""
    return {"type": "response.output_text.delta", "item_id": "i", "sequence_number": number, "delta": text}


def stream(*events: Any) -> ResponseStream:
    """Make a stream of events, each in a read of its own."""
    reads = [each if isinstance(each, bytes) else event(each) for each in events]
    return Responses(Answers(reads)).create(input="Hi", stream=True)


async def test_a_stream() -> None:
    """Events as they came, with their types; what completes it is the whole answer, with its usage."""
    streaming = stream(
        CREATED, THOUGHT, delta("Hé"), delta("llo", 1), {"type": "response.new", "x": 1}, COMPLETED, DONE
    )
    events = [each async for each in streaming]
    assert [each.type for each in events] == [
        "response.created",
        "response.reasoning_text.delta",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.new",
        "response.completed",
    ]
    assert [each.text for each in events] == ["", "", "Hé", "llo", "", ""]
    assert events[4].extra == {"x": 1}
    assert events[5].response is not None
    assert events[5].response.usage == Usage(input_tokens=3, output_tokens=2, total_tokens=5)
    whole = await streaming.get_final_response()
    assert (whole.output_text, whole.status, whole.meta) == ("Héllo", "completed", META)


async def test_the_text_alone() -> None:
    """Piece by piece, every character whole, however many come at once."""
    pieces = [delta(text, number) for number, text in enumerate(["a", "\ud83d", "\ude00", *"0123456789" * 9])]
    for reads in ([event(each) for each in pieces], [b"".join(map(event, pieces))]):
        streaming = stream(*reads, DONE)
        assert "".join([text async for text in streaming.text_stream]) == "a😀" + "0123456789" * 9
        assert (await streaming.get_final_response()).output_text.endswith("0123456789" * 9)


async def test_many_pieces_alike_fold_into_the_text() -> None:
    """Also in batches; what was thought is no part of the answer."""
    pieces = [{"type": "response.output_text.delta", "delta": str(n % 10)} for n in range(400)]
    thoughts = [{"type": "response.reasoning_text.delta", "delta": str(n)} for n in range(400)]
    streaming = stream(b"".join(map(event, [*pieces, *thoughts])), DONE)
    assert (await streaming.get_final_response()).output == "0123456789" * 40


def chat(content: str | None, finish: str | None = None) -> dict[str, Any]:
    """Make a chunk in the shape of chat."""
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}],
    }


@pytest.mark.parametrize("end", [[DONE], []])
async def test_a_stream_in_the_shape_of_chat(end: list[Any]) -> None:
    """Has the same text, and folds into the shape of chat; a finish reason makes it whole."""
    chunks = [chat("Hé"), *[chat(str(n)) for n in range(50)], chat(None, "stop")]
    tail = {"choices": [], "usage": {"prompt_tokens": 1, "total_tokens": 2}}
    for reads in (chunks, [b"".join(map(event, chunks))]):
        streaming = stream(*reads, tail, *end)
        text = "".join([each async for each in streaming.text_stream])
        whole = await streaming.get_final_response()
        assert whole.output_text == text == "Hé" + "".join(map(str, range(50)))
        assert (whole.id, whole.model, whole.created) == ("c1", "m", 1)
        assert whole.choices[0].finish_reason == "stop"
        assert whole.usage is not None
        assert whole.usage.total_tokens == 2


# How streams end.


async def test_an_end_without_its_mark() -> None:
    """Is whole once the response is, completed or incomplete."""
    incomplete = {"type": "response.incomplete", "response": {**WHOLE, "status": "incomplete"}}
    for last in (COMPLETED, incomplete):
        assert (await stream(CREATED, delta("a"), last).get_final_response()).output_text == "Héllo"


@pytest.mark.parametrize("events", [[], [CREATED], [CREATED, delta("Hé")], [chat("Hé")]])
async def test_an_end_too_early(events: list[Any]) -> None:
    """Is truncated; what had come is on the error, as text where it has no other form yet."""
    with pytest.raises(StreamTruncatedError) as caught:
        await stream(*events).get_final_response()
    partial = caught.value.partial
    assert (partial is None) == (not events)
    if len(events) == 2:
        assert (partial.id, partial.output, partial.status) == ("resp_1", "Hé", "in_progress")


FAILED = {
    "id": "resp_1",
    "status": "failed",
    "error": {"code": "rate_limit_exceeded", "message": f"not {TOKEN}"},
}


@pytest.mark.parametrize(
    ("last", "status", "code", "told"),
    [
        ({"type": "response.failed", "response": FAILED}, 429, "rate_limit_exceeded", "not "),
        (
            {"type": "response.failed", "response": {"status": "failed"}},
            502,
            "upstream_error",
            "does not say why",
        ),
        ({"type": "response.failed"}, 502, "upstream_error", "does not say why"),
        ({"type": "response.completed", "response": FAILED}, 429, "rate_limit_exceeded", "not "),
        (
            {"type": "error", "code": "rate_limit_exceeded", "message": "slow"},
            429,
            "rate_limit_exceeded",
            "slow",
        ),
        ({"type": "error", "error": {"code": "not_found", "message": "gone"}}, 404, "not_found", "gone"),
        ({"error": {"code": "gateway_timeout", "message": "late"}}, 504, "gateway_timeout", "late"),
        (event({"code": "not_found", "message": "gone"}, name="error"), 404, "not_found", "gone"),
        (chat(None, "error"), 502, "upstream_error", "finish_reason 'error'"),
    ],
)
@pytest.mark.parametrize("end", [[DONE], []])
async def test_a_stream_that_fails(last: Any, status: int, code: str, told: str, end: list[Any]) -> None:
    """Never ends as a success, however it says so; what came is delivered before, and no token is told."""
    streaming = stream(CREATED, delta("Hé"), last, *end)
    texts = []
    with pytest.raises(StreamAPIError, match=told) as caught:
        async for each in streaming:
            texts.append(each.text)
    assert texts[:2] == ["", "Hé"]
    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.partial.output == "Hé"
    assert TOKEN not in f"{caught.value} {caught.value.body}"
    with pytest.raises(MeshAPIError) as again:
        await streaming.get_final_response()
    assert again.value is caught.value


async def test_a_whole_response_as_an_event() -> None:
    """Says the same: it is what a stream gives that had to be asked for as a whole."""
    call = StreamResponse(input="Hi", model="m")
    assert call.whole() == CreateResponse(input="Hi", model="m")
    response = await responded(WHOLE)
    events = call.reply.chunks_of(response)
    assert events == [ResponseEvent(type="response.completed", response=response)]
