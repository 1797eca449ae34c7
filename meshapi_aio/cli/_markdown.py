"""
Markdown as it is shown on a terminal: rich's, but nothing of the text is lost, and code can be copied.

Performs no I/O.
"""

from collections.abc import Sequence
from typing import ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, HorizontalRule, Markdown, MarkdownElement, TableElement
from rich.rule import Rule
from rich.segment import Segment
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text


__all__ = ["rendered", "split"]


def split(text: str) -> tuple[str, str]:
    """
    Split a text that may go on into the blocks that nothing can change any more, and the rest.

    Where blocks begin is decided line by line (CommonMark 0.31, appendix A, phase 1), so all blocks but the
    last are final, if only whole lines are looked at: after "- a" and a line break, "*" would begin a second
    list, and "*b*" goes on with the first.
    """
    whole_lines = text[: text.rfind("\n") + 1]
    starts = [token.map[0] for token in _parser().parse(whole_lines) if token.level == 0 and token.map]
    lines = text.split("\n")
    cut = starts[-1] if len(starts) > 1 else 0
    return "\n".join(lines[:cut]), "\n".join(lines[cut:])


def rendered(text: str, console: Console) -> list[list[Segment]]:
    """Return the lines that some Markdown is shown as; where rich cannot render it, the text as it came."""
    try:
        lines = console.render_lines(_Markdown(text), pad=False)
    except Exception:  # noqa: BLE001 (an answer is shown, whatever it makes of the renderer)
        lines = console.render_lines(Text(text), pad=False)
    trimmed = [_trimmed(line) for line in lines]
    while (
        trimmed and not trimmed[0]
    ):  # rich puts an empty line before a list or a table, even the first block
        del trimmed[0]
    return trimmed


def _trimmed(line: list[Segment]) -> list[Segment]:
    """Return a line without the blanks at its end, which would be copied with it."""
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Segment(kept[-1].text.rstrip(), kept[-1].style)
    return kept


class _Heading(Heading):
    """A heading: bold, at the left, whatever its level and the version of rich."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text.copy()
        text.stylize("bold")
        yield text


class _Code(CodeBlock):
    """Code between its fences, without the margin and the background that would be copied with it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        language = "" if self.lexer_name == "text" else self.lexer_name
        yield Text(f"```{language}", style="dim")
        code = str(self.text).rstrip()
        yield Syntax(code, self.lexer_name, theme="ansi_dark", background_color="default", word_wrap=True)
        yield Text("```", style="dim")


class _Rule(HorizontalRule):
    """A line across, and the same empty lines around it as around any block."""

    new_line = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Rule(style="dim")


class _Table(TableElement):
    """A table without the empty lines around it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                table.box, table.show_edge = SIMPLE_HEAD, False
            yield table


class _Markdown(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
        "hr": _Rule,
        "table_open": _Table,
    }

    def __init__(self, text: str) -> None:
        # No hyperlinks: where a link goes is read, not guessed.
        super().__init__("", hyperlinks=False)
        self.markup = text
        self.parsed = _parser().parse(text)
        for token in self.parsed:
            token.children = _kept(token.children) if token.children else token.children


def _parser() -> MarkdownIt:
    # What looks like HTML is text: rich leaves it out.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _kept(tokens: Sequence[Token]) -> list[Token]:
    """Return inline tokens such that rich keeps line ends, the addresses of images, and links as they are."""
    kept = []
    for token in tokens:
        if token.type == "softbreak":
            token.type = "hardbreak"  # models write verses, addresses and the like line by line
        elif token.type == "image":
            token = Token("text", "", 0, content=f"![{token.content}]({token.attrs.get('src', '')})")  # noqa: PLW2901
        if token.info != "auto":  # the address between angle brackets is its own text
            kept.append(token)
    return kept
