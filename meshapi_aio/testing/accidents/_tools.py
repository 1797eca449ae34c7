"""
Accidents of tool calls: their pieces come without what says where they belong.

Values only; this room performs no I/O. Each is one stream that asks for ``get_weather`` with
``{"city": "Oslo"}`` and ``get_time`` with ``{"zone": "UTC"}``, in this order.
"""

from collections.abc import Sequence
from typing import Any

from .._json import Object
from .._script import Accident, Answer
from ._parts import chunk, ending


_WEATHER = ['{"city": ', '"Oslo"}']
_TIME = ['{"zone": ', '"UTC"}']


def tool_calls_without_index() -> Accident:
    """
    Return a stream whose pieces of tool calls have no ``index``.

    Seen in production. Clients that put them all into one bucket make one broken call of two; a correct one
    begins a call with each new id, and the calls are fine.
    """
    return _calling(
        "tool_calls_without_index",
        _piece(id="call_a", name="get_weather"),
        *(_piece(arguments=text) for text in _WEATHER),
        _piece(id="call_b", name="get_time"),
        *(_piece(arguments=text) for text in _TIME),
    )


def tool_calls_without_id() -> Accident:
    """
    Return a stream whose tool calls have no ``id``.

    Seen in production. A tool's answer needs the id of its call, so a correct client makes them up, each
    other than the rest.
    """
    return _calling(
        "tool_calls_without_id",
        _piece(0, name="get_weather"),
        _piece(1, name="get_time"),
        *(_piece(0, arguments=text) for text in _WEATHER),
        *(_piece(1, arguments=text) for text in _TIME),
    )


def tool_arguments_elsewhere() -> Accident:
    """
    Return a stream in which the arguments come under another ``index`` than the name.

    Seen in production. They belong to the latest call that still lacks some; a correct client puts them
    there, and the calls are fine.
    """
    return _calling(
        "tool_arguments_elsewhere",
        _piece(0, id="call_a", name="get_weather"),
        *(_piece(1, arguments=text) for text in _WEATHER),
        _piece(2, id="call_b", name="get_time"),
        *(_piece(3, arguments=text) for text in _TIME),
    )


def tool_names_repeated() -> Accident:
    """
    Return a stream in which every piece of a tool call repeats the name and the id.

    Clients that concatenate get ``get_weatherget_weather``; the calls are fine.
    """
    return _calling(
        "tool_names_repeated",
        *(_piece(0, id="call_a", name="get_weather", arguments=text) for text in _WEATHER),
        *(_piece(1, id="call_b", name="get_time", arguments=text) for text in _TIME),
    )


def tool_arguments_cut() -> Accident:
    """
    Return a stream that ends, with finish reason ``length``, inside the arguments of the second call.

    The answer is whole, and its last call is not: run with the arguments that came it does harm. A correct
    client gives the first call as one that can be run, and the second as one that cannot.
    """
    return _calling(
        "tool_arguments_cut",
        _piece(0, id="call_a", name="get_weather", arguments="".join(_WEATHER)),
        _piece(1, id="call_b", name="get_time", arguments=_TIME[0]),
        finish_reason="length",
    )


def _piece(index: int | None = None, **given: str) -> dict[str, Any]:
    """Return a piece of a tool call with these keys: ``id``, ``name``, ``arguments``."""
    function = {key: given[key] for key in ("name", "arguments") if key in given}
    piece: dict[str, Any] = {} if index is None else {"index": index}
    if "id" in given:
        piece |= {"id": given["id"], "type": "function"}
    return piece | {"function": function}


def _calling(name: str, *pieces: Object, finish_reason: str = "tool_calls") -> Accident:
    opening: Sequence[Object] = [chunk({"role": "assistant", "content": None})]
    events = [*opening, *(chunk({"tool_calls": [piece]}) for piece in pieces), *ending(finish_reason)]
    return Accident(name, stream=Answer(events=events))
