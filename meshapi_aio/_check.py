"""
What calls are made with: is the keyword known, does the value fit its annotation, and a copy that stays.

Only what the annotations of calls use is known here; anything else is taken as it is. Pure.
"""

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs


__all__ = ["check_arguments", "set_checks_aside", "snapshot"]

Problem = str | None
Check = Callable[[Any], Problem]


def check_arguments(cls: type) -> None:
    """
    Let a frozen attrs class check what it is made with, and hold copies of that.

    A misspelt keyword is a ``TypeError`` that names the field which it may have meant. For each field that is
    given, its own converter runs first, then the copy is made, then the annotation is checked (a
    ``TypeError`` names the field, the value and what would fit), then the field's own validator runs. It sees
    no other field, since none is set yet; what concerns several belongs into ``__attrs_post_init__``.

    Only for what is given: of some thirty fields a call sets three, and attrs would run a converter and
    validators for each (29 µs a call, 8 this way). Most are of a type that always fits, and need no copy. An
    instance holds what it is given, and finds the defaults at its class: to set them takes 2.5 µs.
    """
    made: Any = cls
    refuse = made.__init__
    known = {field.name: _Argument(field) for field in attrs.fields(cls)}
    needed = {name for name, argument in known.items() if argument.default is attrs.NOTHING}
    then = getattr(cls, "__attrs_post_init__", None)

    @functools.wraps(refuse)
    def __init__(self: object, *args: object, **kwargs: object) -> None:  # noqa: N807 - it is one
        given = {}
        for name, value in kwargs.items():
            argument = known.get(name)
            if argument is None:
                raise _unknown(name, cls, known)
            if value is not argument.default:
                if type(value) in argument.fitting:
                    argument.validate(self, value)
                    given[name] = value
                else:
                    given[name] = argument.taken(self, value)
        if args or not given.keys() >= needed:
            refuse(self, *args, **kwargs)
        object.__setattr__(self, "__dict__", given)
        if then is not None:
            then(self)

    made.__init__ = __init__
    for name in known.keys() - needed:
        setattr(cls, name, known[name].default)


def _unknown(name: str, cls: type, known: Collection[str]) -> TypeError:
    near = import_module("difflib").get_close_matches(name, known, n=1)  # on demand, 0.6 ms
    otherwise = "; what else the gateway takes goes into extra_body={…}" if "extra_body" in known else ""
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}{otherwise}"
    return TypeError(f"{cls.__name__} has no field {name!r}; {hint}")


_OWN = "meshapi_aio.own"


def set_checks_aside(_cls: type, fields: "list[attrs.Attribute[Any]]") -> "list[attrs.Attribute[Any]]":
    """Keep the fields' own converters and validators from attrs; a ``field_transformer``."""
    return [
        field
        if _OWN in field.metadata
        else field.evolve(
            converter=None,
            validator=None,
            metadata={**field.metadata, _OWN: (field.converter, field.validator)},
        )
        for field in fields
    ]


class _Argument:
    """What happens to the value of one field."""

    __slots__ = ("_check", "_converter", "_field", "_validator", "default", "fitting")

    def __init__(self, field: "attrs.Attribute[Any]") -> None:
        self._field = field
        self._converter, self._validator = field.metadata[_OWN]
        self._check = _check_for(field.type)
        self.default = field.default
        if hasattr(field.default, "factory"):
            msg = f"{field.name} has a factory, and the default of what is checked is a value"
            raise TypeError(msg)
        self.fitting = _fitting(field.type) if self._converter is None else frozenset[type]()

    def validate(self, owner: object, value: Any) -> None:
        if self._validator is not None:
            self._validator(owner, self._field, value)

    def taken(self, owner: object, value: Any) -> Any:
        field = self._field
        try:
            value = snapshot(value if self._converter is None else self._converter(value))
        except RecursionError:
            msg = f"{type(owner).__name__}: {field.name} is nested too deeply, or contains itself"
            raise ValueError(msg) from None
        problem = self._check(value)
        if problem is not None:
            msg = f"{type(owner).__name__}: {field.name} must be {problem}, got {_shown(value)}"
            raise TypeError(msg)
        self.validate(owner, value)
        return value


_SCALARS = frozenset({str, int, float, bool, NoneType})


def snapshot(value: Any) -> Any:
    """
    Return a copy of JSON-like data, attrs values in it included, that later changes do not reach.

    Mappings become dicts and sequences lists, as JSON knows them; anything else is taken as it is.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    # These two by far the most, and Mapping and Sequence are slow to ask.
    if kind is dict or isinstance(value, Mapping):
        return {key: item if type(item) in _SCALARS else snapshot(item) for key, item in value.items()}
    if kind is list or _is_sequence(value):
        return [snapshot(item) for item in value]
    if attrs.has(type(value)):
        copy = object.__new__(type(value))
        for field in attrs.fields(type(value)):
            object.__setattr__(copy, field.name, snapshot(getattr(value, field.name)))
        return copy
    return value


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def _shown(value: object) -> str:
    text = repr(value)
    if len(text) > _LONGEST_SHOWN:
        text = text[:_LONGEST_SHOWN] + "…"
    return text if value is None else f"{text} ({type(value).__name__})"


_LONGEST_SHOWN = 100


def _check_for(annotation: Any) -> Check:
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    generic = _GENERIC.get(get_origin(annotation))
    if generic is not None:
        return generic(get_args(annotation))
    if isinstance(annotation, type) and attrs.has(annotation):
        return lambda value: None if isinstance(value, annotation) else f"a {annotation.__name__}"
    return lambda _value: None


def _fitting(annotation: Any) -> frozenset[type]:
    """Return the types whose values always fit an annotation; a float may be NaN, and does not."""
    if get_origin(annotation) in {Union, UnionType}:
        return frozenset().union(*map(_fitting, get_args(annotation)))
    if annotation is float:
        return frozenset({int})
    return frozenset({annotation}) if annotation in _PLAIN else frozenset()


def _whole_number(value: object) -> Problem:
    return None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"


def _number(value: object) -> Problem:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "a number"
    # A whole number may be too large for a float, and is finite all the same.
    return None if isinstance(value, int) or math.isfinite(value) else "a finite number"


_PLAIN: Mapping[Any, Check] = {
    str: lambda value: None if isinstance(value, str) else "text",
    bool: lambda value: None if isinstance(value, bool) else "True or False",
    int: _whole_number,
    float: _number,
    NoneType: lambda value: None if value is None else "None",
}


def _literal(choices: tuple[Any, ...]) -> Check:
    wanted = " or ".join(repr(choice) for choice in choices)
    # By type too, since 0 == False.
    return lambda value: None if any(type(value) is type(c) and value == c for c in choices) else wanted


def _union(members: tuple[Any, ...]) -> Check:
    checks = [_check_for(member) for member in members]

    def check(value: object) -> Problem:
        for member in checks:
            if member(value) is None:
                return None
        return " or ".join(filter(None, (member(value) for member in checks)))

    return check


def _sequence(members: tuple[Any, ...]) -> Check:
    item = _check_for(members[0])

    def check(value: Any) -> Problem:
        if type(value) is not list and not _is_sequence(value):
            return "a list"
        for index, member in enumerate(value):
            problem = item(member)
            if problem is not None:
                return f"a list in which each item is {problem} (item {index} is {_shown(member)})"
        return None

    return check


_TEXT = {str}


def _mapping(members: tuple[Any, ...]) -> Check:
    item = None if members[1] is Any else _check_for(members[1])

    def check(value: object) -> Problem:
        if type(value) is not dict and not isinstance(value, Mapping):
            return "a dict"
        if item is None and set(map(type, value)) <= _TEXT:  # 0.3 µs for a message, of 1.4 key by key
            return None
        for key, member in value.items():
            if not isinstance(key, str):
                return f"a dict whose keys are text (one is {_shown(key)})"
            problem = None if item is None else item(member)
            if problem is not None:
                return f"a dict in which each value is {problem} ({key!r} is {_shown(member)})"
        return None

    return check


_GENERIC: Mapping[Any, Callable[[tuple[Any, ...]], Check]] = {
    Literal: _literal,
    Union: _union,
    UnionType: _union,
    Sequence: _sequence,
    list: _sequence,
    Mapping: _mapping,
    dict: _mapping,
}
