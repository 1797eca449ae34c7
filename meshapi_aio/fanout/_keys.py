"""What identifies a request: a hash of what it says, and of which repetition it is. Pure."""

import hashlib
import json
from typing import Any

from .._raw import RawCall, RawStreamCall
from .._upload import Upload


__all__ = ["Repeats", "request_key"]


def request_key(call: object, repeat: int = 0) -> str:
    """
    Return 32 hexadecimal digits that are the same for equal requests, and for no others.

    Of a call its method, path, query and body count, so that it is all one how its messages were written, or
    in which order its fields stand; of any other value its JSON, else its repr. Of a file to send its name
    and type count, and the bytes where it is made of bytes; paths and file objects are not read. It takes
    about 5 µs for a small call.
    """
    try:
        text = _text([_said(call), repeat])
    except (TypeError, ValueError):  # keys that have no order or are no text, and values that hold themselves
        text = _text([repr(call), repeat])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _said(call: Any) -> Any:
    route, body = getattr(call, "route", None), getattr(call, "body", None)
    if route is None or not callable(body):
        return call
    said = [route.method, call.path(), body()]
    # Of the calls that families have, the query is the body.
    return [*said, call.query] if isinstance(call, (RawCall, RawStreamCall)) and call.query else said


def _text(said: list[Any]) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"), default=_other)


def _other(value: object) -> str:
    """Return what stands for a value that is no JSON."""
    if isinstance(value, Upload) and isinstance(value.source, bytes):
        return f"{value!r} {hashlib.blake2b(value.source, digest_size=16).hexdigest()}"
    return repr(value)


class Repeats:
    """
    Tells equal requests apart by counting them: the second of two is the first's repetition.

    So an input may be reordered or lengthened between two runs, and each of its requests keeps its key.
    """

    def __init__(self) -> None:
        self._next: dict[bytes, int] = {}

    def place(self, call: object, repeat: int) -> int:
        """Return the repetition that a request is; at least ``repeat``."""
        request = bytes.fromhex(request_key(call))  # half the memory
        repeat = max(repeat, self._next.get(request, 0))
        self._next[request] = repeat + 1
        return repeat
