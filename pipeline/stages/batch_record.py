"""Batch records: files beside raw answers that let them be read without a ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.core.reading_rules import CURRENT
from pipeline.ledger.shards import Shard, metadata_of
from pipeline.records import RemoteBatch
from pipeline.stages.context import StageContext
from pipeline.system.files import write_whole
from pipeline.system.workspace import Workspace

_SUFFIX = ".batch.json"
_RULES = "captionmill_rules"
_FIELDS = ("id", "status", "input_file_id", "output_file_id", "error_file_id", "created_at",
         "expires_at", "total", "completed", "failed")  # fmt: skip


def write_batch_record(
    context: StageContext, shard: Shard, generation: int, remote: RemoteBatch
) -> None:
    """Write what rebuilding needs of a batch of `shard`.

    Raises:
        StorageError: it cannot be written.
    """
    fields = context.ledger.specs.schema_fields(shard.spec)
    batch_record = {name: getattr(remote, name) for name in _FIELDS}
    batch_record["metadata"] = metadata_of(context.ledger.workspace_id(), shard, fields)
    batch_record["metadata"]["captionmill_generation"] = str(generation)
    batch_record["metadata"][_RULES] = str(CURRENT)
    path = batch_record_path(context.workspace, shard.shard_key, remote.id)
    write_whole(path, json.dumps(batch_record, indent=1).encode() + b"\n")


def recorded_rules(workspace: Workspace, shard_key: str, batch_id: str) -> int:
    """Version of the rules by which a batch's answers are read: as its record names it, else
    today's."""
    try:
        path = batch_record_path(workspace, shard_key, batch_id)
        version = json.loads(path.read_bytes())["metadata"][_RULES]
        return min(max(int(version), 1), CURRENT)
    except (OSError, ValueError, TypeError, KeyError):
        return CURRENT


def batch_record_path(workspace: Workspace, shard_key: str, batch_id: str) -> Path:
    """Path of the record of a batch."""
    return workspace.raw / f"{shard_key}.{batch_id}{_SUFFIX}"


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
