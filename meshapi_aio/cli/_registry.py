"""The calls that there are, and the names by which a user asks for them. Performs no I/O."""

import difflib
import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from meshapi_aio.call import Call, StreamCall
from meshapi_aio.endpoints import every_call, every_method


__all__ = ["AnyCall", "Entry", "calls_named", "entries", "methods", "near", "summary"]

AnyCall: TypeAlias = type[Call[Any]] | type[StreamCall[Any]]

methods = functools.cache(every_method)
"""The calls of each method of the client."""


class Entry(NamedTuple):
    """A call as the tables show it; ``method`` is empty where no method of the client makes it."""

    family: str
    method: str
    call: AnyCall

    @property
    def name(self) -> str:
        """The name of the call's class."""
        return self.call.__name__

    @property
    def route(self) -> str:
        """The method of HTTP, and the path."""
        return f"{self.call.route.method} {self.call.route.path}"

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream."""
        return issubclass(self.call, StreamCall)


def entries() -> Sequence[Entry]:
    """
    Return every call, family by family, in an order that is always the same.

    Each has the method that makes it alone, where there is one.
    """
    named: dict[AnyCall, str] = {}
    for method, made in sorted(methods().items(), key=lambda item: len(item[1])):
        for call in made:
            named.setdefault(call, method)
    order = list(dict.fromkeys(call for made in methods().values() for call in made))
    others = [call for _, call in sorted(every_call().items()) if call not in named]
    return [Entry(named[call].partition(".")[0], named[call], call) for call in order] + [
        Entry(call.__module__.rpartition(".")[2], "", call) for call in others
    ]


def calls_named(name: str) -> Sequence[AnyCall] | None:
    """Return the calls of a method, or the one of this class; None where there is none of this name."""
    made = methods().get(name)
    if made is not None:
        return made
    call = every_call().get(name)
    return None if call is None else (call,)


def near(name: str) -> Sequence[str]:
    """Return the names that somebody may have meant: spelt alike, or with this one in them."""
    every = [*methods(), *every_call()]
    lower: Mapping[str, str] = {one.lower(): one for one in every}
    alike = difflib.get_close_matches(name.lower(), lower, n=3)
    within = [one for one in lower if name.lower() in one] if name else []
    return [lower[one] for one in dict.fromkeys([*alike, *within])][:5]


def summary(call: AnyCall) -> str:
    """Return in a sentence what a call does."""
    return " ".join((inspect.getdoc(call) or "").partition("\n\n")[0].replace("``", "").split())
