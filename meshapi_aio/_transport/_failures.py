"""
aiohttp's errors as ours.

They carry the request's headers, the token among them, in their repr. So none of them is kept as a cause or a
context: what is raised is made anew, outside the block that caught it.
"""

import os

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, LineTooLong

from .._scope import timed_out
from ..errors import APIConnectionError, ClientClosedError, MeshAPIError, ResponseTooLargeError
from ..settings import Limits


__all__ = ["failure_to_open", "failure_to_read", "headers_too_large"]


def failure_to_open(
    error: Exception, place: str, *, sent: bool, reused: bool, connect: float | None, limits: Limits
) -> MeshAPIError:
    """Return what kept an answer from beginning; ``place`` is host and port, ``connect`` seconds."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return timed_out("connect", connect, sent=False)
    if isinstance(error, aiohttp.ClientConnectorError):
        return APIConnectionError(f"no connection to {place}: {_told(error.os_error)}", sent=False)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        msg = f"the proxy refused to connect to {place}: {error.status} {error.message}"
        return APIConnectionError(msg, sent=False)
    if isinstance(error, aiohttp.ClientResponseError):
        if _caused_by(error, LineTooLong):
            return headers_too_large(limits, None)
        if _caused_by(error, ContentEncodingError):
            return APIConnectionError(f"what {place} answered can't be unpacked: {_line(error.message)}")
        return APIConnectionError(f"what {place} answered is no HTTP: {_line(error.message)}")
    if isinstance(error, RuntimeError):
        return ClientClosedError("the session was closed")
    if reused and isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        msg = f"a pooled connection to {place} was closed by the other side: {_told(error)}"
        return APIConnectionError(msg, stale=True)
    return APIConnectionError(
        f"the connection to {place} broke before an answer came: {_told(error)}", sent=sent
    )


def failure_to_read(error: Exception, request_id: str | None) -> MeshAPIError:
    """Return what broke an answer off."""
    # The text of a ClientPayloadError is the repr of a parser's error: what it knows is said here instead.
    if not isinstance(error, aiohttp.ClientPayloadError):
        msg = f"the connection broke in the middle of the answer: {_told(error)}"
    elif _caused_by(error, ContentEncodingError):
        msg = "the answer could not be unpacked"
    else:
        msg = "the connection ended in the middle of the answer"
    return APIConnectionError(msg, request_id=request_id)


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__
    return error is not None


def _told(error: BaseException) -> str:
    """Return the text of an error without its repr, in which aiohttp shows headers."""
    if isinstance(error, OSError) and error.strerror:
        if error.errno and error.strerror.startswith("Connect call failed"):
            return os.strerror(error.errno)  # asyncio writes the address in place of the reason
        return error.strerror
    return str(error) or type(error).__name__


def _line(text: str) -> str:
    """Return a parser's complaint, which may point at a byte with several lines, on one."""
    return " ".join(text.split())


def headers_too_large(limits: Limits, request_id: str | None) -> ResponseTooLargeError:
    """Return the error for headers over their limit."""
    msg = f"the answer's headers are larger than {limits.header_bytes} bytes (Limits(header_bytes=…))"
    return ResponseTooLargeError(msg, request_id=request_id)
