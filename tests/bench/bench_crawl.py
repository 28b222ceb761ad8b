"""Crawling known files: the whole of `crawl` against bare os.scandir + stat, in one run.

    python -m tests.bench crawl [FILES]

CPU seconds of three interleaved rounds each; the median of their ratios is what counts.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipeline.ledger import Ledger
from pipeline.sources import open_source
from pipeline.stages.crawl import crawl
from tests.bench import files
from tests.bench.figures import Figure, Found, ratio, spent

_ROUNDS = 3


def main(arguments: list[str]) -> Found:
    """Crawl FILES (200,000) empty files that the ledger knows already."""
    count = int(arguments[0]) if arguments else 200_000
    with tempfile.TemporaryDirectory() as name:
        root, ledger = Path(name) / "imgs", Ledger(Path(name) / "ledger.db")
        files.make(root, count)
        first = spent(lambda: crawl(ledger, open_source(root, None), 0)).cpu
        ledger.database.execute("UPDATE images SET todo = 0")
        floors, ours = [], []
        for _ in range(_ROUNDS):
            floors.append(spent(lambda: files.look_at(root)).cpu)
            ours.append(spent(lambda: crawl(ledger, open_source(root, None), 0)).cpu)
        ledger.close()
    times = ratio(ours, floors)
    print(f"  {count:,} files: scandir + stat {min(floors):.2f} s, known files {min(ours):.2f} s "
          f"({times} x), first crawl {first:.2f} s")  # fmt: skip
    return Found(
        [Figure("crawl of known files: CPU, times scandir + stat", times, "x", 2.0)],
        {"files": count, "floor": floors, "known": ours, "first": first},
    )
