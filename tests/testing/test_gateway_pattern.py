"""Texts made for regular expressions, which schemas ask for."""

import re

import pytest

from meshapi_aio.testing._pattern import matching


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{4}-\d{2}-\d{2}$",
        r"^[A-Z]{3}$",
        "^[a-z][a-z0-9_]*$",
        r"^\+?[1-9]\d{1,14}$",
        r"^(red|green|blue)$",
        r"^(?:ab)+?c{2,}d{1,3}e?$",
        r"^(?P<year>\d+)/(?P<month>\d+)$",
        r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$",
        r"^#[0-9a-fA-F]{6}$",
        r"\bword\b",
        r"^\W\D\S\s\w\.$",
        r"^[\]\-x]\\$",
        r"^\u0041\x42\n\t$",
        "^[é]$",
        "^a.c$",
        "a||b",
        "",
    ],
)
@pytest.mark.parametrize("least", [0, 12])
def test_a_pattern_is_met(pattern: str, least: int) -> None:
    """The text is the same every time, and, where the pattern lets it, as long as it shall be."""
    text = matching(pattern, least=least)
    if text is None:
        assert least
        assert not re.search(pattern, "x" * least)
    else:
        assert re.search(pattern, text)
        assert len(text) >= least


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "a{", "a{b}", "\\", r"\p{L}", "(?!x)(?=y)", "^[^ -~]$", r"(a)\1b"]
)
def test_a_pattern_that_is_not_known(pattern: str) -> None:
    """Broken ones, and those of other engines, are told from those that were met."""
    assert matching(pattern) is None
