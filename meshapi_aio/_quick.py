"""
Shapes made of JSON in a straight line of code, written once for each class.

It makes what the codec's hooks make, and takes less on itself: what it is not sure of it gives to them or
refuses (:class:`Misfit`), and they tell what is wrong, and where. Performs no I/O.

Objects whose keys are the same in the same order, with values of the same types, are the rule where one
server writes them; they are made without asking for each key: a chunk of three objects in 1.9 µs, not 3.0.
"""

import threading
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import attrs

from ._shape import Shape, wire_fields


__all__ = ["Misfit", "quick"]

ShapeType = TypeVar("ShapeType", bound=Shape)

Structure = Callable[[Any], Any]
HookFor = Callable[[Any], Callable[[Any, Any], Any]]

_SCALARS: Final = (str, int, float, bool)

_LAYOUTS: Final = 16  # that are learnt of each class
_KEYS: Final = 64  # that an object may have of which one is learnt
# Some keys have random names. After so many layouts of which each was seen once, those of 32, 64, … objects
# are not looked at, at most of so many.
_SEEN: Final = 16
_LONGEST_PAUSE: Final = 4096


class Misfit(Exception):  # noqa: N818 - an answer to the codec, which turns to its hooks
    """The quick way does not know what to do with this value."""


def quick(kind: type[ShapeType], hook_for: HookFor) -> Callable[[Any], ShapeType]:
    """
    Return the function that makes a shape of a JSON object, which it leaves as it is.

    It raises :class:`Misfit` for what it can't make, or whatever comes of it, as the hooks do.
    """
    return _Writer(hook_for).function(kind)


class _Writer:
    def __init__(self, hook_for: HookFor) -> None:
        self._hook_for = hook_for
        self._functions: dict[type[Shape], str] = {}
        self._lock = threading.Lock()  # every thread may have a client, and all of them learn
        self._namespace: dict[str, Any] = {"new": object.__new__, "misfit": _misfit, "Misfit": Misfit}

    def function(self, kind: type[Any]) -> Structure:
        name = self._of_shape(kind)
        made: Structure = self._namespace[name]
        return made

    def _named(self, value: Any) -> str:
        name = f"k{len(self._namespace)}"
        self._namespace[name] = value
        return name

    def _of_shape(self, kind: type[Shape]) -> str:
        """Return the name of the function for a class; written on first demand, so that classes may nest."""
        name = self._functions.get(kind)
        if name is None:
            name = self._functions[kind] = f"of_{len(self._functions)}_{kind.__name__}"
            if _is_plain(kind):
                any_layout = self._written(f"any_{name}", self._lines(kind), ["value"])
                self._namespace[name] = self._learning(kind, any_layout)
            else:
                hook = self._hook_for(kind)
                self._namespace[name] = lambda value: hook(value, kind)
        return name

    def _written(self, name: str, lines: list[str], arguments: list[str]) -> Callable[..., Any]:
        # Only names of classes and fields stand in the source.
        source = "\n".join([f"def {name}({', '.join(arguments)}):", *lines, " pass"])
        found: dict[str, Callable[..., Any]] = {}
        exec(compile(source, f"<{name}, made by {__name__}>", "exec"), self._namespace, found)  # noqa: S102
        return found[name]

    def _learning(self, kind: type[Shape], any_layout: Structure) -> Structure:
        """Return the function that makes a class, and writes quicker ones for what comes again and again."""
        likes: dict[tuple[str, ...], Callable[..., Any]] = {}  # by the keys, in their order
        find = likes.get
        # What each of them does, and how the objects looked of which one alone was seen.
        branches: dict[tuple[str, ...], list[str]] = {}
        seen: set[tuple[object, ...]] = set()
        written = vain = pause = 0

        def of(value: Any) -> Any:
            nonlocal pause
            if pause > 0:
                pause -= 1
                return any_layout(value)
            like = find(tuple(value))  # what is no dict fails here, or further on
            if like is not None:
                made = like(*value.values())
                if made is not None:
                    return made
            return unlike(value)

        def unlike(value: Any) -> Any:
            nonlocal written, vain, pause
            made = any_layout(value)
            if written < _LAYOUTS and len(value) < _KEYS:
                layout = (*value, *map(type, value.values()))
                if layout in seen:  # so it is worth the writing, about 0.3 ms
                    seen.discard(layout)  # another thread may have been here
                    written += 1
                    vain = 0
                    with self._lock:
                        keys = tuple(value)
                        branches.setdefault(keys, []).extend(self._lines_for(kind, value))
                        arguments = [f"v{index}" for index in range(len(keys))]
                        likes[keys] = self._written(f"like_{kind.__name__}", branches[keys], arguments)
                elif len(seen) < _SEEN:
                    seen.add(layout)
                else:
                    seen.clear()
                    vain += 1
                    pause = min(_SEEN * 2**vain, _LONGEST_PAUSE)
            return made

        return of

    def _lines(self, kind: Any) -> list[str]:
        """Return what makes a class of any object."""
        lines = [
            " if type(value) is not dict: misfit()",
            f" made = new({self._named(kind)})",
            " rest = value.copy()",
            " pop = rest.pop",
        ]
        on_wire = {field.name for field in wire_fields(kind)}
        for field in attrs.fields(kind):
            if field.name in on_wire:
                lines += self._field(field)
            elif field.name != "extra":
                lines.append(f" made.{field.name} = {self._default(field)}")
        # What is left is what the class does not know.
        return [*lines, " made.extra = rest", " return made"]

    def _lines_for(self, kind: Any, value: dict[str, Any]) -> list[str]:
        """Return what makes a class of values of the types that this object has, under its keys."""
        on_wire = {field.name for field in wire_fields(kind)}
        places = {key: f"v{index}" for index, key in enumerate(value)}
        tests = [
            f"{places[key]} is None" if item is None else f"type({places[key]}) is {type(item).__name__}"
            for key, item in value.items()
            if key in on_wire
        ]
        lines = [f" if {' and '.join(tests) or True}:", f"  made = new({self._named(kind)})"]
        for field in attrs.fields(kind):
            item = value.get(field.name) if field.name in on_wire else None
            if field.name == "extra":
                rest = (f"{self._named(key)}: {place}" for key, place in places.items() if key not in on_wire)
                made = f"{{{', '.join(rest)}}}"
            elif item is None:
                made = self._default(field)
            else:
                made = self._known(field, places[field.name], type(item))
            lines.append(f"  made.{field.name} = {made}")
        return [*lines, "  return made"]

    def _known(self, field: "attrs.Attribute[Any]", place: str, kind: type) -> str:
        """Return what makes a field of a JSON value of this kind."""
        if field.type is Any or kind.__name__ in _unchanged(field.type):
            return place
        others = [member for member in _members(field.type) if member is not NoneType]
        if len(others) == 1:
            (member,) = others
            if _is_shape(member):
                return f"{self._of_shape(member)}({place})"
            if kind is list and get_origin(member) is list and _is_shape(get_args(member)[0]):
                return self._each(get_args(member)[0], place)
        return f"{self._named(self._hook_for(field.type))}({place}, {self._named(field.type)})"

    def _each(self, kind: type[Shape], place: str) -> str:
        """Return what makes a list of shapes; one alone, as most are, without a loop's 0.2 µs."""
        structure = self._of_shape(kind)
        return f"[{structure}({place}[0])] if len({place}) == 1 else [{structure}(each) for each in {place}]"

    def _field(self, field: "attrs.Attribute[Any]") -> list[str]:
        kind: Any = field.type
        nullable = kind is Any
        if NoneType in _members(kind):
            nullable = True
            members = [member for member in _members(kind) if member is not NoneType]
            if len(members) == 1:
                kind = members[0]
        name = f"made.{field.name}"
        # Absent and null are one here, so both must mean the same.
        one = field.default is None if nullable else field.default is not attrs.NOTHING
        absent = self._default(field) if one else "misfit()"
        lines = [f' item = pop("{field.name}", None)']
        if kind in _SCALARS:
            lines += [
                f" if type(item) is {kind.__name__}: {name} = item",
                f" elif item is None: {name} = {absent}",
            ]
        elif get_origin(kind) is list and _is_shape(get_args(kind)[0]):
            member = get_args(kind)[0]
            lines += [
                f" if type(item) is list: {name} = {self._each(member, 'item')}",
                f" elif item is None: {name} = {absent}",
            ]
        elif _is_shape(kind):
            return [
                *lines,
                f" {name} = {absent} if item is None else {self._of_shape(kind)}(item)",
            ]
        else:
            lines += [f" if item is None: {name} = {absent}"]
            lines += [f" elif type(item) is {each}: {name} = item" for each in _unchanged(kind)]
        if kind is Any:
            return [*lines, f" else: {name} = item"]
        hook = self._hook_for(field.type)
        return [*lines, f" else: {name} = {self._named(hook)}(item, {self._named(field.type)})"]

    def _default(self, field: "attrs.Attribute[Any]") -> str:
        default: Any = field.default
        factory = getattr(default, "factory", None)  # of an attrs.Factory
        if factory is not None:
            return {list: "[]", dict: "{}"}.get(factory) or f"{self._named(factory)}()"
        return "None" if default is None else self._named(default)


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Shape)


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


def _unchanged(kind: Any) -> list[str]:
    """Return the names of the JSON types whose values a field of this annotation takes as they are."""
    return [
        (get_origin(member) or member).__name__
        for member in _members(kind)
        if member in _SCALARS or member == dict[str, Any]
    ]


def _is_plain(kind: type[Any]) -> bool:
    """Tell whether an instance is no more than its fields."""
    return not hasattr(kind, "__attrs_post_init__") and all(
        field.converter is None
        and field.validator is None
        and not getattr(field.default, "takes_self", False)
        for field in attrs.fields(kind)
    )


def _misfit() -> Any:
    raise Misfit
