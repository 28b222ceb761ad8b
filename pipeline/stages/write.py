"""Writing of pending requests into sealed shards.

The image's bytes go to the shard file once, as they come from the worker; what is in the open
shard is only in memory until the file is durable, and then it is recorded in one transaction.
A kill before that leaves a temporary file and images that are read again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from xxhash import xxh3_128

from pipeline.core.identity import custom_id
from pipeline.core.packing import Load, affordable, takes
from pipeline.engines.base import Engine
from pipeline.errors import OverBudget
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.ledger.shards import NewItem, NewShard
from pipeline.records import Nano, Prepared, PreparedImage
from pipeline.stages.export import STALE
from pipeline.stages.preprocess import PendingRequest, link_known, prepare_images, record_image
from pipeline.stages.shard_options import RequestTemplate, ShardOptions
from pipeline.stages.values import CaptionTask, Engines
from pipeline.system.failpoints import reached
from pipeline.system.files import publish, remove_quietly, storage_error

# prepared images in one transaction: each commit writes anew what it touched of every index
_CHUNK, _CHUNK_BYTES = 256, 16_000_000
_BUFFER = 1 << 20  # of a shard file: a system call for many lines
_STRETCH = 8 << 20  # of a shard file: flushed to the disk at once


@dataclass(slots=True)
class OpenShard:
    """Shard file being written: `_KEY.jsonl.tmp` until it is sealed."""

    key: str
    path: Path
    handle: BinaryIO
    request_template: RequestTemplate
    load: Load = field(default_factory=Load)
    items: list[NewItem] = field(default_factory=list)
    checksum: xxh3_128 = field(default_factory=xxh3_128)
    flushed: int = 0  # bytes whose writing has begun

    @classmethod
    def begin(
        cls, shard_options: ShardOptions, number: int, request_template: RequestTemplate
    ) -> OpenShard:
        """Open the next shard's temporary file."""
        key = f"{shard_options.prefix}{number:06d}-{secrets.token_hex(4)}"
        path = shard_options.folder / f"{key}.jsonl"
        try:
            handle = path.with_name(f"_{path.name}.tmp").open("wb", buffering=_BUFFER)
            return cls(key, path, handle, request_template)
        except OSError as error:
            raise storage_error(path, error) from error

    def append(self, parts: Sequence[bytes], item: NewItem, load: Load) -> None:
        """Add one request line."""
        try:
            self.handle.writelines(parts)
        except OSError as error:
            raise storage_error(self.path, error) from error
        for part in parts:
            self.checksum.update(part)
        self.items.append(item)
        self.load = self.load.plus(load)
        if self.load.bytes - self.flushed > _STRETCH + _BUFFER:
            self._start_flush()

    def _start_flush(self) -> None:
        """Begin writing to the disk, where that is possible: the fsync at the end, during which no
        image is taken from the workers, then waits for the last stretch only."""
        with contextlib.suppress(AttributeError, OSError):
            # what it does beside that, dropping pages, it does with written ones only
            os.posix_fadvise(self.handle.fileno(), self.flushed, _STRETCH, os.POSIX_FADV_DONTNEED)
        self.flushed += _STRETCH

    def make_durable(self) -> None:
        """Flush, fsync and rename: from here on the file is complete."""
        try:
            with self.handle:
                self.handle.flush()
                reached("write.before_fsync")
                os.fsync(self.handle.fileno())
            publish(self.path.with_name(f"_{self.path.name}.tmp"), self.path)
        except OSError as error:
            self.discard()
            raise storage_error(self.path, error) from error

    def discard(self) -> None:
        """Close and remove the temporary file; its images are read again."""
        with contextlib.suppress(OSError):  # on a full disk the buffer cannot even be flushed
            self.handle.close()
        remove_quietly(self.path.with_name(f"_{self.path.name}.tmp"))


class Writer:
    """Packer of pending requests into shards, which it seals."""

    def __init__(
        self,
        ledger: Ledger,
        task: CaptionTask,
        shard_options: ShardOptions,
        now: Callable[[], int],
        prepared: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._prepared = prepared
        self._ledger = ledger
        self._task = task
        self._shard_options = shard_options
        self._now = now
        self._open: dict[str, OpenShard] = {}  # by model: a batch file has one
        self._packed: set[int] = set()  # works in open shards
        self._room: Nano | None = None
        self._limits = shard_options.first_limits

    def write(self, engines: Engines, locate: Callable[[SeenImage], str]) -> Iterator[int]:
        """Prepare every image of the source that needs it, yield the row of each shard sealed.

        Raises:
            OverBudget: the next line does not fit into the budget; what fitted is sealed and
                was yielded.
        """
        try:
            link_known(self._ledger, self._task, self._shard_options.check_stop)
            todo = self._ledger.images.todo(self._task.source)
            yield from self._pack(prepare_images(engines.sparing, todo, locate))
            unsent = (
                image
                for work, image in self._ledger.images.unsent(self._task.source)
                if work not in self._packed
            )
            yield from self._pack(prepare_images(engines.thorough, unsent, locate))
            yield from self._seal_all()
        finally:
            for shard in self._open.values():
                shard.discard()

    def write_sample(
        self, engine: Engine, images: Iterable[SeenImage], locate: Callable[[SeenImage], str]
    ) -> Iterator[int]:
        """Prepare these images only, each of them; yields and raises as `write`."""
        try:
            yield from self._pack(prepare_images(engine, images, locate))
            yield from self._seal_all()
        finally:
            for shard in self._open.values():
                shard.discard()

    def _pack(self, prepared: Iterator[tuple[SeenImage, Prepared]]) -> Iterator[int]:
        prepared = self._counted(prepared)
        while chunk := _chunk(prepared):
            self._shard_options.check_stop()
            for pending in self._record(chunk):
                yield from self._add(pending)

    def _counted(
        self, prepared: Iterable[tuple[SeenImage, Prepared]]
    ) -> Iterator[tuple[SeenImage, Prepared]]:
        """Images as they come, each of which is shown as progress."""
        for one in prepared:
            self._prepared(1)
            yield one

    def _record(self, chunk: Iterable[tuple[SeenImage, Prepared]]) -> list[PendingRequest]:
        requests: dict[int, PendingRequest] = {}
        with self._ledger.database.transaction("link"):
            for image, prepared in chunk:
                pending = record_image(self._ledger, self._task, image, prepared)
                if pending is None or pending.image is None or pending.work.row in self._packed:
                    continue
                requests.setdefault(pending.work.row, pending)
            if self._task.linked:
                self._ledger.put(STALE, "1")
        return list(requests.values())

    def _add(self, pending: PendingRequest) -> Iterator[int]:
        work = pending.work
        request_template = (
            self._shard_options.again(work.after, work.attempts)
            if work.after
            else self._shard_options.request_template
        )
        parts, item, load = _line(pending, request_template)
        shard = self._open.get(request_template.request.model)
        if shard is not None and not takes(shard.load, load, self._limits):
            yield from self._seal(shard)
            shard = None
        elif shard is not None and not affordable(shard.load, load, self._room):
            least = self._shard_options.least()
            if shard.load.requests < least:
                self._leave(shard)
                yield from self._end_short(load, least)
            yield from self._seal(shard)
            shard = None
        if shard is None:
            self._room = self._shard_options.room()
            if not affordable(Load(), load, self._room):
                yield from self._end_short(load)
            shard = OpenShard.begin(
                self._shard_options, self._ledger.shards.next_number(), request_template
            )
            self._open[request_template.request.model] = shard
        shard.append(parts, item, load)
        self._packed.add(item.work)

    def _end_short(self, load: Load, requests: int = 1) -> Iterator[int]:
        """Seal what fitted; then the budget has no room for so many requests like this one."""
        yield from self._seal_all()
        raise OverBudget(self._shard_options.shortage(requests * (load.max_cost or 0), requests))

    def _leave(self, shard: OpenShard) -> None:
        """Leave the requests of an open shard pending."""
        del self._open[shard.request_template.request.model]
        self._packed -= {item.work for item in shard.items}
        shard.discard()

    def _seal_all(self) -> Iterator[int]:
        for shard in list(self._open.values()):
            yield from self._seal(shard)

    def _seal(self, shard: OpenShard) -> Iterator[int]:
        """Make an open shard durable, then record it; yields its row."""
        del self._open[shard.request_template.request.model]
        shard.make_durable()
        reached("write.before_seal")
        sheet = shard.request_template.estimator.sheet
        row = self._ledger.shards.seal(
            NewShard(
                shard.key,
                self._task.spec,
                shard.request_template.request.model,
                shard.load.bytes,
                shard.checksum.digest(),
                shard.load.max_cost,
                sheet.version if sheet else None,
                sheet.to_text() if sheet else None,
                tuple(shard.items),
            ),
            self._now(),
        )
        reached("write.after_seal")
        self._packed -= {item.work for item in shard.items}
        self._limits = self._shard_options.limits
        yield row


def _chunk(prepared: Iterator[tuple[SeenImage, Prepared]]) -> list[tuple[SeenImage, Prepared]]:
    """Next images, as many as are recorded together; [] when there are none."""
    chunk: list[tuple[SeenImage, Prepared]] = []
    size = 0
    for image, result in islice(prepared, _CHUNK):
        chunk.append((image, result))
        size += len(result.base64) if isinstance(result, PreparedImage) else 0
        if size >= _CHUNK_BYTES:
            break
    return chunk


def _line(pending: PendingRequest, template: RequestTemplate) -> tuple[list[bytes], NewItem, Load]:
    """Line of one request in parts, its ledger item, and its load on a shard."""
    image = pending.image
    assert image is not None
    attempt = pending.work.attempts + 1
    parts = template.wire_format.line(
        template.request, custom_id(pending.key, attempt), pending.prompt, image
    )
    cost = template.estimator.estimate(image.width, image.height, pending.prompt)
    item = NewItem(pending.work.row, attempt, cost.max_cost, cost.expected, cost.prompt_tokens)
    size = sum(len(part) for part in parts)
    return parts, item, Load(1, size, cost.prompt_tokens, cost.max_cost)
