"""What the hot paths cost in steps of the interpreter, against what they cost when it was last stored."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks import cost

from .tree import PROJECT


def counted() -> dict[str, float]:
    """Count in a process of its own, without the tracing of a coverage measurement."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-m", "benchmarks.cost", "--json"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def test_nothing_costs_more_than_it_did() -> None:
    """
    A chunk, a stream and a completion take at most 3 % more steps than the stored figures say (promise 20).

    The figures do not depend on the machine or on what else it does, only on Python's minor version.
    """
    before = cost.stored()
    if not before:
        pytest.skip(f"no figures of Python {cost.MINOR} are stored; benchmarks.cost --update stores them")
    found = cost.regressions(counted(), before)
    advice = "Where it is worth that: python -m benchmarks.cost --update, once on each Python"
    assert not found, "\n".join([*found, advice])


def test_what_counts_as_a_regression() -> None:
    """More than 3 % over the stored figure does, and so does a figure that none is stored for; less never."""
    assert cost.regressions({"a": 103.0, "b": 50.0}, {"a": 100.0, "b": 100.0, "gone": 1.0}) == []
    (over,) = cost.regressions({"a": 104.0}, {"a": 100.0})
    assert over == "a: 104.0 steps, 4.0 % over the stored 100.0"
    (unknown,) = cost.regressions({"new": 1.0}, {"a": 100.0})
    assert unknown == "new: 1.0 steps, and no figure is stored"
