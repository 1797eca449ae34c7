"""
Files of requests, a line each: in the format of batches, or bodies alone.

Read as they are wanted; what is kept is the names that were seen.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from types import NoneType
from typing import Any, cast

import attrs

from .._json import loads
from .._raw import RawCall, RawStreamCall
from .._routing import calls_at
from ..call import Call, StreamCall


__all__ = ["FileError", "Row", "read_rows"]

_CHAT, _RESPONSES = "/v1/chat/completions", "/v1/responses"


class FileError(ValueError):
    """A line of a file that can't be used; the message names file and line, and says why."""


@attrs.frozen(kw_only=True)
class Row:
    """
    A request of a file.

    ``custom_id`` is its own, or made of what it says; where models or repetitions multiply the rows, they
    are part of it. ``line`` is the number of its line, from 1.
    """

    custom_id: str
    call: Call[Any] | StreamCall[Any]
    repeat: int = 0
    line: int = 0


def read_rows(path: str | os.PathLike[str], *, models: Sequence[str] = (), repeat: int = 1) -> Iterator[Row]:
    """
    Yield the requests of a file, in its order; ``FileError`` for a line that is none.

    A line is ``{"custom_id": …, "method": "POST", "url": "/v1/chat/completions", "body": {…}}``, or the body
    alone: one with ``messages`` is a chat, one with ``input`` a response. A ``url`` that no family has is
    asked all the same. With ``models`` each row is made once for each of them, with ``repeat`` so many times.
    """
    if isinstance(models, str):
        msg = f"read_rows(): models must be a list of names, got the text {models!r}; write [{models!r}]"
        raise TypeError(msg)
    if repeat < 1:
        msg = f"read_rows(): repeat must be at least 1, got {repeat!r}"
        raise ValueError(msg)
    models = list(dict.fromkeys(models))
    seen: dict[bytes, int] = {}
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield from _rows(line, number, seen, models, repeat)
            except (TypeError, ValueError) as error:
                msg = f"{os.fspath(path)}:{number}: {error}"
                raise FileError(msg) from None


def _rows(
    line: bytes, number: int, seen: dict[bytes, int], models: Sequence[str], repeat: int
) -> Iterator[Row]:
    said = loads(line)
    if not isinstance(said, dict):
        msg = "must be a JSON object, with a request or the body of one"
        raise TypeError(msg)
    method, url, body = _request(said)
    name = _name(said, body, seen)
    wanted: Sequence[str | None] = models or (None,)
    for model in wanted:
        call = _call(method, url, body if model is None else {**body, "model": model})
        for turn in range(repeat):
            custom_id = name if model is None else f"{name}@{model}"
            yield Row(
                custom_id=custom_id if repeat == 1 else f"{custom_id}#{turn}",
                call=call,
                repeat=turn,
                line=number,
            )


def _request(said: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return method, URL and body of a line."""
    if "body" not in said and "url" not in said:
        body = {name: value for name, value in said.items() if name != "custom_id"}
        if "messages" in body:
            return "POST", _CHAT, body
        if "input" in body:
            return "POST", _RESPONSES, body
        msg = 'has neither "body" nor "messages" nor "input", so there is no telling what it asks for'
        raise ValueError(msg)
    method, url, body = said.get("method", "POST"), said.get("url", _CHAT), said.get("body") or {}
    if not isinstance(method, str) or not isinstance(url, str) or not url.startswith("/"):
        msg = f'"method" and "url" must be text such as "POST" and "{_CHAT}", got {method!r} and {url!r}'
        raise ValueError(msg)
    if not isinstance(body, dict):
        msg = f'"body" must be a JSON object, got {body!r:.80}'
        raise TypeError(msg)
    return method, url, body


def _name(said: dict[str, Any], body: Mapping[str, Any], seen: dict[bytes, int]) -> str:
    """Return the custom_id of a line: its own, or one that stays the same wherever the line stands."""
    own = said.get("custom_id")
    if own is not None and (not isinstance(own, str) or not own):
        msg = f'"custom_id" must be text, got {own!r}'
        raise ValueError(msg)
    if own is None:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        first = own = f"row-{blake2b(text.encode(), digest_size=6).hexdigest()}"
        count = seen.get(_hash(first), 0)
        while _hash(own) in seen:  # by an equal line, or by one whose own name is that
            count += 1
            own = f"{first}-{count}"
        seen[_hash(own)] = 1
        seen[_hash(first)] = max(count, 1)
        return own
    if _hash(own) in seen:
        msg = f"the custom_id {own!r} is that of an earlier line; each needs its own"
        raise ValueError(msg)
    seen[_hash(own)] = 1
    return own


def _hash(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _call(method: str, url: str, body: dict[str, Any]) -> Call[Any] | StreamCall[Any]:
    if not isinstance(body.get("stream"), (bool, NoneType)):
        msg = f'"stream" must be true or false, got {body["stream"]!r}'
        raise TypeError(msg)
    found = calls_at(url, method)
    streams = body.get("stream") is True
    if not found:
        raw: Any = RawStreamCall if streams else RawCall
        made: Call[Any] | StreamCall[Any] = raw(method, url, body=body)
        return made
    kind, places = next((each for each in found if issubclass(each[0], StreamCall) is streams), found[0])
    names = {field.name for field in attrs.fields(cast("Any", kind))}
    given = {name: value for name, value in body.items() if name in names and name != "stream"}
    others = {name: value for name, value in body.items() if name not in names}
    if others and "extra_body" not in names:
        msg = f"{kind.__name__} takes no {', '.join(map(repr, others))}; it takes {', '.join(sorted(names))}"
        raise ValueError(msg)
    make: Any = kind
    call: Call[Any] | StreamCall[Any] = make(**given, **places, **({"extra_body": others} if others else {}))
    return call
