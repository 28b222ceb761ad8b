"""What the benchmarks found, as one table and one JSON file."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that is held against a goal.

    Attributes:
        what: in words.
        value, unit: measured.
        goal: None where there is none; `sense` says on which side of it the value should be.
    """

    what: str
    value: float
    unit: str
    goal: float | None = None
    sense: Literal["at most", "at least"] = "at most"

    def reached(self) -> bool | None:
        """True when the goal is reached, None without one."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.sense == "at most" else self.value >= self.goal


@dataclass(slots=True)
class Found:
    """What one benchmark found: figures for the table, and details for the JSON file only."""

    figures: list[Figure] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


def table(found: dict[str, Found]) -> str:
    """The one table of all benchmarks."""
    rows = [("", "figure", "value", "unit", "goal", "")]
    for name, one in found.items():
        for figure in one.figures:
            goal = "" if figure.goal is None else f"{figure.sense} {figure.goal:g}"
            verdict = {True: "reached", False: "missed", None: ""}[figure.reached()]
            rows.append((name, figure.what, f"{figure.value:,.6g}", figure.unit, goal, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column == 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def as_json(found: dict[str, Found]) -> dict[str, Any]:
    """The same with every detail, JSON-able."""
    return {
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "cores": len(os.sched_getaffinity(0)),
            "load at the end": os.getloadavg()[0],
        },
        "benchmarks": {
            name: {"figures": [asdict(figure) for figure in one.figures], **one.details}
            for name, one in found.items()
        },
    }


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of work: CPU of this process (all its threads), and wall; `peak` is the most memory
    of a child process in MB, 0 for one of our own."""

    cpu: float
    wall: float
    peak: int = 0


def spent(work: Callable[[], object]) -> Spent:
    """Run `work` and say what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)


def ratio(ours: list[float], floor: list[float]) -> float:
    """Median of the ratios, pair by pair: a machine that slows down slows both of a pair."""
    return round(median(one / other for one, other in zip(ours, floor, strict=True)), 3)
