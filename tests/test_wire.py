"""Requests made of calls, replies read from bytes, all with literals: nothing here does I/O."""

import json
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from meshapi_aio import (
    BadRequestError,
    ChatCompletion,
    CreateChatCompletion,
    DecodeError,
    InternalServerError,
    NotFoundError,
    Reply,
    UnexpectedResponseError,
    __version__,
)
from meshapi_aio._answer import Answer
from meshapi_aio._shape import shape
from meshapi_aio._wire import Headers, Request, prepare, read_reply
from meshapi_aio.call import CALLS, Call, delete, get
from meshapi_aio.settings import Settings
from tests.literals import CREATE, JSON_ANSWER, NO_TYPE, SETTINGS, STREAM, TOKEN
from tests.strategies import BOM


SDK = f"meshapi_aio/{__version__}"
UNARY_HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": SDK,
    "X-MeshAPI-SDK": SDK,
    "X-Mesh-Version": "2026-08",
}
STREAM_HEADERS = UNARY_HEADERS | {"Accept": "text/event-stream", "Accept-Encoding": "identity"}


# Requests.


def test_the_headers_of_a_call_that_is_answered_as_a_whole() -> None:
    """Exactly the headers that the gateway documents go out, and no others (row A4)."""
    assert dict(prepare(CREATE, SETTINGS).headers) == UNARY_HEADERS


def test_the_headers_of_a_stream() -> None:
    """A stream asks for events, and for no compression, which would hold events back (promise 5)."""
    assert dict(prepare(STREAM, SETTINGS).headers) == STREAM_HEADERS


@pytest.mark.parametrize(
    ("changes", "absent", "added"),
    [
        ({"api_version": None}, {"X-Mesh-Version"}, {}),
        ({"api_version": "2026-09"}, set[str](), {"X-Mesh-Version": "2026-09"}),
        ({"request_id": "req:1.a_b-c"}, set[str](), {"X-Request-Id": "req:1.a_b-c"}),
        ({"cache": False}, set[str](), {"X-Mesh-Cache": "no-store"}),
        ({"cache": True}, set[str](), {}),
        ({"headers": {"X-Team": "red"}}, set[str](), {"X-Team": "red"}),
        ({"headers": {"user-agent": "bot/1"}}, set[str](), {"User-Agent": "bot/1"}),
        ({"headers": {"ACCEPT": "application/x"}}, set[str](), {"Accept": "application/x"}),
        ({"headers": {"x-meshapi-sdk": "x/1"}}, set[str](), {"X-MeshAPI-SDK": "x/1"}),
        ({"headers": {"Accept-encoding": "gzip"}}, {"Accept-Encoding"}, {"Accept-encoding": "gzip"}),
    ],
)
def test_settings_change_the_headers(
    changes: dict[str, Any], absent: set[str], added: dict[str, str]
) -> None:
    """Version, request id, cache and extra headers go out as set; None sends nothing at all, never empty."""
    kept = {name: value for name, value in UNARY_HEADERS.items() if name not in absent}
    assert dict(prepare(CREATE, SETTINGS.evolve(**changes)).headers) == {**kept, **added}


def test_a_stream_may_be_asked_for_in_another_encoding() -> None:
    """An extra header replaces the client's own one of that name, in whatever case it is written."""
    settings = SETTINGS.evolve(headers={"accept-encoding": "gzip"})
    assert dict(prepare(STREAM, settings).headers) == {**STREAM_HEADERS, "Accept-Encoding": "gzip"}


@pytest.mark.parametrize("name", ["Authorization", "content-type", "HOST", "X-Mesh-Version", "x-request-id"])
def test_extra_headers_do_not_replace_what_settings_are_for(name: str) -> None:
    """What has a setting of its own, or belongs to the body, is refused among the extra headers."""
    with pytest.raises(ValueError, match=name):
        SETTINGS.evolve(headers={name: "x"})


def test_an_extra_header_in_another_case_replaces_the_first() -> None:
    """No header goes out twice: the one that was set last counts (options over the client's own)."""
    settings = SETTINGS.evolve(headers={"X-Team": "red"}).evolve(headers={"x-team": "blue"})
    assert dict(prepare(CREATE, settings).headers) == {**UNARY_HEADERS, "x-team": "blue"}


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://gateway.example", "https://gateway.example/v1/chat/completions"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/chat/completions"),
        ("https://proxy.example/mesh/x", "https://proxy.example/mesh/x/v1/chat/completions"),
        ("http://[::1]:8000", "http://[::1]:8000/v1/chat/completions"),
    ],
)
def test_the_path_is_joined_to_the_base_url(base_url: str, url: str) -> None:
    """The call's path follows the base URL, a path prefix included (rows A2, B2)."""
    request = prepare(CREATE, attrs.evolve(SETTINGS, base_url=base_url))
    assert (request.method, request.url) == ("POST", url)


def test_the_body_is_compact_json_in_utf_8() -> None:
    """The body holds what was given and nothing else; ``stream`` is always told (rows B7, C5)."""
    fields = b'"messages":[{"role":"user","content":"H\xc3\xa9"}],"model":"openai/gpt-4o-mini"'
    assert prepare(CREATE, SETTINGS).body == b"{" + fields + b',"stream":false}'
    assert prepare(STREAM, SETTINGS).body == b"{" + fields + b',"stream":true}'


def test_a_value_that_json_cannot_hold_is_named() -> None:
    """Nothing is sent of a call that has no JSON, and the error names the place."""
    call = CreateChatCompletion(messages=[{"role": "user", "content": "x"}], extra_body={"a": [{1, 2}]})
    with pytest.raises(TypeError, match=r"\{1, 2\} \(set\) @ \$\.a\[0\]"):
        prepare(call, SETTINGS)


def test_a_request_shows_neither_token_nor_prompt() -> None:
    """The repr names the headers without their values, and leaves out the body (promise 17)."""
    request = prepare(CREATE, SETTINGS)
    assert repr(Headers({"A": TOKEN, "B": "x"})) == "<headers A, B>"
    assert TOKEN not in repr(request)
    assert "gpt-4o" not in repr(request)
    assert request == Request("POST", request.url, request.headers, request.body)


# Replies.

COMPLETION: dict[str, Any] = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "openai/gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hé"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 14, "completion_tokens": 7, "total_tokens": 21},
}


def read(body: object, answer: Answer = JSON_ANSWER, settings: Settings = SETTINGS) -> ChatCompletion:
    """Read the reply in an answer."""
    return read_reply(
        CREATE, answer, body if isinstance(body, bytes) else json.dumps(body).encode(), settings
    )


@pytest.mark.parametrize("answer", [JSON_ANSWER, NO_TYPE, Answer(201, {"content-type": "text/plain"})])
@pytest.mark.parametrize("before", [b"", BOM, b" \r\n"])
def test_a_reply_is_read_whatever_its_content_type(answer: Answer, before: bytes) -> None:
    """JSON of the right shape is a reply, also where a proxy mislabelled it."""
    reply = read(before + json.dumps(COMPLETION).encode(), answer)
    assert isinstance(reply, ChatCompletion)
    assert reply.to_dict() == COMPLETION


def test_an_error_status_raises_its_class() -> None:
    """An answer that is no success raises what it stands for (row E7)."""
    body = {"error": {"code": "model_not_found", "message": "no"}, "request_id": "req_body"}
    with pytest.raises(NotFoundError) as caught:
        read(body, Answer(404, {"x-request-id": "req_header"}))
    assert (caught.value.code, caught.value.request_id) == ("model_not_found", "req_body")


@pytest.mark.parametrize("body", [b"<html></html>", json.dumps(COMPLETION).encode(), b""])
def test_an_error_status_is_one_whatever_its_body(body: bytes) -> None:
    """Not even a body that would be a reply makes a success of an error status."""
    with pytest.raises(InternalServerError) as caught:
        read(body, Answer(502, {"x-request-id": "req_header"}))
    assert (caught.value.status, caught.value.request_id) == (502, "req_header")


def test_an_error_in_a_success_raises_what_its_code_stands_for() -> None:
    """The gateway answers some rejections with 200; they raise like those with a status."""
    with pytest.raises(BadRequestError) as caught:
        read({"error": {"code": "invalid_request", "message": f"no {TOKEN}"}})
    assert (caught.value.status, caught.value.message) == (400, "no [token]")
    assert caught.value.request_id == "req_header"


def test_a_null_error_beside_a_reply_is_none() -> None:
    """Some upstreams say that there was no error."""
    assert read({**COMPLETION, "error": None}).choices[0].message.content == "Hé"
    assert read({**COMPLETION, "error": {}}).choices[0].message.content == "Hé"


@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"choices":', b"\xff\xfe", b"1" * 5000])
def test_a_success_that_is_no_json_is_unexpected(body: bytes) -> None:
    """HTML, nothing, or half an answer under status 200 is told for what it is; its error chains nothing."""
    with pytest.raises(UnexpectedResponseError, match="where JSON was due") as caught:
        read(body)
    assert caught.value.request_id == "req_header"
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, r"required field missing @ \$\.choices"),
        ({"choices": [{"index": 0}]}, r"required field missing @ \$\.choices\[0\]\.message"),
        ({"choices": [], "usage": {"total_tokens": "x"}}, r"@ \$\.usage\.total_tokens"),
        ([], r"expected an object, got a list @ \$"),
        (None, r"expected an object, got null @ \$"),
    ],
)
def test_json_of_another_shape_names_the_place(body: object, problem: str) -> None:
    """The error names the path, and keeps the paid answer, without the token."""
    with pytest.raises(DecodeError, match=f"^the reply is no ChatCompletion: .*{problem}") as caught:
        read(body)
    assert (caught.value.body, caught.value.request_id) == (body, "req_header")
    assert caught.value.__context__ is None
    with pytest.raises(DecodeError) as caught:
        read({"object": TOKEN})
    assert caught.value.body == {"object": "[token]"}


@pytest.mark.parametrize("depth", [300, 900, 5_000, 100_000])
def test_json_that_nests_without_end_is_no_reply(depth: int) -> None:
    """However deeply a body nests, the call ends with an error of this client."""
    with pytest.raises((DecodeError, UnexpectedResponseError)):
        read(b'{"choices":%s}' % (b"[" * depth + b"]" * depth))


# Calls that have no body.


@shape
class Thing(Reply):
    """What the calls below are about."""

    name: str | None = None


@get("/v1/things/{id}")
class GetThing(Call[Thing]):
    """Fetch a thing."""

    id: str
    deep: bool | None = None
    kind: Sequence[str] | None = None
    limit: int | None = None
    q: str | None = None


@delete("/v1/things/{id}")
class DeleteThing(Call[Reply]):
    """Remove a thing."""

    id: str


for _call in ("GetThing", "DeleteThing"):  # what goes through every call of the package must not meet them
    CALLS.pop(_call)


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ({}, ""),
        ({"deep": True}, "?deep=true"),
        ({"deep": False, "limit": 5}, "?deep=false&limit=5"),
        ({"kind": ["a", "b c"]}, "?kind=a&kind=b%20c"),
        ({"q": "é&x=1 +/"}, "?q=%C3%A9%26x%3D1%20%2B%2F"),
    ],
)
def test_what_is_said_beside_the_path_is_the_query(asked: dict[str, Any], query: str) -> None:
    """Of GET and DELETE: lists as repeated keys, true and false in lower case; and there is no body."""
    request = prepare(GetThing(id="a/b", **asked), SETTINGS)
    assert (request.method, request.body) == ("GET", None)
    assert request.url == f"https://gateway.example/v1/things/a%2Fb{query}"


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (200, b'{"deleted": true}')])
def test_a_call_that_is_answered_by_nothing(status: int, body: bytes) -> None:
    """Its reply says nothing, or what the gateway adds."""
    call = DeleteThing(id="x")
    assert prepare(call, SETTINGS).method == "DELETE"
    assert read_reply(call, Answer(status, {}), body, SETTINGS).extra == json.loads(body or b"{}")


@pytest.mark.parametrize("body", [b"<html></html>", b'{"error": {"code": "not_found", "message": "no"}}'])
def test_a_call_that_is_answered_by_nothing_sees_errors(body: bytes) -> None:
    """A page of a proxy is no success, neither is an error with a success's status."""
    with pytest.raises((UnexpectedResponseError, NotFoundError)):
        read_reply(DeleteThing(id="x"), Answer(200, {}), body, SETTINGS)


def test_an_empty_answer_is_no_reply() -> None:
    """Where a call returns something."""
    with pytest.raises(UnexpectedResponseError, match="an empty body, where JSON was due"):
        read_reply(GetThing(id="x"), Answer(204, {}), b"", SETTINGS)
