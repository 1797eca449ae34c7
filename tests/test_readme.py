"""
Every Python block of README.md is run, against a FakeGateway: what a newcomer copies works.

A block that calls ``asyncio.run`` is a program, and runs as one: in an interpreter of its own. Any other
block runs as it would be typed at the prompt of ``python -m asyncio``, top-level ``await`` included, and may
use ``client``, an open MeshAPI. The surroundings are what the README tells its reader to set:
MESHAPI_BASE_URL and MESHAPI_API_KEY. There is no way to exempt a block.

A block that begins with the name of a file is that file, and the story that the README tells of it is played:
the test of the bot fails with the bot as it stands above, and passes with the one that stands below.
"""

import ast
import asyncio
import inspect
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import NamedTuple

import pytest

from meshapi_aio import MeshAPI
from meshapi_aio.testing import FakeGateway
from tests.tree import PROJECT


README = PROJECT / "README.md"
NAMED = re.compile(r"# (\w+\.py)\n")
FENCE = re.compile(r"^( *)(`{3,}|~{3,}) *(.*)$")


class Block(NamedTuple):
    """One fenced block: the line of its opening fence, counted from 1, its info string, and its text."""

    line: int
    language: str
    text: str


def blocks(text: str) -> list[Block]:
    """Give every fenced block of a Markdown text. A fence that is never closed is a ValueError."""
    found: list[Block] = []
    opened: tuple[int, str, str] | None = None
    held: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        fence = FENCE.match(line)
        if opened is None:
            if fence is not None:
                opened, held = (number, fence[2], fence[3].strip()), []
        elif fence is not None and fence[2].startswith(opened[1]) and not fence[3]:
            found.append(Block(opened[0], opened[2], "".join(f"{kept}\n" for kept in held)))
            opened = None
        else:
            held.append(line)
    if opened is not None:
        msg = f"the fence opened in line {opened[0]} is never closed"
        raise ValueError(msg)
    return found


def is_program(tree: ast.Module) -> bool:
    """Say whether a block starts its own event loop."""
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(ast.unparse(function) == "asyncio.run" for function in calls)


async def run_program(text: str, path: Path) -> None:
    """Run a block as a program of its own, warnings as errors. A failure shows what it printed."""
    path.write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(path)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def run_fragment(tree: ast.Module, module: ModuleType) -> None:
    """Run a block in a module's namespace, on the running loop; ``await`` may stand at its top."""
    code = compile(tree, README.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = FunctionType(code, vars(module))()
    if inspect.iscoroutine(result):
        await result


BLOCKS = blocks(README.read_text(encoding="utf-8"))
PYTHON = [
    pytest.param(block, id=f"line{block.line}")
    for block in BLOCKS
    if block.language == "python" and not NAMED.match(block.text)
]
FILES = [(found[1], block.text) for block in BLOCKS if (found := NAMED.match(block.text))]


@pytest.mark.parametrize("block", PYTHON)
async def test_a_block_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block of Python runs to its end without an error and without a warning."""
    tree = ast.increment_lineno(ast.parse(block.text, README.name), block.line)
    monkeypatch.chdir(tmp_path)
    async with FakeGateway() as gateway:
        monkeypatch.setenv("MESHAPI_BASE_URL", gateway.base_url)
        monkeypatch.setenv("MESHAPI_API_KEY", gateway.token)
        if is_program(tree):
            await run_program(block.text, tmp_path / "program.py")
        else:
            module = ModuleType("readme")
            monkeypatch.setitem(sys.modules, module.__name__, module)  # annotations are looked up there
            async with MeshAPI() as client:
                vars(module)["client"] = client
                await run_fragment(tree, module)


async def test_the_evaluation_is_made(tmp_path: Path) -> None:
    """The tutorial of fan-out runs as it stands, in an empty folder, and ends with its results."""
    (tutorial,) = [block.text for block in BLOCKS if block.text.startswith("mkdir evaluation")]
    # The commands are found as in an environment that was activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", tutorial),
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert "('openai/gpt-4o-mini', 'ok'): 200" in output.decode()
    assert "done: 400 of 400 (200 by an earlier run)" in errors.decode()
    assert len((tmp_path / "evaluation" / "results.jsonl").read_text().splitlines()) == 400


async def run_pytest(folder: Path) -> tuple[int | None, str]:
    """Run the tests in a folder and return the status and what was printed; what is left open fails them."""
    left_open = ("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder)),
        *(f"-W{action}" for action in left_open),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_the_bot_is_mended(tmp_path: Path) -> None:
    """The test of the first bot fails, of the truncation and of nothing else; that of the second passes."""
    (name, naive), (test_name, test), (again, mended) = FILES
    assert (name, test_name, again) == ("bot.py", "test_bot.py", "bot.py")
    (tmp_path / test_name).write_text(test, encoding="utf-8")
    (tmp_path / name).write_text(naive, encoding="utf-8")
    status, printed = await run_pytest(tmp_path)
    assert status == pytest.ExitCode.TESTS_FAILED, printed
    assert "1 failed in " in printed
    assert "StreamTruncatedError: the stream " in printed
    (tmp_path / name).write_text(mended, encoding="utf-8")
    status, printed = await run_pytest(tmp_path)
    assert (status, "1 passed in " in printed) == (0, True), printed


def test_no_block_escapes() -> None:
    """The README shows Python, and calls it ``python``, by which name its blocks are found and run."""
    assert PYTHON
    assert [
        block
        for block in BLOCKS
        if block.language.lower().startswith(("py", "ipy")) and block.language != "python"
    ] == []


ROWS = [
    line for line in README.read_text(encoding="utf-8").splitlines() if line.endswith("` |") and "::" in line
]
SHOWN_BY = re.compile(r"\| `([\w/]+)\.py::(\w+)(?:\[(.+)\])?` \|$")


@pytest.mark.parametrize("row", ROWS, ids=[row.split(" | ")[0].strip("| ") for row in ROWS])
def test_what_is_promised_is_shown_by_a_test(row: str) -> None:
    """Each row of what happens when… names a test that exists, and the case of it where it has several."""
    found = SHOWN_BY.search(row)
    assert found is not None
    path, name, case = found.groups()
    test = getattr(import_module(f"tests.{path.replace('/', '.')}"), name)
    assert name.startswith("test_")
    marks = [mark for mark in getattr(test, "pytestmark", []) if len(mark.args) > 1]
    cases = [getattr(one, "id", one) for mark in marks for one in mark.args[1]]
    assert case is None or case in cases


def test_the_table_of_what_happens_when_is_there() -> None:
    """It has a row for each kind of fault, and none is left out of the check above."""
    text = README.read_text(encoding="utf-8")
    table = text.partition("## What happens when…")[2].partition("\n## ")[0]
    assert len(ROWS) > 30
    assert [line for line in table.splitlines() if line.startswith("| ")][1:] == ROWS


def test_blocks_are_found() -> None:
    """Fences of either kind and any length are read as Markdown has it: line, language, text."""
    text = "prose\n```python\na = 1\n\nb = 2\n```\n````text\n```python\nno\n```\n````\n~~~ sh\nls\n~~~\n"
    assert blocks(text) == [
        Block(2, "python", "a = 1\n\nb = 2\n"),
        Block(7, "text", "```python\nno\n```\n"),
        Block(12, "sh", "ls\n"),
    ]
    with pytest.raises(ValueError, match="line 1 is never closed"):
        blocks("```python\nleft = open\n")


async def test_a_fragment_awaits_at_its_top() -> None:
    """Top-level await runs on the test's own loop, and an error names the README's line."""
    module = ModuleType("readme")
    await run_fragment(
        ast.parse("import asyncio\nloop = asyncio.get_running_loop()\nawait asyncio.sleep(0)\n"), module
    )
    assert vars(module)["loop"] is asyncio.get_running_loop()
    with pytest.raises(ZeroDivisionError) as caught:
        await run_fragment(ast.increment_lineno(ast.parse("await asyncio.sleep(1 / 0)\n"), 40), module)
    assert caught.traceback[-1].lineno == 40


async def test_a_program_that_fails_fails_the_test(tmp_path: Path) -> None:
    """An error, and a warning as well, ends a program's test with what it printed."""
    for text in ("raise SystemExit('broken')", "import warnings\nwarnings.warn('broken', stacklevel=1)"):
        with pytest.raises(AssertionError, match="broken"):
            await run_program(text, tmp_path / "program.py")
