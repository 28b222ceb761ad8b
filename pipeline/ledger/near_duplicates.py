"""Perceptual hashes of contents, and which content represents which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.ledger.database import AMONG, Database, SourceRows, among
from pipeline.ledger.places import shown_path
from pipeline.ledger.specs import RecipeRow
from pipeline.records import COLOUR_BYTES, HASH_BYTES, Appearance

_WITH_COLOURS = HASH_BYTES + COLOUR_BYTES
_BEFORE_GRID = _WITH_COLOURS + 1  # the share of the commonest level


def perceptual_hash_of(contents: str) -> str:
    """SQL of a content's hash without its colours, NULL where it was not hashed."""
    return f"SUBSTR({contents}.perceptual, 1, {HASH_BYTES})"


class NearDuplicates:
    """Columns `contents.perceptual`, `images.near_of` and `images.near_distance`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def appearances(
        self, sources: SourceRows, spec: int, recipe: RecipeRow
    ) -> tuple[list[int], list[Appearance]]:
        """(content rows, appearances) of new images of the sources, and, as settled ones, of
        contents that have a work under this spec."""
        rows, appearances = [], []
        for row, perceptual, settled, pixels, sharpness, width, height in self._db.execute(
            f"SELECT c.id, SUBSTR(c.perceptual, 1, {_BEFORE_GRID}), "
            "EXISTS (SELECT 1 FROM works w WHERE w.content = c.id "
            "AND w.spec = ?) AS settled, MAX(o.width * o.height), c.sharpness, c.width, c.height "
            "FROM contents c JOIN preparations p ON p.content = c.id AND p.recipe = ? "
            "JOIN originals o ON o.id = p.original WHERE c.perceptual IS NOT NULL "
            "AND (settled OR c.id IN (SELECT i.content FROM images i "
            "JOIN folders f ON f.id = i.folder "
            f"WHERE f.source {AMONG} AND i.todo = 1 AND i.present = 1)) "
            "GROUP BY c.id ORDER BY c.id",
            (spec, recipe.row, among(sources)),
        ):
            rows.append(int(row))
            hash, colours = perceptual[:HASH_BYTES], perceptual[HASH_BYTES:_WITH_COLOURS]
            share = perceptual[_WITH_COLOURS] if len(perceptual) == _BEFORE_GRID else None
            appearances.append(
                Appearance(hash, bool(settled), pixels, sharpness, width, height, colours, share)
            )
        return rows, appearances

    def detail(self, content: int) -> bytes:
        """Read the grid of a content as `core.sheets` packs it, b"" when it is not known."""
        row = self._db.one(
            f"SELECT SUBSTR(perceptual, {_BEFORE_GRID}) FROM contents WHERE id = ?", (content,)
        )
        return row[0] if row and isinstance(row[0], bytes) else b""

    def set_represented(
        self, sources: SourceRows, represented: Mapping[int, tuple[int, int]]
    ) -> None:
        """Let contents of new images be represented by others: {content: (by, distance)}."""
        mine = (
            f"todo = 1 AND present = 1 AND folder IN (SELECT id FROM folders WHERE source {AMONG})"
        )
        self._db.execute(
            f"UPDATE images SET near_of = NULL, near_distance = NULL WHERE {mine}",
            (among(sources),),
        )
        self._db.execute("CREATE TEMP TABLE near (content INTEGER PRIMARY KEY, by_, bits)")
        self._db.executemany(
            "INSERT INTO near VALUES (?, ?, ?)",
            [(content, by, bits) for content, (by, bits) in represented.items()],
        )
        self._db.execute(
            "UPDATE images SET near_of = near.by_, near_distance = near.bits FROM near "
            f"WHERE near.content = images.content AND {mine}",
            (among(sources),),
        )
        self._db.execute("DROP TABLE near")

    def represented(self, sources: SourceRows) -> Iterator[tuple[str, str, int]]:
        """(path, path of its representative, distance) of new images that another stands for."""
        yield from self._db.execute(
            f"SELECT {shown_path('f', 'i')}, "
            f"(SELECT {shown_path('rf', 'r')} FROM images r JOIN folders rf "
            "ON rf.id = r.folder WHERE r.content = i.near_of ORDER BY r.id LIMIT 1), "
            "i.near_distance FROM images i JOIN folders f ON f.id = i.folder "
            f"WHERE f.source {AMONG} AND i.near_of IS NOT NULL AND i.todo = 1 AND i.present = 1 "
            "ORDER BY i.near_of, f.path, i.name",
            (among(sources),),
        )
