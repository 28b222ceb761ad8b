"""Flags of a row of the table, in SQL: what the source knows of the image, what its preparation
did, what its answer lacks, and whether it is stale. The aliases are those of `ledger.rows`."""

from __future__ import annotations

from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.ledger.database import sql_list

_PREPARED = """COALESCE(
    (SELECT y.flags FROM preparations y WHERE y.original = o.id AND y.content = c.id),
    (SELECT r.flags FROM rechecks r WHERE r.original = o.id AND r.content = c.id))"""
# a prompt that a filter refused was paid for by its outcome, and cost nothing
_NO_USAGE = f"""w.representative = i.id AND a.prompt_tokens IS NULL
    AND a.outcome IN ({sql_list(PAID_OUTCOMES)}) AND COALESCE(a.billed, 1) <> 0"""
_FLAGS = f"""
CASE
    WHEN {_NO_USAGE} THEN TRIM(COALESCE({_PREPARED}, '') || RTRIM(',' || a.flags, ',')
        || ',usage_missing', ',')
    WHEN a.flags <> '' THEN TRIM(COALESCE({_PREPARED}, '') || ',' || a.flags, ',')
    ELSE {_PREPARED}
END
"""
# what the source knows of the image, and what its preparation does
_KNOWN_FLAGS = f"""
CASE WHEN i.flags IS NULL THEN {_FLAGS}
    ELSE TRIM(i.flags || ',' || COALESCE({_FLAGS}, ''), ',') END
"""
FLAGS = f"""
CASE WHEN EXISTS (SELECT 1 FROM rechecks r
        WHERE r.original = o.id AND r.former = c.id AND r.kind <> '')
    THEN TRIM(COALESCE({_KNOWN_FLAGS}, '') || ',stale', ',') ELSE {_KNOWN_FLAGS} END
"""
