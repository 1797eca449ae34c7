"""An answer rendered while it comes: what stands on the screen, however long or wide either is."""

import asyncio
import os
import pty
import signal
import sys
from collections.abc import Sequence

import pytest

from meshapi_aio.testing import HANG, Answer, FakeGateway, WaitFor
from meshapi_aio.testing._script import Event

from .running import end, environment, last, piece, start
from .terminal import Terminal


ASK = ("chat", "--quiet", "Hi")


def words(count: int, *, begin: int = 0) -> list[str]:
    """Return as many words that are all different."""
    return [f"word{number}" for number in range(begin, begin + count)]


def slices(text: str, size: int = 7) -> list[Event]:
    """Return the events of an answer that comes in pieces of this size, and is whole."""
    return [*(piece(text[at : at + size]) for at in range(0, len(text), size)), last()]


async def test_markdown_is_rendered(gateway: FakeGateway) -> None:
    """Marks become bold, bullets, tables and colours; what is printed at the end stands there once."""
    text = "# Head\n\nThis is **bold**.\n\n- one\n- two\n\n```python\nx = 1\n```\n\n"
    text += "| a | b |\n|---|---|\n| 1 | 2 |\n"
    gateway.enqueue(Answer(events=slices(text)))
    async with Terminal(*ASK, env=environment(gateway)) as terminal:
        assert await terminal.ends() == 0
        await terminal.until(lambda: not terminal.hides_cursor)
        assert terminal.scrolled == (
            "Head\n\nThis is bold.\n\n • one\n • two\n\n```python\nx = 1\n```\n\na  b\n────\n1  2"
        )
        assert b"\x1b[1mbold\x1b[0m" in terminal.raw
        assert terminal.echoes


async def test_it_is_rendered_while_it_comes(gateway: FakeGateway) -> None:
    """A piece is on the screen before the next is sent (promise 7), and is drawn anew as what it becomes."""
    more, end_of_it = asyncio.Event(), asyncio.Event()
    events: list[Event] = [
        piece("- o"),
        WaitFor(more),
        piece("ne\n- **tw"),
        WaitFor(end_of_it),
        piece("o**"),
        last(),
    ]
    gateway.enqueue(Answer(events=events))
    async with Terminal(*ASK, env=environment(gateway)) as terminal:
        await terminal.until(lambda: terminal.screen == " • o")
        assert terminal.hides_cursor
        assert not terminal.echoes
        more.set()
        await terminal.until(lambda: terminal.screen == " • one\n • **tw")
        end_of_it.set()
        assert await terminal.ends() == 0
        await terminal.until(lambda: terminal.screen == " • one\n • two" and not terminal.hides_cursor)


@pytest.mark.parametrize("between", ["\n", "\n\n"], ids=["one block", "many blocks"])
async def test_an_answer_taller_than_the_screen_is_whole(gateway: FakeGateway, between: str) -> None:
    """
    Nothing is lost to the upper edge, and nothing stands there twice.

    A list is one block that grows beyond the screen; paragraphs are many that scroll away one by one.
    """
    lines = [f"- item {number}" if between == "\n" else f"text {number}" for number in range(70)]
    text = between.join(lines)
    more = asyncio.Event()
    begin, rest = slices(text[: len(text) // 2]), slices(text[len(text) // 2 :])
    gateway.enqueue(Answer(events=[*begin[:-1], WaitFor(more), *rest]))
    async with Terminal(*ASK, env=environment(gateway), lines=12) as terminal:
        await terminal.until(lambda: len(terminal.screen.splitlines()) >= 10)
        more.set()
        assert await terminal.ends() == 0
        await terminal.until(lambda: not terminal.hides_cursor)
        seen = [line for line in terminal.scrolled.splitlines() if line]
        assert seen == [line.replace("- ", " • ") for line in lines]


@pytest.mark.parametrize(("columns", "lines"), [(24, 24), (110, 24), (60, 6), (1, 1)])
async def test_the_window_may_change_its_size(gateway: FakeGateway, columns: int, lines: int) -> None:
    """After it nothing is missing, and what comes is as wide as the window is now."""
    first, second, third = words(40), words(30, begin=100), words(30, begin=200)
    resized, more = asyncio.Event(), asyncio.Event()
    events: list[Event] = [
        *(piece(f"{' '.join(first)}\n\n{' '.join(second)}"), WaitFor(resized)),
        *(piece(f" then\n\n{' '.join(third)}"), WaitFor(more), piece("\n\nend"), last()),
    ]
    gateway.enqueue(Answer(events=events))
    async with Terminal(*ASK, env=environment(gateway), columns=60) as terminal:
        await terminal.shows("word129")
        terminal.resize(columns, lines)
        resized.set()
        if columns > 7:
            await terminal.until(lambda: third[-1] in terminal.screen)
        more.set()
        assert await terminal.ends() == 0
        await terminal.until(lambda: not terminal.hides_cursor)
        if columns > 7:
            printed = terminal.scrolled.split()
            assert [word for word in printed if word in third or word == "end"] == [*third, "end"]
            # Cut by the window itself, as those of the first block are where it has become narrow.
            assert set(second) <= set(printed)
            widest = max(len(line) for line in terminal.screen.splitlines())
            assert columns - len("word000 ") < widest <= columns


async def test_control_c_leaves_the_terminal_as_it_was(gateway: FakeGateway) -> None:
    """What came is on the screen, the cursor is seen, keys show again; status 130."""
    gateway.enqueue(Answer(events=[piece("It **beg"), HANG]))
    async with Terminal(*ASK, env=environment(gateway)) as terminal:
        await terminal.shows("It **beg")
        assert terminal.hides_cursor
        assert not terminal.echoes
        await terminal.interrupt()
        assert await terminal.ends() == 130
        await gateway.disconnected(gateway.requests[0], timeout=60)
        await terminal.until(lambda: not terminal.hides_cursor)
        assert terminal.echoes
        assert terminal.screen == "It **beg"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
async def test_a_signal_leaves_the_terminal_as_it_was(gateway: FakeGateway, number: signal.Signals) -> None:
    """It ends the program, as it ends any other; the cursor is seen, and keys show again."""
    gateway.enqueue(Answer(events=[piece("It **beg"), HANG]))
    async with Terminal(*ASK, env=environment(gateway)) as terminal:
        await terminal.shows("It **beg")
        assert terminal.hides_cursor
        terminal.signal(number)
        assert await terminal.ends() == -number
        await terminal.until(lambda: not terminal.hides_cursor)
        assert terminal.echoes


async def test_a_stop_shows_the_cursor_for_its_time(gateway: FakeGateway) -> None:
    """
    Ctrl-Z gives the terminal back; a program that is continued hides the cursor again, and goes on.

    Here there is no shell that could continue it, wherefore the system does not stop it at all.
    """
    more = asyncio.Event()
    gateway.enqueue(Answer(events=[piece("It **beg"), WaitFor(more), piece("ins**"), last()]))
    async with Terminal(*ASK, env=environment(gateway)) as terminal:
        await terminal.shows("It **beg")
        before = len(terminal.raw)
        terminal.press("\x1a")
        await terminal.until(lambda: b"\x1b[?25h\x1b[?25l" in terminal.raw[before:])
        assert not terminal.echoes
        more.set()
        assert await terminal.ends() == 0
        await terminal.until(lambda: terminal.screen.endswith("It begins") and not terminal.hides_cursor)


async def test_what_is_ignored_stays_ignored(gateway: FakeGateway) -> None:
    """A program that was started to outlive its terminal (``nohup``) does."""
    more = asyncio.Event()
    gateway.enqueue(Answer(events=[piece("It **beg"), WaitFor(more), piece("ins**"), last()]))
    program = ("/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh", sys.executable, "-m", "meshapi_aio")
    async with Terminal(*ASK, env=environment(gateway), program=program) as terminal:
        await terminal.shows("It **beg")
        terminal.signal(signal.SIGHUP)
        more.set()
        assert await terminal.ends() == 0
        await terminal.until(lambda: terminal.screen.endswith("It begins"))


async def test_what_a_model_says_does_not_drive_the_terminal(gateway: FakeGateway) -> None:
    """Neither title nor colours nor the clipboard are the model's."""
    gateway.enqueue(Answer(events=[piece("a\x1b]0;title\x07b \x1b[31mred\x9b2J"), last()]))
    async with Terminal(*ASK, env=environment(gateway)) as terminal:
        assert await terminal.ends() == 0
        await terminal.shows("a�]0;title�b �[31mred�2J")


@pytest.mark.parametrize(
    ("arguments", "variables"), [(("--plain",), {}), ((), {"TERM": "dumb"})], ids=["plain", "dumb"]
)
async def test_the_text_can_be_had_as_it_came(
    gateway: FakeGateway, arguments: Sequence[str], variables: dict[str, str]
) -> None:
    """``--plain``, or a terminal that can't redraw: the marks stay, and no sequence is written."""
    gateway.enqueue(Answer(events=[piece("**bold**\n"), last()]))
    async with Terminal(*ASK, *arguments, env=environment(gateway, **variables)) as terminal:
        assert await terminal.ends() == 0
        await terminal.shows("**bold**")
        assert b"\x1b" not in terminal.raw


async def test_a_terminal_that_is_not_its_own_is_left_alone(gateway: FakeGateway) -> None:
    """Where standard input is no terminal, or that of another, the answer is rendered all the same."""
    gateway.enqueue(Answer(events=[piece("**bold**"), last()]), Answer(events=[piece("**bold**"), last()]))
    for stdin_is_terminal in (False, True):
        outside, inside = pty.openpty()
        try:
            given = {"stdin": inside} if stdin_is_terminal else {}
            env = environment(gateway, TERM="xterm-256color")
            process = await start(*ASK, env=env, stdout=inside, **given)
            assert (await end(process)).status == 0
            assert b"\x1b[1mbold\x1b[0m" in os.read(outside, 1000)
        finally:
            os.close(outside)
            os.close(inside)
