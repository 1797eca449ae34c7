"""A thousand streams at once through one client, read whole and cancelled; the gateway in its own process."""

import asyncio
import gc
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshapi_aio import ChatCompletionStream, MeshAPI
from meshapi_aio.testing import GatewayProcess


STREAMS = 1000
DESCRIPTORS = 2 * STREAMS + 200


@pytest.fixture(autouse=True)
def enough_descriptors() -> Iterator[None]:
    """Raise the limit on open files, for this process and the gateway's, or skip where that is refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        pytest.skip(f"{STREAMS} streams need {DESCRIPTORS} descriptors, and the hard limit here is {hard}")
    if soft == resource.RLIM_INFINITY or soft >= DESCRIPTORS:
        yield
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def stream_of(client: MeshAPI, number: int) -> ChatCompletionStream:
    """Return a stream whose text tells which one it is."""
    return client.chat.completions.stream(
        model="m", messages=[{"role": "user", "content": f"number {number}"}]
    )


def live_timers() -> int:
    """Count the timers that are still to fire."""
    timers = (one for one in gc.get_objects() if isinstance(one, asyncio.TimerHandle))
    return sum(not timer.cancelled() for timer in timers)


def open_descriptors() -> int:
    """Count this process's open files and sockets."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_thousand_streams_finish() -> None:
    """Each of a thousand concurrent streams gets its own whole text."""
    async with GatewayProcess() as gateway, MeshAPI(gateway.base_url, gateway.token) as client:

        async def read(number: int) -> str:
            return "".join([text async for text in stream_of(client, number).text_stream])

        texts = await asyncio.gather(*(read(number) for number in range(STREAMS)))
        state = await gateway.state()
    assert [f'"number {number}"' in text for number, text in enumerate(texts)] == [True] * STREAMS
    assert len({text.replace(f"number {number}", "") for number, text in enumerate(texts)}) == 1
    assert (state.requests, state.disconnects) == (STREAMS, 0)


async def test_a_thousand_streams_are_cancelled() -> None:
    """Promise 8: after a thousand cancels nothing is left, and the gateway has seen each of them."""
    async with GatewayProcess(pace=60) as gateway, MeshAPI(gateway.base_url, gateway.token) as client:
        before = (len(asyncio.all_tasks()), live_timers(), open_descriptors())
        begun = asyncio.Semaphore(0)

        async def read(number: int) -> None:
            async for _ in stream_of(client, number):
                begun.release()

        tasks = [asyncio.create_task(read(number)) for number in range(STREAMS)]
        for _ in range(STREAMS):
            await begun.acquire()
        assert client.stats().in_flight == STREAMS
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.CancelledError}
        state = await gateway.state(disconnects=STREAMS, open_connections=1)
        assert state.disconnects == STREAMS
        stats = client.stats()
        assert (stats.open, stats.in_flight, stats.queued) == (0, 0, 0)
        del tasks, results
        gc.collect()
        assert (len(asyncio.all_tasks()), live_timers(), open_descriptors()) == before
