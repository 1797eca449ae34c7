"""A gateway made of literals: what a family sends is noted, what it gets is what the test says."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from meshapi_aio._batch import Batch
from meshapi_aio._chunks import ChunkReader
from meshapi_aio._json import dumps, loads
from meshapi_aio._meta import Meta
from meshapi_aio._pump import Opening, Pump
from meshapi_aio._scope import Scope
from meshapi_aio._upload import Body
from meshapi_aio._wire import prepare, read_reply
from meshapi_aio.call import Call, StreamCall
from meshapi_aio.errors import MeshAPIError
from tests.literals import EVENT_STREAM, JSON_ANSWER, SETTINGS


__all__ = ["Answers", "event", "refusal"]

META = Meta(status=200, request_id="req_header")


def event(value: Any, *, name: str | None = None) -> bytes:
    """Return an event of a stream: JSON, or the end mark as it is."""
    data = value.encode() if isinstance(value, str) else dumps(value)
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + data + b"\n\n"


def refusal(call: Callable[..., object], **arguments: Any) -> str:
    """Return what a call says of arguments that it refuses: a value out of range, or of the wrong type."""
    with pytest.raises((TypeError, ValueError)) as caught:
        call(**arguments)
    return str(caught.value)


class Answers:
    """Carries calls as the client does, all but the socket; each is answered with the next of the bodies."""

    def __init__(self, *bodies: Any) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        """Method, path with its query, and the JSON body of each call."""
        self._bodies = list(bodies)

    async def send(self, call: Call[Any]) -> Any:
        """Note a call, and return the reply that the next body is: JSON, or the bytes of one."""
        self._note(call)
        body = self._bodies.pop(0)
        return read_reply(call, JSON_ANSWER, body if isinstance(body, bytes) else dumps(body), SETTINGS)

    def stream(self, call: StreamCall[Any]) -> Any:
        """Note a call, and return a stream that reads the next body: a list of reads."""
        self._note(call)
        source = _Reads(self._bodies.pop(0))

        async def opener(_scope: Scope) -> Opening[Any]:
            return Opening(Pump(source, ChunkReader(call, EVENT_STREAM, SETTINGS)), Batch(), META)

        return call.reply(call, opener, None)

    def _note(self, call: Call[Any] | StreamCall[Any]) -> None:
        request = prepare(call, SETTINGS)
        assert not isinstance(request.body, Body)
        body = None if request.body is None else loads(request.body)
        self.sent.append((request.method, request.url.removeprefix(SETTINGS.base_url), body))


class _Reads:
    """A source of reads that were given."""

    idle_since: float | None = None

    def __init__(self, reads: Sequence[bytes]) -> None:
        self._reads = list(reads)

    def coming(self) -> asyncio.Future[None] | None:
        return None

    def taken(self) -> bytes:
        return b""

    async def read(self) -> bytes:
        return self._reads.pop(0) if self._reads else b""

    def finish(self) -> None: ...

    def abort(self, reason: MeshAPIError | None = None) -> None: ...

    def abort_from_finalizer(self) -> None: ...
