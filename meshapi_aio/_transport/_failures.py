"""
aiohttp's errors as ours.

They carry the request's headers, the token among them, in their repr. So none of them is kept as a cause or a
context: what is raised is made anew, outside the block that caught it.
"""

import os
import ssl
from typing import TypeVar

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, LineTooLong

from .._scope import timed_out
from ..errors import APIConnectionError, ClientClosedError, MeshAPIError, ResponseTooLargeError
from ..settings import Limits


__all__ = ["failure_to_open", "failure_to_read", "headers_too_large"]

_Error = TypeVar("_Error", bound=BaseException)


def failure_to_open(
    error: Exception, place: str, *, sent: bool, reused: bool, connect: float | None, limits: Limits
) -> MeshAPIError:
    """Return what kept an answer from beginning; ``place`` is host and port, ``connect`` seconds."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return timed_out("connect", connect, sent=False)
    # aiohttp's own errors of TLS are SSLErrors as well, without what OpenSSL has to say.
    refusal = _cause(error.__cause__, ssl.SSLError)
    advice = None if refusal is None else _advice(refusal)
    if advice is not None:
        # Also where the handshake was over on this side, and the request was under way: it was not read.
        return _lasting(f"no secure connection to {place}: {_told(refusal or error)}; {advice}")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        msg = f"no connection to the proxy {error.host}:{error.port}: {_told(error.os_error)}"
        return APIConnectionError(msg, sent=False)
    if isinstance(error, aiohttp.ClientConnectorError):
        return APIConnectionError(f"no connection to {place}: {_told(error.os_error)}", sent=False)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _refused_by_proxy(error, place)
    if isinstance(error, aiohttp.ClientResponseError):
        if _cause(error, LineTooLong) is not None:
            return headers_too_large(limits, None)
        told = " ".join(error.message.split())
        what = "is no HTTP" if _cause(error, ContentEncodingError) is None else "can't be unpacked"
        # Where nothing was sent yet it was a proxy that answered.
        return APIConnectionError(f"what {place} answered {what}: {told}", sent=sent)
    if isinstance(error, RuntimeError):
        return ClientClosedError("the session was closed")
    if reused and isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        msg = f"a pooled connection to {place} was closed by the other side: {_told(error)}"
        return APIConnectionError(msg, stale=True)
    return APIConnectionError(
        f"the connection to {place} broke before an answer came: {_told(error)}", sent=sent
    )


def _refused_by_proxy(error: aiohttp.ClientHttpProxyError, place: str) -> APIConnectionError:
    msg = f"the proxy refused to connect to {place}: {error.status} {error.message}"
    if error.status == 407:
        return _lasting(f"{msg}; it wants proxy='http://user:password@…', with the right password")
    passes = error.status >= 500 or error.status in {408, 429}
    return APIConnectionError(msg, sent=False) if passes else _lasting(msg)


def _lasting(message: str) -> APIConnectionError:
    failure = APIConnectionError(message, sent=False)
    failure.lasting = True
    return failure


# OpenSSL's X509_V_ERR_*.
_NOT_IN_FORCE = frozenset({9, 10})
_WRONG_NAME = frozenset({62, 64})


def _advice(error: ssl.SSLError) -> str | None:
    """Return what to do about a refused handshake; None where trying again may help."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _NOT_IN_FORCE:
            return "it has to be renewed there, unless the clock of this machine is wrong"
        if error.verify_code in _WRONG_NAME:
            return "check the host in base_url"
        return "if you trust who signed it: ssl_context=ssl.create_default_context(cafile='…')"
    reason = error.reason or ""
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
        return "what answers there speaks no TLS: check the scheme and the port"
    if "ALERT" in reason and "INTERNAL_ERROR" not in reason:
        return (
            "the other side refused the handshake: if it wants a certificate of the client, load one into "
            "ssl_context= (SSLContext.load_cert_chain)"
        )
    return None


def failure_to_read(error: Exception, request_id: str | None) -> MeshAPIError:
    """Return what broke an answer off."""
    # The text of a ClientPayloadError is the repr of a parser's error: what it knows is said here instead.
    if not isinstance(error, aiohttp.ClientPayloadError):
        msg = f"the connection broke in the middle of the answer: {_told(error)}"
    elif _cause(error, ContentEncodingError) is not None:
        msg = "the answer could not be unpacked"
    else:
        msg = "the connection ended in the middle of the answer"
    return APIConnectionError(msg, request_id=request_id)


def _cause(error: BaseException | None, kind: type[_Error]) -> _Error | None:
    """Return the nearest error of a kind: this one, its cause, the cause of that."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__
    return error


def _told(error: BaseException) -> str:
    """Return the text of an error without its repr, in which aiohttp shows headers."""
    if isinstance(error, OSError) and error.strerror:
        if error.strerror.startswith("Can not write request body") and error.__cause__ is not None:
            return _told(error.__cause__)  # aiohttp writes the address in place of the reason
        if error.errno and error.strerror.startswith("Connect call failed"):
            return os.strerror(error.errno)  # asyncio writes the address in place of the reason
        return error.strerror
    return str(error) or type(error).__name__


def headers_too_large(limits: Limits, request_id: str | None) -> ResponseTooLargeError:
    """Return the error for headers over their limit."""
    msg = f"the answer's headers are larger than {limits.header_bytes} bytes (Limits(header_bytes=…))"
    return ResponseTooLargeError(msg, request_id=request_id)
