"""
A request written by ourselves on a connection of aiohttp's, where this aiohttp is known well enough.

aiohttp (3.14.5) makes of each request an object, a copy of its headers, a payload, a writer, on Python 3.11 a
task, and a response that knows cookies and redirects: of the 480,000 instructions that a small completion
takes with it, 265,000. All but the body and its length are the same from request to request, so aiohttp is
asked for them once. Its connector still connects, and its parser reads the answer.

Where anything looks unfamiliar, or somebody stands in or listens at the session's own way (mocks, recorders,
tracers), requests go that way, and only the time is lost.
"""

import asyncio
import inspect
import re
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from .._wire import Request
from ._answering import Received
from ._connector import Connector
from ._exchange import Exchange


__all__ = ["goes_directly", "send"]

_URL = type(aiohttp.ClientRequest.url)
_ENDS_LINE = re.compile(r"[\r\n\0]")
_HEADS = 64  # that are kept of one client's settings: paths may hold ids


class Head:
    """All of a request but its body: the bytes, and what the connector asks of a request."""

    __slots__ = ("data", "destination")

    def __init__(self, request: Request, session: aiohttp.ClientSession) -> None:
        loop, url = asyncio.get_running_loop(), _URL(request.url)
        body = None if request.body is None else b""
        made = aiohttp.ClientRequest(
            request.method, url, headers=request.headers, data=body, loop=loop, session=session
        )
        lines = [f"{made.method} {made.url.raw_path_qs} HTTP/1.1"]
        # Of a body the length is left out, and is the last line of each request.
        lines += [
            f"{name}: {value}"
            for name, value in made.headers.items()
            if body is None or name.lower() != "content-length"
        ]
        if any(_ENDS_LINE.search(line) for line in lines):  # all was checked before; aiohttp looks here, too
            msg = f"a header of the request to {made.url.raw_path} (not shown) is no single line"
            raise ValueError(msg)
        self.data = "\r\n".join(lines).encode()
        # Kept for long and shown in errors of connecting, so without the token.
        self.destination = aiohttp.ClientRequest(request.method, url, loop=loop, session=session)


async def send(
    exchange: Exchange, request: Request, session: aiohttp.ClientSession, connector: Connector, limit: int
) -> Received:
    """
    Send a request and return the beginning of its answer, whose headers may have ``limit`` bytes each.

    Raises what aiohttp's session raises. The exchange breaks what was begun, here and later.
    """
    heads = request.headers.heads
    key = (request.method, request.url)
    head: Head | None = heads.get(key)
    if head is None:
        head = Head(request, session)
        if len(heads) == _HEADS:
            del heads[next(iter(heads))]
        heads[key] = head
    try:
        connection = await connector.connection(exchange, head.destination)
    except TimeoutError as error:
        msg = f"no connection within {exchange.timeout.connect} s"
        raise aiohttp.ConnectionTimeoutError(msg) from error
    try:
        protocol = connection.protocol
        assert protocol is not None
        protocol.set_response_params(read_until_eof=True, max_line_size=limit, max_field_size=limit)
        transport, body = protocol.transport, request.body
        assert body is None or isinstance(body, bytes)
        if transport is not None:  # else reading raises what closed it
            if body is None:
                transport.write(head.data + b"\r\n\r\n")
            else:
                transport.write(b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head.data, len(body), body))
        while True:
            message, content = await protocol.read()
            if not 100 <= message.code < 200 or message.code == 101:
                return Received(connection, message, content)
    except BaseException as error:
        exchange.abort()  # first, as there
        connection.close()
        if isinstance(error, HttpProcessingError):
            told: Any = head.destination.request_info
            raise aiohttp.ClientResponseError(told, (), status=error.code, message=error.message) from error
        raise


_SESSIONS_WAY: Final = aiohttp.ClientSession._request  # noqa: SLF001 - looked at, to see whether it is replaced


def goes_directly(request: Request, data: object, session: aiohttp.ClientSession) -> bool:
    """Tell whether a request of our own session may go directly; what goes in pieces is left to aiohttp."""
    return (
        _FAMILIAR
        and (data is None or type(data) is bytes)
        and not request.outside
        and aiohttp.ClientSession._request is _SESSIONS_WAY  # noqa: SLF001
        and not session.trace_configs
    )


def _is_familiar() -> bool:
    """Tell whether aiohttp is as this room knows it."""
    return (
        inspect.isfunction(_SESSIONS_WAY)
        and {"read_until_eof", "max_line_size", "max_field_size"}
        <= set(inspect.signature(ResponseHandler.set_response_params).parameters)
        and {"headers", "data", "loop", "session"} <= set(inspect.signature(aiohttp.ClientRequest).parameters)
        and list(inspect.signature(aiohttp.TCPConnector.connect).parameters)
        == ["self", "req", "traces", "timeout"]
        and hasattr(ResponseHandler, "read")
    )


_FAMILIAR: Final = _is_familiar()
