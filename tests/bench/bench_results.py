"""Collect and export of a million result lines against bare loops over the same data.

    python -m tests.bench results [--lines N] [--rounds N]

collect: the whole stage, batch by batch (ask, download, keep compressed, read, book in one
transaction). Its floor is of the same durability: it keeps the file compressed and synced, parses
each line by its types and writes one row a line, in one transaction a batch; nothing is judged,
priced or looked up.
export: the whole stage, the table read back before it is published. Its floor is pyarrow, which
writes the same table from memory at zstd's level 3; ours is written at level 1, two thirds of the
time for a file that is 1 % larger.
Each stage runs in a process of its own, for its peak memory.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.ledger import Ledger
from pipeline.providers.offline import Offline
from pipeline.records import RemoteBatch
from pipeline.sinks.parquet import ParquetSink
from pipeline.stages.collect import collect_batches
from pipeline.stages.context import StageContext
from pipeline.stages.export import write_table
from pipeline.system.clock import Clock
from pipeline.system.workspace import Workspace
from tests.bench.collect_floor import CollectFloor
from tests.bench.figures import Figure, Found, Spent, ratio, spent
from tests.bench.large_ledger import PER_BATCH, build, remote, write_answers

_GOALS = {"collect": 3.4, "export": 3.0}


def main(arguments: list[str]) -> Found:
    """Collect and export LINES (1,000,000) synthetic answers."""
    parser = argparse.ArgumentParser(prog="results")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2, help="of the export")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name) / "ws")
        print(f"  making a ledger of {options.lines:,} images", flush=True)
        build(workspace, options.lines)
        collected = _apart(_collect, workspace.root, options.lines)
        print(_words("collect", collected, options.lines), flush=True)
        exported = _exports(workspace, options.rounds)
        print(_words("export", exported, options.lines), flush=True)
    return _found(options.lines, collected, exported)


def _found(lines: int, collected: dict[str, Any], exported: dict[str, Any]) -> Found:
    found = Found(details={"lines": lines, "collect": collected, "export": exported})
    for name, one in (("collect", collected), ("export", exported)):
        found.figures += [
            Figure(
                f"{name}: CPU, times the floor",
                ratio(one["cpu"], one["floor cpu"]),
                "x",
                _GOALS[name],
            ),
            Figure(f"{name}: lines a second of CPU", round(_pace(name, one, lines)), "lines/s"),
            Figure(f"{name}: peak memory", one["peak MB"], "MB"),
        ]
    return found


def _pace(name: str, one: dict[str, Any], lines: int) -> float:
    """Lines a second of CPU: rounds of collect share the lines, each export writes all of them."""
    passes = 1 if name == "collect" else len(one["cpu"])
    return float(lines * passes / sum(one["cpu"]))


def _words(name: str, one: dict[str, Any], lines: int) -> str:
    return (
        f"  {name}: {ratio(one['cpu'], one['floor cpu'])} x the floor's CPU, "
        f"{_pace(name, one, lines):,.0f} lines a second of CPU, peak {one['peak MB']} MB"
    )


def _apart(work: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """Call `work` in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


class LocalService(Offline):
    """Finishes one batch after the other; its files lie on this disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.finished = 0

    def get(self, batch_id: str) -> RemoteBatch:
        number = int(batch_id.removeprefix("batch_"))
        return remote(number, "completed" if number <= self.finished else "in_progress")

    def download(self, file_id: str, to: Path, most: int | None = None) -> int:
        del most
        with (self.folder / file_id).open("rb") as answers, to.open("wb") as copy:
            shutil.copyfileobj(answers, copy, 1 << 20)
        return to.stat().st_size


def _collect(root: Path, lines: int) -> dict[str, Any]:
    """Floor and stage in turn, a batch each."""
    workspace = Workspace(root)
    floors: list[Spent] = []
    ours: list[Spent] = []
    with Ledger(workspace.ledger) as ledger, CollectFloor(root / "floor") as floor:
        service = LocalService(root)
        context = StageContext(ledger, service, workspace, Clock(), ledger.begin_run("bench", 0))
        for first in range(1, lines + 1, PER_BATCH):
            service.finished += 1
            path = root / f"out-{service.finished}"
            write_answers(path, range(first, min(lines + 1, first + PER_BATCH)))
            floors.append(spent(lambda path=path: floor.settle(path)))  # type: ignore[misc]
            ours.append(spent(lambda: collect_batches(context)))
            path.unlink()
        assert ledger.answers.count() == lines
    return _figures(ours, floors)


def _exports(workspace: Workspace, rounds: int) -> dict[str, Any]:
    runs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for _ in range(rounds):
        workspace.table.unlink(missing_ok=True)  # or its row groups would be copied
        runs.append((_apart(_export, workspace.root), _apart(_write_again, workspace.table)))
    return {
        "cpu": [ours["cpu"][0] for ours, _ in runs],
        "wall": [ours["wall"][0] for ours, _ in runs],
        "floor cpu": [floor["cpu"] for _, floor in runs],
        "peak MB": max(ours["peak MB"] for ours, _ in runs),
    }


def _export(root: Path) -> dict[str, Any]:
    import pyarrow.parquet  # noqa: F401  # its floor has imported it too

    workspace = Workspace(root)
    with Ledger(workspace.ledger) as ledger:
        sink = ParquetSink(workspace.table)
        ours = spent(lambda: write_table(ledger, sink, workspace.table, force=True))
    return _figures([ours], [ours])


def _write_again(table: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    rows = pq.read_table(table)
    copy = table.with_suffix(".floor")
    floor = spent(
        lambda: pq.write_table(
            rows, copy, compression="zstd", compression_level=3, write_page_checksum=True,
            row_group_size=131_072,
        )
    )  # fmt: skip
    copy.unlink()
    return {"cpu": floor.cpu}


def _figures(ours: list[Spent], floors: list[Spent]) -> dict[str, Any]:
    return {
        "cpu": [one.cpu for one in ours],
        "wall": [one.wall for one in ours],
        "floor cpu": [one.cpu for one in floors],
        "peak MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
