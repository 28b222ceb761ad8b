"""Batch records: files beside raw answers that let them be read without a ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any, cast

from pipeline.core.identity import hash_of
from pipeline.core.lifecycle import GENERATION, SHARD, WORKSPACE
from pipeline.core.reading_rules import CURRENT
from pipeline.ledger.audit import ExpectedBatch
from pipeline.ledger.batch_metadata import metadata_of
from pipeline.ledger.shards import Shard
from pipeline.records import BatchStatus, RemoteBatch
from pipeline.stages.context import StageContext
from pipeline.system.files import write_whole
from pipeline.system.workspace import Workspace, name_of_batch

_SUFFIX = ".batch.json"
_RULES = "captionmill_rules"
_CHECKSUM = "captionmill_checksum"
_FIELDS = ("id", "status", "input_file_id", "output_file_id", "error_file_id", "created_at",
         "expires_at", "total", "completed", "failed",
         "prompt_tokens", "completion_tokens")  # fmt: skip


def write_batch_record(
    context: StageContext,
    shard: Shard,
    generation: int,
    remote: RemoteBatch,
    rules: int = CURRENT,
) -> None:
    """Write what rebuilding needs of a batch of `shard`, read by the `rules` of this version.

    Raises:
        StorageError: it cannot be written.
    """
    fields = context.ledger.specs.schema_fields(shard.spec)
    batch_record = {name: getattr(remote, name) for name in _FIELDS}
    batch_record["metadata"] = metadata_of(context.ledger.workspace_id(), shard, fields)
    batch_record["metadata"][GENERATION] = str(generation)
    batch_record["metadata"][_RULES] = str(rules)
    batch_record["metadata"][_CHECKSUM] = _checksum(batch_record)
    path = batch_record_path(context.workspace, shard.shard_key, remote.id)
    write_whole(path, json.dumps(batch_record, indent=1).encode() + b"\n")


def recorded_rules(workspace: Workspace, shard_key: str, batch_id: str) -> int:
    """Version of the rules for reading a batch's answers: its record's, else today's."""
    try:
        path = batch_record_path(workspace, shard_key, batch_id)
        version = json.loads(path.read_bytes())["metadata"][_RULES]
        return min(max(int(version), 1), CURRENT)
    except (OSError, ValueError, TypeError, KeyError):
        return CURRENT


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
    sound = about == expected and remote.metadata.get(WORKSPACE) in ids
    checksum = remote.metadata.get(_CHECKSUM)  # records of earlier versions have none
    sound = sound and checksum in (None, _checksum(batch_record))
    return "" if sound else "is not what was written"


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
        rules = min((one.rules for one in ledger.audit.answers(batch.row)), default=CURRENT)
        remote = RemoteBatch(
            batch.batch_id, cast(BatchStatus, batch.status), batch.input_file_id,
            batch.output_file_id, batch.error_file_id, batch.created_at, batch.expires_at,
            batch.total, batch.completed, batch.failed, prompt_tokens=batch.prompt_tokens,
            completion_tokens=batch.completion_tokens,
        )  # fmt: skip
        shard = ledger.shards.get(batch.shard)
        write_batch_record(context, shard, batch.generation, remote, rules)
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
