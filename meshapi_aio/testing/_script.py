"""
What a test writes down of the answers: each to the byte, and the steps that it is made of.

Values only; this room performs no I/O.
"""

import asyncio
import enum
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

import attrs

from .._shape import Shape
from ._given import is_seconds
from ._json import JSON, json_bytes
from ._received import ReceivedRequest


_DONE = b"data: [DONE]\n\n"
_LONGEST = 40  # characters of a value in the repr of an answer
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # what RFC 9110 section 5.5 keeps out of a field


@attrs.frozen
class Pause:
    """A step: nothing happens for this many seconds."""

    seconds: float = attrs.field(validator=is_seconds)


@attrs.frozen
class WaitFor:
    """A step: nothing happens until the event is set."""

    event: asyncio.Event


@attrs.frozen
class Heartbeats:
    """A step: so many comments without data, ``every`` seconds apart; ``count=None`` sends them for ever."""

    count: int | None
    every: float = attrs.field(validator=is_seconds)


class Ending(enum.Enum):
    """
    A step after which nothing follows.

    ``CUT`` delivers what was written before and then ends the connection in the middle of the answer.
    ``RESET`` ends it with a TCP reset, which may cost the client what it had not yet read. ``HANG`` sends
    nothing more until the client goes away or the gateway is closed.
    """

    CUT = "cut"
    RESET = "reset"
    HANG = "hang"


CUT = Ending.CUT
RESET = Ending.RESET
HANG = Ending.HANG

Control: TypeAlias = Pause | WaitFor | Ending
Step: TypeAlias = bytes | Control | Heartbeats
Event: TypeAlias = Step | str | Mapping[str, JSON] | list[JSON] | Shape


def _step(event: Event) -> Step:
    """Return the step that an event stands for; text of several lines becomes several ``data:`` lines."""
    if isinstance(event, bytes | Pause | WaitFor | Heartbeats | Ending):
        return event
    if isinstance(event, str):
        return b"".join(b"data: %b\n" % line.encode() for line in re.split("\r\n|\r|\n", event)) + b"\n"
    return b"data: %b\n\n" % json_bytes(event)


def _steps(events: Iterable[Event] | None) -> tuple[Step, ...] | None:
    """Return the steps of the events, None for none."""
    if isinstance(events, str | bytes):
        msg = f"Answer.events takes a list of events, not {events!r:.{_LONGEST}} alone: put it in brackets"
        raise TypeError(msg)
    return None if events is None else tuple(_step(event) for event in events)


def _control(step: object) -> Control:
    """Return a step without bytes, which alone has a place ahead of the status line."""
    if isinstance(step, Pause | WaitFor | Ending):
        return step
    msg = f"Answer.before takes Pause, WaitFor, CUT, RESET, HANG, not {step!r}; use raw=True for bytes"
    raise TypeError(msg)


def _controls(steps: Iterable[Control]) -> tuple[Control, ...]:
    """Return the steps ahead of the status line."""
    return tuple(_control(step) for step in steps)


def _check_headers(
    _: "Answer", __: "attrs.Attribute[Mapping[str, str | None]]", headers: Mapping[str, str | None]
) -> None:
    """Refuse what cannot stand in a header, at the place where the mistake was made."""
    if not isinstance(headers, Mapping):
        msg = f"the headers of an Answer are a dict, not {headers!r}"
        raise TypeError(msg)
    for name, value in headers.items():
        if value is not None and _CONTROL_CHARACTER.search(name + value):
            msg = f"the header {name!r} of an Answer has a control character: {value!r}; raw=True sends it"
            raise ValueError(msg)


def _check_status(_: "Answer", __: "attrs.Attribute[int]", status: object) -> None:
    """Refuse what is no status that a status line can hold."""
    if not isinstance(status, int) or not 100 <= status <= 999:
        msg = f"the status of an Answer has three digits, not {status!r}; raw=True sends any status line"
        raise ValueError(msg)


@attrs.frozen(repr=False)
class Answer:
    """
    One answer of the gateway, to the byte.

    Give ``body`` for a plain answer or ``events`` for one that is sent in pieces, each piece in a write of
    its own:

    - a dict, a list or a ``ChatCompletionChunk`` becomes one ``data:`` event of JSON, a str one ``data:``
      event of that text;
    - bytes are sent as they are (so, with ``Content-Type`` and ``Content-Length`` among the headers, any slow
      or broken body can be written);
    - ``Pause``, ``WaitFor``, ``Heartbeats``, ``CUT``, ``RESET`` and ``HANG`` do what they say.

    ``status``: the HTTP status.
    ``headers``: added to the gateway's own, which they replace where the names are equal; None leaves a
    header out.
    ``body``: bytes and str are sent as they are, anything else as JSON; the content type follows unless it is
    given.
    ``done``: whether ``data: [DONE]`` follows the last event.
    ``before``: steps without bytes that come before the status line is sent.
    ``raw``: the bytes of ``events`` are all that is sent, status line and headers included, and the
    connection is closed after them; nothing else but ``before`` may be given with it.

    Raises ``TypeError`` or ``ValueError`` for what could not be sent.
    """

    status: int = attrs.field(default=200, validator=_check_status)
    headers: Mapping[str, str | None] = attrs.field(factory=dict, validator=_check_headers, kw_only=True)
    body: JSON = attrs.field(default=None, kw_only=True)
    events: tuple[Step, ...] | None = attrs.field(default=None, converter=_steps, kw_only=True)
    done: bool = attrs.field(default=True, kw_only=True)
    before: tuple[Control, ...] = attrs.field(default=(), converter=_controls, kw_only=True)
    raw: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse contradictions, and a body that is no JSON, where the answer is written."""
        if self.body is not None and self.events is not None:
            msg = "an Answer has a body or events, not both"
            raise ValueError(msg)
        if self.raw and (self.events is None or self.status != 200 or self.headers):
            msg = "a raw Answer has events (its exact bytes), but neither status, headers nor body"
            raise ValueError(msg)
        self.content()

    def __repr__(self) -> str:
        given = [str(self.status)]
        for name in ("headers", "body", "before", "raw"):
            value = getattr(self, name)
            if value or (name == "body" and value is not None):
                given.append(f"{name}={value!r:.{_LONGEST}}")
        if self.events is not None:
            given.append(f"events=<{len(self.events)} steps>")
        return f"Answer({', '.join(given)})"

    def content(self) -> tuple[str, bytes]:
        """Return the content type and the bytes of a plain answer."""
        match self.body:
            case None:
                return "text/plain", b""
            case bytes():
                return "application/octet-stream", self.body
            case str():
                return "text/plain; charset=utf-8", self.body.encode()
            case _:
                return "application/json", json_bytes(self.body)

    def pieces(self) -> tuple[Step, ...]:
        """Return the steps of an answer in pieces, with the end mark where one is wanted."""
        steps = self.events or ()
        return (*steps, _DONE) if self.done and not self.raw else steps


@attrs.frozen(repr=False)
class Accident:
    """
    A fault, as it looks to a call that streams and to one that does not.

    It stands wherever an answer does. A kind of call that it does not befall (None) gets the gateway's own
    answer. ``name`` is shown where a script was not followed.
    """

    name: str
    stream: Answer | None = attrs.field(default=None, kw_only=True)
    whole: Answer | None = attrs.field(default=None, kw_only=True)

    def __call__(self, request: ReceivedRequest) -> Answer | None:
        """Return the answer to a request, None for the gateway's own."""
        return self.stream if request.streams else self.whole

    def __repr__(self) -> str:
        return f"accidents.{self.name}"


class Own(enum.Enum):
    """The type of ``OWN``, which stands for the answer that the gateway makes by itself."""

    OWN = "own"

    def __repr__(self) -> str:
        return self.name


OWN = Own.OWN

Made: TypeAlias = Answer | Accident | Own | None
AnswerFunction: TypeAlias = Callable[[ReceivedRequest], Made | Awaitable[Made]]
"""Makes an answer from the request, at once or awaited; None stands for the gateway's own answer."""

Answering: TypeAlias = Answer | Accident | Own | AnswerFunction
"""Whatever answers a request."""
