"""
What the gateway asks of every request: version, credential, request id; and its error envelope.

Pure functions over headers and text; this room performs no I/O.
"""

import hmac
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any


SERVED_VERSIONS = ("2026-08", "2026-09")
"""The API versions that are served, the baseline first."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # the alphabet of ULIDs: https://github.com/ulid/spec
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def new_ulid() -> str:
    """Return a new ULID: 48 bits of milliseconds and 80 random bits as 26 characters."""
    number = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def request_id(sent: str | None) -> str:
    """Return the client's own request id where it is valid, else a new one."""
    return sent if sent is not None and _REQUEST_ID.fullmatch(sent) else f"req_{new_ulid()}"


def api_version(headers: Mapping[str, str]) -> str | None:
    """
    Return the API version that the headers ask for, None where they ask for one that is not served.

    An unpinned caller gets the baseline. A repeated header counts once as long as all its values are the
    same.
    """
    asked = {value for name, value in headers.items() if name.lower() == "x-mesh-version"}
    asked = asked or {SERVED_VERSIONS[0]}
    version = asked.pop()
    return None if asked or version not in SERVED_VERSIONS else version


def is_authorized(header: str | None, token: str) -> bool:
    """Return whether the ``Authorization`` header carries the token as a bearer credential."""
    scheme, _, credential = (header or "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        credential.strip().encode(errors="surrogateescape"), token.encode()
    )


def envelope(request_id: str, code: str, message: str, **fields: Any) -> Mapping[str, Any]:
    """Return the body of an error answer: ``{"error": {code, message, ...}, "request_id": ...}``."""
    return {"error": {"code": code, "message": message, **fields}, "request_id": request_id}
