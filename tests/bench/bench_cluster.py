"""A cluster on this machine against the local engine on the same cores.

    python -m tests.bench cluster [--images N] [--large M] [--rounds N] [--cache FOLDER]

Scheduler and workers are real processes on loopback, a worker for each core. Both engines prepare
the same pictures after a few that are not counted; CPU is that of all processes, the scheduler's
too. What the coordinator spends in a whole `captionmill write` says how many images it can take.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from pipeline.core.recipe import Recipe
from pipeline.engines import Limits, LocalEngine
from pipeline.engines.base import Engine
from pipeline.imaging.prepare import Preparer
from tests.bench import command, corpora
from tests.bench.figures import Figure, Found, ratio
from tests.engines.dask_cluster import DaskCluster, dask_cluster
from tests.imaging.drawing import LongSide

_CORES = 2
_WARM = 40  # images before the clock starts
_GOAL = 1.15
_DAY = 86_400


def main(arguments: list[str]) -> Found:
    """Prepare N (2,000) small and M (200) large images with both engines in turn."""
    parser = argparse.ArgumentParser(prog="cluster")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--large", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=corpora.CACHE)
    options = parser.parse_args(arguments)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder, dask_cluster(Path(folder), _CORES) as cluster:
        small = corpora.many(options.cache, options.images)
        figures += _overhead("small", small, options.rounds, cluster)
        if options.large:
            large = corpora.many_large(options.cache, options.large)
            figures += _overhead("large", large, options.rounds, cluster)
        figures += _ceiling(small, cluster, Path(folder))
    return Found(figures)


def _overhead(size: str, paths: list[str], rounds: int, cluster: DaskCluster) -> list[Figure]:
    here, there, own = [], [], []
    for _ in range(rounds):
        here.append(_spent(_local, paths, [])[0])
        whole, coordinator = _spent(lambda: _clustered(cluster), paths, _pids(cluster))
        there.append(whole)
        own.append(coordinator / len(paths))
    what = f"{len(paths):,} {size} images"
    return [
        Figure(f"{what}: CPU, times the local engine", ratio(there, here), "x", _GOAL),
        Figure(f"{what}: the coordinator's engine, an image", min(own) * 1e6, "us"),
    ]


def _ceiling(paths: list[str], cluster: DaskCluster, folder: Path) -> list[Figure]:
    """Images that one coordinator can take: its CPU in a whole `write`, without its start."""
    images, few = Path(paths[0]).parent, folder / "few"
    few.mkdir()
    for path in paths[:_WARM]:
        (few / Path(path).name).write_bytes(Path(path).read_bytes())
    options = ["--engine", "cluster", "--scheduler", cluster.address]
    # the first one compiles the modules
    start = [command.write(few, folder / f"start{n}", *options)[0] for n in range(3)][1:]
    whole, _ = command.write(images, folder / "whole", *options)
    cost = (whole.cpu - min(one.cpu for one in start)) / (len(paths) - _WARM)
    return [
        Figure("write: the coordinator's CPU, an image", cost * 1e6, "us"),
        Figure("images a second at the coordinator's ceiling", 1 / cost, "a second"),
        Figure("images a day at the coordinator's ceiling", _DAY / cost, "a day"),
    ]


def _spent(make: Callable[[], Engine], paths: list[str], others: list[int]) -> tuple[float, float]:
    """Seconds of CPU of everybody, and of this process alone, once all is warm."""
    import psutil

    me = psutil.Process()

    with make() as engine:
        assert sum(1 for _ in engine.prepare(enumerate(paths[:_WARM]))) == min(_WARM, len(paths))
        whole, own = _cpu(others), me.cpu_times()
        assert sum(1 for _ in engine.prepare(enumerate(paths))) == len(paths)
        now = me.cpu_times()
        alone = now.user + now.system - own.user - own.system
        return _cpu(others) - whole, alone


def _cpu(others: list[int]) -> float:
    """CPU of this process, of `others` and of all that live below them."""
    import psutil

    listed = {process.pid: process for process in psutil.Process().children(recursive=True)}
    processes = [psutil.Process(), *listed.values()]
    assert set(others) <= listed.keys()
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


def _pids(cluster: DaskCluster) -> list[int]:
    assert cluster.scheduler is not None
    return [cluster.scheduler.pid, *(worker.pid for worker in cluster.workers)]


def _local() -> Engine:
    return LocalEngine(Preparer(Recipe(LongSide(512))), workers=_CORES)


def _clustered(cluster: DaskCluster) -> Engine:
    from pipeline.engines.cluster import ClusterEngine
    from pipeline.engines.dask_client import ClusterOptions
    from pipeline.engines.node import NodeTask

    task = NodeTask(Preparer(Recipe(LongSide(512))), Limits())
    return ClusterEngine(task, ClusterOptions(cluster.address))
