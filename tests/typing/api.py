"""
What a user writes, as the type checkers see it. It is never run.

Every line that must fail says so to both checkers: mypy (``warn_unused_ignores``) and pyright
(``reportUnnecessaryTypeIgnoreComment``) complain where it does not.
"""

import asyncio
from typing import assert_type

from meshapi_aio import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionStream,
    CreateChatCompletion,
    MeshAPI,
    Message,
    Meta,
    Retry,
    Stream,
    StreamChatCompletion,
    Timeout,
    Usage,
)


async def what_passes(client: MeshAPI) -> None:
    """Calls, their replies, and what is in them have their types, without one written signature."""
    completion = await client.chat.completions.create(
        model="openai/gpt-4o-mini",
        messages=[
            {"role": "user", "content": "Hi"},
            Message.user("and"),
            {"role": "user", "content": ["parts"]},
        ],
        temperature=0.7,
        tools=[{"type": "function", "function": {"name": "f"}}],
        reasoning_effort="low",
        extra_body={"n": 2},
    )
    assert_type(completion, ChatCompletion)
    assert_type(completion.choices[0].message, Message)
    assert_type(completion.usage, Usage | None)
    assert_type(completion.request_id, str | None)
    assert_type(completion.meta, Meta)

    stream = client.chat.completions.create(messages=[completion.choices[0].message], stream=True)
    assert_type(stream, ChatCompletionStream)
    async for chunk in stream:
        assert_type(chunk, ChatCompletionChunk)
        assert_type(chunk.text, str)
        assert_type(chunk.choices[0].delta.content or "" if chunk.choices else "", str)

    async with client.chat.completions.stream(messages=[]) as entered:
        assert_type(entered, ChatCompletionStream)
        async for text in entered.text_stream:
            assert_type(text, str)
        assert_type(await entered.get_final_completion(), ChatCompletion)

    opened = await client.chat.completions.create(messages=[], stream=True)
    assert_type(opened, ChatCompletionStream)

    assert_type(await client.send(CreateChatCompletion(messages=[])), ChatCompletion)
    assert_type(client.stream(StreamChatCompletion(messages=[])), ChatCompletionStream)
    assert_type(client.with_options(timeout=Timeout(total=5), retry=Retry(max_retries=0)), MeshAPI)


Pair = tuple[ChatCompletion, ChatCompletion]


async def a_stream_is_a_stream(client: MeshAPI) -> Stream[ChatCompletionChunk]:
    """A family's stream passes where any stream of its chunks is asked for."""
    return client.chat.completions.stream(messages=[Message.user("Hi")])


async def what_runs_at_once(client: MeshAPI) -> None:
    """A call is a coroutine, and so can become a task."""
    create = client.chat.completions.create
    task = asyncio.create_task(create(messages=[Message.user("Hi")]))
    assert_type(await task, ChatCompletion)
    async with asyncio.TaskGroup() as group:
        grouped = group.create_task(create(messages=[Message.user("Hi")]))
    assert_type(grouped.result(), ChatCompletion)
    assert_type(await asyncio.gather(create(messages=[]), create(messages=[])), Pair)


async def what_fails(client: MeshAPI, flag: bool) -> None:
    """Mistakes that a type checker finds."""
    create, stream = client.chat.completions.create, client.chat.completions.stream
    await create(messages=[], temprature=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await create(model="m")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await create(messages="Hi")  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    # mypy wants the literal; pyright tries both.
    await create(messages=[], stream=flag)  # type: ignore[call-overload]
    stream(messages=[], temprature=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    stream(messages=[], stream=False)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async for _ in create(messages=[]):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    call = CreateChatCompletion(messages=[])
    call.model = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    client.stream(call)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.send(StreamChatCompletion(messages=[]))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.with_options(token="rsk_other")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    MeshAPI(timeout=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
