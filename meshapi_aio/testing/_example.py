"""
A reply of any class, as the JSON that the gateway could have sent.

Pure functions, deterministic; this room performs no I/O. Of the class only its fields are known: names tell
what a text or a number may be, and what the request said of a field of the same name is repeated.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from .._codec import structurer
from .._shape import Shape, wire_fields
from .._stream import Stream, chunk_type
from ..call import Call, StreamCall
from ._chat import DEFAULT_MODEL
from ._json import Object
from ._media import PNG_BASE64
from ._script import Answer


_NEVER = re.compile(r"error|fail|next|last_|first_|partial|deprecat|cancel|delet|reason|incomplete")
"""Names of fields that an answer which is all right has no use for."""

_TIME = re.compile(r"_at$|_on$|^created|^updated|expires|date|^since|time")
_TEXTS: Mapping[str, str] = {
    "arguments": "{}",
    "b64_json": PNG_BASE64,
    "finish_reason": "stop",
    "mime_type": "text/plain",
    "model": DEFAULT_MODEL,
    "object": "object",
    "role": "assistant",
    "status": "completed",
    "type": "text",
}
_DEEPEST = 6  # shapes inside each other


def example_answer(call: Call[Any] | StreamCall[Any], *, now: float) -> Answer:
    """Return an answer that the call's reply can be read from; ``now`` is in seconds since the epoch."""
    reply: Any = type(call).reply
    asked = {**{name: getattr(call, name) for name in call.route.fields}, **call.body()}
    if isinstance(reply, type) and issubclass(reply, Stream):
        kind: Any = reply
        chunk = chunk_type(kind)
        return Answer(events=[example(chunk, asked, now=now)] * 2)
    if not (isinstance(reply, type) and issubclass(reply, Shape)):
        return Answer(body=b"example")
    if call.route.method == "DELETE" and not any(_is_required(field) for field in wire_fields(reply)):
        return Answer(204)
    return Answer(body=example(reply, asked, now=now))


def example(kind: type[Shape], asked: Object, *, now: float) -> dict[str, Any]:
    """Return the JSON of one shape; ``asked`` are fields of the request that it repeats where they fit."""
    return _Maker(now).of_shape(kind, asked)


@attrs.frozen
class _Maker:
    """Makes values that belong to one moment."""

    now: float

    def of_shape(self, kind: type[Shape], asked: Object, depth: int = 0) -> dict[str, Any]:
        """Return the JSON object of a shape: what is required, and of the rest what is easily made."""
        made = {}
        for field in wire_fields(kind):
            repeated = asked.get(field.name)
            if repeated is not None and _fits(field.type, repeated):
                made[field.name] = repeated
            elif _is_required(field) or (depth < _DEEPEST and not _NEVER.search(field.name)):
                value = self.of_type(field.type, field.name, kind, depth)
                if _is_required(field) or value not in (None, {}, []):
                    made[field.name] = value
        return made

    def of_type(self, kind: Any, name: str, owner: type, depth: int) -> Any:
        """Return a value of an annotation for the field of that name."""
        if get_origin(kind) in {Union, UnionType}:
            kind = next(member for member in get_args(kind) if member is not NoneType)
        if isinstance(kind, type) and issubclass(kind, Shape):
            return self.of_shape(kind, {}, depth + 1)
        if get_origin(kind) is list:
            item = self.of_type(get_args(kind)[0], name.removesuffix("s"), owner, depth + 1)
            return [] if item is None or depth >= _DEEPEST else [item]
        if get_origin(kind) is Literal:
            return get_args(kind)[0]
        if kind in {str, int, float, bool}:
            return self.of_scalar(kind, name, owner)
        return {} if get_origin(kind) is dict else None

    def of_scalar(self, kind: type, name: str, owner: type) -> Any:
        """Return a text, a number or a truth value for the field of that name."""
        if kind is bool:
            return False
        if kind is str:
            return self.of_text(name, owner)
        if _TIME.search(name):
            return kind(self.now)
        return kind(0 if name in {"index", "offset"} else 1)

    def of_text(self, name: str, owner: type) -> str:
        """Return a text for the field of that name."""
        if name in _TEXTS:
            return _TEXTS[name]
        if name == "id" or name.endswith("_id"):
            return f"{name.removesuffix('id').rstrip('_') or owner.__name__.lower()}_1"
        if name.endswith("url"):
            return f"https://example.com/{name}"
        if "usd" in name or name == "cost":
            return "0.00000100"
        if _TIME.search(name):
            return datetime.fromtimestamp(self.now, UTC).isoformat()
        return f"an example of {name}"


def _is_required(field: "attrs.Attribute[Any]") -> bool:
    return field.default is attrs.NOTHING


def _fits(kind: Any, value: object) -> bool:
    """Return whether a value is what an annotation wants."""
    try:
        structurer(kind)(value)
    except Exception:  # noqa: BLE001 - the converter raises groups of whatever its hooks raise
        return False
    return True
