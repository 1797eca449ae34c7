"""
What a client is told once: where the gateway is, who calls, how long to wait, what to try again.

All values are frozen and checked when they are made. Performs no I/O; reads the environment only in
:func:`resolve_base_url` and :func:`resolve_token`, from the mapping it is given.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import attrs


__all__ = [
    "DEFAULT_BASE_URL",
    "Limits",
    "Retry",
    "Settings",
    "Timeout",
    "resolve_base_url",
    "resolve_token",
]

DEFAULT_BASE_URL = "https://api.meshapi.ai"

BASE_URL_VARIABLES = ("MESHAPI_BASE_URL",)
TOKEN_VARIABLES = ("MESHAPI_API_KEY", "MESHAPI_TOKEN")

MiB = 1024 * 1024

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2: token
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")  # the gateway silently ignores any other
_API_VERSION = re.compile(r"[0-9A-Za-z._-]+")
_OWN_HEADERS = {
    "authorization": "token=",
    "content-type": "the call's own body",
    "content-length": "the call's own body",
    "transfer-encoding": "the call's own body",
    "host": "base_url=",
    "x-mesh-version": "api_version=",
    "x-request-id": "with_options(request_id=…)",
    "x-mesh-cache": "with_options(cache=False)",
}


def _seconds(owner: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"{_name(owner, attribute)} must be a number of seconds or None, got {value!r}"
        raise TypeError(msg)
    if not 0 < value < math.inf:
        msg = f"{_name(owner, attribute)} must be a positive number of seconds, got {value!r}; None means no limit"
        raise ValueError(msg)


def _at_least(least: float, unit: str) -> Callable[[object, "attrs.Attribute[Any]", Any], None]:
    def check(owner: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        whole = attribute.type is int
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            kind = "a whole number" if whole else "a number"
            msg = f"{_name(owner, attribute)} must be {kind} of {unit}, got {value!r}"
            raise TypeError(msg)
        if not least <= value < math.inf:
            msg = f"{_name(owner, attribute)} must be at least {least} {unit}, got {value!r}"
            raise ValueError(msg)

    return check


def _name(owner: object, attribute: "attrs.Attribute[Any]") -> str:
    return f"{type(owner).__name__}({attribute.name}=…)"


@attrs.frozen(kw_only=True)
class Timeout:
    """
    The client's limits on waiting, in seconds; None means no limit.

    ``connect`` bounds making a connection. ``first_event`` runs from the request being sent to the first data
    event of a stream, or to the headers where nothing streams; the gateway itself gives up after 300. ``idle``
    bounds the wait for the next data event of a stream (heartbeats do not count, nor does the time that the
    reader takes), or for the next bytes where nothing streams. ``total`` bounds the whole call: waiting for a
    free connection, every attempt, every pause, and reading the stream.
    """

    connect: float | None = attrs.field(default=10.0, validator=_seconds)
    first_event: float | None = attrs.field(default=310.0, validator=_seconds)
    idle: float | None = attrs.field(default=60.0, validator=_seconds)
    total: float | None = attrs.field(default=None, validator=_seconds)


def _statuses(value: Iterable[int]) -> frozenset[int]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        msg = f"Retry(on_status=…) must be a collection of HTTP statuses, got {value!r}"
        raise TypeError(msg)
    for status in value:
        if isinstance(status, bool) or not isinstance(status, int):
            msg = f"Retry(on_status=…) must hold HTTP statuses as whole numbers, got {status!r}"
            raise TypeError(msg)
    return frozenset(value)


@attrs.frozen(kw_only=True)
class Retry:
    """
    What is tried again, how often and after how long.

    At most ``max_retries`` times after the first attempt (0: exactly one request). The pause is drawn evenly
    between 0 and a ceiling that starts at ``backoff`` seconds, doubles each time and stops at ``backoff_cap``
    (full jitter). A ``Retry-After`` is a floor: the pause is that long plus the drawn one; when it is over
    ``retry_after_cap`` seconds the error is raised at once, with ``.retry_after``.

    Retried are failed connects, answers with a status in ``on_status``, and an error event of such a status
    that comes before anything else in a stream. ``unanswered=True`` adds requests that were sent and got no
    answer: the gateway knows no idempotency key, so one of those may be billed twice.
    """

    max_retries: int = attrs.field(default=3, validator=_at_least(0, "retries"))
    backoff: float = attrs.field(default=0.5, validator=_at_least(0, "seconds"))
    backoff_cap: float = attrs.field(default=30.0, validator=_at_least(0, "seconds"))
    retry_after_cap: float = attrs.field(default=60.0, validator=_at_least(0, "seconds"))
    # 500 belongs here: the gateway reports its commonest upstream failure, upstream_error, as 500, 502 or 503.
    on_status: frozenset[int] = attrs.field(
        default=frozenset({408, 429, 500, 502, 503, 504, 529}), converter=_statuses
    )
    unanswered: bool = False

    def delay(self, retries: int, retry_after: float | None, draw: Callable[[], float]) -> float | None:
        """
        Return the seconds to pause before the next attempt, or None where there must be none.

        ``retries`` counts those already made, ``retry_after`` is what the gateway asked for in seconds, and
        ``draw`` gives a number from 0 to 1. Pure.
        """
        if retries >= self.max_retries:
            return None
        floor = retry_after or 0.0
        if floor > self.retry_after_cap:
            return None
        # The exponent is bounded, since 2.0 ** 1024 overflows.
        ceiling = min(self.backoff_cap, self.backoff * 2.0 ** min(retries, 64))
        return floor + ceiling * draw()


@attrs.frozen(kw_only=True)
class Limits:
    """
    How much the gateway may send, in bytes; what is larger raises ``ResponseTooLargeError``.

    ``event_bytes``: one event of a stream (image events hold base64 of several MB). ``reply_bytes``: a body
    that is no stream, unpacked. ``error_bytes``: an error's body; what is beyond is cut off, since an error
    must still be told. ``header_bytes``: the headers of an answer, and each of them.
    """

    event_bytes: int = attrs.field(default=16 * MiB, validator=_at_least(1, "bytes"))
    reply_bytes: int = attrs.field(default=64 * MiB, validator=_at_least(1, "bytes"))
    error_bytes: int = attrs.field(default=256 * 1024, validator=_at_least(1, "bytes"))
    header_bytes: int = attrs.field(default=64 * 1024, validator=_at_least(1024, "bytes"))


def resolve_base_url(value: str | None, environment: Mapping[str, str]) -> str:
    """
    Return the base URL in its one spelling: no trailing slash, no ``/v1``, a path prefix kept.

    None looks at ``MESHAPI_BASE_URL``, then takes the production gateway. A URL that cannot be right is a
    ``ValueError`` that says what is wrong with it.
    """
    source = "base_url"
    if value is None:
        source, value = _from_environment(BASE_URL_VARIABLES, environment)
        if not value:
            return DEFAULT_BASE_URL
    if not isinstance(value, str):
        msg = f"base_url must be text such as {DEFAULT_BASE_URL!r}, got {value!r}"
        raise TypeError(msg)
    if "@" in value.split("?", 1)[0]:
        msg = f"{source} must hold no credentials before an '@' (not shown here); the token goes into token="
        raise ValueError(msg)

    def wrong(what: str) -> ValueError:
        return ValueError(f"{source} {value!r} {what}; it should look like {DEFAULT_BASE_URL!r}")

    if _CONTROL.search(value) or any(character.isspace() for character in value):
        raise wrong("holds white space or a control character")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise wrong(f"is no URL ({error})") from None
    if parts.scheme not in {"http", "https"}:
        raise wrong("does not begin with https:// (or http://)")
    if not parts.hostname:
        raise wrong("names no host")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise wrong("has a query or a fragment")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/")
    path = path.removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{path}"


def resolve_token(value: str | None, environment: Mapping[str, str]) -> str:
    """
    Return the token as it was given, checked but never rewritten.

    None looks at ``MESHAPI_API_KEY``, then ``MESHAPI_TOKEN``. A missing token, or one that no header can
    carry, is a ``ValueError`` that names where it came from and never what it is.
    """
    source: str = "token"
    if value is None:
        source, value = _from_environment(TOKEN_VARIABLES, environment)
        if value is None:
            msg = "no token: pass token='rsk_…', or set the environment variable MESHAPI_API_KEY"
            raise ValueError(msg)
    if not isinstance(value, str):
        msg = f"token must be text, got a value of type {type(value).__name__}"
        raise TypeError(msg)
    if not value.strip():
        msg = f"{source} is empty: pass token='rsk_…', or set the environment variable MESHAPI_API_KEY"
        raise ValueError(msg)
    if _CONTROL.search(value):
        msg = f"{source} holds a line break or another control character (not shown); was it read from a file?"
        raise ValueError(msg)
    if not value.isascii():
        msg = f"{source} holds characters beyond ASCII (not shown), which no key has; was it pasted whole?"
        raise ValueError(msg)
    return value


def _from_environment(names: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, str | None]:
    for name in names:
        if name in environment:
            return f"the environment variable {name}", environment[name]
    return names[0], None


def _headers(value: Mapping[str, str] | None) -> dict[str, str]:
    checked: dict[str, str] = {}
    for name, text in (value or {}).items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            msg = f"headers: {name!r} is no header name"
            raise ValueError(msg)
        if name.lower() in _OWN_HEADERS:
            msg = f"headers: {name} is set by {_OWN_HEADERS[name.lower()]}, not here"
            raise ValueError(msg)
        if not isinstance(text, str) or _CONTROL.search(text):
            msg = f"headers: the value of {name} must be text without control characters (not shown)"
            raise ValueError(msg)
        checked[name] = text
    return checked


def _header_names(headers: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name!r}: …" for name in headers) + "}"


def _api_version(_owner: object, _attribute: object, value: object) -> None:
    # An empty value is answered with 400 invalid_api_version, so it never goes out.
    if value is not None and not (isinstance(value, str) and _API_VERSION.fullmatch(value)):
        msg = f"api_version must look like '2026-08', or be None to send no version, got {value!r}"
        raise ValueError(msg)


def _request_id(_owner: object, _attribute: object, value: str | None) -> None:
    if value is not None and not (isinstance(value, str) and _REQUEST_ID.fullmatch(value)):
        msg = f"request_id must be 1 to 64 letters, digits, '.', '_', ':' or '-', got {value!r}"
        raise ValueError(msg)


def _on_malformed(_owner: object, _attribute: object, value: object) -> None:
    if value not in {"raise", "skip"}:
        msg = f"on_malformed must be 'raise' or 'skip', got {value!r}"
        raise ValueError(msg)


@attrs.frozen(kw_only=True)
class Settings:
    """
    All that a request is prepared with.

    The token and the values of extra headers are in no repr.
    """

    base_url: str
    token: str = attrs.field(repr=False)
    timeout: Timeout = attrs.field(factory=Timeout, validator=attrs.validators.instance_of(Timeout))
    retry: Retry = attrs.field(factory=Retry, validator=attrs.validators.instance_of(Retry))
    limits: Limits = attrs.field(factory=Limits, validator=attrs.validators.instance_of(Limits))
    api_version: str | None = attrs.field(default="2026-08", validator=_api_version)
    headers: Mapping[str, str] = attrs.field(factory=dict, converter=_headers, repr=_header_names)
    on_malformed: Literal["raise", "skip"] = attrs.field(default="raise", validator=_on_malformed)
    request_id: str | None = attrs.field(default=None, validator=_request_id)
    cache: bool | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(bool))
    )

    def evolve(self, **changes: Any) -> Self:
        """Return a copy with these settings changed; ``headers`` are added to those that are there."""
        if "headers" in changes:
            changes["headers"] = {**self.headers, **_headers(changes["headers"])}
        return attrs.evolve(self, **changes)

    def redact(self, text: str) -> str:
        """Return a text from the gateway without the token, should it have been echoed."""
        return text.replace(self.token, "[token]")
