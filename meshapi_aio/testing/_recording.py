r"""
The lines of a recording: how they are written, and how they are read back.

JSON, a line for each thing that happened, in the order in which it did, so that a recording can be read, and
mended, by people; requests that ran at the same time are told apart by their numbers. Apart from the file
this room performs no I/O.

::

    {"recording":1,"of":"https://api.meshapi.ai","begun":"2026-11-25T12:00:00+00:00"}
    {"request":1,"method":"POST","path":"/v1/chat/completions","json":{"model":…}}
    {"answer":1,"at":0.41,"status":200,"headers":{"Content-Type":"text/event-stream"}}
    {"piece":1,"at":0.43,"text":"data: …\n\n"}
    {"end":1,"at":1.07,"how":"complete"}

``at`` is in seconds since the request was there. What is no text is ``base64``. ``how`` it ended is
``complete``, ``cut by the gateway`` (with a ``why``), ``cut by the client``, or ``cut by the recorder``.
"""

import base64
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias, get_args

import attrs

from ._json import Object, is_object
from ._secrets import Piece


VERSION = 1

How: TypeAlias = Literal["complete", "cut by the gateway", "cut by the client", "cut by the recorder"]


def written(data: bytes) -> Object:
    """Return bytes as members of a line: a text where they are one, else in base64."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


@attrs.define(kw_only=True)
class Exchange:
    """
    A recorded request with its answer; ``line`` is where it begins, ``how`` is None before its end was read.

    ``status`` is None where no answer had begun before the end.
    """

    line: int
    asked: Object
    status: int | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    answered_at: float = 0.0
    pieces: list[Piece] = attrs.field(factory=list)
    ended_at: float = 0.0
    how: How | None = None


def read_recording(path: str | os.PathLike[str]) -> list[Exchange]:
    """
    Return the exchanges of a recording in the order of their requests.

    Raises ``OSError`` where there is no file, and ``ValueError``, which names the line, for a file that is no
    recording, or was torn.
    """
    return _Reader(Path(path)).read()


class _Reader:
    """Reads one file, line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self._exchanges: dict[int, Exchange] = {}

    def read(self) -> list[Exchange]:
        """Return what is in the file."""
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                self._number = number
                self._take(self._parsed(line))
        if not self._number:
            self._number = 1
            self._refuse("a recording has a first line that says so; this file is empty")
        for number, exchange in self._exchanges.items():
            if exchange.how is None:
                last, self._number = self._number, exchange.line
                self._refuse(
                    f"request {number}, which begins here, has no end; the file was torn after line {last}, "
                    "or is still being written"
                )
        return list(self._exchanges.values())

    def _parsed(self, line: bytes) -> Object:
        """Return the object in a line."""
        try:
            parsed = json.loads(line.rstrip())
        except (ValueError, RecursionError) as error:
            self._refuse(f"no JSON ({error}); was the file torn here?")
        return parsed if is_object(parsed) else self._refuse("no JSON object")

    def _take(self, line: Object) -> None:
        """Take in one line."""
        if self._number == 1:
            if line.get("recording") != VERSION:
                self._refuse(f'no recording of this version: a first line has "recording":{VERSION}')
        elif "request" in line:
            number = self._field(line, "request", int)
            if number in self._exchanges:
                self._refuse(f"request {number} is there already, in line {self._exchanges[number].line}")
            self._field(line, "method", str)
            self._field(line, "path", str)
            asked = {name: value for name, value in line.items() if name != "request"}
            self._exchanges[number] = Exchange(line=self._number, asked=asked)
        else:
            self._continue(line)

    def _continue(self, line: Object) -> None:
        """Take in a line that belongs to a request before it."""
        kind = next((name for name in ("answer", "piece", "end") if name in line), None)
        if kind is None:
            self._refuse('no kind of line; there are "request", "answer", "piece" and "end"')
        number = self._field(line, kind, int)
        exchange = self._exchanges.get(number)
        if exchange is None or exchange.how is not None:
            self._refuse(f"request {number} has {'ended before' if exchange else 'not begun'}")
        at = float(self._field(line, "at", int, float))
        if not 0 <= at < math.inf:
            self._refuse(f'"at" is no number of seconds: {at}')
        match kind:
            case "answer":
                exchange.status = self._field(line, "status", int)
                exchange.headers = self._headers(line)
                exchange.answered_at = at
            case "piece" if exchange.status is None:
                self._refuse(f"a piece of request {number} before its answer")
            case "piece":
                exchange.pieces.append((at, self._data(line)))
            case _:
                how = self._field(line, "how", str)
                exchange.how = next((known for known in get_args(How) if known == how), None)
                exchange.ended_at = at
                if exchange.how is None:
                    self._refuse(f'"how" is {how!r}; it may be one of {", ".join(get_args(How))}')
                if exchange.how == "complete" and exchange.status is None:
                    self._refuse(f"request {number} is complete without an answer")

    def _headers(self, line: Object) -> Mapping[str, str]:
        """Return the headers of an answer."""
        headers = self._field(line, "headers", dict)
        return {name: self._field(headers, name, str) for name in headers}

    def _data(self, line: Object) -> bytes:
        """Return what a piece is."""
        if "text" in line:
            text: str = self._field(line, "text", str)
            return text.encode(errors="surrogatepass")
        try:
            return base64.b64decode(self._field(line, "base64", str), validate=True)
        except ValueError as error:
            self._refuse(f"no base64 ({error})")

    def _field(self, line: Object, name: str, *kinds: type) -> Any:
        """Return a member of a line, which must be of one of these types; true and false are no numbers."""
        value = line.get(name)
        if not isinstance(value, kinds) or isinstance(value, bool):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            self._refuse(f'"{name}" must be of the type {wanted}, not {value!r:.100}')
        return value

    def _refuse(self, complaint: str) -> NoReturn:
        """Raise the error that names the line."""
        msg = f"{self._path}, line {self._number}: {complaint}"
        raise ValueError(msg) from None
