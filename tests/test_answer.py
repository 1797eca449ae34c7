"""Answers that are no success, and errors inside those that are: which error each is, and what it tells."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio._answer import (
    Answer,
    error_event,
    error_in,
    read_error,
    redacted,
    telling_headers,
    tells_error,
    unexpected,
)
from meshapi_aio.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    MeshAPIError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    SpendLimitError,
    StreamAPIError,
    UnexpectedResponseError,
    UnprocessableEntityError,
)
from tests.literals import JSON_ANSWER, SETTINGS, TOKEN


def answer(status: int, **headers: str) -> Answer:
    """Return the beginning of an answer; underscores in the names of headers stand for hyphens."""
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()})


def read(status: int, body: object, **headers: str) -> APIStatusError:
    """Return the status error that an answer stands for."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = read_error(answer(status, **headers), raw, SETTINGS)
    assert isinstance(error, APIStatusError)
    return error


@pytest.mark.parametrize(
    ("status", "is_success"),
    [(199, False), (200, True), (204, True), (299, True), (300, False), (500, False)],
)
def test_success_is_a_status_of_the_two_hundreds(status: int, is_success: bool) -> None:
    """HTTP's own classes decide what is a success."""
    assert answer(status).is_success is is_success


@pytest.mark.parametrize(
    ("header", "expected"),
    [("Text/Event-Stream; charset=UTF-8", "text/event-stream"), (" a/b ", "a/b"), ("", "")],
)
def test_the_content_type_stands_without_its_parameters(header: str, expected: str) -> None:
    """The media type is compared in lower case and without charset and boundary."""
    assert answer(200, content_type=header).content_type == expected
    assert answer(200).content_type == ""


def test_an_empty_request_id_is_none() -> None:
    """Deployments that send an empty ``x-request-id`` told no id."""
    assert answer(200, x_request_id="req_1").request_id == "req_1"
    assert answer(200, x_request_id="").request_id is None
    assert answer(200).request_id is None


def test_headers_that_tell_something_are_kept() -> None:
    """What says how the call went stays with the reply; cookies and the like do not."""
    telling = {
        "content-type": "application/json",
        "mesh-version": "2026-08",
        "retry-after": "1",
        "x-cache": "HIT",
        "x-mesh-version": "2026-08",
        "x-ratelimit-remaining-requests": "7",
        "x-request-id": "req_1",
        "x-resolved-model-id": "openai/gpt-4o",
    }
    others = {"set-cookie": "a=b", "server": "x", "x-other": "y", "authorization": TOKEN}
    beginning = Answer(200, {**telling, **others})
    assert telling_headers(beginning) == telling
    assert TOKEN not in repr(beginning)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, SpendLimitError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, APIStatusError),
        (418, APIStatusError),
        (422, UnprocessableEntityError),
        (429, RateLimitError),
        (500, InternalServerError),
        (501, InternalServerError),
        (502, InternalServerError),
        (503, InternalServerError),
        (504, InternalServerError),
        (529, InternalServerError),
        (101, APIStatusError),
        (999, InternalServerError),
    ],
)
def test_a_status_has_its_class(status: int, kind: type[APIStatusError]) -> None:
    """The class of an error says what to do about it, whatever the body's code says."""
    error = read(status, {"error": {"code": "some_code", "message": "no"}})
    assert type(error) is kind
    assert (error.status, error.code, error.message) == (status, "some_code", "no")
    assert str(error) == f"{status} some_code: no"


def test_the_envelope_is_told_whole() -> None:
    """Code, message, details, the upstream's words, the pause and the request id come from the body."""
    body = {
        "error": {
            "code": "upstream_error",
            "message": "no",
            "details": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}],
            "provider_error": {"status": 500},
            "provider_code": "provider_overloaded",
            "retry_after_seconds": 5,
        },
        "request_id": "req_body",
    }
    error = read(502, body, content_type="application/json", x_request_id="req_header", retry_after="2")
    assert error.details == [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]
    assert error.provider_error == {"status": 500}
    assert error.retry_after == 5.0
    assert error.request_id == "req_body"
    assert error.body == body
    told = "502 upstream_error: no (body.model: Field required); retry after 5 s (request id: req_body)"
    assert str(error) == told


def test_the_headers_fill_in_what_the_body_does_not_say() -> None:
    """The request id and the pause may stand in the headers alone; the rest stays empty."""
    error = read(503, b"try later", x_request_id="req_header", retry_after="2.5")
    assert (error.request_id, error.retry_after) == ("req_header", 2.5)
    assert (error.code, error.details, error.provider_error) == (None, [], None)
    assert read(503, b"x", x_request_id="").request_id is None


BODIES: dict[str, tuple[bytes, str, object]] = {
    "a framework's text": (b'{"detail":"Not Found"}', "Not Found", {"detail": "Not Found"}),
    "a framework's list": (
        b'{"detail":[{"loc":["body","n"],"msg":"Too big","type":"t"}]}',
        "body.n: Too big",
        {"detail": [{"loc": ["body", "n"], "msg": "Too big", "type": "t"}]},
    ),
    "an error that is text": (b'{"error":"no"}', "no", {"error": "no"}),
    "JSON of no known form": (b'{"foo": 1}', '{"foo": 1}', {"foo": 1}),
    "a text as JSON": (b'"no"', "no", "no"),
    "a list": (b"[1]", "[1]", [1]),
    "null": (b"null", "null", "null"),
    "HTML": (
        b"<html>\n <h1>502</h1>\n</html>",
        "<html> <h1>502</h1> </html>",
        "<html>\n <h1>502</h1>\n</html>",
    ),
    "plain text": (b"no healthy upstream", "no healthy upstream", "no healthy upstream"),
    "JSON that is cut off": (b'{"error":{"mess', '{"error":{"mess', '{"error":{"mess'),
    "JSON with a byte order mark": (b'\xef\xbb\xbf{"error":"no"}', "no", {"error": "no"}),
    "bytes that are no UTF-8": (b"caf\xe9", "caf\ufffd", "caf\ufffd"),
    "nothing": (b"", "no explanation", ""),
    "blanks": (b" \r\n", "no explanation", " \r\n"),
}


@pytest.mark.parametrize(("raw", "message", "body"), BODIES.values(), ids=BODIES)
def test_bodies_of_every_form_are_told(raw: bytes, message: str, body: object) -> None:
    """Frameworks, proxies and broken answers are told by their text; ``body`` is the JSON, else the text."""
    for content_type in ("application/json", "text/html", ""):
        error = read(502, raw, content_type=content_type)
        assert (error.message, error.body) == (message, body)


def test_a_long_text_is_told_by_its_beginning() -> None:
    """The message of an error stays readable; ``body`` has the whole text."""
    error = read(500, b"x" * 10_000)
    assert error.message == "x" * 511 + "…"
    assert error.body == "x" * 10_000
    assert read(500, b"x" * 512).message == "x" * 512
    assert read(500, b"x" * 513).message == "x" * 511 + "…"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://other.example:8443/v1/chat?key=1", "other.example"),
        (f"https://user:{TOKEN}@other.example/?token={TOKEN}", "other.example"),
        ("//other.example/x", "other.example"),
        ("/login", "another path"),
        ("", "another path"),
        ("http://[broken/", "what is no URL"),
    ],
)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 399])
def test_a_redirect_names_the_host_alone(status: int, location: str, target: str) -> None:
    """Redirects are not followed; where one leads is told without what may be a secret (promise 18)."""
    error = read_error(answer(status, location=location, x_request_id="req_1"), b"", SETTINGS)
    assert isinstance(error, UnexpectedResponseError)
    assert (error.status, error.request_id, error.excerpt) == (status, "req_1", "")
    assert f"a redirect to {target};" in str(error)
    assert TOKEN not in str(error)
    assert "?" not in str(error)


NO_ERRORS = [
    {"choices": []},
    {"error": None},
    {"error": None, "choices": []},
    {"error": False},
    {"error": 0},
    {"error": {}, "choices": []},
    {"error": "", "choices": []},
    {"error": [], "request_id": "req_1", "object": "x"},
    {"detail": "x"},
    {},
    [],
    ["error"],
    "error",
    None,
    7,
]
ERRORS = [
    {"error": {"code": "x"}},
    {"error": {"code": None, "message": None}, "choices": []},
    {"error": "boom", "choices": []},
    {"error": True},
    {"error": 1},
    {"error": [0]},
    {"error": {}},
    {"error": []},
    {"error": ""},
    {"error": {}, "request_id": "req_1"},
]


@pytest.mark.parametrize("value", NO_ERRORS)
def test_an_error_that_says_nothing_is_none(value: object) -> None:
    """Null is no error, nor is anything empty beside other keys: upstreams say so that all went well."""
    assert not tells_error(value)
    assert error_in(value, JSON_ANSWER, SETTINGS) is None


@pytest.mark.parametrize("value", ERRORS)
def test_an_error_that_says_something_is_one(value: object) -> None:
    """Nothing is lost in silence: an error beside choices counts, as does an empty one that stands alone."""
    assert tells_error(value)
    assert isinstance(error_in(value, JSON_ANSWER, SETTINGS), APIStatusError)


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        ("invalid_request", BadRequestError, 400),
        ("context_window_exceeded", BadRequestError, 400),
        ("unauthorized", AuthenticationError, 401),
        ("spend_limit_exceeded", SpendLimitError, 402),
        ("forbidden", PermissionDeniedError, 403),
        ("model_not_found", NotFoundError, 404),
        ("conflict", ConflictError, 409),
        ("validation_error", UnprocessableEntityError, 422),
        ("rate_limit_exceeded", RateLimitError, 429),
        ("upstream_error", InternalServerError, 502),
        (429, RateLimitError, 429),
        ("404", NotFoundError, 404),
        (529, InternalServerError, 529),
        (200, APIStatusError, 200),
        ("some_new_code", APIStatusError, 200),
        (None, APIStatusError, 200),
    ],
)
def test_an_error_in_a_success_is_what_its_code_stands_for(
    code: object, kind: type[APIStatusError], status: int
) -> None:
    """The gateway answers some rejections with 200 and an error; where its code is unknown, 200 it stays."""
    value = {"error": {"code": code, "message": "no", "retry_after_seconds": 1.5}}
    error = error_in(value, answer(200, x_request_id="req_header", retry_after="2"), SETTINGS)
    assert type(error) is kind
    assert isinstance(error, APIStatusError)
    assert (error.status, error.message, error.retry_after, error.body) == (status, "no", 2.0, value)
    assert error.code == (None if code is None else str(code))
    assert error.request_id == "req_header"


def test_an_error_in_a_success_that_explains_nothing_says_so() -> None:
    """An error is never told with an empty text."""
    error = error_in({"error": {}}, JSON_ANSWER, SETTINGS)
    assert isinstance(error, APIStatusError)
    assert error.message == "no explanation"


EVENTS: dict[str, tuple[object, str | None, int | None, str]] = {
    "an object": ({"error": {"code": "gateway_timeout", "message": "no"}}, "gateway_timeout", 504, "no"),
    "no code": ({"error": {"message": "no"}}, "upstream_error", 502, "no"),
    "a null code": ({"error": {"code": None, "message": "no"}}, "upstream_error", 502, "no"),
    "nulls": ({"error": {"code": None, "message": None}}, "upstream_error", 502, "no explanation"),
    "an empty object": ({"error": {}}, "upstream_error", 502, "no explanation"),
    "an empty list": ({"error": []}, "upstream_error", 502, "no explanation"),
    "a list": ({"error": ["no"]}, "upstream_error", 502, "no"),
    "a text": ({"error": "no"}, "upstream_error", 502, "no"),
    "a number as code": ({"error": {"code": 429, "message": "no"}}, "429", 429, "no"),
    "a status as text": ({"error": {"code": "503", "message": "no"}}, "503", 503, "no"),
    "a number that is no status": ({"error": {"code": 7, "message": "no"}}, "7", None, "no"),
    "an unknown code": ({"error": {"code": "new", "message": "no"}}, "new", None, "no"),
    "a type for a code": (
        {"error": {"type": "invalid_request_error", "message": "no"}},
        "invalid_request_error",
        400,
        "no",
    ),
    "only the inside of an error": (
        {"code": "rate_limit_exceeded", "message": "no"},
        "rate_limit_exceeded",
        429,
        "no",
    ),
    "a null error and a message": ({"error": None, "message": "no"}, "upstream_error", 502, "no"),
    "an empty event": ({}, "upstream_error", 502, "no explanation"),
    "bare text": ("no\nreally", "upstream_error", 502, "no really"),
    "no text": ("", "upstream_error", 502, "no explanation"),
    "a bare list": (["no", "error"], "upstream_error", 502, "no; error"),
    "a bare number": (7, "upstream_error", 502, "7"),
    "null": (None, "upstream_error", 502, "no explanation"),
}


@pytest.mark.parametrize(("value", "code", "status", "message"), EVENTS.values(), ids=EVENTS)
def test_an_error_event_in_every_form(
    value: object, code: str | None, status: int | None, message: str
) -> None:
    """
    An error event is told whatever form it has.

    Without a code it is an ``upstream_error``, as the gateway's own clients say; ``status`` is what the code
    stands for, None where that is unknown.
    """
    error = error_event(value, JSON_ANSWER, SETTINGS)
    assert type(error) is StreamAPIError
    assert (error.code, error.status, error.message, error.body) == (code, status, message, value)
    assert (error.details, error.provider_error, error.retry_after) == ([], None, None)


def test_an_error_event_is_told_whole() -> None:
    """Details, the upstream's words and the pause are the event's; the headers' pause is from before it."""
    value = {
        "error": {
            "code": "rate_limit_exceeded",
            "message": "no",
            "details": [1],
            "provider_error": {"a": 1},
            "retry_after_seconds": 3,
        },
        "request_id": "req_event",
    }
    error = error_event(value, answer(200, retry_after="9", x_request_id="req_header"), SETTINGS)
    assert (error.details, error.provider_error, error.retry_after) == ([1], {"a": 1}, 3.0)
    assert error.request_id == "req_event"
    del value["request_id"]
    assert error_event(value, JSON_ANSWER, SETTINGS).request_id == "req_header"


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({"retry_after": "9"}, 9.0),
        ({"retry_after_ms": "2500"}, 3.0),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
    ],
)
def test_the_headers_of_a_first_error_event_may_ask_for_patience(
    headers: dict[str, str], asked: float
) -> None:
    """Where nothing came before the error, they may be about it, as on an error status (promise 16)."""
    value = {"error": {"code": "rate_limit_exceeded", "retry_after_seconds": 3}}
    assert error_event(value, answer(200, **headers), SETTINGS, first=True).retry_after == asked
    assert error_event(value, answer(200, **headers), SETTINGS).retry_after == 3.0


@pytest.mark.parametrize(
    ("body", "content_type", "found"),
    [
        (b"<html> </html>", "text/html; charset=utf-8", "text/html: '<html> </html>'"),
        (b"x", "", "no content type: 'x'"),
        (b"\xef\xbb\xbf ", "text/plain", "an empty body"),
        (b"", "", "an empty body"),
    ],
)
def test_what_was_not_expected_is_shown(body: bytes, content_type: str, found: str) -> None:
    """A body of the wrong kind is named and quoted, and so is what was due."""
    error = unexpected(
        answer(200, content_type=content_type, x_request_id="req_1"), body, SETTINGS, "an event stream"
    )
    assert error.args[0] == f"the gateway answered 200 with {found}, where an event stream was due"
    assert (error.status, error.request_id) == (200, "req_1")
    assert error.content_type == content_type.partition(";")[0]
    assert len(unexpected(JSON_ANSWER, b"x" * 10_000, SETTINGS, "JSON").excerpt) == 512


# The token as gateways may echo it: as it is, inside text, in a key, or hidden behind JSON's escapes.
ECHOES = [
    {"error": {"code": TOKEN, "message": f"bad key {TOKEN}", "details": [{TOKEN: [TOKEN]}]}},
    {"error": {"message": {TOKEN: TOKEN}, "provider_error": {"headers": {"x": f"Bearer {TOKEN}"}}}},
    {"error": f"{TOKEN}{TOKEN}", "request_id": TOKEN},
    {"detail": [{"loc": [TOKEN], "msg": TOKEN, "input": {TOKEN: TOKEN}}]},
    {"detail": TOKEN},
    {TOKEN: TOKEN},
    [TOKEN],
    TOKEN,
]


def holds_token(error: MeshAPIError) -> bool:
    """Look for the token in everything that an error tells, its pickle included."""
    shown = [str(error), repr(error), repr(error.args), repr(error.__dict__)]
    return any(TOKEN in text for text in shown) or TOKEN.encode() in pickle.dumps(error)


def escaped(text: str) -> str:
    """Return JSON text with the token spelt in escapes, as a cautious encoder might."""
    return text.replace(TOKEN, "".join(f"\\u{ord(letter):04x}" for letter in TOKEN))


@pytest.mark.parametrize("value", ECHOES)
def test_an_echoed_token_is_in_no_error(value: Any) -> None:
    """The token is taken out of all that an error tells, wherever the gateway put it (promise 17)."""
    plain = json.dumps(value)
    for text in (plain, escaped(plain), plain + "}", f"<p>{plain}</p>"):
        for body in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
            assert not holds_token(read_error(answer(401), body, SETTINGS))
            assert not holds_token(unexpected(JSON_ANSWER, body, SETTINGS, "JSON"))
    assert not holds_token(error_event(value, JSON_ANSWER, SETTINGS))
    refusal = error_in({"error": value}, JSON_ANSWER, SETTINGS)
    assert refusal is not None
    assert not holds_token(refusal)
    assert "[token]" in repr(refusal.__dict__)


def test_redacting_leaves_everything_else_as_it_is() -> None:
    """JSON without the token comes back equal, whatever its kinds."""
    value: Any = {"a": [1, 2.5, None, True, "text", {"b": []}]}
    assert redacted(value, SETTINGS) == value
    assert redacted({TOKEN: [f"<{TOKEN}>"]}, SETTINGS) == {"[token]": ["<[token]>"]}


@pytest.mark.parametrize("depth", [100, 300, 600, 900, 5_000, 100_000])
@pytest.mark.parametrize("around", ["%s", '{"error":%s}', '{"error":{"message":%s}}', '{"detail":[%s]}'])
def test_bodies_may_nest_without_end(depth: int, around: str) -> None:
    """However deeply a body nests, it is told as an error and never exhausts the stack."""
    body = (around % ("[" * depth + f'"{TOKEN}"' + "]" * depth)).encode()
    error = read_error(answer(500), body, SETTINGS)
    assert isinstance(error, InternalServerError)
    assert not holds_token(error) if depth < 300 else TOKEN not in str(error)


def test_json_that_is_too_deep_to_be_searched_for_the_token_is_left_out() -> None:
    """What can't be redacted is not kept: None stands for it."""
    deep: Any = TOKEN
    for _ in range(100_000):
        deep = [deep]
    assert redacted(deep, SETTINGS) is None
    error = error_in({"error": deep}, JSON_ANSWER, SETTINGS)
    assert isinstance(error, APIStatusError)
    assert (error.message, error.body) == ("no explanation", None)
    event = error_event({"error": deep}, JSON_ANSWER, SETTINGS)
    assert (event.message, event.body) == ("no explanation", None)


def headers() -> st.SearchStrategy[dict[str, str]]:
    """Draw the headers that are looked at, holding anything."""
    names = ["content-type", "date", "location", "retry-after", "retry-after-ms", "x-request-id"]
    texts = st.text(max_size=30) | st.sampled_from(["5", "http://[::1", "//["])
    fields = st.dictionaries(st.sampled_from(names), texts)
    return st.one_of(fields, fields.map(lambda drawn: {**drawn, "location": f"//a:{TOKEN}@h/?x={TOKEN}"}))


def bodies() -> st.SearchStrategy[bytes]:
    """Draw bytes, and JSON of all shapes that may hold the token."""
    texts = st.sampled_from([TOKEN, f"a{TOKEN}b", "no", "", "upstream_error"]) | st.text(max_size=5)
    keys = st.sampled_from(["error", "detail", "message", "code", "request_id", "details", TOKEN, "x"])
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
    values = st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
    )
    return st.one_of(
        st.binary(max_size=50),
        values.map(lambda value: json.dumps(value).encode()),
        values.map(lambda value: escaped(json.dumps(value)).encode()),
        values.map(lambda value: json.dumps(value)[:-1].encode("utf-16")),
    )


@given(st.integers(100, 999).filter(lambda status: not 200 <= status < 300), headers(), bodies())
def test_reading_an_error_never_raises_nor_tells_the_token(
    status: int, fields: dict[str, str], body: bytes
) -> None:
    """Whatever bytes an unhappy answer has, it becomes an error that pickles and holds no token."""
    beginning = Answer(status, fields)
    for error in (
        read_error(beginning, body, SETTINGS),
        unexpected(beginning, body, SETTINGS, "JSON"),
        error_event(body.decode(errors="replace"), beginning, SETTINGS),
    ):
        assert not holds_token(error)
        assert str(error)
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own bytes
        assert str(copy) == str(error)


def test_the_details_are_in_the_text() -> None:
    """A 422 says which field is wrong, not only that one is; a message made of the details says it once."""
    details = [{"loc": ["body", "n"], "msg": "must be at most 2"}]
    body = json.dumps(
        {"error": {"code": "validation_error", "message": "the request is not valid", "details": details}}
    ).encode()
    error = read_error(Answer(422, {}), body, SETTINGS)
    assert str(error) == "422 validation_error: the request is not valid (body.n: must be at most 2)"
    error = read_error(Answer(422, {}), json.dumps({"detail": details}).encode(), SETTINGS)
    assert str(error) == "422: body.n: must be at most 2"
