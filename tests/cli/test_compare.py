"""``compare``: several models asked the same; side by side on a terminal, one after the other in a pipe."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import pytest

from meshapi_aio.testing import CUT, HANG, Answer, FakeGateway, WaitFor
from meshapi_aio.testing._script import Event

from .running import environment, invoke, invoke_at
from .terminal import Terminal


USAGE = {"prompt_tokens": 5, "completion_tokens": 7}
ASK = ("compare", "Hi", "--models", "x/a,x/b,x/c")


def says(model: str, text: str) -> dict[str, Any]:
    """Return the event that adds this text to a model's answer."""
    return {"event": "delta", "model": model, "delta": text}


def ends(model: str, reason: str = "stop", **more: Any) -> dict[str, Any]:
    """Return the event with which a model's answer is whole, after 1.5 s as the gateway has it."""
    return {"model": model, "finish_reason": reason, "latency_ms": 1500, **more}


def fails(model: str) -> dict[str, Any]:
    """Return the event with which a model fails."""
    return {"model": model, "error": "too many", "error_code": "rate_limit_exceeded", "latency_ms": 20}


async def compared(gateway: FakeGateway, *events: Event, words: Sequence[str] = ()) -> tuple[int, str, str]:
    """Return how ``compare`` ends, and what it prints, where these events come."""
    gateway.enqueue(Answer(events=events))
    return await invoke_at(gateway, *ASK, *words)


async def test_a_pipe_gets_one_answer_after_the_other(gateway: FakeGateway) -> None:
    """In the order of the models, each with time and tokens; one that fails is told in its place."""
    events = [says("x/c", "Th"), says("x/a", "O"), fails("x/b"), says("x/c", "ree\n"), says("x/a", "ne")]
    events += [ends("x/c"), ends("x/a", usage=USAGE)]
    told = (
        "## x/a\nOne\n(1.5 s · tokens: 5 in, 7 out)\n\n"
        "## x/b\nError: rate_limit_exceeded: too many\n(0.0 s)\n\n"
        "## x/c\nThree\n(1.5 s)\n"
    )
    assert await compared(gateway, *events, words=("--system", "Be brief.")) == (0, told, "")
    assert gateway.requests[0].path == "/v1/chat/compare"
    assert gateway.requests[0].json == {
        "models": ["x/a", "x/b", "x/c"],
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "skip_comparison": True,
        "stream": True,
    }


async def test_each_answer_is_whole_or_told_not_to_be(gateway: FakeGateway) -> None:
    """One that was cut short, one that is empty, and one whose end nobody has told; no character is cut."""
    events = [
        says("x/a", "Hal"),
        ends("x/a", "length"),
        ends("x/b"),
        says("x/c", "\ud83d"),
        says("x/c", "\ude00"),
    ]
    status, stdout, _ = await compared(gateway, *events)
    assert status == 0
    assert "## x/a\nHal\nthe answer was cut short (finish reason: length)\n" in stdout
    assert "## x/b\nthe answer is empty (finish reason: stop)\n" in stdout
    assert re.search(r"## x/c\n\U0001f600\n\(\d+\.\d s\)\n$", stdout)


async def test_what_came_before_an_error_stays(gateway: FakeGateway) -> None:
    """The error of the whole is told below, and which answers go no further is seen; status 1."""
    status, stdout, stderr = await compared(gateway, says("x/a", "One"), ends("x/a"), says("x/b", "Tw"), CUT)
    assert (status, stderr.count("\n")) == (1, 1)
    assert re.fullmatch(
        r"## x/a\nOne\n\(1.5 s\)\n\n## x/b\nTw\n\(\d+\.\d s …\)\n\n## x/c\n\(\d+\.\d s …\)\n", stdout
    )
    assert stderr.startswith("Error: StreamTruncatedError: ")


async def test_the_status_is_1_where_all_fail(gateway: FakeGateway) -> None:
    """By an event for each, or by an answer that says so of the whole."""
    status, stdout, stderr = await compared(gateway, fails("x/a"), fails("x/b"), fails("x/c"))
    assert (status, stdout.count("Error: rate_limit_exceeded"), stderr) == (1, 3, "")
    gateway.enqueue(Answer(502, body={"error": {"code": "all_models_failed", "message": "no"}}))
    status, stdout, stderr = await invoke_at(gateway, *ASK, "--retries", "0")
    assert (status, stdout, stderr.count("\n")) == (1, "", 1)
    assert stderr.startswith("Error: InternalServerError: 502 all_models_failed: no")


async def test_a_model_may_answer_by_another_name(gateway: FakeGateway) -> None:
    """Nothing of what came is lost, nor is an answer that comes whole."""
    whole = {"model": "x/b", "data": {"content": "Two"}, "latency_ms": 100}
    _, stdout, _ = await compared(gateway, says("x/a-2026", "One"), whole)
    assert "## x/b\nTwo\n(0.1 s)\n" in stdout
    assert "## x/a-2026\nOne\n" in stdout


async def test_it_works_without_a_gateway() -> None:
    """``--local``; the prompt may be in standard input."""
    ended = await invoke("compare", "-", "--models", "x/a, x/b,x/a", "--local", given=b"Say hello\n")
    assert ended.status == 0
    assert ended.stdout.count('You said: "Say hello".') == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["", "--models", "x/a"], "Error: the prompt is empty"),
        (["Hi", "--models", " , "], "Error: --models names no model"),
        (
            ["Hi", "--models", ",".join(map(str, range(11)))],
            "Error: StreamComparison: models must be from 1 to 10",
        ),
    ],
)
async def test_what_cannot_be_asked_is_refused(words: list[str], told: str) -> None:
    """With status 2, in a line."""
    ended = await invoke("compare", *words)
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith(told)


async def test_a_terminal_shows_them_side_by_side_as_they_come(gateway: FakeGateway) -> None:
    """Each in its column; a failure stands in its own, and the others go on."""
    more = asyncio.Event()
    events: list[Event] = [says("x/a", "Slow "), fails("x/b"), says("x/c", "Quick"), ends("x/c")]
    gateway.enqueue(Answer(events=[*events, WaitFor(more), says("x/a", "one"), ends("x/a", usage=USAGE)]))
    async with Terminal(*ASK, env=environment(gateway)) as terminal:
        side_by_side = re.compile(r"^Slow {23}Error: {21}Quick$", re.MULTILINE)
        await terminal.until(lambda: side_by_side.search(terminal.screen) is not None)
        assert terminal.screen.splitlines()[0].split() == ["x/a", "x/b", "x/c"]
        assert terminal.hides_cursor
        assert not terminal.echoes
        more.set()
        assert await terminal.ends() == 0
        await terminal.shows("Slow one")
        await terminal.until(lambda: not terminal.hides_cursor)
        assert terminal.echoes
        assert "tokens: 5 in, 7 out" in terminal.screen
        assert terminal.scrolled.count("x/a") == 1


async def test_a_narrow_terminal_has_them_one_below_the_other(gateway: FakeGateway) -> None:
    """Nothing is cut off."""
    text = "some words that need more than one line there"
    gateway.enqueue(Answer(events=[says("x/a", text), says("x/b", "Two")]))
    async with Terminal(
        "compare", "Hi", "--models", "x/a,x/b", env=environment(gateway), columns=30
    ) as terminal:
        assert await terminal.ends() == 0
        await terminal.until(lambda: not terminal.hides_cursor)
        lines = terminal.scrolled.splitlines()
        assert lines[0] == "x/a"
        assert " ".join(lines[1:3]) == text
        assert lines[lines.index("x/b") + 1] == "Two"


async def test_an_answer_taller_than_the_screen_is_whole(gateway: FakeGateway) -> None:
    """While it comes its end is seen; then all of it stands there, once."""
    words = [f"word{number}" for number in range(100)]
    more = asyncio.Event()
    begin, rest = says("x/a", "\n".join(words[:60])), says("x/a", "\n" + "\n".join(words[60:]))
    gateway.enqueue(Answer(events=[says("x/b", "Two"), begin, WaitFor(more), rest]))
    async with Terminal(*ASK, env=environment(gateway), lines=12) as terminal:
        await terminal.until(lambda: "word59" in terminal.screen and "Two" in terminal.screen)
        more.set()
        assert await terminal.ends() == 0
        await terminal.until(lambda: not terminal.hides_cursor)
        printed = terminal.scrolled.split()
        assert [word for word in printed if word.startswith("word")] == words


async def test_control_c_leaves_cleanly(gateway: FakeGateway) -> None:
    """The connection is closed, what came stays, the terminal is as it was, the status is 130."""
    gateway.enqueue(Answer(events=[says("x/a", "Beg"), HANG]))
    async with Terminal(*ASK, env=environment(gateway)) as terminal:
        await terminal.shows("Beg")
        terminal.press("\x03")
        assert await terminal.ends() == 130
        await gateway.disconnected(gateway.requests[0], timeout=60)
        await terminal.until(lambda: not terminal.hides_cursor)
        assert terminal.echoes
        assert "Beg" in terminal.screen
        assert "Traceback" not in terminal.scrolled


async def test_what_a_model_says_does_not_drive_the_terminal(gateway: FakeGateway) -> None:
    """Nor does its name."""
    gateway.enqueue(Answer(events=[says("x/a", "a\x1b[2J\x9b2Jb"), says("\x1b[2Jm", "c")]))
    async with Terminal(*ASK, env=environment(gateway)) as terminal:
        assert await terminal.ends() == 0
        await terminal.shows("a�[2J�2Jb")
        await terminal.shows("�[2Jm")
