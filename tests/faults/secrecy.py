"""Everything that a user, a log or a crash reporter can see of what happened, searched for secrets."""

import base64
import contextlib
import html
import json
import logging
import pickle
import traceback
import urllib.parse
import warnings
from collections.abc import Generator, Iterator
from types import FrameType, TracebackType
from typing import Any

from meshapi_aio import MeshAPIError


__all__ = ["Watch", "forms", "seen_of", "watching"]


def forms(secret: str) -> set[str]:
    """Return the ways in which a secret may be written: plain, quoted, escaped, in base64 at any place."""
    raw = secret.encode()
    written = {
        *(secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], html.escape(secret), raw.hex()),
        *(urllib.parse.quote(secret), urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)),
    }
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + raw)
        # Without the ends, which hold bits of what stands before and after.
        core = encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4].decode()
        written |= {core, core.replace("+", "-").replace("/", "_")}
    return written


def seen_of(error: BaseException) -> str:
    """Return all that can be seen of an error: texts, attributes, pickle, tracebacks with their locals."""
    seen: list[str] = []
    ahead: list[BaseException | None] = [error]
    known: set[int] = set()
    while ahead:
        one = ahead.pop()
        if one is None or id(one) in known:
            continue
        known.add(id(one))
        ahead += [one.__cause__, one.__context__]  # suppressed ones too: some reporters follow them
        if isinstance(one, BaseExceptionGroup):
            ahead += one.exceptions
        seen += [str(one), repr(one), repr(one.args), repr(vars(one)), *traceback.format_exception(one)]
        seen += traceback.TracebackException.from_exception(one, capture_locals=True).format()
        seen += [repr(value) for frame in _frames(one.__traceback__) for value in _values(frame)]
    if isinstance(error, MeshAPIError):
        seen.append(pickle.dumps(error).decode("latin-1"))
    return "\n".join(seen)


def _frames(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _values(frame: FrameType) -> Iterator[Any]:
    """Give the locals of the client's frames, and what plain containers among them hold."""
    for value in frame.f_locals.values():
        yield value
        if isinstance(value, (list, tuple, set)):
            yield from value
        elif isinstance(value, dict):
            yield from value.items()


class Watch:
    """What was seen while a test ran: log records, warnings, events, errors, and what a test adds."""

    def __init__(self) -> None:
        self.records: list[logging.LogRecord] = []
        self.warnings: list[warnings.WarningMessage] = []
        self.events: list[object] = []
        self.seen: list[str] = []

    def error(self, error: BaseException) -> None:
        """Add all that can be seen of an error."""
        self.seen.append(seen_of(error))

    def add(self, *things: object) -> None:
        """Add what can be seen of things."""
        for thing in things:
            self.seen += [str(thing), repr(thing)]

    def everything(self) -> str:
        """Return all of it."""
        lines = list(self.seen)
        formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")
        for record in self.records:
            lines += [formatter.format(record), repr(record.args), repr(vars(record))]
            if record.exc_info and record.exc_info[1] is not None:
                lines.append(seen_of(record.exc_info[1]))
        lines += [f"{warning.message!r} {warning.message} {warning.source!r}" for warning in self.warnings]
        for event in self.events:
            lines += [repr(event), pickle.dumps(event).decode("latin-1")]
        return "\n".join(lines)

    def assert_kept(self, *secrets: str) -> None:
        """Check that none of the secrets is in any of it, in whatever form."""
        everything = self.everything()
        found = [
            everything[max(0, everything.index(form) - 200) :][:400]
            for secret in secrets
            for form in forms(secret)
            if form in everything
        ]
        assert not found, found[:3]


class _Handler(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.DEBUG)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        self._watch.records.append(record)


@contextlib.contextmanager
def watching() -> Generator[Watch]:
    """Watch logs at DEBUG (asyncio's and aiohttp's as well) and warnings."""
    watch = Watch()
    handler = _Handler(watch)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            watch.warnings = caught
            yield watch
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
