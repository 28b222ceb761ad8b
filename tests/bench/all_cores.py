"""The floor in bare processes, one a core: what no program that does more can be quicker than."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

from tests.bench import ways
from tests.bench.figures import Spent

CORES = len(os.sched_getaffinity(0))


def floor_run(paths: list[str]) -> Spent:
    """Wall and CPU seconds of the floor over `paths`, without the processes' start."""
    context = multiprocessing.get_context("spawn")
    barrier, took = context.Barrier(CORES + 1), context.Queue()
    processes = [
        context.Process(target=_share, args=(paths[number::CORES], barrier, took))
        for number in range(CORES)
    ]
    for process in processes:
        process.start()
    barrier.wait()
    before = time.perf_counter()
    cpu = sum(took.get() for _ in processes)
    wall = time.perf_counter() - before
    for process in processes:
        process.join()
    return Spent(cpu, wall)


def _share(paths: list[str], barrier: Any, took: Any) -> None:
    way = ways.floor(512)
    way(paths[0])
    barrier.wait()
    before = time.process_time()
    for path in paths:
        way(path)
    took.put(time.process_time() - before)


def children_cpu() -> float:
    """CPU seconds of this process's living children, and of theirs."""
    return sum(_ticks(child) for child in _children("self")) / os.sysconf("SC_CLK_TCK")


def _children(process: str) -> list[str]:
    """Living children of a process, and theirs."""
    listed = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children")]
    found = " ".join(listed).split()
    return found + [pid for child in found for pid in _children(child)]


def _ticks(process: str) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
