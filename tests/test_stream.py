"""The stream itself, on sources and readers made of plain values: no socket, no JSON."""

import asyncio
import gc
import threading
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from meshapi_aio._batch import Alike, Batch
from meshapi_aio._meta import Attempt, Meta
from meshapi_aio._pump import Opening, Pump
from meshapi_aio._scope import Scope
from meshapi_aio._stream import Stream
from meshapi_aio.errors import (
    APIConnectionError,
    APITimeoutError,
    ClientClosedError,
    MalformedEventError,
    MeshAPIError,
    StreamClosedError,
    StreamTruncatedError,
)


class Wire:
    """A source whose reads are given: bytes, errors, or an event to wait for."""

    def __init__(self, *reads: bytes | MeshAPIError | asyncio.Event) -> None:
        self.reads = list(reads)
        self.idle_since: float | None = None
        self.stamps: list[float | None] = []
        self.aborted = 0
        self.finished = 0
        self.finalized_in: str | None = None
        self._wake: asyncio.Future[None] | None = None
        self._reason: MeshAPIError | None = None

    def coming(self) -> asyncio.Future[None] | None:
        return None

    def taken(self) -> bytes:
        return b""

    async def read(self) -> bytes:
        self.stamps.append(self.idle_since)
        if not self.reads:
            return b""
        item = self.reads.pop(0)
        if isinstance(item, asyncio.Event):
            self._wake = asyncio.get_running_loop().create_future()
            waiter = asyncio.ensure_future(item.wait())
            either: list[asyncio.Future[Any]] = [waiter, self._wake]
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiter.cancel()
            if self._reason is not None:
                raise self._reason
            return await self.read()
        if isinstance(item, MeshAPIError):
            raise item
        return item

    def finish(self) -> None:
        self.finished += 1

    def abort(self, reason: MeshAPIError | None = None) -> None:
        self.aborted += 1
        self._reason = reason
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def abort_from_finalizer(self) -> None:
        self.finalized_in = threading.current_thread().name


class Letters:
    """A reader whose chunks are the letters; ``.`` is the end mark, ``!`` malformed, ``-`` a heartbeat."""

    def __init__(self) -> None:
        self.done = False
        self.failure: MeshAPIError | None = None
        self.alike: Alike[str] | None = None
        self.has_more = False
        self.skipped = 0
        self.rest: list[str] = []

    def told(self, count: int) -> None:
        raise AssertionError(count)

    def feed(self, data: bytes) -> Batch[str]:
        chunks = []
        for letter in data.decode():
            if letter == ".":
                self.done = True
                break
            if letter == "!":
                self.failure = MalformedEventError("bad letter", index=0, excerpt="!")
                break
            if letter == "~":
                self.skipped += 1
            elif letter != "-":
                chunks.append(letter)
        return Batch(chunks)

    def finish(self) -> Batch[str]:
        return Batch(self.rest)


class Word(Stream[str]):
    """Folds letters into a word; whole without an end mark if the last letter is ``z``."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.word = ""
        self.folds = 0

    def _fold(self, chunks: Batch[str]) -> None:
        self.folds += 1
        self.word += "".join(chunks)

    def _whole(self) -> bool:
        return self.word.endswith("z")

    def _partial(self) -> str:
        return self.word

    def _usage(self) -> int:
        return len(self.word)

    async def rest(self) -> str:
        await self._drain()
        return self.word


ENDS: list[Any] = []


def ended(*told: Any) -> None:
    """Take down how a stream ended."""
    ENDS.extend(told)


META = Meta(status=200, request_id="req_1", attempts=(Attempt(status=200),))


def open_on(
    wire: Wire,
    *,
    first: list[str] | None = None,
    reader: Letters | None = None,
    gate: asyncio.Event | None = None,
) -> Word:
    """Return a stream that opens on a wire, after a gate where one is given."""

    async def opener(scope: Scope) -> Opening[str]:
        if gate is not None:
            async with scope:
                await gate.wait()
        return Opening(Pump(wire, reader or Letters()), Batch(first or []), META, ended)

    return Word("the call", opener, None)


def failing(error: BaseException) -> Word:
    """Return a stream that can't be opened."""

    async def opener(_scope: Scope) -> Opening[str]:
        raise error

    return Word("the call", opener, None)


async def test_chunks_come_in_order_and_the_end_mark_ends_the_stream() -> None:
    """Chunks come as they came, the end mark is not one of them, and the connection is given back once."""
    wire = Wire(b"ab", b"c.")
    stream = open_on(wire, first=["x"])
    assert [chunk async for chunk in stream] == ["x", "a", "b", "c"]
    assert (wire.finished, wire.aborted) == (1, 0)
    assert stream.request_id == "req_1"
    assert stream.meta is META


async def test_nothing_happens_before_the_first_step() -> None:
    """A stream that is made and not used opens nothing (promise 9), and says nothing of itself yet."""
    opened = []

    async def opener(_scope: Scope) -> Opening[str]:
        opened.append(1)
        raise AssertionError

    stream = Word("the call", opener, None)
    assert (stream.meta, stream.request_id, stream.skipped) == (None, None, 0)
    assert repr(stream) == "<Word not opened>"
    stream.close()
    with pytest.raises(StreamClosedError):
        await anext(stream)
    assert not opened


async def test_three_habits_of_one_object() -> None:
    """A stream can be iterated, entered, or awaited; each opens it once."""
    stream = open_on(Wire(b"a."))
    assert await stream is stream
    assert await stream is stream
    assert [chunk async for chunk in stream] == ["a"]
    async with open_on(Wire(b"b.")) as entered:
        assert [chunk async for chunk in entered] == ["b"]


async def test_an_ended_stream_ends_at_once_when_iterated_again() -> None:
    """A second iteration gives nothing, and reads nothing (C16)."""
    wire = Wire(b"a.")
    stream = open_on(wire)
    assert [chunk async for chunk in stream] == ["a"]
    assert [chunk async for chunk in stream] == []
    assert await stream is stream
    assert len(wire.stamps) == 1
    stream.close()
    assert [chunk async for chunk in stream] == []
    assert repr(stream) == "<Word finished>"


async def test_an_end_without_mark_is_truncation() -> None:
    """Promise 2: a stream that just ends raises after what came, once; then it ends at once."""
    stream = open_on(Wire(b"ab"))
    seen = []
    with pytest.raises(StreamTruncatedError) as caught:
        async for chunk in stream:
            seen.append(chunk)
    assert seen == ["a", "b"]
    error = caught.value
    assert (error.partial, error.chunks_seen, error.usage, error.call) == ("ab", 2, 2, "the call")
    assert error.attempts == META.attempts
    assert error.request_id == "req_1"
    assert [chunk async for chunk in stream] == []
    assert repr(stream) == "<Word failed>"
    with pytest.raises(StreamTruncatedError) as again:
        await stream.rest()
    assert again.value is error


async def test_a_stream_without_any_event_is_truncated() -> None:
    """Promise 2: a 200 without any event is truncated, and there is nothing partial."""
    with pytest.raises(StreamTruncatedError, match="without a single event") as caught:
        await anext(open_on(Wire()))
    assert (caught.value.partial, caught.value.chunks_seen, caught.value.usage) == (None, 0, None)


async def test_a_whole_answer_without_mark_is_accepted() -> None:
    """Promise 2: what the family knows to be whole may lack the end mark."""
    assert await open_on(Wire(b"abz")).rest() == "abz"


async def test_what_a_reader_finds_at_the_end_counts() -> None:
    """What the end of the bytes completes is delivered like everything else."""
    reader = Letters()
    reader.rest = ["z"]
    assert [chunk async for chunk in open_on(Wire(b"a"), reader=reader)] == ["a", "z"]


async def test_chunks_before_a_failure_come_before_it() -> None:
    """Promise 3: a malformed event raises after the chunks of the same read, and the connection is broken."""
    wire = Wire(b"ab!cd")
    stream = open_on(wire)
    assert await anext(stream) == "a"
    assert wire.aborted == 1
    assert await anext(stream) == "b"
    with pytest.raises(MalformedEventError) as caught:
        await anext(stream)
    assert (caught.value.partial, caught.value.chunks_seen) == ("ab", 2)


async def test_a_broken_connection_is_truncation() -> None:
    """Promise 3: a connection that breaks under a stream is a StreamTruncatedError with the request id."""
    stream = open_on(Wire(b"a", APIConnectionError("reset", request_id="req_1")))
    assert await anext(stream) == "a"
    with pytest.raises(StreamTruncatedError, match="broke off: reset") as caught:
        await anext(stream)
    assert caught.value.request_id == "req_1"


@pytest.mark.parametrize("error", [APITimeoutError("slow", phase="idle"), ClientClosedError("closed")])
async def test_other_errors_of_the_wire_stay_what_they_are(error: MeshAPIError) -> None:
    """A timeout in a stream stays a timeout, with what had come."""
    stream = open_on(Wire(b"a", error))
    assert await anext(stream) == "a"
    with pytest.raises(type(error)) as caught:
        await anext(stream)
    assert caught.value is error
    assert getattr(error, "partial", "a") == "a"


async def test_heartbeats_do_not_renew_the_stamp() -> None:
    """Promise 12: waiting is stamped once per event, not per read, and not while nobody waits."""
    wire = Wire(b"-", b"-", b"a", b".")
    stream = open_on(wire)
    assert await anext(stream) == "a"
    assert wire.idle_since is None
    assert len(set(wire.stamps)) == 1
    assert wire.stamps[0] is not None
    assert [chunk async for chunk in stream] == []
    assert len(set(wire.stamps)) == 2


async def test_skipped_events_are_counted() -> None:
    """Promise 4: what was passed over is counted."""
    stream = open_on(Wire(b"a~~."))
    assert [chunk async for chunk in stream] == ["a"]
    assert stream.skipped == 2


async def test_a_failure_to_open_is_raised_once() -> None:
    """What refuses the stream is raised where it is opened; after that it ends at once."""
    error = APIConnectionError("no")
    stream = failing(error)
    with pytest.raises(APIConnectionError) as caught:
        await stream
    assert caught.value is error
    assert error.call == "the call"
    assert [chunk async for chunk in stream] == []


@pytest.mark.parametrize("use", [Word.__aenter__, anext])
async def test_being_cancelled_while_opening(use: Callable[[Word], Awaitable[object]]) -> None:
    """Promise 9: cancellation while opening stays CancelledError; the stream is closed, and opens no more."""
    gate = asyncio.Event()
    stream = open_on(Wire(), gate=gate)
    task = asyncio.ensure_future(use(stream))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert repr(stream) == "<Word closed>"
    with pytest.raises(StreamClosedError):
        await anext(stream)


async def test_closing_while_opening() -> None:
    """Promise 8: close() ends the opening; who waited for it gets StreamClosedError."""
    stream = open_on(Wire(), gate=asyncio.Event())
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(stream.close)
    with pytest.raises(StreamClosedError):
        await task
    assert task.cancelling() == 0


async def test_closing_at_the_moment_of_opening() -> None:
    """A close that comes after the answer and before the stream has it breaks the connection all the same."""
    wire = Wire(b"a.")

    async def opener(_scope: Scope) -> Opening[str]:
        stream.close()
        return Opening(Pump(wire, Letters()), Batch(["x"]), META, ended)

    stream = Word("the call", opener, None)
    with pytest.raises(StreamClosedError):
        await anext(stream)
    assert wire.aborted == 1


async def test_closing_while_a_task_reads() -> None:
    """Promise 8: the reader gets StreamClosedError with what had come; what follows does too."""
    wire = Wire(b"a", asyncio.Event())
    stream = open_on(wire)
    assert await anext(stream) == "a"
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    stream.close()
    stream.close()
    with pytest.raises(StreamClosedError) as caught:
        await task
    assert (caught.value.partial, caught.value.call) == ("a", "the call")
    assert wire.aborted >= 1
    for again in (anext(stream), stream.rest(), stream.__aenter__()):
        with pytest.raises(StreamClosedError):
            await again


async def test_closing_drops_what_was_not_handed_out() -> None:
    """A closed answer never looks whole: chunks that wait, and the end mark behind them, are dropped."""
    stream = open_on(Wire(b"abc."))
    assert await anext(stream) == "a"
    stream.close()
    with pytest.raises(StreamClosedError):
        await anext(stream)


async def test_being_cancelled_while_reading() -> None:
    """Promise 9: the connection is broken, the error stays CancelledError, and the stream is no whole one."""
    wire = Wire(b"a", asyncio.Event())
    stream = open_on(wire)
    assert await anext(stream) == "a"
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert wire.aborted == 1
    with pytest.raises(StreamClosedError):
        await anext(stream)


async def test_leaving_the_block_closes_silently() -> None:
    """Promise 11: break inside ``async with`` closes at once and warns of nothing."""
    wire = Wire(b"ab")
    async with open_on(wire) as stream:
        async for _ in stream:
            break
    assert wire.aborted == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del stream
        gc.collect()
    assert wire.finalized_in is None


async def test_two_tasks_in_one_stream() -> None:
    """Promise 11: the second task gets a RuntimeError at once, the first reads on."""
    gate = asyncio.Event()
    stream = open_on(Wire(gate, b"a."))
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two tasks"):
        await anext(stream)
    with pytest.raises(RuntimeError, match="two tasks"):
        await stream
    gate.set()
    assert await task == "a"


async def test_a_dropped_stream_is_closed_and_then_warned_of() -> None:
    """Promise 11: closing comes first, so that ``-W error`` can't keep the connection."""
    wire = Wire(b"ab")
    stream = open_on(wire)
    assert await anext(stream) == "a"
    with pytest.warns(ResourceWarning, match="dropped before its end") as caught:
        del stream
        gc.collect()
    assert len(caught) == 1
    assert wire.finalized_in == threading.current_thread().name


async def test_a_dropped_stream_that_needs_no_closing_is_silent() -> None:
    """Not opened, read to its end, or over with nothing waiting: dropping it says nothing."""
    over = open_on(Wire(b"a."))
    assert await anext(over) == "a"
    unopened = open_on(Wire())
    read = open_on(Wire(b"a."))
    await read.rest()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del over, unopened, read
        gc.collect()


def test_a_stream_whose_construction_failed_is_dropped_silently() -> None:
    """``__del__`` does not stumble over what ``__init__`` did not set."""
    stream = Word.__new__(Word)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del stream
        gc.collect()


async def test_chunks_are_folded_before_they_are_handed_out() -> None:
    """With each read, so that a long stream keeps none of them, and the answer is what came."""
    stream = open_on(Wire(*[b"a" * 32] * 10, b"."))
    assert (await anext(stream), stream.word) == ("a", "a" * 32)
    assert await stream.rest() == "a" * 320
    assert stream.folds == 12


async def test_the_plain_stream_knows_nothing_of_folding() -> None:
    """A family without folding has no partial answer and needs the end mark."""

    async def opener(_scope: Scope) -> Opening[str]:
        return Opening(Pump(Wire(b"a"), Letters()), Batch(), META, ended)

    stream: Stream[str] = Stream("the call", opener, None)
    assert await anext(stream) == "a"
    assert "open, 1 chunks" in repr(stream)
    with pytest.raises(StreamTruncatedError) as caught:
        await anext(stream)
    assert (caught.value.partial, caught.value.chunks_seen) == (None, 1)


async def test_a_stream_that_ended_properly_can_be_spoilt() -> None:
    """A family may find a failure in an answer that has its end mark."""

    class Spoilt(Word):
        def _spoilt(self) -> MeshAPIError | None:
            return StreamTruncatedError("spoilt")

    async def opener(_scope: Scope) -> Opening[str]:
        return Opening(Pump(Wire(b"a."), Letters()), Batch(), META, ended)

    with pytest.raises(StreamTruncatedError, match="spoilt"):
        await Spoilt("the call", opener, None).rest()


class Ready(Wire):
    """A wire on which each read of a single byte has come before it is waited for."""

    def taken(self) -> bytes:
        came = self.reads[0] if self.reads else None
        if not isinstance(came, bytes):
            return b""
        del self.reads[0]
        return came


class Coming(Ready):
    """A wire on which each read of a single byte comes when it is waited for, and ``gate`` lets it."""

    gate: asyncio.Event | None = None

    def coming(self) -> asyncio.Future[None] | None:
        self.idle_since = 1.0
        waiter = asyncio.get_running_loop().create_future()
        if self.gate is None:
            waiter.set_result(None)
        return waiter


class Texts:
    """Tells letters, up to three, and makes capitals of them."""

    path = ""

    def make(self, text: str) -> str:
        return text.upper()

    def texts(self, data: bytes) -> list[str]:
        return list(data.decode()) if len(data) < 4 and data.isalpha() else []


class Capitals(Letters):
    """A reader whose letters are capitals where they come by few; it notes how many were told."""

    def __init__(self) -> None:
        super().__init__()
        self.alike = Texts()
        self.counted: list[int] = []

    def told(self, count: int) -> None:
        self.counted.append(count)


@pytest.mark.parametrize("kind", [Ready, Coming])
async def test_chunks_that_come_alone_are_chunks_like_all(kind: type[Wire]) -> None:
    """They come in order among others, and are noted and folded before what follows them (promise 1)."""
    reader = Capitals()
    wire = kind(b"a", b"b", b"cdcd", b"e", b"ghi", b"-", b"f", b".")
    stream = open_on(wire, first=["x"], reader=reader)
    assert [chunk async for chunk in stream] == list("xABcdcdEGHIf")
    assert stream.word == "xABcdcdEGHIf"
    assert reader.counted == [2, 4]
    assert (wire.finished, wire.aborted) == (1, 0)


async def test_what_came_alone_is_part_of_what_an_error_tells() -> None:
    """An error after chunks that came alone has them all, and so has the account of the end (promise 3)."""
    ENDS.clear()
    stream = open_on(Coming(b"a", b"b", b"!"), first=["x"], reader=Capitals())
    with pytest.raises(MalformedEventError) as caught:
        [chunk async for chunk in stream]
    assert (caught.value.partial, caught.value.chunks_seen) == ("xAB", 3)
    assert [end[:4] for end in ENDS] == [("failed", 3, 0, caught.value)]


async def test_many_chunks_that_come_alone_are_folded_on_the_way() -> None:
    """What is left to fold at the end is bounded, so that the end of a long stream holds up nobody."""
    reader = Capitals()
    stream = open_on(Coming(*[b"a"] * 1_201, b"."), first=["x"], reader=reader)
    assert len([chunk async for chunk in stream]) == 1_202
    assert (max(reader.counted), sum(reader.counted)) == (512, 1_201)


async def test_leaving_a_stream_that_waits_for_a_lone_chunk() -> None:
    """Cancelled, it is closed and tells what came; so is one that another task closes (promises 8 and 11)."""
    for leave in ("cancel", "close", "iterate"):
        wire = Coming(b"a", b"b")
        stream = open_on(wire, first=["x"], reader=Capitals())
        assert [await anext(stream), await anext(stream)] == ["x", "A"]
        wire.gate = asyncio.Event()
        task = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        if leave == "iterate":
            with pytest.raises(RuntimeError, match="two tasks are in the same stream"):
                await anext(stream)
        if leave == "close":
            stream.close()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (wire.aborted, wire.finished, stream.word) == (1, 0, "xA")
        with pytest.raises(StreamClosedError) as caught:
            await anext(stream)
        assert caught.value.partial == "xA"
