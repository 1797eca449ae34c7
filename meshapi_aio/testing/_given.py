"""What a test gives and what could not be served: told where it is written. Pure."""

import math
from typing import Any

import attrs


__all__ = ["check_port", "check_record", "check_seconds", "check_token", "is_seconds"]


def check_seconds(name: str, value: object) -> None:
    """Raise ``TypeError`` or ``ValueError`` for what is no time that can be waited for."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{name} must be a number of seconds, not {value!r}"
        raise TypeError(msg)
    if not 0 <= value < math.inf:
        msg = f"{name} must be a number of seconds from 0, not {value!r}"
        raise ValueError(msg)


def is_seconds(owner: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Check the field of a step, as a validator of attrs."""
    check_seconds(f"{type(owner).__name__}.{attribute.name}", value)


def check_token(token: str) -> None:
    """Raise ``ValueError`` for a key that no header could hold."""
    if not token.strip() or not all(" " <= character <= "~" for character in token):
        msg = "token must be visible ASCII characters (not shown); None makes one up"
        raise ValueError(msg)


def check_record(record: int) -> None:
    """Raise ``ValueError`` for a number of requests that cannot be kept."""
    if record < 0:
        msg = f"record must be True, False, or a number of requests from 0, not {record!r}"
        raise ValueError(msg)


def check_port(port: int) -> None:
    """Raise ``ValueError`` for a port that there is not."""
    if not 0 <= port <= 65535:
        msg = f"port must be from 0 to 65535, not {port!r}; 0 lets the system choose"
        raise ValueError(msg)
