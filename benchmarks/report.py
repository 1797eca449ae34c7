"""
All the programs, one after the other, plain and over TLS; ``--write`` puts what they found into README.md.

``--quick`` leaves out the other clients, which take most of the time.
"""

import json
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from meshapi_aio import __version__

from . import fanout, install, opening, paced, stream, sustained, unary
from .programs import options, packages, parser, shown
from .results import Row, machine
from .runner import Bench


__all__ = ["PROGRAMS", "main", "put"]

PROGRAMS = (stream, paced, sustained, unary, fanout, opening, install)
README = Path(__file__).with_name("README.md")


def put(text: str, figures: str) -> str:
    """Return the text with these figures in place of those that it had."""
    begin, end = "<!-- figures -->", "<!-- end of figures -->"
    changed, count = re.subn(f"{begin}.*{end}", lambda _: f"{begin}\n{figures}\n{end}", text, flags=re.DOTALL)
    if count != 1:
        msg = f"README.md must hold {begin} and {end} once, and holds them {count} times"
        raise ValueError(msg)
    return changed


def main() -> None:
    """Measure everything."""
    made = parser(__doc__)
    made.add_argument("--write", action="store_true", help="write the figures into README.md")
    made.set_defaults(tls=True)
    arguments = made.parse_args()
    used = options(arguments)
    began = time.monotonic()
    rows: list[Row] = []
    versions: dict[str, str] = {}
    for program in PROGRAMS:
        print(f"{program.__name__}, after {time.monotonic() - began:.0f} s", file=sys.stderr)
        with Bench(used) as bench:
            rows += program.measure(bench)
            versions |= packages(bench)
    minutes = (time.monotonic() - began) / 60
    taken = f"{datetime.now(UTC):%Y-%m-%d}, meshapi_aio {__version__}, in {minutes:.0f} min"
    beside = ", ".join(f"{name} {version}" for name, version in versions.items())
    figures = f"{taken}. {beside}.\n\n{shown(rows, used)}"
    if arguments.json:
        found = {"taken": taken, "machine": machine(), "versions": versions}
        print(json.dumps({**found, "rows": [row.as_json() for row in rows]}, indent=1))
    else:
        print(figures)
    if arguments.write:
        README.write_text(put(README.read_text(encoding="utf-8"), figures), encoding="utf-8")


if __name__ == "__main__":
    main()
