"""
What the tests of the other clients share: a client that may block, spoken to in one way, and what is said.

A blocking client runs in a thread, since the gateway runs in the loop of the test. Nothing here knows which
package a client is of: what is imported where it may be missing has no types.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from meshapi_aio.testing import HANG, Answer, FakeGateway


MODEL = "openai/gpt-4o-mini"
HELLO = [{"role": "user", "content": "Hello, wörld!"}]
WORDS = f'You said: "Hello, wörld!". This is the answer of {MODEL}.'
"""What the gateway answers to that by itself."""

CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": MODEL,
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Once"}, "finish_reason": None}],
}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 3}},
                "required": ["city", "days"],
            },
        },
    },
    {
        "type": "function",
        "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
    },
]
"""Two tools: one with arguments, one without."""

CATALOGUE = [
    {"id": MODEL, "name": "Mini", "context_length": 1000, "supports_structured_output": False},
    {"id": "maker/model:free", "context_length": None, "pricing": None},
]
"""A model that can't do everything, and one of which little is known."""

HANGING = pytest.mark.parametrize(
    ("answer", "chunks"),
    [(Answer(before=(HANG,)), 0), (Answer(events=[HANG]), 0), (Answer(events=[CHUNK, HANG]), 1)],
    ids=["before the headers", "before the first chunk", "after the first chunk"],
)
"""The places where a reader of a stream may be waiting, and how many chunks it has got by then."""


def gateway_with(**options: Any) -> pytest.MarkDecorator:
    """Give the gateway of a test these options."""
    return pytest.mark.parametrize("gateway", [options], indirect=True, ids=["-".join(options)])


def refusal(status: int, *, retry_after: str) -> Answer:
    """Return an error as the gateway puts it; the ``Retry-After`` is in seconds."""
    error = {"code": f"code_of_{status}", "message": "not today"}
    return Answer(status, headers={"Retry-After": retry_after}, body={"error": error})


@attrs.frozen
class Speaker:
    """A client, and whether its calls block."""

    client: Any
    blocking: bool

    async def call(self, function: Callable[..., Any], *args: Any, **fields: Any) -> Any:
        """Return what a function of the client returns, or raise what it raises."""
        if self.blocking:
            return await asyncio.to_thread(function, *args, **fields)
        result = function(*args, **fields)
        return await result if inspect.isawaitable(result) else result

    async def first(self, stream: Any) -> Any:
        """Return the next item of a stream."""
        return await (asyncio.to_thread(next, stream) if self.blocking else anext(stream))

    async def items(self, stream: Any, seen: list[Any] | None = None) -> list[Any]:
        """Return all items of a stream; ``seen`` has those that came before an error."""
        items: list[Any] = [] if seen is None else seen
        if self.blocking:
            await asyncio.to_thread(items.extend, stream)  # keeps what came before an error
        else:
            async for item in stream:
                items.append(item)
        return items


async def cancel_reading(gateway: FakeGateway, opening: Awaitable[Any], chunks: int) -> None:
    """Cancel the task that reads a stream of an asyncio client after so many chunks; the gateway sees it."""
    enough = asyncio.Event()

    async def read() -> None:
        stream = await opening
        for _ in range(chunks):
            await anext(stream)
        enough.set()
        await anext(stream)

    task = asyncio.create_task(read())
    request = await gateway.received()
    if chunks:
        await enough.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gateway.disconnected(request)
