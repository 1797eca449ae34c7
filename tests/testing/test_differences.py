"""In what two JSON values differ, in the words that a failed test shows."""

from typing import Any

import pytest

from meshapi_aio.testing._differences import differences


X = "x" * 30


@pytest.mark.parametrize(
    ("wanted", "received", "told"),
    [
        ({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        (True, 1, ["the body: recorded true, received 1"]),
        ({"a": None}, {}, ["a: recorded null, not received"]),
        ({}, {"a": ""}, ['a: not recorded, received ""']),
        ({"a": [1, 2]}, {"a": [1]}, ["a.1: recorded 2, not received"]),
        ({"a": {}}, {"a": []}, ["a: recorded {}, received []"]),
        (
            {"a": [{"b": "Hi"}, 1]},
            {"a": [{"b": "Ho"}, "1"]},
            ['a.0.b: recorded "Hi", received "Ho"', 'a.1: recorded 1, received "1"'],
        ),
        ("x" * 200 + "one", "x" * 200 + "two", [f'the body: recorded …"{X}one", received …"{X}two"']),
        ("y" * 200, "", [f'the body: recorded "{"y" * 119}…, received ""']),
    ],
)
def test_differences(wanted: Any, received: Any, told: list[str]) -> None:
    """A line for each place, none for what means the same; of long texts what is around where they part."""
    assert list(differences(wanted, received, lambda _: False)) == told


def test_what_is_not_looked_at() -> None:
    """Neither an ignored place nor what is below it; the verb is the caller's."""
    wanted, received = {"a": {"b": 1}, "c": 2}, {"a": {"b": 3, "d": 4}, "c": 5}
    told = differences(wanted, received, lambda path: path == "a", verb="expected")
    assert list(told) == ["c: expected 2, received 5"]
    told = differences({"page": "1"}, {"page": "2"}, lambda path: path == "?size", "?")
    assert list(told) == ['?page: recorded "1", received "2"']
