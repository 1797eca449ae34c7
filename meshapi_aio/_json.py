"""
JSON text in and out, with what breaks the standard library's or orjson's part of it. Performs no I/O.

Where orjson is installed (the extra ``speed``) it reads, since it takes a third of the time; what is read is
the same. It refuses what json takes (NaN and infinities, halves of characters, numbers that overflow, deep
nesting), and json is asked then; whole numbers beyond 64 bits it would make inexact, so texts with long runs
of digits go to json at once. It never writes: it writes NaN as null, and takes values that json refuses.
"""

import json
import math
from collections.abc import Callable
from types import NoneType
from typing import Any


try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment] # mypy sees the module alone


__all__ = ["dumps", "loads"]

_decoder: Any = json.JSONDecoder()  # a public class, of which type checkers do not know all
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once

# Made once: json.dumps makes one for each call, and takes 3.5 µs for a small request instead of 3.0.
_encoder = json.JSONEncoder(allow_nan=False, separators=(",", ":"), ensure_ascii=False)


def _make_encode() -> Callable[[Any], str]:
    """
    Return what encodes as that does, with its core made once as well: 1.9 µs.

    The core is no public name, so it is taken only where it is as it has been from Python 3.11 to 3.13. It
    looks for no container inside itself, and goes as deep as Python lets it.
    """
    try:
        make: Any = getattr(json.encoder, "c_make_encoder")  # noqa: B009 - not in every Python
        core = make(
            markers=None,
            default=_encoder.default,
            encoder=json.encoder.encode_basestring,
            indent=None,
            key_separator=":",
            item_separator=",",
            sort_keys=False,
            skipkeys=False,
            allow_nan=False,
        )
        sample = {"é": [1, 1.5, None, True, '"']}
        if "".join(core(sample, 0)) == _encoder.encode(sample):
            return lambda value: "".join(core(value, 0))
    except Exception:  # noqa: BLE001, S110 - whatever it is, this Python has another one, or none
        pass
    return _encoder.encode


_encode = _make_encode()

# Every byte as 0 if it is a digit, else as a space; and as many digits as may be more than 64 bits.
_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_LONG = b"0" * 19
# In bytes. orjson takes a dozen times the size of a text beforehand, whatever is in it, so what may be large
# (an error page, say, of which json reads no further than the first sign) is not given to it.
_MOST = 256 * 1024


def loads(text: str | bytes) -> Any:
    """
    Return decoded JSON; what is none, or is nested too deeply, is a ``ValueError``.

    NaN and the infinities are taken: they are no JSON, but servers send them among log probabilities.
    """
    try:
        if orjson is not None and len(text) <= _MOST:
            data = text if isinstance(text, bytes) else text.encode()
            if _LONG not in data.translate(_DIGITS):
                return orjson.loads(data)
        # What json.loads does around its scanner takes as long as the scanner: 250 characters 4.3 and 2.4 µs.
        # What the scanner does not take whole, spaces around it included, json.loads judges.
        decoded = text if isinstance(text, str) else text.decode()
        value, end = _scan(decoded, 0)
        if end == len(decoded):
            return value
    except (ValueError, StopIteration, RecursionError):
        pass
    try:
        return json.loads(text)
    except RecursionError:
        msg = "the JSON is nested too deeply"
        raise ValueError(msg) from None


def dumps(value: Any) -> bytes:
    """
    Return JSON as bytes.

    A value that JSON can't hold, NaN and the infinities included, is a ``TypeError`` that names its place.
    """
    try:
        try:
            text = _encode(value)
        except RecursionError:
            text = _encoder.encode(value)  # which tells what is inside itself from what is deep
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"the request holds what JSON can't: {_fault(value, error)}"
        raise TypeError(msg) from None
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a character: as an escape it survives
        return json.dumps(value, separators=(",", ":")).encode()


def _fault(root: Any, error: Exception) -> str:
    """Return the first value that made the encoder fail, and its place; else what the encoder says."""
    if isinstance(error, RecursionError):
        return "lists and dicts nested too deeply"
    # No recursion here, since the encoder goes deeper than Python may.
    ahead: list[tuple[Any, str, tuple[int, ...]]] = [(root, "$", ())]
    while ahead:
        value, path, around = ahead.pop()
        if id(value) in around:
            return f"a container inside itself @ {path}"
        members: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, (str, int, float, NoneType)):
                    return f"the key {_shown(key)} @ {path}"
            members = [(f"{path}.{key}", item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            members = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
        elif not isinstance(value, (str, int, NoneType)) and not _is_finite(value):
            return f"{_shown(value)} @ {path}"
        ahead += [(item, place, (*around, id(value))) for place, item in reversed(members)]
    return str(error)


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _shown(value: object) -> str:
    return f"{value!r:.80} ({type(value).__name__})"
