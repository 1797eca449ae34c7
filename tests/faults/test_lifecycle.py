"""A client's life: loops, forks, closing, being forgotten; whole programs, with warnings as errors."""

import asyncio
import gc
import os
import sys
import textwrap
import warnings
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from meshapi_aio import ClientClosedError, MeshAPI, StreamClosedError

from .scripts import MESSAGES, never_answer
from .server import Connection, FaultServer
from .wire import COMPLETION, STREAM_HEAD, event, piece, reply


async def answer(connection: Connection) -> None:
    """Answer one request after the other: a stream with a beginning, anything else whole."""
    while True:
        if b'"stream":true' in await connection.request():
            await connection.send(STREAM_HEAD + piece(event("a")))
        else:
            await connection.send(reply(COMPLETION))


# Loops and processes.


def test_two_loops_one_after_the_other() -> None:
    """A client belongs to the loop of its first call; the second loop is told so, and both are named."""

    async def first() -> MeshAPI:
        async with FaultServer(answer) as server:
            client = MeshAPI(server.base_url, "rsk_secret")
            await client.chat.completions.create(messages=MESSAGES)
            await client.close()
        return client

    async def second(client: MeshAPI) -> None:
        await client.chat.completions.create(messages=MESSAGES)

    client = asyncio.run(first())
    with pytest.raises(ClientClosedError):
        asyncio.run(second(client))

    async def forgetful() -> MeshAPI:
        async with FaultServer(answer) as server:
            client = MeshAPI(server.base_url, "rsk_secret")
            await client.chat.completions.create(messages=MESSAGES)
            await server.until(lambda: True)
        client._shared.transport.abort_all(lambda: ClientClosedError("closed"))
        session = client._shared.transport._session
        assert session is not None
        await session.close()
        return client

    client = asyncio.run(forgetful())
    with pytest.raises(
        RuntimeError, match=r"belongs to the event loop <.*> and was called in <.*>"
    ) as caught:
        asyncio.run(second(client))
    assert Path(__file__).name in str(caught.value)


async def test_two_loops_at_once() -> None:
    """Called from a second loop while the first runs: a RuntimeError there, nothing disturbed here."""
    async with FaultServer(answer) as server, MeshAPI(server.base_url, "rsk_secret") as client:
        await client.chat.completions.create(messages=MESSAGES)

        async def call() -> object:
            return await client.chat.completions.create(messages=MESSAGES)

        def run() -> object:
            return asyncio.run(call())

        with pytest.raises(RuntimeError, match="make one client in each event loop"):
            await asyncio.to_thread(run)
        await client.chat.completions.create(messages=MESSAGES)
        assert client.stats().in_flight == 0


def test_after_a_fork() -> None:
    """A child that uses its parent's client is told so; the parent's connections are not touched."""
    program = """
        import asyncio, os, sys
        from meshapi_aio import MeshAPI
        from meshapi_aio.testing import FakeGateway

        async def call(client):
            return await client.chat.completions.create(messages=[{"role": "user", "content": "Hi"}])

        async def main():
            async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token) as client:
                await call(client)
                child = os.fork()
                if child == 0:
                    try:
                        asyncio.run(call(client))
                    except RuntimeError as error:
                        os._exit(0 if "make one client in each process" in str(error) else 3)
                    os._exit(4)
                _, status = os.waitpid(child, 0)
                await call(client)
                sys.exit(os.waitstatus_to_exitcode(status))

        asyncio.run(main())
    """
    assert run_program(program, "-W", "ignore::DeprecationWarning") == (0, "")


# Closing.


async def test_closing_twice_and_at_once() -> None:
    """close() is idempotent, also from two tasks at a time."""
    async with FaultServer(never_answer) as server:
        client = MeshAPI(server.base_url, "rsk_secret")
        task = asyncio.create_task(client.chat.completions.create(messages=MESSAGES))
        await server.until(lambda: server.requests == 1)
        await asyncio.gather(client.close(), client.close(grace=0.01), client.close())
        await client.close()
        with pytest.raises(ClientClosedError):
            await task
        await server.until(lambda: server.open == 0)


async def test_closing_before_the_first_call() -> None:
    """A client that was never used closes without an event loop's help, and says nothing."""
    client = MeshAPI("http://127.0.0.1:1", "rsk_secret")
    await client.close()
    assert client.closed


async def test_closing_that_is_cancelled() -> None:
    """A close that is cancelled in its grace closes at once, and stays cancelled."""
    async with FaultServer(never_answer) as server:
        client = MeshAPI(server.base_url, "rsk_secret")
        call = asyncio.create_task(client.chat.completions.create(messages=MESSAGES))
        await server.until(lambda: server.requests == 1)
        closing = asyncio.create_task(client.close(grace=60))
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        with pytest.raises(ClientClosedError):
            await call
        await server.until(lambda: server.open == 0)
        await client.close()


async def test_closing_in_the_middle_of_a_stream_that_is_read() -> None:
    """The task that reads gets StreamClosedError with what had come."""
    async with FaultServer(answer) as server:
        client = MeshAPI(server.base_url, "rsk_secret")
        stream = client.chat.completions.stream(messages=MESSAGES)
        await anext(stream)
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(StreamClosedError) as caught:
            await reading
        assert caught.value.partial.choices[0].message.content == "a"
        await server.until(lambda: server.open == 0)


async def test_an_injected_session_outlives_its_clients() -> None:
    """Neither closing nor forgetting a client touches a session of the user's own."""
    async with FaultServer(answer) as server, aiohttp.ClientSession() as session:
        for forget in (False, True):
            client = MeshAPI(server.base_url, "rsk_secret", session=session)
            await client.chat.completions.create(messages=MESSAGES)
            if not forget:
                await client.close()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                del client
                gc.collect()
        assert not session.closed
        assert len(server.connections) == 1


# Being forgotten.


async def test_a_forgotten_client_warns_once_and_closes() -> None:
    """The warning says where the client was made; its connections are closed; aiohttp says nothing."""
    async with FaultServer(answer) as server:
        client: Any = MeshAPI(server.base_url, "rsk_secret")
        line = sys._getframe().f_lineno - 1
        await client.chat.completions.create(messages=MESSAGES)
        with pytest.warns(ResourceWarning) as caught:
            client = None
            gc.collect()
        assert len(caught) == 1
        assert f"{Path(__file__).name}:{line} was never closed" in str(caught[0].message)
        await server.until(lambda: server.open == 0)


async def test_a_derived_client_keeps_the_connections_open() -> None:
    """While a client that ``with_options`` made is used, the one it came from may be forgotten."""
    async with FaultServer(answer) as server:
        derived = MeshAPI(server.base_url, "rsk_secret").with_options(cache=False)
        gc.collect()
        await derived.chat.completions.create(messages=MESSAGES)
        gc.collect()
        await derived.chat.completions.create(messages=MESSAGES)
        assert len(server.connections) == 1
        with pytest.warns(ResourceWarning, match="was never closed"):
            del derived
            gc.collect()


async def test_a_stream_outlives_its_forgotten_client() -> None:
    """A stream that is being read keeps what it needs."""
    async with FaultServer(answer) as server:
        stream: Any = MeshAPI(server.base_url, "rsk_secret").chat.completions.stream(messages=MESSAGES)
        line = sys._getframe().f_lineno - 1
        assert (await anext(stream)).text == "a"
        gc.collect()
        with pytest.warns(ResourceWarning) as caught:
            stream = None
            gc.collect()
        messages = [str(warning.message) for warning in caught]
        assert len(messages) == 2
        assert f"{Path(__file__).name}:{line}, was dropped" in messages[0]
        assert "was never closed" in messages[1]
        await server.until(lambda: server.open == 0)


# Whole programs.

BEGINNING = """
    import asyncio
    from meshapi_aio import MeshAPI
    from meshapi_aio.testing import FakeGateway

    MESSAGES = [{"role": "user", "content": "Hi"}]
"""


def run_program(program: str, *options: str) -> tuple[int | None, str]:
    """Run a program with warnings as errors; return its status and what it complained of."""
    return asyncio.run(_run_program(program, options))


async def _run_program(program: str, options: tuple[str, ...]) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", *options, "-c", textwrap.dedent(program)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)]),
        },
    )
    _, errors = await process.communicate()
    # On a busy machine asyncio's debug mode tells of callbacks that took over 0.1 s: no complaint of ours.
    told = [line for line in errors.decode().splitlines(keepends=True) if not line.startswith("Executing <")]
    return process.returncode, "".join(told)


@pytest.mark.parametrize(
    "body",
    [
        "await client.chat.completions.create(messages=MESSAGES)",
        "print([chunk async for chunk in client.chat.completions.stream(messages=MESSAGES)])",
        "async with client.chat.completions.stream(messages=MESSAGES) as stream: await anext(stream)",
        "stream = client.chat.completions.stream(messages=MESSAGES); await anext(stream); stream.close()",
        "await asyncio.gather(*(client.chat.completions.create(messages=MESSAGES) for _ in range(20)))",
        "pass",
    ],
)
def test_a_program_that_is_right_is_silent(body: str) -> None:
    """Used right, nothing is said, at its end neither."""
    # A busy machine makes any step of the loop slow, of which its debug mode complains.
    program = f"""
{BEGINNING}
    async def main():
        asyncio.get_running_loop().slow_callback_duration = 600
        async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token) as client:
            {body}

    asyncio.run(main())
"""
    assert run_program(program) == (0, "")


def test_a_program_on_uvloop_is_silent() -> None:
    """On uvloop nothing is said either, whichever way its calls end."""
    program = f"""
{BEGINNING}
    import uvloop

    async def main():
        async with FakeGateway(pace=0.01) as gateway, MeshAPI(gateway.base_url, gateway.token) as client:
            async with client.chat.completions.stream(messages=MESSAGES) as stream:
                await anext(stream)
            task = asyncio.create_task(client.chat.completions.create(messages=MESSAGES))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await client.chat.completions.create(messages=MESSAGES)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
"""
    assert run_program(program) == (0, "")


def test_a_client_that_lives_as_long_as_the_program() -> None:
    """At the interpreter's exit, with the loop long closed, there is the one warning and nothing else."""
    program = f"""
{BEGINNING}
    client = MeshAPI("http://127.0.0.1:1", "rsk_x")

    async def main():
        global client
        async with FakeGateway() as gateway:
            client = MeshAPI(gateway.base_url, gateway.token)
            await client.chat.completions.create(messages=MESSAGES)

    asyncio.run(main())
"""
    status, errors = run_program(program)
    assert status == 0
    assert errors.count("ResourceWarning") == errors.count("Warning") == 1
    assert "was never closed" in errors


def test_a_program_that_forgets_its_client_is_told_once() -> None:
    """One warning, with file and line; no word from aiohttp or asyncio."""
    program = f"""
{BEGINNING}
    async def main():
        async with FakeGateway() as gateway:
            client = MeshAPI(gateway.base_url, gateway.token)
            await client.chat.completions.create(messages=MESSAGES)
            del client

    asyncio.run(main())
"""
    status, errors = run_program(program)
    assert status == 0
    assert errors.count("ResourceWarning") == 1
    assert "<string>:" in errors
    assert "was never closed" in errors
    assert "Unclosed" not in errors
    assert "unclosed" not in errors


def test_a_program_that_forgets_its_stream_is_told_once() -> None:
    """One warning, with file and line."""
    program = f"""
{BEGINNING}
    async def main():
        async with FakeGateway(pace=60) as gateway, MeshAPI(gateway.base_url, gateway.token) as client:
            stream = client.chat.completions.stream(messages=MESSAGES)
            await anext(stream)
            del stream

    asyncio.run(main())
"""
    status, errors = run_program(program)
    assert status == 0
    assert errors.count("ResourceWarning") == 1
    assert "was dropped before its end" in errors
    assert "Traceback" not in errors.replace("Traceback (most recent call last):\n  File", "", 1)
