"""
Leaves calls at random points, in every way and many at a time; checks what the callers saw and what is left.

``python -m tests.faults.leaving debug|uvloop plain|tls SEED [COUNT]`` runs the batch of a seed again, or as
many from there. Points are counted in turns of the loop since something happened, and not in time: so a seed
does, on one machine, what it did before.
"""

import asyncio
import contextlib
import functools
import gc
import random
import ssl
import sys
import warnings
from collections.abc import Callable, Generator
from typing import Any

import attrs
import uvloop

from meshapi_aio import (
    APIConnectionError,
    ChatCompletion,
    ChatCompletionStream,
    ClientClosedError,
    Event,
    InternalServerError,
    MeshAPI,
    RequestSent,
    Retry,
    RetryScheduled,
    StreamClosedError,
    StreamOpened,
    StreamTruncatedError,
)

from .authority import tls_client_context
from .leftovers import Leftovers
from .scripts import MESSAGES
from .server import PATIENCE, Connection, FaultServer
from .wire import COMPLETION, DONE, LAST_CHUNK, STREAM_HEAD, event, piece, reply


__all__ = ["BATCH", "run_batch"]

CLIENTS, CALLS_EACH = 10, 25
CONNECTIONS_EACH = 15  # fewer than the calls, so that some queue
BATCH = CLIENTS * CALLS_EACH

BEGINNING = STREAM_HEAD + piece(event("a"))
REST = piece(event("b", finish="stop")) + piece(DONE)
ANSWER = reply({**COMPLETION, "padding": "x" * 300})
REFUSAL = reply({"error": {"code": "upstream_error", "message": "no"}}, 503)

# What the gateway does with a call, and the errors that are then its own.
BEHAVIOURS: dict[str, tuple[type[Exception], ...]] = {
    "is silent": (),
    "sends headers": (),
    "begins": (),
    "trickles": (),
    "answers": (),
    "ends late": (),
    "refuses once": (),
    "refuses": (InternalServerError,),
    "closes": (StreamTruncatedError, APIConnectionError),
    "resets": (StreamTruncatedError, APIConnectionError),
}
STALLS = ("is silent", "sends headers", "begins")
REQUESTS = {"refuses once": 2, "refuses": 4}  # otherwise one: nothing is sent twice
USES = ("whole", "iterated", "entered", "folded")
WAYS = ("cancel", "cancel twice", "time out", "close", "cancel, close", "close, cancel", "break", "stay")
# From where the turns are counted, how many at most, and how often that is drawn.
MARKS = {
    "made": (0, 1),
    "begun": (25, 3),
    "sent": (25, 3),
    "arrived": (8, 3),
    "opened": (12, 8),
    "pausing": (8, 4),
}
HANDS = ("callback", "timer", "task")


def after(ticks: int, act: Callable[[], object]) -> None:
    """Do something after so many turns of the loop, from a callback."""
    loop = asyncio.get_running_loop()
    if ticks == 0:
        act()
    else:
        loop.call_soon(after, ticks - 1, act)


async def turns(count: int) -> None:
    """Let the loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


def text_of(completion: ChatCompletion) -> str:
    """Return the text of an answer."""
    text = completion.choices[0].message.content
    assert isinstance(text, str)
    return text


@attrs.define(eq=False)
class Call:
    """One call: what the gateway does with it, how and when and by which hand it is left, what came of it."""

    number: int
    behaviour: str
    use: str
    way: str
    mark: str
    ticks: int
    hand: str
    armed: bool = False
    acted: bool = False
    arrivals: int = 0
    cancellations: int = 0
    stream: ChatCompletionStream | None = None
    timeout: asyncio.Timeout | None = None
    task: "asyncio.Task[str]" = attrs.field(init=False, repr=False)
    leaver: "asyncio.Task[None] | None" = attrs.field(default=None, repr=False)

    @classmethod
    def drawn(cls, draw: random.Random, number: int) -> "Call":
        """Draw a call that comes to an end: by itself, or since it reaches its mark and is left."""
        behaviour, use = draw.choice([*BEHAVIOURS, *STALLS, "trickles"]), draw.choice(USES)
        marks, ways = ["made", "begun", "sent", "arrived"], list(WAYS)
        if use == "whole":
            ways = [way for way in ways if "close" not in way and way != "break"]
        elif behaviour not in {"is silent", "sends headers", "refuses"}:
            marks.append("opened")
        if "refuses" in behaviour:
            marks.append("pausing")
        if behaviour in STALLS:
            ways = [way for way in ways if way not in {"stay", "break"}]
        (mark,) = draw.choices(marks, [MARKS[mark][1] for mark in marks])
        return cls(
            number=number,
            behaviour=behaviour,
            use=use,
            way=draw.choice(ways),
            mark=mark,
            ticks=draw.randint(0, MARKS[mark][0]),
            hand=draw.choice(HANDS),
        )

    # What it does.

    def begin(self, client: MeshAPI) -> None:
        """Begin the call in a task of its own."""
        client = client.with_options(on_event=self._told)
        model = f"{self.behaviour}:{self.number}"
        if self.use != "whole":
            self.stream = client.chat.completions.stream(model=model, messages=MESSAGES)
        self.task = asyncio.create_task(self._run(client, model))
        self.reached("made")

    async def _run(self, client: MeshAPI, model: str) -> str:
        try:
            async with asyncio.timeout(None) as self.timeout:
                self.reached("begun")
                if self.stream is not None:
                    return await self._streamed(self.stream)
                return text_of(await client.chat.completions.create(model=model, messages=MESSAGES))
        finally:
            self.timeout = None
            left = self.task.cancelling()
            assert left == self.cancellations, f"{left} cancellations, asked for were {self.cancellations}"

    async def _streamed(self, stream: ChatCompletionStream) -> str:
        if self.use == "iterated":
            return await self._read(stream)
        async with stream:
            if self.use == "entered":
                return await self._read(stream)
            return text_of(await stream.get_final_completion())

    async def _read(self, stream: ChatCompletionStream) -> str:
        text = ""
        async for chunk in stream:
            text += chunk.text
            if self.way == "break":
                stream.close()
                break
        return text

    # How it is left.

    def _told(self, happened: Event) -> None:
        marks: dict[type[Event], str] = {
            RequestSent: "sent",
            RetryScheduled: "pausing",
            StreamOpened: "opened",
        }
        if type(happened) in marks:
            self.reached(marks[type(happened)])

    def reached(self, mark: str) -> None:
        """Leave the call after its ticks, if this is its mark."""
        if mark != self.mark or self.armed or self.way in {"break", "stay"}:
            return
        self.armed = True
        loop = asyncio.get_running_loop()
        if self.hand == "task":
            self.leaver = loop.create_task(self._leave_later())
        elif self.hand == "timer":
            after(self.ticks, functools.partial(loop.call_later, 0, self._leave))
        else:
            after(self.ticks + (mark != "made"), self._leave)  # never from within the call's own task

    async def _leave_later(self) -> None:
        await turns(self.ticks)
        self._leave()

    def _leave(self) -> None:
        if self.task.done():
            return
        if self.way == "time out" and self.timeout is None:
            after(1, self._leave)  # its block is not entered yet
            return
        self.acted = True
        for step in self.way.split(", "):
            if step == "time out":
                assert self.timeout is not None
                self.timeout.reschedule(0)
            elif step == "close":
                assert self.stream is not None
                self.stream.close()
            else:
                self._cancel()
                if step == "cancel twice":
                    after(1 + self.ticks % 3, self._cancel)

    def _cancel(self) -> None:
        self.cancellations += self.task.cancel()

    # What came of it.

    def verdict(self, *, client_closed: bool) -> str | None:
        """Say what is wrong with what the caller saw, if anything."""
        if self.arrivals > REQUESTS.get(self.behaviour, 1):
            return f"was sent {self.arrivals} times"
        if self.cancellations or self.task.cancelled():
            agree = self.task.cancelled() and self.cancellations
            return None if agree else f"cancelled {self.cancellations} times, and ended as {self.task!r}"
        error = self.task.exception()
        if error is None:
            return self._verdict_on(self.task.result())
        allowed = BEHAVIOURS[self.behaviour]
        if self.acted and self.way == "time out" and type(error) is TimeoutError:
            return None
        if client_closed:
            allowed += (ClientClosedError,) if self.stream is None else (ClientClosedError, StreamClosedError)
        elif self.acted and self.way == "close":
            allowed += (StreamClosedError,)
        return None if type(error) in allowed else f"raised {error!r}"

    def _verdict_on(self, text: str) -> str | None:
        if self.behaviour in STALLS or BEHAVIOURS[self.behaviour]:
            whole = self.way == "break" and text == "a"
        elif self.use == "whole":
            whole = text == "hello"
        else:
            whole = text == "ab" or (self.way == "break" and text == "a")
        return None if whole else f"returned {text!r}"


class Gateway:
    """Does with each call what it asks for."""

    def __init__(self, calls: list[Call]) -> None:
        self._calls = calls

    async def __call__(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            if b'"model":"answers"' in request:
                await connection.send(ANSWER)
                continue
            number = int(request.partition(b'"model":"')[2].partition(b'"')[0].partition(b":")[2])
            call = self._calls[number]
            call.arrivals += 1
            call.reached("arrived")
            if b'"stream":true' in request:
                await self._serve(connection, call, BEGINNING, REST + LAST_CHUNK, len(STREAM_HEAD))
            else:
                await self._serve(
                    connection, call, ANSWER[:-300], ANSWER[-300:], ANSWER.index(b"\r\n\r\n") + 4
                )

    async def _serve(self, connection: Connection, call: Call, first: bytes, rest: bytes, head: int) -> None:
        refused = call.behaviour == "refuses" or (call.behaviour == "refuses once" and call.arrivals == 1)
        if refused:
            await connection.send(REFUSAL)
        elif call.behaviour == "trickles":
            for start in range(0, len(first + rest), 25):
                await connection.send((first + rest)[start : start + 25])
                await turns(1)
        elif call.behaviour == "ends late":
            await connection.send((first + rest)[: -len(LAST_CHUNK)])
            await turns(call.number % 20)
            await connection.send(rest[-len(LAST_CHUNK) :])
        elif call.behaviour != "is silent":
            part = {"sends headers": first[:head], "begins": first, "closes": first, "resets": first}
            await connection.send(part.get(call.behaviour, first + rest))
            if call.behaviour == "closes":
                connection.close()
            elif call.behaviour == "resets":
                connection.reset()


class Group:
    """A client, its calls, and perhaps its being closed among them."""

    def __init__(
        self, base_url: str, context: ssl.SSLContext, calls: list[Call], draw: random.Random
    ) -> None:
        self.client = MeshAPI(
            base_url,
            "rsk_secret",
            max_connections=CONNECTIONS_EACH,
            retry=Retry(max_retries=3),
            ssl_context=context,
        )
        self.client._shared.courier.sleep = lambda _: turns(6)
        self.calls = calls
        self.closes = draw.random() < 0.4
        self._ticks = draw.randint(0, 60)
        self._grace = draw.choice((0, 0, 0.002))
        self._cancelled_after = draw.choice((None, None, 0, 1, 2, 3))
        self._closing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Make the calls, and close the client where that is drawn."""
        for call in self.calls:
            call.begin(self.client)
        if self.closes:
            after(self._ticks, self._close)
        _, pending = await asyncio.wait([call.task for call in self.calls], timeout=PATIENCE)
        assert not pending, f"still there: {[call for call in self.calls if call.task in pending]}"
        if self.closes:
            await self._closed()
        for call in self.calls:
            wrong = call.verdict(client_closed=self.closes)
            assert wrong is None, f"{call} {wrong}"

    def _close(self) -> None:
        self._closing = asyncio.create_task(self.client.close(grace=self._grace))
        if self._cancelled_after is not None:
            after(self._cancelled_after, self._closing.cancel)

    async def _closed(self) -> None:
        while self._closing is None:
            await turns(1)
        await asyncio.wait([self._closing])
        if self._closing.cancelled():
            await self.client.close()
        else:
            self._closing.result()

    async def rest(self) -> None:
        """Wait until the client holds nothing, and use it once more."""
        stats = self.client.stats()
        async with asyncio.timeout(PATIENCE):
            while (stats := self.client.stats()).in_flight:
                await asyncio.sleep(0)
        assert stats.queued == 0
        if self.closes:
            assert stats.open == 0
        else:
            completion = await self.client.chat.completions.create(model="answers", messages=MESSAGES)
            assert text_of(completion) == "hello"


async def _batch(*, tls: bool, seed: int) -> None:
    draw = random.Random(seed)
    calls = [Call.drawn(draw, number) for number in range(BATCH)]
    leftovers = Leftovers()
    async with FaultServer(Gateway(calls), tls=tls) as server:
        context = tls_client_context()
        groups = [
            Group(server.base_url, context, calls[start : start + CALLS_EACH], draw)
            for start in range(0, BATCH, CALLS_EACH)
        ]
        await asyncio.gather(*(group.run() for group in groups))
        await asyncio.gather(*(group.rest() for group in groups))
        # What is open is what waits in a pool for the next call; nothing that was left is among it.
        await server.until(lambda: server.open == sum(group.client.stats().open for group in groups))
        await asyncio.gather(*(group.client.close() for group in groups))
        await server.until(lambda: server.open == 0)
    await leftovers.none()


def run_batch(loop: str, *, tls: bool, seed: int) -> None:
    """Leave a batch of calls; a failure says how to repeat it."""
    factory: Any = uvloop.new_event_loop if loop == "uvloop" else None
    try:
        with silence(), asyncio.Runner(debug=loop == "debug", loop_factory=factory) as runner:
            runner.run(_batch(tls=tls, seed=seed))
    except BaseException as error:
        command = f"python -m tests.faults.leaving {loop} {'tls' if tls else 'plain'} {seed}"
        error.add_note(f"to repeat it: {command}")
        raise


@contextlib.contextmanager
def silence() -> Generator[None]:
    """Fail where anything warns meanwhile, in a finalizer too."""
    gc.freeze()  # what was there before is none of its business, and takes long to look through
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
            gc.collect()
        assert not caught, [str(warning.message) for warning in caught]
    finally:
        gc.unfreeze()


if __name__ == "__main__":
    first = int(sys.argv[3])
    for chosen in range(first, first + int(sys.argv[4] if len(sys.argv) > 4 else 1)):
        run_batch(sys.argv[1], tls=sys.argv[2] == "tls", seed=chosen)
