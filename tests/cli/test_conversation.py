"""A conversation, as somebody has it at a terminal: keys are pressed and the screen is read."""

import asyncio
import json
import os
import pty
import sys
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio.cli import _reading
from meshapi_aio.testing import CUT, HANG, Answer, FakeGateway, WaitFor

from .running import end, environment, last, piece, start
from .terminal import CTRL_D, ENTER, Terminal


UP = "\x1b[A"
QUIET = ("chat", "--quiet")


def answer(text: str) -> Answer:
    """Return an answer that is this text."""
    return Answer(events=[piece(text), last()])


def asked(gateway: FakeGateway, number: int) -> list[tuple[str, Any]]:
    """Return role and content of each message of a request; the first request is number 1."""
    messages = gateway.requests[number - 1].json["messages"]
    return [(message["role"], message["content"]) for message in messages]


async def test_a_question_knows_those_before_it(gateway: FakeGateway) -> None:
    """Each question goes out with all that was said; the end of an answer tells what it took."""
    gateway.enqueue(answer("Paris."), answer("Rome."))
    async with Terminal("chat", env=environment(gateway)) as terminal:
        await terminal.shows("openai/gpt-4o-mini · /help tells the commands, Ctrl-D leaves")
        await terminal.prompts()
        terminal.press("Capital of France?" + ENTER)
        await terminal.shows("first token:")
        await terminal.prompts()
        terminal.press("And of Italy?" + ENTER)
        await terminal.shows("first token:", times=2)
        await terminal.prompts()
        assert "> Capital of France?\nParis.\n" in terminal.screen
        terminal.press("/quit" + ENTER)
        assert await terminal.ends() == 0
    assert asked(gateway, 2) == [
        ("user", "Capital of France?"),
        ("assistant", "Paris."),
        ("user", "And of Italy?"),
    ]


async def test_lines_are_recalled_and_edited(gateway: FakeGateway) -> None:
    """The arrow brings back what was written, to be edited and sent again; an empty line asks nothing."""
    gateway.enqueue(answer("one"), answer("two"))
    async with Terminal(*QUIET, env=environment(gateway)) as terminal:
        await terminal.prompts()
        terminal.press(ENTER)
        await terminal.prompts()
        terminal.press("First" + ENTER)
        await terminal.shows("one")
        await terminal.prompts()
        terminal.press(UP)
        await terminal.until(lambda: terminal.screen.endswith("> First"))
        terminal.press(" again" + ENTER)
        await terminal.shows("two")
        assert await terminal.leaves() == 0
    assert [asked(gateway, number)[-1][1] for number in (1, 2)] == ["First", "First again"]


async def test_a_paste_of_several_lines_is_one_message(gateway: FakeGateway) -> None:
    """It can be looked at before Enter sends it; blanks stay, and no line of it is a command."""
    gateway.enqueue(answer("seen"))
    async with Terminal(*QUIET, env=environment(gateway)) as terminal:
        await terminal.prompts()
        terminal.paste("/quit\n  def f():\n\n    pass")
        await terminal.shows("pass")
        assert not gateway.requests
        terminal.press(ENTER)
        await terminal.shows("seen")
        assert await terminal.leaves() == 0
    assert asked(gateway, 1) == [("user", "/quit\n  def f():\n\n    pass")]


async def test_a_paste_is_one_message_without_readline(gateway: FakeGateway, tmp_path: Path) -> None:
    """
    Where no line editor marks what is pasted, lines that come at once belong together.

    A Ctrl-D right behind them ends the message, and not the conversation.
    """
    (tmp_path / "readline.py").write_text("raise ImportError\n", encoding="utf-8")
    env = environment(gateway)
    env["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{env['PYTHONPATH']}"
    gateway.enqueue(answer("seen"), answer("seen"))
    async with Terminal(*QUIET, env=env) as terminal:
        await terminal.prompts()
        terminal.paste("one\ntwo\n")
        await terminal.shows("seen")
        await terminal.prompts()
        terminal.press("three" + ENTER + CTRL_D)
        await terminal.shows("seen", times=2)
        await terminal.prompts()
        await terminal.interrupt()
        await terminal.shows("Ctrl-C again leaves")
        await terminal.prompts()
        terminal.press("/model\r/quit\r")
        await terminal.shows("model: openai/gpt-4o-mini")
        assert await terminal.ends() == 0
    assert [asked(gateway, number)[-1] for number in (1, 2)] == [("user", "one\ntwo"), ("user", "three")]


async def test_the_commands(gateway: FakeGateway) -> None:
    """``/model`` and ``/system`` tell and set, ``/help`` tells all; of a misspelt one the nearest is told."""
    gateway.enqueue(answer("Aye."))
    async with Terminal(*QUIET, env=environment(gateway), lines=40) as terminal:
        await terminal.prompts()
        for line, told in [
            ("/model", "model: openai/gpt-4o-mini"),
            ("/model maker/name", "model: maker/name"),
            ("/system", "instructions: none"),
            ("/system Be a pirate.", "instructions: Be a pirate."),
            ("/save", "usage: /save FILE"),
            ("/modle x", "unknown command /modle: did you mean /model?"),
            ("/xyz", "unknown command /xyz: /help tells the commands"),
            ("/help", "/quit           leave; so does Ctrl-D"),
        ]:
            terminal.press(line + ENTER)
            await terminal.shows(told)
            await terminal.prompts()
        terminal.press(" /is this a command?" + ENTER)
        await terminal.shows("Aye.")
        assert await terminal.leaves() == 0
    assert gateway.requests[0].json["model"] == "maker/name"
    assert asked(gateway, 1) == [("system", "Be a pirate."), ("user", " /is this a command?")]


async def test_a_conversation_can_be_saved(gateway: FakeGateway, tmp_path: Path) -> None:
    """
    ``/save`` writes the messages as JSON, and again what has been added.

    What is there from elsewhere is not overwritten.
    """
    gateway.enqueue(answer("Z\u00fcrich \U0001f600"))
    (tmp_path / "other").write_text("precious", encoding="utf-8")
    env = environment(gateway, FOLDER=str(tmp_path))
    async with Terminal(*QUIET, "--system", "Brief.", env=env, columns=200) as terminal:
        await terminal.prompts()
        terminal.press("/save $FOLDER/talk.json" + ENTER)
        await terminal.shows(f"1 messages written to {tmp_path}/talk.json")
        await terminal.prompts()
        terminal.press("Where?" + ENTER)
        await terminal.shows("Z\u00fcrich")
        await terminal.prompts()
        terminal.press("/save $FOLDER/talk.json" + ENTER)
        await terminal.shows(f"3 messages written to {tmp_path}/talk.json")
        await terminal.prompts()
        terminal.press("/save $FOLDER/other" + ENTER)
        await terminal.shows(f"{tmp_path}/other: File exists; nothing was written")
        assert await terminal.leaves() == 0
    assert json.loads((tmp_path / "talk.json").read_text(encoding="utf-8")) == [
        {"role": "system", "content": "Brief."},
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": "Z\u00fcrich \U0001f600"},
    ]
    assert (tmp_path / "other").read_text(encoding="utf-8") == "precious"


async def test_control_c_stops_the_answer_and_not_the_program(gateway: FakeGateway) -> None:
    """The gateway sees the connection close (promise 8); what came stays, and the next question knows it."""
    gateway.enqueue(Answer(events=[piece("It begins"), HANG]), answer("Well."))
    async with Terminal(*QUIET, env=environment(gateway)) as terminal:
        await terminal.prompts()
        terminal.press("Go" + ENTER)
        await terminal.shows("It begins")
        await terminal.interrupt()
        await terminal.shows("stopped; what came of the answer is kept in the conversation")
        await gateway.disconnected(gateway.requests[0], timeout=60)
        await terminal.prompts()
        terminal.press("Why?" + ENTER)
        await terminal.shows("Well.")
        assert await terminal.leaves() == 0
    assert asked(gateway, 2) == [("user", "Go"), ("assistant", "It begins"), ("user", "Why?")]


async def test_control_c_before_the_answer_takes_the_question_back(gateway: FakeGateway) -> None:
    """Of what was never answered the next question knows nothing."""
    gateway.enqueue(Answer(before=(HANG,)), answer("Well."))
    async with Terminal(*QUIET, env=environment(gateway)) as terminal:
        await terminal.prompts()
        terminal.press("Go" + ENTER)
        await gateway.received(timeout=60)
        await terminal.interrupt()
        await terminal.shows("stopped; the question is taken back")
        await terminal.prompts()
        terminal.press("Why?" + ENTER)
        await terminal.shows("Well.")
        assert await terminal.leaves() == 0
    assert asked(gateway, 2) == [("user", "Why?")]


async def test_control_c_at_the_prompt_clears_the_line_and_twice_leaves() -> None:
    """The first at an empty prompt says what leaves; a question in between makes it the first again."""
    async with Terminal("chat", "--local", *QUIET[1:], env=environment()) as terminal:
        await terminal.prompts()
        terminal.press("half a li")
        await terminal.shows("half a li")
        await terminal.interrupt()
        await terminal.until(lambda: terminal.screen == "> half a li\n>")
        for times in (1, 2):
            await terminal.interrupt()
            await terminal.shows("Ctrl-C again leaves", times=times)
            await terminal.prompts()
            if times == 1:
                terminal.press("/model" + ENTER)
                await terminal.shows("model:")
                await terminal.prompts()
        await terminal.interrupt()
        assert await terminal.ends() == 0
        assert "Traceback" not in terminal.scrolled


async def test_an_error_ends_the_answer_and_not_the_conversation(gateway: FakeGateway) -> None:
    """One line tells it and what to do; of an answer that broke off, what came is kept."""
    gateway.enqueue(
        Answer(404, body={"error": {"code": "model_not_found", "message": "no such model"}}),
        Answer(events=[piece("Half"), CUT]),
        Answer(events=[last()]),
        answer("Well."),
    )
    async with Terminal(*QUIET, env=environment(gateway), columns=160) as terminal:
        await terminal.prompts()
        for question, told in [
            ("One", "the question is taken back"),
            ("Two", "what came of the answer is kept in the conversation"),
            ("Three", "the answer is empty (finish reason: stop)\nthe question is taken back"),
            ("Four", "Well."),
        ]:
            terminal.press(question + ENTER)
            await terminal.shows(told)
            await terminal.prompts()
        assert "Error: NotFoundError: 404 model_not_found: no such model (request id: " in terminal.screen
        assert "); meshapi-aio models lists those there are\n" in terminal.screen
        assert "Half\nError: StreamTruncatedError: " in terminal.screen
        assert await terminal.leaves() == 0
    assert asked(gateway, 4) == [("user", "Two"), ("assistant", "Half"), ("user", "Four")]


async def test_keys_pressed_during_an_answer_are_the_next_question(gateway: FakeGateway) -> None:
    """They do not show in the answer, and none of them is lost."""
    more = asyncio.Event()
    gateway.enqueue(Answer(events=[piece("slow"), WaitFor(more), piece(" answer"), last()]), answer("Well."))
    async with Terminal(*QUIET, env=environment(gateway)) as terminal:
        await terminal.prompts()
        terminal.press("Go" + ENTER)
        await terminal.shows("slow")
        terminal.press("typed ahead")
        more.set()
        await terminal.until(lambda: terminal.screen == "> Go\nslow answer\n> typed ahead")
        terminal.press(ENTER)
        await terminal.shows("Well.")
        assert await terminal.leaves() == 0
    assert asked(gateway, 2)[-1] == ("user", "typed ahead")


async def test_an_attachment_goes_with_the_first_question(gateway: FakeGateway, tmp_path: Path) -> None:
    """``--file`` without PROMPT begins a conversation about it."""
    (tmp_path / "note.txt").write_text("milk", encoding="utf-8")
    gateway.enqueue(answer("one"), answer("two"))
    async with Terminal(*QUIET, "--file", str(tmp_path / "note.txt"), env=environment(gateway)) as terminal:
        await terminal.prompts()
        terminal.press("What?" + ENTER)
        await terminal.shows("one")
        await terminal.prompts()
        terminal.press("And?" + ENTER)
        await terminal.shows("two")
        assert await terminal.leaves() == 0
    first = '<file name="note.txt">\nmilk\n</file>\n\nWhat?'
    assert asked(gateway, 2) == [("user", first), ("assistant", "one"), ("user", "And?")]


async def test_without_a_key_no_conversation_begins() -> None:
    """What is missing is said before anything is typed."""
    async with Terminal("chat", env=environment(), columns=120) as terminal:
        assert await terminal.ends() == 2
        await terminal.shows(
            "Error: no key: set the environment variable MESHAPI_API_KEY to your key; --local"
        )


def test_where_nobody_knows_whether_more_is_there_a_line_is_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Windows waits for sockets alone: what is no socket is an OSError."""
    closed = os.dup(1)
    os.close(closed)
    monkeypatch.setattr(sys, "stdin", closed)
    assert not _reading._more_is_there()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((), "standard output is no terminal to converse on"), (("--json",), "--json is not for conversations")],
)
async def test_a_conversation_needs_a_terminal(arguments: tuple[str, ...], told: str) -> None:
    """Where the answers go into a pipe, one line says what to give instead; status 2."""
    outside, inside = pty.openpty()
    try:
        process = await start("chat", *arguments, env=environment(MESHAPI_API_KEY="rsk_x"), stdin=inside)
        ended = await end(process)
    finally:
        os.close(outside)
        os.close(inside)
    assert ended == (2, "", f"Error: {told}: give a PROMPT, or - to type one that ends with Ctrl-D\n")
