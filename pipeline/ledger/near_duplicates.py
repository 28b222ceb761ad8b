"""Perceptual hashes of contents, and which content represents which."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache

from pipeline.ledger.database import AMONG, Database, SourceRows, among
from pipeline.ledger.places import shown_path
from pipeline.ledger.specs import RecipeRow
from pipeline.records import COLOUR_BYTES, HASH_BYTES, Appearance

_WITH_COLOURS = HASH_BYTES + COLOUR_BYTES
_BEFORE_GRID = _WITH_COLOURS + 1  # the share of the commonest level


def perceptual_hash_of(contents: str) -> str:
    """SQL of a content's hash without its colours, NULL where it was not hashed."""
    return f"SUBSTR({contents}.perceptual, 1, {HASH_BYTES})"


_HELD = 10_000  # appearances


class ContentAppearances:
    """Appearances of contents by position: 20 bytes each, as the ledger has the rest; see
    `core.near_duplicates.Appearances`, also for their order.

    Attributes:
        rows: ids of the contents.
        hashes: of all contents, one behind the other.
        fixed: number of the contents that have a work, the first ones.
    """

    def __init__(self, database: Database) -> None:
        self.rows, self.hashes, self.fixed = array("I"), bytearray(), 0
        self._db = database
        self._appearance = lru_cache(_HELD)(self._read)

    def add(self, row: int, hash: bytes, *, fixed: bool) -> None:
        """Add a content; those that are fixed come first."""
        self.rows.append(row)
        self.hashes += hash
        self.fixed += fixed

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> Appearance:
        return self._appearance(position)

    def _read(self, position: int) -> Appearance:
        row = self._db.one(
            f"SELECT SUBSTR(perceptual, 1, {_BEFORE_GRID}), width, height "
            "FROM contents WHERE id = ?",
            (self.rows[position],),
        )
        perceptual, width, height = row or (b"", 0, 0)
        assert isinstance(perceptual, bytes)
        return Appearance(
            perceptual[:HASH_BYTES],
            int(width),  # type: ignore[call-overload]
            int(height),  # type: ignore[call-overload]
            perceptual[HASH_BYTES:_WITH_COLOURS],
            perceptual[_WITH_COLOURS] if len(perceptual) == _BEFORE_GRID else None,
        )


class NearDuplicates:
    """Columns `contents.perceptual`, `images.near_of` and `images.near_distance`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def appearances(self, sources: SourceRows, spec: int, recipe: RecipeRow) -> ContentAppearances:
        """Appearances of new images of the sources, and, as fixed ones, of contents that have a
        work under this spec."""
        appearances = ContentAppearances(self._db)
        for row, hash, fixed in self._db.execute(
            # IN, whose list is made once: no index of works begins with their content
            f"SELECT c.id, {perceptual_hash_of('c')} AS hash, "
            "c.id IN (SELECT w.content FROM works w WHERE w.spec = ?) AS fixed "
            "FROM contents c JOIN preparations p ON p.content = c.id AND p.recipe = ? "
            "JOIN originals o ON o.id = p.original WHERE c.perceptual IS NOT NULL "
            "AND (fixed OR c.id IN (SELECT i.content FROM images i "
            "JOIN folders f ON f.id = i.folder "
            f"WHERE f.source {AMONG} AND i.todo = 1 AND i.present = 1)) "
            "GROUP BY c.id ORDER BY fixed DESC, MAX(o.width * o.height) DESC, c.sharpness DESC, "
            "hash, c.id",
            (spec, recipe.row, among(sources)),
        ):
            appearances.add(row, hash, fixed=bool(fixed))
        return appearances

    def detail(self, content: int) -> bytes:
        """Read the grid of a content as `core.sheets` packs it, b"" when it is not known."""
        row = self._db.one(
            f"SELECT SUBSTR(perceptual, {_BEFORE_GRID}) FROM contents WHERE id = ?", (content,)
        )
        return row[0] if row and isinstance(row[0], bytes) else b""

    def set_represented(
        self, sources: SourceRows, represented: Iterable[tuple[int, int, int]]
    ) -> int:
        """Let contents of new images be represented by others: (content, by, distance); gives how
        many are."""
        mine = (
            f"todo = 1 AND present = 1 AND folder IN (SELECT id FROM folders WHERE source {AMONG})"
        )
        self._db.execute(
            f"UPDATE images SET near_of = NULL, near_distance = NULL WHERE {mine}",
            (among(sources),),
        )
        self._db.execute("CREATE TEMP TABLE near (content INTEGER PRIMARY KEY, by_, bits)")
        self._db.executemany("INSERT INTO near VALUES (?, ?, ?)", iter(represented))
        self._db.execute(
            "UPDATE images SET near_of = near.by_, near_distance = near.bits FROM near "
            f"WHERE near.content = images.content AND {mine}",
            (among(sources),),
        )
        count = self._db.number("SELECT COUNT(*) FROM near")
        self._db.execute("DROP TABLE near")
        return count

    def represented(self, sources: SourceRows) -> Iterator[tuple[str, str, int]]:
        """(path, path of its representative, distance) of new images that another stands for."""
        yield from self._db.execute(
            # made once: no index of images begins with their content
            "WITH first AS MATERIALIZED (SELECT content, MIN(id) AS image FROM images "
            "WHERE content IN (SELECT near_of FROM images WHERE near_of IS NOT NULL) "
            f"GROUP BY content) SELECT {shown_path('f', 'i')}, {shown_path('rf', 'r')}, "
            "i.near_distance FROM images i JOIN folders f ON f.id = i.folder "
            "LEFT JOIN first ON first.content = i.near_of "
            "LEFT JOIN images r ON r.id = first.image LEFT JOIN folders rf ON rf.id = r.folder "
            f"WHERE f.source {AMONG} AND i.near_of IS NOT NULL AND i.todo = 1 AND i.present = 1 "
            "ORDER BY i.near_of, f.path, i.name",
            (among(sources),),
        )
