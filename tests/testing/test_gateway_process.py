"""FakeGateway in a process of its own."""

import asyncio
import importlib
import json
import os
import signal
import sys
from typing import IO, Any

import aiohttp
import pytest

from meshapi_aio.testing import FakeGateway, GatewayProcess, GatewayState, _process
from meshapi_aio.testing._process import main

from .wire import CHAT, asking, client, connected, events, exchange, request_bytes


PROGRAM = (sys.executable, "-m", "meshapi_aio.testing")
PIPE, DEVNULL = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
STATE = "/_fake/state"


def seen(requests: int, open_connections: int, opened_connections: int, disconnects: int) -> GatewayState:
    """Return a state, in a shorter way."""
    return GatewayState(
        requests=requests,
        open_connections=open_connections,
        opened_connections=opened_connections,
        disconnects=disconnects,
    )


async def test_it_serves_and_tells_what_it_saw() -> None:
    """A gateway like any other; its counters can be waited for from here, and asking does not count."""
    async with GatewayProcess() as gateway:
        assert await gateway.state() == seen(0, 0, 0, 0)
        headers = {"Authorization": f"Bearer {gateway.token}"}
        async with aiohttp.ClientSession(gateway.base_url, headers=headers) as session:
            async with session.post(CHAT, json=asking("hi", stream=True)) as response:
                assert events(await response.read())
            assert await gateway.state() == seen(1, 1, 1, 0)
        assert await gateway.state(open_connections=0) == seen(1, 0, 1, 0)
    with pytest.raises(aiohttp.ClientConnectorError):
        await gateway.state()


async def test_the_pace_is_handed_on() -> None:
    """And a client that leaves a stream is counted, which a test can wait for."""
    async with GatewayProcess(pace=3600) as gateway:
        headers = {"Authorization": f"Bearer {gateway.token}"}
        async with aiohttp.ClientSession(gateway.base_url, headers=headers) as session:
            async with session.post(CHAT, json=asking("hi", stream=True)) as response:
                await response.content.readany()
                response.close()
            assert await gateway.state(disconnects=1, requests=1, open_connections=0) == seen(1, 0, 1, 1)


async def test_a_process_that_cannot_start_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    """With a pointer to where the reason stands, and without leaving the process behind."""
    with pytest.raises(RuntimeError, match="ended before it was ready; its standard error says why"):
        await GatewayProcess(pace="fast").__aenter__()  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    assert "invalid float value: 'fast'" in capfd.readouterr().err


async def start(stdin: int) -> tuple[asyncio.subprocess.Process, dict[str, str]]:
    """Start the program and return it with what it printed."""
    process = await asyncio.create_subprocess_exec(*PROGRAM, "--port", "0", stdin=stdin, stdout=PIPE)
    assert process.stdout is not None
    return process, json.loads(await process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_program_stops_on_a_signal(number: signal.Signals) -> None:
    """Without a word and with status 0; that nobody holds its standard input does not stop it."""
    process, told = await start(DEVNULL)
    assert told.keys() == {"base_url", "token"}
    async with aiohttp.ClientSession() as session, session.get(told["base_url"] + STATE) as response:
        assert (await response.json())["requests"] == 0
    process.send_signal(number)
    assert (await process.communicate())[0] == b""
    assert process.returncode == 0


async def test_the_program_stops_when_its_parent_is_gone() -> None:
    """The end of a piped standard input is the end of whoever held the other end."""
    process, _ = await start(PIPE)
    await _process._end(process)
    assert process.returncode == 0


def closed_pipe() -> IO[str]:
    """Return the reading end of a pipe that nobody writes to."""
    reading, writing = os.pipe()
    os.close(writing)
    return os.fdopen(reading)


def test_the_line_is_all_it_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line of JSON, flushed; the options are taken from the command line."""
    monkeypatch.setattr(sys, "stdin", closed_pipe())
    main(["--host", "127.0.0.2", "--pace", "0.5"])
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["base_url"].startswith("http://127.0.0.2:")
    assert told["token"].startswith("rsk_")
    assert (out.count("\n"), err) == (1, "")


def test_importing_the_program_does_not_run_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Only ``python -m`` does."""
    importlib.import_module("meshapi_aio.testing.__main__")
    assert capsys.readouterr() == ("", "")


async def test_no_standard_input_is_no_parent_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without one, as under some supervisors, is not stopped by that."""
    monkeypatch.setattr(sys, "stdin", None)
    stopped = asyncio.Event()
    assert await _process._watch_stdin(stopped) is None
    assert not stopped.is_set()


async def test_a_process_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a test does not wait for a process that hangs."""
    monkeypatch.setattr(_process, "_STOP_SECONDS", 0.01)
    program = "import time; time.sleep(3600)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=PIPE, stdout=PIPE)
    await _process._end(process)
    assert process.returncode == -signal.SIGKILL


async def ask(gateway: FakeGateway, query: str) -> tuple[int, Any]:
    """Return status and body of a question for the counters."""
    async with client(gateway) as session, session.get(STATE + query) as response:
        return response.status, await response.json()


async def test_the_counters_can_be_waited_for() -> None:
    """The answer comes when each counter is as wanted, or after the time with what is missing."""
    async with FakeGateway() as gateway:
        waiting = asyncio.ensure_future(ask(gateway, "?requests=2&opened_connections=2&timeout=60"))
        for _ in range(2):
            await exchange(gateway, request_bytes(headers="Connection: close\r\n"))
        status, told = await waiting
        assert (status, told["requests"], told["opened_connections"]) == (200, 2, 2)
        assert (await ask(gateway, "?requests=3&timeout=0.01"))[1]["requests"] == 2
        assert (await ask(gateway, "?disconnects=1"))[1]["disconnects"] == 0
        assert gateway.connections.opened == 2


async def test_who_asks_is_not_counted() -> None:
    """A connection that only asks is left out, once; one that also carried a request is not."""
    question = request_bytes(target=STATE)
    async with FakeGateway() as gateway:
        async with connected(gateway, question * 2) as bare:
            loop, told = asyncio.get_running_loop(), b""
            while told.count(b'"opened_connections": 0') < 2:
                told += await loop.sock_recv(bare, 65536)
        await gateway.until(lambda: not gateway._connections._open)
        answer, _ = await exchange(
            gateway, request_bytes() + request_bytes(target=STATE, headers="Connection: close\r\n")
        )
        assert b'{"requests": 1, "open_connections": 1, "opened_connections": 1, "disconnects": 0}' in answer


@pytest.mark.parametrize("query", ["?requests=many", "?timeout=soon", "?request=1"])
async def test_a_wrong_question_is_refused(query: str) -> None:
    """A misspelt counter would otherwise never be reached."""
    async with FakeGateway() as gateway:
        status, told = await ask(gateway, query)
    assert status == 400
    assert told["detail"]
