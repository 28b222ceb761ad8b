"""Fate of pictures that version 0.1.0 prepared wrongly, when they are prepared again."""

from __future__ import annotations

from pipeline.core.identity import work_key
from pipeline.imaging.stale_kinds import FormerPreparation, stale_kind
from pipeline.ledger import Ledger
from pipeline.ledger.rechecks import Recheck
from pipeline.ledger.works import Content
from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage, Rejection
from pipeline.stages.table_facts import STALE
from pipeline.stages.values import CaptionTask


def former_of(recheck: Recheck) -> FormerPreparation:
    """Preparation as the rules of today look at it."""
    return FormerPreparation(recheck.format, recheck.source, recheck.sent, recheck.flags)


def checked_again(ledger: Ledger, task: CaptionTask, prepared: Prepared) -> Prepared:
    """Settle what was in doubt about these bytes, now that they were prepared once more; what is
    refused only by now is known by its former preparation. To be called inside a transaction."""
    if isinstance(prepared, KnownImage) or prepared.source_id is None:
        return prepared
    recheck = ledger.rechecks.of(prepared.source_id, task.recipe)
    if recheck is None:
        return prepared
    settle_recheck(ledger, task, recheck, prepared)
    return prepared if isinstance(prepared, PreparedImage) else KnownImage(prepared.source_id)


def settle_recheck(
    ledger: Ledger, task: CaptionTask, recheck: Recheck, again: PreparedImage | RejectedImage
) -> bool:
    """Record what a preparation is worth by today's rules; True when it was wrong."""
    kind = stale_kind(former_of(recheck), again)
    same = isinstance(again, PreparedImage) and again.content_id == recheck.content_id
    if not kind or same:
        ledger.rechecks.mark_right([recheck.original], task.recipe)
        return False
    if isinstance(again, RejectedImage):
        ledger.rechecks.mark_wrong(recheck.original, task.recipe, kind, again.rejection)
    else:
        content = ledger.works.record_content(again)
        ledger.rechecks.mark_wrong(recheck.original, task.recipe, kind, content, again.flags)
    ledger.put(STALE, "1")
    return True


def content_to_send(
    ledger: Ledger, task: CaptionTask, source_id: bytes, content_id: bytes, prompt: str
) -> Content | Rejection | None:
    """Content or rejection of these bytes by today's rules, where they were prepared wrongly before
    and nothing was paid for it; else None."""
    today = ledger.rechecks.today(source_id, task.recipe)
    if today is None:
        return None
    work = ledger.works.peek(work_key(content_id, task.spec_id, prompt))
    paid = work is not None and (work.state != "pending" or work.attempts > 0)
    return None if paid else today
