"""
What calls are made with: is the keyword known, does the value fit its annotation, and a copy that stays.

Only what the annotations of calls use is known here; anything else is taken as it is. Pure.
"""

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs


__all__ = ["check_fields", "check_keywords", "snapshot"]

Problem = str | None
Check = Callable[[Any], Problem]


def check_keywords(init: Callable[..., None], cls: type) -> Callable[..., None]:
    """Return an attrs class's ``__init__`` that names the field which a misspelt keyword may have meant."""
    known = [field.name for field in attrs.fields(cls)]
    otherwise = "; what else the gateway takes goes into extra_body={…}" if "extra_body" in known else ""

    @functools.wraps(init)
    def __init__(self: object, *args: object, **kwargs: object) -> None:  # noqa: N807 - it is one
        for name in kwargs:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}{otherwise}"
                msg = f"{cls.__name__} has no field {name!r}; {hint}"
                raise TypeError(msg)
        init(self, *args, **kwargs)

    return __init__


def check_fields(cls: type, fields: "list[attrs.Attribute[Any]]") -> "list[attrs.Attribute[Any]]":
    """
    Give each field a check of its annotation and a copying converter, beside those of its own.

    A ``field_transformer`` of ``attrs.define``. A field's own converter runs first, then the copy is made,
    then the annotation is checked, then the field's own validator runs. The check raises a ``TypeError`` that
    names the field, the value and what would fit.
    """
    own = inspect.get_annotations(cls)  # what is inherited was given both where it was defined
    return [_checked(field) if field.name in own else field for field in fields]


def _checked(field: "attrs.Attribute[Any]") -> "attrs.Attribute[Any]":
    validators = [_validator(field.type)]
    if field.validator is not None:
        validators.append(field.validator)
    own: Any = field.converter

    def copied(value: Any, owner: object, attribute: "attrs.Attribute[Any]") -> Any:
        try:
            return snapshot(value if own is None else own(value))
        except RecursionError:
            msg = f"{type(owner).__name__}: {attribute.name} is nested too deeply, or contains itself"
            raise ValueError(msg) from None

    converter = attrs.Converter(copied, takes_self=True, takes_field=True)
    return field.evolve(validator=attrs.validators.and_(*validators), converter=converter)


def snapshot(value: Any) -> Any:
    """
    Return a copy of JSON-like data, attrs values in it included, that later changes do not reach.

    Mappings become dicts and sequences lists, as JSON knows them; anything else is taken as it is.
    """
    if isinstance(value, (str, int, float, NoneType)):
        return value
    if isinstance(value, Mapping):
        return {key: snapshot(item) for key, item in value.items()}
    if _is_sequence(value):
        return [snapshot(item) for item in value]
    if attrs.has(type(value)):
        copy = object.__new__(type(value))
        for field in attrs.fields(type(value)):
            object.__setattr__(copy, field.name, snapshot(getattr(value, field.name)))
        return copy
    return value


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def _validator(annotation: Any) -> Callable[[Any, "attrs.Attribute[Any]", Any], None]:
    check = _check_for(annotation)

    def validate(owner: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        problem = check(value)
        if problem is not None:
            msg = f"{type(owner).__name__}: {attribute.name} must be {problem}, got {_shown(value)}"
            raise TypeError(msg)

    return validate


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
        problems = []
        for member in checks:
            problem = member(value)
            if problem is None:
                return None
            problems.append(problem)
        return " or ".join(problems)

    return check


def _sequence(members: tuple[Any, ...]) -> Check:
    item = _check_for(members[0])

    def check(value: Any) -> Problem:
        if not _is_sequence(value):
            return "a list"
        for index, member in enumerate(value):
            problem = item(member)
            if problem is not None:
                return f"a list in which each item is {problem} (item {index} is {_shown(member)})"
        return None

    return check


def _mapping(members: tuple[Any, ...]) -> Check:
    item = _check_for(members[1])

    def check(value: object) -> Problem:
        if not isinstance(value, Mapping):
            return "a dict"
        for key, member in value.items():
            if not isinstance(key, str):
                return f"a dict whose keys are text (one is {_shown(key)})"
            problem = item(member)
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
