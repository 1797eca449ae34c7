"""Markdown as it is shown: where a text may be cut into blocks, and that none of it is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from meshapi_aio.cli._markdown import rendered, split


# What begins, goes on with and ends blocks, in any order.
PIECES = (
    *(
        "a",
        "b c",
        " ",
        "  ",
        "    ",
        "\t",
        "\n",
        "\n\n",
        "- ",
        "* ",
        "1. ",
        "2) ",
        "> ",
        "# ",
        "---\n",
        "===\n",
    ),
    *("```", "~~~", "```py\n", "| a | b |\n", "|---|---|\n", "| 1 |", "***", "**", "_", "\\", "`", ": "),
    *("[x]: /y", "[x]", "<b>", "<!--", "&amp;", "\N{LINE SEPARATOR}"),
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def shown(text: str, *, width: int = 40) -> str:
    """Return what is to be read on a terminal of this width."""
    lines = rendered(text, Console(width=width, force_terminal=True, color_system=None))
    return "\n".join("".join(segment.text for segment in line) for line in lines)


def block_starts(text: str) -> set[int]:
    """Return the lines in which a block of the whole text begins, and the one after its last line."""
    tokens = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).parse(text)
    return {token.map[0] for token in tokens if token.level == 0 and token.map} | {0}


@given(TEXTS, TEXTS)
def test_what_follows_changes_no_block_that_is_complete(begin: str, more: str) -> None:
    """Nothing is lost, and the cut is where a block of the whole text begins, however that goes on."""
    complete, rest = split(begin)
    cut = f"{complete}\n" if complete else ""
    assert cut + rest == begin
    assert cut.count("\n") in block_starts(begin + more)


@given(TEXTS, st.integers(1, 30))
def test_any_text_is_shown_at_any_width(text: str, width: int) -> None:
    """Rendering raises nothing, and no line has blanks at its end."""
    assert all(line == line.rstrip() for line in shown(text, width=width).split("\n"))


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("one", ""),
        ("one\n\ntwo", ""),
        ("one\n\ntwo\n", "one\n"),
        ("one\n\ntwo\n\nthree\n\nfo", "one\n\ntwo\n"),
        ("- a\n*", ""),
        ("```\na\n\nb\n", ""),
        ("```\na\n\nb\n```\nc\n", "```\na\n\nb\n```"),
        ("a\n\n| b | c |\n| - | - |\n| 1 | 2 |\n", "a\n"),
    ],
)
def test_only_whole_lines_tell_blocks(text: str, complete: str) -> None:
    """The last block, and a line that may go on, are not complete."""
    assert split(text)[0] == complete


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("# Head\n\none\ntwo  \nthree", "Head\n\none\ntwo\nthree"),
        ("a <b>c</b>\n\n<div>\nd\n</div>", "a <b>c</b>\n\n<div>\nd\n</div>"),
        ("</kbd> &lt; &#27;[2J", "</kbd> < \N{REPLACEMENT CHARACTER}[2J"),
        ("![cat](http://x/y.png)", "![cat](http://x/y.png)"),
        ("[a **b**](http://x) <http://y>", "a b (http://x) http://y"),
        ("- a\n- b\n  1. c", " • a\n • b\n    1 c"),
        ("```python\nx =  1\n\n\ny\n```", "```python\nx =  1\n\n\ny\n```"),
        ("    indented", "```\nindented\n```"),
        ("a\n\n***\n\nb", f"a\n\n{'─' * 40}\n\nb"),
        ("| a | b |\n|---|--:|\n| 1 | 2 |", "a  b\n────\n1  2"),
        ("> a\n> b", "▌ a\n▌ b"),
        ("", ""),
    ],
)
def test_it_reads_as_it_was_written(text: str, seen: str) -> None:
    """Line ends, what looks like HTML, addresses and code stay; marks that only style do not."""
    assert shown(text) == seen


def test_what_cannot_be_rendered_is_shown_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is never lost to the renderer, whatever it raises."""
    monkeypatch.setattr("rich.markdown.Markdown.__rich_console__", lambda *_: 1 / 0)
    assert shown("**a**\n\nb") == "**a**\n\nb"
