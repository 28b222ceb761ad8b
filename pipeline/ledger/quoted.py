"""Images of a source as a quote counts and prices them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from pipeline.ledger.database import AMONG, Database, SourceRows, among
from pipeline.ledger.rows import LEFT_OUT
from pipeline.ledger.specs import RecipeRow

# linked: to a work of the spec that the source's rows are about
_COUNTS = f"""
SELECT COUNT(*), SUM(reject_code IS NOT NULL), SUM(linked), COUNT(DISTINCT IIF(linked, work, NULL)),
    SUM(otherwise)
FROM (SELECT i.reject_code, i.work,
        i.todo = 0 AND i.reject_code IS NULL AND w.id IS NULL AND NOT {LEFT_OUT} AS otherwise,
        i.todo = 0 AND i.reject_code IS NULL AND w.id IS NOT NULL AS linked
    FROM images i LEFT JOIN works w
        ON w.id = i.work AND w.spec = (SELECT s.spec FROM folders f JOIN sources s
            ON s.id = f.source WHERE f.id = i.folder)
    WHERE i.present = 1 AND i.folder IN (SELECT id FROM folders WHERE source {AMONG}))
"""

Part = Literal["all", "todo", "otherwise"]
"""Images that are asked for: all of them, those to be prepared, or those that are neither to be
prepared nor linked (an answer that a person accepted belongs to another spec)."""

_PARTS: dict[Part, str] = {
    "all": "",
    "todo": "AND i.todo = 1",
    "otherwise": "AND i.todo = 0 AND NOT EXISTS (SELECT 1 FROM works w JOIN sources s "
    "ON s.spec = w.spec WHERE w.id = i.work AND s.id = f.source)",
}


class ImageCounts(NamedTuple):
    """Numbers of a source's present images.

    Attributes:
        present: all of them.
        rejected: those that cannot be captioned.
        linked: those that are linked to a work of the source's spec.
        works: how many different ones these are.
        otherwise: those that are neither rejected, nor linked, nor to be prepared, nor left at the
            text that they have.
    """

    present: int
    rejected: int
    linked: int
    works: int
    otherwise: int


class Quoted:
    """Read-only view over `images` and `works`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def counts(self, sources: SourceRows) -> ImageCounts:
        """Numbers of the images of the sources."""
        row = self._db.one(_COUNTS, (among(sources),))
        assert row is not None
        return ImageCounts(*(int(count or 0) for count in row))  # type: ignore[call-overload]

    def pending(
        self, sources: SourceRows, spec: int
    ) -> Iterator[tuple[bytes, bytes, int, int, Mapping[str, str]]]:
        """(source_id, work_key, width, height, columns) of each pending work of a spec that present
        images of the sources are linked to."""
        for source_id, key, width, height, columns, _ in self._db.execute(
            "SELECT o.source_id, w.work_key, c.width, c.height, i.columns, MIN(i.id) "
            "FROM works w CROSS JOIN images i ON i.work = w.id "
            "CROSS JOIN folders f ON f.id = i.folder JOIN originals o ON o.id = i.original "
            "JOIN contents c ON c.id = w.content "
            f"WHERE w.spec = ? AND w.state = 'pending' AND f.source {AMONG} "
            "AND i.present = 1 AND i.todo = 0 AND i.reject_code IS NULL GROUP BY w.id",
            (spec, among(sources)),
        ):
            yield source_id, key, width, height, json.loads(columns) if columns else {}

    def is_linked(self, sources: SourceRows, key: bytes) -> bool:
        """Tell whether a present image of the sources is linked to the work with this key."""
        return bool(
            self._db.number(
                "SELECT EXISTS (SELECT 1 FROM works w JOIN images i ON i.work = w.id "
                f"JOIN folders f ON f.id = i.folder WHERE w.work_key = ? AND f.source {AMONG} "
                "AND i.present = 1 AND i.todo = 0 AND i.reject_code IS NULL)",
                (key, among(sources)),
            )
        )

    def identified(
        self, sources: SourceRows, recipe: RecipeRow, part: Part
    ) -> Iterator[tuple[bytes, bytes, int, int, Mapping[str, str]]]:
        """(source_id, content_id, width, height, columns) of present images whose size as sent is
        known, but for those that are left at the text that they have."""
        for source_id, content_id, width, height, columns in self._db.execute(
            "SELECT o.source_id, c.content_id, c.width, c.height, i.columns FROM images i "
            "CROSS JOIN folders f ON f.id = i.folder "
            "JOIN originals o ON o.id = i.original "
            "JOIN preparations p ON p.original = i.original AND p.recipe = ? "
            "JOIN contents c ON c.id = p.content "
            f"WHERE f.source {AMONG} AND i.present = 1 AND i.reject_code IS NULL "
            f"AND NOT {LEFT_OUT} "
            f"{_PARTS[part]}",
            (recipe.row, among(sources)),
        ):
            yield source_id, content_id, width, height, json.loads(columns) if columns else {}

    def count_refused(self, sources: SourceRows, recipe: RecipeRow, part: Part) -> int:
        """Number of present images whose bytes this recipe and its caps refused before."""
        return self._db.number(
            "SELECT COUNT(*) FROM images i CROSS JOIN folders f ON f.id = i.folder "
            "JOIN preparations p ON p.original = i.original AND p.recipe = ? "
            f"WHERE f.source {AMONG} AND i.present = 1 AND i.reject_code IS NULL "
            f"AND p.reject_code IS NOT NULL AND p.admission = ? {_PARTS[part]}",
            (recipe.row, among(sources), recipe.admission),
        )
