"""The command line as a process, and the events of answers; for the tests of this folder."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

import meshapi_aio
from meshapi_aio.cli import commands
from meshapi_aio.testing import FakeGateway


NOTHING_SET: dict[str, str | None] = {
    "MESHAPI_BASE_URL": None,
    "MESHAPI_API_KEY": None,
    "MESHAPI_TOKEN": None,
}


class Ended(NamedTuple):
    """How a process ended."""

    status: int
    stdout: str
    stderr: str


def environment(gateway: FakeGateway | None = None, /, **variables: str) -> dict[str, str]:
    """Return an environment that knows this gateway or none, in which every warning shows on stderr."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("MESHAPI_")}
    # The package is found where this process has found it, installed or not.
    mine |= {"PYTHONPATH": str(Path(meshapi_aio.__file__).parent.parent), "PYTHONUTF8": "1"}
    mine |= {"PYTHONWARNINGS": "error"}
    if gateway is not None:
        mine |= {"MESHAPI_BASE_URL": gateway.base_url, "MESHAPI_API_KEY": gateway.token}
    return mine | variables


async def start(
    *arguments: str,
    env: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
) -> asyncio.subprocess.Process:
    """Start the command line."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "meshapi_aio", *arguments),
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=env,
    )


async def end(process: asyncio.subprocess.Process, *, given: bytes | None = None) -> Ended:
    """Wait until a process has ended; what was read of its output before is not in it."""
    stdout, stderr = await process.communicate(given)
    assert process.returncode is not None
    return Ended(process.returncode, (stdout or b"").decode(), stderr.decode())


async def until_it_waits(process: asyncio.subprocess.Process) -> None:
    """
    Return once a process does nothing but wait, for a key or for the network.

    A signal that comes in the moment between the last line of Python and the system call that waits is
    noticed only when that ends: a person, who presses Ctrl-C again, never sees it, but a test would hang.
    Where there is no ``/proc`` this returns at once.
    """
    status = Path(f"/proc/{process.pid}/stat")
    while status.exists() and status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "R":
        await asyncio.sleep(0)


async def command_line(*arguments: str, env: Mapping[str, str], given: bytes | None = None) -> Ended:
    """Run the command line to its end, with nothing or what is given as its standard input."""
    stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
    return await end(await start(*arguments, env=env, stdin=stdin), given=given)


async def invoke(*arguments: str, given: bytes | None = None, **variables: str | None) -> Ended:
    """
    Run a command inside this process, with nothing or what is given as its standard input.

    A variable that is None is taken out of the environment. It runs in a thread, since it has an event loop
    of its own; what it raises fails the test.
    """
    result = await asyncio.to_thread(
        CliRunner().invoke,
        *(commands, arguments, given),
        env=NOTHING_SET | variables,
        catch_exceptions=False,
    )
    return Ended(result.exit_code, result.stdout, result.stderr)


async def invoke_at(gateway: FakeGateway, *arguments: str, given: bytes | None = None) -> Ended:
    """Run a command inside this process, with the address and the key of this gateway."""
    return await invoke(
        *arguments, given=given, MESHAPI_BASE_URL=gateway.base_url, MESHAPI_API_KEY=gateway.token
    )


async def ask(gateway: FakeGateway, *arguments: str, given: bytes | None = None) -> Ended:
    """Run ``chat --quiet`` inside this process, with the address and the key of this gateway."""
    return await invoke_at(gateway, "chat", "--quiet", *arguments, given=given)


def piece(content: str) -> dict[str, Any]:
    """Return the event that adds this text to an answer."""
    return {"choices": [{"index": 0, "delta": {"content": content}}]}


def last(finish_reason: str = "stop") -> dict[str, Any]:
    """Return the event with which an answer is whole."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason}]}
