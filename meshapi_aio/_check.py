"""
Does a value fit the annotation of the field that it was given for? And copies, so that it stays as it was.

Only what the annotations of calls use is known here; anything else is taken as it is. Pure.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs


__all__ = ["check_fields", "snapshot"]

Problem = str | None
Check = Callable[[Any], Problem]


def check_fields(cls: type, fields: "list[attrs.Attribute[Any]]") -> "list[attrs.Attribute[Any]]":
    """
    Give each field of an attrs class a validator for its annotation, before its own, and a copying converter
    after its own.

    A ``field_transformer`` of ``attrs.define``. The validators raise a ``TypeError`` or a ``ValueError`` that
    names the field, the value and what would fit.
    """
    own = cls.__dict__.get("__annotations__", {})
    checked = []
    for field in fields:
        if field.name not in own:  # inherited, so it has its validator already
            checked.append(field)
            continue
        validators = [_validator(field.type)]
        if field.validator is not None:
            validators.append(field.validator)
        converter = snapshot if field.converter is None else attrs.converters.pipe(field.converter, snapshot)
        checked.append(field.evolve(validator=attrs.validators.and_(*validators), converter=converter))
    return checked


def snapshot(value: Any) -> Any:
    """Return a copy of JSON-like data, attrs values in it included, that later changes do not reach."""
    if isinstance(value, (str, int, float, NoneType)):
        return value
    if isinstance(value, Mapping):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [snapshot(item) for item in value]
    if attrs.has(type(value)):
        copy = object.__new__(type(value))
        for field in attrs.fields(type(value)):
            object.__setattr__(copy, field.name, snapshot(getattr(value, field.name)))
        return copy
    return value


def _validator(annotation: Any) -> Callable[[Any, "attrs.Attribute[Any]", Any], None]:
    check = _check_for(annotation)

    def validate(owner: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        problem = check(value)
        if problem is not None:
            msg = f"{attribute.name} must be {problem}, got {_shown(value)}"
            raise TypeError(f"{type(owner).__name__}: {msg}")

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
    origin = get_origin(annotation)
    if origin is Literal:
        return _literal(get_args(annotation))
    if origin in {Union, UnionType}:
        return _union(get_args(annotation))
    if origin in {list, Sequence}:
        return _sequence(_check_for(get_args(annotation)[0]))
    if origin in {dict, Mapping}:
        return _mapping(_check_for(get_args(annotation)[1]))
    if isinstance(annotation, type) and attrs.has(annotation):
        return lambda value: None if isinstance(value, annotation) else f"a {annotation.__name__}"
    return lambda _value: None


def _whole_number(value: object) -> Problem:
    return None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"


def _number(value: object) -> Problem:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "a number"
    return None if math.isfinite(value) else "a finite number"


_PLAIN: Mapping[Any, Check] = {
    str: lambda value: None if isinstance(value, str) else "text",
    bool: lambda value: None if isinstance(value, bool) else "True or False",
    int: _whole_number,
    float: _number,
    NoneType: lambda value: None if value is None else "None",
    object: lambda _value: None,
    Any: lambda _value: None,
}


def _literal(choices: tuple[Any, ...]) -> Check:
    wanted = " or ".join(repr(choice) for choice in choices)
    return lambda value: None if type(value) in {type(c) for c in choices} and value in choices else wanted


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


def _sequence(item: Check) -> Check:
    def check(value: object) -> Problem:
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            return "a list"
        for index, member in enumerate(value):
            problem = item(member)
            if problem is not None:
                return f"a list in which each item is {problem} (item {index} is {_shown(member)})"
        return None

    return check


def _mapping(item: Check) -> Check:
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
