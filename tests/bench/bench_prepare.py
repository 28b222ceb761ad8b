"""Preparation against its floor and its peers: CPU, throughput, memory, quality.

    python -m tests.bench prepare [--large N] [--small N] [--rounds N] [--json FILE]

All ways run interleaved, image by image, so that ratios hold where absolute times do not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections import defaultdict, deque
from pathlib import Path
from statistics import median
from typing import Any

from pipeline.core.recipe import Recipe
from pipeline.engines import LocalEngine
from pipeline.imaging import Preparer
from tests.bench import photos, quality, ways

_TARGETS = {
    ("L", 512): 1.15,
    ("L", 1024): 1.30,
    ("S", 512): 1.15,
}


def main(arguments: list[str]) -> None:
    """Measure, print one table, write JSON."""
    options = _options(arguments)
    corpora = {"L": _corpus(options, "L"), "S": _corpus(options, "S")}
    result: dict[str, Any] = {"corpora": {k: _describe(v) for k, v in corpora.items()}, "cpu": []}
    for corpus, side in _TARGETS:
        result["cpu"].append(_cpu(corpus, side, corpora[corpus], options.rounds))
        print(_cpu_table(result["cpu"][-1]), flush=True)
    result["both cores"] = [
        _throughput(corpus, corpora[corpus], options.rounds) for corpus in ("L", "S")
    ]
    result["memory"] = _memory(options.cache)
    result["quality"] = quality.compare(corpora["L"], 512)
    print(_other_tables(result), flush=True)
    options.json.write_text(json.dumps(result, indent=1))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--large", type=int, default=40, help="images of 8 to 24 megapixels")
    parser.add_argument("--small", type=int, default=300, help="images of about 500 pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path("bench-prepare.json"))
    default = Path(tempfile.gettempdir()) / "captionmill-bench"
    parser.add_argument("--cache", type=Path, default=default, help="where the corpora are kept")
    return parser.parse_args(arguments)


def _corpus(options: argparse.Namespace, name: str) -> list[str]:
    count = options.large if name == "L" else options.small
    folder = options.cache / f"{name}{count}"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        make = photos.make_large if name == "L" else photos.make_small
        make(folder, count)
        (folder / "done").touch()
    return sorted(str(path) for path in folder.glob("*.jpg"))


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
    for run in result["both cores"]:
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
    cores = len(os.sched_getaffinity(0))
    many = paths * max(1, 2000 // len(paths)) if corpus == "S" else paths * 2
    ratios, cpu, parent = [], [], []
    recipe = Recipe(ways.LongSide(512), quality=ways.QUALITY)
    with LocalEngine(Preparer(recipe)) as engine:
        sum(1 for _ in engine.prepare(enumerate(many[: 4 * cores])))
        for _ in range(rounds):
            floor_wall, floor_cpu = _floor_run(many, cores)
            wall, own, children = time.perf_counter(), time.process_time(), _children_cpu()
            sum(1 for _ in engine.prepare(enumerate(many)))
            wall, own = time.perf_counter() - wall, time.process_time() - own
            children = _children_cpu() - children
            ratios.append(floor_wall / wall)
            cpu.append((own + children) / floor_cpu)
            parent.append(own / len(many) * 1e6)
    return {
        "corpus": corpus,
        "throughput of the floor's": round(median(ratios), 3),
        "CPU with parent, of the floor's": round(median(cpu), 3),
        "parent CPU microseconds an image": round(median(parent), 1),
    }


def _children_cpu() -> float:
    """CPU seconds of this process's living children."""
    total = 0
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def _floor_run(paths: list[str], cores: int) -> tuple[float, float]:
    """Wall and CPU seconds of the floor, one process a core."""
    context = multiprocessing.get_context("spawn")
    barrier, spent = context.Barrier(cores + 1), context.Queue()
    processes = [
        context.Process(target=_floor_share, args=(paths[number::cores], barrier, spent))
        for number in range(cores)
    ]
    for process in processes:
        process.start()
    barrier.wait()
    before = time.perf_counter()
    cpu = sum(spent.get() for _ in processes)
    wall = time.perf_counter() - before
    for process in processes:
        process.join()
    return wall, cpu


def _floor_share(paths: list[str], barrier: Any, spent: Any) -> None:
    way = ways.floor(512)
    way(paths[0])
    barrier.wait()
    before = time.process_time()
    for path in paths:
        way(path)
    spent.put(time.process_time() - before)


def _memory(cache: Path) -> dict[str, Any]:
    """Peak memory of two workers together over photos of 24 megapixels."""
    folder = cache / "24MP"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        photos.make_huge(folder, 8)
        (folder / "done").touch()
    paths = sorted(str(path) for path in folder.glob("*.jpg")) * 3
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
