"""
The models that ``serve`` is to have, read from a file.

What cannot be served is told with the file and the model that it stands in, before anything is served.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from meshapi_aio.testing import FakeGateway

from ._failures import MisuseError


__all__ = ["models_from"]

_SHOWN = 40  # characters of a value in a complaint
_TEXT, _FLAG, _LENGTH, _TEXTS, _OBJECT = (
    "a text",
    "true or false",
    "a whole number",
    "a list of texts",
    "an object",
)
_IS: Mapping[str, Callable[[Any], bool]] = {
    _TEXT: lambda value: isinstance(value, str),
    _FLAG: lambda value: isinstance(value, bool),
    _LENGTH: lambda value: isinstance(value, int) and not isinstance(value, bool),
    _TEXTS: lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    _OBJECT: lambda value: isinstance(value, dict),
}
_DEFAULTS = frozenset({"name", "is_free", "model_type"})
# What the gateway looks at, with every flag that begins with supports_; a null is an absent key.
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("id", "name", "brand", "provider", "description", "model_type"), _TEXT),
    **dict.fromkeys(("context_length", "context_window"), _LENGTH),
    **dict.fromkeys(("input_modalities", "output_modalities"), _TEXTS),
    "is_free": _FLAG,
    "pricing": _OBJECT,
}


def models_from(path: str) -> list[dict[str, Any]]:
    """Return the models in a file; it is a misuse of the command if they cannot be served."""
    try:
        models = json.loads(Path(path).read_bytes())
    except OSError as error:
        _refuse(path, str(error.strerror))
    except (ValueError, RecursionError) as error:
        _refuse(path, f"is no JSON: {error}")
    if not isinstance(models, list):
        _refuse(path, "must hold an array of models, as GET /v1/models gives it")
    if not models:
        _refuse(path, "holds no model, so that nothing could be asked")
    seen: dict[str, int] = {}
    for number, model in enumerate(models, 1):
        if (fault := _fault(model)) is not None:
            _refuse(path, f"model {number}: {fault}")
        if model["id"] in seen:
            _refuse(path, f"models {seen[model['id']]} and {number} have the same id, {model['id']!r}")
        seen[model["id"]] = number
    return [_with_defaults(model) for model in models]


def _with_defaults(model: dict[str, Any]) -> dict[str, Any]:
    """Return a model without the nulls in whose place the gateway has something to say."""
    return {key: value for key, value in model.items() if value is not None or key not in _DEFAULTS}


def _fault(model: object) -> str | None:
    """Return what is wrong with a model, None where nothing is."""
    if not isinstance(model, dict) or not model.get("id"):
        return f'must be an object with an "id", such as {{"id": "maker/model"}}, not {_shown(model)}'
    for name, value in model.items():
        kind = _FLAG if name.startswith("supports_") else _KINDS.get(name)
        if kind is not None and value is not None and not _IS[kind](value):
            return f"{name} must be {kind}, not {_shown(value)}"
    try:
        FakeGateway(catalogue=[model])
    except (TypeError, ValueError) as error:  # of a price that is none
        return str(error)
    return None


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _refuse(path: str, fault: str) -> NoReturn:
    msg = f"--catalogue {path}: {fault}"
    raise MisuseError(msg)
