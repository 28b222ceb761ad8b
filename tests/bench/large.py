"""A ledger of ten million images: what it costs, each step in a process of its own.

    python -m tests.bench.large [--images N] [--folder PATH] [--only-make]

The images are generated, and there are no files of them: what a second run and a night ask of the
disk is not in their figures, which are those of the ledger and of the table. All else is done as
the commands do it. 10,000,000 images take 20 GB at PATH meanwhile, which is removed at the end. A
ledger that is there, left by --only-make, is measured without being made again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.ledger import Ledger
from pipeline.ledger.recording import Recording
from pipeline.ledger.specs import RecipeRow
from pipeline.records import SourceFile
from pipeline.sinks.parquet import ParquetSink
from pipeline.sources.base import Problems
from pipeline.stages.collect import collect_batches
from pipeline.stages.context import StageContext
from pipeline.stages.crawl import crawl
from pipeline.stages.export import write_table
from pipeline.stages.table_facts import STALE, count_outcomes
from pipeline.system.clock import Clock
from pipeline.system.workspace import Workspace
from tests.bench.bench_results import LocalService
from tests.bench.empty_service import empty_service
from tests.bench.large_ledger import NOW, PER_BATCH, LedgerMaker, identity, key_for, write_answers
from tests.ledger.world import prepared

PER_FOLDER = 1_000
_NEW = 1_000  # images of a night


@dataclass(frozen=True, slots=True)
class Step:
    """What one step took: seconds of CPU and of time, MB written and the peak of memory."""

    name: str
    cpu: float
    wall: float
    written: float
    peak: float

    def __str__(self) -> str:
        return (
            f"{self.name:<44} {self.cpu:9.2f} s CPU {self.wall:9.2f} s "
            f"{self.written:10,.1f} MB written {self.peak:7,.0f} MB peak"
        )


def main() -> None:
    """Make the ledger, measure the steps, print the tables."""
    parser = argparse.ArgumentParser(prog="large", description=__doc__)
    parser.add_argument("--images", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=Path("large-ledger"))
    parser.add_argument("--only-make", action="store_true")
    options = parser.parse_args()
    count = options.images // PER_BATCH * PER_BATCH
    workspace = Workspace(options.folder / "ws")
    if not workspace.ledger.exists():
        print(f"making a ledger of {count:,} images", flush=True)
        _shown(_apart("generate, all but the last batch answered", _make, workspace.root, count))
    if options.only_make:
        return
    try:
        steps = list(_steps(workspace, count))
    finally:
        shutil.rmtree(options.folder, ignore_errors=True)
    Path("bench-large.json").write_text(
        json.dumps([{name: getattr(step, name) for name in Step.__slots__} for step in steps])
    )


def _steps(workspace: Workspace, count: int) -> Iterator[Step]:
    root = workspace.root
    yield _shown(_apart("collect 50,000 answers", _collect, root, count))
    _print_sizes(workspace.ledger, count)
    for name, arguments in (("status, nothing counted", ["status"]), ("export", ["export"])):
        yield _shown(_command(name, arguments, root))
    yield _shown(_apart("counts by outcome, once a table", _count, root, count))
    yield _shown(_command("status", ["status"], root))
    for name, work in (
        ("first crawl by these rules, ledger alone", _crawl),
        ("second run, ledger alone", _crawl),
        ("a night of 1,000 new images, ledger and table", _night),
    ):
        yield _shown(_apart(name, work, root, count))
    yield _shown(_command("verify", ["verify"], root))
    workspace.ledger.rename(root / "ledger.db.before")
    with empty_service() as address:
        yield _shown(_command("rebuild", ["rebuild"], root, address))
    with Ledger(workspace.ledger, read_only=True) as ledger:
        assert ledger.answers.count() == count


def _shown(step: Step) -> Step:
    print(f"  {step}", flush=True)
    return step


def _apart(name: str, work: Callable[[Path, int], None], root: Path, count: int) -> Step:
    """Call `work` in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (name, work, root, count))


def _measured(name: str, work: Callable[[Path, int], None], root: Path, count: int) -> Step:
    began = time.perf_counter()
    work(root, count)
    used, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
    return _step(name, used, wall)


def _command(name: str, arguments: list[str], root: Path, service: str = "") -> Step:
    """Run a command of the product; `service` is the address of one, for those that ask it."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "pipeline", *arguments, "--workspace", str(root)]
    variables = {"OPENAI_BASE_URL": service, "OPENAI_API_KEY": "sk-bench"} if service else {}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **variables},
    )
    assert process.stdout is not None
    with process.stdout as output:
        text = output.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(f"  {name}: exit {process.returncode}: {text.strip()[-500:]}", flush=True)
    return _step(name, used, time.perf_counter() - began)


def _step(name: str, used: resource.struct_rusage, wall: float) -> Step:
    return Step(
        name,
        round(used.ru_utime + used.ru_stime, 2),
        round(wall, 2),
        round(used.ru_oublock * 512 / 1e6, 1),
        round(used.ru_maxrss / 1024, 1),
    )


def _make(root: Path, count: int) -> None:
    """Answer all batches but the last one, as they come."""
    workspace = Workspace(root)
    with LedgerMaker(workspace) as maker:
        service = LocalService(root)
        context = StageContext(maker.ledger, service, workspace, Clock(), maker.run)
        for first in range(1, count + 1, PER_BATCH):
            works = range(first, first + PER_BATCH)
            maker.add(works)
            if works.stop <= count:
                _finish(service, context, works)


def _collect(root: Path, count: int) -> None:
    workspace = Workspace(root)
    with Ledger(workspace.ledger) as ledger:
        service = LocalService(root)
        service.finished = count // PER_BATCH - 1
        context = StageContext(ledger, service, workspace, Clock(), ledger.begin_run("bench", NOW))
        _finish(service, context, range(count - PER_BATCH + 1, count + 1))
        assert ledger.answers.count() == count


def _finish(service: LocalService, context: StageContext, works: range) -> None:
    service.finished += 1
    path = service.folder / f"out-{service.finished}"
    write_answers(path, works)
    collect_batches(context)
    path.unlink()


def _count(root: Path, _count: int) -> None:
    with Ledger(Workspace(root).ledger) as ledger:
        count_outcomes(ledger)


class _Listing:
    """Folder of generated images."""

    def __init__(self, number: int, *, new: bool = False) -> None:
        self.folder = f"new{number:05}" if new else f"{number:05}"
        self.digest = identity(number, "folder")
        self.skipped: Counter[str] = Counter()
        self._first = number * PER_FOLDER + 1

    def entries(self) -> Iterator[SourceFile]:
        """Images as the ledger has them."""
        for n in range(self._first, self._first + PER_FOLDER):
            name = f"{n:08}.jpg"
            yield SourceFile(self.folder, name, f"/bench/{self.folder}/{name}", 70_000, n, n)


class _Folders:
    """Source of generated images, and of a folder of new ones."""

    kind, locator, label, columns = "folder", "/bench", "bench", ()
    complete = True

    def __init__(self, count: int, new: int = 0) -> None:
        self.problems = Problems()
        self._count, self._new = count, new

    def listings(self) -> Iterator[_Listing]:
        """All folders."""
        for number in range(self._count // PER_FOLDER):
            yield _Listing(number)
        for number in range(self._count // PER_FOLDER, (self._count + self._new) // PER_FOLDER):
            yield _Listing(number, new=True)

    def path_of(self, folder: str, name: str) -> str:
        """Path of no file."""
        return f"/bench/{folder}/{name}"


def _crawl(root: Path, count: int) -> None:
    with Ledger(Workspace(root).ledger) as ledger:
        result = crawl(ledger, _Folders(count), NOW)
        assert (result.images, result.todo) == (count, 0)
        ledger.quoted.counts(result.sources[0])


def _night(root: Path, count: int) -> None:
    workspace = Workspace(root)
    with Ledger(workspace.ledger) as ledger:
        (source,) = crawl(ledger, _Folders(count, _NEW), NOW).sources
        images = list(ledger.images.todo(source))
        assert len(images) == _NEW
        recipe = RecipeRow(ledger.database.number("SELECT id FROM recipes"), b"")
        spec = ledger.database.number("SELECT id FROM specs")
        recording = Recording(ledger.database, recipe, spec)
        pictures = [prepared(n % 250, n % 250) for n in range(_NEW)]
        with ledger.database.transaction("bench"):
            recording.load(pictures)
            recording.load_works(key_for(picture.content_id) for picture in pictures)
            for image, picture in zip(images, pictures, strict=True):
                content = recording.prepared(picture)
                work = recording.work(key_for(picture.content_id), content, image.id)
                recording.link(image.id, recording.original(picture.source_id), content, work)
            recording.save()
            ledger.put(STALE, "1")
        ledger.quoted.counts(source)
        written = write_table(ledger, ParquetSink(workspace.table), workspace.table)
        assert written is not None
        assert written.rows == count + _NEW


def _print_sizes(path: Path, count: int) -> None:
    """Size of each table and index; dbstat walks all pages, and sums bytes in 32 bits."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows: list[tuple[Any, ...]] = database.execute(
            "SELECT name, pageno * page_size FROM dbstat, pragma_page_size() "
            "WHERE aggregate = 1 ORDER BY 2 DESC LIMIT 20"
        ).fetchall()
    size = path.stat().st_size
    print(f"  ledger: {size / 1e9:.2f} GB, {size / count:.0f} bytes an image", flush=True)
    for name, bytes_of in rows:
        print(f"    {name:<36} {bytes_of / count:8.1f} bytes an image", flush=True)


if __name__ == "__main__":
    main()
