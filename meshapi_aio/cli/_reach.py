"""Whether a gateway can be reached and takes the key: one connection, one HTTP request that costs nothing."""

import asyncio
import os
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


async def reach(base_url: str, token: str | None, seconds: float) -> list[Check]:
    """
    Connect to the gateway as the client does, without a proxy, and see what it answers.

    With a token it is asked for the balance, and so whether it takes the token; else for anything at all.
    """
    reached = await _reached(base_url, token, seconds)
    status = reached.facts.get("http_status")
    if token is not None and status == 200:
        return [reached, Check("access", "the gateway accepts the key", facts={"accepted": True})]
    if token is not None and status == 401:
        text = "the gateway does not accept the key (HTTP status 401): copy it again, or make a new one"
        return [reached, Check("access", text, 2, {"accepted": False})]
    return [reached]


async def _reached(base_url: str, token: str | None, seconds: float) -> Check:
    begun = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            facts, line = await _exchange(base_url, token)
    except TimeoutError:
        return Check("gateway", f"did not answer within {seconds:g} s", 1)
    except OSError as error:  # ssl.SSLError is one
        return Check("gateway", _told(error), 1)
    facts["seconds"] = round(time.monotonic() - begun, 3)
    status = _STATUS_LINE.match(line)
    if status is None:
        return Check("gateway", f"what answers there does not speak HTTP/1.1: {line[:60]!r}", 1, facts)
    facts["http_status"] = int(status[1])
    told = [f"answered after {facts['seconds']:.2f} s", facts["peer"]]
    if facts["tls"]:
        told += [facts["tls"], f"certificate valid until {facts['certificate_until']}"]
    if facts["http_status"] >= 500:
        return Check(
            "gateway", f"answered with HTTP status {facts['http_status']}: {', '.join(told[1:])}", 1, facts
        )
    return Check("gateway", ", ".join(told), facts=facts)


async def _exchange(base_url: str, token: str | None) -> tuple[dict[str, Any], bytes]:
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
        # Without a token any path will do, since any status is an answer.
        asked = f"HEAD {parts.path}/" if token is None else f"GET {parts.path}/v1/balance"
        headers = [f"Host: {parts.netloc}", "Connection: close"]
        headers += [] if token is None else [f"Authorization: Bearer {token}"]
        writer.write("\r\n".join([f"{asked} HTTP/1.1", *headers, "", ""]).encode())
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
    # asyncio's own text is the address.
    return f"no connection: {one_line(os.strerror(error.errno) if error.errno else str(error))}"
