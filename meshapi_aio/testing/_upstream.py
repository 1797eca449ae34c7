"""
The asking of a real gateway on behalf of a client, and the reading of its answer as it comes.

The only room of this package that opens connections to the outside. It sets no limits of time: the client
has its own, and goes away.
"""

import asyncio
import contextlib
import io
import ssl
from collections.abc import Mapping

import aiohttp

from ._received import ReceivedRequest


# What is about one connection alone (RFC 9110 section 7.6.1), and what aiohttp says by itself.
_OF_THE_CONNECTION = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OF_THE_REQUEST = frozenset({"accept-encoding", "content-length", "expect", "host"})
_OF_THE_PACKING = frozenset({"content-encoding", "content-length"})
_UNPACKED = frozenset({"br", "deflate", "gzip", "zstd"})
_HEADER_BYTES = 64 * 1024


class UnreachableError(Exception):
    """There is no connection to the gateway; its text says why."""


class LostError(Exception):
    """The gateway's answer ended before its end, or is no HTTP; its text says how."""


class Upstream:
    """
    A gateway, and the connections to it.

    Each request has its own: one that was used before may just have been given up by the gateway, which would
    fail a request without its client having a part in it.
    """

    def __init__(self, base_url: str, ssl_context: ssl.SSLContext | None) -> None:
        self.base_url = base_url
        self._ssl_context = ssl_context
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, request: ReceivedRequest) -> "Incoming":
        """Pass a request on and return the answer as soon as it begins."""
        if self._session is None:
            tls = True if self._ssl_context is None else self._ssl_context
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True, ssl=tls),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
                skip_auto_headers=("Accept", "Content-Type", "User-Agent"),
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
            )
            # What aiohttp takes for idempotent it would send a second time where the connection ended without
            # an answer, and the recording would not know of the first. There is no public way to prevent it.
            self._session._retry_connection = False  # noqa: SLF001
        headers = _passed_on(request.headers, _OF_THE_REQUEST)
        headers.append(("Accept-Encoding", "identity"))  # what is packed can neither be read nor searched
        try:
            response = await self._session.request(
                request.method,
                self.base_url + request.target,
                headers=headers,
                data=io.BytesIO(request.body) if request.body else None,
                allow_redirects=False,
            )
        except aiohttp.ClientConnectorError as error:
            reason = f"{self.base_url} cannot be reached: {error}"
        except (aiohttp.ClientError, OSError) as error:
            raise LostError(_told(error)) from None
        else:
            return Incoming(response)
        raise UnreachableError(reason)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()


class Incoming:
    """An answer that is coming in."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._failure: LostError | None = None
        connection = response.connection
        if (
            connection is not None
            and connection.protocol is not None
            and connection.protocol.closed is not None
        ):
            connection.protocol.closed.add_done_callback(self._lost)
        unpacked = response.headers.get("Content-Encoding", "").lower() in _UNPACKED
        self.status = response.status
        self.reason = response.reason
        self.headers = _passed_on(response.headers, _OF_THE_PACKING if unpacked else frozenset())

    async def piece(self) -> bytes:
        """
        Return the next piece as it came, a chunk of the body where it comes in chunks; nothing at the end.

        Raises ``LostError`` once everything is handed out.
        """
        content = self._response.content
        while True:
            try:
                piece, ends_chunk = await content.readchunk()
            except (aiohttp.ClientError, OSError) as error:
                # aiohttp raises before it hands out what it holds. So the error is put off until after that.
                self._failure = LostError(_told(error))
                # None is what it holds while all is well.
                content.set_exception(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
                content.feed_eof()
                continue
            if piece or not ends_chunk:
                break
        if not piece and self._failure is not None:
            raise self._failure
        return piece

    def abort(self) -> None:
        """End the connection at once; after the end of the answer nothing is left to end."""
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._response.close()

    def _lost(self, closed: "asyncio.Future[None]") -> None:
        """
        Break off an answer whose connection has gone.

        Where the framing of a body breaks, aiohttp's parser closes the connection and forgets the body, so
        that its reader would wait for ever.
        """
        with contextlib.suppress(asyncio.CancelledError):
            closed.exception()  # asyncio complains of one that nobody asks for
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the framing of the body is broken"))


def _passed_on(headers: Mapping[str, str], left_out: frozenset[str]) -> list[tuple[str, str]]:
    """Return the headers that are meant for whoever is at the other end."""
    named = ",".join(value for name, value in headers.items() if name.lower() == "connection")
    dropped = _OF_THE_CONNECTION | left_out | {name.strip().lower() for name in named.split(",")}
    return [(name, value) for name, value in headers.items() if name.lower() not in dropped]


def _told(error: Exception) -> str:
    """Return an error as text."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
