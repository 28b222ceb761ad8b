"""Growth of what a run asks the ledger: seconds of CPU at several sizes, and the exponent.

    python -m tests.bench growth [SIZES ...] [--rounds N]

SIZES (60,000 240,000 1,000,000) are images of generated ledgers. An exponent of 1 is time that
grows as the images do, 0 is time that does not grow.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from pipeline.ledger import Ledger
from pipeline.ledger.planned import planned_lines
from pipeline.ledger.recording import Recording
from pipeline.ledger.specs import RecipeRow
from pipeline.system.workspace import Workspace
from tests.bench.figures import Figure, Found, spent
from tests.bench.large_ledger import build, identity
from tests.ledger.world import prepared

_PAGES = 10  # of a thousand images
_RECORDED = 10_000  # images in one transaction
_GOALS = {  # of exponents: what looks at each image may grow as their number does
    "ten pages of images to do": 0.1,
    "recording of new images": 0.2,
    "planned lines of a batch": 0.1,
    "counts of a quote": 1.1,
    "counts of outcomes": 1.1,
}


def main(arguments: list[str]) -> Found:
    """Measure each operation at each size."""
    parser = argparse.ArgumentParser(prog="growth")
    parser.add_argument("sizes", type=int, nargs="*", default=[60_000, 240_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    sizes = sorted(options.sizes)
    seconds = {size: _measure(size, options.rounds) for size in sizes}
    found = Found(details={"seconds": seconds})
    for name, goal in _GOALS.items():
        exponent = _exponent({size: seconds[size][name] for size in sizes})
        words = ", ".join(f"{size:,}: {seconds[size][name] * 1000:,.1f} ms" for size in sizes)
        print(f"  {name}: {words}; exponent {exponent}", flush=True)
        found.figures.append(Figure(f"{name}: exponent of growth", exponent, "", goal))
    return found


def _exponent(seconds: dict[int, float]) -> float:
    """Exponent between the smallest and the largest size; 0 for one size."""
    least, most = min(seconds), max(seconds)
    if least == most:
        return 0.0
    return round(math.log(seconds[most] / seconds[least]) / math.log(most / least), 2)


def _measure(size: int, rounds: int) -> dict[str, float]:
    """Least CPU seconds of each operation over a ledger of so many images."""
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name) / "ws")
        print(f"  making a ledger of {size:,} images", flush=True)
        build(workspace, size)
        with Ledger(workspace.ledger) as ledger:
            source = ledger.database.number("SELECT id FROM sources")
            seconds = {
                "recording of new images": _least(lambda: _record(ledger), rounds),
                "planned lines of a batch": _least(lambda: _plan(ledger), rounds),
                "counts of a quote": _least(lambda: ledger.quoted.counts(source), rounds),
                "counts of outcomes": _least(lambda: ledger.rows.outcomes(source), rounds),
            }
            ledger.database.execute("UPDATE images SET todo = 1")
            pages = _least(lambda: list(islice(ledger.images.todo(source), _PAGES * 1000)), rounds)
            return seconds | {"ten pages of images to do": pages}


def _least(work: Callable[[], object], rounds: int) -> float:
    return min(spent(work).cpu for _ in range(rounds))


def _plan(ledger: Ledger) -> None:
    """Read the lines of the first batch."""
    (batch, *_) = ledger.batches.in_states("open")
    planned_lines(ledger.database, ledger.shards.get(batch.shard), batch)


class _TakenBack(Exception):
    """Ends a transaction that must not stay."""


def _record(ledger: Ledger) -> None:
    """Record new bytes for some images, and take it back."""
    recipe = RecipeRow(ledger.database.number("SELECT id FROM recipes"), b"")
    recording = Recording(ledger.database, recipe, ledger.database.number("SELECT id FROM specs"))
    numbers = range(1, _RECORDED + 1)
    pictures = [
        prepared(0)._replace(
            source_id=identity(number, "new source"),
            content_id=identity(number, "new content"),
        )
        for number in numbers
    ]
    with contextlib.suppress(_TakenBack), ledger.database.transaction("bench"):
        recording.load(pictures)
        recording.load_works(identity(number, "new work") for number in numbers)
        for number, picture in zip(numbers, pictures, strict=True):
            content = recording.prepared(picture)
            work = recording.work(identity(number, "new work"), content, number)
            recording.link(number, recording.original(picture.source_id), content, work)
        recording.save()
        raise _TakenBack
