"""Starts the server and the clients, each in a process of its own, and has them take turns."""

import dataclasses
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .clients import CLIENTS
from .peers import ROOT, environment
from .plan import Plan


__all__ = ["Bench", "Options"]


@dataclasses.dataclass(frozen=True)
class Options:
    """
    How to measure.

    ``quick`` leaves out all clients but meshapi_aio and the bare loop. ``here`` runs the clients in the
    running environment instead of their own. ``scale`` shrinks every size, for trying things out.
    """

    rounds: int = 5
    quick: bool = False
    here: bool = False
    tls: bool = False
    scale: float = 1

    def size(self, wanted: int, least: int = 1) -> int:
        """Return a size, scaled."""
        return max(int(wanted * self.scale), least)


def _cores() -> list[str]:
    """Return the arguments that put the server on one core and a client on another, where there are two."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))
    return [str(cores[0]), str(cores[-1])] if len(cores) > 1 else []


class _Process:
    """A process that answers lines of JSON with lines of JSON."""

    def __init__(self, python: str, *arguments: str) -> None:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [python, "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"},
        )

    def answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            msg = f"{self._process.args!r} ended with {self._process.wait()} instead of answering"
            raise RuntimeError(msg)
        return json.loads(line)

    def ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def end(self) -> None:
        self._process.communicate()


class Bench:
    """The server and the clients of one run; leaving it ends their processes."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.versions: dict[str, dict[str, str]] = {}
        self._cores = _cores()
        self._workers: dict[str, _Process] = {}
        self._folder = tempfile.TemporaryDirectory()
        self._authority: str | None = None
        self._ports: Any = None

    def __enter__(self) -> Self:
        arguments: list[str] = []
        if self.options.tls:
            # From the extra "test"; imported here, since nothing else needs it.
            trustme: Any = importlib.import_module("trustme")
            authority = trustme.CA()
            chain = Path(self._folder.name) / "server.pem"
            self._authority = str(Path(self._folder.name) / "authority.pem")
            authority.cert_pem.write_to_path(self._authority)
            authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(chain))
            arguments += ["--certificate", str(chain)]
        if self._cores:
            arguments += ["--core", self._cores[0]]
        self._server = _Process(sys.executable, "benchmarks.server", *arguments)
        self._ports = self._server.answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers.values():
            worker.end()
        self._server.end()
        self._folder.cleanup()

    def clients(self, *names: str) -> list[str]:
        """Return those of the clients that the options leave."""
        return [name for name in names if not self.options.quick or name in {"meshapi_aio", "bare loop"}]

    def _worker(self, client: str) -> _Process:
        python = sys.executable if self.options.here else environment(CLIENTS[client].environment)
        arguments = ("benchmarks.worker", client, *self._cores[1:])
        if client not in self.versions:
            # In a process of its own, since reading them leaves another heap behind.
            reader = _Process(python, *arguments)
            self.versions[client] = reader.ask({"job": "versions"})["figures"]
            reader.end()
        return _Process(python, *arguments)

    def run(
        self, client: str, job: str, plan: Plan, *, tls: bool = False, fresh: bool = False, **arguments: Any
    ) -> dict[str, float]:
        """Have a client do a job and return the figures; ``fresh`` takes a new process for it."""
        warm = fresh or client not in self._workers
        worker = self._worker(client) if warm else self._workers[client]
        answer = worker.ask(
            {
                "job": job,
                "plan": dataclasses.asdict(plan),
                "arguments": arguments,
                "ports": self._ports,
                "authority": self._authority if tls else None,
                "warm": warm,
            }
        )
        if fresh:
            worker.end()
        else:
            self._workers[client] = worker
        if "error" in answer:
            msg = f"{client}, {job}: {answer['error']}"
            raise RuntimeError(msg)
        figures: dict[str, float] = answer["figures"]
        return figures

    def rounds(
        self, clients: list[str], job: str, plan: Plan, **arguments: Any
    ) -> dict[str, list[dict[str, float]]]:
        """Have the clients take turns, round after round, each round beginning with another one."""
        figures: dict[str, list[dict[str, float]]] = {client: [] for client in clients}
        for index in range(self.options.rounds):
            at = index % len(clients)
            for client in clients[at:] + clients[:at]:
                figures[client].append(self.run(client, job, plan, **arguments))
        return figures
