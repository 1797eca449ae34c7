"""
What a request asks for: the part of it that is recorded, and by which it is found again.

Pure functions; this room performs no I/O. Method, path, query and body, without credentials. Headers are no
part of it: they differ from client to client, and hold the credentials.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from ._differences import Ignored, differences
from ._json import JSON, Object, is_array, is_object
from ._received import ReceivedRequest
from ._recording import written
from ._secrets import REDACTED, Secrets, is_parameter


_BOUNDARY = re.compile(r"multipart/.*;\s*boundary=\"?([^\";]+)", re.IGNORECASE)


def asked(request: ReceivedRequest, secrets: Secrets) -> Object:
    """Return what a request asks for, without its secrets."""
    told: dict[str, Any] = {"method": request.method, "path": secrets.clean(request.path)}
    query: dict[str, Any] = {}
    for name, value in request.query.items():
        shown = REDACTED if is_parameter(name) else secrets.clean(value)
        query[name] = [*query[name], shown] if name in query else [shown]
    if query:
        told["query"] = {name: values if values[1:] else values[0] for name, values in query.items()}
    return {**told, **_body(request, secrets)}


def unlike(recorded: Object, received: Object, ignored: Ignored) -> list[str]:
    """Return in which places a request asks for something else than a recorded one, a line for each."""

    def found() -> Iterator[str]:
        for name in ("method", "path"):
            yield from differences(recorded[name], received[name], ignored, name)
        yield from differences(recorded.get("query", {}), received.get("query", {}), ignored, "?")
        yield from differences(_content(recorded), _content(received), ignored)

    return list(found())


def _body(request: ReceivedRequest, secrets: Secrets) -> Object:
    """Return the body: as JSON where it is an object or an array, else as text, else in base64."""
    data = request.body
    if not data:
        return {}
    # Clients make up the boundary between the parts anew each time.
    if boundary := _BOUNDARY.match(request.headers.get("Content-Type", "")):
        data = data.replace(boundary[1].encode(), b"boundary")
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        parsed = None
    if is_object(parsed) or is_array(parsed):
        return {"json": secrets.clean_json(parsed)}
    return written(secrets.clean_bytes(data))


def _content(told: Object) -> JSON:
    """Return the body of what was asked for, whatever its form; an empty text is none."""
    return next((told[form] for form in ("json", "text", "base64") if form in told), "")
