"""Answers taken as captions once their ending is declared whole, without a request."""

from __future__ import annotations

from pipeline.core.words import counted
from pipeline.ledger.whole_endings import take_whole
from pipeline.stages.context import StageContext
from pipeline.stages.table_facts import STALE


def take_declared(context: StageContext) -> int:
    """Take the answers that wait for this declaration; gives how many."""
    with context.ledger.database.transaction("whole_endings"):
        taken = take_whole(context.ledger.database, context.whole_endings)
        if taken:
            context.ledger.put(STALE, "1")
    if taken:
        context.note("endings.taken", answers=taken)
        context.say(f"{counted(taken, 'answer')} with an ending of whole_endings: now a caption")
    return taken
