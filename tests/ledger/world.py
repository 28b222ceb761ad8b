"""A small ledger to test on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.core.identity import hash_of, work_key
from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger import Ledger
from pipeline.ledger.answers import PricedAnswer
from pipeline.ledger.batches import Batch
from pipeline.ledger.recording import Recording
from pipeline.ledger.reservations import Scope
from pipeline.ledger.shards import NewItem, NewShard, Shard
from pipeline.ledger.specs import RecipeRow
from pipeline.ledger.unrecorded import ContentRecord
from pipeline.records import (
    Answer,
    PreparedImage,
    RejectedImage,
    Rejection,
    RemoteBatch,
    SourceFile,
    Usage,
)

NOW = 1_790_000_000
ADMISSION = b"a" * 32
SPEC = {"provider": "openai", "request": {"model": "gpt-6-luna"}, "template": "prompt"}


def prepared(number: int, source: int | None = None) -> PreparedImage:
    return PreparedImage(
        source_id=bytes([source if source is not None else number]) * 32,
        content_id=bytes([number]) * 32,
        source_format="JPEG",
        source_width=640,
        source_height=480,
        width=512,
        height=384,
        media_type="image/jpeg",
        base64=b"AAAA",
    )


@dataclass
class World:
    """A ledger with one folder source, one spec and helpers that walk the life cycle."""

    ledger: Ledger
    source: int = 0
    folder: int = 0
    spec: int = 0
    recipe: RecipeRow = field(default_factory=lambda: RecipeRow(0, b""))
    works: list[tuple[int, bytes]] = field(default_factory=list)

    def image(self, name: str, number: int, source: int | None = None) -> int:
        file = SourceFile("", name, f"/imgs/{name}", 10, number, number)
        self.ledger.images.upsert(self.folder, [file], 1, NOW)
        image = next(i for i in self.ledger.images.todo(self.source) if i.name == name)
        with self.recording() as recording:
            picture = prepared(number, source)
            recording.load([picture])
            content = recording.prepared(picture)
            key = work_key(content.content_id, hash_of(SPEC), "prompt")
            recording.load_works([key])
            work = recording.work(key, content, image.id)
            recording.link(image.id, recording.original(picture.source_id), content, work)
        if (work.row, key) not in self.works:
            self.works.append((work.row, key))
        return image.id

    @contextlib.contextmanager
    def recording(self) -> Iterator[Recording]:
        """A recording that is saved at its end."""
        recording = Recording(self.ledger.database, self.recipe, self.spec)
        yield recording
        with self.ledger.database.transaction("link"):
            recording.save()

    def prepare(self, image: PreparedImage) -> ContentRecord:
        """Record what a file was prepared as."""
        with self.recording() as recording:
            recording.load([image])
            return recording.prepared(image)

    def refuse(self, image: RejectedImage) -> None:
        """Record that a file cannot be prepared."""
        with self.recording() as recording:
            recording.load([image])
            recording.rejected(image)

    def reject(self, image: int, rejection: Rejection, *, passing: bool = False) -> None:
        """Record that an image cannot be sent."""
        with self.recording() as recording:
            recording.reject(image, None, rejection, passing=passing)

    def seal(self, max_cost: int | None = 1000, key: str = "000001-aa", attempt: int = 1) -> Shard:
        items = tuple(NewItem(work, attempt, max_cost, 500, 100, 40) for work, _ in self.works)
        total = None if max_cost is None else max_cost * len(items)
        new = NewShard(
            key, self.spec, "gpt-6-luna", 10, bytes(32), total, "v1", '{"input":"1"}', items
        )
        return self.ledger.shards.get(self.ledger.shards.seal(new, NOW))

    def submitted(self, **seal: object) -> tuple[Shard, Batch]:
        shard = self.seal(**seal)  # type: ignore[arg-type]
        self.ledger.reservations.record_unasked(shard.row, 1, shard.max_cost, scope(1))
        shards = self.ledger.shards
        self.ledger.batches.add(shard.row, 1, remote("batch_1"), "main")
        shard = shards.move(shard, "UPLOADING")
        shard = shards.move(shard, "UPLOADED", file_id="file-1")
        shard = shards.move(shard, "CREATING", intent_at=NOW)
        shard = shards.move(shard, "SUBMITTED")
        batch = self.ledger.batches.by_id("batch_1")
        assert batch is not None
        return shard, batch

    def settle_two(self) -> None:
        """Settle a batch of two images, both captioned."""
        self.image("a.jpg", 1)
        self.image("b.jpg", 2)
        shard, batch = self.submitted()
        lines = [answered(key, 400) for _, key in self.works]
        self.ledger.answers.settle(shard, batch, lines, DEFAULT_RULES, NOW)


def scope(run: int, now: int = NOW) -> Scope:
    return Scope(run, now)


def remote(id: str, **values: object) -> RemoteBatch:
    base: dict[str, object] = {
        "id": id,
        "status": "in_progress",
        "input_file_id": "file-1",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": NOW,
    }
    return RemoteBatch(**(base | values))  # type: ignore[arg-type]


def answered(
    key: bytes, billed: int | None = 400, attempt: int = 1, **values: object
) -> PricedAnswer:
    base: dict[str, object] = {
        "custom_id": f"cm-{key.hex()[:6]}",
        "outcome": "captioned",
        "caption": "a cat",
        "usage": Usage(120, 0, 0, 20, 0),
    }
    return PricedAnswer(key, attempt, Answer(**(base | values)), billed)  # type: ignore[arg-type]
