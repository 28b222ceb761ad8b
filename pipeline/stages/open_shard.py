"""Shard file that is being written, line by line, until it is durable under its name."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from msgspec import Struct, field
from xxhash import xxh3_128

from pipeline.core.cost_estimate import CostEstimate
from pipeline.core.packing import Load
from pipeline.ledger.shards import NewItem, NewShard
from pipeline.ledger.unrecorded import WorkRecord
from pipeline.stages.shard_options import RequestTemplate, ShardOptions
from pipeline.system.failpoints import reached
from pipeline.system.files import publish, remove_quietly, storage_error, sync

_BUFFER = 1 << 20  # of a shard file: a system call for many lines
_STRETCH = 8 << 20  # of a shard file: flushed to the disk at once


class ShardLine(NamedTuple):
    """Request line of a shard that is not sealed yet."""

    work: WorkRecord
    attempt: int
    cost: CostEstimate


class OpenShard(Struct):
    """Shard file being written: `_KEY.jsonl.tmp` until it is sealed."""

    key: str
    path: Path
    handle: BinaryIO
    request_template: RequestTemplate
    load: Load = field(default_factory=Load)
    lines: list[ShardLine] = field(default_factory=list)
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

    def append(self, parts: Sequence[bytes], line: ShardLine, load: Load) -> None:
        """Add one request line."""
        try:
            self.handle.writelines(parts)
        except OSError as error:
            raise storage_error(self.path, error) from error
        for part in parts:
            self.checksum.update(part)
        self.lines.append(line)
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
                sync(self.handle.fileno())
            publish(self.path.with_name(f"_{self.path.name}.tmp"), self.path)
        except OSError as error:
            self.discard()
            raise storage_error(self.path, error) from error

    def make_live(self) -> None:
        """Let works that are not recorded yet be recorded as live, in the transaction that records
        the shard."""
        for work, attempt, cost in self.lines:
            if not work.row:
                work.state, work.attempts, work.estimated = "live", attempt, cost.expected

    def record(self, spec: int) -> NewShard:
        """Shard for the ledger, when all works have their rows."""
        sheet = self.request_template.estimator.sheet
        items = (
            NewItem(work.row, attempt, cost.max_cost, cost.expected, cost.counted,
                    cost.guessed, live=work.state == "live")
            for work, attempt, cost in self.lines
        )  # fmt: skip
        return NewShard(
            self.key,
            spec,
            self.request_template.request.model,
            self.load.bytes,
            self.checksum.digest(),
            self.load.max_cost,
            sheet.version if sheet else None,
            sheet.to_text() if sheet else None,
            tuple(items),
        )

    def discard(self) -> None:
        """Close and remove the temporary file; its images are read again."""
        with contextlib.suppress(OSError):  # on a full disk the buffer cannot even be flushed
            self.handle.close()
        remove_quietly(self.path.with_name(f"_{self.path.name}.tmp"))
