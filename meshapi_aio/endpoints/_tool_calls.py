"""
The pieces of streamed tool calls, and how they are put together. Pure.

Gateways send pieces without index or id, under another index than the name, with names repeated and ids late:
the rules here put them where they belong, and tell what can be run from what never became whole.
"""

import json
import re
from typing import Any

from .._shape import Shape, shape
from ._messages import FunctionCall, IncompleteToolCall, ToolCall
from ._text import join_halves


__all__ = ["FunctionDelta", "ToolCallDelta", "ToolCallFolder"]


@shape
class FunctionDelta(Shape):
    """A piece of a function call; ``arguments`` is a piece of JSON text."""

    name: str | None = None
    arguments: str | None = None


@shape
class ToolCallDelta(Shape):
    """A piece of a tool call, as it came: any of its keys may be missing."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionDelta | None = None
    thought_signature: str | None = None


_SIGNS = re.compile(r'\\.|["{}\[\]]', re.DOTALL)


class _Call:
    """A tool call that is being received."""

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id: str | None = None
        self.name: str | None = None
        self.finished = False
        """Whether the brackets of the arguments have closed: what follows is not theirs."""
        self.is_placeholder = False
        """Whether the arguments are an empty object in one piece: some upstreams begin with such a one."""
        self._type: str | None = None
        self._signature: str | None = None
        self._extra: dict[str, Any] = {}
        self._function_extra: dict[str, Any] = {}
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[str] = []
        self._depth = 0
        self._in_text = False
        self._cut = ""

    @property
    def arguments(self) -> str:
        return "".join(self._pieces)

    def reopen(self) -> None:
        """Forget a placeholder, since the real arguments have come."""
        self.finished = self.is_placeholder = False
        self._begin()

    def add(self, delta: ToolCallDelta) -> None:
        """Take a piece that belongs to this call."""
        self.id = self.id or delta.id
        self._type = self._type or delta.type
        self._signature = delta.thought_signature or self._signature
        self._extra.update(delta.extra)
        if delta.function is not None:
            self.name = self.name or delta.function.name
            self._function_extra.update(delta.function.extra)
            if delta.function.arguments:
                self._pieces.append(delta.function.arguments)
                if not self.finished:
                    self._follow(delta.function.arguments)

    def extend(self, arguments: list[str]) -> bool:
        """Take pieces of the arguments, unless they may end them."""
        together = "".join(arguments)
        if "}" in together or "]" in together:
            return False
        self._pieces += arguments
        self._follow(together)
        return True

    def _follow(self, arguments: str) -> None:
        """Count the brackets of a piece; parsing the whole at each would cost the square of its size."""
        text = self._cut + arguments
        # An odd number of backslashes at the end is an escape that was cut in half.
        self._cut = "\\" if (len(text) - len(text.rstrip("\\"))) % 2 else ""
        for sign in _SIGNS.findall(text):
            if sign == '"':
                self._in_text = not self._in_text
            elif not self._in_text and sign in "{}[]":
                self._depth += 1 if sign in "{[" else -1
                self.finished = self.finished or self._depth <= 0
        if self.finished:
            self.is_placeholder = arguments.strip() == "{}" == self.arguments.strip()

    def complete(self, *, cut_off: bool) -> ToolCall | None:
        """
        Return the call if it can be run, once nothing more can come.

        No arguments at all count as none needed, unless the answer was ``cut_off``.
        """
        arguments = self.arguments
        if not arguments.strip():
            arguments = "" if cut_off else "{}"
        if not self.name or not _is_json(arguments):
            return None
        return ToolCall(
            id=self.id,
            type=self._type or "function",
            function=FunctionCall(
                name=self.name, arguments=join_halves(arguments), extra=dict(self._function_extra)
            ),
            thought_signature=self._signature,
            extra=dict(self._extra),
        )

    def incomplete(self) -> IncompleteToolCall:
        """Return what came, for the record."""
        return IncompleteToolCall(
            index=self.index,
            id=self.id,
            name=self.name,
            arguments=join_halves(self.arguments),
            extra={**self._extra, **self._function_extra},
        )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class ToolCallFolder:
    """
    Puts the pieces of tool calls where they belong.

    * A new id starts a call, also under an index that is in use; unless it comes late: with the same name or
      none, to a call that still lacks an id.
    * A piece with an id belongs to the call with that id. Whole calls under one id are several calls, unless
      they are equal.
    * A name starts a call, unless the last unfinished call of its index has that name or none yet. A name
      without arguments that its index knows already is ignored.
    * A piece without id and name joins the last unfinished call of its index, else the latest unfinished one.
      Where all are finished it goes to the one whose arguments were only a placeholder (``{}``), else it is
      kept for the record. Where its index has no call at all, its name may still come.

    Without an index, "of its index" is "of all". The cost is linear in the size of the pieces.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        # By index, and under None all of them: the calls in their order, those that finished dropped lazily;
        # the last call; the last call of a name.
        self._open: dict[int | None, list[_Call]] = {}
        self._last: dict[int | None, _Call] = {}
        self._named: dict[tuple[int | None, str], _Call] = {}
        self._astray: dict[int | None, _Call] = {}

    def add(self, delta: ToolCallDelta) -> None:
        """Take a piece."""
        function = delta.function
        name = function.name if function is not None else None
        arguments = (function.arguments if function is not None else None) or ""
        home = self._home(delta, name or None, arguments if arguments.strip() else "")
        if home is None:
            return
        home.add(delta)
        if delta.id:
            self._by_id[delta.id] = home
        if home.name:
            self._named[None, home.name] = self._named[home.index, home.name] = home

    def extend(self, delta: ToolCallDelta, texts: list[str]) -> bool:
        """
        Take pieces that are like this one but for their arguments.

        Returns False, and takes nothing, where they are more than arguments, or may end those of their call.
        """
        function = delta.function
        if function is None or delta.id or function.name or not function.arguments:
            return False
        if delta.type or delta.thought_signature or delta.extra or function.extra:
            return False
        here = self._unfinished(delta.index)
        return here is not None and here.extend(texts)

    def _home(self, delta: ToolCallDelta, name: str | None, arguments: str) -> _Call | None:
        if delta.id:
            return self._home_by_id(delta.id, delta.index, name, arguments)
        here = self._unfinished(delta.index)
        if name:
            if here is not None and here.name in {None, name}:
                return here
            again = None if arguments else self._named.get((delta.index, name))
            return again or self._begin(delta.index)
        if not arguments:
            # A signature, say, may come when the arguments are whole already.
            return here or self._last.get(delta.index)
        return here or self._unfinished(None) or self._home_of_astray(delta.index)

    def _home_by_id(self, key: str, index: int | None, name: str | None, arguments: str) -> _Call | None:
        known = self._by_id.get(key)
        if known is None:
            late = self._unfinished(index)
            if late is None and not name:
                late = self._unfinished(None) if arguments else self._last.get(index)
            is_late = late is not None and late.id is None and (not name or late.name in {None, name})
            return late if is_late else self._begin(index)
        if name and known.name not in {None, name}:
            return self._begin(index)
        if not (known.finished and arguments):
            return known
        if known.is_placeholder:
            return self._reopen(known)
        if not name:
            return known
        return None if (name, arguments) == (known.name, known.arguments) else self._begin(index)

    def _home_of_astray(self, index: int | None) -> _Call:
        last = self._last.get(index)
        if last is None:
            return self._begin(index)
        if last.is_placeholder:
            return self._reopen(last)
        return self._astray.setdefault(index, _Call(index))

    def _begin(self, index: int | None) -> _Call:
        call = _Call(index)
        self._calls.append(call)
        self._last[index] = self._last[None] = call
        return self._reopen(call)

    def _reopen(self, call: _Call) -> _Call:
        call.reopen()
        for index in {None, call.index}:
            self._open.setdefault(index, []).append(call)
        return call

    def _unfinished(self, index: int | None) -> _Call | None:
        calls = self._open.get(index, [])
        while calls and calls[-1].finished:
            calls.pop()
        return calls[-1] if calls else None

    def fold(self, *, ended: bool, cut_off: bool = False) -> tuple[list[ToolCall], list[IncompleteToolCall]]:
        """
        Return the calls that can be run, and what came of others.

        Before the answer ``ended`` none can be run; where it was ``cut_off`` at its end, none without
        arguments. Each call that can be run has an id of its own, made up where none came.
        """
        calls: list[ToolCall] = []
        incomplete: list[IncompleteToolCall] = []
        came = {call.id for call in self._calls}
        used: set[str] = set()
        for position, call in enumerate(self._calls):
            whole = call.complete(cut_off=cut_off) if ended else None
            if whole is None:
                incomplete.append(call.incomplete())
                continue
            if not whole.id or whole.id in used:
                whole.id = _made_up_id(position, came)
            used.add(whole.id)
            calls.append(whole)
        return calls, incomplete + [call.incomplete() for call in self._astray.values()]


def _made_up_id(position: int, taken: set[str | None]) -> str:
    while f"call_{position}" in taken:
        position += 1
    taken.add(f"call_{position}")
    return f"call_{position}"
