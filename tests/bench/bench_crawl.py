"""Crawling known files: the whole of `crawl` against bare os.scandir + stat, in one run.

    python -m tests.bench crawl [FILES]

CPU seconds of three interleaved rounds each; the median of their ratios is what counts.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pipeline.ledger import Ledger
from pipeline.sources import open_source
from pipeline.stages.crawl import crawl
from tests.bench.figures import Figure, Found, ratio, spent

_FOLDER = 1000  # files in a folder
_ROUNDS = 3


def main(arguments: list[str]) -> Found:
    """Crawl FILES (200,000) empty files that the ledger knows already."""
    count = int(arguments[0]) if arguments else 200_000
    with tempfile.TemporaryDirectory() as name:
        root, ledger = Path(name) / "imgs", Ledger(Path(name) / "ledger.db")
        _make(root, count)
        first = spent(lambda: crawl(ledger, open_source(root, None), 0)).cpu
        ledger.database.execute("UPDATE images SET todo = 0")
        floors, ours = [], []
        for _ in range(_ROUNDS):
            floors.append(spent(lambda: _floor(root)).cpu)
            ours.append(spent(lambda: crawl(ledger, open_source(root, None), 0)).cpu)
        ledger.close()
    times = ratio(ours, floors)
    print(f"  {count:,} files: scandir + stat {min(floors):.2f} s, known files {min(ours):.2f} s "
          f"({times} x), first crawl {first:.2f} s")  # fmt: skip
    return Found(
        [Figure("crawl of known files: CPU, times scandir + stat", times, "x", 2.0)],
        {"files": count, "floor": floors, "known": ours, "first": first},
    )


def _make(root: Path, count: int) -> None:
    for number in range(count):
        folder = root / f"{number // _FOLDER:05}"
        if number % _FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"{number:08}.jpg").touch()


def _floor(root: Path) -> None:
    stack = [str(root)]
    while stack:
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
