"""``calls``: every call there is, for people, for programs and for the README."""

import json

import pytest

from meshapi_aio.cli.calls import markdown
from meshapi_aio.endpoints import every_call
from tests.tree import PROJECT

from .running import environment, invoke
from .terminal import Terminal


BEGIN, END = "<!-- meshapi-aio calls --markdown -->", "<!-- end of calls -->"


async def test_a_pipe_gets_every_call_in_a_line() -> None:
    """Each with its method, class and route, in columns, however wide."""
    status, stdout, stderr = await invoke("calls")
    assert (status, stderr) == (0, "")
    head, *lines = stdout.splitlines()
    assert head.split() == ["family", "method", "call", "route", "streams"]
    assert len(lines) == len(every_call())
    (line,) = (line for line in lines if " CreateChatCompletion " in line)
    assert line.split() == [
        *("chat", "chat.completions.create", "CreateChatCompletion", "POST", "/v1/chat/completions")
    ]
    (line,) = (line for line in lines if " StreamChatCompletion " in line)
    assert line.split()[1:3] == ["chat.completions.stream", "StreamChatCompletion"]
    assert line.endswith("  yes")


async def test_json_is_a_line_for_each_call() -> None:
    """With the method of HTTP and the path apart."""
    status, stdout, _ = await invoke("calls", "--json")
    calls = [json.loads(line) for line in stdout.splitlines()]
    assert status == 0
    assert {call["call"] for call in calls} == set(every_call())
    assert {
        "family": "chat",
        "method": "chat.completions.stream",
        "call": "StreamChatCompletion",
        "http_method": "POST",
        "path": "/v1/chat/completions",
        "streaming": True,
    } in calls


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (200, "POST /v1/chat/completions  "),
        (80, "chat.completions.create  "),
        (30, "  route: POST /v1/chat/completi\n  ons"),
    ],
)
async def test_a_terminal_gets_what_it_has_room_for(columns: int, line: str) -> None:
    """Columns that the others tell are left out, then each call is a block; nothing is cut off."""
    async with Terminal("calls", env=environment(), columns=columns, lines=50) as terminal:
        assert await terminal.ends() == 0
        await terminal.shows("chat.completions.stream")
        printed = terminal.scrolled
        assert ("CreateChatCompletion" in printed) == (columns != 80)
        assert all(len(row) <= columns for row in printed.splitlines())


def test_the_table_in_the_readme_is_that_of_the_calls() -> None:
    """What stands between its two marks is what ``meshapi-aio calls --markdown`` prints."""
    _, _, rest = (PROJECT / "README.md").read_text(encoding="utf-8").partition(f"{BEGIN}\n")
    table, _, _ = rest.partition(f"\n{END}\n")
    wanted = "\n".join(markdown())
    assert table == wanted, f"put this between the marks:\n{wanted}"


async def test_markdown_prints_that_table() -> None:
    """As it goes into the README."""
    assert await invoke("calls", "--markdown") == (0, "\n".join(markdown()) + "\n", "")
