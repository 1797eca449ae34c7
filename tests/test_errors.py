"""The error tree: as drawn, as told, and through a pickle."""

import copy
import pickle
import re
from typing import Any, NamedTuple

import pytest

from meshapi_aio import errors
from meshapi_aio._meta import Attempt
from meshapi_aio.endpoints.chat import CreateChatCompletion
from meshapi_aio.errors import APIStatusError, APITimeoutError, MeshAPIError, RateLimitError, StreamError


class Row(NamedTuple):
    """A class of the drawing: the class under which it stands, and the attributes that its line names."""

    parent: str | None
    attributes: list[str]


def drawn() -> dict[str, Row]:
    """Read the tree in the docstring; a line without a class goes on with the class above it."""
    rows: dict[str, Row] = {}
    path: list[str] = []
    last = ""
    for line in str(errors.__doc__).split("::")[1].split("\n``")[0].split("Beside these")[0].splitlines():
        told = line.removeprefix("    ").lstrip("│├└─ ")
        branch = line.removeprefix("    ").removesuffix(told)
        names = [name for name in re.findall(r"[A-Z]\w+", told) if name in errors.__all__]
        for name in names:
            depth = (len(branch) + 3) // 4
            path[depth:] = [name]
            rows[name] = Row(path[depth - 1] if depth else None, [])
            last = name
        if last:
            rows[last].attributes.extend(re.findall(r"(?<![\w.])\.(\w+)", told))
    return rows


CLASSES: list[type[MeshAPIError]] = [
    getattr(errors, name) for name in errors.__all__ if issubclass(getattr(errors, name), MeshAPIError)
]

GATEWAY_SAID: dict[str, Any] = {
    "status": 422,
    "code": "validation_error",
    "details": [{"loc": ["body", "messages"]}],
    "provider_error": {"type": "upstream"},
    "retry_after": 1.5,
    "body": {"error": {"message": "bad field"}},
}
ARGUMENTS: list[tuple[type[MeshAPIError], dict[str, Any]]] = [
    (errors.APITimeoutError, {"phase": "idle", "sent": False}),
    (errors.APIConnectionError, {"sent": False, "stale": True}),
    (errors.APIStatusError, GATEWAY_SAID),
    (errors.StreamAPIError, GATEWAY_SAID),
    (errors.MalformedEventError, {"index": 7, "excerpt": '{"choi'}),
    (errors.UnexpectedResponseError, {"status": 200, "content_type": "text/html", "excerpt": "<html>"}),
    (errors.DecodeError, {"body": {"choices": 5}}),
    (MeshAPIError, {}),
]


def made(kind: type[MeshAPIError], message: str = "it broke") -> MeshAPIError:
    """Make an error of a kind, every argument given."""
    arguments = next(arguments for base, arguments in ARGUMENTS if issubclass(kind, base))
    error = kind(message, request_id="req_1", **arguments)
    assert {name: getattr(error, name) for name in arguments} == arguments
    return error


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    """Every class is drawn once, under the class that it derives from."""
    rows = drawn()
    assert set(rows) == {kind.__name__ for kind in CLASSES}
    assert set(errors.__all__) - set(rows) == {"Progress"}
    for name, row in rows.items():
        bases = [base.__name__ for base in getattr(errors, name).__mro__[1:] if base.__name__ in rows]
        assert bases[:1] == ([row.parent] if row.parent else []), name


def test_the_drawing_names_attributes_that_exist() -> None:
    """Each attribute that the tree names is on the error, and on those below it."""
    rows = drawn()
    named = 0
    for kind in CLASSES:
        error = made(kind)
        for name in [base.__name__ for base in kind.__mro__ if base.__name__ in rows]:
            for attribute in rows[name].attributes:
                assert hasattr(error, attribute), f"{kind.__name__}.{attribute}"
                named += 1
    assert named > 100


def test_the_drawing_names_the_status_of_each_class() -> None:
    """``APIStatusError.of`` gives the class that the tree draws beside a status."""
    statuses = re.findall(r"(\w+Error) (\d\d\d)\b", str(errors.__doc__))
    assert len(statuses) == 8
    for name, status in statuses:
        assert APIStatusError.of(int(status)) is getattr(errors, name)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, errors.InternalServerError),
        (503, errors.InternalServerError),
        (529, errors.InternalServerError),
        (599, errors.InternalServerError),
        (405, APIStatusError),
        (418, APIStatusError),
        (499, APIStatusError),
        (200, APIStatusError),
    ],
)
def test_statuses_without_a_class_of_their_own(status: int, kind: type[APIStatusError]) -> None:
    """5xx is the server's fault whatever its number; any other unknown status is the plain class."""
    assert APIStatusError.of(status) is kind


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", CLASSES)
def test_errors_pickle(kind: type[MeshAPIError], protocol: int) -> None:
    """An error crosses to another process with its text and every attribute, notes and the call included."""
    error = made(kind)
    error.call = CreateChatCompletion(model="m", messages=[{"role": "user", "content": "hi"}])
    error.attempts = (Attempt(status=503, error="InternalServerError: 503", pause=0.5), Attempt())
    error.add_note("while testing")
    if isinstance(error, errors.Progress):
        error.partial, error.chunks_seen, error.usage = {"choices": []}, 3, {"total_tokens": 5}
    other = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - pickled right here
    assert type(other) is kind
    assert str(other) == str(error)
    assert other.args == error.args
    assert vars(other) == vars(error)


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_copy(kind: type[MeshAPIError]) -> None:
    """A copy is the same error, and has attributes of its own."""
    error = made(kind)
    other = copy.copy(error)
    assert (type(other), str(other), vars(other)) == (kind, str(error), vars(error))
    other.request_id = "req_2"
    assert error.request_id == "req_1"


@pytest.mark.parametrize("kind", CLASSES)
def test_the_text_names_the_request_id(kind: type[MeshAPIError]) -> None:
    """``str(error)`` ends with the request id where there is one, and does not speak of it otherwise."""
    error = made(kind, "it broke")
    text = str(error)
    assert "it broke" in text
    assert text.endswith(" (request id: req_1)")
    error.request_id = None
    assert str(error) == text.removesuffix(" (request id: req_1)")


def test_a_status_error_tells_status_and_code_first() -> None:
    """The text of what the gateway refused begins with the status and the code, where there are such."""
    assert str(APIStatusError("no", status=418, code="teapot")) == "418 teapot: no"
    assert str(APIStatusError("no", status=418)) == "418: no"
    assert str(errors.StreamAPIError("no", status=None, code="upstream_error")) == "upstream_error: no"
    assert str(errors.StreamAPIError("no", status=None)) == "no"


def test_what_the_gateway_said_is_on_the_error() -> None:
    """Message, code and the rest are attributes; details are a list, also where there were none."""
    error = made(errors.UnprocessableEntityError, "bad field")
    assert isinstance(error, APIStatusError)
    assert (error.status, error.code, error.message) == (422, "validation_error", "bad field")
    bare = APIStatusError("no", status=400)
    assert (bare.code, bare.details, bare.provider_error, bare.retry_after) == (None, [], None, None)


def test_a_timeout_is_a_timeout_error() -> None:
    """``except TimeoutError`` and ``except APIConnectionError`` catch it; ``phase`` says which limit."""
    error = made(APITimeoutError)
    assert isinstance(error, TimeoutError)
    assert isinstance(error, errors.APIConnectionError)
    assert isinstance(error, APITimeoutError)
    assert (error.phase, error.sent, error.stale) == ("idle", False, False)


def test_how_far_a_stream_came_is_nothing_before_it_began() -> None:
    """A stream's error without progress says so, and progress of one error is not another's."""
    error, other = StreamError("it broke"), StreamError("it broke")
    assert (error.partial, error.chunks_seen, error.usage) == (None, 0, None)
    error.chunks_seen = 1
    assert other.chunks_seen == 0


def test_an_error_has_a_place_for_call_and_attempts() -> None:
    """Before there was a request, ``call`` is None and ``attempts`` empty."""
    for kind in CLASSES:
        error = made(kind)
        assert error.call is None
        assert error.attempts == ()


def test_what_the_gateway_said_is_told_whole() -> None:
    """An error's text says which field is wrong and when to come back; its message is the gateway's."""
    error = RateLimitError(
        "slow down", status=429, code="x", explanation="body.n: too many", retry_after=61.0
    )
    assert str(error) == "429 x: slow down (body.n: too many); retry after 61 s"
    assert error.message == "slow down"
