"""What identifies a request."""

from typing import Any

import pytest

from meshapi_aio import CreateChatCompletion, Message, RawCall, StreamChatCompletion, Upload
from meshapi_aio.endpoints.audio import CreateTranscription
from meshapi_aio.endpoints.models import GetModel
from meshapi_aio.fanout import request_key


def question(**more: Any) -> CreateChatCompletion:
    """Return a call."""
    return CreateChatCompletion(model="m", messages=[{"role": "user", "content": "Hi"}], **more)


def test_equal_requests_have_equal_keys() -> None:
    """It is all one how messages are written, and in which order keys stand."""
    same = CreateChatCompletion(messages=[Message.user("Hi")], model="m")
    assert request_key(question()) == request_key(same)
    assert request_key({"a": 1, "b": [2]}) == request_key({"b": [2], "a": 1})
    assert len(request_key(question())) == 32


@pytest.mark.parametrize(
    "other",
    [
        question(temperature=0.5),
        CreateChatCompletion(model="n", messages=[Message.user("Hi")]),
        StreamChatCompletion(model="m", messages=[Message.user("Hi")]),
        GetModel(id="m"),
        "Hi",
        None,
    ],
)
def test_other_requests_have_other_keys(other: object) -> None:
    """Whatever differs in what is sent makes another key, and so does the repetition."""
    assert request_key(other) != request_key(question())
    assert request_key(other, 1) != request_key(other)


def test_files_of_other_bytes_have_other_keys() -> None:
    """Two recordings of one length are two requests: the answer to one is not the other's."""
    keys = {
        request_key(CreateTranscription(model="m", file=file))
        for file in (b"aaaa", b"bbbb", Upload(b"aaaa", filename="b.mp3"), b"aaaa")
    }
    assert len(keys) == 3


def test_the_query_of_a_raw_call_counts() -> None:
    """Pages of one path are several requests; a query that says nothing is none."""
    one, two, none = ({"page": 1}, {"page": 2}, None)
    keys = [request_key(RawCall("GET", "/v1/things", query=query)) for query in (one, two, none, {}, one)]
    assert len(set(keys)) == 3
    assert (keys[2], keys[0]) == (keys[3], keys[4])


@pytest.mark.parametrize("value", [{1: "a", "b": 2}, {(1, 2): 3}])
def test_keys_of_a_dict_that_json_cannot_sort_are_no_trouble(value: dict[Any, str]) -> None:
    """Its repr counts then."""
    assert request_key(value) == request_key(dict(value))
    assert request_key(value) != request_key({})


def test_what_is_no_json_has_a_key_too() -> None:
    """Of other values the repr counts; half a character is no trouble."""
    assert request_key({"a": {1, 2}}) == request_key({"a": {1, 2}})
    assert request_key("\ud800") != request_key("\ud801")
