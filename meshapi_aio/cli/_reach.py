"""Whether a gateway can be reached: one connection, one HTTP request that needs no key and costs nothing."""

import asyncio
import re
import socket
import ssl
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ._checks import Check
from ._output import one_line


__all__ = ["reach"]

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})")


async def reach(base_url: str, seconds: float) -> Check:
    """Connect to the gateway as the client does, without a proxy, and see whether it answers at all."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            facts, line = await _exchange(base_url)
    except TimeoutError:
        return Check("gateway", f"did not answer within {seconds:g} s", 1)
    except OSError as error:  # ssl.SSLError is one
        return Check("gateway", _told(error), 1)
    facts["seconds"] = round(time.monotonic() - begun, 3)
    status = _STATUS_LINE.match(line)
    if status is None:
        return Check("gateway", f"what answers there does not speak HTTP/1.1: {line[:60]!r}", 1, facts)
    facts["status"] = int(status[1])
    told = [f"answered after {facts['seconds']:.2f} s", facts["peer"]]
    if facts["tls"]:
        told += [facts["tls"], f"certificate valid until {facts['certificate_until']}"]
    if facts["status"] >= 500:
        return Check(
            "gateway", f"answered with HTTP status {facts['status']}: {', '.join(told[1:])}", 1, facts
        )
    return Check("gateway", ", ".join(told), facts=facts)


async def _exchange(base_url: str) -> tuple[dict[str, Any], bytes]:
    """Return what is known of the connection, and the first line that came over it."""
    parts = urlsplit(base_url)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if context is not None else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    try:
        peer, tls = writer.get_extra_info("peername"), writer.get_extra_info("ssl_object")
        facts: dict[str, Any] = {"peer": peer[0], "tls": None, "certificate_until": None}
        if tls is not None:
            until = ssl.cert_time_to_seconds(tls.getpeercert()["notAfter"])
            day = f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d}"
            facts |= {"tls": tls.version(), "certificate_until": day}
        # Any path will do, since any status is an answer.
        request = f"HEAD {parts.path}/ HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        return facts, await _first_line(reader)
    finally:
        writer.transport.abort()


async def _first_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:  # it is longer than any status line
        return b""


def _told(error: OSError) -> str:
    """Return in one line why there is no connection."""
    if isinstance(error, socket.gaierror):
        return f"its name is not known ({error.strerror})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {one_line(error.verify_message)}"
    return f"no connection: {one_line(str(error))}"
