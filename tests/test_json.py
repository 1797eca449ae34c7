"""JSON text in and out, the same with orjson and without."""

import json
import math
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio import _json
from meshapi_aio._json import _encode, _encoder, _make_encode, dumps, loads
from meshapi_aio.endpoints._messages import TextPart
from tests.strategies import JSON


@pytest.fixture(params=["json", "orjson"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read with each of them."""
    monkeypatch.setattr(_json, "orjson", orjson if request.param == "orjson" else None)


def read(text: str | bytes, *, quickly: bool) -> str:
    """Return what is read, with and without orjson, or that it is none; by its repr, since NaN is unequal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json, "orjson", orjson if quickly else None)
        try:
            return repr(loads(text))
        except ValueError:
            return "no JSON"


ODD = [
    "-0", "-0.0", "1e999", "-1e999", "0.1e-400", "5e-324", "1e22", "0e10", "9007199254740993",
    "[NaN, Infinity]", "18446744073709551615", "18446744073709551616", "-9223372036854775809",
    "9" * 400, "0." + "3" * 40, '"\\ud83d"', '"\\ud83d\\ude00"', '"\\u0000"', '"\x7f\u2028"',
    '"a\nb"', '{"a": 1, "a": 2}', " {} ", "\ufeff{}", "[1,]", "01", "+1", ".5", "1.",
    '{"a": "12345678901234567890"}', "[" * 2000 + "]" * 2000,
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_orjson_reads_the_same(text: str, as_bytes: bool) -> None:
    """To the type of each number; or refuses the same."""
    came = text.encode() if as_bytes else text
    assert read(came, quickly=True) == read(came, quickly=False)


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(
    text=st.one_of(
        NUMBERS, st.lists(NUMBERS).map(lambda all_of: f"[{','.join(all_of)}]"), st.text(), JSON.map(repr)
    )
)
def test_orjson_reads_anything_the_same(text: str) -> None:
    """Numbers of any size and form above all; text that is no JSON too."""
    assert read(text, quickly=True) == read(text, quickly=False)


@given(data=st.binary())
def test_orjson_reads_any_bytes_the_same(data: bytes) -> None:
    """Bytes that are no UTF-8 included."""
    assert read(data, quickly=True) == read(data, quickly=False)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    "text",
    ["", " ", "{", "{}{}", "'a'", "undefined", b"\xff", b'"\xc3"', "{'a': 1}", '{"a": 1,}', "9" * 5000],
)
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    """Never anything else, bytes that are no UTF-8 and numbers without end included."""
    with pytest.raises(ValueError):  # noqa: PT011 - the messages are those of the standard library
        loads(text)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_json_nested_too_deeply_is_a_value_error(text: str | bytes) -> None:
    """No ``RecursionError``: the peer decides how deep it nests."""
    with pytest.raises(ValueError, match=r"^the JSON is nested too deeply$"):
        loads(text)


@pytest.mark.usefixtures("reader")
def test_what_servers_send_for_json() -> None:
    """NaN and infinities are taken, halves of characters too; text may come as bytes."""
    assert loads('{"logprob": -Infinity}') == {"logprob": -math.inf}
    assert math.isnan(loads("NaN"))
    assert loads(rb'"\ud83d"') == "\ud83d"
    assert loads('"é"'.encode()) == "é"


@given(value=JSON)
def test_json_comes_back_as_it_was_written(value: Any) -> None:
    """To the letter, None included."""
    assert loads(dumps(value)) == value


@given(value=JSON)
def test_json_is_written_as_the_standard_library_writes_it(value: Any) -> None:
    """To the byte, by the core of its encoder where that is known, as it is of CPython."""
    assert dumps(value) == _encoder.encode(value).encode()
    assert _encode != _encoder.encode or sys.implementation.name != "cpython"
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(json.encoder, "c_make_encoder")
        assert _make_encode() == _encoder.encode


def test_json_is_written_compactly_and_readably() -> None:
    """No spaces, and characters beyond ASCII as they are."""
    assert dumps({"a": [1, None, "é😀"], "b": True}) == '{"a":[1,null,"é😀"],"b":true}'.encode()
    assert dumps((1, 2)) == b"[1,2]"
    assert dumps({1: "a", None: "b", 0.5: "c"}) == b'{"1":"a","null":"b","0.5":"c"}'


def test_half_a_character_survives_as_an_escape() -> None:
    """UTF-8 has no bytes for it; with it all other characters are escaped, which means the same."""
    text = dumps({"a": "\ud83d", "b": "é"})
    assert text == rb'{"a":"\ud83d","b":"\u00e9"}'
    assert loads(text) == {"a": "\ud83d", "b": "é"}


def endless() -> dict[str, Any]:
    """Make a dict that contains itself."""
    value: dict[str, Any] = {"a": [1]}
    value["a"].append(value)
    return value


def deep(inside: object, levels: int) -> object:
    """Put a value into that many lists."""
    for _ in range(levels):
        inside = [inside]
    return inside


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (math.nan, "nan (float) @ $"),
        ({"a": [1, {"b": math.inf}]}, "inf (float) @ $.a[1].b"),
        ({"a": (1, -math.inf)}, "-inf (float) @ $.a[1]"),
        ({"a": {1, 2}}, "{1, 2} (set) @ $.a"),
        ({"a": b"bytes"}, "b'bytes' (bytes) @ $.a"),
        ([TextPart(text="x" * 500)], "TextPart(type='text', text='xxx"),
        ({"a": {(1, 2): 3}}, "the key (1, 2) (tuple) @ $.a"),
        ({"a": "fine", "b": {b"k": 1, "n": math.nan}}, "the key b'k' (bytes) @ $.b"),
        (endless(), "a container inside itself @ $.a[1]"),
        ({"a": 10**5000}, "Exceeds the limit"),
        (deep(1, 100_000), "lists and dicts nested too deeply"),
    ],
)
def test_what_json_cannot_hold_is_named_with_its_place(value: Any, told: str) -> None:
    """A ``TypeError`` before anything is sent; it shows the value in brief."""
    with pytest.raises(TypeError) as caught:
        dumps(value)
    message = str(caught.value)
    assert message.startswith(f"the request holds what JSON can't: {told}")
    assert len(message) < 200
    assert caught.value.__suppress_context__


def test_the_same_value_twice_is_no_cycle() -> None:
    """Only a container inside itself has no end."""
    twice = {"n": 1}
    assert dumps([twice, {"a": twice}]) == b'[{"n":1},{"a":{"n":1}}]'
    with pytest.raises(TypeError, match=r"nan \(float\) @ \$\[2\]$"):
        dumps([twice, twice, math.nan])


@pytest.mark.parametrize("levels", [100, 700])
def test_a_place_is_found_at_any_depth(levels: int) -> None:
    """As deep as the encoder itself can go, though Python's own recursion could not."""
    with pytest.raises(TypeError, match=r"nan \(float\) @ \$(\[0\])+$"):
        dumps(deep(math.nan, levels))
