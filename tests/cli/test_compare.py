"""``compare``: several models asked the same; side by side on a terminal, one after the other in a pipe."""

import asyncio
import re
from collections.abc import Mapping, Sequence

import pytest

from meshapi_aio.testing import CUT, HANG, Answer, FakeGateway, ReceivedRequest, Script, WaitFor
from meshapi_aio.testing._script import Event

from .running import environment, invoke, invoke_at, last, piece
from .terminal import Terminal


USAGE = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}
REFUSED = Answer(429, body={"error": {"code": "rate_limit_exceeded", "message": "too many"}})
NO_RETRIES = ("--retries", "0")


def answering(answers: Mapping[str, Answer | Sequence[Event]]) -> Script:
    """Return a script in which each model has its own answer, or one with these events."""

    def answer(request: ReceivedRequest) -> Answer:
        mine = answers[request.json["model"]]
        return mine if isinstance(mine, Answer) else Answer(events=mine)

    return Script(otherwise=answer)


async def test_a_pipe_gets_one_answer_after_the_other() -> None:
    """In the order of the models, each with time and tokens; one that fails is told in its place."""
    script = answering(
        {"x/a": [piece("One"), last(), USAGE], "x/b": REFUSED, "x/c": [piece("Three\n"), last()]}
    )
    async with FakeGateway(script=script) as gateway:
        asked = ("compare", "Hi", "--models", "x/a, x/b,x/c,x/a", "--system", "Be brief.")
        status, stdout, stderr = await invoke_at(gateway, *asked, *NO_RETRIES)
        assert (status, stderr) == (0, "")
        told = re.sub(r"\d+\.\d s", "0.0 s", re.sub(r"\(request id: \w+\)", "(id)", stdout))
        assert told == (
            "## x/a\nOne\n(0.0 s · tokens: 5 in, 7 out)\n\n"
            "## x/b\nError: RateLimitError: 429 rate_limit_exceeded: too many (id)\n(0.0 s)\n\n"
            "## x/c\nThree\n(0.0 s)\n"
        )
        assert sorted(request.json["model"] for request in gateway.requests) == ["x/a", "x/b", "x/c"]
        assert [request.json["messages"] for request in gateway.requests] == [
            [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
        ] * 3


async def test_half_an_answer_is_told_as_such() -> None:
    """One that broke off, one that was cut short, and one that is empty; what came stays."""
    script = answering({"x/a": [piece("Ha"), CUT], "x/b": [piece("Hal"), last("length")], "x/c": [last()]})
    async with FakeGateway(script=script) as gateway:
        status, stdout, _ = await invoke_at(gateway, "compare", "Hi", "--models", "x/a,x/b,x/c")
    assert status == 0
    assert "## x/a\nHa\nError: StreamTruncatedError: " in stdout
    assert "## x/b\nHal\nthe answer was cut short (finish reason: length)\n" in stdout
    assert "## x/c\nthe answer is empty (finish reason: stop)\n" in stdout


async def test_the_status_is_1_where_all_fail() -> None:
    """Each is told for itself."""
    async with FakeGateway(script=answering({"x/a": REFUSED, "x/b": REFUSED})) as gateway:
        ended = await invoke_at(gateway, "compare", "Hi", "--models", "x/a,x/b", *NO_RETRIES)
    assert (ended.status, ended.stdout.count("Error: RateLimitError"), ended.stderr) == (1, 2, "")


async def test_the_prompt_may_be_in_standard_input() -> None:
    """As in ``chat``."""
    async with FakeGateway() as gateway:
        ended = await invoke_at(gateway, "compare", "-", "--models", "x/a", given=b"Hi\n")
        assert ended.status == 0
        assert gateway.requests[0].json["messages"] == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["", "--models", "x/a"], "Error: the prompt is empty"),
        (["Hi", "--models", " , "], "Error: --models names no model"),
    ],
)
async def test_what_cannot_be_asked_is_refused(words: list[str], told: str) -> None:
    """With status 2, in a line."""
    ended = await invoke("compare", *words)
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith(told)


async def test_a_terminal_shows_them_side_by_side_as_they_come() -> None:
    """Each in its column; a failure stands in its own, and the others go on."""
    more = asyncio.Event()
    slow: list[Event] = [piece("Slow "), WaitFor(more), piece("one"), last(), USAGE]
    script = answering({"x/a": slow, "x/b": REFUSED, "x/c": [piece("Quick"), last()]})
    async with FakeGateway(script=script) as gateway:
        asked = ("compare", "Hi", "--models", "x/a,x/b,x/c", *NO_RETRIES)
        async with Terminal(*asked, env=environment(gateway)) as terminal:
            side_by_side = re.compile(r"^Slow {23}Error: RateLimitError: {5}Quick$", re.MULTILINE)
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


async def test_a_narrow_terminal_has_them_one_below_the_other() -> None:
    """Nothing is cut off."""
    text = "some words that need more than one line there"
    script = answering({"x/a": [piece(text), last()], "x/b": [piece("Two"), last()]})
    async with FakeGateway(script=script) as gateway:
        asked = ("compare", "Hi", "--models", "x/a,x/b")
        async with Terminal(*asked, env=environment(gateway), columns=30) as terminal:
            assert await terminal.ends() == 0
            await terminal.until(lambda: not terminal.hides_cursor)
            lines = terminal.scrolled.splitlines()
            assert lines[0] == "x/a"
            assert " ".join(lines[1:3]) == text
            assert "x/b" in lines
            assert lines[lines.index("x/b") + 1] == "Two"


async def test_an_answer_taller_than_the_screen_is_whole() -> None:
    """While it comes its end is seen; then all of it stands there, once."""
    words = [f"word{number}" for number in range(100)]
    more = asyncio.Event()
    long: list[Event] = [
        piece("\n".join(words[:60])),
        WaitFor(more),
        piece("\n" + "\n".join(words[60:])),
        last(),
    ]
    script = answering({"x/a": long, "x/b": [piece("Two"), last()]})
    async with FakeGateway(script=script) as gateway:
        asked = ("compare", "Hi", "--models", "x/a,x/b")
        async with Terminal(*asked, env=environment(gateway), lines=12) as terminal:
            await terminal.until(lambda: "word59" in terminal.screen and "Two" in terminal.screen)
            more.set()
            assert await terminal.ends() == 0
            await terminal.until(lambda: not terminal.hides_cursor)
            printed = terminal.scrolled.split()
            assert [word for word in printed if word.startswith("word")] == words


async def test_control_c_ends_them_all() -> None:
    """Every connection is closed, what came stays, the terminal is as it was, the status is 130."""
    script = answering({"x/a": [piece("Beg"), HANG], "x/b": [HANG]})
    async with FakeGateway(script=script) as gateway:
        asked = ("compare", "Hi", "--models", "x/a,x/b")
        async with Terminal(*asked, env=environment(gateway)) as terminal:
            await terminal.shows("Beg")
            await gateway.received(2, timeout=60)
            terminal.press("\x03")
            assert await terminal.ends() == 130
            for request in gateway.requests:
                await gateway.disconnected(request, timeout=60)
            await terminal.until(lambda: not terminal.hides_cursor)
            assert terminal.echoes
            assert "Beg" in terminal.screen
            assert "Traceback" not in terminal.scrolled


async def test_what_a_model_says_does_not_drive_the_terminal() -> None:
    """Nor does its name."""
    script = answering({"x/a": [piece("a\x1b[2J\x9b2Jb"), last()]})
    async with (
        FakeGateway(script=script) as gateway,
        Terminal("compare", "Hi", "--models", "x/a", env=environment(gateway)) as terminal,
    ):
        assert await terminal.ends() == 0
        await terminal.shows("a�[2J�2Jb")
