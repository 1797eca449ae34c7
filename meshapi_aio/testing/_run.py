"""
A script as it is followed: which entry a request gets, and what went wrong.

Waits for nothing but the functions of a script; this room performs no I/O.
"""

import asyncio
import inspect
from collections import deque
from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

from ._expect import Entry, Expect, Script, expectation
from ._received import ReceivedRequest, RequestLog
from ._rules import envelope
from ._script import OWN, Answer, Answering


_MOST = 10  # entries, requests, differences and further complaints that are listed


class ScriptRun:
    """The entries of a script that are left, and what is to be told to the test."""

    def __init__(self, script: Script, log: RequestLog) -> None:
        self._log = log
        self._left: deque[tuple[int, Expect]] = deque()
        self._entries = 0
        self._taken: WeakSet[ReceivedRequest] = WeakSet()  # those that are forgotten need no mark
        self._failures: list[BaseException] = []
        self._untold = 0
        self._ordered = True
        self._otherwise: Answering | None = OWN
        self.follow(script)

    def add(self, entries: Sequence[Entry]) -> None:
        """Put entries behind those that are left. Raises ``TypeError`` for what is no entry."""
        expected = [expectation(entry) for entry in entries]
        self._left.extend(enumerate(expected, self._entries + 1))
        self._entries += len(expected)

    def follow(self, script: Script) -> None:
        """Put a script's entries behind those that are left, and go by its rules from now on."""
        if not isinstance(script, Script):
            msg = f"a Script is needed, not {script!r}; enqueue(...) takes an answer or an accident"
            raise TypeError(msg)
        self.add(script.entries)
        self._ordered = script.ordered
        self._otherwise = script.otherwise

    def fail(self, error: BaseException) -> None:
        """Keep an error for the test; of very many the first, and how many there are."""
        if len(self._failures) <= _MOST:
            self._failures.append(error)
        else:
            self._untold += 1

    async def answer(self, request: ReceivedRequest) -> Answer | None:
        """
        Return what the script answers to a request, None where that is the gateway's own answer.

        A request that the script does not expect gets a 400, which no client tries again; one on which a
        function of the script fails gets a 500. Either is kept for the test.
        """
        answering = self._next(request)
        if isinstance(answering, str):
            self.fail(AssertionError(answering))
            return Answer(400, body=envelope(request.request_id, "unexpected_request", answering))
        try:
            return await _made(answering, request)
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 (pytest.fail() and the like derive from BaseException)
            self.fail(error)
            message = f"the answer function raised {error!r}"
            return Answer(500, body=envelope(request.request_id, "internal_error", message))

    def failure(self, error: BaseException | None) -> BaseException | None:
        """
        Return the first thing that went wrong, with what else did as notes; tell each thing once.

        Where an error is on its way already, it gets the notes instead, without the entries that were not
        used, since it is why they were not. What was never raised has no traceback.
        """
        failures, self._failures = self._failures, []
        untold, self._untold = self._untold, 0
        if error is None and self._left:
            failures.append(AssertionError(self._unused()))
            self._left.clear()
        if not failures:
            return None
        first, rest = (failures[0], failures[1:]) if error is None else (error, failures)
        for further in rest[:_MOST]:
            first.add_note(f"FakeGateway: {_told(further)}")
        untold += len(rest[_MOST:])
        if untold:
            first.add_note(f"FakeGateway: and {untold} more")
        return first if error is None else None

    def _next(self, request: ReceivedRequest) -> Answering | str:
        """Return what answers a request, or why the script does not expect it."""
        unlike: list[tuple[int, Expect, list[str]]] = []
        for position, (number, expected) in enumerate(self._left):
            found = expected.differences(request)
            if not found or self._ordered:
                # In a script with an order the request that came in an entry's place has used it, so that
                # those which follow meet theirs.
                del self._left[position]
                self._taken.add(request)
                if found:
                    return f"{_what(request)} is not {_entry(number, expected)}:{_listed(found)}"
                return expected.answer
            unlike.append((number, expected, found))
        if self._otherwise is not None:
            return self._otherwise
        self._taken.add(request)
        if not unlike:
            return f"{_what(request)} came when no entry of the script was left; it has {self._entries}"
        number, expected, found = min(unlike, key=lambda entry: _distance(entry[2]))
        nearest = f"{_entry(number, expected)}:{_listed(found)}"
        return f"{_what(request)} meets no entry that is left; nearest is {nearest}"

    def _unused(self) -> str:
        """Return which entries are left, what came nearest to each, and what the gateway has received."""
        others = [request for request in self._log.requests if request not in self._taken]
        left = [_entry(number, expected) + _nearest(expected, others) for number, expected in self._left]
        received = [_what(request) for request in self._log.requests]
        forgotten = self._log.count - len(received)
        seen = [*([f"{forgotten} that are kept no longer"] if forgotten else []), *received]
        return (
            f"the script was not used up; left is{_listed(left)}\n"
            f"the gateway has received{_listed(seen) if seen else ' nothing'}"
        )


def _nearest(expected: Expect, others: Sequence[ReceivedRequest]) -> str:
    """Return which request that no entry was for came nearest to an expected one, with its differences."""
    told = [(expected.differences(request), request) for request in others]
    if not told:
        return ""
    found, request = min(told, key=lambda pair: _distance(pair[0]))
    return f"\n    nearest is {_what(request)}:{_listed(found, 6)}"


def _distance(found: Sequence[str]) -> tuple[bool, int]:
    """Return how far a request is from an expected one: another route is far, another value near."""
    return any(line.startswith(("method:", "path:")) for line in found), len(found)


async def _made(answering: Answering, request: ReceivedRequest) -> Answer | None:
    """Return the answer that an entry comes to; raises ``TypeError`` where a function makes none."""
    made: Any = answering
    while callable(made):
        made = made(request)
        if inspect.isawaitable(made):
            made = await made
    if made is None or made is OWN:
        return None
    if isinstance(made, Answer):
        return made
    msg = f"an answer function returns an Answer or None, not {made!r}"
    raise TypeError(msg)


def _what(request: ReceivedRequest) -> str:
    """Return a request as a few words."""
    kind = ", a stream" if request.streams else ""
    return f"request {request.number} ({request.method} {request.path}{kind})"


def _entry(number: int, expected: Expect) -> str:
    """Return an entry of the script as a few words."""
    return f"entry {number}, {expected!r}"


def _listed(lines: Sequence[str], indent: int = 2) -> str:
    """Return the first of these lines, each in a line of its own, and how many more there are."""
    more = [f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return "".join(f"\n{' ' * indent}{line}" for line in [*lines[:_MOST], *more])


def _told(error: BaseException) -> str:
    """Return an error as text, a complaint without its class."""
    return str(error) if type(error) is AssertionError else f"{type(error).__name__}: {error}"
