"""Each module imported alone, in a fresh interpreter, with every warning an error; and what comes along."""

import json
import re
import subprocess
import sys
from importlib.metadata import requires
from typing import NamedTuple

import pytest

from tests.tree import MODULES, NAME, PACKAGE, dotted


# Importing any module runs the door first, which imports all the others in an order that works. So the door
# is put in place without running it, and the module has to find by itself what it needs. Each is imported in
# a fork of an interpreter that has the third-party packages but no module of ours: with a fresh interpreter
# for each of the 120 it took 115 s of processor time, so it takes 29.
ALONE = f"""
import aiohttp.web, attrs, cattrs, importlib, importlib.util, json, os, sys, traceback
for name in sys.argv[1:]:
    reading, writing = os.pipe()
    if os.fork() == 0:
        spec = importlib.util.find_spec({NAME!r})
        sys.modules[{NAME!r}] = importlib.util.module_from_spec(spec)
        try:
            importlib.import_module(name)
            told = "" if name in sys.modules else "not loaded"
        except BaseException:
            told = traceback.format_exc()
        os.write(writing, json.dumps([name, told[-2000:]]).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as told:
        print(told.read(), flush=True)
    os.wait()
"""
THROUGH_THE_DOOR = "import importlib, sys; importlib.import_module(sys.argv[1])"
LOADED = """
import json
print(json.dumps(sorted(name for name in sys.modules if sys.modules[name] is not None)))
"""

CHAT = """
import sys
import meshapi_aio
from meshapi_aio._codec import structurer
delta = {"index": 0, "delta": {"role": "assistant", "content": "a"}, "finish_reason": None, "logprobs": None}
message = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
for _ in range(3):
    structurer(meshapi_aio.ChatCompletionChunk)({**head, "choices": [delta]})
    structurer(meshapi_aio.ChatCompletion)({**head, "choices": [message]})
"""
ON_DEMAND = (
    "cattrs",
    "difflib",
    *(f"{NAME}.{room}" for room in ("_hooks", "_pages", "_polling", "events")),
)

NEVER_WITH_THE_CLIENT = ("click", "hypothesis", "pytest", "rich", "uvloop")
OPTIONAL = (*NEVER_WITH_THE_CLIENT, "orjson")
BLOCKED = f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL}))\n"


class Outcome(NamedTuple):
    """How an interpreter ended: its exit status, the modules it had loaded, and what it printed as errors."""

    status: int
    loaded: frozenset[str]
    complaint: str


def interpret(program: str, module: str) -> Outcome:
    """Run a program that imports one module, apart from this process's path, warnings as errors."""
    command = [sys.executable, "-I", "-W", "error", "-c", program + LOADED, module]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    loaded = json.loads(ended.stdout) if ended.returncode == 0 else []
    return Outcome(ended.returncode, frozenset(loaded), ended.stderr)


@pytest.fixture(scope="module")
def alone() -> dict[str, str]:
    """Import every module alone, and give what each complained of."""
    names = [dotted(module) for module in MODULES if module != "__init__.py"]
    command = [sys.executable, "-I", "-W", "error", "-c", ALONE, *names]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    return dict(json.loads(line) for line in ended.stdout.splitlines())


@pytest.mark.parametrize("module", [module for module in MODULES if module != "__init__.py"])
def test_a_module_is_imported_alone(alone: dict[str, str], module: str) -> None:
    """No module needs another to have been imported before it, and none warns."""
    assert alone[dotted(module)] == ""


def test_the_client_brings_nothing_optional() -> None:
    """
    Importing the client loads no package of the command line and no tool of the tests, although all are here.

    orjson is not among them: the codec may take it where it is installed.
    """
    outcome = interpret(THROUGH_THE_DOOR, NAME)
    assert (outcome.status, outcome.complaint) == (0, "")
    assert f"{NAME}.client" in outcome.loaded
    assert [name for name in NEVER_WITH_THE_CLIENT if name in outcome.loaded] == []


def test_a_chat_brings_nothing_that_it_can_do_without() -> None:
    """What takes long to import, and few programs need, is there when it is needed."""
    outcome = interpret(CHAT, NAME)
    assert (outcome.status, outcome.complaint) == (0, "")
    assert f"{NAME}.endpoints.chat" in outcome.loaded
    assert [name for name in ON_DEMAND if name in outcome.loaded] == []


@pytest.mark.parametrize("name", [NAME, f"{NAME}.testing"])
def test_three_dependencies_are_enough(name: str) -> None:
    """The client and FakeGateway are imported where no optional package can be."""
    outcome = interpret(BLOCKED + THROUGH_THE_DOOR, name)
    assert (outcome.status, outcome.complaint) == (0, "")


@pytest.mark.parametrize("name", OPTIONAL)
def test_every_optional_package_is_here(name: str) -> None:
    """The tests above would hold for nothing if what must not be loaded were not installed."""
    assert interpret(THROUGH_THE_DOOR, name).status == 0


def test_the_installed_package_declares_three_dependencies() -> None:
    """Installing the client brings aiohttp, attrs and cattrs, and nothing more unless an extra is named."""
    declared = [line for line in requires(NAME) or [] if "extra ==" not in line]
    assert sorted(re.split(r"[^\w-]", line)[0] for line in declared) == ["aiohttp", "attrs", "cattrs"]


def test_the_package_says_that_it_is_typed() -> None:
    """Type checkers of users read the annotations: ``py.typed`` is installed with the modules."""
    assert (PACKAGE / "py.typed").is_file()
