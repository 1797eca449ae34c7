"""
The beginning of an answer, and the errors that unhappy ones are.

No error holds the token, should the gateway have echoed it. Performs no I/O and knows no event loop.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from ._error_body import ErrorBody, retry_after, status_of
from ._json import loads
from .errors import APIStatusError, MeshAPIError, StreamAPIError, UnexpectedResponseError
from .settings import Settings


__all__ = [
    "Answer",
    "error_event",
    "error_in",
    "misplaced",
    "read_error",
    "redacted",
    "telling_headers",
    "tells_error",
    "unexpected",
]


@attrs.frozen
class Answer:
    """Status and headers, whose names are in lower case."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status says that all went well."""
        return 200 <= self.status < 300

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


def excerpt(text: str) -> str:
    """Return the beginning of a body, to be shown: at most 512 characters, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"


_EXCERPT = 512


def read_error(answer: Answer, body: bytes, settings: Settings) -> MeshAPIError:
    """Return what an answer that is no success stands for; never raises, whatever the body is."""
    if 300 <= answer.status < 400:
        target = _host(answer.headers.get("location", ""))
        # What is signed goes to one address alone, and there is nothing to check.
        why = "" if settings.secrets else ", since they would carry the token away: check base_url"
        return UnexpectedResponseError(
            f"the gateway answered {answer.status}, a redirect to {target}; redirects are not followed{why}",
            status=answer.status,
            content_type=answer.content_type,
            request_id=answer.request_id,
        )
    text = body.decode("utf-8-sig", errors="replace")
    try:
        # Redacted once it is decoded: escapes could hide the token.
        value = redacted(loads(text), settings)
    except ValueError:
        value = None
    text = settings.redact(text)
    found = ErrorBody.of(value)
    return _status_error(answer, answer.status, found, excerpt(text), text if value is None else value)


def _host(location: str) -> str:
    try:
        return urlsplit(location).hostname or "another path"
    except ValueError:
        return "what is no URL"


def tells_error(value: Any) -> bool:
    """
    Tell whether decoded JSON is an error.

    ``error`` has to say something: null and false never do. An empty object, list or text is an error that
    nobody explained where it stands alone; beside other keys it says that there was none.
    """
    if not isinstance(value, dict):
        return False
    error = value.get("error")
    return bool(error) or (isinstance(error, (dict, list, str)) and value.keys() <= {"error", "request_id"})


def error_in(value: Any, answer: Answer, settings: Settings) -> MeshAPIError | None:
    """Return the error that a success carries in its JSON, which is how some rejections come; or None."""
    if not tells_error(value):
        return None
    value = redacted(value, settings)
    found = ErrorBody.of(value)
    return _status_error(answer, status_of(found.code) or answer.status, found, "", value)


def _status_error(answer: Answer, status: int, found: ErrorBody, otherwise: str, body: Any) -> APIStatusError:
    return APIStatusError.of(status)(
        found.message or otherwise or "no explanation",
        status=status,
        code=found.code,
        details=found.details,
        provider_error=found.provider_error,
        retry_after=retry_after(answer.headers, found),
        body=body,
        explanation=excerpt(found.explanation),
        request_id=found.request_id or answer.request_id,
    )


def error_event(value: Any, answer: Answer, settings: Settings, *, first: bool = False) -> StreamAPIError:
    """
    Return the error that an event of a stream is; ``value`` is its JSON, or its text where it is none.

    ``first``: whether nothing came before it. Then the headers may be about it, and ask for patience too.
    """
    value = redacted(value, settings)
    if isinstance(value, str):
        found = ErrorBody(message=excerpt(value))
    else:
        found = ErrorBody.of(value if isinstance(value, dict) and "error" in value else {"error": value})
    code = found.code or "upstream_error"
    return StreamAPIError(
        found.message or "no explanation",
        status=status_of(code),
        code=code,
        details=found.details,
        provider_error=found.provider_error,
        retry_after=retry_after(answer.headers if first else {}, found),
        body=value,
        explanation=excerpt(found.explanation),
        request_id=found.request_id or answer.request_id,
    )


def unexpected(answer: Answer, body: bytes, settings: Settings, wanted: str) -> UnexpectedResponseError:
    """Return the error for a success whose body is not what the call returns."""
    text = excerpt(settings.redact(body.decode("utf-8-sig", errors="replace")))
    found = f"{answer.content_type or 'no content type'}: {text!r}" if text else "an empty body"
    return UnexpectedResponseError(
        f"the gateway answered {answer.status} with {found}, where {wanted} was due",
        status=answer.status,
        content_type=answer.content_type,
        excerpt=text,
        request_id=answer.request_id,
    )


def misplaced(answer: Answer, body: bytes, settings: Settings, wanted: str) -> MeshAPIError:
    """Return what such a success stands for: the error that its JSON tells, if it does."""
    try:
        value = loads(body)
    except ValueError:
        value = None
    return error_in(value, answer, settings) or unexpected(answer, body, settings, wanted)


def redacted(value: Any, settings: Settings) -> Any:
    """
    Return decoded JSON without the token, should the gateway have echoed it.

    None for what is nested too deeply to be searched.
    """
    try:
        return _redacted(value, settings.redact)
    except RecursionError:
        return None


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(item, redact) for item in value]
    if isinstance(value, dict):
        return {redact(key): _redacted(item, redact) for key, item in value.items()}
    return value
