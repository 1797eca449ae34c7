"""
Bodies that go out piece by piece, and the files that they are read from.

Files are read in the event loop's own threads, a piece at a time: most reads take microseconds, but one from
a sleeping disk or over a network takes as long as it takes, and the loop can't wait for it. Such a thread
never touches the connection, so one whose call was left ends its read, closes the file, and that is all.
Pipes and the like are read only once there is something in them, else a thread could wait for ever.
"""

import asyncio
import os
import stat
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from .._upload import Body, Upload


__all__ = ["Outgoing"]

Result = TypeVar("Result")

_PIECE = 64 * 1024


class _Opened:
    """A file that is being sent; closed at any time by the loop, or by the thread that reads just then."""

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self.size = len(upload.source) if isinstance(upload.source, bytes) else None
        self.replayable = True
        self._file: Any = None
        self._own = isinstance(upload.source, os.PathLike)
        self._fresh = True
        self._closed = False
        self._lock = threading.Lock()
        self._watched: int | None = None
        self._waiting: asyncio.Future[Any] | None = None

    # In a thread.

    def _locked(self, function: Callable[[], Result]) -> Result | None:
        try:
            with self._lock:
                return None if self._closed else function()
        finally:
            if self._closed:
                self._close_file()

    def _open(self) -> None:
        upload, source = self.upload, self.upload.source
        assert not isinstance(source, bytes)
        if upload.spent:
            msg = f"{upload.shown} was sent already and can't be read again: it can't be rewound"
            raise ValueError(msg)
        if isinstance(source, os.PathLike):
            self._file = open(source, "rb", 0, opener=_opener)  # noqa: SIM115 - release() closes it
        else:
            self._file = source
        mode = _mode(self._file)
        if isinstance(source, os.PathLike):
            self.replayable = mode is not None and stat.S_ISREG(mode)
            self.size = os.fstat(self._file.fileno()).st_size if self.replayable else None
        else:
            self.replayable = upload.start is not None
            self.size = _rest(self._file, upload.start) if upload.start is not None else None
        if mode is not None and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
            self._watched = self._file.fileno()

    def _read(self) -> bytes | None:
        if self._fresh and self.upload.start is not None:
            self._file.seek(self.upload.start)
        self._fresh = False
        # Of a pipe what is there, where read() waits for all of it.
        piece: bytes | None = getattr(self._file, "read1", self._file.read)(_PIECE)
        self.upload.spent = self.upload.spent or (bool(piece) and not self.replayable)
        return piece

    def _close_file(self) -> None:
        if self._lock.acquire(blocking=False):  # else the thread that has it comes here next
            try:
                if self._own and self._file is not None:
                    self._file.close()
            finally:
                self._lock.release()

    # In the loop.

    async def open(self) -> None:
        """Open the file and look how large it is."""
        if isinstance(self.upload.source, bytes):
            return
        await self._in_a_thread(self._open)

    async def read(self) -> bytes:
        """Return the next bytes, none at the end."""
        while True:
            if self._watched is not None:
                await self._something(self._watched)
            piece = await self._in_a_thread(self._read)
            if isinstance(piece, (bytes, bytearray)):
                return bytes(piece)
            if piece is not None:
                msg = f"{self.upload.shown}: read() gave {piece!r:.80}, no bytes"
                raise TypeError(msg)
            if self._closed:
                raise asyncio.CancelledError

    async def _in_a_thread(self, function: Callable[[], Result]) -> Result | None:
        reading = asyncio.get_running_loop().run_in_executor(None, self._locked, function)
        self._waiting = reading
        return await reading

    async def _something(self, descriptor: int) -> None:
        """Wait until a pipe has something in it, or has ended."""
        loop = asyncio.get_running_loop()
        self._waiting = ready = loop.create_future()
        try:
            loop.add_reader(descriptor, _wake, ready)
        except (NotImplementedError, OSError):  # Windows' loop, and what can't be watched
            return
        try:
            await ready
        finally:
            loop.remove_reader(descriptor)

    def close(self) -> None:
        """Close what was opened here, now or as soon as its last read has ended."""
        self._closed = True
        if (
            self._waiting is not None
            and not self._waiting.done()
            and not self._waiting.get_loop().is_closed()
        ):
            self._waiting.cancel()
        self._close_file()


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _opener(path: str, flags: int) -> int:
    # So that a named pipe opens before anybody writes to it, which is then waited for where all is.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _mode(file: Any) -> int | None:
    try:
        return os.fstat(file.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # it has no descriptor, or a made-up one
        return None


def _rest(file: Any, start: int) -> int | None:
    """Return how many bytes there are; a descriptor's size would be wrong for one that unpacks."""
    try:
        end: int = file.seek(0, os.SEEK_END)
    except (OSError, ValueError, TypeError):
        return None
    return max(end - start, 0)


class Step(Protocol):
    """Is told what a body waits for."""

    def __call__(self, *, to_the_network: bool) -> None: ...


class Outgoing(aiohttp.Payload):
    """
    One attempt's body, on its way.

    ``step(to_the_network=True)`` is called before the network is waited for, with False before a file is, and
    ``ended`` at the end of the body.
    """

    _autoclose = True

    def __init__(self, body: Body, step: Step, ended: Callable[[], None]) -> None:
        super().__init__(body)
        self._parts = [part if isinstance(part, bytes) else _Opened(part) for part in body.parts]
        self._step, self._ended = step, ended
        self.failure: Exception | None = None
        """What kept the body from being read, which is not the connection's fault."""
        self.stopped = False
        self._written = 0
        self._over = False

    @property
    def _files(self) -> list[_Opened]:
        return [part for part in self._parts if isinstance(part, _Opened)]

    async def open(self) -> None:
        """Open every file, so that mistakes show before anything is sent."""
        for file in self._files:
            await file.open()
        sizes = [len(part) if isinstance(part, bytes) else part.size for part in self._parts]
        known = [size for size in sizes if size is not None]
        # Without a size aiohttp sends it in chunks.
        self._size = sum(known) if len(known) == len(sizes) else None

    @property
    def whole(self) -> bool:
        """Whether all of it was handed to the connection, which may take a moment more to send it."""
        return self._over or self._written == self._size

    @property
    def replayable(self) -> bool:
        """Whether it could be sent again."""
        return all(file.replayable for file in self._files)

    @property
    def spent(self) -> bool:
        """Whether bytes were taken that can't be had again."""
        return any(file.upload.spent for file in self._files)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Refuse: aiohttp never asks it of a body, but of parts of its own forms."""
        raise NotImplementedError

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send the body; aiohttp calls it, in a task of its own."""
        try:
            if not self.replayable:
                # It would wait for the first piece, which a pipe may take its time with.
                writer.send_headers()
            for part in self._parts:
                if isinstance(part, bytes):
                    await self._send_bytes(writer, part)
                else:
                    await self._send_file(writer, part)
        except Exception as error:
            # Where the connection breaks, that is aiohttp's to tell.
            if not isinstance(error, (aiohttp.ClientError, ConnectionError)):
                self.failure = error
            raise
        if not self.stopped:
            self._over = True
            self._ended()

    async def _send_bytes(self, writer: AbstractStreamWriter, data: bytes, progress: Any = None) -> None:
        for start in range(0, len(data), _PIECE):
            if self.stopped:
                return
            await self._send(writer, data[start : start + _PIECE])
            if progress is not None:
                progress(min(start + _PIECE, len(data)), len(data))

    async def _send_file(self, writer: AbstractStreamWriter, file: _Opened) -> None:
        upload, size = file.upload, file.size
        progress = upload.on_progress or _nobody
        progress(0, size)
        if isinstance(upload.source, bytes):
            await self._send_bytes(writer, upload.source, progress)
            return
        sent = 0
        while not self.stopped and (size is None or sent < size):
            self._step(to_the_network=False)
            piece = await file.read()
            if not piece:
                break
            # What was added meanwhile is left out: the size was promised.
            piece = piece if size is None else piece[: size - sent]
            await self._send(writer, piece)
            sent += len(piece)
            progress(sent, size)
        if not self.stopped and size is not None and sent < size:
            msg = f"{upload.shown} was cut while it was sent: {sent} of its {size} bytes were there"
            raise OSError(msg)

    async def _send(self, writer: AbstractStreamWriter, piece: bytes) -> None:
        self._step(to_the_network=True)
        await writer.write(piece)
        self._written += len(piece)
        await writer.drain()
        # It waits only for a connection that is full. The loop must go round all the same, for others, and to
        # read an answer that is here already: of one that comes early the connection may be about to break.
        await asyncio.sleep(0)

    def stop(self) -> None:
        """Send no more: the answer is here."""
        self.stopped = True

    def release(self) -> None:
        """Let go of the files, at once and idempotently."""
        for file in self._files:
            file.close()


def _nobody(_sent: int, _total: int | None) -> None:
    """Take the progress that nobody asked for."""
