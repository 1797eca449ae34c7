"""
What goes over the wire, and what comes back whole: requests made of calls, replies read from bytes.

Performs no I/O and knows no event loop: everything here is tested with literals.
"""

from collections.abc import Mapping
from types import NoneType
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from uuid import uuid4

import attrs

from ._answer import Answer, error_in, read_error, redacted, tells_error, unexpected
from ._byte_reader import read_bytes
from ._bytes import ByteReply
from ._codec import structurer, unfit
from ._form import form
from ._json import dumps, loads
from ._outside import Outside, PutFile
from ._raw import RawCall, RawStreamCall, Untyped
from ._shape import Reply
from ._upload import Body
from ._version import __version__
from .call import Call, StreamCall
from .errors import DecodeError, MeshAPIError
from .settings import Settings


__all__ = ["HUGE", "Headers", "Request", "prepare", "read_reply", "settings_for"]

ReplyType = TypeVar("ReplyType")

USER_AGENT = f"meshapi_aio/{__version__}"

HUGE: Final = 256 * 1024
"""The bytes of a body from which on it is worth to read it in slices: plainly they take some 4 ms."""


class Headers(dict[str, str]):
    """Headers of a request; the repr names them and shows no value, since one of them is the token."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(headers)
        self.heads: dict[tuple[str, str], Any] = {}
        """Room for what the transport makes of these headers, by the method and the URL that they go with."""

    def __repr__(self) -> str:
        return f"<headers {', '.join(self)}>"


@attrs.frozen
class Request:
    """One HTTP request, ready to be sent any number of times."""

    method: str
    url: str = attrs.field(repr=False)
    headers: Headers
    body: bytes | None = attrs.field(repr=False)
    parts: Body | None = None
    """A body that holds files, in place of the other."""
    outside: bool = False
    """Whether it goes past the gateway: the URL as it is, and no header but these and what HTTP needs."""


def prepare(call: Call[Any] | StreamCall[Any], settings: Settings) -> Request:
    """
    Return the request of a call.

    A value that JSON can't hold is a ``TypeError`` that names its place.
    """
    if isinstance(call, Outside):
        return _outside(call)
    headers: Headers | None = settings.prepared.get(call.accepts)
    if headers is None:
        headers = settings.prepared[call.accepts] = _headers(settings, call.accepts)
    method, url = call.route.method, settings.base_url + call.path()
    if isinstance(call, (RawCall, RawStreamCall)):
        query = _query(call.query or {})
        body = None if method in _WITH_QUERY else dumps(call.body())
        return Request(method, f"{url}?{query}" if query else url, headers, body)
    if method in _WITH_QUERY:
        query = _query(call.body())
        return Request(method, f"{url}?{query}" if query else url, headers, None)
    if call.is_form:
        boundary = uuid4().hex
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return Request(method, url, Headers({**headers, **kind}), None, form(call.body(), boundary))
    return Request(method, url, headers, dumps(call.body()))


def _outside(call: Outside) -> Request:
    headers, parts = Headers({"User-Agent": USER_AGENT}), None
    if isinstance(call, PutFile):
        headers["Content-Type"], parts = call.file.content_type, Body((call.file,))
    return Request(call.route.method, call.url, headers, None, parts, outside=True)


def settings_for(call: object, settings: Settings) -> Settings:
    """Return the settings of one call: of a signed address every value in the query is a secret."""
    if not isinstance(call, Outside):
        return settings
    query = urlsplit(call.url).query
    # Short ones are no signature, and may well be a word of what the storage says.
    values = [value for _, value in parse_qsl(query) if len(value) >= _SECRET]
    return settings.evolve(secrets=tuple(filter(None, (query, *values))))


_SECRET = 16


_WITH_QUERY = frozenset({"GET", "DELETE"})


def _query(said: dict[str, Any]) -> str:
    """Return a query: lists as repeated keys, true and false in lower case, which the gateway wants."""
    return urlencode(
        [
            (name, str(item).lower() if isinstance(item, bool) else item)
            for name, value in said.items()
            for item in (value if isinstance(value, list) else [value])
        ],
        quote_via=quote,
    )


def _headers(settings: Settings, accepts: str) -> Headers:
    headers = Headers(
        {
            "Authorization": f"Bearer {settings.token}",
            "Content-Type": "application/json",
            "Accept": accepts,
            "User-Agent": USER_AGENT,
            "X-MeshAPI-SDK": USER_AGENT,
        }
    )
    if accepts != "application/json":
        # A compressing proxy would hold events back until it has enough to compress; sound is compressed.
        headers["Accept-Encoding"] = "identity"
    if settings.api_version is not None:
        headers["X-Mesh-Version"] = settings.api_version
    if settings.request_id is not None:
        headers["X-Request-Id"] = settings.request_id
    if settings.cache is False:
        headers["X-Mesh-Cache"] = "no-store"
    own = {name.lower(): name for name in headers}
    for name, value in settings.headers.items():
        headers[own.get(name.lower(), name)] = value
    return headers


def _error_of(kind: Any, value: Any, answer: Answer, settings: Settings) -> MeshAPIError | None:
    if not tells_error(value) or (issubclass(kind, Reply) and kind._is_data(value)):  # noqa: SLF001 - as below
        return None
    return error_in(value, answer, settings)


def _may_be_empty(kind: Any, answer: Answer) -> bool:
    # Where nothing is expected but that it was done, and where nobody knows what to expect.
    return kind is Reply or (kind is Untyped and answer.status == 204)


def read_reply(call: Call[ReplyType], answer: Answer, body: bytes, settings: Settings) -> ReplyType:
    """
    Return the reply in a whole answer, or raise what the answer stands for.

    ``APIStatusError`` for an error status, and for a 200 whose JSON is an error or tells of one;
    ``UnexpectedResponseError`` for what is no JSON; ``DecodeError`` for JSON of another shape.
    """
    if not answer.is_success:
        raise read_error(answer, body, settings)
    if call.reply is NoneType:
        return cast("ReplyType", None)
    if issubclass(call.reply, ByteReply):
        file: Any = read_bytes(answer, body, settings)
        return cast("ReplyType", file)
    value: Any = None
    failure: MeshAPIError | None = None
    try:
        value = loads(body) if body or not _may_be_empty(call.reply, answer) else {}
    except ValueError:
        failure = unexpected(answer, body, settings, "JSON")
    # Raised out here, like the one below: the decoder's own error holds the whole body, and is no context.
    failure = failure or _error_of(call.reply, value, answer, settings)
    if failure is not None:
        raise failure
    if call.reply is Untyped:
        return cast("ReplyType", value)
    try:
        reply: ReplyType = structurer(call.reply)(call.reply._given(value))  # noqa: SLF001 - as below
    except Exception as error:  # noqa: BLE001 - cattrs raises groups of whatever the hooks raise
        failure = DecodeError(
            f"the reply is no {call.reply.__name__}: {unfit(error)}",
            body=redacted(value, settings),
            request_id=answer.request_id,
        )
    else:
        spoilt = reply._spoilt() if isinstance(reply, Reply) else None  # noqa: SLF001 - asked of every reply
        if spoilt is None:
            return reply
        failure = error_in({**value, "error": spoilt}, answer, settings)
    assert failure is not None
    raise failure
