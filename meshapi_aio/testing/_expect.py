"""
What a test writes down of the requests: which it expects, in which order, and what answers each.

Values and the comparing of requests with them; this room performs no I/O.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias, TypeGuard

import attrs

from ..call import Call, StreamCall
from ._calls import AnyCall, AnyCallClass, said
from ._differences import differences
from ._json import JSON, is_object
from ._received import ReceivedRequest
from ._script import OWN, Accident, Answer, Answering, Own


_LONGEST = 120  # characters of a value in a complaint


def _is_answering(value: object) -> TypeGuard[Answering]:
    """Return whether a value can answer a request; a function must take one."""
    if isinstance(value, Answer | Accident | Own):
        return True
    if not callable(value):
        return False
    try:
        inspect.signature(value).bind(None)
    except (TypeError, ValueError):
        return False
    return True


def _check_answering(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Refuse what cannot answer a request, at the place where the mistake was made."""
    if value is None and attribute.name == "otherwise":
        return
    if not _is_answering(value):
        hint = "; an accident is called first: accidents.truncated()" if callable(value) else ""
        msg = (
            f"{attribute.name} must be an Answer, an accident, OWN, or a function of the request, "
            f"not {value!r}{hint}"
        )
        raise TypeError(msg)


def _check_call(_: object, __: "attrs.Attribute[Any]", call: object) -> None:
    """Refuse what is no call, at the place where the mistake was made."""
    kind = call if isinstance(call, type) else type(call)
    if call is not None and not issubclass(kind, Call | StreamCall):
        msg = (
            f"Expect takes a call, such as CreateChatCompletion(...), or the class of one, not {call!r}; "
            "where=... looks at anything else of a request, and what answers it comes second"
        )
        raise TypeError(msg)


@attrs.frozen(repr=False)
class Expect:
    """
    A request that a test expects, and what answers it.

    ::

        Expect(CreateChatCompletion(model="m", messages=[Message.user("Hi")]), Answer(429))
        Expect(model="openai/gpt-4o", where=lambda request: len(request.json["messages"]) == 3)

    Whatever is given must hold; with nothing given any request will do.

    ``call``: the call that it must equal, or the class of the call.
    ``answer``: an ``Answer``, an accident, or a function of the request; by default the gateway's own answer.
    ``method``, ``path``, ``model``: what these must be.
    ``where``: a function of the request that returns whether it is the expected one; what it raises, a failed
    ``assert`` for one, means that it is not.
    """

    call: AnyCall | AnyCallClass | None = attrs.field(default=None, validator=_check_call)
    answer: Answering = attrs.field(default=OWN, validator=_check_answering)
    method: str | None = attrs.field(default=None, kw_only=True)
    path: str | None = attrs.field(default=None, kw_only=True)
    model: str | None = attrs.field(default=None, kw_only=True)
    where: Callable[[ReceivedRequest], object] | None = attrs.field(default=None, kw_only=True)

    def differences(self, request: ReceivedRequest) -> list[str]:
        """Return in which places a request is not the expected one, a line for each."""
        found = _unlike("method", self.method, request.method) + _unlike("path", self.path, request.path)
        if self.call is not None:
            route = self.call.route
            elsewhere = _unlike("method", route.method, request.method)
            elsewhere += _unlike("path", route.path, request.path)
            found += elsewhere or _unlike_request(self.call, request)
        if self.model is not None:
            asked = _json_of(request)
            found += _unlike("model", self.model, asked.get("model") if is_object(asked) else None)
        if self.where is not None:
            found += _unlike_where(self.where, request)
        return found

    def __repr__(self) -> str:
        given = [] if self.call is None else [_name(self.call)]
        for name in ("method", "path", "model", "where"):
            value = getattr(self, name)
            if value is not None:
                given.append(f"{name}={_name(value)}")
        answer = _name(self.answer)
        if not given:
            return answer
        return f"Expect({', '.join(given if self.answer is OWN else [*given, answer])})"


def _name(value: object) -> str:
    """Return a value as short text, a function or a class by its name."""
    is_named = isinstance(value, type) or inspect.isroutine(value)
    text = getattr(value, "__qualname__", repr(value)) if is_named else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _unlike(name: str, expected: str | None, got: object) -> list[str]:
    """Return a line for a value that is not the expected one, where one is expected."""
    return [] if expected is None else _differences(expected, got, name)


def _differences(expected: JSON, got: JSON, path: str = "") -> list[str]:
    return list(differences(expected, got, lambda _: False, path, verb="expected"))


def unlike_call(expected: AnyCall, got: AnyCall) -> list[str]:
    """Return what a call says other than the expected one, a line for each place."""
    if expected == got:
        return []
    return _differences(said(expected), said(got)) or [_unlike_kind(type(expected), type(got).__name__)]


def _unlike_request(expected: AnyCall | AnyCallClass, request: ReceivedRequest) -> list[str]:
    """Return what a request says other than the expected call, or than any call of the expected class."""
    call = request.call
    if not isinstance(expected, type):
        return (
            _differences(said(expected), _json_of(request)) if call is None else unlike_call(expected, call)
        )
    if isinstance(call, expected):
        return []
    told = f"{_json_of(request)!r:.{_LONGEST}}, which is no call" if call is None else type(call).__name__
    return [_unlike_kind(expected, told)]


def _unlike_kind(expected: type, got: str) -> str:
    return f"call: expected {expected.__name__}, received {got}"


def _unlike_where(where: Callable[[ReceivedRequest], object], request: ReceivedRequest) -> list[str]:
    """Return what the test's own function has against a request."""
    try:
        holds = where(request)
    except Exception as error:  # noqa: BLE001 (a request for which the function fails is not the expected one)
        return [f"where: {_name(where)} raised {type(error).__name__}: {error}"]
    return [] if holds else [f"where: {_name(where)} returned {holds!r}"]


def _json_of(request: ReceivedRequest) -> Any:
    """Return the JSON of a request, of a body that is none its text."""
    try:
        return request.json
    except (ValueError, RecursionError):
        return request.body.decode(errors="replace")


Entry: TypeAlias = Expect | Answering
"""One line of a script: a request with its answer, or an answer to whatever is asked."""


@attrs.frozen(init=False)
class Script:
    """
    What a test writes down: the requests that it expects, and the answer to each.

    ::

        Script(
            Expect(StreamChatCompletion(model="m", messages=[...]), accidents.truncated()),
            Expect(model="m"),
            Answer(429),
        )

    An entry that is only an answer takes whatever is asked. Every entry answers one request. A request that
    is not the expected one, or that comes when there is no entry left, is answered with a 400 which says what
    differs, and fails the test; so does an entry that was never used.

    ``ordered``: False lets each request take the first entry left that it meets, for requests that are sent
    at the same time.
    ``otherwise``: what answers the requests that no entry is for, without a complaint: ``OWN`` (the gateway's
    own answer), or an answer to be given again and again.
    """

    entries: tuple[Expect, ...]
    ordered: bool
    otherwise: Answering | None = attrs.field(validator=_check_answering)

    def __init__(self, *entries: Entry, ordered: bool = True, otherwise: Answering | None = None) -> None:
        expected = tuple(expectation(entry) for entry in entries)
        self.__attrs_init__(expected, ordered, otherwise)  # pyright: ignore[reportAttributeAccessIssue]


def expectation(entry: Entry) -> Expect:
    """Return what an entry expects; raises ``TypeError`` for what is no entry."""
    if isinstance(entry, Expect):
        return entry
    if isinstance(entry, Script):
        msg = "a Script is no entry of another; follow(script) adds its entries"
        raise TypeError(msg)
    return Expect(answer=entry)
