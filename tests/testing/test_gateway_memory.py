"""Memory: what a gateway keeps of its requests does not grow with their number."""

import asyncio
import gc
import json
import sys
from pathlib import Path

import pytest

from meshapi_aio.testing import HANG, Answer, FakeGateway, Script

from .wire import CHAT, asking, connected, exchange, receive, request_bytes


ROUNDS = 10
A_ROUND = 1000
A_CONNECTION = 50


def chat_request(gateway: FakeGateway, number: int, *, stream: bool, last: bool = False) -> bytes:
    """Return a chat request that is unlike any other."""
    body = json.dumps(asking(f"number {number}", stream=stream, max_tokens=3)).encode()
    headers = f"Authorization: Bearer {gateway.token}\r\n{'Connection: close' if last else 'X-On: 1'}\r\n"
    return request_bytes("POST", CHAT, body, headers)


async def read_whole(gateway: FakeGateway, first: int) -> None:
    """Read answers to the end, whole ones and streams in turn, many on one connection."""
    numbers = range(first, first + A_CONNECTION)
    sent = [
        chat_request(gateway, number, stream=number % 4 == 0, last=number == numbers[-1])
        for number in numbers
    ]
    answers, _ = await exchange(gateway, b"".join(sent))
    assert answers.count(b"HTTP/1.1 200 OK") == A_CONNECTION


async def leave(gateway: FakeGateway, first: int) -> None:
    """Go away before the headers, and in the middle of a stream, in turn."""
    for number in range(first, first + A_CONNECTION):
        answer = Answer(events=["one", HANG]) if number % 2 else Answer(before=[HANG])
        gateway.enqueue(answer)
        async with connected(gateway, chat_request(gateway, number, stream=True)) as bare:
            request = await gateway.received(gateway.requests[-1].number + 1)
            if number % 2:
                await asyncio.get_running_loop().sock_recv(bare, 65536)
        await gateway.disconnected(request)


async def cancel(gateway: FakeGateway, first: int) -> None:
    """Cancel tasks that wait for answers."""
    gateway.enqueue(*[Answer(events=["one", HANG])] * A_CONNECTION)

    async def wait(number: int) -> None:
        async with connected(gateway, chat_request(gateway, number, stream=True)) as bare:
            await receive(bare)

    ended = gateway.requests[-1].number + A_CONNECTION
    tasks = [asyncio.create_task(wait(number)) for number in range(first, first + A_CONNECTION)]
    await gateway.received(ended)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await gateway.until(lambda: gateway.connections.open == 0)


def measured() -> tuple[int, int]:
    """Return how many blocks of memory Python has given out, and the resident size in bytes."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return sys.getallocatedblocks(), pages * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs to know the resident size")
async def test_ten_thousand_requests_leave_memory_where_it_was() -> None:
    """
    Whole answers, streams, refusals to pay, clients that left and clients that were cancelled.

    Once as many requests as are kept have come, ten thousand more take less than a block of memory for
    twenty of them, and nothing that is larger. Every part that remembers is switched on.
    """
    async with FakeGateway(
        catalogue=[{"id": "maker/model", "pricing": {"prompt_usd_per_1m": "1"}}],
        requests_per_minute=1_000_000,
        tokens_per_minute=1_000_000_000,
        spend_limit="1000",
        cache=True,
    ) as gateway:

        async def a_round(number: int) -> None:
            first = number * A_ROUND
            ways = [*[read_whole] * 17, leave, leave, cancel]
            for index, way in enumerate(ways):
                await way(gateway, first + index * A_CONNECTION)

        for number in range(2):
            await a_round(number)
        blocks, size = measured()
        for number in range(2, 2 + ROUNDS):
            await a_round(number)
        more_blocks, larger_size = measured()
        seen = gateway.requests[-1].number
    assert seen == (2 + ROUNDS) * A_ROUND
    assert len(gateway.requests) == 1000
    assert more_blocks - blocks < ROUNDS * A_ROUND / 20
    assert larger_size - size < 4 * 1024 * 1024


async def test_complaints_are_kept_in_small_numbers() -> None:
    """A client that does not stop sending what no script expects is told of in few words, and in all."""
    before = sum(isinstance(one, AssertionError) for one in gc.get_objects())
    async with FakeGateway(script=Script()) as gateway:
        for _ in range(4):
            await exchange(gateway, request_bytes() * 49 + request_bytes(headers="Connection: close\r\n"))
        kept = sum(isinstance(one, AssertionError) for one in gc.get_objects()) - before
        with pytest.raises(AssertionError, match=r"request 1 .* came when no entry") as caught:
            gateway.check()
    assert kept == 11
    assert caught.value.__notes__[-1] == "FakeGateway: and 189 more"
