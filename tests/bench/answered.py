"""A folder of many tiny files whose captions are all here.

The files are links of a few, so that a million of them costs directory entries only. The first of
them goes through the product, which records the source, the spec and the recipe; each other one is
crawled by it and then given rows of its own, as if it had been sent and settled: an original, a
content, a work, an item and an answer.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import simplejpeg

from pipeline.ledger import Ledger
from pipeline.sources import open_source
from pipeline.stages.crawl import crawl
from pipeline.system.workspace import Workspace
from tests.bench import command
from tests.bench.large_ledger import NOW, PER_BATCH, key_of, prepared_rows

PER_FOLDER = 1_000
_LINKS = 30_000  # of one file; file systems allow some more
_CAPTION = "A small red wooden boat stands before the quiet harbour under bright clouds, number "


def picture(number: int) -> bytes:
    """A tiny JPEG; another number, other bytes."""
    pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
    return simplejpeg.encode_jpeg(pixels, 85, "RGB", "420")


def make(root: Path, workspace: Workspace, count: int) -> None:
    """`count` answered images below `root`, and the table that shows them."""
    root.mkdir(parents=True)
    (root / "first.jpg").write_bytes(picture(0))
    command.write(root, workspace.root)
    _link(root, range(1, count))
    with Ledger(workspace.ledger) as ledger:
        # by other rules than the command's, so that its next run crawls each of them once more
        crawl(ledger, open_source(root, None), NOW)
        with ledger.database.transaction("bench"):
            _answer(ledger)
    command.write(root, workspace.root)


def add(root: Path, numbers: range, folders: int) -> None:
    """A new file for each number, of its own bytes, spread over the first of the known folders; or
    in new ones, for 0."""
    for number in numbers:
        name = f"{number % folders:05}" if folders else f"new{number // PER_FOLDER:05}"
        (root / name).mkdir(exist_ok=True)
        (root / name / f"new{number:08}.jpg").write_bytes(picture(number))


def _link(root: Path, numbers: range) -> None:
    base = root.with_name(f"{root.name}-files")
    base.mkdir()
    for number in numbers:
        below, linked = root / f"{number // PER_FOLDER:05}", base / f"{number // _LINKS}.jpg"
        if not linked.exists():
            linked.write_bytes(picture(0))
        below.mkdir(exist_ok=True)
        os.link(linked, below / f"{number:08}.jpg")


def _answer(ledger: Ledger) -> None:
    """Direct rows: going through every stage would take longer than what is measured."""
    database = ledger.database
    recipe = database.number("SELECT id FROM recipes")
    spec, shard = database.number("SELECT id FROM specs"), database.number("SELECT id FROM shards")
    images = [image for (image,) in database.execute("SELECT id FROM images WHERE todo = 1")]
    first, last = images[0], images[-1]
    assert images == list(range(first, last + 1)), "new images have rows in order"
    batches = {
        batch: database.insert(
            "INSERT INTO batches (batch_id, shard, generation, role, state, status, created_at, "
            "settled_at) VALUES (?, ?, ?, 'stray', 'cleaned', 'completed', ?, ?)",
            (f"batch_bench_{batch}", shard, batch + 2, NOW, NOW + 600),
        )
        for batch in range(last // PER_BATCH + 1)
    }
    numbers = range(first, last + 1)
    for sql, rows in (
        *prepared_rows(numbers, recipe),
        ("INSERT INTO works (id, work_key, content, spec, representative, state, outcome, attempts,"
         " estimated) VALUES (?, ?, ?, ?, ?, 'done', 'captioned', 1, 100000)",
         ((n, key_of(n), n, spec, n) for n in numbers)),
        ("INSERT INTO items (shard, work, attempt, live, worst, estimated, prompt_tokens) "
         "VALUES (?, ?, 1, 0, 200000, 100000, 900)", ((shard, n) for n in numbers)),
        ("INSERT INTO answers (id, work, attempt, batch, outcome, caption, prompt_tokens, "
         "cached_tokens, completion_tokens, reasoning_tokens, billed, price_version, served_model, "
         "request_id, received_at, rules) "
         "VALUES (?, ?, 1, ?, 'captioned', ?, 900, 0, 40, 0, 98000, 'bench', 'bench', ?, ?, 2)",
         ((n, n, batches[n // PER_BATCH], f"{_CAPTION}{n}.", f"{n:032x}", NOW + 600)
          for n in numbers)),
        ("UPDATE works SET answer = id WHERE id = ?", ((n,) for n in numbers)),
        ("UPDATE images SET original = id, content = id, work = id, todo = 0 WHERE id = ?",
         ((n,) for n in numbers)),
    ):  # fmt: skip
        database.executemany(sql, rows)
