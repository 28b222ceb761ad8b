"""SQL of a row's outcome, over `images` as i, `works` as w and `answers` as a."""

from __future__ import annotations

from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.reasons import WAITING_DOWNLOADS
from pipeline.ledger.database import sql_list

HAD_CAPTION = """(w.id IS NULL AND i.existing_text IS NOT NULL AND i.todo = 0
    AND i.reject_code IS NULL)"""
"""Condition of a row whose image had a text already and is not sent."""

LEFT_OUT = "(i.work IS NULL AND i.existing_text IS NOT NULL AND i.todo = 0)"
"""The same where works are not joined."""

# A duplicate shows the caption of its representative and costs nothing, so that the sum of a column
# is the sum of the bill.
WORK_OUTCOME = f"""
CASE
    WHEN w.state <> 'done' AND COALESCE(w.outcome, '') NOT IN ({sql_list(PAID_OUTCOMES)})
        THEN 'pending'
    WHEN w.representative <> i.id AND w.outcome = 'captioned' THEN 'duplicate'
    ELSE w.outcome
END
"""
"""Outcome of an image that is linked to a work, where nothing else decides."""

# one outcome a row, in this order of precedence
OUTCOME = f"""
CASE
    WHEN i.reject_code IN ({sql_list(WAITING_DOWNLOADS)}) THEN 'pending'
    WHEN i.reject_code IS NOT NULL THEN 'rejected'
    WHEN {HAD_CAPTION} THEN 'had_caption'
    WHEN w.id IS NULL THEN 'pending'
    ELSE {WORK_OUTCOME}
END
"""

SHOWN_CAPTION = f"IIF({HAD_CAPTION}, i.existing_text, a.caption)"
"""Caption of a row before people decide: the service's, or the text that was there already."""

# what waits for its host is no reject; nor is NULL, of which SQL knows no answer
REJECTED = f"i.reject_code NOT IN ({sql_list(WAITING_DOWNLOADS)})"
