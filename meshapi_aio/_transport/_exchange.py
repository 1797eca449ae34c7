"""One HTTP exchange over aiohttp: how it begins, how it is read, and every way in which it ends."""

import asyncio
import contextlib
import functools
import os
import socket
import struct
from collections.abc import Callable

import aiohttp

from .._answer import Answer
from .._scope import Scope, timed_out
from ..errors import APITimeoutError, MeshAPIError, ResponseTooLargeError
from ..settings import Timeout
from ._answering import Response
from ._failures import failure_to_read
from ._outward import Outward
from ._reading import QuickReader, quicken


__all__ = ["Exchange", "from_finalizer"]

# How long a finished stream's connection may take to deliver its last bytes before it is closed instead of
# reused: gateways send the terminating chunk up to 50 ms after "[DONE]", and a new TLS connection costs more.
_LATE = 0.1

_RESET = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # to linger for no time


# Names of headers are the same few, and 0.3 KiB for each open stream were they made anew.
_lower = functools.lru_cache(maxsize=256)(str.lower)


def from_finalizer(loop: asyncio.AbstractEventLoop, close: Callable[[], None]) -> bool:
    """
    Run what closes something from ``__del__``, which any thread may call at any time.

    Returns False where the loop is closed and there is nothing left to run it on.
    """
    if loop.is_closed():
        return False
    if loop.is_running() and asyncio._get_running_loop() is not loop:  # noqa: SLF001 - documented all the same
        loop.call_soon_threadsafe(close)
    else:
        close()
    return True


class Exchange(Outward):
    """
    One request and its answer.

    Every way to end it is synchronous and idempotent, gives back its slot, and leaves no timer.
    """

    __slots__ = (
        "__weakref__",
        "_content",
        "_deadline",
        "_failure",
        "_on_end",
        "_over",
        "_reason",
        "_response",
        "_socket",
        "_timer",
        "_total",
        "_wire",
        "idle_since",
        "reused",
        "sent_at",
    )

    def __init__(self, timeout: Timeout, scope: Scope, on_end: Callable[["Exchange"], None]) -> None:
        super().__init__(timeout, scope)
        self._on_end = on_end
        self._deadline = scope.deadline
        self._total = scope.total
        self._wire: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._response: Response | None = None
        self._content: QuickReader | None = None
        self._reason: MeshAPIError | None = None
        self._failure: MeshAPIError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self.reused = False
        self.sent_at: float | None = None
        self.idle_since: float | None = None

    # How it begins.

    def connected(self, connection: aiohttp.connector.Connection, *, reused: bool) -> None:
        """Note the connection, before anything is sent on it: from here on the gateway's time runs."""
        self._wire = connection.transport
        # Noted now, since a transport of TLS that was closed twice can't be asked any more.
        self._socket = None if self._wire is None else self._wire.get_extra_info("socket")
        self.reused = reused
        self.sent_at = self._loop.time()
        if self._outgoing is None:
            self.expect_answer(connecting=False)
        else:
            self._on_its_way(to_the_network=True)

    def begun(self, response: Response, redact: Callable[[str], str] | None) -> None:
        """Note the answer's beginning; ``redact`` takes the token out of its headers, should it be there."""
        self._response = response
        self._content = quicken(response.content)
        if self._over:  # broken off in the very turn of the loop in which it came
            response.close()
        if response.connection is not None:
            self._wire = response.connection.transport
        # At the end of the body aiohttp gives the connection to whoever comes next, also while the reader has
        # not taken everything: from then on it is no longer ours to break.
        response.content.on_eof(self._answered)
        headers = {_lower(name): value for name, value in response.headers.items()}
        if redact is not None:
            headers = {name: redact(value) for name, value in headers.items()}
        self.answer = Answer(response.status, headers)
        if self._outgoing is not None and not self.answer.is_success:
            self._outgoing.stop()

    def _answered(self) -> None:
        """Give the connection back, unless the answer came before all was sent: nobody wants the rest."""
        if self._unsent:
            self._break()  # of the answer alone there may be something left to read
        self._end()

    def lost(self) -> None:
        """
        Break off an answer whose connection has gone.

        Where the framing of a body breaks, aiohttp's parser (3.14.5, in C) closes the connection and forgets
        the body, so that a reader would wait for ever. Where aiohttp has told it, this changes nothing.
        """
        response = self._response
        if not self._over and response is not None and response.content.exception() is None:
            response.content.set_exception(aiohttp.ClientPayloadError())

    # How it is read.

    def coming(self) -> asyncio.Future[None] | None:
        """Return what is done when something has come; None where reading must tell."""
        content = self._content
        coming = None if content is None else content.coming()
        if coming is not None:
            self.idle_since = self._loop.time()
        return coming

    def taken(self) -> bytes:
        """Return what has come by now; nothing where reading must tell."""
        content = self._content
        return b"" if content is None or content.exception() is not None else content.taken()

    async def read(self) -> bytes:
        """Return what has come, at least one byte; nothing at the end. Raises once all is handed out."""
        if self._failure is not None:
            raise self._failure
        response = self._response
        assert response is not None
        content = response.content
        try:
            return await content.readany()
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception as error:  # noqa: BLE001 - whatever aiohttp raises becomes ours, outside this block
            failure = self._reason or failure_to_read(error, self.request_id)
        self._failure = failure
        rest = b""
        if self._reason is None or isinstance(failure, APITimeoutError):
            # When the connection breaks, aiohttp raises before it hands out what it holds: with a slow
            # reader 300 of 300 chunks were lost. This gives it back.
            # None is what it holds while all is well.
            content.set_exception(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            rest = content.read_nowait()
            content.set_exception(failure)  # else who waits for more would wait for ever
        self.abort()
        if not rest:
            raise failure
        return rest

    @property
    def is_all_here(self) -> bool:
        """Whether the answer has come to its end, though it may not have been read yet."""
        return self._response is not None and self._response.content.is_eof()

    async def read_all(self, limit: int, *, cut: bool) -> bytes:
        """
        Return the whole body, unpacked.

        What is larger than ``limit`` bytes is a ``ResponseTooLargeError``, or, with ``cut``, cut off there.
        """
        assert self._response is not None
        content = self._response.content
        pieces: list[bytes] = []
        size = 0
        while True:
            # Most replies are here as soon as their headers are, and need neither a timer nor a wait.
            ended = content.is_eof() and content.exception() is None and self._failure is None
            if ended:
                data = content.read_nowait()
            else:
                if self._scope is not None:
                    self._scope.limit("idle", self.timeout.idle)
                data = await self.read()
                ended = not data
            size += len(data)
            pieces.append(data)
            if ended and size <= limit:
                self.finish()
                return b"".join(pieces)
            if size > limit:
                self.abort()
                if cut:
                    return b"".join(pieces)[:limit]
                msg = f"the reply is larger than {limit} bytes (Limits(reply_bytes=…))"
                raise ResponseTooLargeError(msg, request_id=self.request_id)

    def watch(self) -> None:
        """
        Leave the scope in which the exchange was opened, and watch over it with one lazy timer.

        The timer only looks at a time stamp when it fires, so that a read costs a stamp (0.05 µs) and no
        timer of its own (``asyncio.timeout`` 9 µs). It holds the exchange, never the stream.
        """
        self._scope = None
        if not self._over and (self.timeout.idle is not None or self._deadline is not None):
            self._look()

    def _look(self) -> None:
        now = self._loop.time()
        idle, deadline = self.timeout.idle, self._deadline
        if deadline is not None and now >= deadline:
            self.abort(timed_out("deadline", self._total, request_id=self.request_id))
            return
        if idle is None:
            next_look = deadline
        else:
            since = now if self.idle_since is None else self.idle_since
            if now - since >= idle:
                self.abort(timed_out("idle", idle, request_id=self.request_id))
                return
            next_look = since + idle if deadline is None else min(since + idle, deadline)
        assert next_look is not None
        self._timer = self._loop.call_at(next_look, self._look)

    # How it ends.

    def finish(self) -> None:
        """Give the connection back to the pool, also when its last bytes come a little late."""
        self.idle_since = None
        if self._over:
            return
        self._stop_timer()
        self._timer = self._loop.call_later(_LATE, self.abort)

    def abort(self, reason: MeshAPIError | None = None) -> None:
        """Break the connection; a read that waits raises ``reason``."""
        if self._over:
            return
        self._reason = reason
        self._break()
        if self._response is not None:
            self._response.close()
        self._end()

    def _break(self) -> None:
        if self._socket is not None and (self._response is None or self._unsent):
            # The request may be stuck on its way, and a peer that has stopped reading would never learn that
            # nobody waits any more: so it gets a reset, for which nothing has to be delivered before.
            with contextlib.suppress(OSError, ValueError):  # it is closed already; the latter is uvloop's
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        # Abort before anything closes: on TLS a close waits for the peer's goodbye, and one that has stopped
        # reading kept the socket open for over a second; aborted first, it is free within 100 ms.
        if self._wire is not None:
            self._wire.abort()

    def abort_from_finalizer(self) -> None:
        """Break the connection from any thread, also where the loop is closed."""
        if not from_finalizer(self._loop, self.abort):
            self._over = True

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._stop_timer()
            self._wire = self._socket = None
            if self._outgoing is not None:
                self._outgoing.release()
            self._on_end(self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
