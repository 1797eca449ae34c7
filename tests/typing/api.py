"""
What the type checkers must say of what users write. Never run: mypy and pyright read it, both strict.

A line that must be refused carries a comment for each checker, ``type: ignore[…]`` for mypy and
``pyright: ignore[…]`` for pyright, since each knows its own only. Both report a comment that nothing needs
(``warn_unused_ignores``, ``reportUnnecessaryTypeIgnoreComment``), so that a mistake which begins to pass
unnoticed fails the check, as does one that fails for another reason.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, assert_type

from meshapi_aio import (
    APIStatusError,
    APITimeoutError,
    ByteReply,
    ByteStream,
    Call,
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionStream,
    CreateChatCompletion,
    MeshAPI,
    Message,
    Meta,
    RawCall,
    RawStream,
    RawStreamCall,
    Retry,
    Stream,
    StreamCall,
    StreamChatCompletion,
    StreamError,
    TextPart,
    Timeout,
    ToolCall,
    Usage,
)
from meshapi_aio.endpoints.batches import Batch, GetBatch
from meshapi_aio.fanout import AdaptiveLimit, Budget, fan_out


MESSAGES = [{"role": "user", "content": "hi"}]


async def one_answer(client: MeshAPI) -> None:
    """A call is awaited, and its answer has a type."""
    create = client.chat.completions.create
    completion = await create(
        model="m",
        messages=MESSAGES,
        temperature=0.7,
        max_tokens=256,
        tools=[{"type": "function", "function": {"name": "f"}}],
        reasoning_effort="low",
        extra_body={"n": 2},
    )
    assert_type(completion, ChatCompletion)
    assert_type(await create(messages=MESSAGES, stream=False), ChatCompletion)
    assert_type(completion.choices[0].message, Message)
    assert_type(completion.choices[0].message.text, str)
    assert_type(completion.choices[0].message.tool_calls, list[ToolCall] | None)
    assert_type(completion.choices[0].finish_reason, str | None)
    assert_type(completion.usage, Usage | None)
    assert_type(completion.request_id, str | None)
    assert_type(completion.meta, Meta)
    assert_type(completion.to_dict(), dict[str, Any])

    create(messages=MESSAGES)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    _ = completion.usage.total_tokens  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    _ = completion.choices[0].delta  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    _ = create(messages=MESSAGES).choices  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def one_stream(client: MeshAPI) -> None:
    """With ``stream=True`` the same method returns a stream, which is not awaited."""
    create = client.chat.completions.create
    stream = create(messages=MESSAGES, stream=True)
    assert_type(stream, ChatCompletionStream)
    assert_type(client.chat.completions.stream(messages=MESSAGES), ChatCompletionStream)
    async for chunk in create(messages=MESSAGES, stream=True):
        assert_type(chunk, ChatCompletionChunk)
        assert_type(chunk.text, str)
        assert_type(chunk.choices[0].delta.content, str | None)
    assert_type(await create(messages=MESSAGES, stream=True), ChatCompletionStream)
    async with client.chat.completions.stream(messages=MESSAGES) as entered:
        assert_type(entered, ChatCompletionStream)
        async for text in entered.text_stream:
            assert_type(text, str)
        assert_type(await entered.get_final_completion(), ChatCompletion)
    any_stream: Stream[ChatCompletionChunk] = stream
    any_stream.close()

    async for _ in create(messages=MESSAGES):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass


async def chosen_at_run_time(client: MeshAPI, *, flag: bool) -> None:
    """
    ``stream`` has to be a literal: what a variable chooses has no one type.

    For a variable there are ``create`` and ``stream``. pyright tries both values of a bool, so only mypy
    refuses it.
    """
    client.chat.completions.create(messages=MESSAGES, stream=flag)  # type: ignore[call-overload]


async def tasks(client: MeshAPI) -> None:
    """What ``create`` returns is a coroutine, so that it can become a task; a stream can't."""
    create = client.chat.completions.create
    assert_type(asyncio.create_task(create(messages=MESSAGES)), asyncio.Task[ChatCompletion])
    async with asyncio.TaskGroup() as group:
        assert_type(group.create_task(create(messages=MESSAGES)), asyncio.Task[ChatCompletion])
        stream = create(messages=MESSAGES, stream=True)
        group.create_task(stream)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    first, second = await asyncio.gather(create(messages=MESSAGES), create(messages=MESSAGES))
    assert_type((first, second), tuple[ChatCompletion, ChatCompletion])


async def messages(client: MeshAPI, table: Mapping[str, str], history: list[Message]) -> None:
    """Dicts and objects, mixed freely, in any sequence."""
    create = client.chat.completions.create
    await create(messages=[{"role": "user", "content": [{"type": "text", "text": "hi"}]}])
    await create(messages=(Message.user("hi"), {"role": "assistant", "content": "yes"}, table))
    await create(messages=history)
    await create(messages=[(await create(messages=history)).choices[0].message])
    await create(messages=[*history, Message.user([TextPart(text="hi"), {"type": "text", "text": "there"}])])

    await create(messages="hi")  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await create(messages=["hi"])  # type: ignore[list-item]  # pyright: ignore[reportCallIssue, reportArgumentType]
    Message.user(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def mistakes(client: MeshAPI) -> None:
    """Names, types and values of arguments are checked, without a second signature."""
    create, stream = client.chat.completions.create, client.chat.completions.stream
    ask = MESSAGES
    await create(messages=ask, max_token=5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await create(messages=ask, max_tokens="5")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await create(messages=ask, reasoning_effort="max")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await create(messages=ask, timeout=Timeout(total=5))  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await create(model="m")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await create(ask)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    stream(messages=ask, max_token=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    stream(messages=ask, max_tokens="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    stream(messages=ask, stream=False)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def calls_as_values(client: MeshAPI) -> None:
    """A call knows its reply."""
    call = CreateChatCompletion(model="m", messages=MESSAGES)
    assert_type(await client.send(call), ChatCompletion)
    streamed = StreamChatCompletion(model="m", messages=MESSAGES)
    assert_type(client.stream(streamed), ChatCompletionStream)
    any_call: Call[ChatCompletion] = call
    any_stream: StreamCall[ChatCompletionStream] = streamed
    assert_type(await client.send(any_call), ChatCompletion)
    assert_type(client.stream(any_stream), ChatCompletionStream)

    await client.send(streamed)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.stream(call)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    CreateChatCompletion(messages=MESSAGES, stream=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    CreateChatCompletion(MESSAGES)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    call.model = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


async def options(client: MeshAPI) -> None:
    """One-off options return a client; what belongs to the connections can't be changed."""
    patient = client.with_options(timeout=Timeout(first_event=600), retry=Retry(max_retries=0))
    assert_type(patient, MeshAPI)
    assert_type(await patient.chat.completions.create(messages=MESSAGES), ChatCompletion)
    client.with_options(request_id="r", cache=False, headers={"X-Tag": "1"}, api_version=None)

    client.with_options(token="rsk_other")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.with_options(timeout=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    MeshAPI(timeout=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Timeout(5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Timeout(total="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def errors(client: MeshAPI) -> None:
    """What an error carries has a type."""
    try:
        await client.chat.completions.create(messages=MESSAGES)
    except APIStatusError as error:
        assert_type(error.status, int)
        assert_type(error.code, str | None)
        assert_type(error.retry_after, float | None)
    except APITimeoutError as error:
        too_late: TimeoutError = error
        await asyncio.sleep(0, too_late)
    except StreamError as error:
        assert_type(error.chunks_seen, int)
        _ = error.status  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def jobs(client: MeshAPI) -> None:
    """Waiting returns the job, and tells each of its states to a function that takes such a job."""
    seen: list[Batch] = []
    assert_type(await client.batches.wait("b", total=60, on_update=seen.append), Batch)
    assert_type(await client.wait(GetBatch(id="b"), interval=2), Batch)
    async for batch in client.batches.list(limit=2):
        assert_type(batch, Batch)

    await client.wait(CreateChatCompletion(messages=MESSAGES))  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    await client.batches.wait("b", patience=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def raw(client: MeshAPI) -> None:
    """A raw call returns what it was told to expect."""
    assert_type(await client.send(RawCall("GET", "/v1/models/m", reply=ChatCompletion)), ChatCompletion)
    assert_type(await client.send(RawCall("GET", "/v1/sound", reply=ByteReply)), ByteReply)
    assert_type(await client.send(RawCall("POST", "/v1/things", body={"a": 1}, query={"b": 2})), Any)
    assert_type(client.stream(RawStreamCall("POST", "/v1/sound", chunks=bytes)), ByteStream)
    async for chunk in client.stream(RawStreamCall("POST", "/v1/things", body={"a": 1})):
        assert_type(chunk, dict[str, Any])
    stream = client.stream(RawStreamCall("POST", "/v1/things", chunks=ChatCompletionChunk))
    assert_type(stream, RawStream[ChatCompletionChunk])
    assert_type(await anext(stream), ChatCompletionChunk)
    assert_type(await client.stream(RawStreamCall("POST", "/v1/sound", chunks=bytes)).read(), bytes)

    RawCall("FETCH", "/v1/things")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    RawCall("GET", "/v1/things", reply=str)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


async def many_answers(client: MeshAPI, limit: AdaptiveLimit) -> None:
    """A fan-out's outcomes have the type of its calls' replies, or of what its function returns."""
    calls = [CreateChatCompletion(model="m", messages=MESSAGES)]
    async with client.fan_out(calls, limit=limit, budget=Budget("1")) as outcomes:
        async for outcome in outcomes:
            assert_type(outcome.result, ChatCompletion | None)
            assert_type(outcome.error, Exception | None)
    async with client.fan_out([*calls, StreamChatCompletion(model="m", messages=MESSAGES)]) as mixed:
        assert_type((await anext(mixed)).result, Any | None)

    async def double(number: int) -> float:
        return 2.0 * number

    async with fan_out(double, [1, 2], ordered=True) as numbers:
        number = await anext(numbers)
        assert_type(number.call, int)
        assert_type(number.result, float | None)
    client.with_options(limit=limit)
    client.with_options(limit=limit.lane(3))
    client.with_options(limit=8)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    client.fan_out(calls, limits=3)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]
