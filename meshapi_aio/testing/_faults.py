"""
Checks of values in a JSON body, and the list of problems that the gateway's 422 makes of them.

Each check takes where a value stands and the value, and yields what is wrong with it. Pure functions; this
room performs no I/O.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

from ._json import Object, is_array, is_object


Loc: TypeAlias = tuple[str | int, ...]
Problems: TypeAlias = Iterator[Object]
Check: TypeAlias = Callable[[Loc, Any], Problems]

_NAMES: Mapping[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    dict: "an object",
}
_KINDS: Mapping[type, str] = {str: "string_type", bool: "bool_type", int: "int_type", dict: "dict_type"}


def problem(loc: Loc, kind: str, message: str) -> Object:
    """Return one entry of the list of details."""
    return {"type": kind, "loc": ["body", *loc], "msg": message}


def of_type(accepted: type) -> Check:
    """Accept values of one JSON type; true and false are no numbers."""

    def check(loc: Loc, value: object) -> Problems:
        if not isinstance(value, accepted) or (accepted is int and isinstance(value, bool)):
            yield problem(loc, _KINDS[accepted], f"must be {_NAMES[accepted]}")

    return check


boolean = of_type(bool)
whole_number = of_type(int)
an_object = of_type(dict)


def text(*, shortest: int = 0, longest: int | None = None) -> Check:
    """Accept strings of so many characters."""

    def check(loc: Loc, value: object) -> Problems:
        if not isinstance(value, str):
            yield problem(loc, "string_type", "must be a string")
        elif len(value) < shortest:
            yield problem(loc, "string_too_short", f"must have at least {shortest} characters")
        elif longest is not None and len(value) > longest:
            yield problem(loc, "string_too_long", f"must have at most {longest} characters")

    return check


def _limited(value: float, low: float, high: float | None, loc: Loc) -> Problems:
    """Yield what is wrong with a number that is to lie between two others."""
    if value < low:
        yield problem(loc, "greater_than_equal", f"must be at least {low}")
    elif high is not None and not value <= high:
        yield problem(loc, "less_than_equal", f"must be at most {high}")


def number(low: float, high: float) -> Check:
    """Accept numbers from ``low`` to ``high``."""

    def check(loc: Loc, value: object) -> Problems:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield problem(loc, "float_type", "must be a number")
        else:
            yield from _limited(value, low, high, loc)

    return check


def positive(loc: Loc, value: object) -> Problems:
    """Accept numbers above zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield problem(loc, "float_type", "must be a number")
    elif not value > 0:
        yield problem(loc, "greater_than", "must be greater than 0")


def count(most: int | None = None) -> Check:
    """Accept whole numbers from 1 to ``most``."""

    def check(loc: Loc, value: object) -> Problems:
        if isinstance(value, bool) or not isinstance(value, int):
            yield problem(loc, "int_type", "must be a whole number")
        else:
            yield from _limited(value, 1, most, loc)

    return check


def one_of(*choices: str) -> Check:
    """Accept exactly these strings."""

    def check(loc: Loc, value: object) -> Problems:
        if value not in choices:
            yield problem(loc, "literal_error", f"must be one of {', '.join(choices)}")

    return check


def each(item: Check) -> Check:
    """Accept lists whose items pass a check."""

    def check(loc: Loc, value: object) -> Problems:
        if not is_array(value):
            yield problem(loc, "list_type", "must be a list")
            return
        for index, member in enumerate(value):
            yield from item((*loc, index), member)

    return check


def text_or(other: Check) -> Check:
    """Accept strings, and what passes another check."""

    def check(loc: Loc, value: object) -> Problems:
        if not isinstance(value, str):
            if is_array(value) or is_object(value):
                yield from other(loc, value)
            else:
                yield problem(loc, "string_type", "must be a string, a list or an object as documented")

    return check


def members(fields: Mapping[str, Check], *, required: Collection[str] = ()) -> Check:
    """
    Accept objects whose members pass their checks.

    A null stands for an absent member, unless it is required; a member without a check may be anything.
    """

    def check(loc: Loc, value: object) -> Problems:
        if not is_object(value):
            yield problem(loc, "dict_type", "must be an object")
            return
        for name, member in fields.items():
            if name not in value and name in required:
                yield problem((*loc, name), "missing", "is required")
            elif value.get(name) is not None or name in required:
                yield from member((*loc, name), value[name])

    return check


def values(member: Check) -> Check:
    """Accept objects all of whose members pass one check."""

    def check(loc: Loc, value: object) -> Problems:
        if not is_object(value):
            yield problem(loc, "dict_type", "must be an object")
            return
        for name, given in value.items():
            yield from member((*loc, name), given)

    return check


def tagged(kinds: Mapping[str, Check]) -> Check:
    """Accept objects whose ``type`` is one of these, and which pass the check of that type."""
    tag = members({"type": one_of(*kinds)}, required=["type"])

    def check(loc: Loc, value: object) -> Problems:
        wrong = list(tag(loc, value))
        yield from wrong
        if is_object(value) and not wrong:
            yield from kinds[value["type"]](loc, value)

    return check
