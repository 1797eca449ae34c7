"""Error bodies in all the forms that gateways, frameworks and proxies use, read without raising (row E7)."""

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio._error_body import ErrorBody, retry_after, status_of


VALIDATION_PROBLEM = {"type": "missing", "loc": ["body", "messages", 0, "role"], "msg": "Field required"}

BODIES: dict[str, tuple[Any, ErrorBody]] = {
    "the gateway's envelope": (
        {
            "error": {"code": "rate_limit_exceeded", "message": "Slow down", "retry_after_seconds": 5},
            "request_id": "req_1",
        },
        ErrorBody(message="Slow down", code="rate_limit_exceeded", retry_after=5, request_id="req_1"),
    ),
    "what is wrong, field by field": (
        {"error": {"code": "validation_error", "message": "Invalid", "details": [VALIDATION_PROBLEM]}},
        ErrorBody(message="Invalid", code="validation_error", details=[VALIDATION_PROBLEM]),
    ),
    "what the upstream said": (
        {
            "error": {
                "code": "upstream_error",
                "message": "no",
                "provider_error": {"a": 1},
                "provider_code": "x",
            }
        },
        ErrorBody(message="no", code="upstream_error", provider_error={"a": 1}),
    ),
    "a pause beside the error": (
        {"error": {"message": "no"}, "retry_after_seconds": 2.5},
        ErrorBody(message="no", retry_after=2.5),
    ),
    "a request id inside the error": (
        {"error": {"message": "no", "request_id": "req_2"}},
        ErrorBody(message="no", request_id="req_2"),
    ),
    "a request id that is empty": ({"error": {"message": "no"}, "request_id": ""}, ErrorBody(message="no")),
    "a request id that is no text": ({"error": {"message": "no"}, "request_id": 7}, ErrorBody(message="no")),
    "an empty error": ({"error": {}}, ErrorBody()),
    "nulls for everything": ({"error": {"code": None, "message": None, "details": None}}, ErrorBody()),
    "details that are no list": (
        {"error": {"message": "no", "details": {"a": 1}}},
        ErrorBody(message="no"),
    ),
    "a numeric code": ({"error": {"code": 429, "message": "no"}}, ErrorBody(message="no", code="429")),
    "empty codes": ({"error": {"code": "", "type": "", "message": "no"}}, ErrorBody(message="no")),
    "codes that are flags": (
        {"error": {"code": True, "type": False, "message": "no"}},
        ErrorBody(message="no"),
    ),
    "a code that is an object": ({"error": {"code": {"a": 1}, "message": "no"}}, ErrorBody(message="no")),
    "a code that is no whole number": ({"error": {"code": 1.5, "message": "no"}}, ErrorBody(message="no")),
    "a type and no code": (
        {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}},
        ErrorBody(message="no", code="invalid_request_error"),
    ),
    "a type and a null code": (
        {"error": {"type": "invalid_request_error", "code": None, "param": None, "message": "no"}},
        ErrorBody(message="no", code="invalid_request_error"),
    ),
    "a message that is an object": ({"error": {"message": {"a": 1}}}, ErrorBody(message="{'a': 1}")),
    "a message that is a list": (
        {"error": {"message": ["one", 2, "", VALIDATION_PROBLEM]}},
        ErrorBody(message="one; 2; body.messages.0.role: Field required"),
    ),
    "an error whose text is called detail": ({"error": {"detail": "no"}}, ErrorBody(message="no")),
    "an error that is text": ({"error": "no"}, ErrorBody(message="no")),
    "an error that is text, and a code beside it": (
        {"error": "no", "code": "not_found"},
        ErrorBody(message="no", code="not_found"),
    ),
    "an error that is a flag": ({"error": True, "message": "no"}, ErrorBody(message="no")),
    "an error that is a number": ({"error": 7}, ErrorBody(message="7")),
    "an error that is a list": ({"error": ["no", "never"]}, ErrorBody(message="no; never")),
    "no error": ({"error": None}, ErrorBody()),
    "a framework's text": (
        {"detail": "Not Found", "request_id": "req_3"},
        ErrorBody(message="Not Found", request_id="req_3"),
    ),
    "a framework's list": (
        {
            "detail": [
                VALIDATION_PROBLEM,
                {"loc": "body", "msg": "Too long"},
                {"loc": ["query"]},
                {"message": "no"},
            ]
        },
        ErrorBody(
            message="body.messages.0.role: Field required; Too long; query; no",
            details=[
                VALIDATION_PROBLEM,
                {"loc": "body", "msg": "Too long"},
                {"loc": ["query"]},
                {"message": "no"},
            ],
        ),
    ),
    "a framework's object": ({"detail": {"a": 1}}, ErrorBody(message="{'a': 1}")),
    "a bare message": ({"message": "no"}, ErrorBody(message="no")),
    "an object that says nothing known": ({"foo": 1}, ErrorBody()),
    "an empty object": ({}, ErrorBody()),
    "a text": ("no", ErrorBody(message="no")),
    "a list": (["no"], ErrorBody()),
    "a number": (7, ErrorBody()),
    "null": (None, ErrorBody()),
}


@pytest.mark.parametrize(("value", "expected"), BODIES.values(), ids=BODIES)
def test_bodies_of_every_form_are_read(value: Any, expected: ErrorBody) -> None:
    """An error is told whatever form it has; what a form does not say stays empty."""
    assert ErrorBody.of(value) == expected


@pytest.mark.parametrize(
    ("value", "explanation"),
    [
        (
            {"error": {"message": "no", "details": [VALIDATION_PROBLEM]}},
            "body.messages.0.role: Field required",
        ),
        ({"detail": [VALIDATION_PROBLEM]}, ""),
        ({"error": {"message": "no"}}, ""),
    ],
)
def test_details_explain_what_the_message_does_not(value: Any, explanation: str) -> None:
    """Which field is wrong is told once: by the details, unless the message was made of them."""
    assert ErrorBody.of(value).explanation == explanation


def json_values() -> st.SearchStrategy[Any]:
    """Draw JSON that is made of the keys of error bodies, filled with anything."""
    keys = st.sampled_from(
        ["error", "code", "type", "message", "detail", "details", "loc", "msg", "request_id", "status"]
    )
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["", "no", "req_1", "5"])
    )
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
    )


@given(json_values())
def test_reading_never_raises_and_never_mixes_types(value: Any) -> None:
    """Whatever JSON an error body is: message, code and request id are text, details are a list."""
    found = ErrorBody.of(value)
    assert isinstance(found.message, str)
    assert found.code is None or found.code
    assert found.request_id is None or isinstance(found.request_id, str)
    assert isinstance(found.details, list)
    pause = retry_after({}, found)
    assert pause is None or (pause >= 0 and math.isfinite(pause))


@pytest.mark.parametrize("around", ['{"error":%s}', '{"detail":[%s]}', '{"error":{"message":[{"msg":%s}]}}'])
def test_deeply_nested_bodies_are_read(around: str) -> None:
    """A body that nests as deeply as an error body is ever looked through does not exhaust the stack."""
    value = json.loads(around % ("[" * 400 + "]" * 400))
    assert "[[[" in ErrorBody.of(value).message


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"

RETRY_AFTER: dict[str, tuple[dict[str, str], Any, float | None]] = {
    "nothing asked for": ({}, None, None),
    "seconds": ({"retry-after": "5"}, None, 5.0),
    "decimals": ({"retry-after": "0.25"}, None, 0.25),
    "seconds with blanks": ({"retry-after": " 5 "}, None, 5.0),
    "a date": ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": DATE}, None, 30.0),
    "a date in the form of RFC 850": (
        {"retry-after": "Wednesday, 21-Oct-26 07:28:30 GMT", "date": DATE},
        None,
        30.0,
    ),
    "a date in the form of C": ({"retry-after": "Wed Oct 21 07:28:30 2026", "date": DATE}, None, 30.0),
    "a date without a zone": ({"retry-after": "Wed, 21 Oct 2026 07:28:30", "date": DATE}, None, 30.0),
    "a date in another zone": (
        {"retry-after": "Wed, 21 Oct 2026 09:28:30 +0200", "date": DATE},
        None,
        30.0,
    ),
    "a date that is over": ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": DATE}, None, 0.0),
    "a date that is over on this machine's clock": (
        {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"},
        None,
        0.0,
    ),
    "milliseconds": ({"retry-after-ms": "250"}, None, 0.25),
    "the longest of several": ({"retry-after": "1", "retry-after-ms": "1500"}, 0.5, 1.5),
    "the body's number": ({}, 5, 5.0),
    "the body's decimals": ({}, 0.5, 0.5),
    "the body's text": ({}, "5", 5.0),
    "the body's date": ({"date": DATE}, "Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
    "the body over the header": ({"retry-after": "3"}, 5, 5.0),
    "the header over the body": ({"retry-after": "7"}, 5, 7.0),
    "zero": ({"retry-after": "0"}, None, 0.0),
    "negative seconds": ({"retry-after": "-5"}, None, 0.0),
    "negative seconds in the body": ({}, -5, 0.0),
    "no number": ({"retry-after": "nan"}, None, None),
    "no number in the body": ({}, math.nan, None),
    "an infinity": ({"retry-after": "inf"}, None, None),
    "a negative infinity": ({"retry-after": "-infinity"}, None, None),
    "an infinity in the body": ({}, math.inf, None),
    "more than a float can hold": ({"retry-after": "1e999"}, None, None),
    "more than a float can hold, in the body": ({}, 10**400, None),
    "garbage": ({"retry-after": "soon", "retry-after-ms": "x", "date": "y"}, "later", None),
    "empty": ({"retry-after": "", "retry-after-ms": ""}, "", None),
    "a date with an absurd zone": (
        {"retry-after": "Wed, 21 Oct 2026 07:28:30 +99999999999999999"},
        None,
        None,
    ),
    "a flag in the body": ({}, True, None),
    "a list in the body": ({}, [5], None),
    "garbage beside a number": ({"retry-after": "soon"}, 5, 5.0),
}


@pytest.mark.parametrize(("headers", "asked", "expected"), RETRY_AFTER.values(), ids=RETRY_AFTER)
def test_retry_after_in_every_form(headers: dict[str, str], asked: Any, expected: float | None) -> None:
    """Seconds, decimals, dates, milliseconds, and the body's field: the longest counts (promise 16)."""
    assert retry_after(headers, ErrorBody(retry_after=asked)) == expected


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Move this machine nine hours away from GMT."""
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process can't be set here")
@pytest.mark.usefixtures("far_east")
@pytest.mark.parametrize("date", ["Wed, 21 Oct 2026 07:28:30 GMT", "Wed Oct 21 07:28:30 2026"])
def test_a_date_is_in_gmt_wherever_this_machine_is(date: str) -> None:
    """The old forms of a date that name no zone are in GMT all the same, not in the zone of this machine."""
    assert retry_after({"retry-after": date, "date": DATE}, ErrorBody()) == 30.0


@pytest.mark.parametrize("now", [{}, {"date": "garbage"}])
def test_a_date_without_a_date_of_the_answer_is_read_against_this_machine(now: dict[str, str]) -> None:
    """Where the answer has no date of its own, or garbage, the clock of this machine has to do."""
    pause = retry_after({"retry-after": "Tue, 01 Jan 2999 00:00:00 GMT", **now}, ErrorBody())
    assert pause is not None
    assert 1e9 < pause < 1e11


# Every code that the gateway's documentation lists with a status of its own.
DOCUMENTED = {
    "invalid_api_version": 400,
    "invalid_request": 400,
    "invalid_request_error": 400,
    "model_capability_not_supported": 400,
    "unauthorized": 401,
    "spend_limit_exceeded": 402,
    "forbidden": 403,
    "model_not_found": 404,
    "not_found": 404,
    "conflict": 409,
    "unprocessable_entity": 422,
    "validation_error": 422,
    "rate_limit_exceeded": 429,
    "batch_limit_exceeded": 429,
    "internal_error": 500,
    "provider_job_failed": 500,
    "not_implemented": 501,
    "upstream_error": 502,
    "provider_not_available": 503,
    "gateway_timeout": 504,
}
# Codes whose status follows from their names.
NAMED = {
    "bad_request": 400,
    "content_policy_violation": 400,
    "context_window_exceeded": 400,
    "invalid_input": 400,
    "unsupported_operation": 400,
    "invalid_api_key": 401,
    "insufficient_credits": 402,
    "resource_not_found": 404,
    "upstream_rate_limit_error": 429,
}
UPSTREAMS_OWN = {"400": 400, "429": 429, "529": 529, "599": 599}
UNKNOWN = ["", "200", "399", "600", "4e2", "\u0664\u0662\u0669", "model_brand_unknown", "some_new_code", None]


@pytest.mark.parametrize(("code", "status"), [*DOCUMENTED.items(), *NAMED.items(), *UPSTREAMS_OWN.items()])
def test_codes_stand_for_statuses(code: str, status: int) -> None:
    """Where no HTTP status tells what an error is, its code does."""
    assert status_of(code) == status


@pytest.mark.parametrize("code", UNKNOWN)
def test_unknown_codes_stand_for_none(code: str | None) -> None:
    """Codes are an open set: one that is not known stands for no status, and is no failure."""
    assert status_of(code) is None
