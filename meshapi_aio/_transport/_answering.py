"""The beginning of an answer, as exchanges know it: aiohttp's, or one that was asked for directly."""

import asyncio
from typing import Any, Protocol

import aiohttp


__all__ = ["Received", "Response"]


class Response(Protocol):
    """What an exchange asks of an answer that has begun; aiohttp's response is one."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Any:  # a mapping; pyright does not see through the property of aiohttp's
        """The headers; names differ in case."""
        ...

    @property
    def raw_headers(self) -> Any:  # pairs of bytes; as above
        """The headers as they came."""
        ...

    @property
    def content(self) -> aiohttp.StreamReader:
        """The body."""
        ...

    @property
    def connection(self) -> aiohttp.connector.Connection | None:
        """The connection, until the body has come to its end."""
        ...

    def close(self) -> None:
        """Break the answer off, and close its connection."""


class Received:
    """The beginning of an answer and its body: as much of aiohttp's response as exchanges ask for."""

    __slots__ = ("connection", "content", "headers", "raw_headers", "status")

    def __init__(self, connection: aiohttp.connector.Connection, message: Any, content: Any) -> None:
        self.connection: aiohttp.connector.Connection | None = connection
        self.status: int = message.code
        self.headers: Any = message.headers
        self.raw_headers: Any = message.raw_headers
        self.content: aiohttp.StreamReader = content
        content.on_eof(self._whole)

    def _whole(self) -> None:
        """Give the connection back."""
        connection, self.connection = self.connection, None
        if connection is None:
            return
        transport = connection.transport
        if transport is not None and _unwritten(transport):
            # Answered before it was asked whole: the rest would come before the next request, or never leave.
            transport.abort()
            connection.close()
        else:
            connection.release()

    def close(self) -> None:
        """Break the answer off, and close its connection."""
        if self.content.exception() is None:
            self.content.set_exception(aiohttp.ClientConnectionError("Connection closed"))
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()


def _unwritten(transport: asyncio.Transport) -> int:
    """Return how many bytes wait to be sent."""
    # On TLS they wait in the transport below, which asyncio has no name for; uvloop's can't be asked at all.
    below = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
    return transport.get_write_buffer_size() + (0 if below is None else below.get_write_buffer_size())
