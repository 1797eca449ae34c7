"""
Calls that no family has: to any path, with any body, and values like every other call.

What can't be right is refused when a call is made, before anything is sent. Performs no I/O.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, TypeVar, Unpack, get_args, overload
from urllib.parse import unquote

import attrs

from ._bytes import ByteReply, ByteStream
from ._check import snapshot
from ._shape import Reply, Shape, as_json
from ._stream import Stream
from .call import Call, HTTPMethod, Route, StreamCall


__all__ = ["RawCall", "RawStream", "RawStreamCall", "Untyped"]

ReplyType = TypeVar("ReplyType", bound=Reply | ByteReply)
ReplyType_co = TypeVar("ReplyType_co", covariant=True)
StreamType_co = TypeVar("StreamType_co", covariant=True)
ChunkType = TypeVar("ChunkType")
ShapeType = TypeVar("ShapeType", bound=Shape)


class _Sent(TypedDict, total=False):
    """What both kinds of raw calls take beside the path."""

    body: Mapping[str, Any] | Sequence[Any] | None
    query: Mapping[str, Any] | None


_BODILESS = frozenset({"GET", "DELETE"})
# What may stand in a URL as it is: printable ASCII without blanks, and without what begins a fragment.
_SENDABLE = re.compile(r"/[!-~]*")


class Untyped:
    """Stands for a reply that is JSON of any form."""


class RawStream(Stream[ChunkType]):
    """The chunks of a stream that no family has. It is whole with the end mark ``[DONE]``, not without."""


def _check_method(owner: object, _attribute: object, method: str) -> None:
    known = get_args(HTTPMethod)
    if method not in known:
        msg = f"{type(owner).__name__}: the method must be {', '.join(known)}, got {method!r}"
        raise ValueError(msg)


def _check_path(owner: object, _attribute: object, path: str) -> None:
    if not isinstance(path, str):
        msg = f"{type(owner).__name__}: the path must be text, got {path!r}"
        raise TypeError(msg)
    segments = unquote(path.partition("?")[0]).split("/")
    problem = None
    if not path.startswith("/"):
        problem = "must begin with '/', such as '/v1/things'"
    elif not _SENDABLE.fullmatch(path) or "#" in path:
        problem = "can't have blanks, control characters, '#' or letters beyond ASCII; percent-encode them"
    elif {".", ".."} & set(segments):
        problem = "can't have '.' or '..' between its slashes, which climb to another path"
    elif "" in segments[1:-1]:
        problem = "has nothing between two slashes; is an id missing there?"
    if problem is not None:
        msg = f"{type(owner).__name__}: the path {path!r} {problem}"
        raise ValueError(msg)


def _check_query(owner: Any, _attribute: object, query: dict[str, Any] | None) -> None:
    name = type(owner).__name__
    if query is None:
        return
    if not isinstance(query, dict):
        msg = f"{name}: query must be a dict, got {query!r}"
        raise TypeError(msg)
    for key, value in query.items():
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(key, str) or not isinstance(item, (str, int, float)):
                wanted = "text, numbers, True, False or lists of them"
                msg = f"{name}: query values are {wanted}, got {key!r}: {item!r}"
                raise TypeError(msg)


def _check_body(owner: Any, _attribute: object, body: object) -> None:
    if not isinstance(body, (dict, list, type(None))):
        msg = (
            f"{type(owner).__name__}: body must be a dict or a list, which is sent as JSON, got {body!r:.100}"
        )
        raise TypeError(msg)


def _without_none(query: Any) -> Any:
    query = snapshot(query)
    return (
        {key: item for key, item in query.items() if item is not None} if isinstance(query, dict) else query
    )


def _as_json(body: Any) -> Any:
    return as_json(snapshot(body))


@attrs.frozen(repr=False)
class _Raw:
    """What raw calls of both kinds have."""

    method: HTTPMethod = attrs.field(validator=_check_method)
    _path: str = attrs.field(validator=_check_path)
    _body: Any = attrs.field(converter=_as_json, validator=_check_body)
    query: Any = attrs.field(converter=_without_none, validator=_check_query)
    reply: Any
    accepts: str
    route: Route = attrs.field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "route", Route(self.method, self._path))
        name = type(self).__name__
        if self._body is not None and self.method in _BODILESS:
            msg = f"{name}: {self.method} has no body; what it asks for goes into query="
            raise ValueError(msg)
        if self.query is not None and "?" in self._path:
            msg = (
                f"{name}: the path {self._path!r} has a query, and query= is given; put all of it into query="
            )
            raise ValueError(msg)

    def __repr__(self) -> str:
        told = [repr(self.method), repr(self._path)]
        told += [
            f"{name}={value!r}" for name, value in (("body", self._body), ("query", self.query)) if value
        ]
        return f"{type(self).__name__}({', '.join(told)})"

    def path(self) -> str:
        """Return the path."""
        return self._path

    def body(self) -> Any:
        """Return the JSON body; an empty object where none was given."""
        return {} if self._body is None else self._body


class RawCall(_Raw, Call[ReplyType_co]):
    """
    A call that no family has: ``await client.send(RawCall("POST", "/v1/things", body={…}, reply=Thing))``.

    ``path`` is everything behind the host, percent-encoded; ``query`` is encoded here (None leaves a key out,
    a list repeats it), ``body`` is sent as JSON. ``reply`` is a :class:`Reply` of your own, or ``ByteReply``;
    without it the decoded JSON is returned as it is, and ``{}`` for a 204. Time limits, retries,
    size limits and errors are those of every call.
    """

    __slots__ = ()

    @overload
    def __init__(self: "RawCall[Any]", method: HTTPMethod, path: str, **sent: Unpack[_Sent]) -> None: ...
    @overload
    def __init__(
        self: "RawCall[ReplyType]",
        method: HTTPMethod,
        path: str,
        *,
        reply: type[ReplyType],
        **sent: Unpack[_Sent],
    ) -> None: ...
    def __init__(
        self, method: HTTPMethod, path: str, *, body: Any = None, query: Any = None, reply: Any = Untyped
    ) -> None:
        if not isinstance(reply, type) or not issubclass(reply, (Reply, ByteReply, Untyped)):
            msg = f"RawCall: reply must be a class, a Reply or ByteReply, got {reply!r}"
            raise TypeError(msg)
        accepts = getattr(reply, "accepts", "application/json")
        super().__init__(method, path, body, query, reply, accepts)


class RawStreamCall(_Raw, StreamCall[StreamType_co]):
    """
    A streaming call that no family has: ``client.stream(RawStreamCall("POST", "/v1/things", chunks=Thing))``.

    ``chunks`` is the :class:`Shape` that each event is, or ``bytes`` for a file (then the stream is a
    ``ByteStream``); without it chunks are dicts. An event stream must end with ``[DONE]``. All else is as in
    :class:`RawCall`.
    """

    __slots__ = ()

    @overload
    def __init__(
        self: "RawStreamCall[RawStream[dict[str, Any]]]", method: HTTPMethod, path: str, **sent: Unpack[_Sent]
    ) -> None: ...
    @overload
    def __init__(
        self: "RawStreamCall[ByteStream]",
        method: HTTPMethod,
        path: str,
        *,
        chunks: type[bytes],
        **sent: Unpack[_Sent],
    ) -> None: ...
    @overload
    def __init__(
        self: "RawStreamCall[RawStream[ShapeType]]",
        method: HTTPMethod,
        path: str,
        *,
        chunks: type[ShapeType],
        **sent: Unpack[_Sent],
    ) -> None: ...
    def __init__(
        self,
        method: HTTPMethod,
        path: str,
        *,
        body: Any = None,
        query: Any = None,
        chunks: Any = dict[str, Any],
    ) -> None:
        if chunks not in (bytes, dict[str, Any]) and not (
            isinstance(chunks, type) and issubclass(chunks, Shape)
        ):
            msg = f"RawStreamCall: chunks must be a Shape or bytes, got {chunks!r}"
            raise TypeError(msg)
        reply = ByteStream if chunks is bytes else RawStream[chunks]
        super().__init__(method, path, body, query, reply, reply.accepts)
