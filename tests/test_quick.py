"""Shapes made in a straight line of code are those that the codec's hooks make, or none at all."""

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshapi_aio import ChatCompletion, ChatCompletionChunk, Message
from meshapi_aio._hooks import hook_for
from meshapi_aio._quick import Misfit, quick
from meshapi_aio._shape import Shape, shape
from tests.strategies import JSON
from tests.test_codec import Demanding, Outer, objects


@shape
class Checked(Shape):
    """A shape with what the straight line does not know."""

    text: str = attrs.field(default="a", converter=str.strip)


@shape
class Odd(Shape):
    """A shape in which null and absent are not one."""

    inner: Checked | None = None
    word: str | None = "w"
    count: int = 5
    numbers: list[int] = attrs.field(factory=lambda: [1])


KINDS = [Outer, Demanding, Message, ChatCompletion, ChatCompletionChunk, Odd]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to all values in some JSON but the root."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [place for key, item in members for place in [(*path, key), *places(item, (*path, key))]]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return some JSON with another value at a path."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=settings().max_examples // 2)
@given(data=st.data())
def test_it_makes_what_the_hooks_make(kind: Any, data: st.DataObject) -> None:
    """Of JSON that fits, and of JSON in which any value is another, null included; and leaves it as it is."""
    value: Any = data.draw(objects(kind))
    paths = places(value)
    another: bool = data.draw(st.booleans())
    if paths and another:
        value = replaced(value, data.draw(st.sampled_from(paths)), data.draw(JSON))
    before = repr(value)
    make = quick(kind, hook_for)
    for _ in range(3):  # the third time in the layout that was learnt the second time
        try:
            made: Any = make(value)
        except Exception:  # noqa: BLE001 - it may refuse, and the codec asks the hooks then
            made = None
        assert repr(value) == before
        if made is not None:
            expected = hook_for(kind)(value, kind)
            assert made == expected
            assert repr(made) == repr(expected)
            assert made.extra is not value


def test_a_layout_that_was_learnt_is_for_none_but_its_own() -> None:
    """Another order, another key, another type, null: each is made, or refused, as if nothing was learnt."""
    make = quick(Odd, hook_for)
    for _ in range(3):
        assert make({"word": "x", "count": 1, "more": [1]}) == Odd(word="x", count=1, extra={"more": [1]})
    assert make({"count": 2, "word": "y", "more": 3}) == Odd(word="y", count=2, extra={"more": 3})
    assert make({"word": "y", "count": 2, "else": [4]}) == Odd(word="y", count=2, extra={"else": [4]})
    assert make({"word": "y", "count": 2.0, "more": []}) == Odd(word="y", count=2, extra={"more": []})
    assert make({"word": "y", "count": None, "more": []}) == Odd(word="y", count=5, extra={"more": []})
    with pytest.raises(ValueError, match="a whole number"):
        make({"word": "y", "count": "2", "more": []})


def learnt(make: Any) -> list[tuple[str, ...]]:
    """Return the keys of the layouts that a function has learnt."""
    (find,) = (
        cell.cell_contents
        for cell in make.__closure__
        if isinstance(getattr(cell.cell_contents, "__self__", None), dict)
    )
    return list(find.__self__)


def test_what_is_learnt_has_an_end() -> None:
    """Of many layouts the first ones are remembered, of objects with very many keys none is."""
    make = quick(Odd, hook_for)
    for count in (1000, 1000, *(count for count in range(40) for _ in range(2))):
        extra = {f"k{n}": n for n in range(count)}
        assert make({"word": "x", **extra}) == Odd(word="x", extra=extra)
    assert [len(keys) for keys in learnt(make)] == list(range(1, 17))


def test_what_is_never_alike_does_not_keep_others_from_being_learnt() -> None:
    """Random keys are not remembered; what comes again and again is learnt after any number of them."""
    make = quick(Odd, hook_for)
    for number in range(3000):
        assert make({"word": "x", f"k{number}": number}) == Odd(word="x", extra={f"k{number}": number})
        if number % 500 == 499:
            with pytest.raises(Misfit):
                make([])
    assert not learnt(make)
    for _ in range(5000):
        assert make({"word": "x", "count": 8}) == Odd(word="x", count=8)
    assert learnt(make) == [("word", "count")]


def test_it_refuses_what_it_is_not_sure_of() -> None:
    """Null where it does not mean the same as nothing is for the hooks to judge."""
    make = quick(Odd, hook_for)
    assert make({"word": "x", "inner": {"text": " b "}}) == Odd(word="x", inner=Checked(text="b"))
    cases: list[Any] = [{}, {"word": None}, {"word": "x", "count": "5"}, [], None, "x"]
    for refused in cases:
        with pytest.raises((Misfit, ValueError, TypeError, AttributeError)):
            make(refused)


def test_defaults_are_made_anew() -> None:
    """Two shapes share no list and no dict."""
    make = quick(Odd, hook_for)
    first, second = make({"word": "x"}), make({"word": "x"})
    first.numbers.append(2)
    first.extra["a"] = 1
    assert (second.numbers, second.extra) == ([1], {})
