"""
``Recorder``: what a real gateway answers, passed on to any client and written down.

Joins a listener, the gateway behind it, and the file.
"""

import os
import ssl
import time
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiohttp import web

from .._resolve import resolve_base_url
from ._journal import Journal, Transcript
from ._player import AlreadySent
from ._reading import read_request
from ._received import ReceivedRequest
from ._rules import envelope
from ._server import Connections, Listener
from ._upstream import LostError, UnreachableError, Upstream


class Recorder:
    """
    Stands between a client and a real gateway, and records what the gateway answers.

    ::

        async with (
            Recorder("https://api.meshapi.ai", "answers.jsonl") as recorder,
            MeshAPI(recorder.base_url, token) as client,
        ):
            await the_bot(client)

    Any client, in any language, may point at ``base_url``; the key is the real one, and the client's. It gets
    what the gateway sends, piece by piece, as it comes: a stream is neither delayed nor cut anew. A client
    that goes away ends the request at the gateway as well; an answer that the gateway breaks off is broken
    off. ``FakeGateway.replay("answers.jsonl")`` then serves the recording.

    The file is JSON, a line for each thing that happened, with the second at which it did; an existing one is
    replaced. It holds method, path, query and body of each request, and of its answer status, headers and
    pieces; none of the request's headers, and no cookies. The key is removed wherever it stands, and so are
    keys and signatures in queries and addresses. What else you tell a model, and what it tells you, is there
    to be read, a key that it spells out in one token after the other included: look before you publish it.

    ``base_url``: where the gateway is, as for ``MeshAPI``.
    ``path``: the file.
    ``host``, ``port``: where to listen; port 0 lets the system choose.
    ``ssl_context``: for a gateway whose certificate is signed by an authority of your own.

    What could not be written raises when the block is left. Answers are asked for without compression, and
    WebSockets are refused.
    """

    def __init__(
        self,
        base_url: str,
        path: str | os.PathLike[str],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._upstream = Upstream(resolve_base_url(base_url, {}), ssl_context)
        self._path = path
        self._journal: Journal | None = None
        connections = Connections(lambda: None)
        self._listener = Listener("Recorder", self._handle, connections, host=host, port=port)

    def __repr__(self) -> str:
        return repr(self._listener)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.close()
        except OSError as error:
            if exc is None:
                raise
            exc.add_note(f"Recorder: {error}")

    @property
    def base_url(self) -> str:
        """Where it listens, without a path; raises ``RuntimeError`` before the start."""
        return self._listener.base_url

    async def start(self) -> None:
        """
        Begin a new recording.

        Raises ``OSError`` where the file cannot be written or the address not be listened at, and
        ``RuntimeError`` where it already listens.
        """
        self._listener.check_closed()
        self._journal = Journal(self._path, self._upstream.base_url)
        try:
            await self._listener.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """
        Abort every connection and complete the file. May be called twice.

        Raises the ``OSError`` for which something was not written.
        """
        async with AsyncExitStack() as stack:  # what comes first here is closed last
            stack.callback(self._close_journal)
            stack.push_async_callback(self._upstream.close)
            stack.push_async_callback(self._listener.close)

    def _close_journal(self) -> None:
        if self._journal is not None:
            journal, self._journal = self._journal, None
            journal.close()

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        """Pass one request on, and its answer back."""
        if (refusal := _refusal(http)) is not None:
            return refusal
        request = await read_request(http)
        assert self._journal is not None
        record = self._journal.transcript(request)
        try:
            return await self._relay(http, request, record)
        except ConnectionError:
            return AlreadySent()  # the client is gone, which is recorded below
        finally:
            record.end("cut by the client" if self._listener.is_open else "cut by the recorder")

    async def _relay(
        self, http: web.BaseRequest, request: ReceivedRequest, record: Transcript
    ) -> web.StreamResponse:
        """Pass a request on and its answer back, and return what is left to be sent."""
        try:
            incoming = await self._upstream.ask(request)
        except UnreachableError as error:
            record.end("cut by the gateway", str(error))
            told = envelope(request.request_id, "gateway_unreachable", f"Recorder: {error}")
            return web.json_response(told, status=502)
        except LostError as error:
            record.end("cut by the gateway", str(error))
            return _cut(http)
        try:
            record.answer(incoming.status, incoming.headers)
            response = web.StreamResponse(
                status=incoming.status, reason=incoming.reason, headers=incoming.headers
            )
            await response.prepare(http)
            while piece := await incoming.piece():
                came_at = time.monotonic()
                try:
                    await response.write(piece)
                finally:
                    record.piece(came_at, piece)
        except LostError as error:
            record.end("cut by the gateway", str(error))
            return _cut(http)
        finally:
            incoming.abort()
        await response.write_eof()
        record.end("complete")
        return response


def _refusal(http: web.BaseRequest) -> web.StreamResponse | None:
    """Return the answer to a request that cannot be passed on, None for any other."""
    if "Upgrade" in http.headers:
        error = envelope("", "not_recordable", "Recorder passes on requests and answers, but no WebSockets")
        return web.json_response(error, status=501)
    if not http.raw_path.startswith("/"):
        # Behind the gateway's address anything else would name another host.
        error = envelope("", "not_recordable", f"the target {http.raw_path!r} of the request is no path")
        return web.json_response(error, status=400)
    return None


def _cut(http: web.BaseRequest) -> web.StreamResponse:
    """End the connection to the client; what was written before still goes out."""
    if http.transport is not None:
        http.transport.close()
    return AlreadySent()
