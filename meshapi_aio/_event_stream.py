"""What is told of event streams apart from their chunks: whether a body is one, the names of events. Pure."""

import json
import re
from collections.abc import Callable
from typing import Any

from ._json import loads
from .sse import ServerSentEvent


__all__ = ["BOM", "is_event_stream", "is_whole", "with_name"]

BOM = b"\xef\xbb\xbf"
_FIELD = re.compile(rb"(?:data|event|id|retry)?:|(?:data|event|id|retry)[\r\n]")
_LONGEST_FIELD = len(b"event:")
# JSON and HTML, whatever their content type says.
_OTHER = b"{[<"
# Blank lines may come first; a body of nothing but these is left to the decoder, which bounds it.
_WINDOW = 1024


def is_event_stream(start: bytes, *, declared: bool) -> bool | None:
    """
    Tell from its first bytes whether a body is an event stream; None while they are too few.

    What begins with a field name or a colon is one. So is, where the content type declares one, whatever does
    not look like JSON or HTML, since unknown fields are legal.
    """
    start = start[:_WINDOW]
    if not BOM.startswith(start):
        lines = start.removeprefix(BOM).lstrip(b"\r\n")
        if declared and lines.strip():
            return lines.lstrip()[:1] not in _OTHER
        if _FIELD.match(lines):
            return True
        if not declared and len(lines) >= _LONGEST_FIELD:
            return False
    return None if len(start) < _WINDOW else True


def is_whole(data: str) -> bool:
    """Tell whether the data of an unfinished event can't be the beginning of anything longer."""
    if data.strip() == "[DONE]":
        return True
    try:
        return type(loads(data)) is dict
    except ValueError:
        return False


def with_name(
    event: ServerSentEvent, field: str, is_data: Callable[[dict[str, Any]], bool] | None
) -> ServerSentEvent:
    """
    Return an event whose name stands in a field of its data too, unless the data has that field itself.

    What is called ``error`` stays one, but for what ``is_data`` takes.
    """
    data = event.data.lstrip()
    if event.event == "message" or not data.startswith("{"):
        return event
    if event.event == "error":
        try:
            value = loads(data)
        except ValueError:
            return event
        if is_data is None or not is_data(value):
            return event
    rest = data[1:].lstrip()
    # In front, since of two fields with the same name the later one holds.
    comma = "" if rest.startswith("}") else ","
    return event._replace(
        event="message", data=f"{{{json.dumps(field)}:{json.dumps(event.event)}{comma}{rest}"
    )
