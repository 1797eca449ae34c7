"""The file of a journal: whole lines, one writer, and a torn end that is repaired."""

import contextlib
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from .._json import loads


try:
    import fcntl
except ImportError:  # Windows has none, and fan-out without a journal works there all the same
    fcntl = None  # type: ignore[assignment]


__all__ = ["JournalFile", "JournalLockedError"]

_BLOCK = 1024 * 1024


class JournalLockedError(RuntimeError):
    """Somebody else writes to this journal."""


class JournalFile:
    """An open, locked file of lines."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = _opened(path)
        self._end = os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close and unlock."""
        os.close(self._descriptor)

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        os.fsync(self._descriptor)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield where each whole line begins, and the line; what is behind the last line end is none."""
        offset, begun = 0, 0
        rest: list[bytes] = []  # of a line that is longer than a block, joined once
        while block := os.pread(self._descriptor, _BLOCK, offset):
            offset += len(block)
            *ended, last = block.split(b"\n")
            for piece in ended:
                line = b"".join((*rest, piece, b"\n"))
                rest = []
                yield begun, line
                begun += len(line)
            if last:
                rest.append(last)

    def line_at(self, offset: int) -> bytes:
        """Return the line that begins at an offset."""
        pieces = []
        while block := os.pread(self._descriptor, _BLOCK, offset):
            piece, end, _ = block.partition(b"\n")
            pieces.append(piece)
            if end:
                break
            offset += len(block)
        return b"".join(pieces)

    def append(self, line: bytes) -> int:
        """Write a line, whole or not at all, and return where it begins."""
        begun, written = self._end, 0
        try:
            while written < len(line):
                written += os.pwrite(self._descriptor, memoryview(line)[written:], begun + written)
        except BaseException:
            if written:
                os.ftruncate(self._descriptor, begun)
            raise
        self._end += written
        return begun

    def repair(self) -> int:
        """
        End the last line where only its end is missing, else cut it off; return how many bytes were cut.

        A line is written with its end: one without was torn by a crash, and never told as written.
        """
        begun = self._last_end()
        torn = os.pread(self._descriptor, self._end - begun, begun)
        if not torn:
            return 0
        try:
            is_whole = isinstance(loads(torn), dict)
        except ValueError:
            is_whole = False
        if is_whole:
            self.append(b"\n")
            return 0
        os.ftruncate(self._descriptor, begun)
        self._end = begun
        return len(torn)

    def _last_end(self) -> int:
        """Return where the last line end is over, 0 where there is none."""
        behind = self._end
        while behind:
            size = min(_BLOCK, behind)
            at = os.pread(self._descriptor, size, behind - size).rfind(b"\n")
            if at >= 0:
                return behind - size + at + 1
            behind -= size
        return 0

    @contextlib.contextmanager
    def replaced(self) -> Generator[Callable[[bytes], object]]:
        """
        Replace the file by the lines that are written inside the block, all at once, when it is left.

        Left by an error, the file stays as it is. The lock is held all along.
        """
        target = Path(self._path).resolve()
        unfinished = target.with_name(f".{target.name}.part")
        # Whoever crashed here before has left it behind; nobody else writes it, since this file is locked.
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                yield file.write
            os.fsync(descriptor)
            _lock(descriptor, self._path)
            unfinished.replace(target)
        except BaseException:
            os.close(descriptor)
            unfinished.unlink()
            raise
        _sync_folder(target.parent)
        os.close(self._descriptor)
        self._descriptor, self._end = descriptor, os.fstat(descriptor).st_size


def _opened(path: str) -> int:
    """Return the descriptor of a file that is locked, and still the one of that name."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            _lock(descriptor, path)
            # Between opening and locking, another writer may have put a new file in its place.
            if os.path.samestat(os.fstat(descriptor), Path(path).stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, path: str) -> None:
    if fcntl is None:
        msg = "a journal needs the file locks of POSIX, which this system lacks"
        raise OSError(msg)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        msg = f"{path} is being written by another run; wait until it ends, or write to another file"
        raise JournalLockedError(msg) from None


def _sync_folder(path: Path) -> None:
    """Put a new name on the disk, too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
