"""What a client is told once: every spelling that is right, and every wrong one with what is said of it."""

import html
import math
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio.settings import (
    Limits,
    Retry,
    Settings,
    Timeout,
)


TOKEN = "rsk_0123456789abcdef"


def settings(**changes: Any) -> Settings:
    """Make settings that are right but for the changes."""
    arguments: dict[str, Any] = {"base_url": "https://gateway.example", "token": TOKEN, **changes}
    return Settings(**arguments)


# How long, how often, how much.


@pytest.mark.parametrize("field", ["connect", "first_event", "idle", "total"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (0, ValueError),
        (0.0, ValueError),
        (-1, ValueError),
        (math.inf, ValueError),
        (-math.inf, ValueError),
        (math.nan, ValueError),
        (True, TypeError),
        ("5", TypeError),
        ([5], TypeError),
    ],
)
def test_wrong_timeouts(field: str, value: Any, kind: type[Exception]) -> None:
    """Each names the field, the value, the unit, and how to say that there is no limit."""
    with pytest.raises(kind) as caught:
        Timeout(**{field: value})
    told = f"Timeout: {field} must be seconds above 0, or None for no limit, got {value!r}"
    assert str(caught.value) == told


def test_right_timeouts() -> None:
    """The defaults are those of promise 12; None is no limit; whole numbers and fractions are seconds."""
    assert attrs.asdict(Timeout()) == {"connect": 10, "first_event": 310, "idle": 60, "total": None}
    timeout = Timeout(connect=None, first_event=0.001, idle=5, total=86400)
    assert (timeout.connect, timeout.first_event, timeout.idle, timeout.total) == (None, 0.001, 5, 86400)


@pytest.mark.parametrize(
    ("arguments", "kind", "told"),
    [
        (
            {"max_retries": -1},
            ValueError,
            "max_retries must be a whole number of retries, at least 0, got -1",
        ),
        (
            {"max_retries": 1.5},
            TypeError,
            "max_retries must be a whole number of retries, at least 0, got 1.5",
        ),
        (
            {"max_retries": True},
            TypeError,
            "max_retries must be a whole number of retries, at least 0, got True",
        ),
        (
            {"max_retries": None},
            TypeError,
            "max_retries must be a whole number of retries, at least 0, got None",
        ),
        ({"backoff": -0.1}, ValueError, "backoff must be a finite number of seconds, at least 0, got -0.1"),
        ({"backoff": "1"}, TypeError, "backoff must be a finite number of seconds, at least 0, got '1'"),
        (
            {"backoff_cap": math.inf},
            ValueError,
            "backoff_cap must be a finite number of seconds, at least 0, got inf",
        ),
        (
            {"backoff_cap": None},
            TypeError,
            "backoff_cap must be a finite number of seconds, at least 0, got None",
        ),
        ({"retry_after_cap": math.nan}, ValueError, "retry_after_cap must be a finite number of seconds"),
        (
            {"retry_after_cap": -1},
            ValueError,
            "retry_after_cap must be a finite number of seconds, at least 0",
        ),
        (
            {"on_status": 503},
            TypeError,
            "on_status must be HTTP statuses as whole numbers, such as {429, 503}",
        ),
        ({"on_status": "503"}, TypeError, "on_status must be HTTP statuses as whole numbers"),
        ({"on_status": b"503"}, TypeError, "on_status must be HTTP statuses as whole numbers"),
        ({"on_status": {"503"}}, TypeError, "on_status must be HTTP statuses as whole numbers"),
        ({"on_status": None}, TypeError, "on_status must be HTTP statuses as whole numbers"),
        ({"unanswered": "no"}, TypeError, "unanswered must be True or False, got 'no'"),
    ],
)
def test_wrong_retries(arguments: dict[str, Any], kind: type[Exception], told: str) -> None:
    """Each names the field, what would be right, and the value."""
    with pytest.raises(kind) as caught:
        Retry(**arguments)
    assert str(caught.value).startswith(f"Retry: {told}")


def test_right_retries() -> None:
    """The defaults are those of promise 15; statuses may come as any collection, and are kept as a set."""
    retry = Retry()
    assert (retry.max_retries, retry.backoff, retry.backoff_cap, retry.retry_after_cap) == (3, 0.5, 30, 60)
    assert retry.on_status == {408, 429, 500, 502, 503, 504, 529}
    assert not retry.unanswered
    assert Retry(on_status=(status for status in (429, 503))).on_status == {429, 503}
    assert Retry(on_status=[]).on_status == frozenset()
    assert hash(Retry(on_status=[429])) == hash(Retry(on_status={429}))


@pytest.mark.parametrize("field", ["event_bytes", "reply_bytes", "error_bytes", "header_bytes"])
@pytest.mark.parametrize(
    ("value", "kind"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (None, TypeError)]
)
def test_wrong_limits(field: str, value: Any, kind: type[Exception]) -> None:
    """Each names the field, the unit, the least and the value."""
    with pytest.raises(kind) as caught:
        Limits(**{field: value})
    least = 1024 if field == "header_bytes" else 1
    told = f"Limits: {field} must be a whole number of bytes, at least {least}, got {value!r}"
    assert str(caught.value) == told


def test_right_limits() -> None:
    """The defaults are those of promise 19."""
    mib = 1024 * 1024
    assert attrs.astuple(Limits()) == (16 * mib, 64 * mib, 256 * 1024, 64 * 1024)
    assert Limits(header_bytes=1024).header_bytes == 1024


@pytest.mark.parametrize(
    "value", [Timeout(total=5), Retry(on_status={429}), Limits(event_bytes=1), settings()]
)
def test_settings_are_values(value: Any) -> None:
    """They compare by value, can't be changed, and pickle."""
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - pickled right here
    name = attrs.fields(type(value))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, name, None)


# When to try again.


def drawing(value: float) -> Callable[[], float]:
    """Give a source of chance that always draws the same."""
    return lambda: value


@given(
    retry=st.builds(
        Retry,
        max_retries=st.integers(0, 10_000),
        backoff=st.floats(0, 1e300),
        backoff_cap=st.floats(0, 1e9),
        retry_after_cap=st.floats(0, 1e9),
    ),
    retries=st.integers(0, 10_000),
    retry_after=st.none() | st.floats(0, 1e9),
    draw=st.floats(0, 1),
)
def test_the_pause_is_drawn_within_its_bounds(
    retry: Retry, retries: int, retry_after: float | None, draw: float
) -> None:
    """
    Full jitter above a floor, and pure (promises 15 and 16).

    None after the last retry and where the gateway asks for more than the cap; else from the floor to the
    floor and the ceiling, which doubles up to its cap and never overflows.
    """
    pause = retry.delay(retries, retry_after, drawing(draw))
    assert pause == retry.delay(retries, retry_after, drawing(draw))
    floor = retry_after or 0.0
    if retries >= retry.max_retries or floor > retry.retry_after_cap:
        assert pause is None
        return
    assert pause is not None
    ceiling = min(retry.backoff_cap, retry.backoff * 2.0 ** min(retries, 64))
    assert floor <= pause <= floor + ceiling
    assert retry.delay(retries, retry_after, drawing(0.0)) == floor
    assert retry.delay(retries, retry_after, drawing(1.0)) == floor + ceiling


@pytest.mark.parametrize(
    ("retries", "ceiling"),
    [(0, 0.5), (1, 1.0), (2, 2.0), (3, 4.0), (5, 16.0), (6, 30.0), (7, 30.0), (5000, 30.0)],
)
def test_the_ceiling_doubles_and_stops_at_its_cap(retries: int, ceiling: float) -> None:
    """From 0.5 s, doubling, at most 30 s; half a draw is half the ceiling (promise 15)."""
    retry = Retry(max_retries=10_000)
    assert retry.delay(retries, None, drawing(1.0)) == ceiling
    assert retry.delay(retries, None, drawing(0.5)) == ceiling / 2


def test_retries_are_exhausted() -> None:
    """``max_retries`` counts what comes after the first attempt; 0 is one request, and nothing is drawn."""

    def no_chance() -> float:
        pytest.fail("nothing is to be drawn")

    assert Retry(max_retries=0).delay(0, None, no_chance) is None
    assert Retry(max_retries=2).delay(1, None, drawing(0.0)) == 0.0
    assert Retry(max_retries=2).delay(2, None, no_chance) is None
    assert Retry().delay(0, 60.1, no_chance) is None


def test_retry_after_is_a_floor_up_to_its_cap() -> None:
    """Exactly the cap is waited for, more is not; the drawn pause comes on top (promise 16)."""
    retry = Retry(retry_after_cap=60)
    assert retry.delay(0, 60.0, drawing(0.0)) == 60.0
    assert retry.delay(0, 60.0, drawing(1.0)) == 60.5
    assert retry.delay(0, 60.001, drawing(0.0)) is None


# All of it.


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"timeout": 5}, TypeError, "timeout must be a Timeout(…), got 5"),
        ({"timeout": None}, TypeError, "timeout must be a Timeout(…), got None"),
        ({"retry": 3}, TypeError, "retry must be a Retry(…), got 3"),
        ({"limits": {}}, TypeError, "limits must be a Limits(…), got {}"),
        ({"api_version": ""}, ValueError, "api_version must be such as '2026-08', or None, got ''"),
        ({"api_version": "2026-08\n"}, ValueError, "api_version must be such as '2026-08', or None, got "),
        ({"api_version": 2026}, TypeError, "api_version must be such as '2026-08', or None, got 2026"),
        ({"on_malformed": "ignore"}, ValueError, "on_malformed must be 'raise' or 'skip', got 'ignore'"),
        ({"on_malformed": []}, TypeError, "on_malformed must be 'raise' or 'skip', got []"),
        ({"on_malformed": None}, TypeError, "on_malformed must be 'raise' or 'skip', got None"),
        ({"request_id": ""}, ValueError, "request_id must be 1 to 64 of A-Z a-z 0-9 . _ : -, got ''"),
        ({"request_id": "a" * 65}, ValueError, "request_id must be 1 to 64 of A-Z a-z 0-9 . _ : -, got "),
        ({"request_id": "a b"}, ValueError, "request_id must be 1 to 64 of A-Z a-z 0-9 . _ : -, got 'a b'"),
        ({"request_id": "a\n"}, ValueError, "request_id must be 1 to 64 of A-Z a-z 0-9 . _ : -, got 'a\\n'"),
        ({"request_id": 5}, TypeError, "request_id must be 1 to 64 of A-Z a-z 0-9 . _ : -, got 5"),
        ({"cache": 0}, TypeError, "cache must be True, False or None, got 0"),
        ({"cache": "no"}, TypeError, "cache must be True, False or None, got 'no'"),
        ({"headers": {"X Y": "1"}}, ValueError, "headers: 'X Y' is no header name"),
        ({"headers": {"": "1"}}, ValueError, "headers: '' is no header name"),
        ({"headers": {"X-Ä": "1"}}, ValueError, "headers: 'X-Ä' is no header name"),
        ({"headers": {5: "1"}}, ValueError, "headers: 5 is no header name"),
        (
            {"headers": {"X-Tag": "a\r\nEvil: 1"}},
            ValueError,
            "headers: the value of X-Tag (not shown) must be one",
        ),
        (
            {"headers": {"X-Tag": "\ud800"}},
            ValueError,
            "headers: the value of X-Tag (not shown) must be one line",
        ),
        (
            {"headers": {"X-Tag": 5}},
            ValueError,
            "headers: the value of X-Tag (not shown) must be one line of text",
        ),
        (
            {"headers": {"Authorization": TOKEN}},
            ValueError,
            "headers: Authorization is set by token=, not here",
        ),
        ({"headers": {"host": "h"}}, ValueError, "headers: host is set by base_url=, not here"),
        (
            {"headers": {"X-Mesh-Version": "1"}},
            ValueError,
            "headers: X-Mesh-Version is set by api_version=, not",
        ),
        (
            {"headers": {"X-Request-ID": "1"}},
            ValueError,
            "headers: X-Request-ID is set by with_options(request_id",
        ),
        (
            {"headers": {"X-Mesh-Cache": "1"}},
            ValueError,
            "headers: X-Mesh-Cache is set by with_options(cache=",
        ),
        (
            {"headers": {"CONTENT-TYPE": "1"}},
            ValueError,
            "headers: CONTENT-TYPE is set by the call's own body",
        ),
        (
            {"headers": {"Content-Length": "1"}},
            ValueError,
            "headers: Content-Length is set by the call's own body",
        ),
        (
            {"headers": {"Transfer-Encoding": ""}},
            ValueError,
            "headers: Transfer-Encoding is set by the call's own",
        ),
        (
            {"headers": f"X: {TOKEN}"},
            TypeError,
            "headers must be a dict of text, got something of <class 'str'>",
        ),
        (
            {"headers": [("X", TOKEN)]},
            TypeError,
            "headers must be a dict of text, got something of <class 'list'>",
        ),
    ],
)
def test_wrong_settings(changes: dict[str, Any], kind: type[Exception], told: str) -> None:
    """Each names the client's argument and what would be right, also when it is changed later."""
    for make in (settings, settings().evolve):
        with pytest.raises(kind) as caught:
            make(**changes)
        assert str(caught.value).startswith(told)
        assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"api_version": None},
        {"api_version": "2026-08"},
        {"on_malformed": "skip"},
        {"request_id": "aZ09._:-"},
        {"request_id": "a" * 64},
        {"cache": True},
        {"cache": False},
        {"cache": None},
        {"headers": {"X-Tag": "köln", "Accept-Language": ""}},
        {"timeout": Timeout(total=1)},
    ],
)
def test_right_settings(changes: dict[str, Any]) -> None:
    """What is right is taken as it is."""
    made = settings(**changes)
    assert {name: getattr(made, name) for name in changes} == changes


def test_evolving_changes_a_copy() -> None:
    """The original stays as it was; the checks run again."""
    first = settings(api_version=None)
    second = first.evolve(cache=False, timeout=Timeout(idle=5))
    assert (first.cache, first.timeout) == (None, Timeout())
    assert (second.cache, second.timeout, second.api_version) == (False, Timeout(idle=5), None)


def test_headers_are_added_whatever_their_capitals() -> None:
    """Headers of a copy are added to those of the original; capitals do not make a name another one."""
    first = settings(headers={"X-Tag": "1", "X-Team": "red"})
    second = first.evolve(headers={"x-tag": "2"})
    assert second.headers == {"x-tag": "2", "X-Team": "red"}
    assert settings(headers={"X-Tag": "1", "x-tag": "2"}).headers == {"x-tag": "2"}
    assert first.evolve(headers=None).headers == first.headers
    assert settings(headers=None).headers == {}


def test_headers_are_copied() -> None:
    """A dict that changes later changes no settings."""
    mine = {"X-Tag": "1"}
    made = settings(headers=mine)
    mine["X-Tag"] = "2"
    assert made.headers == {"X-Tag": "1"}


def test_the_token_is_in_no_repr() -> None:
    """Nor are the values of extra headers, which may hold other secrets (promise 17)."""
    made = settings(headers={"X-Api-Key": "secret", "X-Tag": "1"})
    shown = f"{made!r} {made} {[made]!r}"
    assert TOKEN not in shown
    assert "secret" not in shown
    assert "headers={'X-Api-Key': …, 'X-Tag': …}" in shown


def test_a_page_quotes_a_token_as_the_standard_library_does() -> None:
    """Every character that HTML escapes is known, so that no form of the token is missed."""
    token = "".join(map(chr, range(0x20, 0x7F)))
    settings = Settings(base_url="https://example.com", token=token)
    assert settings.redact(f"<p>{html.escape(token)}</p>") == "<p>[token]</p>"


def test_an_echoed_token_is_taken_out() -> None:
    """Wherever it stands in what the gateway sent (promise 17)."""
    made = settings()
    assert made.redact(f"key {TOKEN} is wrong: {TOKEN}!") == "key [token] is wrong: [token]!"
    assert made.redact("nothing here") == "nothing here"
