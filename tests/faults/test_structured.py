"""asyncio's own ways of leaving: timeouts, groups, shields, cancelling twice; counts stay right."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from meshapi_aio import MeshAPI, StreamClosedError

from .scripts import MESSAGES, begin_and_stall, never_answer
from .server import FaultServer


async def whole(client: MeshAPI) -> object:
    """Wait for a whole answer."""
    return await client.chat.completions.create(messages=MESSAGES)


async def streamed(client: MeshAPI) -> object:
    """Read a stream by plain iteration."""
    return [chunk async for chunk in client.chat.completions.stream(messages=MESSAGES)]


async def entered(client: MeshAPI) -> object:
    """Read a stream in its block, to the folded answer."""
    async with client.chat.completions.stream(messages=MESSAGES) as stream:
        return await stream.get_final_completion()


Use = Callable[[MeshAPI], Coroutine[Any, Any, object]]
each_use = pytest.mark.parametrize(
    ("use", "script"),
    [
        (whole, never_answer),
        (streamed, never_answer),
        (streamed, begin_and_stall),
        (entered, begin_and_stall),
    ],
)


async def all_closed(server: FaultServer, client: MeshAPI) -> None:
    """Check that the server sees no connection, and the client holds none."""
    await server.until(lambda: server.open == 0)
    stats = client.stats()
    assert (stats.open, stats.in_flight, stats.queued) == (0, 0, 0)


@each_use
async def test_a_timeout_block(use: Use, script: Any) -> None:
    """``asyncio.timeout`` raises its own TimeoutError, and leaves no cancellation behind."""
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05):
                await use(client)
        assert type(caught.value) is TimeoutError
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await all_closed(server, client)


@each_use
async def test_wait_for(use: Use, script: Any) -> None:
    """``asyncio.wait_for`` raises TimeoutError, and the call is gone when it does."""
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        with pytest.raises(TimeoutError) as caught:
            await asyncio.wait_for(use(client), 0.05)
        assert type(caught.value) is TimeoutError
        await all_closed(server, client)


@each_use
async def test_a_failing_sibling(use: Use, script: Any) -> None:
    """In a TaskGroup the failure of one task cancels the calls of the others; only it is raised."""
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_secret") as client:

        async def fail() -> None:
            await server.until(lambda: server.requests == 3)
            raise ZeroDivisionError

        tasks: list[asyncio.Task[object]] = []
        with pytest.raises(BaseExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                tasks += [group.create_task(use(client)) for _ in range(3)]
                group.create_task(fail())
        assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]
        assert all(task.cancelled() for task in tasks)
        await all_closed(server, client)


@each_use
async def test_being_cancelled_twice(use: Use, script: Any) -> None:
    """A second cancel while the first is on its way changes nothing."""
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        task = asyncio.ensure_future(use(client))
        await server.until(lambda: server.requests == 1)
        task.cancel()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        await all_closed(server, client)


@each_use
async def test_a_shielded_call_goes_on(use: Use, script: Any) -> None:
    """A shield protects a call from the one who waits for it; the call itself can still be cancelled."""
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        task = asyncio.ensure_future(use(client))
        waiter = asyncio.ensure_future(asyncio.shield(task))
        await server.until(lambda: server.requests == 1)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert not task.done()
        assert server.open == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await all_closed(server, client)


@pytest.mark.parametrize("first", ["cancel", "close"])
@pytest.mark.parametrize("script", [never_answer, begin_and_stall])
async def test_cancelling_and_closing_in_one_tick(first: str, script: Any) -> None:
    """
    Cancelled from outside and closed in the same tick, in either order.

    The reader sees one of the two, and a cancellation that was asked for is never lost.
    """
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        stream = client.chat.completions.stream(messages=MESSAGES)

        async def read() -> None:
            async for _ in stream:
                pass

        task = asyncio.create_task(read())
        await server.until(lambda: server.requests == 1)
        if first == "cancel":
            task.cancel()
            stream.close()
        else:
            stream.close()
            task.cancel()
        with pytest.raises((asyncio.CancelledError, StreamClosedError)):
            await task
        assert task.cancelled() or task.cancelling() == 1
        await all_closed(server, client)


@pytest.mark.parametrize("first", ["cancel", "close"])
async def test_cancelling_while_the_client_closes(first: str) -> None:
    """A cancellation and the client's closing in one tick leave nothing either."""
    async with FaultServer(begin_and_stall) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        task = asyncio.create_task(streamed(client))
        await server.until(lambda: server.requests == 1)
        closing = asyncio.create_task(client.close()) if first == "close" else None
        task.cancel()
        await (closing or client.close())
        with pytest.raises((asyncio.CancelledError, StreamClosedError)):
            await task
        await all_closed(server, client)


async def test_an_outer_timeout_around_an_inner_one() -> None:
    """Nested timeouts: the one that fires raises, the other one stays as it was."""
    async with FaultServer(never_answer) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        async with asyncio.timeout(30) as outer:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await whole(client)
        assert not outer.expired()
        await all_closed(server, client)
