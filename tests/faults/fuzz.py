"""
Looks for bytes that the client reads otherwise than the slow readers of ``reference.py`` do.

``python -m tests.faults.fuzz [RUNS]``: atheris (``pip install atheris``; the suite does without it) tries so
many inputs (default 100,000), beginning with those of ``tests/data/corpus.txt``. An input that shows a
difference ends it with the difference, and lies in ``tests/faults/found/``. Written into the corpus, as a
name and base64, it is tried in every run of the tests.
"""

import base64
import importlib
import sys
from pathlib import Path
from typing import Any


__all__ = ["corpus"]

FOUND = Path(__file__).parent / "found"


def corpus() -> dict[str, bytes]:
    """Return what was worth keeping: inputs by their names."""
    text = (Path(__file__).parent.parent / "data" / "corpus.txt").read_text("ascii")
    pairs = [line.split(" ") for line in text.splitlines()]
    return {name: base64.b64decode(data) for name, data in pairs}


def main(runs: int) -> None:
    """Look."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["meshapi_aio", "cattrs"]):
        differences = importlib.import_module("tests.faults.differences")
    FOUND.mkdir(exist_ok=True)
    for name, data in corpus().items():
        (FOUND / name).write_bytes(data)
    limits = [f"-runs={runs}", f"-max_len={differences.LONGEST}", f"-artifact_prefix={FOUND}/difference-"]
    atheris.Setup([sys.argv[0], str(FOUND), *limits], differences.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
