"""Waiting for work that takes its time: how often it is asked for, and what ends the waiting."""

import asyncio
import inspect
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from meshapi_aio import (
    APITimeoutError,
    ClientClosedError,
    CreateChatCompletion,
    InternalServerError,
    MeshAPI,
    NotFoundError,
    RateLimitError,
    Retry,
    Timeout,
)
from meshapi_aio.endpoints.batches import Batch, Batches, CancelBatch, GetBatch

from .faults.clock import Clock
from .faults.server import Connection, FaultServer
from .faults.wire import reply


BREAK = b""
ONCE = Retry(max_retries=0)


def state(status: str, **more: Any) -> bytes:
    """Return an answer that tells the state of a batch."""
    return reply({"id": "b1", "status": status, **more})


def failure(status: int, code: str, *headers: str) -> bytes:
    """Return an error answer."""
    return reply({"error": {"code": code, "message": "no"}}, status, *headers)


class Waiting:
    """A client whose pauses take no time, and the gateway that it asks."""

    def __init__(self, server: FaultServer, client: MeshAPI, clock: Clock) -> None:
        self.server = server
        self.client = client
        self.clock = clock

    @property
    def asked(self) -> int:
        """How often a batch was asked for."""
        return sum(len(connection.requests) for connection in self.server.connections)


@asynccontextmanager
async def waiting(*answers: bytes, **options: Any) -> AsyncGenerator[Waiting]:
    """Answer one question after the other; the last answer for ever, ``BREAK`` breaks the connection."""
    left = list(answers)

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            answer = left.pop(0) if len(left) > 1 else left[0]
            if answer == BREAK:
                connection.reset()
                return
            await connection.send(answer)

    options = {"retry": ONCE, **options}
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_x", **options) as client:
        clock = Clock()
        client._shared.courier.sleep = clock.sleep
        yield Waiting(server, client, clock)


async def test_a_job_that_is_done_is_returned_without_a_pause() -> None:
    """The first question is sent at once."""
    async with waiting(state("completed", results=[{"custom_id": "a"}])) as place:
        batch = await place.client.batches.wait("b1")
    assert (batch.status, place.asked, place.clock.pauses) == ("completed", 1, [])
    assert batch.results is not None
    assert batch.results[0].custom_id == "a"
    assert batch.meta.status == 200


async def test_the_pauses_grow_up_to_the_longest() -> None:
    """From ``interval``, by the factor ``growth``, up to ``longest``."""
    async with waiting(*[state("in_progress")] * 5, state("completed")) as place:
        await place.client.batches.wait("b1", interval=2, growth=2, longest=10)
    assert place.clock.pauses == [2, 4, 8, 10, 10]


async def test_the_interval_is_never_undercut() -> None:
    """An interval that is longer than ``longest`` stays as it is."""
    async with waiting(*[state("in_progress")] * 2, state("completed")) as place:
        await place.client.batches.wait("b1", interval=60)
    assert place.clock.pauses == [60, 60]


@pytest.mark.parametrize("last", ["completed", "failed", "cancelled", "expired"])
async def test_every_end_ends_the_waiting(last: str) -> None:
    """A job that failed is returned, and its status tells."""
    async with waiting(state("validating"), state("cancelling"), state(last)) as place:
        batch = await place.client.batches.wait("b1")
    assert (batch.status, batch.is_done, place.asked) == (last, True, 3)


async def test_an_unknown_state_is_no_end() -> None:
    """Nor is one that did not come."""
    async with waiting(state("resting"), reply({"id": "b1"}), state("completed")) as place:
        batch = await place.client.batches.wait("b1")
    assert (batch.status, place.asked) == ("completed", 3)


async def test_updates_are_answers_that_differ() -> None:
    """Each once, the first and the last included, also where only the counts have changed."""
    steps = [
        state("in_progress", request_counts={"completed": 0}),
        state("in_progress", request_counts={"completed": 0}),
        state("in_progress", request_counts={"completed": 1}),
        state("completed"),
    ]
    seen: list[Batch] = []
    async with waiting(*steps) as place:
        batch = await place.client.batches.wait("b1", on_update=seen.append)
    assert [(one.status, one.request_counts and one.request_counts.completed) for one in seen] == [
        ("in_progress", 0),
        ("in_progress", 1),
        ("completed", None),
    ]
    assert seen[-1] is batch


async def test_what_on_update_raises_ends_the_waiting() -> None:
    """It is the caller's own."""

    def enough(_: Batch) -> None:
        raise LookupError

    async with waiting(state("in_progress")) as place:
        with pytest.raises(LookupError):
            await place.client.batches.wait("b1", on_update=enough)
        assert place.asked == 1


@pytest.mark.parametrize(
    "trouble",
    [failure(503, "upstream_error"), failure(429, "rate_limit_exceeded"), failure(408, "x"), BREAK],
    ids=["503", "429", "408", "broken connection"],
)
async def test_what_passes_by_does_not_end_the_waiting(trouble: bytes) -> None:
    """Statuses that are retried, and connections that break."""
    async with waiting(trouble, state("in_progress"), trouble, state("completed")) as place:
        batch = await place.client.batches.wait("b1")
    assert (batch.status, place.asked) == ("completed", 4)
    assert place.clock.pauses == [1.0, 1.5, 2.25]


async def test_an_answer_that_stalls_passes_by() -> None:
    """Each question has time limits of its own; running out of them is a question without an answer."""
    stalled = state("in_progress")[:-1]
    async with waiting(stalled, state("completed"), timeout=Timeout(total=0.05)) as place:
        batch = await place.client.batches.wait("b1")
    assert (batch.status, place.asked) == ("completed", 2)


async def test_retry_after_is_the_least_pause() -> None:
    """Also where it is longer than ``longest``; a shorter one changes nothing."""
    answers = [
        failure(429, "rate_limit_exceeded", "Retry-After: 90"),
        failure(503, "upstream_error", "Retry-After: 1"),
        state("completed"),
    ]
    async with waiting(*answers) as place:
        await place.client.batches.wait("b1", interval=2, growth=2)
    assert place.clock.pauses == [90, 4]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (failure(404, "not_found"), NotFoundError),
        (failure(500, "provider_job_failed"), InternalServerError),
        (failure(501, "not_implemented"), InternalServerError),
    ],
)
async def test_other_errors_end_the_waiting(answer: bytes, error: type[Exception]) -> None:
    """They will not get better by asking again."""
    async with waiting(state("in_progress"), answer) as place:
        with pytest.raises(error):
            await place.client.batches.wait("b1")
        assert place.asked == 2


async def test_what_is_retried_is_the_clients_own_choice() -> None:
    """A status that its policy does not retry ends the waiting."""
    retry = Retry(max_retries=0, on_status={503})
    async with waiting(failure(429, "rate_limit_exceeded"), retry=retry) as place:
        with pytest.raises(RateLimitError):
            await place.client.batches.wait("b1")


async def test_out_of_time() -> None:
    """The error names the job, the limit and the last state, and holds the job as it was last seen."""
    async with waiting(state("validating"), state("in_progress")) as place:
        with pytest.raises(APITimeoutError) as caught:
            await place.client.batches.wait("b1", total=100)
    error = caught.value
    assert str(error) == (
        "GetBatch(id='b1') was not done within 100 s (wait(total=…)), its last known status is 'in_progress'"
    )
    assert (error.phase, error.partial.status, error.call) == ("deadline", "in_progress", GetBatch(id="b1"))


async def test_out_of_time_without_an_answer() -> None:
    """Then the error says what the trouble was."""
    async with waiting(failure(503, "upstream_error")) as place:
        with pytest.raises(
            APITimeoutError, match="state is unknown; when it was last asked for: 503"
        ) as told:
            await place.client.batches.wait("b1", total=100)
        assert told.value.partial is None


async def test_out_of_time_in_the_middle_of_a_question() -> None:
    """``total`` bounds the questions too, and breaks the connection of the present one."""
    async with waiting(state("in_progress"), state("in_progress")[:-1]) as place:
        with pytest.raises(APITimeoutError, match="last known status is 'in_progress'"):
            await place.client.batches.wait("b1", total=1.2)
        await place.server.until(lambda: place.server.open == 0)
        assert place.client.stats().open == 0


async def pausing(place: Waiting) -> asyncio.Task[Batch]:
    """Return a task that waits for a job, and is in a pause that does not end."""
    begun = asyncio.Event()

    async def pause(_: float) -> None:
        begun.set()
        await asyncio.Event().wait()

    place.client._shared.courier.sleep = pause
    task = asyncio.create_task(place.client.batches.wait("b1"))
    await begun.wait()
    return task


async def test_cancelled_in_a_pause() -> None:
    """Cancelling leaves nothing: no task, nothing under way, and the connection in the pool."""
    async with waiting(state("in_progress")) as place:
        task = await pausing(place)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not place.client._shared.scopes
        assert (place.client.stats().open, place.client.stats().in_flight) == (1, 0)


async def test_closing_the_client_ends_the_waiting() -> None:
    """Also in a pause, and with the error that every call gets."""
    async with waiting(state("in_progress")) as place:
        task = await pausing(place)
        await place.client.close()
        with pytest.raises(ClientClosedError):
            await task
        with pytest.raises(ClientClosedError):
            await place.client.batches.wait("b1")


async def test_any_call_for_a_job_can_be_waited_for() -> None:
    """``client.wait`` takes the call as a value."""
    async with waiting(state("in_progress"), state("completed")) as place:
        batch = await place.client.wait(GetBatch(id="b1"), interval=5)
    assert (batch.status, place.clock.pauses) == ("completed", [5])


@pytest.mark.parametrize(
    "call", [CreateChatCompletion(messages=[], template="t"), CancelBatch(id="b1"), "b1"]
)
async def test_only_questions_are_asked_again(call: Any) -> None:
    """A call that does something, or returns no job, is refused: it would be done again and again."""
    async with MeshAPI("http://127.0.0.1:9", "rsk_x") as client:
        with pytest.raises(TypeError, match="takes a call that asks for a job"):
            await client.wait(call)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"interval": 0}, ValueError, "interval must be seconds above 0, got 0"),
        ({"interval": "1"}, TypeError, "interval must be seconds above 0, got '1'"),
        ({"growth": 0.5}, ValueError, "growth must be a factor of at least 1, got 0.5"),
        ({"longest": float("inf")}, ValueError, "longest must be seconds above 0, got inf"),
        ({"total": 0}, ValueError, "total must be seconds above 0, or None for no limit, got 0"),
        ({"total": True}, TypeError, "total must be seconds above 0, or None for no limit, got True"),
    ],
)
async def test_mistakes_are_told_before_anything_is_sent(
    given: dict[str, Any], error: type[Exception], told: str
) -> None:
    """Each names the argument, what would fit, and what was given."""
    async with waiting(state("completed")) as place:
        with pytest.raises(error) as caught:
            await place.client.batches.wait("b1", **given)
        assert told in str(caught.value)
        assert place.asked == 0


def test_the_signature_of_wait() -> None:
    """``help()`` shows the arguments with their defaults, and that a batch comes back."""
    wait: Any = Batches.wait
    signature = inspect.signature(wait)
    assert list(signature.parameters) == ["self", "id", "interval", "growth", "longest", "total", "on_update"]
    assert signature.parameters["longest"].default == 30.0
    assert signature.return_annotation is Batch
    assert "on_update" in wait.__doc__
