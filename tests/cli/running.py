"""The command line as a process, and the events of answers; for the tests of this folder."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import meshapi_aio
from meshapi_aio.testing import FakeGateway


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
    *arguments: str, env: Mapping[str, str], stdout: int = subprocess.PIPE
) -> asyncio.subprocess.Process:
    """Start the command line."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "meshapi_aio", *arguments),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=env,
    )


async def end(process: asyncio.subprocess.Process) -> Ended:
    """Wait until a process has ended; what was read of its output before is not in it."""
    stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, (stdout or b"").decode(), stderr.decode())


async def command_line(*arguments: str, env: Mapping[str, str]) -> Ended:
    """Run the command line to its end."""
    return await end(await start(*arguments, env=env))


def piece(content: str) -> dict[str, Any]:
    """Return the event that adds this text to an answer."""
    return {"choices": [{"index": 0, "delta": {"content": content}}]}


def last(finish_reason: str = "stop") -> dict[str, Any]:
    """Return the event with which an answer is whole."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason}]}
