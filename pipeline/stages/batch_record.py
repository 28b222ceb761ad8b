"""card: what a finished batch was, beside its raw files: they can be read without a ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.ledger.shards import Shard, metadata_of
from pipeline.records import RemoteBatch
from pipeline.stages.context import StageContext
from pipeline.system.files import write_whole
from pipeline.system.workspace import Workspace

_SUFFIX = ".batch.json"
_KEPT = ("id", "status", "input_file_id", "output_file_id", "error_file_id", "created_at",
         "expires_at", "total", "completed", "failed")  # fmt: skip


def write_batch_record(
    context: StageContext, shard: Shard, generation: int, remote: RemoteBatch
) -> None:
    """Keep what rebuilding needs of a batch of `shard`.

    Raises:
        StorageError: it cannot be written.
    """
    fields = context.ledger.specs.schema_fields(shard.spec)
    batch_record = {name: getattr(remote, name) for name in _KEPT}
    batch_record["metadata"] = metadata_of(context.ledger.workspace_id(), shard, fields)
    batch_record["metadata"]["captionmill_generation"] = str(generation)
    path = batch_record_path(context.workspace, shard.shard_key, remote.id)
    write_whole(path, json.dumps(batch_record, indent=1).encode() + b"\n")


def batch_record_path(workspace: Workspace, shard_key: str, batch_id: str) -> Path:
    """Where the card of a batch is."""
    return workspace.raw / f"{shard_key}.{batch_id}{_SUFFIX}"


def is_batch_record(path: Path) -> bool:
    """True for a card among the raw files."""
    return path.name.endswith(_SUFFIX)


def read_batch_records(
    workspace: Workspace, wanted: Callable[[str], bool] = lambda _batch_id: True
) -> Iterator[RemoteBatch]:
    """The batches whose raw files are kept here and whose ids are `wanted`, oldest first; a
    damaged card is left out."""
    found = []
    for path in workspace.raw.glob(f"*{_SUFFIX}"):
        if not wanted(path.name.removesuffix(_SUFFIX).partition(".")[2]):
            continue
        try:
            batch_record = json.loads(path.read_bytes())
            found.append(RemoteBatch(**batch_record))
        except (OSError, ValueError, TypeError):
            continue
    yield from sorted(found, key=lambda batch: (batch.created_at, batch.id))
