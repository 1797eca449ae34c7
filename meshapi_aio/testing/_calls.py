"""
A received request as the call that it was.

Pure functions over method, path and body; this room performs no I/O.
"""

import json
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, cast, get_args, get_origin

import attrs

from ..call import Call, StreamCall
from ..endpoints import every_call
from ._json import Object, is_object


AnyCall: TypeAlias = Call[Any] | StreamCall[Any]
AnyCallClass: TypeAlias = type[Call[Any]] | type[StreamCall[Any]]


def read_call(method: str, path: str, body: bytes) -> AnyCall | None:
    """
    Return the call that would have sent this request, None where no call could.

    Among the calls of one route the fields with a single possible value decide, such as ``stream``; such a
    field that is absent from the body counts as false. Keys that the call does not know are in its
    ``extra_body``, and a null reads as an absent key, as it does at the gateway.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not is_object(asked):
        return None
    for kind in every_call().values():
        if (kind.route.method, kind.route.path) == (method, path) and _is(kind, asked):
            return _made(kind, asked)
    return None


def said(call: AnyCall) -> Object:
    """Return what a call says to the gateway: its body without the keys that are null."""
    return {name: value for name, value in call.body().items() if value is not None}


def _is(kind: AnyCallClass, asked: Object) -> bool:
    """Return whether the fields that tell the calls of one route apart have the values of this one."""
    marks = [field for field in attrs.fields(cast("Any", kind)) if get_origin(field.type) is Literal]
    return all((asked.get(mark.name) or False,) == get_args(mark.type) for mark in marks)


def _made(kind: AnyCallClass, asked: Object) -> AnyCall | None:
    """Return the call with the fields of the body, None where it refuses them."""
    known = attrs.fields_dict(cast("Any", kind)).keys() - {"extra_body"}
    fields = {name: value for name, value in asked.items() if name in known and value is not None}
    extra = {name: value for name, value in asked.items() if name not in known}
    make: Callable[..., AnyCall] = kind
    try:
        return make(**fields, **({"extra_body": extra} if extra else {}))
    except (TypeError, ValueError, RecursionError):
        return None
