"""A workspace with a million images whose requests are all at the service, and its answers."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import orjson

from pipeline.core.identity import custom_id, hash_of, work_key
from pipeline.core.pricing import PriceSheet, Rates
from pipeline.core.request import RequestSpec
from pipeline.ledger import Ledger
from pipeline.ledger.reservations import Scope
from pipeline.ledger.shards import NewItem, NewShard
from pipeline.ledger.specs import SpecText
from pipeline.records import RemoteBatch
from pipeline.system.workspace import Workspace

NOW = 1_790_000_000
PER_BATCH = 50_000  # the most lines that the service takes in one file
_MODEL = "gpt-6-luna"
_PROMPT = "Describe this image."
_SPEC = {
    "provider": "openai",
    "account": "test",
    "request": RequestSpec(_MODEL).canonical(),
    "template": _PROMPT,
    "recipe": {"bench": 1},
}
_SPEC_ID = hash_of(_SPEC)
_SHEET = PriceSheet(
    Rates(Decimal("0.5"), Decimal("0.05"), Decimal("0.5"), Decimal(2)), "bench", "batch"
)
_WORST = 10_000_000
_TEXT = "a small red wooden boat stands before the quiet harbour under bright clouds and two people"
_WORDS = _TEXT.split()


def identity(number: int, of: str) -> bytes:
    """32 bytes that stand for a hash."""
    return hashlib.sha256(f"{of}{number}".encode()).digest()


def key_of(number: int) -> bytes:
    """The work key of an image's request."""
    return key_for(identity(number, "content"))


def key_for(content_id: bytes) -> bytes:
    """The work key of a request with a content."""
    return work_key(content_id, _SPEC_ID, _PROMPT)


def prepared_rows(
    numbers: range, recipe: int
) -> Iterator[tuple[str, Iterable[tuple[object, ...]]]]:
    """Statements and their rows: an original, a content and a preparation of each number."""
    yield ("INSERT INTO originals VALUES (?, ?, 'JPEG', 640, 480)",
           ((n, identity(n, "source")) for n in numbers))  # fmt: skip
    yield ("INSERT INTO contents (id, content_id, width, height) VALUES (?, ?, 512, 384)",
           ((n, identity(n, "content")) for n in numbers))  # fmt: skip
    yield ("INSERT INTO preparations (original, recipe, content) VALUES (?, ?, ?)",
           ((n, recipe, n) for n in numbers))  # fmt: skip


def build(workspace: Workspace, count: int) -> None:
    """Fill a new ledger: `count` images in folders of 1,000, batches of 50,000 requests."""
    with LedgerMaker(workspace) as maker:
        for first in range(1, count + 1, PER_BATCH):
            maker.add(range(first, min(count + 1, first + PER_BATCH)))


class LedgerMaker:
    """Makes a ledger batch by batch, with direct rows: going through every stage would take longer
    than what is measured. What it writes is durable at the end only.

    Attributes:
        run: that the batches are sent in.
    """

    def __init__(self, workspace: Workspace) -> None:
        workspace.create()
        self.ledger = Ledger(workspace.ledger)
        database, specs = self.ledger.database, self.ledger.specs
        # keys are random, so each row of a large ledger touches pages all over it
        database.execute("PRAGMA cache_size = -4000000")
        database.execute("PRAGMA synchronous = OFF")
        workspace.remember_id(self.ledger.workspace_id())
        self.run = self.ledger.begin_run("bench", NOW)
        self._batches = 0
        self._source = self.ledger.images.source("folder", "/bench", "bench")
        text = SpecText("openai", "test", _MODEL, "/v1/chat/completions")
        self._spec = specs.spec(_SPEC, text, NOW)
        self._recipe = specs.recipe({"bench": 1}, {}).row
        database.execute("UPDATE sources SET spec = ?", (self._spec,))

    def __enter__(self) -> LedgerMaker:
        return self

    def __exit__(self, *_error: object) -> None:
        self.ledger.close()

    def add(self, numbers: range) -> None:
        """Add images and a batch of their requests."""
        with self.ledger.database.transaction("bench"):
            self._images(numbers)
        self._batches += 1
        _submit(self.ledger, self.run, self._batches, numbers)

    def _images(self, numbers: range) -> None:
        images, spec = self.ledger.images, self._spec
        folders = {
            number: images.folder(self._source, f"{number:05}")[0]
            for number in range((numbers.start - 1) // 1000, (numbers.stop - 2) // 1000 + 1)
        }
        for sql, rows in (
            *prepared_rows(numbers, self._recipe),
            ("INSERT INTO images (id, folder, name, size, mtime_ns, inode, original, content, todo,"
             " first_seen_at) VALUES (?, ?, ?, 70000, ?, ?, ?, ?, 0, ?)",
             ((n, folders[(n - 1) // 1000], f"{n:08}.jpg", n, n, n, n, NOW) for n in numbers)),
            ("INSERT INTO works (id, work_key, content, spec, representative) "
             "VALUES (?, ?, ?, ?, ?)",
             ((n, key_of(n), n, spec, n) for n in numbers)),
            ("UPDATE images SET work = id WHERE id = ?", ((n,) for n in numbers)),
        ):  # fmt: skip
            self.ledger.database.executemany(sql, rows)


def _submit(ledger: Ledger, run: int, batch: int, works: range) -> None:
    items = tuple(NewItem(work, 1, _WORST, _WORST // 2, 900) for work in works)
    new = NewShard(f"{batch:06}-{batch:08x}", 1, _MODEL, 1, bytes(32), _WORST * len(items), "bench",
                   _SHEET.to_text(), items)  # fmt: skip
    shard = ledger.shards.get(ledger.shards.seal(new, NOW))
    ledger.reservations.record_unasked(shard.row, 1, shard.max_cost, Scope(run, NOW))
    ledger.batches.add(shard.row, 1, remote(batch, "in_progress"), "main")
    for state in ("UPLOADING", "UPLOADED", "CREATING", "SUBMITTED"):
        shard = ledger.shards.move(shard, state)


def remote(batch: int, status: str) -> RemoteBatch:
    """A batch as the service shows it."""
    return RemoteBatch(
        id=f"batch_{batch}",
        status=status,  # type: ignore[arg-type]
        input_file_id=f"file-{batch}",
        output_file_id=f"out-{batch}" if status == "completed" else None,
        error_file_id=None,
        created_at=NOW,
        raw_status=status,
    )


def write_answers(path: Path, works: range) -> None:
    """An output file with one line for each work, about 0.9 kB, in no order."""
    chance = random.Random(works.start)
    order = list(works)
    chance.shuffle(order)
    with path.open("wb") as handle:
        handle.writelines(_answers(order, chance))


def _answers(order: list[int], chance: random.Random) -> Iterator[bytes]:
    for number in order:
        text = " ".join(chance.choices(_WORDS, k=30)).capitalize() + f", number {number}."
        usage = {
            "prompt_tokens": 880 + number % 40,
            "completion_tokens": 40,
            "total_tokens": 920 + number % 40,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }
        message = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
        body = {
            "id": f"chatcmpl-{number:024}",
            "object": "chat.completion",
            "created": NOW,
            "model": f"{_MODEL}-2026-05-01",
            "choices": [
                {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            ],
            "usage": usage,
            "service_tier": "default",
            "system_fingerprint": "fp_0123456789",
        }
        request = f"{number:032x}"
        yield orjson.dumps(
            {
                "id": f"batch_req_{request}",
                "custom_id": custom_id(key_of(number), 1),
                "response": {"status_code": 200, "request_id": request, "body": body},
                "error": None,
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
