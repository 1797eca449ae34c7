"""Reads what somebody writes at the prompt of a conversation. Blocks; no event loop runs meanwhile."""

import select
import sys


try:
    import readline
except ImportError:  # Windows, and builds without it: the terminal's own line editing must do
    readline = None  # type: ignore[assignment]


__all__ = ["Reader"]

_PROMPT = "> "
_CONTINUED = ". "

# Seconds in which the next line of a paste follows; those of one write of a terminal come within 1 ms.
_PASTE_GAP = 0.05


class Reader:
    """
    Reads messages from the terminal: what ends with Enter, or a whole paste of several lines and Enter.

    Where the line editor is GNU readline, the terminal marks what is pasted. Elsewhere lines that are there
    at once belong together.
    """

    def __init__(self) -> None:
        self._marks_pastes = False
        if readline is not None and "libedit" not in (readline.__doc__ or ""):
            self._marks_pastes = True
            readline.parse_and_bind("set enable-bracketed-paste on")  # which Python sets to off

    def read(self) -> str:
        """
        Return the next message.

        Raises ``EOFError`` after Ctrl-D, ``KeyboardInterrupt`` after Ctrl-C.
        """
        lines = [input(_PROMPT)]
        # A command is one line, also when more has been typed ahead.
        if not self._marks_pastes and not lines[0].startswith("/"):
            try:
                while _more_is_there():
                    lines.append(input(_CONTINUED))
            except EOFError:
                pass
        return "\n".join(lines).strip("\r\n")

    @staticmethod
    def has_begun_line() -> bool:
        """Tell whether there was anything in the line that Ctrl-C has cleared; False where nobody knows."""
        return readline is not None and bool(readline.get_line_buffer())


def _more_is_there() -> bool:
    try:
        return bool(select.select([sys.stdin], [], [], _PASTE_GAP)[0])
    except OSError:  # Windows waits for sockets alone
        return False
