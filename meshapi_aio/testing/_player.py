"""
The sending of an answer, step by step, to the one client that waits for it.

The only room that writes to a connection, and that ends one because a script says so.
"""

import asyncio
import itertools
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web

from ._script import Answer, Ending, Heartbeats, Pause, Step, WaitFor


_HEARTBEAT = b": keep-alive\n\n"


class AlreadySent(web.StreamResponse):
    """What is handed to aiohttp when there is nothing left for it to send; the connection is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing."""


async def play(
    answer: Answer, request: web.BaseRequest, own_headers: Mapping[str, str]
) -> web.StreamResponse | None:
    """
    Send the whole answer and return the response, or None where a step ended the connection before that.

    ``own_headers`` are the gateway's; the answer's replace or remove them. Every piece has left for the
    kernel before the next step is taken. Raises ``ConnectionError`` when the client is gone.
    """
    transport = _transport(request)
    transport.set_write_buffer_limits(high=0)  # so that drain() returns when nothing is left to be sent
    if not await _take(answer.before, request, request.writer.write):
        return None
    if answer.raw:
        return AlreadySent() if await _take(answer.pieces(), request, request.writer.write) else None
    if answer.events is None:
        content_type, body = answer.content()
        headers = _merged({**own_headers, "Content-Type": content_type}, answer.headers)
        response: web.StreamResponse = web.Response(status=answer.status, headers=headers, body=body)
        await response.prepare(request)
    else:
        stream_headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
        headers = _merged({**own_headers, **stream_headers}, answer.headers)
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)  # sends the headers at once, whatever the first step is
        if not await _take(answer.pieces(), request, response.write):
            return None
    await response.write_eof()
    return response


async def _take(
    steps: Iterable[Step], request: web.BaseRequest, write: Callable[[bytes], Awaitable[None]]
) -> bool:
    """Take the steps one by one and return True; False as soon as one of them ended the connection."""
    for step in steps:
        match step:
            case bytes():
                await write(step)
                await request.writer.drain()
            case Pause():
                await asyncio.sleep(step.seconds)
            case Heartbeats():
                for number in itertools.count() if step.count is None else range(step.count):
                    await asyncio.sleep(step.every if number else 0.0)
                    await write(_HEARTBEAT)
                    await request.writer.drain()
            case WaitFor():
                await step.event.wait()
            case Ending.HANG:
                await asyncio.Event().wait()  # ends by cancellation, when the connection does
            case Ending.CUT:
                _transport(request).close()  # what was written before still goes out
                return False
            case _:  # Ending.RESET
                _reset(_transport(request))
                return False
    return True


def _transport(request: web.BaseRequest) -> asyncio.Transport:
    """Return the connection of the request, which the client may have closed by now."""
    if request.transport is None:
        msg = "the client has closed the connection"
        raise ConnectionResetError(msg)
    return request.transport


def _reset(transport: asyncio.Transport) -> None:
    """End the connection with RST: closing a socket that lingers for no time does that."""
    lingering: socket.socket = transport.get_extra_info("socket")
    lingering.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _merged(own: Mapping[str, str], given: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """Return the headers of both; a given one replaces its namesakes, and None only removes them."""
    replaced = {name.lower() for name in given}
    kept = [(name, value) for name, value in own.items() if name.lower() not in replaced]
    return kept + [(name, value) for name, value in given.items() if value is not None]
