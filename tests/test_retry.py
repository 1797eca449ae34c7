"""Whether a call may be sent again: every error of the client, under every setting that bears on it."""

import itertools
import math
from collections.abc import Callable

import pytest

from meshapi_aio import errors
from meshapi_aio._retry import leads_on, pause_before_retry
from meshapi_aio.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ClientClosedError,
    DecodeError,
    MalformedEventError,
    MeshAPIError,
    ResponseTooLargeError,
    StreamAPIError,
    StreamClosedError,
    StreamError,
    StreamTruncatedError,
    UnexpectedResponseError,
)
from meshapi_aio.settings import Fallback, Retry


ALWAYS = {"default", "unanswered"}
UNANSWERED = {"unanswered"}
NEVER = set[str]()

SETTINGS = {
    "default": Retry(),
    "unanswered": Retry(unanswered=True),
    "none": Retry(max_retries=0, unanswered=True),
    "no status": Retry(on_status=()),
}


def status(number: int, code: str | None = None, retry_after: float | None = None) -> APIStatusError:
    """Return the error of an answer with this status."""
    return APIStatusError.of(number)("no", status=number, code=code, retry_after=retry_after)


def event(number: int | None, code: str | None = None, retry_after: float | None = None) -> StreamAPIError:
    """Return the error of an error event whose code stands for this status."""
    return StreamAPIError("no", status=number, code=code, retry_after=retry_after)


# Under which settings each error may be followed by another attempt.
TABLE: list[tuple[MeshAPIError, set[str]]] = [
    # Nothing was sent, or nobody read it.
    (APIConnectionError("no connection", sent=False), {*ALWAYS, "no status"}),
    (APITimeoutError("no connection", phase="connect", sent=False), {*ALWAYS, "no status"}),
    (APIConnectionError("stale", stale=True), {*ALWAYS, "no status"}),
    # It was sent, and whether the gateway works on it is unknown.
    (APIConnectionError("broke"), UNANSWERED),
    (APITimeoutError("no answer", phase="first_event"), UNANSWERED),
    (APITimeoutError("half an answer", phase="idle"), UNANSWERED),
    (StreamTruncatedError("broke before the first event"), UNANSWERED),
    # No time is left.
    (APITimeoutError("no time", phase="deadline"), NEVER),
    (APITimeoutError("no time, nothing sent", phase="deadline", sent=False), NEVER),
    # The gateway said that it failed for now.
    *((status(number), ALWAYS) for number in (408, 429, 500, 502, 503, 504, 529)),
    *((event(number), ALWAYS) for number in (429, 500, 502, 503, 504, 529)),
    # The gateway said no.
    *((status(number), NEVER) for number in (200, 400, 401, 402, 403, 404, 409, 413, 418, 422, 501, 505)),
    *((event(number), NEVER) for number in (None, 400, 401, 402, 403, 404, 409, 422, 501)),
    (status(500, "provider_job_failed"), NEVER),
    (event(500, "provider_job_failed"), NEVER),
    (status(429, retry_after=61.0), NEVER),
    (event(429, retry_after=61.0), NEVER),
    # An answer was there, and is no better the next time; or nobody wants one any more.
    (UnexpectedResponseError("HTML", status=200), NEVER),
    (ResponseTooLargeError("large"), NEVER),
    (DecodeError("shape"), NEVER),
    (MalformedEventError("shape", index=0, excerpt="{"), NEVER),
    (StreamClosedError("closed"), NEVER),
    (StreamError("another"), NEVER),
    (ClientClosedError("closed"), NEVER),
    (MeshAPIError("another"), NEVER),
]


def top() -> float:
    """Draw the longest pause."""
    return 1.0


def pause(
    error: MeshAPIError,
    retry: Retry,
    *,
    retries: int = 0,
    left: float | None = None,
    draw: Callable[[], float] = top,
) -> float | None:
    """Ask for the pause, before the first retry, with time enough, drawn from the top."""
    return pause_before_retry(error, retry, retries=retries, left=left, draw=draw)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(
    ("error", "allowed"), TABLE, ids=[f"{type(error).__name__}: {error}" for error, _ in TABLE]
)
def test_what_may_be_sent_again(error: MeshAPIError, allowed: set[str], name: str) -> None:
    """
    Retried are failed connects, passing statuses, and error events of that kind (promise 15).

    A request that was sent and got no answer is not, unless asked; all else never is.
    """
    assert (pause(error, SETTINGS[name]) is not None) == (name in allowed)


def test_the_table_holds_every_error() -> None:
    """An error that joins the tree has to say whether it may be followed by another attempt."""
    classes = {getattr(errors, name) for name in errors.__all__} - {errors.Progress}
    assert classes == {type(error) for error, _ in TABLE}


@pytest.mark.parametrize("error", [status(503), event(503), APIConnectionError("x", sent=False)])
def test_retries_are_counted_and_pauses_double(error: MeshAPIError) -> None:
    """After ``max_retries`` there is none; the ceiling of each pause is twice the one before."""
    pauses = [pause(error, Retry(), retries=retries) for retries in range(5)]
    assert pauses == [0.5, 1.0, 2.0, None, None]


@pytest.mark.parametrize("error", [status(503), event(503), APIConnectionError("x", sent=False)])
def test_a_pause_is_drawn_from_zero_to_its_ceiling(error: MeshAPIError) -> None:
    """The jitter is full, so that many clients do not come back at once."""
    draws = iter([0.0, 0.5, 1.0])
    pauses = [pause(error, Retry(), draw=draws.__next__) for _ in range(3)]
    assert pauses == [0.0, 0.25, 0.5]


@pytest.mark.parametrize("make", [status, event])
def test_retry_after_is_a_floor_under_the_pause(make: Callable[..., MeshAPIError]) -> None:
    """The client never comes back earlier than asked; over the cap it raises at once (promise 16)."""
    assert pause(make(429, retry_after=3.0), Retry(), draw=lambda: 0.0) == 3.0
    assert pause(make(429, retry_after=3.0), Retry()) == 3.5
    assert pause(make(429, retry_after=0.0), Retry()) == 0.5
    assert pause(make(429, retry_after=60.0), Retry()) == 60.5
    assert pause(make(429, retry_after=60.1), Retry()) is None
    assert pause(make(429, retry_after=60.1), Retry(retry_after_cap=61)) == 60.6


def test_a_stale_connection_is_replaced_without_a_pause() -> None:
    """Nothing failed but a connection that had been closed; still it counts as a retry."""
    stale = APIConnectionError("stale", stale=True)
    assert [pause(stale, Retry(max_retries=2), retries=retries) for retries in range(3)] == [0.0, 0.0, None]


@pytest.mark.parametrize(
    ("error", "needed"),
    [
        (status(503), 0.5),
        (event(503), 0.5),
        (status(429, retry_after=3.0), 3.5),
        (APIConnectionError("x", sent=False), 0.5),
        (APIConnectionError("stale", stale=True), 0.0),
    ],
)
def test_a_retry_that_could_not_begin_in_time_is_not_made(error: MeshAPIError, needed: float) -> None:
    """What remains of ``Timeout.total`` bounds the pause, so that the true error is told, not a timeout."""
    assert pause(error, Retry(), left=None) == needed
    assert pause(error, Retry(), left=math.nextafter(needed, math.inf)) == needed
    assert pause(error, Retry(), left=needed) is None
    assert pause(error, Retry(), left=-1.0) is None


@pytest.mark.parametrize("number", [404, 418, 599])
def test_which_statuses_pass_can_be_set(number: int) -> None:
    """``on_status`` replaces the statuses that are tried again, in answers and in error events."""
    for make, on_status in itertools.product((status, event), ({number}, {503})):
        assert (pause(make(number), Retry(on_status=on_status)) is not None) == (on_status == {number})


# Which errors let another model be asked, by the rules of the gateway's own clients.
LEADING: list[tuple[MeshAPIError, bool]] = [
    *((make(number), True) for make, number in itertools.product((status, event), (502, 503, 504))),
    *((make(number), False) for make, number in itertools.product((status, event), (400, 401, 402, 403))),
    *((make(number), False) for make, number in itertools.product((status, event), (404, 422, 429, 500))),
    (event(None), False),
    (APIConnectionError("no connection", sent=False), True),
    (APIConnectionError("broke"), True),
    (StreamTruncatedError("broke before the first event"), True),
    *(
        (APITimeoutError("no", phase=phase), False)
        for phase in ("connect", "first_event", "idle", "deadline")
    ),
    *(
        (error, False)
        for error, _ in TABLE
        if not isinstance(error, (APIConnectionError, APIStatusError, StreamAPIError, StreamTruncatedError))
    ),
]


@pytest.mark.parametrize(("error", "leads"), LEADING, ids=[f"{type(e).__name__}: {e}" for e, _ in LEADING])
def test_what_leads_on_to_another_model(error: MeshAPIError, leads: bool) -> None:
    """Statuses of upstreams that failed and failures of the connection; no refusal, and no timeout."""
    assert leads_on(error, Fallback(models=["m"])) is leads
