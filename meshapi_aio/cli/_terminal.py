"""What the terminal does with keys and cursor while an answer is drawn, whatever ends the drawing."""

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeAlias


try:
    import termios
except ImportError:  # Windows has none, and its console shows keys only where they are read
    termios = None  # type: ignore[assignment]


__all__ = ["keys_unseen", "left_as_it_was"]

_HIDE_CURSOR = b"\x1b[?25l"
_SHOW_CURSOR = b"\x1b[?25h"

# What ends a program, or stops it until it is continued, without a word to it; Ctrl-C is asyncio's to handle.
_SIGNALS = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP")

_Attributes: TypeAlias = list[Any]


@contextmanager
def keys_unseen() -> Generator[None]:
    """
    Inside the block, keys do not show; they wait for whoever reads next. Ctrl-C works as ever.

    A key that showed would shift the lines which are being redrawn, and leave some of them twice.
    """
    before = _attributes()
    if before is None:
        yield
        return
    _hide_keys(before)
    try:
        yield
    finally:
        _restore(before)


@contextmanager
def left_as_it_was() -> Generator[None]:
    """
    Inside the block, which hides keys and cursor, a signal that ends or stops the program shows them first.

    The signal then does what it always does. A program that is continued hides them again. Signals that
    somebody else handles, or that are ignored, as ``nohup`` does, stay as they are.
    """
    before = _attributes()

    def leave(number: int, _: FrameType | None) -> None:
        with suppress(OSError):  # the terminal may be what is gone
            _restore(before)
            os.write(sys.stdout.fileno(), _SHOW_CURSOR)
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
        signal.signal(number, leave)  # this far comes what was stopped, and goes on
        _hide_keys(before)
        os.write(sys.stdout.fileno(), _HIDE_CURSOR)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _attributes() -> _Attributes | None:
    """Return how the terminal is set, or None where that is not ours to change."""
    # A process in the background would be stopped for touching the terminal.
    return None if termios is None or not _is_in_foreground() else termios.tcgetattr(sys.stdin.fileno())


def _hide_keys(before: _Attributes | None) -> None:
    if termios is not None and before is not None:
        unseen = list(before)
        unseen[3] &= ~termios.ECHO
        _restore(unseen)


def _restore(attributes: _Attributes | None) -> None:
    """Set the terminal, unless the process has got into the background meanwhile."""
    if termios is not None and attributes is not None and _is_in_foreground():
        # A terminal that has hung up, and nothing else, refuses what it has taken before.
        with suppress(termios.error):
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)


def _is_in_foreground() -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # a terminal, but not the one that controls this process
        return False
