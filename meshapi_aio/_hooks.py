"""
Decoded JSON in, shapes out, with care: the one cattrs converter and its hooks. Performs no I/O.

What comes this way is what is unusual, or wrong: the codec imports this room when it is needed.

What it adds to cattrs' defaults, each closing a trap that was measured:

* primitives are taken as they are or refused, since cattrs turns None into ``'None'`` and 5 into ``'5'``;
* a list must be a list, since cattrs takes ``{}`` for an empty one;
* unknown keys are kept in ``extra``, at every level;
* null for a field that can't be None reads as if the key were absent (a required object or list: as empty),
  since gateways send null for nothing;
* unions of JSON kinds (``str | list[Part] | None``) go by the kind of the value, content parts by ``type``
  with a class for unknown ones;
* failures name their path.
"""

from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs
from cattrs import BaseConverter, ClassValidationError, Converter, IterableValidationError, transform_error
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn, override

from ._shape import Shape, wire_fields
from .endpoints._messages import ContentPart, Parts, UnknownPart


__all__ = ["hook_for", "unfit"]

Hook = Callable[[Any, Any], Any]

_KINDS: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    NoneType: "null",
}


def _mismatch(value: object, *wanted: type) -> ValueError:
    """Return the error for a JSON value that is of another kind than its field."""
    got = _KINDS[float if type(value) is int else type(value)]
    return ValueError(f"expected {' or '.join(_KINDS[kind] for kind in wanted)}, got {got}")


def _text(value: Any, _: Any) -> str:
    if type(value) is str:
        return value
    raise _mismatch(value, str)


def _integer(value: Any, _: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():  # some gateways write time stamps as 1.7e9
        return int(value)
    raise _mismatch(value, int)


def _floating(value: Any, _: Any) -> float:
    if type(value) is float or type(value) is int:
        return value
    raise _mismatch(value, float)


def _boolean(value: Any, _: Any) -> bool:
    if type(value) is bool:
        return value
    raise _mismatch(value, bool)


def _list_hook(kind: Any, converter: BaseConverter) -> Hook:
    members = list_structure_factory(kind, converter)

    def structure_list(value: Any, _: Any) -> Any:
        if type(value) is not list:
            raise _mismatch(value, list)
        return members(value, kind)

    return structure_list


def _dict_hook(kind: Any, _converter: BaseConverter) -> Hook:
    if get_args(kind)[1] is not Any:
        msg = f"no hook for {kind}: open objects are dict[str, Any]"
        raise TypeError(msg)

    def structure_dict(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise _mismatch(value, dict)
        return value

    return structure_dict


def _union_hook(kind: Any, converter: BaseConverter) -> Hook:
    """Choose by the kind of the JSON value; a union has at most one member for each."""
    hooks: dict[type, tuple[Hook, Any]] = {NoneType: (_nothing, None)} if _takes_null(kind) else {}
    wanted: list[type] = []
    for member in get_args(kind):
        if member is NoneType:
            continue
        json_kind = dict if _is_shape(member) else get_origin(member) or member
        wanted.append(json_kind)
        # A whole number may be written as 5.0, any other number as 5.
        for each in (int, float) if json_kind in {int, float} else (json_kind,):
            hooks[each] = (converter.get_structure_hook(member), member)

    def structure_union(value: Any, _: Any) -> Any:
        chosen = hooks.get(type(value))
        if chosen is None:
            raise _mismatch(value, *wanted)
        return chosen[0](value, chosen[1])

    return structure_union


def _nothing(_value: Any, _: Any) -> None:
    return None


def _part(value: Any, _: Any) -> Any:
    if type(value) is not dict:
        raise _mismatch(value, dict)
    name = value.get("type")
    kind: Any = Parts.kinds.get(name, UnknownPart) if isinstance(name, str) else UnknownPart
    return _CONVERTER.structure(value, kind)


def _shape_hook(kind: Any, converter: BaseConverter) -> Hook:
    fields = wire_fields(kind)
    known = {field.name for field in fields}
    others: Any = {field.name: override(omit=True) for field in attrs.fields(kind) if field.name not in known}
    structure_known = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=False, **others)
    # What reads as absent when it is null, and what an empty value stands for then.
    never_null = {field.name: _empty(field) for field in fields if not _takes_null(field.type)}

    def structure_shape(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise _mismatch(value, dict)
        for name, empty in never_null.items():
            if value.get(name, value) is None:
                value = {key: item for key, item in value.items() if key != name}
                if empty is not None:
                    value[name] = empty()
        made = structure_known(value, kind)
        if not value.keys() <= known:
            made.extra = {key: item for key, item in value.items() if key not in known}
        return made

    return structure_shape


def _takes_null(kind: Any) -> bool:
    return kind is Any or (get_origin(kind) in {Union, UnionType} and NoneType in get_args(kind))


def _empty(field: "attrs.Attribute[Any]") -> Callable[[], Any] | None:
    kind: Any = field.type
    if field.default is not attrs.NOTHING:
        return None
    if _is_shape(kind) or _is_dict(kind):
        return dict
    return list if _is_list(kind) else None


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is list


def _is_dict(kind: Any) -> bool:
    return get_origin(kind) is dict


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in {Union, UnionType} and kind != ContentPart


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Shape)


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=True)
    for kind, hook in ((str, _text), (int, _integer), (float, _floating), (bool, _boolean)):
        converter.register_structure_hook(kind, hook)
    for fits, factory in (
        (_is_list, _list_hook),
        (_is_dict, _dict_hook),
        (_is_union, _union_hook),
        (_is_shape, _shape_hook),
    ):
        converter.register_structure_hook_factory(fits, factory)
    converter.register_structure_hook(ContentPart, _part)
    return converter


_CONVERTER = _make_converter()


def hook_for(kind: Any) -> Hook:
    """Return the function that makes a kind of value; :func:`unfit` explains what it raises."""
    hook: Hook = _CONVERTER.get_structure_hook(kind)
    return hook


def unfit(error: Exception) -> str:
    """Return why some JSON did not fit its shape, with the path of each place (the first three)."""
    if isinstance(error, (ClassValidationError, IterableValidationError)):
        reasons = transform_error(error, format_exception=_reason)
    else:
        reasons = [f"{_reason(error, None)} @ $"]
    shown = "; ".join(reasons[:3])
    return shown if len(reasons) <= 3 else f"{shown}; and {len(reasons) - 3} more"


def _reason(error: BaseException, _kind: Any) -> str:
    if isinstance(error, KeyError):
        return "required field missing"
    return str(error)
