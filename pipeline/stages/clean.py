"""clean: remove what is safe here and no longer needed, at the service and on this disk.

Deleting comes last: results are durable, settled and in the table before anything goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.errors import ServiceError
from pipeline.ledger.online_groups import is_online
from pipeline.stages.batch_record import is_card
from pipeline.stages.context import Desk
from pipeline.system.failpoints import reached
from pipeline.system.files import remove


@dataclass(slots=True)
class Cleaned:
    """Files removed at the service and here; problems are sentences, never errors: a later run
    tries again."""

    remote: int = 0
    local: int = 0
    problems: list[str] = field(default_factory=list)


def clean(desk: Desk, *, orphans: bool = False) -> Cleaned:
    """Remove the files of shards that are over; with `orphans` also uploads of this workspace
    that no live shard uses."""
    result = Cleaned()
    for row, shard_key, file_id in desk.ledger.shards.to_clean():
        desk.check_stop()
        if _clean_remote(desk, row, file_id, result):
            _clean_local(desk, shard_key, result)
            reached("clean.before_record")
            desk.ledger.shards.cleaned(row)
    if orphans:
        _clean_orphans(desk, result)
    return result


def _clean_remote(desk: Desk, shard: int, file_id: str | None, result: Cleaned) -> bool:
    if not desk.delete_remote:
        return True
    ids: list[str | None] = [file_id]
    for batch in desk.ledger.batches.of_shard(shard):
        ids += [batch.input_file_id, batch.output_file_id, batch.error_file_id]
    try:
        for remote in dict.fromkeys(i for i in ids if i):
            desk.service.delete_file(remote)
            result.remote += 1
    except ServiceError as error:
        result.problems.append(f"a file at the service is not deleted yet: {error}")
        return False
    return True


def _clean_local(desk: Desk, shard_key: str, result: Cleaned) -> None:
    path = desk.workspace.shard(shard_key)
    if not desk.keep_shards and path.exists():
        remove(path)
        result.local += 1
    if not desk.keep_raw:
        for raw in desk.workspace.raw.glob(f"{shard_key}.*"):
            # no service lists groups of online requests: their cards are all that can tell a
            # lost or older ledger that they were paid for
            if not (is_online(shard_key) and is_card(raw)):
                remove(raw)
                result.local += 1


def _clean_orphans(desk: Desk, result: Cleaned) -> None:
    """Uploads with our name that no live shard uses: the upload's answer was lost, or the shard
    was taken apart. A shard that may still need its file keeps it."""
    live = {
        desk.filename(shard.shard_key)
        for shard in desk.ledger.shards.in_states("UPLOADING", "UPLOADED", "CREATING", "SUBMITTED")
    }
    prefix = f"captionmill-{desk.ledger.workspace_id()}-"
    for remote in list(desk.service.list_uploads()):
        if remote.filename.startswith(prefix) and remote.filename not in live:
            desk.service.delete_file(remote.id)
            result.remote += 1
    known = {
        desk.workspace.shard(s.shard_key)
        for s in desk.ledger.shards.in_states(
            "SEALED", "UPLOADING", "UPLOADED", "CREATING", "SUBMITTED", "WRITTEN", "DOWNLOADED"
        )
    }
    for path in desk.workspace.shards.glob("*.jsonl"):
        if path not in known and not desk.keep_shards:
            remove(path)
            result.local += 1
