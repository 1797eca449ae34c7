"""
A text for a regular expression, the same one every time.

Pure functions over the part of the syntax that Python and ECMA-262 share and that schemas use: literals,
escapes, sets, groups, alternatives, repetitions and anchors. Look-arounds and back references are not known.
"""

import re


_CLASSES = {"d": "0", "D": "x", "w": "x", "W": "-", "s": " ", "S": "x"}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_PRINTABLE = [*map(chr, range(ord("a"), ord("z") + 1)), *map(chr, range(ord(" "), ord("~") + 1))]
_FILLERS = "x0X"
_MOST = 10_000  # times a part is repeated; a pattern that asks for more asks for something else


def matching(pattern: str, *, least: int = 0) -> str | None:
    """Return a text of that many characters at least that the pattern matches, None where none was made."""
    try:
        text = _Reader(pattern).alternatives()
        longer = (text.ljust(least, filler) for filler in (*text[-1:], *_FILLERS))
        return next((text for text in longer if re.search(pattern, text)), None)
    except (re.error, IndexError, ValueError):
        return None


class _Reader:
    """Reads a pattern from left to right, and writes the text that it asks for."""

    def __init__(self, pattern: str) -> None:
        self._rest = list(reversed(pattern))

    def alternatives(self) -> str:
        """Read up to the end of the pattern or of the group, and return the text of the first alternative."""
        texts = [self._sequence()]
        while self._take("|"):
            texts.append(self._sequence())
        return texts[0]

    def _take(self, sign: str) -> bool:
        """Take the sign where it is the next one, and return whether it was."""
        if self._rest[-1:] == [sign]:
            self._rest.pop()
            return True
        return False

    def _sequence(self) -> str:
        """Read one alternative."""
        pieces: list[str] = []
        while self._rest and self._rest[-1] not in "|)":
            piece = self._piece()
            pieces.append(piece * self._times())
        return "".join(pieces)

    def _piece(self) -> str:
        """Read what a repetition would repeat."""
        sign = self._rest.pop()
        match sign:
            case "^" | "$":
                return ""
            case ".":
                return "x"
            case "\\":
                return self._escape()
            case "[":
                return self._set()
            case "(":
                return self._group()
            case _:
                return sign

    def _escape(self) -> str:
        """Read what follows a backslash."""
        sign = self._rest.pop()
        if sign in "bBAZz":
            return ""
        if sign in "ux":
            digits = "".join(self._rest.pop() for _ in range(4 if sign == "u" else 2))
            return chr(int(digits, 16))
        return _CLASSES.get(sign) or _CONTROLS.get(sign, sign)

    def _set(self) -> str:
        """Read a set to its end, and return one character of it."""
        written = "["
        while not self._take("]"):
            written += self._rest.pop() if self._rest[-1] != "\\" else self._rest.pop() + self._rest.pop()
        allowed = re.compile(written + "]")
        return next(filter(allowed.fullmatch, _PRINTABLE), "") or written[1]

    def _group(self) -> str:
        """Read a group to its end."""
        if self._take("?"):
            while self._rest.pop() not in ":>":  # (?:...) or the name of (?<name>...) and (?P<name>...)
                pass
        text = self.alternatives()
        self._rest.pop()
        return text

    def _times(self) -> int:
        """Read a repetition, if there is one, and return how often to repeat."""
        times = 1
        if self._take("*") or self._take("?"):
            times = 0
        elif self._take("{"):
            times = self._least()
        else:
            self._take("+")
        self._take("?")  # the mark of a reluctant repetition, which asks for the same text
        return times

    def _least(self) -> int:
        """Read the inside of ``{2}``, ``{2,}`` or ``{2,4}``."""
        written = ""
        while (sign := self._rest.pop()) != "}":
            written += sign
        return min(int(written.partition(",")[0]), _MOST)
