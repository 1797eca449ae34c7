"""
``FakeGateway``: the gateway that tests talk to, on a real socket of this machine.

Joins the rooms of this package: takes a request in, finds the answer (the script's, else the gateway's own),
has it played, and tells what happened.
"""

import asyncio
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from ._expect import Entry, Script
from ._player import AlreadySent, play
from ._reading import read_request
from ._received import ReceivedRequest, RequestLog
from ._replaying import recorded
from ._routes import own_answer
from ._rules import SERVED_VERSIONS, api_version, new_ulid
from ._run import ScriptRun
from ._script import OWN
from ._server import ConnectionCounts, Connections, Listener
from ._service import Service
from ._state import STATE_PATH, GatewayState, state_response


_RECORDED = 1000  # a test asserts on tens of requests, and a thousand of them take a few megabytes


class FakeGateway:
    """
    A Mesh API gateway that runs here, for the tests of any client or bot.

    ::

        async with FakeGateway() as gateway:
            gateway.enqueue(Answer(429, headers={"Retry-After": "1"}), Answer(body={"choices": []}))
            await the_bot(gateway.base_url, gateway.token)
            assert gateway.requests[1].json["model"] == "openai/gpt-4o-mini"

    Each request gets the next answer that was enqueued, whatever it asks for. With none left it gets the
    gateway's own: a chat completion made from the request, or the refusal that the real gateway would send.
    So does every other call that this package knows. What is made can be asked for again: templates, files
    (their signed addresses lead here), batches, videos, documents and responses, which move on as they are
    polled.
    A ``Script`` says more: which requests are expected, in which order, and that there are no others.

    When the ``async with`` block is left without another error, what was not followed of the script raises
    ``AssertionError``, with what was expected and what came, and what an answer function or the sending of an
    answer raised is raised again. To another error it is added as notes.

    ``script``: what to answer; by default nothing is expected, and the gateway answers by itself.
    ``token``: the only key that is accepted; by default one is made up.
    ``host``, ``port``: where to listen; port 0 lets the system choose.
    ``pace``: seconds between the pieces of a stream.
    ``record``: how many of the latest requests are kept, with 64 MiB of bodies at most; True means 1000,
    False none. The older ones are forgotten but for the counters, so that no run is too long.

    The others say what the key may do and how the gateway answers by itself; an answer that was enqueued
    knows nothing of them.

    ``catalogue``: the models, each a dict as ``GET /v1/models`` gives it; ``{"id": "maker/model"}`` is
    enough. Any other model gets 404, ``supports_…: False`` and ``context_length`` are held to, and prices are
    charged. Without a catalogue every model answers, and a few examples are listed.
    ``allowed_models``: the only models that the key may use; others get 403.
    ``requests_per_minute``, ``tokens_per_minute``: what is over the limit gets 429, and every answer to a
    chat request the ``x-ratelimit-*`` headers. The minute begins with the first request.
    ``spend_limit``: USD, as a text or a ``Decimal``; once so much was spent, the answer is 402.
    ``cache``: whether equal requests get the cached answer, as they do by default at the real gateway.
    ``routing``: whether answers that do not stream tell by ``x-mesh-routing-*`` headers how many of the
    request's ``models`` were tried.
    ``clock``: seconds since the epoch, for the minutes of the limits, the day of the cache, and dates.
    """

    def __init__(
        self,
        *,
        script: Script | None = None,
        token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        pace: float = 0.0,
        record: bool | int = True,
        catalogue: Sequence[Mapping[str, Any]] | None = None,
        allowed_models: Collection[str] | None = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        spend_limit: str | Decimal | None = None,
        cache: bool = False,
        routing: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.token = f"rsk_{new_ulid()}" if token is None else token
        self._service = Service(
            token=self.token,
            pace=pace,
            catalogue=catalogue,
            allowed_models=allowed_models,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            spend_limit=spend_limit,
            cache=cache,
            routing=routing,
            clock=clock,
        )
        self._log = RequestLog(keep=_RECORDED if record is True else record)
        self._connections = Connections(self._log.notify)
        self._listener = Listener("FakeGateway", self._handle, self._connections, host=host, port=port)
        self._run = ScriptRun(Script(otherwise=OWN) if script is None else script, self._log)

    @classmethod
    def replay(
        cls,
        path: str | os.PathLike[str],
        *,
        strict: bool = True,
        paced: bool = False,
        ignore: Collection[str] = (),
        token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> Self:
        """
        Return a gateway that answers as a recording does, which a ``Recorder`` has made.

        ::

            async with FakeGateway.replay("answers.jsonl") as gateway:
                await the_bot(gateway.base_url, gateway.token)

        ``strict``, ``paced`` and ``ignore`` are those of ``recorded``, which makes a script of a recording:
        for any other options there is ``FakeGateway(script=recorded("answers.jsonl"), ...)``.
        """
        script = recorded(path, strict=strict, paced=paced, ignore=ignore)
        return cls(script=script, token=token, host=host, port=port)

    def __repr__(self) -> str:
        return repr(self._listener)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True  # pytest then shows the test's own line
        await self.close()
        self.check(exc)

    async def start(self) -> None:
        """Begin to listen. Raises ``OSError`` where it cannot, ``RuntimeError`` where it already does."""
        await self._listener.start()

    async def close(self) -> None:
        """
        Stop listening and abort every connection, even one whose answer hangs; what was recorded stays.

        May be called twice, and ``start()`` may follow.
        """
        await self._listener.close()

    @property
    def base_url(self) -> str:
        """Where the gateway listens, without a path; raises ``RuntimeError`` before the start."""
        return self._listener.base_url

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The requests in order of arrival; of very many the latest, see ``record``."""
        return self._log.requests

    @property
    def connections(self) -> ConnectionCounts:
        """How many connections are open now, and how many were opened in all."""
        return self._connections.counts

    def enqueue(self, *entries: Entry) -> None:
        """
        Put entries behind those of the script that are left.

        Each is the answer to one request: an ``Answer``, an accident, a function of the request, ``OWN``, or
        an ``Expect`` that also says what the request must be.
        """
        self._run.add(entries)

    def follow(self, script: Script) -> None:
        """Put the entries of a script behind those that are left, and go by its rules from now on."""
        self._run.follow(script)

    def check(self, error: BaseException | None = None) -> None:
        """
        Raise what has gone wrong so far, entries of the script that are left included.

        Leaving the ``async with`` block does. An ``error`` that is on its way already is only given notes of
        it. Everything is told once.
        """
        __tracebackhide__ = True
        failure = self._run.failure(error)
        if failure is not None:
            raise failure

    async def until(self, condition: Callable[[], bool], *, timeout: float = 5.0) -> None:
        """
        Return as soon as the condition holds; it is looked at when a request or a connection comes or ends.

        Raises ``AssertionError``, with what the gateway has seen, where it does not hold within ``timeout``
        seconds.
        """
        await self._wait(condition, timeout, "the condition does not hold")

    async def received(self, number: int = 1, *, timeout: float = 5.0) -> ReceivedRequest:
        """
        Return the request of that number, the first being 1, as soon as it is there.

        Raises ``AssertionError`` where it does not come within ``timeout`` seconds, or is kept no longer.
        """
        await self._wait(lambda: self._log.count >= number, timeout, f"request {number} has not come")
        if (request := self._log.find(number)) is None:
            kept = f"of {self._log.count} the latest {len(self.requests)} are"
            msg = f"request {number} is kept no longer, {kept}: see FakeGateway(record=...)"
            raise AssertionError(msg)
        return request

    async def disconnected(self, request: ReceivedRequest, *, timeout: float = 5.0) -> None:
        """
        Return as soon as the client of a request has gone away before its answer was complete.

        Raises ``AssertionError`` where the request ended in another way, or is still being answered after
        ``timeout`` seconds.
        """
        name = f"request {request.number} ({request.method} {request.path})"
        await self._wait(
            lambda: request.outcome != "pending", timeout, f"the client of {name} has not disconnected"
        )
        if request.outcome != "disconnected":
            msg = f"the client of {name} did not disconnect during the answer, which was {request.outcome}"
            raise AssertionError(msg)

    async def _wait(self, condition: Callable[[], bool], seconds: float, complaint: str) -> None:
        """Return as soon as the condition holds; complain after that many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._log.until(condition)
        except TimeoutError:
            msg = f"{complaint} after {seconds} s; the gateway has seen {self._state()}"
            raise AssertionError(msg) from None

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        if http.path == STATE_PATH:
            return await self._answer_state(http)
        self._connections.use(http.protocol)
        request = await read_request(http)
        self._log.add(request)
        headers = {
            "x-request-id": request.request_id,
            "X-Mesh-Version": api_version(request.headers) or SERVED_VERSIONS[0],
        }
        response = None
        try:
            answer = await self._run.answer(request)
            if answer is None:
                answer = own_answer(request, self._service)
            response = await play(answer, http, headers)
            self._log.finish(request, "cut" if response is None else "completed")
        except ConnectionError:
            pass  # the client is gone, which is recorded below
        except Exception as error:  # noqa: BLE001 (what cannot be sent is a mistake of the script, told at its end)
            self._run.fail(error)
            self._log.finish(request, "cut")
        finally:
            self._log.finish(request, "disconnected" if self._listener.is_open else "closed")
        return AlreadySent() if response is None else response

    def _state(self) -> GatewayState:
        """Return the counters."""
        counts = self._connections.counts
        return GatewayState(
            requests=self._log.count,
            open_connections=counts.open,
            opened_connections=counts.opened,
            disconnects=self._log.disconnects,
        )

    async def _answer_state(self, http: web.BaseRequest) -> web.StreamResponse:
        """Answer a question for the counters, when they are as wanted or the time is over."""
        self._connections.exempt(http.protocol)
        return await state_response(http.rel_url.query, self._state, self._log.until)
