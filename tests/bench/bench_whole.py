"""Whole runs of the command: `captionmill write` over thousands of images against the floor.

    python -m tests.bench whole [--images N] [--large M] [--rounds N] [--cache FOLDER]

The command is a process of its own in a new workspace: it starts, crawls, prepares on all cores,
writes the requests, books them, exports the table. The floor decodes and encodes the same files
on the same cores and does nothing else, not even start. Each file is another picture: nothing is
there to be deduplicated. Each run of the command stands between two of the floor and is held
against their mean, because the speed of a shared machine drifts within such a run.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path

from tests.bench import command, corpora
from tests.bench.all_cores import floor_run
from tests.bench.figures import Figure, Found, Spent, ratio

_CPU_GOAL, _WALL_GOAL = 1.15, 1.20


def main(arguments: list[str]) -> Found:
    """Run floor and command in turn over N (10,000) small images and M (500) large ones."""
    parser = argparse.ArgumentParser(prog="whole")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cache", type=Path, default=corpora.CACHE)
    options = parser.parse_args(arguments)
    figures: list[Figure] = []
    details: dict[str, object] = {}
    for size, make, count in (
        ("small", corpora.many, options.images),
        ("large", corpora.many_large, options.large),
    ):
        if count:
            found, spent = _compare(size, make(options.cache, count), options.rounds)
            figures += found
            details[size] = {"images": count, **spent}
    return Found(figures, details)


def _compare(
    size: str, paths: list[str], rounds: int
) -> tuple[list[Figure], dict[str, list[dict[str, float]]]]:
    """What the command spends, times the floor, and both in seconds, round by round."""
    floors, ours = [floor_run(paths)], []
    for _ in range(rounds):
        ours.append(_command(Path(paths[0]).parent, len(paths)))
        floors.append(floor_run(paths))
    cpu = ratio([one.cpu for one in ours], _around([one.cpu for one in floors]))
    wall = ratio([one.wall for one in ours], _around([one.wall for one in floors]))
    what = f"write, the whole command, {len(paths):,} {size} images"
    print(f"  {what}: {cpu} x the floor's CPU, {wall} x its time on all cores", flush=True)
    figures = [
        Figure(f"{what}: CPU, times the floor", cpu, "x", _CPU_GOAL),
        Figure(f"{what}: time on all cores, times the floor", wall, "x", _WALL_GOAL),
    ]
    return figures, {"command": _as_dicts(ours), "floor": _as_dicts(floors)}


def _around(floors: list[float]) -> list[float]:
    """The mean of each two neighbours."""
    return [(before + after) / 2 for before, after in itertools.pairwise(floors)]


def _as_dicts(spent: list[Spent]) -> list[dict[str, float]]:
    return [{"cpu": one.cpu, "wall": one.wall} for one in spent]


def _command(images: Path, count: int) -> Spent:
    """One `captionmill write` in a new workspace; CPU with its workers."""
    with tempfile.TemporaryDirectory() as name:
        took, said = command.write(images, Path(name) / "ws")
    assert said["requests"] == count, said
    return took
