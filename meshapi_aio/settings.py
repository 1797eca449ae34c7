"""
What a client is told once: where the gateway is, who calls, how long to wait, what to try again.

All values are frozen and checked when they are made. Performs no I/O.
"""

import inspect
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any, Literal, Self
from urllib.parse import quote, quote_plus

import attrs

from ._admission import Limiter
from ._meta import Event


__all__ = [
    "Fallback",
    "Limits",
    "Retry",
    "Settings",
    "Timeout",
]

_MIB = 1024 * 1024
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # control characters, and halves of characters
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

# As html.escape has it, whose import takes 1.2 ms for the names that it does not need.
_IN_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})

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


def _statuses(owner: str, value: Iterable[int]) -> frozenset[int]:
    usable = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
    statuses = frozenset(value) if usable else frozenset[int]()
    if not usable or not all(isinstance(status, int) for status in statuses):
        wanted = "HTTP statuses as whole numbers, such as {429, 503}"
        msg = f"{owner}: on_status must be {wanted}, got {value!r}"
        raise TypeError(msg)
    return statuses


def _retried(value: Iterable[int]) -> frozenset[int]:
    return _statuses("Retry", value)


def _leading_on(value: Iterable[int]) -> frozenset[int]:
    return _statuses("Fallback", value)


@attrs.frozen(kw_only=True)
class Retry:
    """
    What is tried again, how often and after how long.

    At most ``max_retries`` times after the first attempt (0: exactly one request). The pause is drawn evenly
    between 0 and a ceiling that starts at ``backoff`` seconds, doubles each time and stops at ``backoff_cap``
    (full jitter). A ``Retry-After`` is a floor: the pause is that long plus the drawn one; when it is over
    ``retry_after_cap`` seconds the error is raised at once, with ``.retry_after``.

    Retried are failed connects (but for refused certificates, and proxies that refuse), answers with a status
    in ``on_status``, and an error event of such a status that comes before anything else in a stream.
    ``unanswered=True`` adds requests that were sent and got no answer: the gateway knows no idempotency key,
    so one of those may be billed twice.
    """

    max_retries: int = attrs.field(default=3, validator=_at_least(0, "retries", int))
    backoff: float = attrs.field(default=0.5, validator=_at_least(0, "seconds", int, float))
    backoff_cap: float = attrs.field(default=30.0, validator=_at_least(0, "seconds", int, float))
    retry_after_cap: float = attrs.field(default=60.0, validator=_at_least(0, "seconds", int, float))
    # 500 belongs here: the gateway reports its commonest upstream failure, upstream_error, with it too.
    on_status: frozenset[int] = attrs.field(
        default=frozenset({408, 429, 500, 502, 503, 504, 529}), converter=_retried
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


def _models(value: Iterable[str]) -> tuple[str, ...]:
    models = tuple(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else (None,)
    if not all(isinstance(model, str) and model for model in models):
        msg = f"Fallback: models must be a list of model names, such as ['openai/gpt-4o-mini'], got {value!r}"
        raise TypeError(msg)
    return tuple(model for model in models if model is not None)


@attrs.frozen(kw_only=True)
class Fallback:
    """
    Which models are asked in place of one that fails.

    When the retries of a model are used up, and its failure was a status in ``on_status``, an error event of
    such a status before anything else, or a connection that could not be made or broke, the next of
    ``models`` is asked, with retries of its own. (Where it broke with the request on its way, the first
    model may be billed as well.) Timeouts never lead on, nor does anything after a stream's first event;
    ``Timeout.total`` bounds the whole chain. When all fail, the last error is raised. The model that was
    asked for is left out of the chain. ``reply.meta`` tells which model answered. Only chat and
    responses fall back: vectors, say, are no longer the same with another model.

    ``unary=True`` adds a last resort for streams: where a stream can't be opened, the same call is made
    without streaming, which alone enjoys the gateway's own fallback to other providers. Its answer comes as
    one chunk, and ``stream.meta.unary`` is True.
    """

    models: tuple[str, ...] = attrs.field(default=(), converter=_models)
    # As the gateway's documentation has it; 429 is retried, and does not lead on to another model.
    on_status: frozenset[int] = attrs.field(default=frozenset({502, 503, 504}), converter=_leading_on)
    unary: bool = attrs.field(default=False, validator=_must_be("True or False", bool))


@attrs.frozen(kw_only=True)
class Limits:
    """
    How much the gateway may send, in bytes; what is larger raises ``ResponseTooLargeError``.

    ``event_bytes``: one event of a stream (image events hold base64 of several MB); what comes between two,
    comments, blank lines and heartbeats, may be 1 MiB, whatever the limits. ``reply_bytes``: a body
    that is no stream, unpacked. ``error_bytes``: an error's body; what is beyond is cut off, since an error
    must still be told. ``header_bytes``: the headers of an answer, and each of them.
    """

    event_bytes: int = attrs.field(default=16 * _MIB, validator=_at_least(1, "bytes", int))
    reply_bytes: int = attrs.field(default=64 * _MIB, validator=_at_least(1, "bytes", int))
    error_bytes: int = attrs.field(default=256 * 1024, validator=_at_least(1, "bytes", int))
    header_bytes: int = attrs.field(default=64 * 1024, validator=_at_least(1024, "bytes", int))


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


def _callable(_owner: object, _attribute: object, value: Callable[[Event], None] | None) -> None:
    if value is not None and (not callable(value) or inspect.iscoroutinefunction(value)):
        msg = f"on_event must be a function (no coroutine function) that takes an event, got {value!r}"
        raise TypeError(msg)


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
    fallback: Fallback | None = attrs.field(
        default=None, validator=_must_be("a Fallback(…)", Fallback, NoneType)
    )
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
    on_event: Callable[[Event], None] | None = attrs.field(default=None, validator=_callable)
    cache: bool | None = attrs.field(default=None, validator=_must_be("True, False or None", bool, NoneType))
    limit: Limiter | None = attrs.field(
        default=None, validator=_must_be("a limit, such as AdaptiveLimit()", Limiter, NoneType)
    )
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    """What else must not be told: the signature in an address that is signed."""
    prepared: dict[str, Any] = attrs.field(factory=dict, init=False, eq=False, repr=False)
    """Room for what is made of these settings alone, once: the headers, by the media type asked for."""
    _echoes: tuple[str, ...] = attrs.field(
        init=False,
        repr=False,
        eq=False,
        default=attrs.Factory(lambda self: _echoes(self.token, *self.secrets), takes_self=True),
    )

    def evolve(self, **changes: Any) -> Self:
        """Return a copy with these settings changed; ``headers`` are added to those that are there."""
        if "headers" in changes:
            changes["headers"] = {**self.headers, **_headers(changes["headers"])}
        return attrs.evolve(self, **changes)

    def redact(self, text: str) -> str:
        """Return a text from the gateway without the token, should it have been echoed, quoted or not."""
        for echo in self._echoes:
            text = text.replace(echo, "[secret]" if self.secrets else "[token]")
        return text


def _echoes(*secrets: str) -> tuple[str, ...]:
    """Return secrets as a text, JSON, HTML or a URL may quote them: most tokens look all the same."""
    quoted: set[str] = set()
    for secret in secrets:
        quoted |= {secret, json.dumps(secret)[1:-1], secret.translate(_IN_HTML)}
        quoted |= {quote(secret), quote_plus(secret)}
    return tuple(sorted(quoted, key=len, reverse=True))
