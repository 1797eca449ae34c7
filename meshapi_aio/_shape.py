"""
What the gateway sends, as attrs classes: every shape keeps the keys that it does not know.

Pure. Shapes are structured by the codec; giving them back as JSON needs nothing but themselves.
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, dataclass_transform

import attrs

from ._meta import Meta


__all__ = [
    "SCALARS",
    "Absent",
    "Reply",
    "Shape",
    "as_json",
    "brief",
    "local",
    "shape",
    "wire_fields",
    "wire_names",
]

Result = TypeVar("Result")
ShapeClass = TypeVar("ShapeClass", bound=type)

_LOCAL = "meshapi_aio.local"
SCALARS = frozenset({str, int, float, bool})
"""What is the same in JSON as here, whatever its value."""


@dataclass_transform(kw_only_default=True, field_specifiers=(attrs.field,))
def shape(cls: ShapeClass) -> ShapeClass:
    """Make an attrs class of what comes in: slots, keywords only, mutable (freezing it costs 40 %)."""
    made: ShapeClass = attrs.define(slots=True, kw_only=True, repr=False)(cls)
    return made


def local() -> dict[str, bool]:
    """Return the metadata of a field that belongs to this client and is never on the wire."""
    return {_LOCAL: True}


def wire_fields(cls: type) -> "list[attrs.Attribute[Any]]":
    """Return the fields of a shape or call that are on the wire."""
    return [field for field in attrs.fields(cls) if field.name != "extra" and not field.metadata.get(_LOCAL)]


@functools.cache
def wire_names(cls: Any) -> tuple[str, ...]:
    """Return the names of :func:`wire_fields`."""
    return tuple(field.name for field in wire_fields(cls))


def brief(self: Any) -> str:
    """Return the repr of an attrs value with only those fields that tell something."""
    told = []
    for field in attrs.fields(type(self)):
        # Absent in one that was refused half made, which a traceback may show among its locals.
        member = getattr(self, field.name, None)
        if field.repr and member is not None and member not in ([], {}):
            told.append(f"{field.name}={member!r}")
    return f"{type(self).__name__}({', '.join(told)})"


class Absent:
    """Marks a shape that stands for a key which did not come, so that it is not given back."""

    __slots__ = ()


@shape
class Shape:
    """The base of all that comes in."""

    extra: dict[str, Any] = attrs.field(factory=dict)
    """The keys that this class does not know, as they came."""

    __repr__ = brief

    _event_in: ClassVar[str | None] = None
    """Of a chunk: the field that takes the name of the event in which it comes, where the data has none."""

    @classmethod
    def _is_data(cls, value: dict[str, Any]) -> bool:  # noqa: ARG003 - what can have errors wants it
        """Of a chunk or reply: tell whether an object whose ``error`` says something is one all the same."""
        return False

    def to_dict(self) -> dict[str, Any]:
        """
        Return the JSON object again: every key that came and was not null, unknown ones as they came.

        Keys that did not come and have a default, such as a message's role, are there too.
        """
        return _told(_object, self)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return :meth:`to_dict` as JSON text."""
        return _told(lambda shape: json.dumps(_object(shape), indent=indent, ensure_ascii=False), self)


_NO_META = Meta(status=0)


@shape
class Reply(Shape):
    """The base of what a call returns as a whole."""

    meta: Meta = attrs.field(default=_NO_META, eq=False, repr=False, metadata=local())
    """How the reply came about: attempts, times, headers. Not part of the JSON."""

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the call, the key for its logs and bills."""
        return self.meta.request_id

    @classmethod
    def _given(cls, value: Any) -> Any:
        """Return the JSON object that the class reads, made of another form in which the gateway gives it."""
        return value

    def _spoilt(self) -> Any:
        """Return the error, in the gateway's form, that makes a failure of this reply; None for none."""
        return None


def as_json(value: Any) -> Any:
    """
    Return a value with the shapes in it as JSON objects, without their None fields.

    Dicts and lists of the user's own are kept to the letter, None in them included. What is nested too deeply
    is a ``ValueError``.
    """
    return _told(_json, value)


def _json(value: Any) -> Any:
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is dict:  # the most by far, and Mapping is slow to ask
        return {key: item if type(item) in SCALARS else _json(item) for key, item in value.items()}
    if isinstance(value, Shape):
        return _object(value)
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _json(item) for key, item in value.items()}
    return value


def _object(shape: Shape) -> dict[str, Any]:
    result = {}
    kind: Any = type(shape)
    for name in wire_names(kind):
        member = getattr(shape, name)
        if member is not None and not isinstance(member, Absent):
            result[name] = _json(member)
    result.update(shape.extra)
    return result


def _told(tell: Callable[[Any], Result], value: object) -> Result:
    try:
        return tell(value)
    except RecursionError:
        msg = f"{type(value).__name__}: nested too deeply for JSON, or contains itself"
        raise ValueError(msg) from None
