"""An exchange's way out: its slot, its body, and the wait for the answer."""

import asyncio

from .._answer import Answer
from .._scope import Scope
from .._upload import Body
from .._wire import Request
from ..errors import UnexpectedResponseError
from ..settings import Timeout
from ._outgoing import Outgoing
from ._slots import Slots


__all__ = ["Outward"]

# In bytes. What aiohttp writes at once; it warns of more, which would hold up the loop.
_AT_ONCE = 2**20


class Outward:
    """The part of an exchange that sends."""

    __slots__ = ("_loop", "_outgoing", "_scope", "answer", "fresh_only", "queued", "timeout")

    def __init__(self, timeout: Timeout, scope: Scope) -> None:
        self._loop = asyncio.get_running_loop()
        self.timeout = timeout
        self._scope: Scope | None = scope
        self._outgoing: Outgoing | None = None
        self.fresh_only = False
        self.queued = 0.0
        self.answer: Answer | None = None

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the call, once it has answered."""
        return self.answer.request_id if self.answer is not None else None

    async def acquire(self, slots: Slots) -> None:
        """Wait for a slot."""
        started = self._loop.time()
        try:
            await slots.acquire()
        finally:
            self.queued = self._loop.time() - started

    async def payload(self, request: Request) -> bytes | Outgoing | None:
        """Return a body as aiohttp takes it: a large one, or one with files, to be written in pieces."""
        body, parts = request.body, request.parts
        if parts is None:
            if body is None or len(body) <= _AT_ONCE:
                return body
            parts = Body((body,))
        self._outgoing = Outgoing(parts, self._on_its_way, self._sent)
        await self._outgoing.open()
        # One that could turn out to be closed would take with it what can't be sent again.
        self.fresh_only = self.fresh_only or not self._outgoing.replayable
        return self._outgoing

    @property
    def broken_by(self) -> Exception | None:
        """What kept the body from being read, where that is why the request failed."""
        return None if self._outgoing is None else self._outgoing.failure

    @property
    def is_spent(self) -> bool:
        """Whether the body can't be sent again."""
        return self._outgoing is not None and self._outgoing.spent

    @property
    def _unsent(self) -> bool:
        return self._outgoing is not None and not self._outgoing.whole

    def check_sent(self) -> None:
        """Raise where a success was told of a request that had not been sent whole: it is no such thing."""
        if self.broken_by is not None:
            raise self.broken_by
        answer = self.answer
        if self._unsent and answer is not None and answer.is_success:
            msg = f"the answer was {answer.status} before the request was sent whole"
            raise UnexpectedResponseError(
                msg,
                status=answer.status,
                content_type=answer.content_type,
                request_id=answer.request_id,
            )

    def _on_its_way(self, *, to_the_network: bool) -> None:
        """Bound the wait for the network to take a piece; a file or a pipe may take its time."""
        if self._scope is not None and self.answer is None:
            self._scope.limit("upload", self.timeout.idle if to_the_network else None)

    def _sent(self) -> None:
        """Begin to wait for the answer, at the end of the body."""
        if self.answer is None:
            self.expect_answer(connecting=False)

    def expect_answer(self, *, connecting: bool) -> None:
        """Bound the wait for the first event from now on."""
        seconds = self.timeout.first_event
        if self._scope is not None:
            if connecting and seconds is not None:
                seconds += self.timeout.connect or 0.0
            self._scope.limit("first_event", seconds)
