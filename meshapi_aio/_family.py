"""
Families: namespaces of calls on the client, whose methods have the calls' own signatures. Performs no I/O.

The functions below are why no signature is written twice: type checkers take a call class for a
``Callable[P, Call[Reply]]``, and so infer every keyword from its fields.
"""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from .call import Call, StreamCall


__all__ = ["Family", "Method", "Namespace", "Sender", "as_method", "create_method", "method", "stream_method"]

P = ParamSpec("P")
Q = ParamSpec("Q")
ReplyType = TypeVar("ReplyType")
StreamType = TypeVar("StreamType")
ReplyType_co = TypeVar("ReplyType_co", covariant=True)
StreamType_co = TypeVar("StreamType_co", covariant=True)
FamilyType = TypeVar("FamilyType", bound="Family")
BoundType_co = TypeVar("BoundType_co", covariant=True)


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

    def __init_subclass__(cls) -> None:
        """Give the methods the names that they were declared by."""
        for name, value in vars(cls).items():
            if inspect.isfunction(value) and hasattr(value, "__signature__"):
                value.__module__, value.__name__ = cls.__module__, name
                value.__qualname__ = f"{cls.__qualname__}.{name}"


class Namespace(Generic[FamilyType]):
    """A family as an attribute of the client, or of a family around it; made anew each time, so no cycle."""

    def __init__(self, family: type[FamilyType]) -> None:
        self.family = family
        self.__doc__ = family.__doc__

    @overload
    def __get__(self, owner: None, _class: type) -> Self: ...
    @overload
    def __get__(self, owner: object, _class: type) -> FamilyType: ...
    def __get__(self, owner: Any, _class: type) -> Self | FamilyType:
        if owner is None:
            return self
        return self.family(owner._sender if isinstance(owner, Family) else owner)  # noqa: SLF001 - same room


class Method(Protocol[BoundType_co]):
    """A family's method as type checkers see it; at run time it is a plain function."""

    @overload
    def __get__(self, family: None, _class: type) -> Self: ...
    @overload
    def __get__(self, family: Family, _class: type) -> BoundType_co: ...


class _Bound(Protocol[P, ReplyType_co]):
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, ReplyType_co]: ...


class _StreamBound(Protocol[P, StreamType_co]):
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> StreamType_co: ...


class _CreateBound(Protocol[P, Q, ReplyType_co, StreamType_co]):
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, ReplyType_co]: ...
    @overload
    def __call__(self, *args: Q.args, **kwargs: Q.kwargs) -> StreamType_co: ...


def as_method(
    function: Callable[..., Any], doc: str | None, signature: inspect.Signature, calls: tuple[Any, ...] = ()
) -> Any:
    """
    Return a function that becomes a family's method, and looks to ``help()`` as if it had been written out.

    ``function`` takes the sender and what the method takes; ``calls`` are the classes of which the method
    makes one, that of the stream last. What is bound when a method is called is done by the interpreter
    itself: a descriptor of our own took 1.0 µs of each call, it takes 0.1.
    """

    def bound(self: Family, *args: Any, **kwargs: Any) -> Any:
        return function(self._sender, *args, **kwargs)

    self = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    told: Any = bound
    told.__signature__ = signature.replace(parameters=[self, *signature.parameters.values()])
    told.calls = calls
    bound.__doc__ = doc
    return bound


def method(call: Callable[P, Call[ReplyType]]) -> Method[_Bound[P, ReplyType]]:
    """Return a family's method that makes a call and sends it; what it returns is awaited."""

    def send(sender: Sender, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, ReplyType]:
        return sender.send(call(*args, **kwargs))

    made: Method[_Bound[P, ReplyType]] = as_method(
        send, inspect.getdoc(call), inspect.signature(call), (call,)
    )
    return made


def stream_method(call: Callable[P, StreamCall[StreamType]]) -> Method[_StreamBound[P, StreamType]]:
    """Return a family's method that makes a call's stream; nothing is sent before its first step."""

    def stream(sender: Sender, *args: P.args, **kwargs: P.kwargs) -> StreamType:
        return sender.stream(call(*args, **kwargs))

    made: Method[_StreamBound[P, StreamType]] = as_method(
        stream, inspect.getdoc(call), inspect.signature(call), (call,)
    )
    return made


def create_method(
    call: Callable[P, Call[ReplyType]], stream: Callable[Q, StreamCall[StreamType]]
) -> Method[_CreateBound[P, Q, ReplyType, StreamType]]:
    """Return a family's method that is awaited, or with ``stream=True`` iterated."""
    make: Callable[..., Call[ReplyType]] = call
    make_stream: Callable[..., StreamCall[StreamType]] = stream

    def create(sender: Sender, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("stream"):
            return sender.stream(make_stream(*args, **kwargs))
        return sender.send(make(*args, **kwargs))

    whole, streamed = inspect.signature(call), inspect.signature(stream).return_annotation
    told = (
        f"With ``stream=True`` it returns a ``{streamed.__name__}``, which sends at its first step, and "
        "raises there what else the call raises."
    )
    either = {"stream": whole.parameters["stream"].replace(annotation=bool, default=False)}
    signature = whole.replace(
        parameters=list({**whole.parameters, **either}.values()),
        return_annotation=whole.return_annotation | streamed,
    )
    made: Method[_CreateBound[P, Q, ReplyType, StreamType]] = as_method(
        create, f"{inspect.getdoc(call)}\n\n{told}", signature, (call, stream)
    )
    return made
