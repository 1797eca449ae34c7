"""What the programs share: their options, and how they show their rows."""

import argparse
import json
import sys
from collections.abc import Callable

from .results import Row, machine, table
from .runner import Bench, Options


__all__ = ["Measure", "options", "packages", "parser", "run", "shown"]

_PACKAGES = (
    "aiohttp",
    "attrs",
    "cattrs",
    "orjson",
    "uvloop",
    "openai",
    "meshapi",
    "httpx",
    "httpx-sse",
    "litellm",
)

Measure = Callable[[Bench], list[Row]]
"""A program's work: returns its rows."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all programs have."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", action="store_true", help="print JSON instead of a table")
    made.add_argument("--rounds", type=int, default=5, help="how often each client has its turn")
    made.add_argument("--quick", action="store_true", help="only meshapi_aio and the bare loop")
    made.add_argument(
        "--here", action="store_true", help="run the clients in this environment, not their own"
    )
    made.add_argument("--tls", action="store_true", help="measure TLS too (needs trustme)")
    made.add_argument("--scale", type=float, default=1, help="a factor for every size")
    return made


def options(arguments: argparse.Namespace) -> Options:
    """Return what the options say."""
    return Options(
        rounds=arguments.rounds,
        quick=arguments.quick,
        here=arguments.here,
        tls=arguments.tls,
        scale=arguments.scale,
    )


def packages(bench: Bench) -> dict[str, str]:
    """Return the versions of those packages that the clients are made of."""
    found = {name: version for each in bench.versions.values() for name, version in each.items()}
    return {name: found[name] for name in _PACKAGES if name in found}


def shown(rows: list[Row], used: Options) -> str:
    """Return the rows as a table, under a line that says where and how they were measured."""
    how = f"{used.rounds} rounds" + (f", every size x {used.scale:g}" if used.scale != 1 else "")
    return f"{', '.join(machine().values())}; {how}\n\n{table(rows)}"


def run(measure: Measure, description: str | None) -> None:
    """Run one program and print what it found."""
    arguments = parser(description).parse_args()
    with Bench(options(arguments)) as bench:
        rows = measure(bench)
        found = {"machine": machine(), "versions": bench.versions, "rows": [row.as_json() for row in rows]}
    if arguments.json:
        json.dump(found, sys.stdout, indent=1)
        print()
    else:
        print(shown(rows, bench.options))
