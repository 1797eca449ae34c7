"""Figures of several rounds, compared: medians of ratios within a round, with their spread."""

import os
import platform
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


__all__ = ["Goal", "Row", "machine", "table"]


@dataclass(frozen=True)
class Goal:
    """
    What a client shall cost, as a multiple of another's cost in the same round.

    ``bound`` is a most, or with ``least`` a least; None only shows the ratio. Against nobody (""), the figure
    itself counts. ``text`` is how the bound is shown where a fraction reads better.
    """

    client: str
    against: str
    bound: float | None = None
    least: bool = False
    text: str = ""

    def __str__(self) -> str:
        if self.bound is None:
            return ""
        return f"{'≥' if self.least else '≤'} {self.text or f'{self.bound:g}'}"

    def met(self, ratio: float) -> bool | None:
        """Tell whether this ratio reaches it; None where there is no goal."""
        if self.bound is None:
            return None
        return ratio >= self.bound if self.least else ratio <= self.bound


@dataclass
class Row:
    """One piece of work: the figures of each client, one a round."""

    work: str
    unit: str
    figures: dict[str, list[float]]
    goals: list[Goal] = field(default_factory=list)

    @classmethod
    def of(
        cls, work: str, unit: str, rounds: dict[str, list[dict[str, float]]], name: str, *goals: Goal
    ) -> "Row":
        """Take one figure out of those that the clients' rounds brought."""
        figures = {client: [one[name] for one in each] for client, each in rounds.items()}
        return cls(
            work, unit, figures, [goal for goal in goals if {goal.client, goal.against} <= {"", *figures}]
        )

    def ratios(self, goal: Goal) -> list[float]:
        """Return the ratio of each round, or where the goal is against nobody, the figure itself."""
        if not goal.against:
            return self.figures[goal.client]
        pairs = zip(self.figures[goal.client], self.figures[goal.against], strict=True)
        return [own / other if other else float("nan") for own, other in pairs]

    def as_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        compared = []
        for goal in self.goals:
            ratios = self.ratios(goal)
            middle = statistics.median(ratios)
            compared.append(
                {
                    "client": goal.client,
                    "against": goal.against,
                    "ratio": middle,
                    "lowest": min(ratios),
                    "highest": max(ratios),
                    "goal": str(goal),
                    "met": goal.met(middle),
                }
            )
        return {"work": self.work, "unit": self.unit, "figures": self.figures, "compared": compared}


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _spread(values: list[float]) -> str:
    middle = statistics.median(values)
    return f"{_number(middle)} ({_number(min(values))}-{_number(max(values))})"


def table(rows: list[Row]) -> str:
    """Return a Markdown table: what each client took, then each comparison with its goal."""
    lines = [
        "| work | client | median (lowest-highest) | ratio (lowest-highest) | goal | |",
        "|---|---|---:|---:|---|---|",
    ]
    for row in rows:
        for client, values in row.figures.items():
            own = [goal for goal in row.goals if goal.client == client]
            took = f"{_spread(values)} {row.unit}"
            if not own:
                lines.append(f"| {row.work} | {client} | {took} | | | |")
            for goal in own:
                ratios = row.ratios(goal)
                word = {None: "", True: "met", False: "**missed**"}[goal.met(statistics.median(ratios))]
                ratio = f"{_spread(ratios)} of {goal.against}" if goal.against else ""
                lines.append(f"| {row.work} | {client} | {took} | {ratio} | {goal} | {word} |")
    return "\n".join(lines)


def machine() -> dict[str, str]:
    """Return what the figures depend on: processor, cores, system, Python. No name and no path."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")
        ]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    return {
        "cpu": cpu,
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
    }
