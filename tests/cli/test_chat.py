"""``meshapi-aio chat``, as a process that talks to a gateway in this one."""

import asyncio
import errno
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio.testing import HANG, Answer, FakeGateway, WaitFor

from .running import command_line, end, environment, last, piece, start, until_it_waits


async def test_pieces_are_printed_as_they_come(gateway: FakeGateway) -> None:
    """A piece is printed before the next one has been sent (promise 7); a newline follows the last."""
    more = asyncio.Event()
    gateway.enqueue(Answer(events=[piece("Hel"), WaitFor(more), piece("lo"), last()]))
    process = await start("chat", "--quiet", "Hi", env=environment(gateway))
    assert process.stdout is not None
    assert await process.stdout.readexactly(3) == b"Hel"
    assert not gateway.requests[0].completed
    more.set()
    assert await end(process) == (0, "lo\n", "")


async def test_the_request_is_what_was_asked(gateway: FakeGateway) -> None:
    """The prompt is the user's message; unless another is named, openai/gpt-4o-mini is asked."""
    assert (await command_line("chat", "Hi", env=environment(gateway))).status == 0
    assert gateway.requests[0].json == {
        "model": "openai/gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }


async def test_local_needs_no_key_and_no_gateway() -> None:
    """``--local`` answers from inside the process, and a line of standard error says so, unless --quiet."""
    ended = await command_line("chat", "--local", "Say hello", env=environment())
    assert ended.status == 0
    assert "Say hello" in ended.stdout
    assert ended.stdout.endswith("\n")
    assert ended.stderr.startswith("local: ")
    assert ended.stderr.count("\n") == 2
    ended = await command_line("chat", "--local", "--quiet", "Say hello", env=environment())
    assert (ended.status, ended.stderr) == (0, "")


async def test_local_looks_at_no_setting() -> None:
    """With ``--local`` the settings of the real gateway may be wrong, and are not used."""
    env = environment(MESHAPI_BASE_URL="nonsense", MESHAPI_API_KEY="\n")
    assert (await command_line("chat", "--local", "Hi", env=env)).status == 0


@pytest.mark.parametrize(
    ("events", "printed"),
    [
        ([piece("one\n"), piece("two\n"), last()], "one\ntwo\n"),
        ([piece("no end mark"), last()], "no end mark\n"),
        ([piece("\ud83d"), piece("\ude00\x1b[0m\r"), last()], "\N{GRINNING FACE}\x1b[0m\r\n"),
    ],
)
async def test_a_pipe_gets_the_text_as_it_came(
    gateway: FakeGateway, events: list[dict[str, Any]], printed: str
) -> None:
    """Nothing is taken out or put in, but for a newline where the last line has none."""
    gateway.enqueue(Answer(events=events))
    assert await command_line("chat", "--quiet", "Hi", env=environment(gateway)) == (0, printed, "")


async def test_a_plain_terminal_gets_no_control_characters(gateway: FakeGateway) -> None:
    """What a model says cannot drive the terminal of who reads it; tabs and line ends stay."""
    gateway.enqueue(Answer(events=[piece("a\x1b]0;title\x07\tb\x9b"), piece("\r"), piece("\nc"), last()]))
    terminal, inside = pty.openpty()
    try:
        process = await start("chat", "--plain", "Hi", env=environment(gateway), stdout=inside)
        assert (await end(process)).status == 0
        printed = os.read(terminal, 1000).decode()
    finally:
        os.close(terminal)
        os.close(inside)
    assert printed.replace("\r\n", "\n") == "a�]0;title�\tb�\nc\n"


async def test_a_letter_that_the_locale_lacks_costs_only_itself(gateway: FakeGateway) -> None:
    """Where standard output is not UTF-8, what it cannot hold becomes a question mark."""
    gateway.enqueue(Answer(events=[piece("h\u00e9 \N{GRINNING FACE}"), piece("!"), last()]))
    process = await start(
        "chat", "--quiet", "Hi", env=environment(gateway, PYTHONUTF8="0", PYTHONIOENCODING="latin-1")
    )
    stdout, stderr = await process.communicate()
    assert (process.returncode, stdout, stderr) == (0, b"h\xe9 ?!\n", b"")


async def test_without_a_key_it_says_what_to_set() -> None:
    """One line names the variable and the way without a key, and the status is 2."""
    ended = await command_line("chat", "Hi", env=environment())
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "MESHAPI_API_KEY" in ended.stderr
    assert "--local" in ended.stderr


async def test_a_refusal_is_one_line(gateway: FakeGateway) -> None:
    """Kind, status, code, text, request id, and what to do; status 1."""
    ended = await command_line("chat", "Hi", env=environment(gateway, MESHAPI_API_KEY="rsk_other"))
    told = "AuthenticationError: 401 unauthorized: missing or invalid API key"
    request_id = gateway.requests[0].request_id
    remedy = "meshapi-aio doctor tells where the key comes from"
    assert ended == (1, "", f"Error: {told} (request id: {request_id}); {remedy}\n")


async def test_a_gateway_that_is_not_there_is_one_line() -> None:
    """The address, the system's reason, and what to do; status 1."""
    env = environment(MESHAPI_BASE_URL="http://127.0.0.1:1", MESHAPI_API_KEY="rsk_x")
    told = f"no connection to 127.0.0.1:1: {os.strerror(errno.ECONNREFUSED)}; meshapi-aio doctor tells more"
    ended = await command_line("chat", "--retries", "0", "Hi", env=env)
    assert ended == (1, "", f"Error: APIConnectionError: {told}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", [("chat", "--quiet", "Hi"), ("doctor",), ("completion", "bash")])
async def test_a_full_disk_is_one_line(gateway: FakeGateway, arguments: tuple[str, ...]) -> None:
    """Where nothing more can be written, the system's reason is told; status 1."""
    full = os.open("/dev/full", os.O_WRONLY)
    process = await start(*arguments, env=environment(gateway), stdout=full)
    os.close(full)
    told = f"Error: the system refuses: {os.strerror(errno.ENOSPC)}\n"
    assert await end(process) == (1, "", told)


async def test_control_c_ends_the_answer(gateway: FakeGateway) -> None:
    """The connection closes at once (promise 8), the line that was begun is ended, the status is 130."""
    gateway.enqueue(Answer(events=[piece("Hel"), HANG]))
    process = await start("chat", "--quiet", "Hi", env=environment(gateway))
    assert process.stdout is not None
    assert await process.stdout.readexactly(3) == b"Hel"
    await until_it_waits(process)
    process.send_signal(signal.SIGINT)
    assert await end(process) == (130, "\n", "")
    await gateway.disconnected(gateway.requests[0])


async def test_control_c_before_the_answer_begins(gateway: FakeGateway) -> None:
    """While nothing has come, Ctrl-C leaves standard output empty; the status is 130 as well."""
    gateway.enqueue(Answer(before=(HANG,)))
    process = await start("chat", "--quiet", "Hi", env=environment(gateway))
    request = await gateway.received(timeout=60)
    await until_it_waits(process)
    process.send_signal(signal.SIGINT)
    assert await end(process) == (130, "", "")
    await gateway.disconnected(request)


async def test_a_reader_that_has_enough_ends_the_answer(gateway: FakeGateway) -> None:
    """``| head -1``: when nobody reads any more, the stream is left, without a word."""
    more = asyncio.Event()
    gateway.enqueue(Answer(events=[piece("one\n"), WaitFor(more), piece("two\n"), HANG]))
    reading, writing = os.pipe()
    process = await start("chat", "--quiet", "Hi", env=environment(gateway), stdout=writing)
    os.close(writing)
    assert await asyncio.to_thread(os.read, reading, 100) == b"one\n"
    os.close(reading)
    more.set()
    assert await end(process) == (1, "", "")
    await gateway.disconnected(gateway.requests[0])


async def test_without_standard_input_and_output_nothing_breaks(gateway: FakeGateway) -> None:
    """``>&- <&-``: a process that was started without them ends well."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", 'exec "$0" -m meshapi_aio chat --quiet Hi >&- <&-', sys.executable),
        stderr=subprocess.PIPE,
        env=environment(gateway),
    )
    assert await end(process) == (0, "", "")
    assert gateway.requests[0].completed
