"""The course of a call: what is noted of its attempts, and what is told, with literals."""

import pytest

from meshapi_aio import MeshAPIError, RateLimitError
from meshapi_aio._answer import Answer
from meshapi_aio._course import Course
from meshapi_aio._meta import Event
from meshapi_aio._pump import End
from tests.literals import CREATE


REFUSAL = RateLimitError("no", status=429, code="rate_limit_exceeded", request_id="req_1")
ROUTED = Answer(200, {"x-request-id": "req_2", "x-mesh-routing-attempts": "2", "x-secret": "no"})


@pytest.fixture
def told() -> list[Event]:
    """What who listens to the course has heard."""
    return []


@pytest.fixture
def course(told: list[Event]) -> Course:
    """The course of a call that somebody listens to."""
    return Course(told.append, CREATE)


def test_attempts_are_noted(course: Course) -> None:
    """Each with its status, its model and its times; the reply's meta adds up what is to be added."""
    course.note(Answer(429, {"x-request-id": "req_1"}), REFUSAL, queued=1.0, latency=2.0, pause=3.0)
    course.fell_back(REFUSAL, "another", unary=False)
    course.note(ROUTED, None, queued=0.5, latency=4.0)
    first, second = course.attempts
    assert (first.status, first.model, first.pause) == (429, "openai/gpt-4o-mini", 3.0)
    assert first.error is not None
    assert first.error.startswith("RateLimitError: ")
    assert (second.model, second.error, second.request_id) == ("another", None, "req_2")
    meta = course.meta(ROUTED, "upstream", latency=9.0, streams=True)
    assert (meta.queued, meta.latency, meta.time_to_first_event) == (1.5, 9.0, 4.0)
    assert (meta.model, meta.request_id, meta.attempts) == ("upstream", "req_2", (first, second))
    assert "x-secret" not in meta.headers
    assert course.meta(ROUTED, None, latency=9.0, streams=False).time_to_first_event is None


def test_what_happens_is_told_in_its_order(course: Course, told: list[Event]) -> None:
    """From the first request to the end of the stream."""
    course.sent("POST", "/v1/chat/completions")
    course.note(None, REFUSAL, queued=0.0, latency=1.0, pause=2.0)
    course.retried(REFUSAL, 2.0)
    course.sent("POST", "/v1/chat/completions")
    course.note(ROUTED, None, queued=0.0, latency=1.0)
    course.opened(course.meta(ROUTED, None, latency=3.0, streams=True))
    course.ended(End("finished", 7, 0, None))
    names = ["RequestSent", "RetryScheduled", "RequestSent", "GatewayRouted", "StreamOpened", "StreamEnded"]
    assert [type(event).__name__ for event in told] == names
    assert len({event.call_id for event in told}) == 1


def test_a_failure_tells_the_last_request_id(course: Course, told: list[Event]) -> None:
    """The error's own, else that of the last attempt; of the error its kind, and not its text."""
    course.note(ROUTED, None, queued=0.0, latency=1.0)
    course.failed(REFUSAL)
    course.failed(MeshAPIError("secret"))
    assert [(getattr(event, "request_id", None), getattr(event, "error", None)) for event in told] == [
        ("req_1", "RateLimitError"),
        ("req_2", "MeshAPIError"),
    ]
    assert "secret" not in repr(told)
