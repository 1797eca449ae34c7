"""
What an error body says, in whatever form it says it.

Error bodies are read leniently, by hand: proxies, frameworks and the gateway itself each have a form of their
own, and an error must be told whatever it looks like. Pure, but for the clock that a date is read against
where the answer has no date itself.
"""

import math
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Self

import attrs


__all__ = ["ErrorBody", "retry_after", "status_of"]


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
        error = value.get("error")
        said: dict[Any, Any] = value
        texts = [error if isinstance(error, str) else None, value.get("detail"), value.get("message"), error]
        kind = None
        if isinstance(error, dict):
            said, texts, kind = error, [error.get("message"), error.get("detail")], error.get("type")
        request_id = value.get("request_id") or said.get("request_id")
        details = said.get("details") or said.get("detail")
        return cls(
            message=next(filter(None, map(_text, texts)), ""),
            code=_code(said.get("code")) or _code(kind),
            details=details if isinstance(details, list) else [],
            provider_error=said.get("provider_error"),
            retry_after=said.get("retry_after_seconds", value.get("retry_after_seconds")),
            request_id=request_id if isinstance(request_id, str) else None,
        )

    @property
    def explanation(self) -> str:
        """What the details say, where the message does not say it already: which field is wrong, and how."""
        text = _text(self.details)
        return "" if text in self.message else text


def _code(value: Any) -> str | None:
    """Return a code as text: a text that is not empty, or a whole number; anything else says nothing."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, map(_problem, value)))
    return _plain(value)


def _problem(detail: Any) -> str:
    """Return one entry of a validation error as ``body.messages: Field required``."""
    if not isinstance(detail, dict):
        return _plain(detail)
    place = detail.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return ": ".join(filter(None, (where, _plain(detail.get("msg") or detail.get("message")))))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else repr(value) if value else ""


def retry_after(headers: Mapping[str, str], body: ErrorBody) -> float | None:
    """
    Return the seconds that the gateway asks to wait: the longest of the forms that it used, None for none.

    Header and body may say seconds, decimals too, or a date, which is read against the answer's own ``Date``,
    so that clocks need not agree.
    """
    asked = [
        _seconds(body.retry_after),
        _seconds(headers.get("retry-after")),
        _seconds(headers.get("retry-after-ms"), 1000.0),
        _until(headers.get("retry-after"), headers.get("date")),
        _until(body.retry_after, headers.get("date")),
    ]
    return max((seconds for seconds in asked if seconds is not None), default=None)


def _seconds(value: Any, per_second: float = 1.0) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        seconds = float(value) / per_second
    except (ValueError, OverflowError):
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _until(date: Any, now: str | None) -> float | None:
    until = _time(date)
    if until is None:
        return None
    since = _time(now)
    return max(until - (time.time() if since is None else since), 0.0)


def _time(date: Any) -> float | None:
    try:
        moment = parsedate_to_datetime(date if isinstance(date, str) else "")
    except (ValueError, OverflowError):
        return None
    # HTTP's dates are always in GMT (RFC 9110, 5.6.7), also where one of the old forms does not say so.
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def status_of(code: str | None) -> int | None:
    """Return the HTTP status that a code stands for; upstreams put statuses themselves there, too."""
    code = code or ""
    return _STATUS_BY_CODE.get(code) or (int(code) if code in _STATUSES else None)


# What the gateway's codes stand for where no HTTP status says so: in error events, and in a 200 that is one.
_STATUS_BY_CODE: Mapping[str, int] = {
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

_STATUSES = frozenset(str(status) for status in range(400, 600))
