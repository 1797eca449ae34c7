"""Cold import, in fresh processes, and what an installation weighs."""

import os
import subprocess
import sys

from .clients import CLIENTS
from .peers import ROOT, environment
from .programs import run
from .results import Goal, Row
from .runner import Bench


__all__ = ["measure"]

OWN = "meshapi_aio"
# The name of a row's client, and what it imports.
IMPORTS = {
    OWN: OWN,
    "aiohttp alone": "aiohttp",
    "openai": "openai",
    "meshapi": "meshapi",
    "litellm": "litellm",
}
_IMPORT = (
    "import sys, time; sys.path.insert(0, {path!r}); began = time.process_time(); "
    "import {module}; print(time.process_time() - began)"
)
# What an environment has beyond the interpreter; pip serves the making of it alone.
_SIZE = (
    "import importlib.metadata as m; "
    "print(sum(f.size or 0 for d in m.distributions() if d.name not in ('pip', 'setuptools', 'wheel') "
    "for f in d.files or ()))"
)


def _python(bench: Bench, name: str) -> str:
    if bench.options.here:
        return sys.executable
    return environment("plain" if name == "aiohttp alone" else CLIENTS[name].environment)


def _say(python: str, program: str) -> float:
    # Where this one is told to write no bytecode, theirs would have to be compiled each time.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(
        [python, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT, env=env
    )
    return float(run.stdout)


def _imports(bench: Bench) -> Row:
    names = [OWN, "aiohttp alone", *bench.clients("openai", "meshapi", "litellm")]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for index in range(bench.options.rounds + 1):
        for name in names:
            program = _IMPORT.format(path=str(ROOT), module=IMPORTS[name])
            took = _say(_python(bench, name), program) * 1e3
            if index:  # the first one compiles
                rounds[name].append({"cpu": took})
    goals = [Goal(OWN, name, 1.12 if name == "aiohttp alone" else None) for name in names[1:]]
    return Row.of("Cold import, CPU", "ms", rounds, "cpu", *goals)


def _sizes(bench: Bench) -> Row:
    names = [OWN, *bench.clients("openai", "openai[aiohttp]", "meshapi", "litellm")]
    own = sum(path.stat().st_size for path in (ROOT / OWN).rglob("*.py"))
    sizes = {
        name: [(_say(_python(bench, name), _SIZE) + (own if name == OWN else 0)) / 2**20] for name in names
    }
    return Row("Installed size, with what it needs", "MiB", sizes, [Goal(OWN, name) for name in names[1:]])


def measure(bench: Bench) -> list[Row]:
    """Return the rows."""
    return [_imports(bench), _sizes(bench)]


if __name__ == "__main__":
    run(measure, __doc__)
