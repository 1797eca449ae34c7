"""Where the command line starts: its version, its help, and what it says where a package is missing."""

import os
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from meshapi_aio import __main__, _version

from .running import command_line, environment


async def test_it_tells_its_version() -> None:
    """``--version`` prints the version of the package."""
    assert await command_line("--version", env=environment()) == (
        0,
        f"meshapi-aio, version {_version.__version__}\n",
        "",
    )


async def test_help_names_commands_and_variables() -> None:
    """``--help`` names each command, and the variables from which key and address are taken."""
    ended = await command_line("--help", env=environment())
    assert ended.status == 0
    for word in ("chat", "MESHAPI_API_KEY", "MESHAPI_TOKEN", "MESHAPI_BASE_URL"):
        assert word in ended.stdout


async def test_an_unknown_command_is_refused() -> None:
    """A command that does not exist is named, and the status is 2."""
    ended = await command_line("chatt", env=environment())
    assert (ended.status, ended.stdout) == (2, "")
    assert "No such command 'chatt'" in ended.stderr


@pytest.mark.parametrize("name", ["click", "rich"])
async def test_without_the_extra_it_says_what_to_install(tmp_path: Path, name: str) -> None:
    """Where a package of the extra is missing, one line says how to get it, and the status is 2."""
    stub = f'raise ModuleNotFoundError("No module named {name!r}", name={name!r})\n'
    (tmp_path / f"{name}.py").write_text(stub, encoding="utf-8")
    ended = await command_line("chat", "--local", "Hi", env=_found_first(tmp_path))
    told = f'meshapi-aio needs {name}, which is missing: pip install "meshapi_aio[cli]"\n'
    assert ended == (2, "", told)


async def test_another_missing_module_is_a_traceback(tmp_path: Path) -> None:
    """Only the extra's own packages are asked for; what else is missing is a fault that must be seen."""
    (tmp_path / "click.py").write_text("import nothing_of_this_name\n", encoding="utf-8")
    ended = await command_line("chat", "--local", "Hi", env=_found_first(tmp_path))
    assert ended.status == 1
    assert "No module named 'nothing_of_this_name'" in ended.stderr.splitlines()[-1]


def _found_first(folder: Path) -> dict[str, str]:
    """Return an environment in which modules are looked for in this folder first."""
    env = environment()
    return env | {"PYTHONPATH": f"{folder}{os.pathsep}{env['PYTHONPATH']}"}


def test_the_console_script_is_main() -> None:
    """``meshapi-aio`` and ``python -m meshapi_aio`` are one program."""
    (script,) = entry_points(group="console_scripts", name="meshapi-aio")
    assert script.load() is __main__.main
