"""
Accidents in place of an answer: error statuses, pages of proxies, and successes that are none.

Values only; this room performs no I/O.
"""

import time
from email.utils import formatdate
from typing import Literal

from .._script import Accident, Answer, Pause
from ._parts import DONE, MOMENT, completion, error, event_bytes, head, html, raw, words


def html_error(*, status: int = 502) -> Accident:
    """
    Return the HTML page of a proxy, with an error status.

    What stands before the gateway answers while that restarts. There is no JSON to read and no code: a
    correct client goes by the status (``InternalServerError``), after it has tried again.
    """
    return _both("html_error", html(status))


def html_200() -> Accident:
    """
    Return an HTML page with status 200.

    A captive portal, a login page, a wrong base URL. Clients that look at the status alone return an empty
    answer; a correct one says what came (``UnexpectedResponseError``).
    """
    return _both("html_200", html(200))


def json_200_in_place_of_stream() -> Accident:
    """
    Return a whole completion where a stream was asked for.

    A proxy or an upstream that ignores ``stream``. As a stream it is empty, and clients take it for that; a
    correct one says so (``UnexpectedResponseError``).
    """
    return Accident("json_200_in_place_of_stream", stream=Answer(body=completion()))


def error_200(*, code: str = "context_window_exceeded") -> Accident:
    """
    Return an error as JSON with status 200, in place of a stream or of a whole answer.

    This gateway does it with rejections by the upstream. A correct client raises what the code stands for
    (here ``BadRequestError``).
    """
    return _both("error_200", Answer(body=error(code, "the upstream refused the request")))


def rate_limited(
    *,
    retry_after: float = 1,
    form: Literal["gateway", "seconds", "date", "milliseconds", "body", "none"] = "gateway",
) -> Accident:
    """
    Return a 429 that asks to come back after so many seconds.

    ``form``: how it asks. ``gateway``, as this gateway does: in the header ``Retry-After`` and in the body;
    ``seconds``, ``date``: in the header alone; ``milliseconds``: in ``retry-after-ms``; ``body``: in
    ``error.retry_after_seconds`` alone; ``none``: not at all.

    A correct client waits for at least as long and tries again; where that is too long for it, it raises at
    once and tells the time (``RateLimitError``, ``.retry_after``).
    """
    now = time.time()
    headers: dict[str, dict[str, str | None]] = {
        "gateway": {"Retry-After": f"{retry_after:g}"},
        "seconds": {"Retry-After": f"{retry_after:g}"},
        "date": {
            "Date": formatdate(now, usegmt=True),
            "Retry-After": formatdate(now + retry_after, usegmt=True),
        },
        "milliseconds": {"retry-after-ms": f"{retry_after * 1000:g}"},
    }
    fields = {"retry_after_seconds": retry_after} if form in {"gateway", "body"} else {}
    body = error("rate_limit_exceeded", "too many requests", **fields)
    return _both("rate_limited", Answer(429, headers=headers.get(form, {}), body=body))


def overloaded() -> Accident:
    """
    Return a 503, as the gateway answers when no provider is left.

    It passes: ``gateway.enqueue(*[accidents.overloaded()] * 2)`` is a burst of two, after which all is fine.
    A correct client tries again after growing pauses, and in the end raises (``InternalServerError``).
    """
    return _both("overloaded", Answer(503, body=error("provider_not_available", "no provider is available")))


def spend_limit() -> Accident:
    """
    Return a 402: the key has spent what it may.

    Trying again never helps. A correct client raises at once (``SpendLimitError``); a bot tells its owner.
    """
    return _both("spend_limit", Answer(402, body=error("spend_limit_exceeded", "the spend limit is reached")))


def unauthorized() -> Accident:
    """
    Return a 401: the key is wrong or was revoked.

    It comes to running bots too, when keys are rotated. Never tried again (``AuthenticationError``).
    """
    return _both("unauthorized", Answer(401, body=error("unauthorized", "missing or invalid API key")))


def redirect(*, location: str = "https://elsewhere.invalid/v1/chat/completions") -> Accident:
    """
    Return a 307 to another host.

    A client that follows it carries the key to whoever is there, and the prompt with it; a correct one does
    not (``UnexpectedResponseError``).
    """
    return _both("redirect", Answer(307, headers={"Location": location}))


def garbage() -> Accident:
    """
    Return bytes that are no HTTP: a TLS alert.

    Another service listens there, or one side speaks TLS and the other does not (``APIConnectionError``).
    """
    return _both("garbage", raw(b"\x15\x03\x01\x00\x02\x02\x46"))


def wrong_content_length() -> Accident:
    """
    Return a whole answer that is shorter than it says.

    Proxies that rewrite a body forget the length. What came may be whole or not, which cannot be told
    (``APIConnectionError``).
    """
    headers = {"Content-Type": "application/json", "Content-Length": "10000"}
    return Accident("wrong_content_length", whole=raw(head(headers), b'{"choices":[]}'))


def bad_chunk_size() -> Accident:
    """
    Return a body whose framing breaks: a chunk without a size.

    A proxy that mixes two answers up. The connection is of no more use (``StreamTruncatedError``,
    ``APIConnectionError``).
    """
    framing = {"Transfer-Encoding": "chunked"}
    events = event_bytes(words(3)).removesuffix(DONE)
    good = b"%x\r\n%b\r\n" % (len(events), events)
    steps = (good, Pause(MOMENT), b"zz\r\n")
    return Accident(
        "bad_chunk_size",
        stream=raw(head({"Content-Type": "text/event-stream", **framing}), *steps),
        whole=raw(head({"Content-Type": "application/json", **framing}), *steps),
    )


def gzip_garbage() -> Accident:
    """
    Return a body that says it is packed with gzip, and is not.

    A cache that lost the bytes and kept the header. Nothing can be read (``StreamTruncatedError``,
    ``APIConnectionError``).
    """
    headers = {"Content-Encoding": "gzip"}
    return Accident(
        "gzip_garbage",
        stream=Answer(events=[b"data: not packed\n\n"], headers=headers),
        whole=Answer(body=completion(), headers=headers),
    )


def _both(name: str, answer: Answer) -> Accident:
    return Accident(name, stream=answer, whole=answer)
