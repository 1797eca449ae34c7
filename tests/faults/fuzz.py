"""
Looks for bytes that the client reads otherwise than the slow readers of ``reference.py`` do.

``python -m tests.faults.fuzz [RUNS]``: atheris (``pip install atheris``; the suite does without it) tries so
many inputs (default 100,000), beginning with those of ``corpus/``. An input that shows a difference ends it
with the difference, and lies in ``found/``; once in ``corpus/``, it is tried by every run of the tests.
"""

import importlib
import sys
from pathlib import Path
from typing import Any


__all__ = ["CORPUS"]

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path(__file__).parent / "found"


def main(runs: int) -> None:
    """Look."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["meshapi_aio", "cattrs"]):
        differences = importlib.import_module("tests.faults.differences")
    FOUND.mkdir(exist_ok=True)
    limits = [f"-runs={runs}", f"-max_len={differences.LONGEST}", f"-artifact_prefix={FOUND}/difference-"]
    atheris.Setup([sys.argv[0], str(FOUND), str(CORPUS), *limits], differences.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
