"""What a client shares with all that its ``with_options`` made: connections, and what is under way."""

import asyncio
import functools
from collections.abc import Awaitable
from typing import Any, TypeVar

from ._admission import Admission
from ._bytes import ByteReply
from ._meta import Meta
from ._pump import Opening
from ._scope import Scope, Watch
from ._sending import Courier, Errand
from ._shape import Reply
from ._transport import Transport
from .call import Call, StreamCall
from .errors import ClientClosedError, MeshAPIError, StreamClosedError
from .settings import Settings


__all__ = ["Shared"]

Result = TypeVar("Result")


class Shared:
    """Knows of every call that waits, so that closing can end it, and of the time that it may take."""

    def __init__(self, transport: Transport) -> None:
        self.closed = False
        self.transport = transport
        self.courier = Courier(transport)
        self._watch: Watch | None = None
        # What each call that waits in a scope gets when the client is closed.
        self.scopes: dict[Scope, type[MeshAPIError]] = {}

    def begin(self, call: object, scope: Scope, when_closed: type[MeshAPIError]) -> Scope:
        """Let :meth:`close` know of a call that will wait in a scope, and which error it gets then."""
        if self.closed:
            closed = ClientClosedError("the client was closed")
            closed.call = call
            raise closed
        scope.watch = self.watch()
        self.scopes[scope] = when_closed
        return scope

    def watch(self) -> Watch:
        """
        Return who looks after the time of all calls in this event loop.

        A client belongs to one loop, but it is the transport that tells so, and with an error of that call.
        """
        watch = self._watch
        if watch is None or watch.loop is not asyncio.get_running_loop():
            watch = self._watch = Watch()
        return watch

    def end(self, scope: Scope) -> None:
        """Note that a call waits no more."""
        del self.scopes[scope]
        self.transport.change.tell()

    async def send(
        self, call: Call[Result], settings: Settings, admission: Admission | None = None
    ) -> tuple[Result, Meta]:
        """Send a call, and return its reply and how that came about."""
        scope = self.begin(call, Scope(settings.timeout.total), ClientClosedError)
        try:
            reply, meta = await Errand(self.courier, settings, scope, call, admission).whole(call)
        finally:
            self.end(scope)
        if isinstance(reply, (Reply, ByteReply)):
            reply.meta = meta
        return reply, meta

    def open_stream(
        self, call: StreamCall[Any], settings: Settings, admission: Admission | None, scope: Scope
    ) -> Awaitable[Opening[Any]]:
        """Return what the stream of a call is opened with, to be awaited; its scope is the stream's own."""
        self.begin(call, scope, StreamClosedError)
        errand = Errand(self.courier, settings, scope, call, admission)
        return errand.stream(call, functools.partial(self.end, scope))

    async def close(self, grace: float) -> None:
        """End everything, after waiting up to ``grace`` seconds for what is under way."""
        self.closed = True
        try:
            if grace > 0:
                async with asyncio.timeout(grace):
                    while self.scopes or self.transport.busy:
                        await self.transport.change.wait()
        except TimeoutError:
            pass
        finally:
            for scope, error in list(self.scopes.items()):
                scope.end(error("the client was closed"))
            self.transport.abort_all(functools.partial(StreamClosedError, "the client was closed"))
            await self.transport.close()
