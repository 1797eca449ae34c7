"""
The writing of a recording: its file, and the lines of one request after the other.

The only room that writes to a file.
"""

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from ._asked import asked
from ._json import Object, json_bytes
from ._received import SECRET_HEADERS, ReceivedRequest
from ._recording import VERSION, How, written
from ._secrets import Piece, Pieces, Secrets


class Journal:
    """
    A recording that is being written. Raises ``OSError`` where the file cannot be.

    An error of a later write is kept, and raised when the journal is closed: those for whom it was written
    know nothing of a file.
    """

    def __init__(self, path: str | os.PathLike[str], base_url: str) -> None:
        self._file = Path(path).open("wb")  # noqa: SIM115 (open as long as the journal is)
        self._requests = 0
        self._failure: OSError | None = None
        self.write(
            {"recording": VERSION, "of": base_url, "begun": datetime.now(UTC).isoformat(timespec="seconds")}
        )

    def transcript(self, request: ReceivedRequest) -> "Transcript":
        """Write down a request, and return what takes its answer."""
        self._requests += 1
        return Transcript(self, self._requests, request)

    def write(self, line: Object) -> None:
        """Write a line, unless one before could not be written."""
        if self._failure is None:
            try:
                self._file.write(json_bytes(line) + b"\n")
                self._file.flush()
            except OSError as error:
                self._failure = error

    def close(self) -> None:
        """Close the file. Raises the ``OSError`` for which something was not written."""
        try:
            self._file.close()
        except OSError as error:
            self._failure = self._failure or error
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure


class Transcript:
    """The lines of one request and its answer."""

    def __init__(self, journal: Journal, number: int, request: ReceivedRequest) -> None:
        self._journal = journal
        self._number = number
        self._begun_at = request.received_at
        self._secrets = Secrets(request.headers, request.query)
        self._pieces = Pieces(self._secrets)
        self._ended = False
        journal.write({"request": number, **asked(request, self._secrets)})

    def answer(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Write down how the answer begins."""
        told: dict[str, str] = {}
        for name, value in headers:
            if name.lower() not in SECRET_HEADERS:
                told[name] = f"{told[name]}, {value}" if name in told else value
        line = {"status": status, "headers": self._secrets.clean_json(told)}
        self._journal.write({"answer": self._number, "at": self._since(time.monotonic()), **line})

    def piece(self, came_at: float, data: bytes) -> None:
        """Write down a piece, or hold it back as long as it may end within a secret."""
        self._write(self._pieces.feed((self._since(came_at), data)))

    def end(self, how: How, why: str = "") -> None:
        """Write down the end; the first one counts."""
        if not self._ended:
            self._ended = True
            self._write(self._pieces.end())
            line = {"how": how, **({"why": self._secrets.clean(why)} if why else {})}
            self._journal.write({"end": self._number, "at": self._since(time.monotonic()), **line})

    def _write(self, pieces: list[Piece]) -> None:
        for at, data in pieces:
            self._journal.write({"piece": self._number, "at": at, **written(data)})

    def _since(self, time_: float) -> float:
        """Return the seconds since the request was there, to the tenth of a millisecond."""
        return round(time_ - self._begun_at, 4)
