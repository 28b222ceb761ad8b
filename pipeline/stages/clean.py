"""Removal of files that are no longer needed, at the service and on this disk.

Deleting comes last: results are durable, settled and in the table before anything goes.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field

from pipeline.core.lifecycle import TWIN
from pipeline.errors import ServiceError
from pipeline.ledger.batches import Batch
from pipeline.ledger.online_groups import is_online
from pipeline.stages.batch_record import is_batch_record
from pipeline.stages.collect import NOT_THERE, fetch_raw
from pipeline.stages.context import StageContext
from pipeline.stages.raw_files import damage_of
from pipeline.stages.recover import raw_path
from pipeline.system.failpoints import reached
from pipeline.system.files import remove


class CleanResult(Struct):
    """Counts of files removed at the service and here, and bytes of the review's index and pictures
    before and after; problems are sentences, never errors: a
    later run tries again."""

    remote: int = 0
    local: int = 0
    review_bytes: tuple[int, int] = (0, 0)
    problems: list[str] = field(default_factory=list)


def remove_finished(context: StageContext, *, orphans: bool = False) -> CleanResult:
    """Remove the files of shards that are over; with `orphans` also uploads of this workspace
    that no live shard uses."""
    result = CleanResult()
    context.mirror.keep(at_once=True)  # before the last other copy, at the service, is deleted
    for row, shard_key, file_id in context.ledger.shards.to_clean():
        context.check_stop()
        if _clean_remote(context, row, file_id, result):
            _clean_local(context, shard_key, result)
            reached("clean.before_record")
            context.ledger.shards.cleaned(row)
    if orphans:
        _clean_orphans(context, result)
    return result


def _clean_remote(
    context: StageContext, shard: int, file_id: str | None, result: CleanResult
) -> bool:
    if not context.delete_remote:
        return True
    ids: list[str | None] = [file_id]
    try:
        for batch in context.ledger.batches.of_shard(shard):
            if not batch.made_here:
                return True  # whose ledger may not have them yet, if it is at work too
            ids += [batch.input_file_id, *_results_kept_here(context, batch)]
        for remote in dict.fromkeys(i for i in ids if i):
            context.service.delete_file(remote)
            result.remote += 1
    except ServiceError as error:
        result.problems.append(f"a file at the service is not deleted yet: {error}")
        return False
    return True


def _results_kept_here(context: StageContext, batch: Batch) -> Iterator[str | None]:
    """Result files of a batch that may be deleted at the service: whose raw copy here is sound. A
    copy that is not is fetched once more before.

    Raises:
        ServiceError: the service did not give it.
    """
    for kind, file_id in (("output", batch.output_file_id), ("error", batch.error_file_id)):
        path = raw_path(context, batch, kind)
        if file_id and context.keep_raw and not (path.exists() and damage_of(path) is None):
            try:
                fetch_raw(context, batch, file_id, path)
            except ServiceError as error:
                if error.status not in NOT_THERE:
                    raise
        yield file_id


def _clean_local(context: StageContext, shard_key: str, result: CleanResult) -> None:
    path = context.workspace.shard(shard_key)
    if not context.keep_shards and path.exists():
        remove(path)
        result.local += 1
    if not context.keep_raw:
        for raw in context.workspace.raw.glob(f"{shard_key}.*"):
            # no service lists groups of online requests: only their records can show
            # a lost or older ledger that they were paid for
            if not (is_online(shard_key) and is_batch_record(raw)):
                remove(raw)
                result.local += 1


def _clean_orphans(context: StageContext, result: CleanResult) -> None:
    """Remove uploads with our name that no live shard uses: the upload's answer was lost, or the
    shard was taken apart. A shard that may still need its file keeps it."""
    live = {
        context.filename(shard.shard_key)
        for shard in context.ledger.shards.in_states(
            "UPLOADING", "UPLOADED", "CREATING", "SUBMITTED"
        )
    }
    prefix = f"captionmill-{context.ledger.workspace_id()}-"
    twin = context.ledger.get(TWIN)  # whose uploads have such names too
    for remote in () if twin else list(context.service.list_uploads()):
        if remote.filename.startswith(prefix) and remote.filename not in live:
            context.service.delete_file(remote.id)
            result.remote += 1
    known = {
        context.workspace.shard(s.shard_key)
        for s in context.ledger.shards.in_states(
            "SEALED", "UPLOADING", "UPLOADED", "CREATING", "SUBMITTED", "WRITTEN", "DOWNLOADED"
        )
    }
    for path in context.workspace.shards.glob("*.jsonl"):
        if path not in known and not context.keep_shards:
            remove(path)
            result.local += 1
