"""``meshapi-aio completion``: what it prints makes the shells complete, as somebody who presses Tab sees."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from .running import command_line, environment, invoke
from .terminal import ENTER, Terminal


TAB = "\t"
SHELLS = {
    "bash": ("--norc", "--noprofile", "-i"),
    "zsh": ("-f", "-i"),
    "fish": ("--no-config", "-i"),
}
# What each shell is told first: a prompt to wait for, and the script.
SETTINGS = {
    "bash": "PS1='ready> '; eval \"$(meshapi-aio completion bash)\"",
    "zsh": "PS1='ready> '; autoload -U compinit && compinit -u -D; eval \"$(meshapi-aio completion zsh)\"",
    "fish": "function fish_prompt; echo -n 'ready> '; end; meshapi-aio completion fish | source",
}


@pytest.mark.parametrize("shell", SHELLS)
async def test_the_shell_completes(shell: str, tmp_path: Path) -> None:
    """Commands, options and the names of accidents, with Tab."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    program = tmp_path / "meshapi-aio"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m meshapi_aio "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    env = environment(
        PATH=path, HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path)
    )
    async with Terminal(env=env, program=(found, *SHELLS[shell]), columns=100) as terminal:
        terminal.press(SETTINGS[shell] + ENTER)
        await terminal.until(lambda: terminal.screen.endswith("\nready>"))
        terminal.press("meshapi-aio ser" + TAB)
        await terminal.until(lambda: terminal.screen.endswith("ready> meshapi-aio serve"))
        terminal.press("--cat" + TAB)
        await terminal.until(lambda: terminal.screen.endswith("serve --catalogue"))
        terminal.press("x --accident html_e" + TAB)
        await terminal.until(lambda: terminal.screen.endswith("--accident html_error"))


@pytest.mark.parametrize("shell", SHELLS)
async def test_each_shell_has_a_script(shell: str) -> None:
    """It asks the program itself, by the variable that click looks at; status 0."""
    status, stdout, stderr = await invoke("completion", shell)
    assert (status, stderr) == (0, "")
    assert f"_MESHAPI_AIO_COMPLETE={shell}_complete" in stdout


async def test_another_shell_is_refused() -> None:
    """With the names of those that there are; status 2."""
    status, stdout, stderr = await invoke("completion", "csh")
    assert (status, stdout) == (2, "")
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in stderr


async def test_nothing_is_done_while_it_completes() -> None:
    """An option that prints and exits is only a word before the one that is being completed."""
    asked = {"COMP_WORDS": "meshapi-aio serve --accidents --p", "COMP_CWORD": "3"}
    ended = await command_line(env=environment(_MESHAPI_AIO_COMPLETE="bash_complete", **asked))
    assert ended == (0, "plain,--port\nplain,--pace\n", "")
