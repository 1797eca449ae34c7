"""
Fields that were sent as texts, in a query or a form, as the values that their annotations want.

Pure functions; this room performs no I/O. What can't be such a value stays a text, which the call refuses.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from .._upload import Upload
from ._form import Part
from ._json import Object


_LISTS = (Sequence, list)
_OBJECTS = (Mapping, dict)
_TRUTH = {"true": True, "false": False}


def from_texts(pairs: Iterable[tuple[str, str]], types: Mapping[str, Any]) -> Object:
    """Return fields by their names; what comes several times is a list where the annotation allows one."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in pairs:
        texts[name].append(text)
    return {name: _value(types.get(name, str), given) for name, given in texts.items()}


def from_parts(parts: Sequence[Part], types: Mapping[str, Any]) -> Object:
    """Return the fields of a form by their names; what has a file name is an upload."""
    texts = from_texts([(part.name, part.text) for part in parts if part.filename is None], types)
    files = {part.name: _upload(part) for part in parts if part.filename is not None}
    return {**texts, **files}


def _upload(part: Part) -> Upload:
    """Return a file of a form; one without a name is called as it came, by none."""
    return Upload(part.content, filename=part.filename or None, content_type=part.content_type)


def _members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or what is none as its only member."""
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


def _value(kind: Any, texts: Sequence[str]) -> Any:
    """Return the value that texts of one name stand for."""
    members = _members(kind)
    lists = [member for member in members if get_origin(member) in _LISTS]
    if lists and (len(texts) > 1 or str not in members):
        item = get_args(lists[0])[0]
        return [_scalar(item, text) for text in texts]
    return _scalar(kind, texts[-1])


def _scalar(kind: Any, text: str) -> Any:
    """Return the value that one text stands for; the text itself where it stands for no other."""
    for member in _members(kind):
        if member is bool and text.lower() in _TRUTH:  # in Python's spelling too, which clients in it send
            return _TRUTH[text.lower()]
        if get_origin(member) is Literal:
            for choice in get_args(member):
                if str(choice) == text:
                    return choice
        if member in {int, float} or get_origin(member) in _OBJECTS:
            try:
                return int(text) if member is int else json.loads(text)
            except ValueError:
                continue
    return text
