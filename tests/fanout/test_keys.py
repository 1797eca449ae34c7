"""What identifies a request."""

from typing import Any

import pytest

from meshapi_aio import CreateChatCompletion, Message, StreamChatCompletion
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


def test_what_is_no_json_has_a_key_too() -> None:
    """Of other values the repr counts; half a character is no trouble."""
    assert request_key({"a": {1, 2}}) == request_key({"a": {1, 2}})
    assert request_key("\ud800") != request_key("\ud801")
