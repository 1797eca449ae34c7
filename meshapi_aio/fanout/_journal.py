"""
A journal: lines of JSON that survive whatever ends the program, and are found again by their keys.

What is kept in memory is where each line stands, not what it says. Performs file I/O, and knows no event
loop: writing a line of some kB takes about as long as making its JSON.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from types import TracebackType
from typing import Any, Literal, Self

import attrs

from .._json import dumps, loads
from ._journal_file import JournalFile


__all__ = ["Entry", "Journal"]


def _is_text(_owner: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, str) and (value is not None or attribute.name == "key"):
        msg = f"the {attribute.name} of a record must be text, got {value!r}"
        raise TypeError(msg)


@attrs.frozen(kw_only=True)
class Entry:
    """
    What a journal has to know of a record.

    ``key`` is what identifies the work; of records with one key the last that is ``done`` holds, else the
    last. ``name`` is what its user calls it: of records with one name the last one holds too, whatever its
    key.
    """

    key: str = attrs.field(validator=_is_text)
    done: bool = True
    name: str | None = attrs.field(default=None, validator=_is_text)


def _entry(record: dict[str, Any]) -> Entry:
    return Entry(key=record["key"], done=record.get("done", True), name=record.get("name"))


class Journal:
    """
    A file of records, one a line, each there as soon as :meth:`append` returns.

    Use it as ``with Journal(path) as journal``, or :meth:`open` and :meth:`close` it. One writer at a time: a
    second one gets a :class:`JournalLockedError`. A last line that a crash has torn is cut off on opening,
    or ended where it is whole. Lines elsewhere that are no records are left alone, and counted in
    ``unreadable``.

    ``describe`` tells what identifies a record; by default its keys ``key``, ``done`` and ``name``. ``fsync``
    is how many seconds may pass until what was written is on the disk, as it matters when the machine loses
    power (0: with each line; None: when the system likes). It is looked at with each line and on closing, not
    in between.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        describe: Callable[[dict[str, Any]], Entry] = _entry,
        fsync: float | None = 1.0,
    ) -> None:
        if fsync is not None and not fsync >= 0:
            msg = f"fsync must be seconds, at least 0, or None, got {fsync!r}"
            raise ValueError(msg)
        self.path = os.fspath(path)
        self._describe = describe
        self._fsync = fsync
        self._file: JournalFile | None = None
        # 16 bytes of hash to twice the offset, plus 1 where it is done.
        self._places: dict[bytes, int] = {}
        self._names: dict[bytes, bytes] = {}
        self._synced_at = 0.0
        self.superseded = 0
        """Lines that hold no more, since later ones do in their place."""
        self.unreadable = 0
        """Lines that are no records."""
        self.repaired = 0
        """Bytes of a torn last line that were cut off on opening."""

    # Opening and closing.

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._file is not None

    def open(self) -> None:
        """Open the file, which is made if it is not there, repair its end, and read where everything is."""
        if self._file is not None:
            msg = f"the journal {self.path} is open already"
            raise RuntimeError(msg)
        file = JournalFile(self.path)
        try:
            self.repaired = file.repair()
            self._index(file)
        except BaseException:
            file.close()
            raise
        self._file, self._synced_at = file, time.monotonic()

    def close(self) -> None:
        """Close the file. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            try:
                if self._fsync is not None:
                    file.sync()
            finally:
                file.close()

    # Writing.

    def append(self, record: Mapping[str, Any]) -> None:
        """
        Write a record; when it returns, the record survives the death of this process.

        A record that JSON can't hold is a ``TypeError``, and nothing is written; where the disk is full
        (``OSError``), what was begun is taken back.
        """
        file = self._opened()
        line = dumps(dict(record)) + b"\n"
        entry = self._describe(loads(line))
        self._enter(entry, file.append(line))
        if self._fsync is not None and time.monotonic() - self._synced_at >= self._fsync:
            file.sync()
            self._synced_at = time.monotonic()

    def compact(self) -> None:
        """Drop the lines that hold no more; the file is replaced as a whole, or stays as it is."""
        file = self._opened()
        with file.replaced() as write:
            for offset, line in file.lines():
                entry = self._read(line)
                if entry is None or self._places.get(_hash(entry.key), -1) >> 1 == offset:
                    write(line)
        self._index(file)

    # Reading.

    def state(self, key: str) -> Literal["done", "failed"] | None:
        """Tell what is known of a key; None where it is not there."""
        place = self._places.get(_hash(key))
        return None if place is None else "done" if place & 1 else "failed"

    def is_changed(self, name: str, key: str) -> bool:
        """Tell whether a name stands for another key than this one."""
        return self._names.get(_hash(name)) not in {None, _hash(key)}

    def __contains__(self, key: str) -> bool:
        return _hash(key) in self._places

    def __getitem__(self, key: str) -> dict[str, Any]:
        place = self._places.get(_hash(key))
        if place is None:
            raise KeyError(key)
        record: dict[str, Any] = loads(self._opened().line_at(place >> 1))
        return record

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the records that hold, in the order of the file, reading as it goes."""
        file = self._opened()
        for offset, line in file.lines():
            entry = self._read(line)
            if entry is not None and self._places.get(_hash(entry.key), -1) >> 1 == offset:
                yield loads(line)

    # What is where.

    def _opened(self) -> JournalFile:
        if self._file is None:
            msg = f"the journal {self.path} is closed: with Journal(…) as journal opens it"
            raise RuntimeError(msg)
        return self._file

    def _index(self, file: JournalFile) -> None:
        self._places, self._names = {}, {}
        self.superseded = self.unreadable = 0
        for offset, line in file.lines():
            entry = self._read(line)
            if entry is not None:
                self._enter(entry, offset)
            elif line.strip():
                self.unreadable += 1

    def _read(self, line: bytes) -> Entry | None:
        try:
            record = loads(line)
            return self._describe(record) if isinstance(record, dict) else None
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def _enter(self, entry: Entry, offset: int) -> None:
        key = _hash(entry.key)
        before = self._places.get(key)
        if before is not None:
            self.superseded += 1
            if before & 1 and not entry.done:
                return  # what is done stays so, whatever was tried again
        self._places[key] = offset << 1 | entry.done
        if entry.name is not None:
            name = _hash(entry.name)
            old = self._names.get(name)
            if old is not None and old != key and self._places.pop(old, None) is not None:
                self.superseded += 1
            self._names[name] = key


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
