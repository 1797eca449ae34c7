"""
Every await that a caller can sit in, left in every way: cancelled, timed out, closed from elsewhere.

Each place is set up so that the call waits there and nowhere else. The points in between are drawn at random
in ``leaving.py``.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from meshapi_aio import (
    ChatCompletionStream,
    ClientClosedError,
    Event,
    MeshAPI,
    RequestSent,
    RetryScheduled,
    StreamClosedError,
)

from .authority import tls_client_context
from .leftovers import Leftovers, descriptors
from .scripts import MESSAGES, answer, begin_and_stall, never_answer, open_and_stall
from .server import PATIENCE, Connection, FaultServer, Script
from .wire import COMPLETION, reply


REFUSAL = reply({"error": {"code": "upstream_error", "message": "no"}}, 503)


async def goes_round(condition: Callable[[], bool]) -> None:
    """Let the loop go round until something is so, which no event tells."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


@attrs.define
class Place:
    """A client whose next call will wait in one place, and how to know that it does."""

    client: MeshAPI
    reached: Callable[[], Awaitable[object]]
    server: FaultServer | None = None
    messages: list[dict[str, str]] = MESSAGES
    let_go: Callable[[], object] = lambda: None
    """End what keeps the next call from succeeding."""
    serves: bool = True
    """Whether a next call can succeed at all."""


@contextlib.asynccontextmanager
async def serving(script: Script, *, tls: Any = False, **options: Any) -> AsyncGenerator[Place]:
    """Serve with a script, to a client whose call is where it waits when its request has come."""
    async with (
        FaultServer(script, tls=tls) as server,
        MeshAPI(server.base_url, "rsk_secret", ssl_context=tls_client_context(), **options) as client,
    ):
        yield Place(client, lambda: server.until(lambda: server.requests == 1), server)


# The places.


@contextlib.asynccontextmanager
async def for_a_slot(tls: bool) -> AsyncGenerator[Place]:
    """All connections are in use."""
    async with serving(never_answer, tls=tls, max_connections=1) as place:
        assert place.server is not None
        holder = asyncio.create_task(place.client.chat.completions.create(messages=MESSAGES))
        await place.reached()
        place.let_go = holder.cancel
        place.reached = lambda: goes_round(lambda: place.client.stats().queued == 1)
        yield place
        await asyncio.wait([holder])


class Resolvers(ThreadPoolExecutor):
    """Threads that look names up, none before it is let go."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked = asyncio.Event()
        self.go_on = threading.Event()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        super().submit(self.go_on.wait)
        self.asked.set()
        return super().submit(function, *args, **kwargs)


@contextlib.asynccontextmanager
async def for_the_address(tls: bool) -> AsyncGenerator[Place]:
    """The name of the gateway's host is being looked up. Nobody can stop a lookup: it ends by itself."""
    async with FaultServer(answer, tls=tls) as server:
        base_url = server.base_url.replace("127.0.0.1", "localhost")
        with Resolvers() as resolvers:
            asyncio.get_running_loop().set_default_executor(resolvers)
            async with MeshAPI(base_url, "rsk_secret", ssl_context=tls_client_context()) as client:
                try:
                    yield Place(client, resolvers.asked.wait, server, let_go=resolvers.go_on.set)
                finally:
                    resolvers.go_on.set()


@contextlib.asynccontextmanager
async def for_the_connection(tls: bool) -> AsyncGenerator[Place]:
    """The gateway's machine takes no more connections."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        with contextlib.suppress(OSError):  # the first that is not connected at once: the queue is full
            while True:
                filler = sockets.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
                filler.getpeername()
        before = descriptors()
        base_url = f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        async with MeshAPI(base_url, "rsk_secret", ssl_context=tls_client_context()) as client:
            yield Place(client, lambda: goes_round(lambda: descriptors() > before), serves=False)


async def hear_and_go_deaf(connection: Connection) -> None:
    """Let something come, and read nothing more."""
    await connection.some()
    connection.be_deaf()
    await connection.stall()


async def never_shake_hands(connection: Connection) -> None:
    """Take what comes for no request."""
    await connection.some()
    await connection.stall()


@contextlib.asynccontextmanager
async def for_the_handshake(tls: bool) -> AsyncGenerator[Place]:
    """The connection is there, TLS is not."""
    async with serving(never_shake_hands, tls="stalled") as place:
        server = place.server
        assert server is not None
        place.reached = lambda: server.until(lambda: any(one.heard for one in server.connections))
        place.serves = False
        yield place


@contextlib.asynccontextmanager
async def for_the_request_to_be_read(tls: bool) -> AsyncGenerator[Place]:
    """The request is larger than what the system takes, and the gateway reads only its beginning."""
    async with serving(hear_and_go_deaf, tls=tls) as place:
        server = place.server
        assert server is not None

        def stuck() -> bool:
            wires = [exchange._wire for exchange in place.client._shared.transport._exchanges]
            return (
                any(one.heard for one in server.connections)
                and wires != [None]
                and all(wire is not None and wire.get_write_buffer_size() > 2**16 for wire in wires)
            )

        place.messages = [{"role": "user", "content": "x" * 2**24}]
        place.reached = lambda: goes_round(stuck)
        yield place


@contextlib.asynccontextmanager
async def for_the_headers(tls: bool) -> AsyncGenerator[Place]:
    """The request is there, the answer has not begun."""
    async with serving(never_answer, tls=tls) as place:
        yield place


@contextlib.asynccontextmanager
async def for_the_first_event(tls: bool) -> AsyncGenerator[Place]:
    """There are headers, and no more."""
    async with serving(open_and_stall, tls=tls) as place:
        place.reached = lambda: goes_round(lambda: answered(place.client))
        yield place


@contextlib.asynccontextmanager
async def for_the_next_event(tls: bool) -> AsyncGenerator[Place]:
    """There is a beginning, of a stream or of a body, and no more."""
    async with serving(begin_and_stall, tls=tls) as place:
        place.reached = lambda: goes_round(lambda: answered(place.client))
        yield place


def answered(client: MeshAPI) -> bool:
    """Tell whether all that is under way has an answer, of which all is read that has come."""
    responses = [exchange._response for exchange in client._shared.transport._exchanges]
    return bool(responses) and all(one is not None and not one.content._buffer for one in responses)


@contextlib.asynccontextmanager
async def for_the_retry(tls: bool) -> AsyncGenerator[Place]:
    """The gateway has refused the call, which is to be sent again."""
    refusing, asleep = [True], asyncio.Event()

    async def refuse(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(REFUSAL if refusing else reply(COMPLETION))

    async def sleep(_: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    async with serving(refuse, tls=tls) as place:
        place.client._shared.courier.sleep = sleep
        place.reached, place.let_go = asleep.wait, refusing.clear
        yield place


PLACES = [
    for_a_slot,
    for_the_address,
    for_the_connection,
    for_the_handshake,
    for_the_request_to_be_read,
    for_the_headers,
    for_the_first_event,
    for_the_next_event,
    for_the_retry,
]


# The ways.


@attrs.define
class Waiting:
    """A call that waits, in a task of its own."""

    client: MeshAPI
    stream: ChatCompletionStream | None
    messages: list[dict[str, str]]
    task: "asyncio.Task[object]" = attrs.field(init=False)
    timeout: asyncio.Timeout = attrs.field(init=False)
    closing: "asyncio.Task[None] | None" = None
    uncounted: int | None = None

    async def run(self) -> object:
        """Make the call, and note how many cancellations are not answered for after it."""
        try:
            async with asyncio.timeout(None) as self.timeout:
                if self.stream is None:
                    return await self.client.chat.completions.create(messages=self.messages)
                return [chunk async for chunk in self.stream]
        finally:
            task = asyncio.current_task()
            assert task is not None
            self.uncounted = task.cancelling()


def cancelled(waiting: Waiting) -> type[BaseException]:
    """``task.cancel()``."""
    waiting.task.cancel()
    return asyncio.CancelledError


def cancelled_twice(waiting: Waiting) -> type[BaseException]:
    """``task.cancel()``, and once more."""
    waiting.task.cancel()
    waiting.task.cancel()
    return asyncio.CancelledError


def timed_out(waiting: Waiting) -> type[BaseException]:
    """The user's own ``asyncio.timeout``."""
    waiting.timeout.reschedule(0)
    return TimeoutError


def closed(waiting: Waiting) -> type[BaseException]:
    """``stream.close()``, in another task."""
    assert waiting.stream is not None
    waiting.stream.close()
    return StreamClosedError


def closed_by_a_callback(waiting: Waiting) -> type[BaseException]:
    """``stream.close()``, in a callback."""
    assert waiting.stream is not None
    asyncio.get_running_loop().call_later(0, waiting.stream.close)
    return StreamClosedError


def closed_with_the_client(waiting: Waiting) -> type[BaseException]:
    """``client.close()``, in another task."""
    waiting.closing = asyncio.create_task(waiting.client.close())
    return ClientClosedError if waiting.stream is None else StreamClosedError


WAYS = [cancelled, cancelled_twice, timed_out, closed, closed_by_a_callback, closed_with_the_client]
CASES = [
    pytest.param(
        place, way, streaming, id=f"{place.__name__}-{way.__name__}-{'stream' if streaming else 'whole'}"
    )
    for place in PLACES
    for way in WAYS
    for streaming in (False, True)
    if streaming or way not in {closed, closed_by_a_callback}
]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(("place", "way", "streaming"), CASES)
async def test_leaving_while_it_waits(place: Any, way: Any, streaming: bool, tls: bool) -> None:
    """
    Promises 8 and 9: the caller sees what was done, at once, and nothing else.

    The gateway sees the connection end, nothing is sent again, nothing is left, and the next call succeeds.
    """
    leftovers = Leftovers()
    async with place(tls) as there:
        client, server = there.client, there.server
        stream = client.chat.completions.stream(messages=there.messages) if streaming else None
        waiting = Waiting(client, stream, there.messages)
        waiting.task = asyncio.create_task(waiting.run())
        async with asyncio.timeout(PATIENCE):
            await there.reached()
        before = 0 if server is None else server.requests
        expected = way(waiting)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(expected) as caught:
                await waiting.task
        assert caught.type is expected
        assert waiting.uncounted == {cancelled: 1, cancelled_twice: 2}.get(way, 0)
        there.let_go()
        if waiting.closing is not None:
            await waiting.closing
        await goes_round(lambda: client.stats().in_flight == client.stats().queued == 0)
        assert client.stats().open <= (place is for_the_retry)  # where a connection is free again
        if server is not None:
            await goes_round(lambda: sum(not one.left for one in server.connections) == client.stats().open)
            assert server.requests == before
            server.script = answer
        if there.serves and waiting.closing is None:
            completion = await client.chat.completions.create(messages=MESSAGES)
            assert completion.choices[0].message.content == "hello"
    await leftovers.none()


# Before it waits.


@pytest.mark.parametrize("way", [cancelled, cancelled_twice, closed, closed_with_the_client])
async def test_leaving_before_the_first_step(way: Any) -> None:
    """Promise 9: nothing is sent, no session is made; the caller sees it all the same."""
    leftovers = Leftovers()
    async with serving(answer) as there:
        client, server = there.client, there.server
        assert server is not None
        waiting = Waiting(client, client.chat.completions.stream(messages=MESSAGES), MESSAGES)
        waiting.task = asyncio.create_task(waiting.run())
        expected = way(waiting)
        if waiting.closing is not None:
            waiting.task.cancel()  # which has not begun, so that nothing but this can end it
            await waiting.closing
            waiting.task = asyncio.create_task(waiting.run())
            expected = ClientClosedError
        with pytest.raises(expected) as caught:
            await waiting.task
        assert caught.type is expected
        assert server.connections == []
        assert client._shared.transport._session is None
    await leftovers.none()


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("last", [RequestSent, RetryScheduled])
async def test_cancelled_before_an_await(last: type[Event], streaming: bool) -> None:
    """
    Promise 9: a cancellation that comes while the client runs is seen at its next await.

    On the way to the connection, then nothing is sent; before a pause, then nothing is sent again.
    """
    leftovers = Leftovers()
    told: list[Event] = []

    def on_event(happened: Event) -> None:
        told.append(happened)
        if type(happened) is last:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    async with for_the_retry(tls=False) as there:
        server = there.server
        assert server is not None
        client = there.client.with_options(on_event=on_event)
        stream = client.chat.completions.stream(messages=MESSAGES) if streaming else None
        waiting = Waiting(client, stream, MESSAGES)
        waiting.task = asyncio.create_task(waiting.run())
        with pytest.raises(asyncio.CancelledError):
            await waiting.task
        assert waiting.uncounted == 1
        assert [type(one).__name__ for one in told[-2:]] == [last.__name__, "RequestFailed"]
        assert client.stats().in_flight == 0
        await server.until(lambda: server.open == client.stats().open)
        assert server.requests == (last is RetryScheduled)
    await leftovers.none()


async def test_cancelled_between_two_chunks() -> None:
    """A cancellation that comes while the reader works is seen at the next chunk that has not come yet."""
    async with serving(begin_and_stall) as there:
        server = there.server
        assert server is not None
        seen: list[str] = []

        async def read() -> None:
            async for chunk in there.client.chat.completions.stream(messages=MESSAGES):
                seen.append(chunk.text)
                task = asyncio.current_task()
                assert task is not None
                task.cancel()

        task = asyncio.create_task(read())
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == ["a"]
        await server.until(lambda: server.open == 0)


# In close().


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("ticks", range(1, 4))
async def test_cancelling_the_close(ticks: int, tls: bool) -> None:
    """
    Cancelled wherever it waits, ``client.close()`` has closed everything.

    One call is under way, one connection is free, and the peer of one has stopped reading.
    """

    async def answer_once(connection: Connection) -> None:
        await connection.request()
        await connection.send(reply(COMPLETION))
        if len(server.connections) == 1:
            connection.be_deaf()
        await connection.request()
        await connection.stall()

    leftovers = Leftovers()
    async with FaultServer(answer_once, tls=tls) as server:
        client = MeshAPI(server.base_url, "rsk_secret", ssl_context=tls_client_context())
        await asyncio.gather(*(client.chat.completions.create(messages=MESSAGES) for _ in range(2)))
        assert client.stats().open == 2
        call = asyncio.create_task(client.chat.completions.create(messages=MESSAGES))
        await goes_round(lambda: client.stats().in_flight == 1)
        closing = asyncio.create_task(client.close())
        for _ in range(ticks):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        with pytest.raises(ClientClosedError):
            await call
        await client.close()
        await goes_round(lambda: all(one.left for one in server.connections))
        assert client.stats().open == 0
    await leftovers.none()
