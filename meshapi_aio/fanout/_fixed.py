"""The limit that is a number."""

import math

from ._limits import Gate, Limit


__all__ = ["FixedLimit", "check_size"]


class FixedLimit(Limit):
    """So many calls at once; ``size`` can be set at any time."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = check_size("size", size)
        self._changed(self.limit, "set")

    @property
    def size(self) -> int:
        """How many calls may be under way at once."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        self._size = check_size("size", size)
        self._changed(self.limit, "set")
        self.wake()

    @property
    def limit(self) -> float:
        """How many calls may be under way at once."""
        return self._size

    @property
    def most(self) -> int:
        """How many calls may be under way at once."""
        return self._size

    def wait_for(self, _gate: Gate) -> float:
        """Return 0 where there is room, else infinity."""
        return 0.0 if self.in_flight < self._size else math.inf


def check_size(name: str, size: int) -> int:
    """Return a number of calls at once that can be one."""
    if not isinstance(size, int) or isinstance(size, bool):
        msg = f"{name} must be a whole number of calls at once, got {size!r}"
        raise TypeError(msg)
    if size < 1:
        msg = f"{name} must be at least 1 call at once, got {size}"
        raise ValueError(msg)
    return size
