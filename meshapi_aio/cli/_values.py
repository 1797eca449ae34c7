"""
The fields of a call, as somebody writes them on the command line: ``name=value``, or a JSON object in a file.

What a value becomes is said by the annotation of its field. What fits none goes to the call as it is, whose
own message is the best there is.
"""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from ._failures import MisuseError
from ._files import STDIN, as_image, as_text, content_of
from ._registry import AnyCall


__all__ = ["field_types", "fields_given", "told_type"]

_FLAGS: Mapping[str, bool] = {"true": True, "false": False}
_WHOLE = re.compile(r"[+-]?[0-9]+")
_TOLD: Mapping[Any, str] = {str: "text", bool: "true or false", int: "whole number", float: "number"}
_FITS_NOT = object()


def field_types(calls: Sequence[AnyCall]) -> dict[str, Any]:
    """Return the annotation of each field of a method that makes one of these calls."""
    types = {
        name: parameter.annotation
        for call in calls
        for name, parameter in inspect.signature(call).parameters.items()
    }
    return types | {"stream": bool} if len(calls) > 1 else types


def fields_given(types: Mapping[str, Any], pairs: Sequence[str], json_file: str | None) -> dict[str, Any]:
    """
    Return the fields that were given: those of the file, and over them the ``name=value`` pairs.

    It is a misuse of the command if they can't be read.
    """
    split = [_split(pair) for pair in pairs]
    if [json_file, *(value[1:] for _, value in split if value.startswith("@"))].count(STDIN) > 1:
        msg = "standard input can be read only once: by --json, or as one @-"
        raise MisuseError(msg)
    given = {} if json_file is None else _object_in(json_file)
    mine: dict[str, Any] = {}
    for name, text in split:
        if name in mine:
            msg = f"{name} is given twice; several values are a list in JSON: {name}='[…, …]'"
            raise MisuseError(msg)
        mine[name] = _value(name, text, _members(types.get(name, str)))
    return given | mine


def told_type(annotation: Any) -> str:
    """Return in a few words what a field takes."""
    members = _members(annotation)
    return "@FILE" if bytes in members else " or ".join(dict.fromkeys(_told(member) for member in members))


def _told(member: Any) -> str:
    if get_origin(member) is Literal:
        return ", ".join(_spelt(choice) for choice in get_args(member))
    if _is_list(member):
        return "JSON list"
    return "JSON object" if _is_object(member) else _TOLD.get(member, "JSON")


def _split(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or not name:
        msg = f"{pair!r} is no FIELD=VALUE"
        raise MisuseError(msg)
    return name, value


def _object_in(path: str) -> dict[str, Any]:
    told = f"--json {path}"
    try:
        value = json.loads(content_of(path, told))
    except (ValueError, RecursionError) as error:
        msg = f"{told}: is no JSON: {error}"
        raise MisuseError(msg) from None
    if not isinstance(value, dict):
        msg = f"{told}: must hold an object, with the fields of the call"
        raise MisuseError(msg)
    return value


def _value(name: str, text: str, members: Sequence[Any]) -> Any:
    """Return what a text stands for: the first that fits, the text itself last."""
    if bytes in members:
        return _upload(name, text)
    if text.startswith("@"):
        text = _text_in(name, text[1:])
    for read in (_choice, _flag, _number, _open):
        for member in members:
            try:
                value = read(member, text)
            except (ValueError, RecursionError) as error:
                if str not in members:
                    msg = f"{name}: is no JSON: {error}"
                    raise MisuseError(msg) from None
            else:
                if value is not _FITS_NOT:
                    return value
    return text


def _text_in(name: str, path: str) -> str:
    """Return the text of a file, or the ``data:`` URL of an image, which is what text stands for one."""
    content = content_of(path, f"{name}=@{path}")
    text = as_image(content) or as_text(content)
    if text is None:
        msg = f"{name}=@{path}: is neither text in UTF-8 nor an image of the kinds PNG, JPEG, GIF and WebP"
        raise MisuseError(msg)
    return text


def _upload(name: str, text: str) -> Path | bytes:
    """Return what is to be sent as a file; it is a misuse of the command if it is none."""
    if not text.startswith("@"):
        msg = f"{name} is a file: {name}=@{text or 'FILE'} sends one, {name}=@- standard input"
        raise MisuseError(msg)
    path = text[1:]
    if path == STDIN:
        return content_of(path, name)
    try:
        # Opened here, since the client would tell it as a failure of the call.
        Path(path).open("rb").close()
    except OSError as error:
        msg = f"{name}=@{path}: {error.strerror}"
        raise MisuseError(msg) from None
    return Path(path)


def _choice(member: Any, text: str) -> Any:
    choices = get_args(member) if get_origin(member) is Literal else ()
    return next((choice for choice in choices if _spelt(choice) == text), _FITS_NOT)


def _flag(member: Any, text: str) -> Any:
    return _FLAGS.get(text, _FITS_NOT) if member is bool else _FITS_NOT


def _number(member: Any, text: str) -> Any:
    if member in {int, float} and _WHOLE.fullmatch(text):
        return int(text)
    try:
        return float(text) if member is float else _FITS_NOT
    except ValueError:
        return _FITS_NOT


def _open(member: Any, text: str) -> Any:
    """Return the JSON of what is a list or an object; raise ``ValueError`` where it was begun and is none."""
    begins_so = text.lstrip()[:1] in {"[", "{"}
    return json.loads(text) if begins_so and (_is_list(member) or _is_object(member)) else _FITS_NOT


def _members(annotation: Any) -> Sequence[Any]:
    """Return what a field may be, beside None."""
    if get_origin(annotation) in {Union, UnionType}:
        return [one for member in get_args(annotation) for one in _members(member)]
    return [] if annotation is NoneType else [annotation]


def _is_list(member: Any) -> bool:
    return get_origin(member) in {list, Sequence}


def _is_object(member: Any) -> bool:
    return member is Any or get_origin(member) in {dict, Mapping}


def _spelt(choice: Any) -> str:
    return choice if isinstance(choice, str) else json.dumps(choice)
