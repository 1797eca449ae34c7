"""
Requests as values: a call names its route, its fields are its parameters, its generic parameter is its reply.

::

    @post("/v1/chat/completions")
    class CreateChatCompletion(Call[ChatCompletion]):
        model: str | None = None

A call is frozen, compares by value, and was checked and copied when it was made, so that it can be kept,
queued and sent later. Family classes turn calls into methods with the calls' own signatures. Performs no I/O.
"""

import difflib
import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    overload,
)

import attrs

from ._check import check_fields
from ._shape import as_json, brief, wire_fields


__all__ = [
    "CALLS",
    "Call",
    "Family",
    "Namespace",
    "Route",
    "Sender",
    "StreamCall",
    "create_method",
    "fields",
    "method",
    "post",
    "stream_method",
]

P = ParamSpec("P")
Q = ParamSpec("Q")
ReplyType = TypeVar("ReplyType")
StreamType = TypeVar("StreamType")
ReplyType_co = TypeVar("ReplyType_co", covariant=True)
StreamType_co = TypeVar("StreamType_co", covariant=True)
CallClass = TypeVar("CallClass", bound=type)
FamilyType = TypeVar("FamilyType", bound="Family")


@attrs.frozen
class Route:
    """Where a call goes: the HTTP method and the path."""

    method: Literal["POST"]
    path: str


CALLS: dict[str, type["Call[Any]"] | type["StreamCall[Any]"]] = {}
"""Every call by its class name, filled by the decorators."""


class _Callable:
    """What calls of both kinds know of themselves."""

    __slots__ = ()

    route: ClassVar[Route]
    reply: ClassVar[Any]

    __repr__ = brief

    def body(self) -> dict[str, Any]:
        """Return the JSON body: the fields that are not None, and what ``extra_body`` adds or replaces."""
        body = {}
        for field in wire_fields(type(self)):
            value = getattr(self, field.name)
            if value is not None and field.name != "extra_body":
                body[field.name] = as_json(value)
        body.update(getattr(self, "extra_body", None) or {})
        return body


class Call(_Callable, Generic[ReplyType_co]):
    """A request that is answered as a whole, by a value of its generic parameter."""

    __slots__ = ()


class StreamCall(_Callable, Generic[StreamType_co]):
    """A request that is answered by a stream, its generic parameter (a ``Stream`` subclass)."""

    __slots__ = ()


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def fields(cls: CallClass) -> CallClass:
    """Make a base class of fields that several calls share."""
    made: CallClass = attrs.frozen(slots=True, kw_only=True, repr=False, field_transformer=check_fields)(cls)
    return made


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def post(path: str) -> Callable[[CallClass], CallClass]:
    """Make a call class that is sent as ``POST path`` with a JSON body, and register it."""
    return functools.partial(_register, Route("POST", path))


def _register(route: Route, cls: CallClass) -> CallClass:
    made: Any = fields(cls)
    made.route = route
    made.reply = _reply(made)
    made.__init__ = _explaining(made.__init__, made)
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
        if get_origin(base) in {Call, StreamCall}:
            return get_args(base)[0]
    msg = f"{cls.__name__} must derive from Call[Reply] or StreamCall[Stream]"
    raise TypeError(msg)


def _explaining(init: Callable[..., None], cls: type) -> Callable[..., None]:
    """Wrap a call's ``__init__`` so that a misspelt keyword is told apart from every other mistake."""
    known = [field.name for field in attrs.fields(cls)]

    @functools.wraps(init)
    def __init__(self: object, *args: object, **kwargs: object) -> None:  # noqa: N807 - it is one
        unknown = [name for name in kwargs if name not in known]
        if unknown:
            name = unknown[0]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "the gateway takes it? then pass it in extra_body={…}"
            msg = f"{cls.__name__} has no field {name!r}; {hint}"
            raise TypeError(msg)
        init(self, *args, **kwargs)

    return __init__


class Sender(Protocol):
    """What carries calls to the gateway: the client, as families see it."""

    async def send(self, call: Call[ReplyType]) -> ReplyType:
        """Send a call and return its reply."""
        ...

    def stream(self, call: StreamCall[StreamType]) -> StreamType:
        """Return the stream of a call; nothing is sent yet."""
        ...


class Family:
    """A namespace of calls, such as ``client.chat.completions``."""

    __slots__ = ("_sender",)

    def __init__(self, sender: Sender) -> None:
        self._sender = sender


class Namespace(Generic[FamilyType]):
    """A family as an attribute of the client, or of a family around it; made anew each time, so no cycle."""

    def __init__(self, family: type[FamilyType]) -> None:
        self._family = family
        self.__doc__ = family.__doc__

    def __get__(self, owner: Any, _class: type) -> FamilyType:
        return self._family(owner._sender if isinstance(owner, Family) else owner)


# The three descriptors below are why no signature is written twice: type checkers take the call class for a
# Callable[P, Call[Reply]], and so infer every keyword from its fields.


class _Bound(Protocol[P, ReplyType_co]):
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, ReplyType_co]: ...


class _StreamBound(Protocol[P, StreamType_co]):
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> StreamType_co: ...


class _CreateBound(Protocol[P, Q, ReplyType_co, StreamType_co]):
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, ReplyType_co]: ...
    @overload
    def __call__(self, *args: Q.args, **kwargs: Q.kwargs) -> StreamType_co: ...


class method(Generic[P, ReplyType]):  # noqa: N801 - reads as a declaration in a family
    """A family's method that makes a call and sends it; what it returns is awaited."""

    def __init__(self, call: Callable[P, Call[ReplyType]]) -> None:
        self._call = call

    def __get__(self, family: Family, _class: type) -> _Bound[P, ReplyType]:
        make, sender = self._call, family._sender

        @functools.wraps(make, updated=())
        def bound(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, ReplyType]:
            return sender.send(make(*args, **kwargs))

        return bound


class stream_method(Generic[P, StreamType]):  # noqa: N801 - reads as a declaration in a family
    """A family's method that makes a call and returns its stream, which sends nothing before its first step."""

    def __init__(self, call: Callable[P, StreamCall[StreamType]]) -> None:
        self._call = call

    def __get__(self, family: Family, _class: type) -> _StreamBound[P, StreamType]:
        make, sender = self._call, family._sender

        @functools.wraps(make, updated=())
        def bound(*args: P.args, **kwargs: P.kwargs) -> StreamType:
            return sender.stream(make(*args, **kwargs))

        return bound


class create_method(Generic[P, Q, ReplyType, StreamType]):  # noqa: N801 - reads as a declaration in a family
    """A family's method with a ``stream`` argument: awaited without it, iterated with ``stream=True``."""

    def __init__(self, call: Callable[P, Call[ReplyType]], stream: Callable[Q, StreamCall[StreamType]]) -> None:
        self._call = call
        self._stream = stream

    def __get__(self, family: Family, _class: type) -> _CreateBound[P, Q, ReplyType, StreamType]:
        make: Callable[..., Call[ReplyType]] = self._call
        make_stream: Callable[..., StreamCall[StreamType]] = self._stream
        sender = family._sender

        @functools.wraps(make, updated=())
        def bound(*args: Any, **kwargs: Any) -> Any:
            if kwargs.get("stream"):
                return sender.stream(make_stream(*args, **kwargs))
            return sender.send(make(*args, **kwargs))

        return bound
