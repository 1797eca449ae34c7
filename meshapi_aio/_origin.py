"""Where in the user's code a thing was made, for the warnings about things that were forgotten. Pure."""

import sys
from pathlib import Path


__all__ = ["place_of_caller"]

_PACKAGE = str(Path(__file__).parent)


def place_of_caller() -> str:
    """Return file and line of the nearest caller outside this package, as ``file.py:12``."""
    frame = sys._getframe(1)  # noqa: SLF001 - the documented way that costs no whole traceback
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
