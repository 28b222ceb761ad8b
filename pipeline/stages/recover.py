"""Recovery of the requests of batches of ours that the ledger does not know.

A batch's metadata name its shard and what it may cost; the request file here, the answers here,
or the files at the service name its requests.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.core.answer_lines import split_lines
from pipeline.core.identity import WorkAttempt, parse_custom_id
from pipeline.core.lifecycle import GENERATION, SHARD, WORKSPACE
from pipeline.core.pricing import PriceSheet
from pipeline.errors import NotFound
from pipeline.ledger.adoption import RecoveredShard
from pipeline.ledger.batches import Batch
from pipeline.ledger.online_groups import ONLINE, is_online
from pipeline.providers.base import FileTooLarge, ShortDownload
from pipeline.records import RemoteBatch
from pipeline.stages import raw_files
from pipeline.stages.context import StageContext
from pipeline.system.files import remove_quietly
from pipeline.system.workspace import name_of_batch

_WORST = "captionmill_worst_nano"
_MOST_GENERATIONS, _MOST_REQUESTS, _MOST_COST = 10_000, 1_000_000, 10**15
_MOST_BYTES = 2 << 30  # services take files of 1 GB at most
_CUSTOM_ID = re.compile(rb'"custom_id"\s*:\s*"([A-Za-z0-9_-]{1,64})"')
_OUR_KEY = re.compile(rf"(?:{ONLINE})?[0-9]{{6,}}-[0-9a-f]{{8}}")


def shard_key_of(batch: RemoteBatch) -> str:
    """Key of a batch's shard by the metadata; one that we never made is not used as a file name."""
    key = batch.metadata.get(SHARD, "")
    ours = _OUR_KEY.fullmatch(key) and is_online(key) == is_online(batch.id)
    return key if ours else f"unknown-{name_of_batch(batch.id)}"


def recovered_shard(batch: RemoteBatch) -> RecoveredShard:
    """Shard of a batch as its metadata describe it."""
    meta = batch.metadata
    return RecoveredShard(
        shard_key=shard_key_of(batch),
        generation=number_in(meta.get(GENERATION)) or 1,
        model=meta.get("captionmill_model") or batch.model or "",
        requests=number_in(meta.get("captionmill_requests")) or batch.total or 0,
        max_cost=number_in(meta.get(_WORST)),
        prices=_price_text(meta.get("captionmill_prices") or ""),
        fields=meta.get("captionmill_fields") or None,
    )


def is_plausible(batch: RemoteBatch) -> bool:
    """Recognise a batch of this workspace; a stranger's that only carries its id has numbers that
    no shard of ours has."""
    shard, meta = recovered_shard(batch), batch.metadata
    numbers = (meta.get(GENERATION), meta.get("captionmill_requests"))
    if any(text and number_in(text) is None for text in (*numbers, meta.get(_WORST))):
        return False
    return (
        1 <= shard.generation <= _MOST_GENERATIONS
        and shard.requests <= _MOST_REQUESTS
        and (shard.max_cost or 0) <= _MOST_COST
    )


def _price_text(text: str) -> str | None:
    """Text of a price sheet, None for one that was cut or is none."""
    try:
        return PriceSheet.from_text(text).to_text()
    except ValueError:
        return None


def number_in(text: str | None) -> int | None:
    """Non-negative integer of a text, None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def is_ours(context: StageContext, batch: RemoteBatch) -> bool:
    """Recognise a batch of this workspace by a record of it, also from before a new identity."""
    return batch.metadata.get(WORKSPACE) in context.ledger.ids()


def doubtful_shard(context: StageContext, path: Path) -> bool:
    """Record a request file that has no known batch; False for one that is not ours."""
    lines = requests_of(path)
    if not lines or not _OUR_KEY.fullmatch(path.stem) or is_online(path.stem):
        return False
    adoption = context.ledger.adoption
    with context.ledger.database.transaction("doubt"):
        row = adoption.doubt(path.stem, len(lines), path.stat().st_size, context.clock.moment())
        adoption.add_lines(row, lines)
    return True


def requests_in(context: StageContext, batch: RemoteBatch) -> list[WorkAttempt] | None:
    """Requests of a batch, None when nothing lists them any more: a part of them is no list, as the
    others would be sent again. The service is asked for what the files here do not tell.

    Raises:
        ServiceError: the service did not answer; nothing may be concluded.
    """
    key = shard_key_of(batch)
    local = context.workspace.shard(key)
    if local.is_file():
        return requests_of(local)
    expected = recovered_shard(batch).requests
    answered = _soundly_answered(context, key, batch.id)
    if 0 < expected == len(set(answered)):
        return answered
    sent = _download(context, batch.input_file_id, expected)
    if sent is not None:
        return sent
    if not batch.terminal:
        return None
    if answered:
        return answered
    paid = _download(context, batch.output_file_id or "")
    if batch.output_file_id and paid is None:
        return None
    return [*(paid or ()), *(_download(context, batch.error_file_id or "") or ())] or None


def raw_path(context: StageContext, batch: Batch, kind: str) -> Path:
    """Path of a raw file of a batch; `kind` is output or error."""
    shard = context.ledger.shards.get(batch.shard)
    return context.workspace.answers(shard.shard_key, batch.batch_id, kind)


def fetched_by_twin(context: StageContext, batch: Batch) -> str:
    """Hint for a batch of which the service has named a file that is not here; else ""."""
    files = (("output", batch.output_file_id), ("error", batch.error_file_id))
    if all(raw_path(context, batch, kind).exists() for kind, file_id in files if file_id):
        return ""
    return f" ({twin_hint(context)})"


def twin_hint(context: StageContext) -> str:
    """Hint where answers may be that the service has no more."""
    return (
        "should another copy of this workspace have fetched its answers: copy the files of that "
        f"one's folder raw into {context.workspace.raw}, and run again"
    )


def learn_contents(context: StageContext) -> None:
    """Learn the requests of adopted batches from raw files that are here by now; a damaged one,
    which is fetched again, teaches nothing."""
    for opaque in context.ledger.adoption.opaque_shards():
        shard = context.ledger.shards.by_key(opaque.shard_key)
        for batch in () if shard is None else context.ledger.batches.of_shard(shard.row):
            lines = _soundly_answered(context, opaque.shard_key, batch.batch_id)
            with context.ledger.database.transaction("learn_contents"):
                context.ledger.adoption.add_lines(batch.shard, lines)


def _soundly_answered(context: StageContext, key: str, batch_id: str) -> list[WorkAttempt]:
    """Requests of the answers that are stored here, none where a file of them is damaged."""
    paths = [context.workspace.answers(key, batch_id, kind) for kind in ("output", "error")]
    if any(path.is_file() and raw_files.damage_of(path) is not None for path in paths):
        return []
    return list(answered_requests(context, key, batch_id))


def answered_requests(context: StageContext, key: str, batch_id: str) -> Iterator[WorkAttempt]:
    """Requests of the answers that are stored here; of a damaged file those before the damage."""
    for kind in ("output", "error"):
        path = context.workspace.answers(key, batch_id, kind)
        if path.is_file():
            with contextlib.suppress(raw_files.DamagedFile):
                yield from _in_lines(raw_files.lines_of(path))


def _download(context: StageContext, file_id: str, expected: int = 0) -> list[WorkAttempt] | None:
    """Requests of a file at the service, None when it is gone, was never there or is none of
    ours. All that are `expected` are all, whatever its size is said to be."""
    if not file_id:
        return None
    path: Path = context.workspace.shards / "_salvage.tmp"
    try:
        context.service.download(file_id, path, _MOST_BYTES)
        return requests_of(path)
    except ShortDownload:
        requests = requests_of(path)
        if not 0 < expected <= len(requests):
            raise
        return requests
    except (NotFound, FileTooLarge):
        return None
    finally:
        remove_quietly(path)


def requests_of(path: Path) -> list[WorkAttempt]:
    """Requests named by our custom_ids in a request or answer file."""
    with path.open("rb") as stream:
        return list(_in_lines(split_lines(stream)))


def _in_lines(lines: Iterable[tuple[int, bytes]]) -> Iterator[WorkAttempt]:
    for _, line in lines:
        match = _CUSTOM_ID.search(line)
        parsed = parse_custom_id(match.group(1).decode("ascii")) if match else None
        if parsed is not None:
            yield parsed
