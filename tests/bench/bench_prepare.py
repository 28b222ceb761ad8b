"""Preparation against its floor and its peers: CPU, throughput, memory, quality.

    python -m tests.bench prepare [--large N] [--small N] [--rounds N] [--cache FOLDER]

All ways run interleaved, image by image, so that ratios hold where absolute times do not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections import defaultdict, deque
from pathlib import Path
from statistics import median
from typing import Any

from pipeline.core.recipe import Recipe
from pipeline.engines import LocalEngine
from pipeline.imaging.prepare import Preparer
from tests.bench import corpora, quality, ways
from tests.bench.all_cores import CORES, children_cpu, floor_run
from tests.bench.figures import Figure, Found

_TARGETS = {
    ("L", 512): 1.10,
    ("L", 1024): 1.30,
    ("S", 512): 1.15,
}
_PEERS = {
    "pyvips thumbnail": 1.4,
    "Pillow thumbnail": 1.7,
    "img2dataset resizer": 2.2,
    "naive Pillow": 5.0,
}
_SHARES = {"L": 0.90, "S": 0.97}  # of the throughput of the floor
OURS = "captionmill"


def main(arguments: list[str]) -> Found:
    """Measure and print, a table for each corpus."""
    options = _options(arguments)
    paths = {
        "L": corpora.large(options.cache, options.large),
        "S": corpora.small(options.cache, options.small),
    }
    result: dict[str, Any] = {"corpora": {k: _describe(v) for k, v in paths.items()}, "cpu": []}
    for corpus, side in _TARGETS:
        result["cpu"].append(_cpu(corpus, side, paths[corpus], options.rounds))
        print(_cpu_table(result["cpu"][-1]), flush=True)
    result["all cores"] = [_throughput(name, paths[name], options.rounds) for name in ("L", "S")]
    result["memory"] = _memory(corpora.huge(options.cache) * 3)
    result["quality"] = quality.compare(paths["L"], 512)
    print(_other_tables(result), flush=True)
    return Found(_figures(result), result)


def _figures(result: dict[str, Any]) -> list[Figure]:
    figures = []
    for run in result["cpu"]:
        name = f"corpus {run['corpus']} at {run['long side']}"
        times = run["milliseconds"]
        figures.append(
            Figure(f"{name}: CPU, times the floor", run["times the floor"][OURS], "x",
                   run["target"])
        )  # fmt: skip
        if (run["corpus"], run["long side"]) == ("L", 512):
            figures += [
                Figure(f"{name}: quicker than {peer}", round(times[peer] / times[OURS], 2), "x",
                       goal, "at least")
                for peer, goal in _PEERS.items() if peer in times
            ]  # fmt: skip
    for run in result["all cores"]:
        name = f"corpus {run['corpus']}, engine on all cores"
        figures.append(
            Figure(f"{name}: throughput, of the floor's", run["throughput of the floor's"], "x",
                   _SHARES[run["corpus"]], "at least")
        )  # fmt: skip
    memory, below = result["memory"], result["quality"]["below naive Pillow"]
    figures.append(
        Figure("two workers on 24 megapixels", memory["two workers MB"], "MB", memory["target MB"])
    )
    figures.append(Figure("Y-SSIM below naive Pillow", below, "", result["quality"]["target"]))
    return figures


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--large", type=int, default=40, help="images of 8 to 24 megapixels")
    parser.add_argument("--small", type=int, default=300, help="images of about 500 pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=corpora.CACHE, help="where photos are kept")
    return parser.parse_args(arguments)


def _describe(paths: list[str]) -> dict[str, Any]:
    size = sum(Path(path).stat().st_size for path in paths)
    made = "photos of packages, enlarged or shrunk, with grain (L), and encoded again"
    return {"images": len(paths), "mean bytes": size // len(paths), "made of": made}


def _cpu(corpus: str, side: int, paths: list[str], rounds: int) -> dict[str, Any]:
    """CPU milliseconds an image of each way: per image the median of the rounds, then the mean."""
    runnable, missing = ways.installed(side)
    times: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in runnable}
    for way in runnable.values():
        way(paths[0])
    order = deque(runnable.items())
    for _ in range(rounds):
        for path in paths:
            order.rotate(1)  # who comes first finds a picture that no cache holds
            for name, way in order:
                before = time.process_time()
                way(path)
                times[name][path].append(time.process_time() - before)
    means = {
        name: 1000 * sum(median(samples) for samples in by_path.values()) / len(paths)
        for name, by_path in times.items()
    }
    return {
        "corpus": corpus,
        "long side": side,
        "target": _TARGETS[corpus, side],
        "milliseconds": {name: round(value, 3) for name, value in means.items()},
        "times the floor": {name: round(v / means["floor"], 3) for name, v in means.items()},
        "not installed": missing,
    }


def _cpu_table(result: dict[str, Any]) -> str:
    lines = [
        f"corpus {result['corpus']}, long side {result['long side']}: CPU an image "
        f"(at most {result['target']} times the floor)"
    ]
    for name, value in result["milliseconds"].items():
        lines.append(f"  {name:26} {value:9.2f} ms  {result['times the floor'][name]:6.2f}")
    lines += [f"  {name:26} not installed" for name in result["not installed"]]
    return "\n".join(lines)


def _other_tables(result: dict[str, Any]) -> str:
    lines = []
    for run in result["all cores"]:
        corpus, *figures = run.items()
        lines.append(f"corpus {corpus[1]}, engine with a worker a core, long side 512")
        lines += [f"  {name:40} {value:8}" for name, value in figures]
    lines.append("memory over photos of 24 megapixels")
    lines += [f"  {name:40} {value:8}" for name, value in result["memory"].items()]
    likeness = result["quality"]
    lines.append("likeness (Y-SSIM) on corpus L at 512")
    lines += [f"  {name:40} {value:8.5f}" for name, value in likeness["Y-SSIM"].items()]
    below, target = likeness["below naive Pillow"], likeness["target"]
    lines.append(f"  captionmill is {below} below naive Pillow (at most {target})")
    return "\n".join(lines)


def _throughput(corpus: str, paths: list[str], rounds: int) -> dict[str, Any]:
    """Images a second on all cores: the floor in bare processes, ours through the engine.

    On a machine that does other things too only the ratio of CPU says much.
    """
    many = paths * max(1, 2000 // len(paths)) if corpus == "S" else paths * 5
    ratios, cpu, parent = [], [], []
    recipe = Recipe(ways.LongSide(512), quality=ways.QUALITY)
    with LocalEngine(Preparer(recipe)) as engine:
        sum(1 for _ in engine.prepare(enumerate(many[: 4 * CORES])))
        for _ in range(rounds):
            floor = floor_run(many)
            wall, own, children = time.perf_counter(), time.process_time(), children_cpu()
            sum(1 for _ in engine.prepare(enumerate(many)))
            wall, own = time.perf_counter() - wall, time.process_time() - own
            children = children_cpu() - children
            ratios.append(floor.wall / wall)
            cpu.append((own + children) / floor.cpu)
            parent.append(own / len(many) * 1e6)
    return {
        "corpus": corpus,
        "throughput of the floor's": round(median(ratios), 3),
        "CPU with parent, of the floor's": round(median(cpu), 3),
        "parent CPU microseconds an image": round(median(parent), 1),
    }


def _memory(paths: list[str]) -> dict[str, Any]:
    """Peak memory of two workers together over photos of 24 megapixels."""
    recipe = Recipe(ways.LongSide(512), quality=ways.QUALITY)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_peak_of_workers, (recipe, paths))


def _peak_of_workers(recipe: Recipe, paths: list[str]) -> dict[str, Any]:
    with LocalEngine(Preparer(recipe), workers=2) as engine:
        for _ in engine.prepare(enumerate(paths)):
            pass
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    status = Path("/proc/self/status").read_text()
    parent = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return {
        "two workers MB": round(2 * worker, 1),
        "parent MB": round(parent, 1),
        "target MB": 250,
    }
