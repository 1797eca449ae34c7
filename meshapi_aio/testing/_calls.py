"""
A received request as the call that it was, or what is wrong with it.

Pure functions over method, target and body; this room performs no I/O. Which calls there are, the registry
knows: what it holds is read, whatever family it is of.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, cast, get_args, get_origin
from urllib.parse import parse_qsl

import attrs

from .._routing import calls_at
from ..call import Call, StreamCall
from ._checks import parse_object
from ._faults import problem
from ._form import form_parts
from ._json import Object
from ._texts import from_parts, from_texts


AnyCall: TypeAlias = Call[Any] | StreamCall[Any]
AnyCallClass: TypeAlias = type[Call[Any]] | type[StreamCall[Any]]

_ORIGIN = re.compile(r"^https?://[^/]*", re.IGNORECASE)  # what is sent to a proxy begins so
_NAMED = re.compile(r"\w+: (\w+)")


def read_call(method: str, target: str, body: bytes, content_type: str = "") -> AnyCall | None:
    """
    Return the call that would have sent this request, None where no call could.

    Among the calls of one route the fields with a single possible value decide, such as ``stream``; such a
    field that is absent counts as false. Keys that the call does not know are in its ``extra_body``, and a
    null reads as an absent key, as it does at the gateway.
    """
    read = read_request(method, target, body, content_type)
    return read if isinstance(read, (Call, StreamCall)) else None


def read_request(
    method: str, target: str, body: bytes, content_type: str = ""
) -> AnyCall | list[Object] | None:
    """
    Return the call that a request is, or all that is wrong with it; None where no call goes there.

    ``target`` is what stood in the request line.
    """
    path, query = split_target(target)
    found = calls_at(path, method)
    if not found:
        return None
    asked, problems = _asked(found[0][0], query, body, content_type)
    if problems:
        return problems
    kind, places = next((each for each in found if _is(each[0], asked)), found[0])
    return _made(kind, places, asked)


def split_target(target: str) -> tuple[str, str]:
    """Return path and query of what stood in the request line, neither of them decoded."""
    address, _, query = target.partition("?")
    return _ORIGIN.sub("", address), query


def said(call: AnyCall) -> Object:
    """Return what a call says to the gateway: its body without the keys that are null."""
    return {name: value for name, value in call.body().items() if value is not None}


def _asked(kind: AnyCallClass, query: str, body: bytes, content_type: str) -> tuple[Object, list[Object]]:
    """Return the fields beside the path, and what is wrong where there can be none."""
    types = {field.name: field.type for field in attrs.fields(cast("Any", kind))}
    if kind.route.method in {"GET", "DELETE"}:
        return from_texts(parse_qsl(query, keep_blank_values=True), types), []
    parts = form_parts(content_type, body)
    if parts is not None:
        return from_parts(parts, types), []
    asked, problems = parse_object(body or b"{}")
    return asked, [*problems]


def _is(kind: AnyCallClass, asked: Object) -> bool:
    """Return whether the fields that tell the calls of one route apart have the values of this one."""
    fields = attrs.fields(cast("Any", kind))
    marks = [(field.name, get_args(field.type)) for field in fields if get_origin(field.type) is Literal]
    return all((asked.get(name) or False,) == value for name, value in marks if len(value) == 1)


def _made(kind: AnyCallClass, places: Mapping[str, str], asked: Object) -> AnyCall | list[Object]:
    """Return the call with these fields, or why it refuses them."""
    fields = attrs.fields_dict(cast("Any", kind))
    given: dict[str, Any] = {
        name: value for name, value in asked.items() if name in fields and value is not None
    }
    given.pop("extra_body", None)
    given.update(places)
    missing = [name for name, field in fields.items() if field.default is attrs.NOTHING and name not in given]
    if missing:
        return [problem((name,), "missing", "is required") for name in missing]
    extra = {name: value for name, value in asked.items() if name not in fields or name == "extra_body"}
    if extra and "extra_body" in fields:
        given["extra_body"] = extra
    make: Callable[..., AnyCall] = kind
    try:
        return make(**given)
    except (TypeError, ValueError, RecursionError) as error:
        named = _NAMED.match(str(error))
        place = (named[1],) if named is not None and named[1] in fields else ()
        return [problem(place, "value_error", str(error))]
