"""
What a client is told once: where the gateway is, who calls, how long to wait, what to try again.

All values are frozen and checked when they are made. Performs no I/O; reads the environment only in
:func:`resolve_base_url` and :func:`resolve_token`, from the mapping it is given.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import attrs


__all__ = [
    "DEFAULT_BASE_URL",
    "TOKEN_VARIABLES",
    "Limits",
    "Retry",
    "Settings",
    "Timeout",
    "resolve_base_url",
    "resolve_token",
]

DEFAULT_BASE_URL = "https://api.meshapi.ai"
TOKEN_VARIABLES = ("MESHAPI_API_KEY", "MESHAPI_TOKEN")

_MIB = 1024 * 1024
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # control characters, and halves of characters
_HOST = re.compile(r"[\w.:-]+")
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

_Validator = Callable[[object, "attrs.Attribute[Any]", Any], None]


def _must_be(wanted: str, *kinds: type, fits: Callable[[Any], object] = lambda _value: True) -> _Validator:
    """Return a check of a field's kind and value; ``wanted`` says in words what would be right."""

    def check(owner: object, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        known = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        if known and (value is None or fits(value)):
            return
        # Settings are named as the client's own arguments, which they are.
        place = "" if type(owner) is Settings else f"{type(owner).__name__}: "
        msg = f"{place}{attribute.name} must be {wanted}, got {value!r}"
        raise ValueError(msg) if known else TypeError(msg)

    return check


def _at_least(least: float, unit: str, *kinds: type) -> _Validator:
    wanted = f"a {'finite' if float in kinds else 'whole'} number of {unit}, at least {least}"
    return _must_be(wanted, *kinds, fits=lambda value: least <= value < math.inf)


_limit_in_seconds = _must_be(
    "seconds above 0, or None for no limit", int, float, NoneType, fits=lambda value: 0 < value < math.inf
)


@attrs.frozen(kw_only=True)
class Timeout:
    """
    The client's limits on waiting, in seconds; None means no limit.

    ``connect`` bounds making a connection. ``first_event`` runs from the request being sent to the first data
    event of a stream, or to the headers where nothing streams; the gateway itself gives up after 300.
    ``idle`` bounds the wait for the next data event of a stream (heartbeats do not count, nor does the time
    that the reader takes), or for the next bytes where nothing streams. ``total`` bounds the whole call:
    waiting for a free connection, every attempt, every pause, and reading the stream.
    """

    connect: float | None = attrs.field(default=10.0, validator=_limit_in_seconds)
    first_event: float | None = attrs.field(default=310.0, validator=_limit_in_seconds)
    idle: float | None = attrs.field(default=60.0, validator=_limit_in_seconds)
    total: float | None = attrs.field(default=None, validator=_limit_in_seconds)


def _statuses(value: Iterable[int]) -> frozenset[int]:
    usable = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
    statuses = frozenset(value) if usable else frozenset[int]()
    if not usable or not all(isinstance(status, int) for status in statuses):
        msg = f"Retry: on_status must be HTTP statuses as whole numbers, such as {{429, 503}}, got {value!r}"
        raise TypeError(msg)
    return statuses


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

    max_retries: int = attrs.field(default=3, validator=_at_least(0, "retries", int))
    backoff: float = attrs.field(default=0.5, validator=_at_least(0, "seconds", int, float))
    backoff_cap: float = attrs.field(default=30.0, validator=_at_least(0, "seconds", int, float))
    retry_after_cap: float = attrs.field(default=60.0, validator=_at_least(0, "seconds", int, float))
    # 500 belongs here: the gateway reports its commonest upstream failure, upstream_error, with it too.
    on_status: frozenset[int] = attrs.field(
        default=frozenset({408, 429, 500, 502, 503, 504, 529}), converter=_statuses
    )
    unanswered: bool = attrs.field(default=False, validator=_must_be("True or False", bool))

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

    event_bytes: int = attrs.field(default=16 * _MIB, validator=_at_least(1, "bytes", int))
    reply_bytes: int = attrs.field(default=64 * _MIB, validator=_at_least(1, "bytes", int))
    error_bytes: int = attrs.field(default=256 * 1024, validator=_at_least(1, "bytes", int))
    header_bytes: int = attrs.field(default=64 * 1024, validator=_at_least(1024, "bytes", int))


def resolve_base_url(value: str | None, environment: Mapping[str, str]) -> str:
    """
    Return the base URL in its one spelling: no trailing slash, no ``/v1``, a path prefix kept.

    None looks at ``MESHAPI_BASE_URL`` (empty counts as unset), then takes the production gateway. A URL that
    cannot be right is a ``ValueError`` that says what is wrong with it.
    """
    source = "base_url"
    if value is None:
        source, value = _from_environment(("MESHAPI_BASE_URL",), environment)
        value = value or DEFAULT_BASE_URL
    if not isinstance(value, str):
        msg = f"base_url must be text such as {DEFAULT_BASE_URL!r}, got something of {type(value)!r}"
        raise TypeError(msg)
    fault = _fault_of_url(value)
    if fault is not None:
        msg = f"{source} {fault}; it should look like {DEFAULT_BASE_URL!r}"
        raise ValueError(msg)
    parts = urlsplit(value)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{host}{port}{path}"


def _fault_of_url(value: str) -> str | None:
    """Return what is wrong with a base URL, None where nothing is; what may be a secret is not shown."""
    if _UNSENDABLE.search(value) or any(character.isspace() for character in value):
        return "holds white space or a control character (not shown)"
    if not value.lower().startswith(("https://", "http://")):
        return "does not begin with https:// or http:// (not shown: it may be the token, in the wrong place)"
    if "@" in value:
        return "holds an '@', and so perhaps a password (not shown); what identifies you goes into token="
    shown = re.split(r"[?#]", value)[0]
    if shown != value:
        return f"{shown!r} goes on with a query or a fragment (not shown)"
    try:
        host, _ = urlsplit(value).hostname, urlsplit(value).port
    except ValueError as error:
        return f"{value!r} is no URL ({error})"
    return None if _HOST.fullmatch(host or "") else f"{value!r} names no host"


def resolve_token(value: str | None, environment: Mapping[str, str]) -> str:
    """
    Return the token as it was given, checked but never rewritten.

    None looks at ``MESHAPI_API_KEY``, then ``MESHAPI_TOKEN`` (empty counts as unset). A missing token, or one
    that no header can carry, is a ``ValueError`` that names where it came from and never what it is.
    """
    remedy = f"pass token='rsk_…', or set the environment variable {TOKEN_VARIABLES[0]}"
    source = "token"
    if value is None:
        source, value = _from_environment(TOKEN_VARIABLES, environment)
    if not isinstance(value, str):
        msg = f"token must be text, got something of {type(value)!r}; {remedy}"
        raise TypeError(msg)
    if not value.strip():
        msg = f"{source} is empty: {remedy}"
        raise ValueError(msg)
    if _UNSENDABLE.search(value):
        msg = f"{source} holds a line break or a control character (not shown); strip() what a file gave"
        raise ValueError(msg)
    if not value.isascii():
        msg = f"{source} holds characters beyond ASCII (not shown), which no key has; copy the key again"
        raise ValueError(msg)
    return value


def _from_environment(names: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, str]:
    """Return where a value was found and the value; an empty variable, as CI systems set it, is none."""
    for name in names:
        if environment.get(name, "").strip():
            return f"the environment variable {name}", environment[name]
    return " or ".join(names), ""


def _headers(value: Mapping[str, str] | None) -> dict[str, str]:
    """Check extra headers; of names that differ in case alone the last holds."""
    if not isinstance(value, (Mapping, NoneType)):
        msg = f"headers must be a dict of text, got something of {type(value)!r}"
        raise TypeError(msg)
    checked: dict[str, tuple[str, str]] = {}
    for name, text in (value or {}).items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            msg = f"headers: {name!r} is no header name"
            raise ValueError(msg)
        if name.lower() in _OWN_HEADERS:
            msg = f"headers: {name} is set by {_OWN_HEADERS[name.lower()]}, not here"
            raise ValueError(msg)
        if not isinstance(text, str) or _UNSENDABLE.search(text):
            msg = f"headers: the value of {name} (not shown) must be one line of text"
            raise ValueError(msg)
        checked[name.lower()] = (name, text)
    return dict(checked.values())


def _header_names(headers: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name!r}: …" for name in headers) + "}"


@attrs.frozen(kw_only=True)
class Settings:
    """
    All that a request is prepared with.

    The token and the values of extra headers are in no repr.
    """

    base_url: str
    token: str = attrs.field(repr=False)
    timeout: Timeout = attrs.field(factory=Timeout, validator=_must_be("a Timeout(…)", Timeout))
    retry: Retry = attrs.field(factory=Retry, validator=_must_be("a Retry(…)", Retry))
    limits: Limits = attrs.field(factory=Limits, validator=_must_be("a Limits(…)", Limits))
    # An empty version is answered with 400 invalid_api_version, so it never goes out.
    api_version: str | None = attrs.field(
        default="2026-08",
        validator=_must_be("such as '2026-08', or None", str, NoneType, fits=_API_VERSION.fullmatch),
    )
    headers: Mapping[str, str] = attrs.field(factory=dict, converter=_headers, repr=_header_names)
    on_malformed: Literal["raise", "skip"] = attrs.field(
        default="raise", validator=_must_be("'raise' or 'skip'", str, fits=("raise", "skip").__contains__)
    )
    request_id: str | None = attrs.field(
        default=None,
        validator=_must_be("1 to 64 of A-Z a-z 0-9 . _ : -", str, NoneType, fits=_REQUEST_ID.fullmatch),
    )
    cache: bool | None = attrs.field(default=None, validator=_must_be("True, False or None", bool, NoneType))

    def evolve(self, **changes: Any) -> Self:
        """Return a copy with these settings changed; ``headers`` are added to those that are there."""
        if "headers" in changes:
            changes["headers"] = {**self.headers, **_headers(changes["headers"])}
        return attrs.evolve(self, **changes)

    def redact(self, text: str) -> str:
        """Return a text from the gateway without the token, should it have been echoed."""
        return text.replace(self.token, "[token]")
