"""
The beginning of an answer, and what unhappy ones mean.

Error bodies are read leniently, by hand: proxies, frameworks and the gateway itself each have a form of their
own, and an error must be told whatever it looks like. Performs no I/O and knows no event loop.
"""

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

import attrs

from ._codec import loads
from .errors import APIStatusError, MeshAPIError, StreamAPIError, UnexpectedResponseError
from .settings import Settings


__all__ = ["Answer", "error_event", "error_in", "read_error", "telling_headers", "unexpected"]


@attrs.frozen
class Answer:
    """Status and headers, whose names are in lower case."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status says that all went well."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own classes

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the call."""
        return self.headers.get("x-request-id") or None


_TELLING = frozenset(
    {
        "content-type",
        "date",
        "deprecation",
        "mesh-version",
        "retry-after",
        "retry-after-ms",
        "sunset",
        "x-auto-routed",
        "x-byok-fallback-triggered",
        "x-cache",
        "x-provider-latency-ms",
        "x-request-id",
        "x-resolved-model-id",
    }
)
_TELLING_FAMILIES = ("x-mesh-", "x-ratelimit-")


def telling_headers(answer: Answer) -> dict[str, str]:
    """Return the headers that are worth keeping with a reply; never cookies."""
    return {
        name: value
        for name, value in answer.headers.items()
        if name in _TELLING or name.startswith(_TELLING_FAMILIES)
    }


# What the gateway's codes stand for where no HTTP status says so: in error events, and in a 200 that is one.
STATUS_BY_CODE: Mapping[str, int] = {
    "bad_request": 400,
    "context_window_exceeded": 400,
    "content_policy_violation": 400,
    "invalid_api_version": 400,
    "invalid_input": 400,
    "invalid_request": 400,
    "invalid_request_error": 400,
    "model_capability_not_supported": 400,
    "unsupported_operation": 400,
    "invalid_api_key": 401,
    "unauthorized": 401,
    "insufficient_credits": 402,
    "spend_limit_exceeded": 402,
    "forbidden": 403,
    "model_not_found": 404,
    "not_found": 404,
    "resource_not_found": 404,
    "conflict": 409,
    "unprocessable_entity": 422,
    "validation_error": 422,
    "batch_limit_exceeded": 429,
    "rate_limit_exceeded": 429,
    "upstream_rate_limit_error": 429,
    "internal_error": 500,
    "provider_job_failed": 500,
    "not_implemented": 501,
    "upstream_error": 502,
    "provider_not_available": 503,
    "gateway_timeout": 504,
}


@attrs.frozen(kw_only=True)
class ErrorBody:
    """What an error body says, in whatever form it says it."""

    message: str = ""
    code: str | None = None
    details: list[Any] = attrs.field(factory=list)
    provider_error: Any = None
    retry_after: Any = None
    request_id: str | None = None

    @classmethod
    def of(cls, value: Any) -> Self:
        """Read decoded JSON: ``error`` an object or a text, ``detail`` a text or a list, or nothing known."""
        if not isinstance(value, dict):
            return cls(message=value if isinstance(value, str) else "")
        request_id = value.get("request_id")
        request_id = request_id if isinstance(request_id, str) and request_id else None
        error = value.get("error")
        if isinstance(error, dict):
            code = error.get("code") if error.get("code") is not None else error.get("type")
            details = error.get("details")
            return cls(
                message=_text(error.get("message")),
                code=None if code is None else str(code),
                details=details if isinstance(details, list) else [],
                provider_error=error.get("provider_error"),
                retry_after=error.get("retry_after_seconds"),
                request_id=request_id,
            )
        if error:
            return cls(message=_text(error), request_id=request_id)
        detail = value.get("detail")
        if isinstance(detail, list):
            return cls(message="; ".join(map(_problem, detail)), details=detail, request_id=request_id)
        return cls(message=_text(detail or value.get("message")), request_id=request_id)


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else repr(value)


def _problem(detail: Any) -> str:
    """Return one entry of a validation error as ``body.messages: Field required``."""
    if not isinstance(detail, dict):
        return _text(detail)
    place = detail.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return ": ".join(part for part in (where, _text(detail.get("msg"))) if part)


def retry_after(headers: Mapping[str, str], body: ErrorBody) -> float | None:
    """
    Return the seconds that the gateway asks to wait: the longest of the forms that it used, None for none.

    The header may be seconds, decimals too, or a date, which is read against the answer's own ``Date``, so
    that clocks need not agree.
    """
    asked = [
        _seconds(body.retry_after),
        _seconds(headers.get("retry-after")),
        _seconds(headers.get("retry-after-ms"), 1000.0),
        _until(headers.get("retry-after"), headers.get("date")),
    ]
    return max((seconds for seconds in asked if seconds is not None), default=None)


def _seconds(value: Any, per_second: float = 1.0) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        seconds = float(value) / per_second
    except ValueError:
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _until(date: str | None, now: str | None) -> float | None:
    if date is None:
        return None
    try:
        until = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    try:
        since = parsedate_to_datetime(now or "").timestamp()
    except ValueError:
        since = time.time()
    return max(until - since, 0.0)


def excerpt(text: str) -> str:
    """Return the beginning of a body, to be shown."""
    text = " ".join(text.split())
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"


_EXCERPT = 512


def read_error(answer: Answer, body: bytes, settings: Settings) -> MeshAPIError:
    """Return what an answer that is no success stands for; never raises, whatever the body is."""
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's own classes
        target = urlsplit(answer.headers.get("location", "")).hostname or "another path"
        return UnexpectedResponseError(
            f"the gateway answered {answer.status}, a redirect to {target}; redirects are not followed, "
            "since they would carry the token away: check base_url",
            status=answer.status,
            content_type=answer.content_type,
            request_id=answer.request_id,
        )
    text = settings.redact(body.decode(errors="replace"))
    try:
        value = loads(text)
    except ValueError:
        value = None
    found = ErrorBody.of(value)
    return _status_error(answer, answer.status, found, excerpt(text), text if value is None else value)


def error_in(value: Any, answer: Answer, settings: Settings) -> MeshAPIError | None:
    """Return the error that a success carries in its JSON, as the gateway answers some rejections; or None."""
    if not (isinstance(value, dict) and value.get("error")):
        return None
    value = redacted(value, settings)
    found = ErrorBody.of(value)
    return _status_error(answer, STATUS_BY_CODE.get(found.code or "", answer.status), found, "", value)


def _status_error(answer: Answer, status: int, found: ErrorBody, otherwise: str, body: Any) -> APIStatusError:
    return APIStatusError.of(status)(
        found.message or otherwise or "no explanation",
        status=status,
        code=found.code,
        details=found.details,
        provider_error=found.provider_error,
        retry_after=retry_after(answer.headers, found),
        body=body,
        request_id=found.request_id or answer.request_id,
    )


def error_event(value: Any, answer: Answer, settings: Settings) -> StreamAPIError:
    """Return the error that an event of a stream is."""
    value = redacted(value, settings)
    found = ErrorBody.of(value if isinstance(value, dict) and value.get("error") else {"error": value})
    code = found.code or "upstream_error"
    return StreamAPIError(
        found.message or "no explanation",
        status=STATUS_BY_CODE.get(code) or (int(code) if code in _NUMERIC else None),
        code=code,
        details=found.details,
        provider_error=found.provider_error,
        # The headers were sent before anything went wrong: only the event can ask for patience.
        retry_after=retry_after({}, found),
        body=value,
        request_id=found.request_id or answer.request_id,
    )


# Upstreams put HTTP statuses into ``code``, as numbers or text.
_NUMERIC = frozenset(str(status) for status in range(400, 600))


def unexpected(answer: Answer, body: bytes, settings: Settings, wanted: str) -> UnexpectedResponseError:
    """Return the error for a success whose body is not what the call returns."""
    text = excerpt(settings.redact(body.decode(errors="replace")))
    found = f"{answer.content_type or 'no content type'}: {text!r}" if text else "an empty body"
    return UnexpectedResponseError(
        f"the gateway answered {answer.status} with {found}, where {wanted} was due",
        status=answer.status,
        content_type=answer.content_type,
        excerpt=text,
        request_id=answer.request_id,
    )


def redacted(value: Any, settings: Settings) -> Any:
    """Return decoded JSON without the token, should the gateway have echoed it."""
    if isinstance(value, str):
        return settings.redact(value)
    if isinstance(value, list):
        return [redacted(item, settings) for item in value]
    if isinstance(value, dict):
        return {settings.redact(key): redacted(item, settings) for key, item in value.items()}
    return value
