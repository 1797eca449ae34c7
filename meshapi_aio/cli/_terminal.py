"""What the terminal does with the keys that are pressed while an answer is drawn."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager


try:
    import termios
except ImportError:  # Windows has none, and its console shows keys only where they are read
    termios = None  # type: ignore[assignment]


__all__ = ["keys_unseen"]


@contextmanager
def keys_unseen() -> Generator[None]:
    """
    Inside the block, keys do not show; they wait for whoever reads next. Ctrl-C works as ever.

    A key that showed would shift the lines which are being redrawn, and leave some of them twice.
    """
    # A process in the background would be stopped for touching the terminal.
    if termios is None or not _is_in_foreground():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    unseen = list(before)
    unseen[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSANOW, unseen)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _is_in_foreground() -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # a terminal, but not the one that controls this process
        return False
