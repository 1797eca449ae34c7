"""Values for calls, made of nothing but their annotations: one for each kind of value that a field takes."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from meshapi_aio._upload import Upload
from meshapi_aio.call import Call, StreamCall


CallClass = type[Call[Any]] | type[StreamCall[Any]]

# Long enough, short enough and in range for whatever a field checks; what the others can't be comes last.
_TEXTS = (
    "Größe: 5 × 3?",
    "2026-01-31T12:00:00Z",
    "https://example.com/a?b=c",
    "data:image/png;base64,iVBORw0KGgo=",
)
_OBJECTS: Sequence[Mapping[str, Any]] = (
    {"role": "user", "content": "Hi", "more": [1, None]},
    {"custom_id": "a", "body": {"messages": []}},
    {"type": "text", "text": "Hi"},
    {"a": "b"},
    {},
)


def base(kind: CallClass) -> Any:
    """Return a call with as little as it takes."""
    fields = attrs.fields(kind)  # type: ignore[arg-type] # the decorators make attrs classes of calls
    required = [field for field in fields if field.default is attrs.NOTHING]
    others = [field for field in fields if field.default is not attrs.NOTHING]
    for more in [(), *((field,) for field in others), *itertools.combinations(others, 2)]:
        call = _first(kind, {}, [*required, *more])
        if call is not None:
            return call
    msg = f"no values were found that {kind.__name__} takes"
    raise AssertionError(msg)


def full(kind: CallClass) -> Any:
    """Return a call with every field that goes together with those before it."""
    call = base(kind)
    for field in attrs.fields(kind):  # type: ignore[arg-type] # as above
        if field.name not in {"stream", "extra_body"} and getattr(call, field.name) in (None, field.default):
            call = _first(kind, _given(call), [field]) or call
    return call


def each(kind: CallClass) -> Iterator[Any]:
    """Yield calls, each with one field more than it takes, and that in each of its kinds."""
    least = _given(base(kind))
    fields = attrs.fields(kind)  # type: ignore[arg-type] # as above
    for field in fields:
        if field.name == "extra_body":  # takes the place of others
            continue
        for value in values(field.type):
            call = _made(kind, {**least, field.name: value})
            if call is not None:
                yield call


def values(annotation: Any) -> Iterator[Any]:
    """Yield values that an annotation allows."""
    if get_origin(annotation) in {Union, UnionType}:
        for member in get_args(annotation):
            yield from values(member)
    elif get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in {Sequence, list}:
        members = list(itertools.islice(values(get_args(annotation)[0]), 3))
        yield from ([member] for member in members)
        yield members
    elif get_origin(annotation) in {Mapping, dict}:
        yield from _OBJECTS
    elif annotation in _PLAIN:
        yield from _PLAIN[annotation]


_PLAIN: Mapping[Any, Sequence[Any]] = {
    str: _TEXTS,
    int: (2, 1, 100, 1_700_000_000),
    float: (0.5, 2, 1.5),
    bool: (True, False),
    NoneType: (),
    Upload: (Upload(b"\0\r\n--\xff", filename='a "b" ü.wav', content_type="audio/wav"),),
}


def _first(kind: CallClass, given: Mapping[str, Any], fields: "Sequence[attrs.Attribute[Any]]") -> Any:
    """Return the first call that takes values for these fields too, None where none does."""
    names = [field.name for field in fields]
    for chosen in itertools.product(*(values(field.type) for field in fields)):
        call = _made(kind, {**given, **dict(zip(names, chosen, strict=True))})
        if call is not None:
            return call
    return None


def _given(call: Any) -> dict[str, Any]:
    return {field.name: getattr(call, field.name) for field in attrs.fields(type(call))}


def _made(kind: CallClass, given: Mapping[str, Any]) -> Any:
    make: Any = kind
    try:
        return make(**given)
    except (TypeError, ValueError):
        return None
