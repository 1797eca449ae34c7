"""Each module imported alone, in a fresh interpreter, with every warning an error; and what comes along."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import requires
from typing import NamedTuple

import pytest

from tests.tree import MODULES, NAME, PACKAGE, dotted


# Importing any module runs the door first, which imports all the others in an order that works. So the door
# is put in place without running it, and the module has to find by itself what it needs.
ALONE = f"""
import importlib, importlib.util, sys
spec = importlib.util.find_spec({NAME!r})
sys.modules[{NAME!r}] = importlib.util.module_from_spec(spec)
importlib.import_module(sys.argv[1])
"""
THROUGH_THE_DOOR = "import importlib, sys; importlib.import_module(sys.argv[1])"
LOADED = """
import json
print(json.dumps(sorted(name for name in sys.modules if sys.modules[name] is not None)))
"""

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
def alone() -> dict[str, Outcome]:
    """Import every module alone, as many at a time as the machine has processors."""
    names = [dotted(module) for module in MODULES if module != "__init__.py"]
    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(lambda name: interpret(ALONE, name), names), strict=True))


@pytest.mark.parametrize("module", [module for module in MODULES if module != "__init__.py"])
def test_a_module_is_imported_alone(alone: dict[str, Outcome], module: str) -> None:
    """No module needs another to have been imported before it, and none warns."""
    outcome = alone[dotted(module)]
    assert (outcome.status, outcome.complaint) == (0, "")
    assert dotted(module) in outcome.loaded


def test_the_client_brings_nothing_optional() -> None:
    """
    Importing the client loads no package of the command line and no tool of the tests, although all are here.

    orjson is not among them: the codec may take it where it is installed.
    """
    outcome = interpret(THROUGH_THE_DOOR, NAME)
    assert (outcome.status, outcome.complaint) == (0, "")
    assert f"{NAME}.client" in outcome.loaded
    assert [name for name in NEVER_WITH_THE_CLIENT if name in outcome.loaded] == []


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
