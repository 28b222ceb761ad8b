"""Answers that ended with a word which was declared whole since: taken from what is kept."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.core.endings import UNKNOWN_ENDING
from pipeline.ledger.answer_row import CELLS, answer_checksum
from pipeline.ledger.database import Database

_WAITING = f"""
SELECT a.id, s.model, {", ".join(f"a.{name}" for name in CELLS)}
FROM answers a JOIN batches b ON b.id = a.batch JOIN shards s ON s.id = b.shard
WHERE a.outcome = 'invalid' AND a.code = ? AND a.caption IS NOT NULL ORDER BY a.id
"""
_ENDINGS = """
SELECT s.model, a.ending, COUNT(*) FROM works w JOIN answers a ON a.id = w.answer
JOIN batches b ON b.id = a.batch JOIN shards s ON s.id = b.shard
WHERE w.outcome = 'invalid' AND a.code = ? AND a.caption IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC
"""
_TAKE = """
UPDATE answers SET outcome = 'captioned', reason = '', code = ending, checksum = ? WHERE id = ?
"""
_SHOW = """
UPDATE works SET outcome = 'captioned', reason = '', answer = ?, after = NULL,
    state = IIF(EXISTS (SELECT 1 FROM items i WHERE i.work = works.id AND i.live = 1),
        state, 'done')
WHERE id = (SELECT work FROM answers WHERE id = ?) AND outcome <> 'captioned'
"""


def take_whole(database: Database, whole_endings: Callable[[str], frozenset[str]]) -> int:
    """Take answers as captions whose endings are declared whole; gives how many.

    Args:
        whole_endings: gives the words, in lower case, that are declared for a model.
    """
    taken = 0
    with database.transaction("whole_endings"):
        for row, model, *cells in database.execute(_WAITING, (UNKNOWN_ENDING,)).fetchall():
            answer = dict(zip(CELLS, cells, strict=True))
            ending = answer["ending"]
            if str(ending).strip().lower() not in whole_endings(str(model)):
                continue
            taken_as = answer | {"outcome": "captioned", "reason": "", "code": ending}
            checksum = answer_checksum(tuple(taken_as.values()))
            database.execute(_TAKE, (checksum, row))
            database.execute(_SHOW, (row, row))
            taken += 1
    return taken


def waiting_endings(database: Database) -> list[tuple[str, str, int]]:
    """(model, word, number) of answers that nothing but their unknown endings keeps from being
    captions, the commonest first."""
    rows = database.execute(_ENDINGS, (UNKNOWN_ENDING,))
    return [(str(model), str(word or "").strip(), int(count)) for model, word, count in rows]
