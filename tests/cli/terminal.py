"""A person at a terminal: presses keys and reads the screen of a process that runs in a pseudo-terminal."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyte

from .running import until_it_waits


CTRL_D = "\x04"
ENTER = "\r"

# Far beyond what a slow machine needs; nothing is waited for longer than it takes.
_SECONDS = 90.0

# Makes standard input the terminal that controls the process, as a shell does, so that Ctrl-C is a signal.
# Lets signals do what they do, also where the tests themselves run in the background or under nohup.
_CONTROLLED = """\
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """
    The command line in a terminal of its own.

    ::

        async with Terminal("chat", env=environment(gateway)) as terminal:
            await terminal.prompts()
            terminal.press("Hello" + ENTER)
            await terminal.shows("Hello yourself")

    ``program``: what the arguments are those of, where that is not the command line. The process is killed at
    the end of the block if it is still there.
    """

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str],
        columns: int = 80,
        lines: int = 24,
        program: Sequence[str] = (sys.executable, "-m", "meshapi_aio"),
    ) -> None:
        self._arguments = (*program, *arguments)
        self._env = {"TERM": "xterm-256color", "INPUTRC": os.devnull, **env}
        for name in ("COLUMNS", "LINES"):  # the window has the size that it has
            self._env.pop(name, None)
        self._size = (columns, lines)
        self._screen = pyte.HistoryScreen(columns, lines, history=10_000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = asyncio.Event()
        self._outside = -1
        self._is_over = False
        self._process: asyncio.subprocess.Process | None = None
        self.raw = b""

    async def __aenter__(self) -> Self:
        self._outside, inside = pty.openpty()
        self._tell_size(inside)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-S", "-E", "-c", _CONTROLLED, *self._arguments),
                stdin=inside,
                stdout=inside,
                stderr=inside,
                env=self._env,
                start_new_session=True,
            )
        finally:
            os.close(inside)
        asyncio.get_running_loop().add_reader(self._outside, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        asyncio.get_running_loop().remove_reader(self._outside)
        os.close(self._outside)

    def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        os.write(self._outside, keys.encode())

    async def interrupt(self) -> None:
        """Press Ctrl-C, when the process has nothing to do."""
        assert self._process is not None
        await until_it_waits(self._process)
        self.press("\x03")

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def paste(self, text: str) -> None:
        """Paste a text as terminals do: line ends as Enter, marked as a paste where that was asked for."""
        text = text.replace("\n", "\r")
        self.press(f"\x1b[200~{text}\x1b[201~" if 2004 << 5 in self._screen.mode else text)

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size; what is on the screen is cut, not wrapped anew."""
        self._size = (columns, lines)
        self._screen.resize(lines, columns)
        self._tell_size(self._outside)

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows the keys that are pressed."""
        return bool(termios.tcgetattr(self._outside)[3] & termios.ECHO)

    @property
    def hides_cursor(self) -> bool:
        """Whether the cursor is not to be seen."""
        return self._screen.cursor.hidden

    @property
    def screen(self) -> str:
        """What is to be read on the screen, without the blanks at the ends of its lines."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    @property
    def scrolled(self) -> str:
        """Everything that was ever printed and not erased: what has scrolled away, and the screen."""
        columns = range(self._screen.columns)
        away = ["".join(line[x].data for x in columns).rstrip() for line in self._screen.history.top]
        return "\n".join([*away, self.screen])

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, which is looked at whenever the process has written something."""
        try:
            async with asyncio.timeout(_SECONDS):
                while not (met := condition()) and not self._is_over:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            met = False
        if not met:
            raise AssertionError(f"this was never to be read:\n{self.scrolled}")

    async def shows(self, text: str, *, times: int = 1) -> None:
        """Wait until a text has been printed, and stands there, this many times."""
        try:
            await self.until(lambda: self.scrolled.count(text) >= times)
        except AssertionError:
            raise AssertionError(f"{text!r} is not {times} times in:\n{self.scrolled}") from None

    async def prompts(self) -> None:
        """Wait until a prompt with nothing behind it is the last thing on the screen."""
        await self.until(lambda: f"\n{self.screen}".endswith("\n>"))

    async def leaves(self) -> int:
        """Press Ctrl-D at the prompt, wait until the process has ended, and return its status."""
        await self.prompts()
        self.press(CTRL_D)
        return await self.ends()

    async def ends(self) -> int:
        """Wait until the process has ended, and return its status."""
        assert self._process is not None
        async with asyncio.timeout(_SECONDS):
            return await self._process.wait()

    def _tell_size(self, descriptor: int) -> None:
        columns, lines = self._size
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        try:
            written = os.read(self._outside, 65536)
        except OSError:  # Linux says so when nobody holds the other side any more
            written = b""
        if not written:
            self._is_over = True
            asyncio.get_running_loop().remove_reader(self._outside)
        self.raw += written
        self._stream.feed(written)
        self._changed.set()
