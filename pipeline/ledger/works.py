"""Originals, contents and works: what was prepared as what, and what is paid for once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from msgspec import Struct

from pipeline.ledger.changed_rows import TOUCHED_WORKS
from pipeline.ledger.database import Database
from pipeline.ledger.specs import RecipeRow
from pipeline.records import PreparedImage, Rejection


class Content(Struct, frozen=True):
    """Prepared content.

    Attributes:
        row: of `contents`.
        content_id: SHA-256 of the prepared bytes.
        width, height: pixels as sent.
        hashed: its perceptual hash is known.
    """

    row: int
    content_id: bytes
    width: int
    height: int
    hashed: bool = False


class Work(Struct, frozen=True):
    """One payment: a content under a spec and a prompt.

    Attributes:
        row: of `works`.
        state: "pending", "live" or "done".
        attempts: so far.
        after: the outcome that makes it go again, None for a first attempt.
    """

    row: int
    state: str
    attempts: int
    after: str | None = None


class Works:
    """Tables `originals`, `contents`, `preparations` and `works`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # -- preparing -----------------------------------------------------------------------------

    def prepared_as(self, source_id: bytes, recipe: RecipeRow) -> Content | Rejection | None:
        """Content or rejection of these bytes under this recipe, None for neither."""
        row = self._db.one(
            "SELECT c.id, c.content_id, c.width, c.height, c.perceptual IS NOT NULL, "
            "p.reject_code, p.reject_detail "
            "FROM originals o JOIN preparations p ON p.original = o.id "
            "LEFT JOIN contents c ON c.id = p.content "
            "WHERE o.source_id = ? AND p.recipe = ? AND (p.admission IS NULL OR p.admission = ?)",
            (source_id, recipe.row, recipe.admission),
        )
        if row is None:
            return None
        if row[5] is not None:
            return Rejection(str(row[5]), str(row[6]))
        return Content(*row[:5])  # type: ignore[arg-type]

    def content(self, row: int) -> Content:
        """Content by its row."""
        values = self._db.one(
            "SELECT id, content_id, width, height, perceptual IS NOT NULL FROM contents "
            "WHERE id = ?",
            (row,),
        )
        assert values is not None
        return Content(*values)  # type: ignore[arg-type]

    def record_content(self, image: PreparedImage) -> Content:
        """Row of a prepared content, made when new."""
        hashed = image.perceptual_hash is not None
        made = self._db.insert_new(
            "INSERT INTO contents (content_id, width, height, perceptual, sharpness) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (image.content_id, image.width, image.height, image.perceptual_hash, image.sharpness),
        )
        if made:
            return Content(made, image.content_id, image.width, image.height, hashed)
        return self.content(
            self._db.number("SELECT id FROM contents WHERE content_id = ?", (image.content_id,))
        )

    # -- works ---------------------------------------------------------------------------------

    def going_again(self, spec: int) -> int:
        """Number of works of a spec that wait for a further attempt."""
        return self._db.number(
            "SELECT COUNT(*) FROM works WHERE spec = ? AND state = 'pending' AND after IS NOT NULL",
            (spec,),
        )

    def peek(self, key: bytes) -> Work | None:
        """Payment with this key, None when it does not exist."""
        row = self._db.one(
            "SELECT id, state, attempts, after FROM works WHERE work_key = ?", (key,)
        )
        return None if row is None else Work(*row)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def distinct_keys(self) -> Iterator[Callable[[bytes], bool]]:
        """Function that is true the first time it sees a key; memory is SQLite's, not ours."""
        self._db.execute("CREATE TEMP TABLE seen_keys (key BLOB PRIMARY KEY) WITHOUT ROWID")
        try:
            yield lambda key: bool(
                self._db.execute("INSERT OR IGNORE INTO seen_keys VALUES (?)", (key,)).rowcount
            )
        finally:
            self._db.execute("DROP TABLE seen_keys")

    def elect_representatives(self, *, touched: bool = False) -> int:
        """Replace representatives that are gone from their source by images that are there, so that
        a renamed file is the captioned one and not a duplicate of its old name; gives how many.
        `touched` looks at works only about which something has changed since the last table."""
        among = f"w.id IN ({TOUCHED_WORKS}) AND " if touched else ""
        # which images show a work the index by work says alone, and one of its own which are gone:
        # to read the row of each image takes twice as long
        return self._db.execute(
            "UPDATE works SET representative = (SELECT i.id FROM images i "
            "WHERE i.work = works.id AND i.present = 1 "
            "ORDER BY i.near_of IS NOT NULL, i.id LIMIT 1) "
            f"WHERE id IN (SELECT w.id FROM works w WHERE {among}(NOT EXISTS "
            "(SELECT 1 FROM images r WHERE r.work = w.id AND +r.id = w.representative) "
            "OR w.representative IN "
            "(SELECT r.id FROM images r INDEXED BY images_absent WHERE r.present = 0)) AND EXISTS "
            "(SELECT 1 FROM images i WHERE i.work = w.id AND i.present = 1))"
        ).rowcount
