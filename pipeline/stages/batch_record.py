"""Batch records: files beside raw answers that let them be read without a ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any, cast

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.core.identity import hash_of
from pipeline.core.lifecycle import GENERATION, SHARD, WORKSPACE
from pipeline.core.reading_rules import CURRENT
from pipeline.ledger.audit import ExpectedBatch
from pipeline.ledger.batch_metadata import metadata_of
from pipeline.ledger.shards import Shard
from pipeline.records import BatchStatus, Nano, RemoteBatch
from pipeline.stages.context import StageContext
from pipeline.system.files import write_whole
from pipeline.system.workspace import Workspace, name_of_batch

_SUFFIX = ".batch.json"
_RULES = "captionmill_rules"
_RECEIVED = "captionmill_received"
_HIGHEST = "captionmill_highest_nano"
_CHECKSUM = "captionmill_checksum"
_FIELDS = ("id", "status", "input_file_id", "output_file_id", "error_file_id", "created_at",
         "expires_at", "total", "completed", "failed",
         "prompt_tokens", "completion_tokens")  # fmt: skip


class Booking(Struct, frozen=True):
    """Booking of a batch's answers: how they are read, and what they count.

    Attributes:
        rules: version of the rules for reading them.
        received_at: when they came, None while that is not known.
        highest: nano-dollars of the requests that count at their highest cost, by custom_id: no
            answer tells them, and the file of requests is mostly gone.
    """

    rules: int = CURRENT
    received_at: int | None = None
    highest: Mapping[str, Nano] = field(default_factory=dict)

    def metadata(self) -> dict[str, str]:
        """Booking as a record holds it."""
        texts = {_RULES: str(self.rules)}
        if self.received_at is not None:
            texts[_RECEIVED] = str(self.received_at)
        if self.highest:
            texts[_HIGHEST] = json.dumps(dict(self.highest), separators=(",", ":"))
        return texts


_AS_OF_TODAY = Booking()


def write_batch_record(
    context: StageContext,
    shard: Shard,
    generation: int,
    remote: RemoteBatch,
    booking: Booking = _AS_OF_TODAY,
) -> None:
    """Write what rebuilding needs of a batch of `shard`.

    Raises:
        StorageError: it cannot be written.
    """
    fields = context.ledger.specs.schema_fields(shard.spec)
    batch_record = {name: getattr(remote, name) for name in _FIELDS}
    batch_record["metadata"] = metadata_of(context.ledger.workspace_id(), shard, fields)
    batch_record["metadata"][GENERATION] = str(generation)
    batch_record["metadata"] |= booking.metadata()
    _write(batch_record_path(context.workspace, shard.shard_key, remote.id), batch_record)


def _write(path: Path, batch_record: dict[str, Any]) -> None:
    batch_record["metadata"][_CHECKSUM] = _checksum(batch_record)
    write_whole(path, json.dumps(batch_record, indent=1).encode() + b"\n")


def recorded_booking(workspace: Workspace, shard_key: str, batch_id: str) -> Booking:
    """Booking of a batch's answers by its record; what no sound record says is as of today."""
    return _booking_in(_read(batch_record_path(workspace, shard_key, batch_id)))


def note_booking(
    workspace: Workspace, shard_key: str, batch_id: str, received_at: int, highest: dict[str, Nano]
) -> None:
    """Write into a batch's record when its answers came and what counts at its highest cost, before
    that is committed. A record that is not there or damaged is left to `mend_batch_records`.

    Raises:
        StorageError: it cannot be written.
    """
    path = batch_record_path(workspace, shard_key, batch_id)
    batch_record = _read(path)
    if batch_record is None or not _is_sound(batch_record):
        return
    before = _booking_in(batch_record)
    both = replace(before, received_at=received_at, highest={**before.highest, **highest})
    if both != before:
        batch_record["metadata"] |= both.metadata()
        _write(path, batch_record)


def _read(path: Path) -> dict[str, Any] | None:
    """Record in a file; None for none, or one that nothing can be read of."""
    try:
        batch_record = json.loads(path.read_bytes())
        return batch_record if isinstance(batch_record["metadata"], dict) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _booking_in(batch_record: dict[str, Any] | None) -> Booking:
    """Booking that a record holds, as far as it is sound."""
    if batch_record is None:
        return _AS_OF_TODAY
    metadata = batch_record["metadata"]
    try:
        booking = Booking(min(max(int(metadata[_RULES]), 1), CURRENT))
        if metadata.get(_CHECKSUM) != _checksum(batch_record):
            return booking  # no money by a damaged record
        highest = json.loads(metadata.get(_HIGHEST, "{}"))
        received = metadata.get(_RECEIVED)
        return Booking(booking.rules, None if received is None else int(received), highest)
    except (ValueError, TypeError, KeyError):
        return _AS_OF_TODAY


def record_fault(workspace: Workspace, batch: ExpectedBatch, ids: Set[str]) -> str:
    """Fault of the record of a settled batch, in words; "" for a sound one, and for none where no
    raw file needs one. `ids` are those that the workspace has and had."""
    path = batch_record_path(workspace, batch.shard_key, batch.batch_id)
    try:
        batch_record = json.loads(path.read_bytes())
        remote = RemoteBatch(**batch_record)
    except FileNotFoundError:
        return "is missing" if (batch.output or batch.error) and not batch.foreign else ""
    except (OSError, ValueError, TypeError):
        return "cannot be read"
    about = remote.id, remote.metadata.get(SHARD), remote.metadata.get(GENERATION)
    expected = batch.batch_id, batch.shard_key, str(batch.generation)
    is_ours = about == expected and remote.metadata.get(WORKSPACE) in ids
    return "" if is_ours and _is_sound(batch_record) else "is not what was written"


def _is_sound(batch_record: Mapping[str, Any]) -> bool:
    """Tell whether a record has its checksum; those of earlier versions have none."""
    return batch_record["metadata"].get(_CHECKSUM) in (None, _checksum(batch_record))


def _checksum(batch_record: Mapping[str, Any]) -> str:
    """Hash of a record without its own checksum, hexadecimal."""
    metadata = {k: v for k, v in batch_record["metadata"].items() if k != _CHECKSUM}
    return hash_of({**batch_record, "metadata": metadata}).hex()


def mend_batch_records(context: StageContext) -> int:
    """Write records of settled batches anew that are damaged or gone; gives how many."""
    ledger, mended = context.ledger, 0
    for expected in ledger.audit.batches():
        if not record_fault(context.workspace, expected, ledger.ids()):
            continue
        batch = ledger.batches.by_id(expected.batch_id)
        if batch is None or not context.keep_raw:
            continue
        shard = ledger.shards.get(batch.shard)
        booking = Booking(*ledger.audit.booking(batch.row))
        remote = RemoteBatch(
            batch.batch_id, cast(BatchStatus, batch.status), batch.input_file_id,
            batch.output_file_id, batch.error_file_id, batch.created_at, batch.expires_at,
            batch.total, batch.completed, batch.failed, prompt_tokens=batch.prompt_tokens,
            completion_tokens=batch.completion_tokens,
        )  # fmt: skip
        write_batch_record(context, shard, batch.generation, remote, booking)
        mended += 1
    return mended


def batch_record_path(workspace: Workspace, shard_key: str, batch_id: str) -> Path:
    """Path of the record of a batch."""
    return workspace.raw / f"{shard_key}.{name_of_batch(batch_id)}{_SUFFIX}"


def is_batch_record(path: Path) -> bool:
    """Recognise a batch record among the raw files."""
    return path.name.endswith(_SUFFIX)


def read_batch_records(
    workspace: Workspace, wanted: Callable[[str], bool] = lambda _batch_id: True
) -> Iterator[RemoteBatch]:
    """Batches whose raw files are here and whose ids are `wanted`, oldest first; a damaged record
    is left out."""
    batches = []
    for path in workspace.raw.glob(f"*{_SUFFIX}"):
        if not wanted(path.name.removesuffix(_SUFFIX).partition(".")[2]):
            continue
        try:
            batch_record = json.loads(path.read_bytes())
            batches.append(RemoteBatch(**batch_record))
        except (OSError, ValueError, TypeError):
            continue
    yield from sorted(batches, key=lambda batch: (batch.created_at, batch.id))
