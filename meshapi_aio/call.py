"""
Requests as values: a call names its route, its fields are its parameters, its generic parameter is its reply.

::

    @post("/v1/chat/completions")
    class CreateChatCompletion(Call[ChatCompletion]):
        model: str | None = None

A call is frozen, compares by what it sends, and was checked and copied when it was made, so that it can be
kept, queued and sent later. Family classes (``_family.py``) turn calls into methods with the calls' own
signatures. Performs no I/O.
"""

import functools
import inspect
import re
from collections.abc import Callable
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
)
from urllib.parse import quote

import attrs

from ._check import check_arguments, set_checks_aside
from ._shape import SCALARS, as_json, brief, wire_fields
from ._upload import Upload


__all__ = [
    "CALLS",
    "PLACE",
    "Call",
    "HTTPMethod",
    "Route",
    "StreamCall",
    "delete",
    "fields",
    "get",
    "patch",
    "post",
]

ReplyType_co = TypeVar("ReplyType_co", covariant=True)
StreamType_co = TypeVar("StreamType_co", covariant=True)
CallClass = TypeVar("CallClass", bound=type)

HTTPMethod = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

PLACE = re.compile(r"\{(\w+)(:path)?\}")
"""A place in the path of a route: the name of the field, and whether it keeps its slashes."""


@attrs.frozen
class Route:
    """
    Where a call goes: the HTTP method, and the path with the names of the fields that stand in it.

    ``{id}`` is one segment, quoted whole; ``{id:path}`` keeps its slashes.
    """

    method: HTTPMethod
    path: str
    fields: tuple[str, ...] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(name for name, _ in PLACE.findall(self.path)))

    def filled(self, call: object) -> str:
        """Return the path of one call."""
        if not self.fields:
            return self.path
        return PLACE.sub(
            lambda place: quote(getattr(call, place[1]), safe="/" if place[2] else ""), self.path
        )


CALLS: dict[str, type["Call[Any]"] | type["StreamCall[Any]"]] = {}
"""Every call by its class name, filled by the decorators as the families are imported."""


class _Callable:  # noqa: PLW1641 (it holds dicts and lists, which cannot be hashed)
    """What calls of both kinds know of themselves."""

    __slots__ = ()

    # Of the class, but in raw calls, where each has its own.
    route: Route
    reply: Any
    accepts: str
    """The media type that is asked for: the reply's own, where it says one."""
    falls_back: ClassVar[bool] = False
    """Whether the models of a ``Fallback`` may take over, since another one may answer as well."""
    is_form: ClassVar[bool] = False
    """Whether one of its fields takes a file, so that its body is a form, with or without one."""

    __repr__ = brief

    def __eq__(self, other: object) -> bool:
        # By the JSON, so that it is all one whether a message was written as a Message or as a dict; and to
        # the gateway null is what an absent key is.
        if not isinstance(other, _Callable) or type(other) is not type(self):
            return NotImplemented
        return self.path() == other.path() and _said(self.body()) == _said(other.body())

    def path(self) -> str:
        """Return the path of the route, with this call's fields in it."""
        return self.route.filled(self)

    def body(self) -> dict[str, Any]:
        """
        Return what is said beside the path: the fields that are not None, and what ``extra_body`` adds.

        It is the query of GET and DELETE, else the JSON body, or a form where a field is an upload.
        """
        kind: Any = type(self)
        constants, places = _of_body(kind)
        said = {**constants, **vars(self)}
        # Equal calls are equal to the byte, in whatever order they were given what they say.
        body = {
            name: value if type(value) in SCALARS else as_json(value)
            for name in sorted(said, key=places.__getitem__)
            if (value := said[name]) is not None and places[name] >= 0
        }
        extra = getattr(self, "extra_body", None)
        if extra:
            body.update(as_json(extra))
        return body


@functools.cache
def _of_body(kind: Any) -> tuple[dict[str, Any], dict[str, int]]:
    """Return what stands in the body of calls that are not given it, and each field's place, -1 for none."""
    aside = {"extra_body", *kind.route.fields}
    every = wire_fields(kind)
    constants = {field.name: field.default for field in every if field.default not in (None, attrs.NOTHING)}
    return constants, {field.name: -1 if field.name in aside else at for at, field in enumerate(every)}


def _said(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


class Call(_Callable, Generic[ReplyType_co]):
    """A request that is answered as a whole, by a value of its generic parameter."""

    __slots__ = ()


class StreamCall(_Callable, Generic[StreamType_co]):
    """A request that is answered by a stream, its generic parameter (a ``Stream`` subclass)."""

    __slots__ = ()

    def whole(self) -> Call[Any] | None:
        """Return the same request without streaming, where there is such a thing."""
        return None


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def fields(cls: CallClass) -> CallClass:
    """Make a base class of fields that several calls share."""
    return _frozen(cls, ())


def _frozen(cls: CallClass, in_path: tuple[str, ...]) -> CallClass:
    def transformed(owner: type, own: "list[attrs.Attribute[Any]]") -> "list[attrs.Attribute[Any]]":
        checked = [field.evolve(validator=_check_place) if field.name in in_path else field for field in own]
        # Wherever they were declared: what has to be given comes first, what the client does not know last.
        checked.sort(key=_place_of)
        return set_checks_aside(owner, checked)

    made: CallClass = attrs.frozen(
        slots=False, kw_only=True, repr=False, eq=False, field_transformer=transformed
    )(cls)
    return made


def _place_of(field: "attrs.Attribute[Any]") -> tuple[bool, bool, bool]:
    """Return the key by which fields stand as one reads them, whatever class they come from."""
    return (field.default is not attrs.NOTHING, field.name != "model", field.name == "extra_body")


def _check_place(owner: Any, attribute: Any, value: str) -> None:
    # An empty segment would make the path of another call, and dots climb in it, percent-encoded or not.
    parts = value.split("/") if f"{{{attribute.name}:path}}" in owner.route.path else [value]
    if not all(parts) or {".", ".."} & set(parts):
        msg = f"{type(owner).__name__}: {attribute.name} stands in the path and can't be {value!r}"
        raise ValueError(msg)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def get(path: str) -> Callable[[CallClass], CallClass]:
    """Make a call class that is sent as ``GET path`` with a query, and register it."""
    return functools.partial(_register, Route("GET", path))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def post(path: str) -> Callable[[CallClass], CallClass]:
    """Make a call class that is sent as ``POST path`` with a JSON body or a form, and register it."""
    return functools.partial(_register, Route("POST", path))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def patch(path: str) -> Callable[[CallClass], CallClass]:
    """Make a call class that is sent as ``PATCH path`` with a JSON body, and register it."""
    return functools.partial(_register, Route("PATCH", path))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def delete(path: str) -> Callable[[CallClass], CallClass]:
    """Make a call class that is sent as ``DELETE path`` with a query, and register it."""
    return functools.partial(_register, Route("DELETE", path))


def _register(route: Route, cls: CallClass) -> CallClass:
    reply = _reply(cls)
    made: Any = _frozen(cls, route.fields)
    made.route = route
    made.reply = reply
    made.accepts = getattr(
        reply, "accepts", "text/event-stream" if issubclass(cls, StreamCall) else "application/json"
    )
    made.is_form = any(Upload in get_args(field.type) for field in attrs.fields(made))
    missing = set(route.fields) - {field.name for field in attrs.fields(made)}
    if missing:
        msg = f"{made.__name__} has no field for {', '.join(sorted(missing))} in its path {route.path}"
        raise TypeError(msg)
    check_arguments(made)
    made.__signature__ = _signature(made)
    CALLS[made.__name__] = made
    return cast("CallClass", made)


def _signature(cls: Any) -> inspect.Signature:
    """Return what ``help()`` shows: attrs itself loses the annotations behind the copying converters."""
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is attrs.NOTHING else field.default,
            annotation=field.type,
        )
        for field in attrs.fields(cls)
    ]
    return inspect.Signature(parameters, return_annotation=cls.reply)


def _reply(cls: type) -> Any:
    for base in getattr(cls, "__orig_bases__", ()):
        origin = get_origin(base)
        if isinstance(origin, type) and issubclass(origin, (Call, StreamCall)):
            return get_args(base)[0]
    msg = f"{cls.__name__} must derive from Call[Reply] or StreamCall[Stream]"
    raise TypeError(msg)
