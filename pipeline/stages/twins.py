"""Twins: a look for batches of another copy of this workspace, before each create call.

What two copies that start in the same moment can buy twice is so bounded by the shard that each of
them is about to send.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from pipeline.core.lifecycle import TWIN
from pipeline.core.twins import OurCalls, twin_batches, twin_sentence
from pipeline.records import RemoteBatch
from pipeline.stages.context import StageContext
from pipeline.stages.recover import is_plausible


def list_all(context: StageContext) -> list[RemoteBatch]:
    """List all batches of the account; the first list of a run is its begin.

    Raises:
        ServiceError: a page failed.
    """
    pages = iter(context.service.list_batches())
    listed = list(islice(pages, 1))
    at = context.service.time()  # of the first page
    listed += pages
    context.listings.note(listed, at)
    return listed


def list_newer(context: StageContext) -> list[RemoteBatch]:
    """List the batches that are newer than the last list, and some that are not."""
    if context.listings.begin is None:
        return list_all(context)
    listed = list(context.listings.newer(context.service.list_batches()))
    context.listings.note(listed, None)
    return listed


def our_calls(context: StageContext) -> OurCalls:
    """Marks that tell this ledger's own batches from a twin's."""
    ledger = context.ledger
    return OurCalls(
        ledger.workspace_id(), frozenset(ledger.batches.ids()), ledger.nonces(),
        ledger.shards.asked_keys(),
    )  # fmt: skip


def note_twins(context: StageContext, listed: Sequence[RemoteBatch]) -> list[RemoteBatch]:
    """Note that a twin is at work when the list shows it; gives its batches, which are left
    alone."""
    begin = context.listings.begin
    assert begin is not None
    noted = context.ledger.get(TWIN) is not None
    plausible = [batch for batch in listed if is_plausible(batch)]
    twins = twin_batches(plausible, our_calls(context), begin, noted=noted)
    if twins and not noted:
        text = twin_sentence(twins[0])
        with context.ledger.database.transaction("twin"):
            context.ledger.put(TWIN, text)
            context.ledger.incident(context.clock.now(), "twin", text)
        context.note("twin.noticed", level="warning", batches=[batch.id for batch in twins])
    return twins
