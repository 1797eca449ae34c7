"""What a client is told once: every spelling that is right, and every wrong one with what is said of it."""

import math
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio.settings import (
    DEFAULT_BASE_URL,
    TOKEN_VARIABLES,
    Limits,
    Retry,
    Settings,
    Timeout,
    resolve_base_url,
    resolve_token,
)


TOKEN = "rsk_0123456789abcdef"


def settings(**changes: Any) -> Settings:
    """Make settings that are right but for the changes."""
    arguments: dict[str, Any] = {"base_url": DEFAULT_BASE_URL, "token": TOKEN, **changes}
    return Settings(**arguments)


# Where the gateway is.


@pytest.mark.parametrize(
    "spelling",
    [
        "https://gateway.example:8443/mesh",
        "https://gateway.example:8443/mesh/",
        "https://gateway.example:8443/mesh//",
        "https://gateway.example:8443/mesh///",
        "https://gateway.example:8443/mesh/v1",
        "https://gateway.example:8443/mesh/v1/",
        "https://gateway.example:8443/mesh/v1//",
        "https://gateway.example:8443/mesh//v1",
        "https://gateway.example:8443/mesh//v1//",
        "HTTPS://gateway.example:8443/mesh",
        "Https://gateway.example:8443/mesh/v1",
        "https://GATEWAY.example:8443/mesh",
        "https://Gateway.Example:8443/mesh/",
        "https://GATEWAY.EXAMPLE:8443/mesh/v1",
        "HTTPS://GATEWAY.EXAMPLE:8443/mesh//v1//",
        "https://gateway.example:08443/mesh",
    ],
)
def test_every_spelling_of_a_base_url_is_one_url(spelling: str) -> None:
    """With or without ``/v1``, trailing slashes, and capitals in scheme and host; the prefix stays."""
    assert resolve_base_url(spelling, {}) == "https://gateway.example:8443/mesh"
    assert resolve_base_url(None, {"MESHAPI_BASE_URL": spelling}) == "https://gateway.example:8443/mesh"


@pytest.mark.parametrize(
    ("spelling", "url"),
    [
        ("https://api.meshapi.ai", "https://api.meshapi.ai"),
        ("https://api.meshapi.ai/", "https://api.meshapi.ai"),
        ("https://api.meshapi.ai/v1", "https://api.meshapi.ai"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:8080/v1/", "http://[::1]:8080"),
        ("http://[2001:DB8::1]", "http://[2001:db8::1]"),
        ("https://bücher.example/v1", "https://bücher.example"),
        ("https://under_score.example", "https://under_score.example"),
        ("https://host.example:", "https://host.example"),
        ("https://host.example/v1/mesh", "https://host.example/v1/mesh"),
        ("https://host.example/Mesh%20One/v1", "https://host.example/Mesh%20One"),
        ("https://host.example/v10", "https://host.example/v10"),
        ("https://host.example/v1/v1", "https://host.example/v1"),
    ],
)
def test_base_urls_keep_what_matters(spelling: str, url: str) -> None:
    """Port, brackets and path prefix are kept; one trailing ``/v1`` goes, since every route has its own."""
    assert resolve_base_url(spelling, {}) == url


@given(
    prefix=st.lists(st.from_regex(r"[A-Za-z0-9._~-]{1,8}", fullmatch=True), max_size=3),
    tail=st.sampled_from(["", "/", "//", "/v1", "/v1/", "//v1//"]),
)
def test_a_base_url_resolves_to_itself(prefix: list[str], tail: str) -> None:
    """What comes out has no trailing slash, and resolves to itself where no other ``/v1`` ends it."""
    url = resolve_base_url("https://host.example" + "".join(f"/{part}" for part in prefix) + tail, {})
    assert not url.endswith("/")
    if not url.endswith("/v1"):
        assert resolve_base_url(url, {}) == url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "does not begin with https:// or http://"),
        ("api.meshapi.ai", "does not begin with https:// or http://"),
        ("//api.meshapi.ai", "does not begin with https:// or http://"),
        ("ftp://api.meshapi.ai", "does not begin with https:// or http://"),
        ("wss://api.meshapi.ai/v1", "does not begin with https:// or http://"),
        ("https:api.meshapi.ai", "does not begin with https:// or http://"),
        ("https://", "'https://' names no host"),
        ("https:///v1", "'https:///v1' names no host"),
        ("https://:8080", "'https://:8080' names no host"),
        ("https://host\\path", "names no host"),
        ("https://<host>", "'https://<host>' names no host"),
        ("https://host:port", "is no URL (Port could not be cast"),
        ("https://host:65536", "is no URL (Port out of range"),
        ("https://[::1", "is no URL (Invalid IPv6 URL)"),
        (" https://host", "holds white space or a control character"),
        ("https://host ", "holds white space or a control character"),
        ("https://host\n", "holds white space or a control character"),
        ("https://ho\u00a0st", "holds white space or a control character"),
        ("https://host/\x00", "holds white space or a control character"),
        ("https://host?", "'https://host' goes on with a query or a fragment"),
        ("https://host/v1#", "'https://host/v1' goes on with a query or a fragment"),
        ("https://host/?api-version=1", "'https://host/' goes on with a query or a fragment"),
        ("https://host/#top", "'https://host/' goes on with a query or a fragment"),
        ("https://user@host", "holds an '@', and so perhaps a password (not shown)"),
    ],
)
def test_a_wrong_base_url_says_what_is_wrong(url: str, told: str) -> None:
    """The message names where the URL came from, what is wrong with it, and how a right one looks."""
    with pytest.raises(ValueError, match=f"it should look like '{DEFAULT_BASE_URL}'$") as caught:
        resolve_base_url(url, {})
    assert str(caught.value).startswith("base_url ")
    assert told in str(caught.value)
    if url:
        with pytest.raises(ValueError, match="MESHAPI_BASE_URL") as from_environment:
            resolve_base_url(None, {"MESHAPI_BASE_URL": url})
        source = "the environment variable MESHAPI_BASE_URL"
        assert str(from_environment.value) == str(caught.value).replace("base_url", source, 1)


@pytest.mark.parametrize(
    "url",
    [
        TOKEN,
        f"{TOKEN}\n",
        f"Bearer {TOKEN}",
        f"https://{TOKEN}@host",
        f"https://user:{TOKEN}@host/v1",
        f"https://user:{TOKEN}@host:port",
        f"https://host?key={TOKEN}",
        f"https://host/v1#{TOKEN}",
        f"https://host/?a={TOKEN}@b",
        TOKEN.encode(),
        [TOKEN],
    ],
)
def test_a_wrong_base_url_shows_no_secret(url: Any) -> None:
    """A token in place of the URL, or a password inside it, is not in the message (promise 17)."""
    with pytest.raises((ValueError, TypeError)) as caught:
        resolve_base_url(url, {})
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_base_url_of_another_type() -> None:
    """What is no text is a ``TypeError`` that says what it was, and how a right one looks."""
    with pytest.raises(
        TypeError, match=r"^base_url must be text such as 'https://.*', got something of <class 'int'>"
    ):
        resolve_base_url(5, {})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("environment", [{}, {"MESHAPI_BASE_URL": ""}, {"MESHAPI_BASE_URL": "  "}])
def test_the_production_gateway_is_the_default(environment: Mapping[str, str]) -> None:
    """Without an argument and a variable; one that is set and empty is none."""
    assert resolve_base_url(None, environment) == "https://api.meshapi.ai"


def test_an_argument_wins_over_the_environment() -> None:
    """Also where the variable is wrong: it is not even read."""
    assert (
        resolve_base_url("https://host.example", {"MESHAPI_BASE_URL": "nonsense"}) == "https://host.example"
    )
    assert resolve_token("rsk_mine", {"MESHAPI_API_KEY": "rsk_other"}) == "rsk_mine"


# Who calls.


@pytest.mark.parametrize(
    ("environment", "token"),
    [
        ({"MESHAPI_API_KEY": "rsk_key"}, "rsk_key"),
        ({"MESHAPI_TOKEN": "rsk_token"}, "rsk_token"),
        ({"MESHAPI_API_KEY": "rsk_key", "MESHAPI_TOKEN": "rsk_token"}, "rsk_key"),
        ({"MESHAPI_API_KEY": "", "MESHAPI_TOKEN": "rsk_token"}, "rsk_token"),
        ({"MESHAPI_API_KEY": " ", "MESHAPI_TOKEN": "rsk_token"}, "rsk_token"),
    ],
)
def test_the_token_from_the_environment(environment: Mapping[str, str], token: str) -> None:
    """``MESHAPI_API_KEY`` first, then ``MESHAPI_TOKEN``; an empty variable counts as unset."""
    assert resolve_token(None, environment) == token


@pytest.mark.parametrize("token", ["rsk_x", "anything", " rsk_x ", "rsk x", "Bearer rsk_x", "~!@#$%^&*()"])
def test_a_token_is_taken_as_it_is(token: str) -> None:
    """The client neither checks its form nor rewrites it."""
    assert resolve_token(token, {}) == token


@pytest.mark.parametrize(
    ("token", "kind", "told"),
    [
        ("", ValueError, "token is empty: pass token="),
        ("   ", ValueError, "token is empty: pass token="),
        (f"{TOKEN}\n", ValueError, "token holds a line break or a control character (not shown); strip()"),
        (f"{TOKEN}\r\nX-Evil: 1", ValueError, "token holds a line break or a control character (not shown)"),
        (f"{TOKEN}\x7f", ValueError, "token holds a line break or a control character (not shown)"),
        (f"{TOKEN}\ud800", ValueError, "token holds a line break or a control character (not shown)"),
        (f"{TOKEN}…", ValueError, "token holds characters beyond ASCII (not shown), which no key has; copy"),
        (TOKEN.encode(), TypeError, "token must be text, got something of <class 'bytes'>; pass token="),
        ([TOKEN], TypeError, "token must be text, got something of <class 'list'>; pass token="),
    ],
)
def test_a_wrong_token_is_named_and_never_shown(token: Any, kind: type[Exception], told: str) -> None:
    """The message says what is wrong and what to do, and nothing of the token (promise 17)."""
    with pytest.raises(kind) as caught:
        resolve_token(token, {})
    assert str(caught.value).startswith(told)
    assert "rsk_0" not in str(caught.value)


@pytest.mark.parametrize("name", TOKEN_VARIABLES)
def test_a_wrong_token_in_the_environment_names_its_variable(name: str) -> None:
    """So that one knows where to look."""
    with pytest.raises(ValueError, match=f"^the environment variable {name} holds a line break") as caught:
        resolve_token(None, {name: f"{TOKEN}\n"})
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "environment", [{}, {"MESHAPI_API_KEY": ""}, {"MESHAPI_API_KEY": "", "MESHAPI_TOKEN": " "}]
)
def test_no_token_at_all(environment: Mapping[str, str]) -> None:
    """The message names both variables, and both ways out."""
    with pytest.raises(
        ValueError, match=r"^MESHAPI_API_KEY or MESHAPI_TOKEN is empty: pass token='rsk_…', or set"
    ):
        resolve_token(None, environment)


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


def test_an_echoed_token_is_taken_out() -> None:
    """Wherever it stands in what the gateway sent (promise 17)."""
    made = settings()
    assert made.redact(f"key {TOKEN} is wrong: {TOKEN}!") == "key [token] is wrong: [token]!"
    assert made.redact("nothing here") == "nothing here"
