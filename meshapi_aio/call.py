"""
Requests as values: a call names its route, its fields are its parameters, its generic parameter is its reply.

::

    @post("/v1/chat/completions")
    class CreateChatCompletion(Call[ChatCompletion]):
        model: str | None = None

A call is frozen, compares by the JSON that it sends, and was checked and copied when it was made, so that it
can be kept, queued and sent later. Family classes turn calls into methods with the calls' own signatures.
Performs no I/O.
"""

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
    Self,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    overload,
)

import attrs

from ._check import check_arguments, set_checks_aside
from ._shape import SCALARS, as_json, brief, wire_names


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
BoundType = TypeVar("BoundType")


@attrs.frozen
class Route:
    """Where a call goes: the HTTP method and the path."""

    method: Literal["POST"]
    path: str


CALLS: dict[str, type["Call[Any]"] | type["StreamCall[Any]"]] = {}
"""Every call by its class name, filled by the decorators."""


class _Callable:  # noqa: PLW1641 (it holds dicts and lists, which cannot be hashed)
    """What calls of both kinds know of themselves."""

    __slots__ = ()

    route: ClassVar[Route]
    reply: ClassVar[Any]

    __repr__ = brief

    def __eq__(self, other: object) -> bool:
        # By the JSON, so that it is all one whether a message was written as a Message or as a dict; and to
        # the gateway null is what an absent key is.
        if not isinstance(other, _Callable) or type(other) is not type(self):
            return NotImplemented
        return _said(self.body()) == _said(other.body())

    def body(self) -> dict[str, Any]:
        """Return the JSON body: the fields that are not None, and what ``extra_body`` adds or replaces."""
        body = {}
        kind: Any = type(self)
        for name in wire_names(kind):
            value = getattr(self, name)
            if value is not None and name != "extra_body":
                body[name] = value if type(value) in SCALARS else as_json(value)
        body.update(as_json(getattr(self, "extra_body", None) or {}))
        return body


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
    made: CallClass = attrs.frozen(
        slots=True, kw_only=True, repr=False, eq=False, field_transformer=set_checks_aside
    )(cls)
    return made


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def post(path: str) -> Callable[[CallClass], CallClass]:
    """Make a call class that is sent as ``POST path`` with a JSON body, and register it."""
    return functools.partial(_register, Route("POST", path))


def _register(route: Route, cls: CallClass) -> CallClass:
    made: Any = fields(cls)
    made.route = route
    made.reply = _reply(made)
    made.__init__ = check_arguments(made.__init__, made)
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

    @overload
    def __get__(self, owner: None, _class: type) -> Self: ...
    @overload
    def __get__(self, owner: object, _class: type) -> FamilyType: ...
    def __get__(self, owner: Any, _class: type) -> Self | FamilyType:
        if owner is None:
            return self
        return self._family(owner._sender if isinstance(owner, Family) else owner)  # noqa: SLF001 - same room


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


class _Descriptor(Generic[BoundType]):
    """What becomes a family's method, and looks to ``help()`` as if it had been written out."""

    def __init__(
        self, bind: Callable[[Sender], BoundType], doc: str | None, signature: inspect.Signature
    ) -> None:
        self._bind = bind
        self.__doc__ = doc
        self.__signature__ = signature

    def __set_name__(self, family: type, name: str) -> None:
        self.__module__, self.__name__ = family.__module__, name
        self.__qualname__ = f"{family.__qualname__}.{name}"

    @overload
    def __get__(self, family: None, _class: type) -> Self: ...
    @overload
    def __get__(self, family: Family, _class: type) -> BoundType: ...
    def __get__(self, family: Family | None, _class: type) -> Self | BoundType:
        if family is None:
            return self
        bound = self._bind(family._sender)  # noqa: SLF001 - same room
        for name in ("__module__", "__name__", "__qualname__", "__doc__", "__signature__"):
            setattr(bound, name, getattr(self, name))
        return bound


class method(_Descriptor[_Bound[P, ReplyType]]):  # noqa: N801 - reads as a declaration in a family
    """A family's method that makes a call and sends it; what it returns is awaited."""

    def __init__(self, call: Callable[P, Call[ReplyType]]) -> None:
        def bind(sender: Sender) -> _Bound[P, ReplyType]:
            def bound(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, ReplyType]:
                return sender.send(call(*args, **kwargs))

            return bound

        super().__init__(bind, inspect.getdoc(call), inspect.signature(call))


class stream_method(_Descriptor[_StreamBound[P, StreamType]]):  # noqa: N801 - as above
    """A family's method that makes a call and returns its stream; nothing is sent before its first step."""

    def __init__(self, call: Callable[P, StreamCall[StreamType]]) -> None:
        def bind(sender: Sender) -> _StreamBound[P, StreamType]:
            def bound(*args: P.args, **kwargs: P.kwargs) -> StreamType:
                return sender.stream(call(*args, **kwargs))

            return bound

        super().__init__(bind, inspect.getdoc(call), inspect.signature(call))


class create_method(_Descriptor[_CreateBound[P, Q, ReplyType, StreamType]]):  # noqa: N801 - as above
    """A family's method with a ``stream`` argument: awaited without it, iterated with ``stream=True``."""

    def __init__(
        self, call: Callable[P, Call[ReplyType]], stream: Callable[Q, StreamCall[StreamType]]
    ) -> None:
        make: Callable[..., Call[ReplyType]] = call
        make_stream: Callable[..., StreamCall[StreamType]] = stream

        def bind(sender: Sender) -> _CreateBound[P, Q, ReplyType, StreamType]:
            def bound(*args: Any, **kwargs: Any) -> Any:
                if kwargs.get("stream"):
                    return sender.stream(make_stream(*args, **kwargs))
                return sender.send(make(*args, **kwargs))

            return bound

        whole, streamed = inspect.signature(call), inspect.signature(stream).return_annotation
        told = f"With ``stream=True`` it returns a ``{streamed.__name__}``, which sends at its first step."
        either = {"stream": whole.parameters["stream"].replace(annotation=bool, default=False)}
        signature = whole.replace(
            parameters=list({**whole.parameters, **either}.values()),
            return_annotation=whole.return_annotation | streamed,
        )
        super().__init__(bind, f"{inspect.getdoc(call)}\n\n{told}", signature)
