"""
The function that makes a chunk like a given one, written for each shape of chunk and kept. Performs no I/O.

What a chunk is made of, its classes and fields, becomes the code; its keys, texts and numbers become
constants of that code, so that one code serves all streams whose chunks are alike. The code holds names of
classes' fields and numbered constants, nothing that came over the wire.
"""

import functools
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any, Final

import attrs

from ._shape import Shape


__all__ = ["Maker", "Unfit"]

# A text under one of these may decide what the chunk is.
_TELLING: Final = frozenset({"type", "error", "event", "status"})


# More parts are no usual chunk, and what it costs to write and compile them grows with their number, 1.5 ms
# for these. It bounds how deep they nest as well, of which Python's compiler does not take much.
_MOST_PARTS: Final = 128


class Unfit(Exception):  # noqa: N818 - never leaves the two rooms of templates
    """These chunks have no template."""


class Maker:
    """Writes the function that makes a chunk like a given one, with other values in place of the probes."""

    def __init__(self, probes: list[str | int]) -> None:
        self._names: dict[str | int, str] = {probe: f"hole{index}" for index, probe in enumerate(probes)}
        self._found: list[str] = []
        self._lines: list[str] = []
        self._constants: list[Any] = []
        self._objects = 0
        self._parts = 0
        self.path = ""

    def maker(self, chunk: Any) -> Callable[..., Any]:
        """Return the function; every probe must be in the chunk once, and decide nothing."""
        made = self._written(chunk, "")
        if sorted(self._found) != list(self._names.values()):
            raise Unfit
        body = "\n".join([*self._lines, f" return {made}"])
        # As defaults of the function: one tuple, where variables around it would be an object for each of the
        # constants, in every stream.
        constants = (object.__new__, *self._constants)
        return FunctionType(_code(body, len(self._names), len(self._constants)), {}, "make", constants)

    def _written(self, value: Any, path: str) -> str:
        """Return the expression for a value, which stands at this path."""
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise Unfit
        kind = type(value)
        if kind is str or kind is int:
            name = self._names.get(value)
            if name is None:
                return self._constant(value)
            if path.rpartition(".")[2].rstrip("[]") in _TELLING:
                raise Unfit
            self._found.append(name)
            self.path = path
            return name
        if value is None or value is True or value is False:
            return repr(value)
        if kind is float:
            return self._constant(value)
        if kind is list:
            return f"[{', '.join([self._written(item, f'{path}[]') for item in value])}]"
        if kind is dict:
            return f"{{{', '.join(self._members(value, path))}}}"
        if isinstance(value, Shape):
            return self._object(value, path)
        raise Unfit

    def _members(self, value: dict[str, Any], path: str) -> Iterator[str]:
        for key, item in value.items():
            yield f"{self._constant(key)}: {self._written(item, f'{path}.{key}')}"

    def _object(self, value: Shape, path: str) -> str:
        name = f"made{self._objects}"
        self._objects += 1
        kind: Any = type(value)
        self._lines.append(f" {name} = new({self._constant(kind)})")
        for field in _names_of(kind):
            item = getattr(value, field)
            if item is None:  # as most are
                self._parts += 1
                self._lines.append(f" {name}.{field} = None")
            else:
                self._lines.append(f" {name}.{field} = {self._written(item, f'{path}.{field}')}")
        return name

    def _constant(self, value: Any) -> str:
        self._constants.append(value)
        return f"k{len(self._constants) - 1}"


@functools.cache
def _names_of(kind: Any) -> list[str]:
    return [field.name for field in attrs.fields(kind)]


@functools.lru_cache(maxsize=256)
def _code(body: str, holes: int, constants: int) -> CodeType:
    """
    Return the code of a function whose arguments are the holes, and whose defaults are to be the constants.

    The source holds names of fields and numbered constants, nothing that came over the wire.
    """
    names = [*(f"hole{index}" for index in range(holes)), "new", *(f"k{index}" for index in range(constants))]
    source = f"def make({', '.join(names)}):\n{body}"
    namespace: dict[str, Any] = {}
    exec(compile(source, f"<made by {__name__}>", "exec"), namespace)  # noqa: S102 - see the top of this file
    code: CodeType = namespace["make"].__code__
    return code
