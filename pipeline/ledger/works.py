"""Originals, contents and works: what was prepared as what, and what is paid for once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.ledger.database import Database
from pipeline.ledger.specs import RecipeRow
from pipeline.records import PreparedImage, RejectedImage, Rejection


@dataclass(frozen=True, slots=True)
class Content:
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


@dataclass(frozen=True, slots=True)
class Work:
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

    def record_prepared(self, recipe: RecipeRow, image: PreparedImage) -> Content:
        """Record what an image was prepared as; gives the content.

        What was known for (source_id, recipe) stays: a newer encoder gives other bytes, and must
        not make anybody pay again.
        """
        kind = image.source_format or None  # nobody saw an image that is sent as its address
        size = image.source_width or None, image.source_height or None
        original, new = self.original(image.source_id, kind, *size)
        known = None if new else self.prepared_as(image.source_id, recipe)
        if isinstance(known, Content):
            self._learn_hash(known, image)
            return known
        content = self.record_content(image)
        self._db.execute(
            "INSERT INTO preparations (original, recipe, content, flags) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (original, recipe) DO UPDATE SET "
            "content = excluded.content, flags = excluded.flags, "
            "admission = NULL, reject_code = NULL, reject_detail = NULL",
            (original, recipe.row, content.row, ",".join(image.flags)),
        )
        return content

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

    def _learn_hash(self, known: Content, image: PreparedImage) -> None:
        """Add the perceptual hash of a content that was prepared without."""
        if image.perceptual_hash is not None and not known.hashed:
            self._db.execute(
                "UPDATE contents SET perceptual = ?, sharpness = ? WHERE id = ?",
                (image.perceptual_hash, image.sharpness, known.row),
            )

    def record_rejected(self, recipe: RecipeRow, image: RejectedImage) -> None:
        """Keep that these bytes cannot be prepared under this recipe."""
        if image.source_id is None:
            return
        original, _ = self.original(
            image.source_id, image.source_format, image.source_width, image.source_height
        )
        self._db.execute(
            "INSERT INTO preparations (original, recipe, admission, reject_code, reject_detail) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT (original, recipe) DO UPDATE SET "
            "admission = excluded.admission, reject_code = excluded.reject_code, "
            "reject_detail = excluded.reject_detail WHERE content IS NULL",
            (original, recipe.row, recipe.admission, image.rejection.code,
             image.rejection.detail),
        )  # fmt: skip

    def original(
        self, source_id: bytes, kind: str | None, width: int | None, height: int | None
    ) -> tuple[int, bool]:
        """(row of a file's bytes, whether it was made now).

        A row without a size gets it: what was refused for its format has none before it can be
        decoded.
        """
        values = (source_id, kind, width, height)
        made = self._db.insert_new(
            "INSERT INTO originals (source_id, format, width, height) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            values,
        )
        if not made and width:
            self._db.execute(
                "UPDATE originals SET format = ?, width = ?, height = ? "
                "WHERE source_id = ? AND width IS NULL",
                (kind, width, height, source_id),
            )
        row = made or self._db.number("SELECT id FROM originals WHERE source_id = ?", values[:1])
        return row, made > 0

    # -- works ---------------------------------------------------------------------------------

    def work(self, key: bytes, content: int, spec: int, image: int | None) -> Work:
        """Work with this key, made pending when new.

        A work that was adopted from the service before its image was seen gets its content here,
        and is not paid again.
        """
        values = (key, content, spec, image)
        made = self._db.insert_new(
            "INSERT INTO works (work_key, content, spec, representative) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            values,
        )
        if made:
            return Work(made, "pending", 0)
        row = self._db.one(
            "UPDATE works SET content = COALESCE(content, ?), spec = COALESCE(spec, ?), "
            "representative = COALESCE(representative, ?) WHERE work_key = ? "
            "RETURNING id, state, attempts, after",
            (content, spec, image, key),
        )
        assert row is not None
        return Work(*row)  # type: ignore[arg-type]

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

    def link(self, image: int, source_id: bytes, content: int, work: int) -> None:
        """Link an image to its content and to the work whose caption it shows."""
        self._db.execute(
            "UPDATE images SET original = (SELECT id FROM originals WHERE source_id = ?), "
            "near_of = CASE WHEN content = ? THEN near_of END, "
            "content = ?, work = ?, todo = 0, reject_code = NULL, reject_detail = NULL "
            "WHERE id = ?",
            (source_id, content, content, work, image),
        )

    def identify(self, image: int, source_id: bytes, content: int) -> None:
        """Link an image to its content; its work is decided later."""
        self._db.execute(
            "UPDATE images SET original = (SELECT id FROM originals WHERE source_id = ?), "
            "near_of = CASE WHEN content = ? THEN near_of END, content = ? WHERE id = ?",
            (source_id, content, content, image),
        )

    def reject(
        self, image: int, source_id: bytes | None, rejection: Rejection, *, passing: bool
    ) -> None:
        """Record that an image cannot be sent; `passing`: the next run tries it again."""
        self._db.execute(
            "UPDATE images SET original = (SELECT id FROM originals WHERE source_id = ?), "
            "content = NULL, work = NULL, todo = ?, reject_code = ?, reject_detail = ? "
            "WHERE id = ?",
            (source_id, int(passing), rejection.code, rejection.detail, image),
        )

    def elect_representatives(self) -> None:
        """Replace representatives that are gone from their source by images that are there, so that
        a renamed file is the captioned one and not a duplicate of its old name."""
        self._db.execute(
            "UPDATE works SET representative = (SELECT i.id FROM images i "
            "WHERE i.work = works.id AND i.present = 1 "
            "ORDER BY i.near_of IS NOT NULL, i.id LIMIT 1) "
            "WHERE id IN (SELECT w.id FROM works w LEFT JOIN images r ON r.id = w.representative "
            "WHERE (r.id IS NULL OR r.present = 0 OR r.work IS NOT w.id) AND EXISTS "
            "(SELECT 1 FROM images i WHERE i.work = w.id AND i.present = 1))"
        )
