"""Where the gateway is and who calls: every spelling that is right, and what is said of every wrong one."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio._resolve import DEFAULT_BASE_URL, TOKEN_VARIABLES, resolve_base_url, resolve_token


TOKEN = "rsk_0123456789abcdef"


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
