"""Memory: what was opened, cancelled or failed leaves nothing behind."""

import asyncio
import sys

from tests.tree import PROJECT


async def test_memory_stays_where_it_was() -> None:
    """10,000 streams read, 10,000 cancelled, 10,000 refused and cut: the size drifts by under 10 MiB."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.memory"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=PROJECT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert output.count(b"10000 times") == 3
