"""Images of a source as a quote counts and prices them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from pipeline.ledger.database import AMONG, Database, SourceRows, among
from pipeline.ledger.linked_images import LinkedImages
from pipeline.ledger.row_outcome import LEFT_OUT
from pipeline.ledger.rows import Rows
from pipeline.ledger.specs import RecipeRow

_MINE = f"i.folder IN (SELECT id FROM folders WHERE source {AMONG})"
_COUNTS = {  # each reads an index of what is to be counted
    "rejected": f"reject_code IS NOT NULL AND present = 1 AND {_MINE}",
    "todo": f"todo = 1 AND present = 1 AND reject_code IS NULL AND {_MINE}",
    "left": f"existing_text IS NOT NULL AND present = 1 AND todo = 0 AND reject_code IS NULL "
    f"AND work IS NULL AND {_MINE}",
}
# linked: to a work of the spec that the source's rows are about; grouped in the order of the index
_LINKED = f"""
SELECT SUM(images), COUNT(*) FROM (
    SELECT COUNT(*) AS images FROM images i
    CROSS JOIN folders f ON f.id = i.folder
    CROSS JOIN sources s ON s.id = f.source
    CROSS JOIN works w ON w.id = i.work AND w.spec = s.spec
    WHERE i.work IS NOT NULL AND i.present = 1 AND i.todo = 0 AND i.reject_code IS NULL
        AND f.source {AMONG}
    GROUP BY i.work)
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
        mine = (among(sources),)
        rejected, todo, left = (
            self._db.number(f"SELECT COUNT(*) FROM images i WHERE {which}", mine)
            for which in _COUNTS.values()
        )
        present = Rows(self._db).images(sources)
        linked, works = self._linked(sources, present)
        otherwise = present - rejected - todo - left - linked
        return ImageCounts(present, rejected, linked, works, otherwise)

    def _linked(self, sources: SourceRows, present: int) -> tuple[int, int]:
        """Numbers of the sources' images that are linked to works of their specs, and of these."""
        images = LinkedImages(self._db)
        mine = (among(sources),)
        only = images.only_source()
        if only is not None and only in (sources if isinstance(sources, tuple) else (sources,)):
            spec = self._db.number("SELECT spec FROM sources WHERE id = ?", (only,))
            if (counts := images.linked(spec, present)) is not None:
                return counts
        row = self._db.one(_LINKED, mine) or (0, 0)
        linked, works = (int(number or 0) for number in row)  # type: ignore[call-overload]
        return linked, works

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

    def sizes(self, sources: SourceRows, recipe: RecipeRow) -> dict[tuple[int, int], int]:
        """Numbers of contents by upright size of the original; (0, 0): sent as an address."""
        rows = self._db.execute(
            "SELECT COALESCE(o.width, 0), COALESCE(o.height, 0), COUNT(DISTINCT p.content) "
            "FROM images i "
            "JOIN folders f ON f.id = i.folder JOIN originals o ON o.id = i.original "
            "JOIN preparations p ON p.original = o.id AND p.recipe = ? "
            f"WHERE f.source {AMONG} AND i.present = 1 AND p.content IS NOT NULL "
            f"AND NOT {LEFT_OUT} "
            "GROUP BY o.width, o.height",
            (recipe.row, among(sources)),
        )
        return {(int(width), int(height)): int(count) for width, height, count in rows}
