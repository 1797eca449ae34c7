"""
The pytest plugin, as users run it: pytest in a process and a folder of its own, with each async plugin.

None of the runs names the plugin: the entry point of the installed package brings it.
"""

import re
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import pytest


# What every plugin for async tests must be able to run; `{mark}` and `{fixture}` are what it asks for.
TESTS = """
import asyncio

import pytest

from meshapi_aio import *
from meshapi_aio.testing import *

{mark}

MESSAGES = [Message.user("Hi")]


{fixture}
async def bot(mesh_gateway):
    async with MeshAPI(mesh_gateway.base_url, mesh_gateway.token) as client:
        await client.chat.completions.create(messages=MESSAGES)
        yield client
        await client.chat.completions.create(messages=MESSAGES)


async def test_a_client(mesh_client):
    completion = await mesh_client.chat.completions.create(model="m", messages=MESSAGES)
    assert completion.choices[0].message.text == 'You said: "Hi". This is the answer of m.'


async def test_both(mesh_gateway, mesh_client):
    assert mesh_client.base_url == mesh_gateway.base_url
    mesh_gateway.enqueue(*[accidents.overloaded()] * 3, accidents.truncated())
    with pytest.raises(StreamTruncatedError):
        await mesh_client.chat.completions.stream(messages=MESSAGES).get_final_completion()
    assert mesh_gateway.requests[3].call == StreamChatCompletion(messages=MESSAGES)


async def test_a_fixture_that_asks(mesh_gateway, bot):
    assert len(mesh_gateway.requests) == 1
    await bot.chat.completions.create(messages=MESSAGES)


async def test_the_loop_is_that_of_the_test(mesh_gateway, mesh_client):
    seen, loops = asyncio.Event(), []

    async def answer(request):
        loops.append(asyncio.get_running_loop())
        return Answer(events=[{{"choices": []}}, WaitFor(seen)])

    mesh_gateway.enqueue(answer)
    async for chunk in mesh_client.chat.completions.stream(messages=MESSAGES):
        seen.set()
    assert loops == [asyncio.get_running_loop()]
    assert mesh_gateway.requests[0].completed


async def test_leaving(mesh_gateway, mesh_client):
    mesh_gateway.enqueue(accidents.stall_between_events())
    async with mesh_client.chat.completions.stream(messages=MESSAGES) as stream:
        async for chunk in stream:
            break
    await mesh_gateway.disconnected(mesh_gateway.requests[0])


@pytest.mark.parametrize("number", [1, 2])
async def test_each_test_has_its_own(mesh_gateway, number):
    assert mesh_gateway.requests == []
    assert mesh_gateway.connections.opened == 0
"""

ANYIO_BACKEND = """
@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


def run(folder: Path, source: str, *arguments: str) -> tuple[str, str]:
    """Run the tests of a source in a process of its own; return what pytest printed, and its last line."""
    (folder / "test_it.py").write_text(source, encoding="utf-8")
    options = ["[pytest]", "addopts = --strict-markers --strict-config"]
    if "no:asyncio" not in arguments:  # which warns where nothing is said
        options.append("asyncio_default_fixture_loop_scope = function")
    (folder / "pytest.ini").write_text("\n".join(options), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    assert not ended.stderr, ended.stderr
    return ended.stdout, re.sub(r" in [\d.]+s", "", ended.stdout.strip().splitlines()[-1])


ASYNCIO = ("-p", "no:anyio", "-p", "no:aiohttp")
AUTO = ("-o", "asyncio_mode=auto")


@pytest.mark.parametrize(
    ("mark", "fixture", "arguments"),
    [
        ("", "@pytest.fixture", (*ASYNCIO, *AUTO)),
        ("import pytest_asyncio\npytestmark = pytest.mark.asyncio", "@pytest_asyncio.fixture", ASYNCIO),
        ("", "@pytest.fixture", (*AUTO, "-p", "no:anyio")),
        (
            "import pytest_asyncio\npytestmark = pytest.mark.asyncio",
            "@pytest_asyncio.fixture",
            ("-p", "no:anyio"),
        ),
        (
            f"pytestmark = pytest.mark.anyio\n{ANYIO_BACKEND}",
            "@pytest.fixture",
            ("-p", "no:asyncio", "-p", "no:aiohttp"),
        ),
        (f"pytestmark = pytest.mark.anyio\n{ANYIO_BACKEND}", "@pytest.fixture", ()),
        (
            'import pytest_asyncio\npytestmark = pytest.mark.asyncio(loop_scope="module")',
            '@pytest_asyncio.fixture(loop_scope="module")',
            (),
        ),
        (
            "",
            "@pytest.fixture",
            (
                *AUTO,
                *("-o", "asyncio_default_test_loop_scope=session"),
                *("-o", "asyncio_default_fixture_loop_scope=session"),
            ),
        ),
    ],
    ids=[
        "pytest-asyncio, auto",
        "pytest-asyncio, strict",
        "pytest-aiohttp, auto",
        "pytest-aiohttp, strict",
        "anyio",
        "anyio beside pytest-asyncio",
        "the loop of the module",
        "the loop of the session",
    ],
)
def test_the_fixtures_work(tmp_path: Path, mark: str, fixture: str, arguments: Sequence[str]) -> None:
    """With each plugin, in tests and in other fixtures, with warnings as errors."""
    printed, last = run(tmp_path, TESTS.format(mark=mark, fixture=fixture), *arguments)
    assert last == "7 passed", printed


HEAD = """
import pytest
from meshapi_aio import *
from meshapi_aio.testing import *

MESSAGES = [Message.user("Hi")]
"""


def test_aiohttp_applications_and_their_bots(tmp_path: Path) -> None:
    """A bot that is an aiohttp application, run by pytest-aiohttp, and its gateway in one test."""
    source = """
    from aiohttp import web

    async def test_an_application(aiohttp_client, mesh_gateway, mesh_client):
        async def answer(request):
            completion = await mesh_client.chat.completions.create(messages=MESSAGES)
            return web.Response(text=completion.choices[0].message.text)

        application = web.Application()
        application.router.add_get("/", answer)
        client = await aiohttp_client(application)
        assert (await (await client.get("/")).text()).startswith("You said:")
    """
    printed, last = run(tmp_path, HEAD + textwrap.dedent(source), *AUTO)
    assert last == "1 passed", printed


def test_what_was_not_followed_fails_the_test(tmp_path: Path) -> None:
    """At its end, when it has passed; a test that fails by itself gets what came unexpectedly as a note."""
    source = """
    async def test_unused(mesh_gateway):
        mesh_gateway.enqueue(Answer(429))

    async def test_too_many(mesh_gateway, mesh_client):
        mesh_gateway.follow(Script())
        try:
            await mesh_client.chat.completions.create(messages=MESSAGES)
        except BadRequestError:
            pass

    async def test_another(mesh_gateway, mesh_client):
        mesh_gateway.follow(Script(Expect(model="a"), Answer(429)))
        await mesh_client.chat.completions.create(model="b", messages=MESSAGES)

    async def test_function(mesh_gateway, mesh_client):
        def answer(request):
            raise ZeroDivisionError("mine")

        mesh_gateway.enqueue(*[answer] * 4)
        try:
            await mesh_client.chat.completions.create(messages=MESSAGES)
        except InternalServerError:
            pass

    async def test_its_own_mistake(mesh_gateway):
        mesh_gateway.enqueue(Answer(429))
        assert mesh_gateway.requests == [1]

    async def test_skipped(mesh_gateway):
        mesh_gateway.enqueue(Answer(429))
        pytest.skip("for a reason")

    async def test_good(mesh_gateway, mesh_client):
        mesh_gateway.enqueue(Answer(body={"choices": []}))
        await mesh_client.chat.completions.create(messages=MESSAGES)
    """
    printed, last = run(tmp_path, HEAD + textwrap.dedent(source), *AUTO, "-rA")
    assert last == "2 failed, 4 passed, 1 skipped, 3 errors", printed
    told = printed.partition("short test summary")[0]
    unused = "the script was not used up; left is\n  entry 1, Answer(429)\nthe gateway has received nothing\n"
    assert f"_\n{unused}_" in told
    assert (
        "\nrequest 1 (POST /v1/chat/completions) came when no entry of the script was left; it has 0\n"
        in told
    )
    assert "FakeGateway: request 1 (POST /v1/chat/completions) is not entry 1, Expect(model='a'):\n" in told
    assert 'model: expected "a", received "b"\n' in told
    assert told.count("was not used up") == 1
    assert "ZeroDivisionError: mine" in told
    assert "meshapi_aio/testing" not in told.replace("testing/_run.py", "")


def test_the_marker_says_which_gateway(tmp_path: Path) -> None:
    """Its arguments are those of FakeGateway, on a test, a class and a module, the closest first."""
    source = """
    pytestmark = pytest.mark.mesh_gateway(token="rsk_module")

    class TestClass:
        pytestmark = pytest.mark.mesh_gateway(script=Script(Expect(model="a"), otherwise=OWN))

        async def test_method(self, mesh_gateway, mesh_client):
            assert mesh_gateway.token == "rsk_module"
            await mesh_client.chat.completions.create(model="a", messages=MESSAGES)

        @pytest.mark.mesh_gateway(token="rsk_test", script=Script())
        async def test_other_method(self, mesh_gateway):
            assert mesh_gateway.token == "rsk_test"
    """
    printed, last = run(tmp_path, HEAD + textwrap.dedent(source), *AUTO)
    assert last == "2 passed", printed


def test_calls_that_differ_are_explained(tmp_path: Path) -> None:
    """``assert request.call == CreateChatCompletion(...)`` says where they part."""
    source = """
    def test_calls():
        call = CreateChatCompletion(model="a", messages=MESSAGES)
        assert call == CreateChatCompletion(model="b", messages=MESSAGES)

    def test_classes():
        call = CreateChatCompletion(messages=MESSAGES)
        assert call == StreamChatCompletion(messages=MESSAGES)

    def test_others():
        assert CreateChatCompletion(messages=MESSAGES) == 1
    """
    printed, last = run(tmp_path, HEAD + textwrap.dedent(source))
    assert last == "3 failed", printed
    assert 'assert the call is not the expected one\nE         model: expected "b", received "a"\n' in printed
    assert (
        "assert the call is not the expected one\nE         stream: expected true, received false\n"
        in printed
    )
    assert printed.count("the call is not the expected one") == 4  # twice each, in the summary too


TRIO = "@pytest.fixture\ndef anyio_backend(): return 'trio', {}"


@pytest.mark.parametrize(
    ("source", "arguments", "told"),
    [
        (
            "def test_it(mesh_gateway): ...",
            AUTO,
            "test_it is not async; GatewayProcess serves what runs in no event loop",
        ),
        (
            "async def test_it(mesh_client): ...",
            (),
            "test_it is run by a plugin that is not known; known are",
        ),
        (
            f"{TRIO}\n@pytest.mark.anyio\nasync def test_it(mesh_client): ...",
            (),
            "test_it runs on trio; let the fixture anyio_backend return 'asyncio'",
        ),
    ],
    ids=["not async", "no plugin", "trio"],
)
def test_what_the_gateway_cannot_serve(
    tmp_path: Path, source: str, arguments: Sequence[str], told: str
) -> None:
    """It is told why at once, where it would have waited for ever."""
    printed, last = run(tmp_path, f"import pytest\n{source}", *arguments)
    assert last == "1 error", printed
    assert f"mesh_gateway runs in the asyncio event loop of a test, and {told}" in printed


def test_hypothesis_is_served(tmp_path: Path) -> None:
    """A test of hypothesis, whose function is a wrapper, as well as any other."""
    source = """
    from hypothesis import HealthCheck, given, settings, strategies

    @settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(text=strategies.text("ab", min_size=1))
    async def test_any_text(mesh_client, text):
        assert await mesh_client.chat.completions.create(messages=[Message.user(text)])
    """
    printed, last = run(tmp_path, HEAD + textwrap.dedent(source), *AUTO)
    assert last == "1 passed", printed


@pytest.mark.parametrize(
    "found",
    ["raise ImportError", "def fixture(fixture_function=None, **options): raise TypeError"],
    ids=["none", "an old one"],
)
def test_pytest_asyncio_is_not_needed(tmp_path: Path, found: str) -> None:
    """Where it is not installed, or is too old, the plugin loads all the same."""
    (tmp_path / "pytest_asyncio.py").write_text(found, encoding="utf-8")
    mark = f"pytestmark = pytest.mark.anyio\n{ANYIO_BACKEND}"
    without = ("-p", "no:asyncio", "-p", "no:aiohttp")
    printed, last = run(tmp_path, TESTS.format(mark=mark, fixture="@pytest.fixture"), *without)
    assert last == "7 passed", printed


def test_the_package_brings_the_plugin() -> None:
    """Under a name by which it can be turned off: ``-p no:meshapi_aio``."""
    (found,) = entry_points(group="pytest11", name="meshapi_aio")
    assert found.value == "meshapi_aio.testing.pytest_plugin"
