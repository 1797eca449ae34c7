"""Memory: what was opened, cancelled or failed leaves nothing behind."""

import asyncio
import os
import sys

import pytest

from tests.tree import PROJECT

from .memory import COUNT, USES


@pytest.mark.parametrize("use", USES)
async def test_memory_stays_where_it_was(use: str) -> None:
    """10,000 streams read, 10,000 cancelled, 10,000 refused and cut: the size drifts by under 10 MiB."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.memory", str(COUNT), use),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=PROJECT,
        # Not measured for coverage, which takes much longer, and memory of its own.
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert output.count(b"10000 times") == 1
