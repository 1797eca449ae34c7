"""Telling what happens: to a callback, to the logger, to nobody."""

import logging
from typing import get_args

import pytest

from meshapi_aio import CreateChatCompletion
from meshapi_aio._meta import Event
from meshapi_aio._observing import Account, Kind
from meshapi_aio.events import RequestSent


CALL = CreateChatCompletion(model="m", messages=[{"role": "user", "content": "a secret prompt"}])
SENT = {"attempt": 1, "method": "POST", "path": "/v1/chat/completions"}


def test_nobody_listens() -> None:
    """Without a callback and with a quiet logger no event is even made: this one could not be."""
    account = Account(None, CALL)
    assert not account.listens
    account.tell("RequestSent")


def test_every_event_can_be_told() -> None:
    """By the name of its class, and nothing else can."""
    assert set(get_args(Kind)) == {kind.__name__ for kind in Event.__subclasses__()}


def test_a_callback_gets_the_event() -> None:
    """An event carries the kind of call, its number, its model and the time, and no prompt."""
    told: list[Event] = []
    account = Account(told.append, CALL)
    account.tell("RequestSent", **SENT)
    account.tell("RequestSent", **SENT)
    first, second = told
    assert isinstance(first, RequestSent)
    assert (first.call, first.model, first.path) == ("CreateChatCompletion", "m", "/v1/chat/completions")
    assert first.call_id == second.call_id
    assert first.at <= second.at
    assert "secret" not in repr(told)
    other = Account(told.append, CALL)
    other.tell("RequestSent", **SENT)
    assert told[-1].call_id > first.call_id
    assert other.duration >= 0


def test_the_logger_gets_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG the logger ``meshapi_aio`` has a record for each event, with stable extra keys."""
    with caplog.at_level(logging.DEBUG, logger="meshapi_aio"):
        Account(None, CALL).tell("RequestSent", **SENT)
    (record,) = caplog.records
    assert record.name == "meshapi_aio"
    assert record.getMessage().startswith("RequestSent call=CreateChatCompletion")
    assert vars(record)["meshapi_event"] == "RequestSent"
    assert vars(record)["meshapi_values"]["attempt"] == 1
    assert "secret" not in caplog.text


def test_a_callback_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What a callback raises is told to the logger, and goes no further."""

    def broken(_event: Event) -> None:
        raise ZeroDivisionError

    Account(broken, CALL).tell("RequestSent", **SENT)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "on_event raised for RequestSent" in record.getMessage()
    assert record.exc_info is not None


def test_a_callback_that_raises_says_nothing_of_the_calls_own_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The error that is being told may quote the prompt; what the callback itself had to do with is kept."""

    def broken(_event: Event) -> None:
        try:
            dict[str, int]()["its own"]
        except KeyError:
            raise ZeroDivisionError from None

    account = Account(broken, CALL)
    for context in (None, ValueError("a secret prompt")):
        try:
            if context is not None:
                raise context
            account.tell("RequestSent", **SENT)
        except ValueError:
            account.tell("RequestSent", **SENT)
    assert "secret" not in caplog.text
    for record in caplog.records:
        assert record.exc_info is not None
        error = record.exc_info[1]
        assert isinstance(error, ZeroDivisionError)
        assert isinstance(error.__context__, KeyError)
        assert error.__context__.__context__ is None
