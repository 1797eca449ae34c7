"""
The process of one client: takes jobs as lines of JSON, answers each with its figures. Started by the runner.

``python -m benchmarks.worker CLIENT [CORE]``
"""

import asyncio
import dataclasses
import importlib
import importlib.metadata
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, TextIO

from .clients import CLIENTS, Client, load
from .jobs import JOBS, Figures
from .placing import settle
from .plan import Plan


__all__ = ["main"]


async def _do(client: Client, order: dict[str, Any]) -> Figures:
    plan = Plan(**order["plan"])
    secure = order["authority"] is not None
    host = (
        f"https://localhost:{order['ports']['tls']}"
        if secure
        else f"http://127.0.0.1:{order['ports']['plain']}"
    )
    if order["warm"]:
        rehearsal = dataclasses.replace(plan, events=min(plan.events, 100), rate=0, hold=False)
        await client.open(host + rehearsal.path, order["authority"])
        await (client.complete() if plan.kind == "unary" else client.read(lambda _: None))
        await client.close()
    await client.open(host + plan.path, order["authority"])
    try:
        return await JOBS[order["job"]](client, order["ports"]["plain"], **order["arguments"])
    finally:
        await client.close()


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not CLIENTS[name].uvloop:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory


def _versions() -> dict[str, str]:
    return {
        distribution.name: distribution.version
        for distribution in importlib.metadata.distributions()
        if distribution.name not in {"pip", "setuptools", "wheel"}
    }


def _serve(name: str, answers: TextIO) -> None:
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, Any]
        if order["job"] == "versions":
            answer = {"figures": _versions()}
        else:
            try:
                with asyncio.Runner(loop_factory=_loop_factory(name)) as runner:
                    answer = {"figures": runner.run(_do(load(name), order))}
            except Exception:  # noqa: BLE001 - the runner raises it, with this traceback
                answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    """Work until the standard input ends."""
    name, *core = sys.argv[1:]
    settle(int(core[0]) if core else None)
    # Some clients print: what they say must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _serve(name, answers)


if __name__ == "__main__":
    main()
