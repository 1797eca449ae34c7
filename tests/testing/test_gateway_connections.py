"""Who left, and when: what FakeGateway knows of its connections, and how it ends them."""

import asyncio
import contextlib
import logging
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest

from meshapi_aio.testing import (
    CUT,
    HANG,
    Answer,
    AnswerFunction,
    ConnectionCounts,
    FakeGateway,
    Pause,
    ReceivedRequest,
    WaitFor,
)

from .wire import CHAT, asking, client, connected, events, exchange, receive, request_bytes


GET = request_bytes()
HUGE = b"x" * 50_000_000  # more than the kernel takes for a client that does not read


async def _never(_: ReceivedRequest) -> Answer:
    await asyncio.Event().wait()
    return Answer()


async def _in_spite_of_it(_: ReceivedRequest) -> Answer:
    """Answer although cancelled, as a careless function might."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    return Answer(body="too late")


PENDING: dict[str, Answer | AnswerFunction] = {
    "before the headers": Answer(before=[HANG]),
    "before the headers of a plain answer": Answer(before=[Pause(3600)], body="late"),
    "in the middle of a stream": lambda _: Answer(events=[{"a": 1}, WaitFor(asyncio.Event())]),
    "between two pieces": Answer(events=[{"a": 1}, Pause(3600), {"a": 2}]),
    "in the middle of raw bytes": Answer(raw=True, events=[b"HTTP/1.1 ", HANG]),
    "while it is not reading": Answer(events=[HUGE, {"a": 1}]),
    "while it is not reading a plain answer": Answer(body=HUGE),
    "while a function thinks": _never,
    "while a stubborn function thinks": _in_spite_of_it,
}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which aiohttp or asyncio complained."""
    caplog.set_level(logging.WARNING)
    yield
    assert caplog.messages == []


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Let this process have as many open files as the machine allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def reset(bare: socket.socket) -> None:
    """Close a socket with RST."""
    bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    bare.close()


def half_close(bare: socket.socket) -> None:
    """Say that nothing more will be sent, which for a client of HTTP means that it is gone."""
    bare.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("leave", [socket.socket.close, reset, half_close])
@pytest.mark.parametrize("answer", PENDING.values(), ids=PENDING)
async def test_a_client_that_leaves_is_noticed(
    gateway: FakeGateway, answer: Answer | AnswerFunction, leave: Callable[[socket.socket], None]
) -> None:
    """Wherever the answer stands, and however the client goes; and only then."""
    gateway.enqueue(answer)
    async with connected(gateway, GET) as bare:
        request = await gateway.received()
        assert (request.outcome, request.completed) == ("pending", False)
        leave(bare)
        if leave is half_close:
            await receive(bare)
        await gateway.disconnected(request)
    assert (request.outcome, request.completed) == ("disconnected", False)
    await gateway.until(lambda: gateway.connections == ConnectionCounts(open=0, opened=1))


async def test_a_client_that_leaves_during_its_upload_is_no_request(gateway: FakeGateway) -> None:
    """Nothing is recorded of it but its connection."""
    async with connected(gateway, GET.replace(b"Length: 0", b"Length: 9")):
        await gateway.until(lambda: gateway.connections.open == 1)
    await gateway.until(lambda: gateway.connections.open == 0)
    assert gateway.requests == []


async def test_a_cancelled_client_is_noticed(gateway: FakeGateway) -> None:
    """The everyday case: a task that waits for an answer is cancelled."""
    gateway.enqueue(Answer(before=[HANG]))
    async with client(gateway) as session:
        task = asyncio.ensure_future(session.post(CHAT, json=asking("hi")))
        request = await gateway.received()
        task.cancel()
        await gateway.disconnected(request)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_waiting_for_a_disconnect_that_does_not_come(gateway: FakeGateway) -> None:
    """It ends with what happened instead: another outcome, or nothing within the time."""
    gateway.enqueue(Answer(), Answer(events=[CUT]), Answer(before=[HANG]))
    await exchange(gateway, GET + GET)
    whole, cut = gateway.requests
    with pytest.raises(
        AssertionError, match=r"request 1 \(GET /\) did not disconnect .*, which was completed"
    ):
        await gateway.disconnected(whole)
    with pytest.raises(AssertionError, match=r"request 2 \(GET /\) did not disconnect .*, which was cut"):
        await gateway.disconnected(cut)
    async with connected(gateway, GET):
        hanging = await gateway.received(3)
        with pytest.raises(AssertionError, match=r"request 3 \(GET /\) has not disconnected after 0.01 s"):
            await gateway.disconnected(hanging, timeout=0.01)


async def test_waiting_for_a_request_that_does_not_come(gateway: FakeGateway) -> None:
    """It ends with what the gateway has seen."""
    await exchange(gateway, request_bytes(headers="Connection: close\r\n"))
    seen = r"GatewayState\(requests=1, open_connections=0, opened_connections=1, disconnects=0\)"
    with pytest.raises(AssertionError, match=f"request 2 has not come after 0.01 s; .* seen {seen}"):
        await gateway.received(2, timeout=0.01)
    with pytest.raises(AssertionError, match="the condition does not hold after 0 s"):
        await gateway.until(lambda: False, timeout=0)


async def test_connections_are_counted(gateway: FakeGateway) -> None:
    """Those that are open now and those that ever were, whether or not they carried a request."""
    async with connected(gateway), connected(gateway):
        await gateway.until(lambda: gateway.connections == ConnectionCounts(open=2, opened=2))
    await gateway.until(lambda: gateway.connections == ConnectionCounts(open=0, opened=2))
    async with client(gateway) as session:
        for _ in range(3):
            async with session.post(CHAT, json=asking("hi")) as response:
                await response.read()
        assert gateway.connections == ConnectionCounts(open=1, opened=3)


@pytest.mark.parametrize("answer", PENDING.values(), ids=PENDING)
async def test_a_hanging_answer_does_not_hold_up_the_end(
    gateway: FakeGateway, answer: Answer | AnswerFunction
) -> None:
    """Closing aborts what is going on, and leaves no task and no connection."""
    before = asyncio.all_tasks()
    gateway.enqueue(answer)
    async with connected(gateway, GET):
        request = await gateway.received()
        await gateway.close()
        assert asyncio.all_tasks() == before
        assert gateway.connections.open == 0
    assert request.outcome == "closed"
    with pytest.raises(AssertionError, match="which was closed"):
        await gateway.disconnected(request)


@pytest.mark.parametrize("turns", range(6))
async def test_clients_that_have_just_come_do_not_hold_up_the_end(gateway: FakeGateway, turns: int) -> None:
    """However far the loop has got with them: in the backlog, accepted, or being served."""
    before = asyncio.all_tasks()
    host, port = gateway.base_url.removeprefix("http://").split(":")
    clients = [socket.create_connection((host, int(port))) for _ in range(10)]
    for bare in clients:
        bare.sendall(GET)
    for _ in range(turns):
        await asyncio.sleep(0)
    await gateway.close()
    assert asyncio.all_tasks() == before
    assert gateway.connections.open == 0
    for bare in clients:
        bare.close()


async def test_a_function_that_cannot_be_stopped_is_waited_for() -> None:
    """Its request still ends as closed, and its task is gone when the gateway is."""
    cancelled = asyncio.Event()

    async def stubborn(_: ReceivedRequest) -> Answer:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
        for _turn in range(50):
            await asyncio.sleep(0)
        return Answer()

    before = asyncio.all_tasks()
    gateway = FakeGateway()
    await gateway.start()
    gateway.enqueue(stubborn)
    async with connected(gateway, GET):
        request = await gateway.received()
        await gateway.close()
    assert cancelled.is_set()
    assert asyncio.all_tasks() == before
    assert request.outcome == "closed"


@pytest.mark.usefixtures("many_descriptors")
async def test_a_thousand_streams_at_once(gateway: FakeGateway) -> None:
    """All of them are open at the same time, none is refused, and each gets its own text."""
    count = 1000
    gate = asyncio.Event()
    gateway.enqueue(*(Answer(events=[{"n": n}, WaitFor(gate), {"n": n}]) for n in range(count)))

    async def read(session: aiohttp.ClientSession) -> Any:
        async with session.post(CHAT, json=asking("hi", stream=True)) as response:
            return events(await response.read())

    async with client(gateway) as session, asyncio.TaskGroup() as group:
        tasks = [group.create_task(read(session)) for _ in range(count)]
        await gateway.until(lambda: len(gateway.requests) == count, timeout=60)
        assert gateway.connections == ConnectionCounts(open=count, opened=count)
        gate.set()
    assert sorted(task.result()[0]["n"] for task in tasks) == list(range(count))
    assert all(task.result()[0] == task.result()[1] for task in tasks)
    assert all(request.completed for request in gateway.requests)
