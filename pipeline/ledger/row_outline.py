"""Outline of the table's rows: the few facts that change, read in a fifth of the time of the rows.

A row is made of its image and its work, whose facts are all here, and of what these name, which
does not change once it is there. Where it does after all, `table_epoch` is raised by a trigger:
then every row counts as changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pipeline.ledger.database import Database
from pipeline.ledger.places import shown_path
from pipeline.ledger.rows import COLUMNS, ROW_DETAILS, SUMS

IMAGE_FACTS = ("id", "folder", "occurrence", "location", "columns", "original", "content", "work",
               "near_of", "near_distance", "present", "reject_code", "reject_detail", "flags",
               "first_seen_at", "existing_text", "existing_in")  # fmt: skip
WORK_FACTS = ("work_key", "content", "spec", "representative", "state", "outcome", "reason",
              "attempts", "answer", "estimated")  # fmt: skip
"""Columns that a row may show; those of an image's file and of its crawl are not among them."""

_FACTS = ", ".join([f"i.{name}" for name in IMAGE_FACTS] + [f"w.{name}" for name in WORK_FACTS])
_OUTLINE = f"""
SELECT i.id, {shown_path("f", "i")}, {_FACTS} FROM sources s
CROSS JOIN folders f ON f.source = s.id CROSS JOIN images i ON i.folder = f.id
LEFT JOIN works w ON w.id = i.work
ORDER BY s.id, f.path, i.name, i.occurrence
"""
_SELECT = ", ".join(f"{sql} AS {name}" for name, sql in COLUMNS.items())
# loops nest in the order of the numbers that are asked for
_ROWS = f"""
SELECT {_SELECT} FROM json_each(?) j CROSS JOIN images i ON i.id = j.value
CROSS JOIN folders f ON f.id = i.folder CROSS JOIN sources s ON s.id = f.source
{ROW_DETAILS}
LEFT JOIN several m ON m.work = w.id LEFT JOIN specs p ON p.id = w.spec
"""
_SEVERAL = f"""
CREATE TEMP TABLE several AS SELECT a.work, {SUMS} FROM answers a
WHERE a.work IN (SELECT work FROM answers GROUP BY work HAVING COUNT(*) > 1) GROUP BY a.work
"""


class RowOutline:
    """Read-only view of the table's rows, all in one state of the ledger."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def pages(self, size: int = 8_192) -> Iterator[list[tuple[object, ...]]]:
        """Page through (image, path, facts...) in the order of `Rows.table`."""
        cursor = self._db.execute(_OUTLINE)
        while page := cursor.fetchmany(size):
            yield page

    def prepare(self) -> None:
        """Sum the attempts of works that were answered more than once, for `rows`."""
        self._db.execute("DROP TABLE IF EXISTS temp.several")
        self._db.execute(_SEVERAL)
        self._db.execute("CREATE UNIQUE INDEX temp.several_by_work ON several (work)")

    def rows(self, images: Sequence[int]) -> list[tuple[object, ...]]:
        """Rows of these images, in this order, as `Rows.table` gives them."""
        return self._db.execute(_ROWS, (json.dumps(images),)).fetchall()

    def common(self) -> str:
        """Text of what all rows depend on."""
        sources = list(self._db.execute("SELECT id, label, locator, kind FROM sources ORDER BY id"))
        return json.dumps([self._db.number("SELECT number FROM table_epoch"), sources])
