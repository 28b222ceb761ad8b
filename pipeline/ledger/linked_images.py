"""Counts of images by the works that they are linked to, without reading the images: an index has
both. All linked images are counted, less the few that are gone, rejected or to be prepared, which
have indexes of their own."""

from __future__ import annotations

from collections import Counter

from pipeline.ledger.database import Database
from pipeline.ledger.row_outcome import OUTCOME, WORK_OUTCOME

_OWN_CAPTION = "w.state IS 'done' AND w.outcome IS 'captioned' AND w.representative IS i.id"
_ALL = "images i"
# without statistics SQLite would read all linked images instead
_GONE = "images i INDEXED BY images_absent"
_TODO = "images i INDEXED BY images_todo"
_REJECTED = "images i INDEXED BY images_rejected"
_IS_GONE = "i.present = 0"
_IS_TODO = "i.todo = 1 AND i.present = 1"
_IS_REJECTED = "i.reject_code IS NOT NULL AND i.present = 1"


def _linked(images: str, which: str) -> str:
    return f"FROM {images} CROSS JOIN works w ON w.id = i.work WHERE {which}"


# a linked image that is gone or rejected is not counted by its work; pending ones are what is left
_OUTCOMES = f"""
SELECT 'captioned', COUNT(*) {_linked(_ALL, "i.work IS NOT NULL")} AND {_OWN_CAPTION}
UNION ALL SELECT {WORK_OUTCOME}, COUNT(*) {_linked(_ALL, "i.work IS NOT NULL")}
    AND NOT ({_OWN_CAPTION}) GROUP BY 1
UNION ALL SELECT {WORK_OUTCOME}, -COUNT(*) {_linked(_GONE, _IS_GONE)} GROUP BY 1
UNION ALL SELECT {WORK_OUTCOME}, -COUNT(*) {_linked(_REJECTED, _IS_REJECTED)} GROUP BY 1
UNION ALL SELECT {OUTCOME}, COUNT(*) FROM {_REJECTED} LEFT JOIN works w ON w.id = i.work
    WHERE {_IS_REJECTED} GROUP BY 1
UNION ALL SELECT 'had_caption', COUNT(*) FROM images i INDEXED BY images_texts
    WHERE i.existing_text IS NOT NULL AND i.present = 1 AND i.reject_code IS NULL AND i.todo = 0
    AND i.work IS NULL
"""

# each image once
_UNUSUAL = (
    _linked(_GONE, _IS_GONE),
    _linked(_TODO, _IS_TODO),
    _linked(_REJECTED, f"{_IS_REJECTED} AND i.todo = 0"),
)
_LINKED_TO_SPEC = """
SELECT COALESCE(SUM(images), 0), COUNT(*) FROM (
    SELECT COUNT(*) AS images FROM images i
    CROSS JOIN works w ON w.id = i.work AND w.spec = ? WHERE i.work IS NOT NULL GROUP BY i.work)
"""
# no image of the work is a usual one: it is counted where the first of them is
_ALONE = """i.id = (SELECT MIN(g.id) FROM images g WHERE g.work = i.work)
AND NOT EXISTS (SELECT 1 FROM images g WHERE g.work = i.work AND g.present = 1 AND g.todo = 0
    AND g.reject_code IS NULL)"""
_FEW = 4  # one in so many images is unusual, at most; else they are read


class LinkedImages:
    """Read-only view over `images` and `works`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def only_source(self) -> int | None:
        """Source that has all images, None where several have some."""
        first = self._db.number("SELECT MIN(source) FROM folders")
        last = self._db.number("SELECT MAX(source) FROM folders")
        # a ledger that contradicts itself is counted the long way, which shows it
        known = self._db.one("SELECT 1 FROM sources WHERE id = ?", (first,)) is not None
        return first if known and first == last else None

    def outcomes(self, present: int) -> Counter[str]:
        """Numbers of present images by outcome; all images are one source's."""
        counts: Counter[str] = Counter()
        for name, count in self._db.execute(_OUTCOMES):
            counts[str(name)] += int(count)
        counts["pending"] += present - counts.total()
        return +counts

    def linked(self, spec: int, present: int) -> tuple[int, int] | None:
        """Numbers of present images that are linked to works of a spec, neither rejected nor to be
        prepared, and of these works; all images are one source's. None where many are unusual.

        Args:
            present: number of present images.
        """
        unusual = self._db.number(
            "SELECT (SELECT COUNT(*) FROM images WHERE present = 0) "
            "+ (SELECT COUNT(*) FROM images WHERE todo = 1 AND present = 1) "
            "+ (SELECT COUNT(*) FROM images WHERE reject_code IS NOT NULL)"
        )
        if _FEW * unusual > present:
            return None
        row = self._db.one(_LINKED_TO_SPEC, (spec,)) or (0, 0)
        linked, works = (int(number) for number in row)  # type: ignore[call-overload]
        for which in _UNUSUAL:
            linked -= self._db.number(f"SELECT COUNT(*) {which} AND w.spec = ?", (spec,))
            works -= self._db.number(
                f"SELECT COUNT(*) {which} AND w.spec = ? AND {_ALONE}", (spec,)
            )
        return linked, works

    def all_works_are(self) -> bool:
        """Tell whether each work has an image."""
        works = self._db.number("SELECT COUNT(*) FROM works")
        linked = "SELECT COUNT(DISTINCT work) FROM images WHERE work IS NOT NULL"
        return works == self._db.number(linked)
