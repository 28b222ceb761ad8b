"""Crawling known files: the whole of `crawl` against bare os.scandir + stat, in one run.

    python -m tests.bench crawl [FILES]

CPU seconds of three interleaved rounds each; the ratio of the medians is what counts.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.ledger import Ledger
from pipeline.sources import open_source
from pipeline.stages.crawl import crawl

_FOLDER = 1000  # files in a folder
_ROUNDS = 3


def main(arguments: list[str]) -> None:
    """Crawl FILES (200,000) empty files that the ledger knows already."""
    count = int(arguments[0]) if arguments else 200_000
    with tempfile.TemporaryDirectory() as name:
        root, ledger = Path(name) / "imgs", Ledger(Path(name) / "ledger.db")
        _make(root, count)
        first = _cpu(lambda: crawl(ledger, open_source(root, None), 0))
        ledger.database.execute("UPDATE images SET todo = 0")
        floors, ours = [], []
        for _ in range(_ROUNDS):
            floors.append(_cpu(lambda: _floor(root)))
            ours.append(_cpu(lambda: crawl(ledger, open_source(root, None), 0)))
        ledger.close()
    floor, mine = statistics.median(floors), statistics.median(ours)
    print(f"{count:,} files: scandir + stat {floor:.2f} s, known files {mine:.2f} s "
          f"({mine / floor:.2f} x), first crawl {first:.2f} s")  # fmt: skip
    figures = {"files": count, "floor": floors, "known": ours, "first": first}
    Path("bench-crawl.json").write_text(json.dumps(figures))


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


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
