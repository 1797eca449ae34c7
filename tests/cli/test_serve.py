"""``meshapi-aio serve``: a gateway for other processes, and what it says where it cannot be one."""

import asyncio
import contextlib
import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from meshapi_aio import (
    MeshAPI,
    NotFoundError,
    RateLimitError,
    Retry,
    StreamTruncatedError,
)
from meshapi_aio.testing import accidents

from .running import command_line, end, environment, invoke, start
from .terminal import Terminal


MESSAGES = [{"role": "user", "content": "Hi there"}]
TOLD = (
    "set these where your program runs; OpenAI's clients want /v1 behind the address\n",
    "Ctrl-C stops it\n",
)


class Served(NamedTuple):
    """A client of the gateway that runs in a process, and the two lines that this has printed."""

    client: MeshAPI
    process: asyncio.subprocess.Process
    lines: str


@contextlib.asynccontextmanager
async def served(*arguments: str) -> AsyncGenerator[Served]:
    """Run ``serve`` and a client that is made from what it prints."""
    process = await start("serve", *arguments, env=environment())
    assert process.stdout is not None
    try:
        lines = [(await process.stdout.readline()).decode() for _ in range(2)]
        told = dict(line.removeprefix("export ").strip().split("=") for line in lines)
        assert list(told) == ["MESHAPI_BASE_URL", "MESHAPI_API_KEY"]
        once = Retry(max_retries=0)
        async with MeshAPI(told["MESHAPI_BASE_URL"], told["MESHAPI_API_KEY"], retry=once) as client:
            yield Served(client, process, "".join(lines))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def streamed(client: MeshAPI, model: str = "any/model") -> str:
    """Return the text of a streamed answer."""
    stream = client.chat.completions.stream(model=model, messages=MESSAGES)
    return (await stream.get_final_completion()).choices[0].message.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_a_signal(number: signal.Signals) -> None:
    """Two lines say where and with which key; a signal ends it with status 0, also during an answer."""
    async with served("--pace", "3600", "--accident", "none", "--accident", "truncated") as (
        client,
        process,
        _,
    ):
        assert (await client.chat.completions.create(messages=MESSAGES)).choices
        with pytest.raises(StreamTruncatedError):
            await streamed(client)
        stream = client.chat.completions.stream(messages=MESSAGES)
        await anext(stream)
        process.send_signal(number)
        assert await end(process) == (0, "", "".join([*TOLD, "stopped\n"]))
        with pytest.raises(StreamTruncatedError):
            await stream.get_final_completion()


async def test_a_shell_can_run_what_it_prints(tmp_path: Path) -> None:
    """The two lines set what every program with this client looks for, the command line for one."""
    async with served() as (_, _, lines):
        (tmp_path / "gateway.sh").write_text(lines, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", '. "$1" && exec "$0" -m meshapi_aio chat --quiet Hello'),
            *(sys.executable, str(tmp_path / "gateway.sh")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        status, stdout, stderr = await end(process)
    assert (status, stderr) == (0, "")
    assert stdout.startswith('You said: "Hello"')


async def test_accidents_befall_chat_requests_in_turn() -> None:
    """Over and over, ``none`` as a good answer; what is no chat request meets none."""
    async with served("--accident", "rate-limited", "--accident", "none") as (client, _, _):
        for _ in range(2):
            with pytest.raises(RateLimitError):
                await streamed(client)
            assert "Hi there" in await streamed(client)


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("truncatd", "; near are truncated, truncated_in_event"),
        ("html", "; near are html_200, html_error"),
        ("429", "; near are rate_limited"),
        ("timeout", ""),
    ],
)
async def test_an_unknown_accident_is_told_with_those_near_it(given: str, near: str) -> None:
    """By spelling, by a word of the name, by a word of what it is; and where all are listed. Status 2."""
    status, stdout, stderr = await invoke("serve", "--accident", given)
    told = f"Error: Invalid value for '--accident': there is no accident '{given}'{near}; "
    assert (status, stdout) == (2, "")
    assert stderr.splitlines()[-1] == f"{told}--accidents lists them all"


async def test_the_accidents_are_listed() -> None:
    """``--accidents`` has each in a line, with what it is, and serves nothing."""
    status, stdout, stderr = await invoke("serve", "--accidents")
    listed = dict(line.split(maxsplit=1) for line in stdout.splitlines())
    assert (status, stderr) == (0, "")
    assert list(listed) == ["none", *accidents.ALL]
    assert listed["redirect"] == "a 307 to another host"


async def test_a_catalogue_says_which_models_there_are(tmp_path: Path) -> None:
    """Those of the file answer, and what it says of them is held to; any other is unknown."""
    models = [
        {"id": "a/small", "context_length": 4, "is_free": None},
        {"id": "a/large", "context_length": 99999},
    ]
    (tmp_path / "models.json").write_text(json.dumps(models), encoding="utf-8")
    async with served("--catalogue", str(tmp_path / "models.json")) as (client, process, _):
        assert "Hi there" in await streamed(client, "a/large")
        with pytest.raises(Exception, match="context_window_exceeded"):
            await streamed(client, "a/small")
        with pytest.raises(NotFoundError, match="model_not_found"):
            await streamed(client, "openai/gpt-4o")
        process.terminate()
        assert (await end(process)).status == 0


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ("[{]", r"is no JSON: .* line 1 column 3 \(char 2\)"),
        ("\xff", "is no JSON: "),
        ({"data": []}, "must hold an array of models, as GET /v1/models gives it"),
        ([], "holds no model, so that nothing could be asked"),
        (
            [{"id": "a/b"}, "a/c"],
            r'model 2: must be an object with an "id", such as {"id": "maker/model"}, not "a/c"',
        ),
        ([{"name": "x" * 99}], 'model 1: must be an object with an "id", such as .*, not {"name": "x{30}…'),
        ([{"id": 7}], "model 1: id must be a text, not 7"),
        ([{"id": "a", "context_length": "8k"}], 'model 1: context_length must be a whole number, not "8k"'),
        ([{"id": "a", "context_window": True}], "model 1: context_window must be a whole number, not true"),
        ([{"id": "a", "supports_tools": "no"}], 'model 1: supports_tools must be true or false, not "no"'),
        (
            [{"id": "a", "input_modalities": [1]}],
            r"model 1: input_modalities must be a list of texts, not \[1\]",
        ),
        (
            [{"id": "a", "pricing": {"request_usd": 0.1}}],
            "model 1: request_usd of 'a' must be a decimal number",
        ),
        ([{"id": "a"}, {"id": "b"}, {"id": "a"}], "models 1 and 3 have the same id, 'a'"),
    ],
)
async def test_a_catalogue_that_cannot_be_served_is_told(tmp_path: Path, models: Any, told: str) -> None:
    """One line names the file, the model and what is wrong with it; status 2."""
    path = tmp_path / "models.json"
    text = models if isinstance(models, str) else json.dumps(models)
    path.write_bytes(text.encode("latin-1"))
    status, stdout, stderr = await invoke("serve", "--catalogue", str(path))
    assert (status, stdout, stderr.count("\n")) == (2, "", 1)
    assert re.match(rf"Error: --catalogue {re.escape(str(path))}: {told}", stderr), stderr


async def test_a_catalogue_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the system's reason; status 2."""
    ended = await invoke("serve", "--catalogue", str(tmp_path / "none.json"))
    assert ended == (2, "", f"Error: --catalogue {tmp_path / 'none.json'}: No such file or directory\n")


async def test_where_it_cannot_listen_it_says_why() -> None:
    """A port that is taken, a name that nobody knows: one line, status 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = await command_line("serve", "--port", port, env=environment())
    told = (
        f"cannot listen at 127.0.0.1, port {port}: {os.strerror(errno.EADDRINUSE)}; --port 0 takes a free one"
    )
    assert ended == (2, "", f"Error: {told}\n")
    ended = await command_line("serve", "--host", "no host", env=environment())
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith("Error: cannot listen at no host, port 0: ")


@pytest.mark.parametrize("pace", ["nan", "inf", "-1", "soon"])
async def test_a_pace_that_is_no_time_is_refused(pace: str) -> None:
    """Status 2, and nothing is served."""
    status, stdout, stderr = await invoke("serve", "--pace", pace)
    assert (status, stdout) == (2, "")
    assert "Invalid value for '--pace': " in stderr


@pytest.mark.parametrize(
    ("host", "printed", "is_open"),
    [("0.0.0.0", "127.0.0.1", True), ("localhost", "localhost", False), ("127.0.0.2", "127.0.0.2", False)],
)
async def test_who_can_reach_it_is_said(host: str, printed: str, is_open: bool) -> None:
    """Where other machines can, a line warns; what is printed can be connected to all the same."""
    async with served("--host", host) as (client, process, _):
        assert re.fullmatch(rf"http://{re.escape(printed)}:\d+", client.base_url)
        assert "Hi there" in await streamed(client)
        process.terminate()
        stderr = (await end(process)).stderr
    assert ("other machines can reach it, and nothing is encrypted" in stderr) is is_open


async def test_control_c_stops_it() -> None:
    """At a terminal: without a traceback, and the prompt of the shell gets a line of its own."""
    async with Terminal("serve", env=environment()) as terminal:
        await terminal.shows("Ctrl-C stops it")
        await terminal.interrupt()
        assert await terminal.ends() == 0
        await terminal.until(lambda: terminal.screen.endswith("Ctrl-C stops it\n^C\nstopped"))
        assert terminal.screen.startswith("export MESHAPI_BASE_URL=http://127.0.0.1:")
