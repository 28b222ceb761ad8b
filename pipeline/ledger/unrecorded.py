"""Records that wait for the next transaction, and the statements that write them, sorted by key.

Identities are random, so each of them lies in a page of its own of its index, and a commit writes
that page anew: with 256 images a commit 18 to 33 KB were written for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from msgspec import Struct, field

from pipeline.ledger.database import Database
from pipeline.ledger.insert_rows import insert_rows
from pipeline.ledger.specs import RecipeRow
from pipeline.records import Nano, Rejection


class ContentRecord(Struct):
    """Content; without a `row` it is not recorded yet.

    Attributes:
        hashed: its perceptual hash is recorded, or will be.
        perceptual, sharpness: to be recorded.
    """

    content_id: bytes
    width: int
    height: int
    row: int = 0
    hashed: bool = False
    perceptual: bytes | None = None
    sharpness: int = 0


class OriginalRecord(Struct):
    """File's bytes; without a `row` they are not recorded yet.

    Attributes:
        sized: its size is recorded.
        prepared: what they are under the recipe and its caps, None when that is not known.
        size: (format, width, height) to be recorded.
        flags: of a preparation that is to be recorded, None for nothing to record.
    """

    source_id: bytes
    row: int = 0
    sized: bool = False
    prepared: ContentRecord | Rejection | None = None
    size: tuple[str | None, int | None, int | None] = (None, None, None)
    flags: str | None = None


class WorkRecord(Struct):
    """Work; without a `row` it is not recorded yet.

    Attributes:
        content: None until an image of it is seen.
        representative: image that stands for it, None for none or when one is recorded.
        state, attempts, after: as of `ledger.works.Work`.
        estimated: nano-dollars, for one that is recorded as live.
        incomplete: it was adopted before its image was seen, and is given what it lacks.
    """

    key: bytes
    content: ContentRecord | None
    representative: int | None
    row: int = 0
    state: str = "pending"
    attempts: int = 0
    after: str | None = None
    estimated: Nano | None = None
    incomplete: bool = False


Link = tuple[int, OriginalRecord, ContentRecord | None, WorkRecord | None]
LeftOut = tuple[int, OriginalRecord, ContentRecord]
Refusal = tuple[int, OriginalRecord | None, Rejection, bool]


class Unrecorded(Struct):
    """Records that the next transaction writes, by key.

    Attributes:
        links: images with their original, content and work.
        left_out: images that are left at the text that they have.
        refusals: images with why they cannot be sent, and whether the next run tries again.
    """

    originals: dict[bytes, OriginalRecord] = field(default_factory=dict)
    contents: dict[bytes, ContentRecord] = field(default_factory=dict)
    works: dict[bytes, WorkRecord] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def write(self, db: Database, recipe: RecipeRow, spec: int) -> None:
        """Write all of them; each gets its row."""
        originals = list(self.originals.values())
        _save_originals(db, originals)
        _save_contents(db, list(self.contents.values()))
        _save_preparations(db, originals, recipe)
        _save_works(db, list(self.works.values()), spec)
        _save_links(db, self.links)
        _save_left_out(db, self.left_out)
        _save_refusals(db, self.refusals)


def _save_originals(db: Database, originals: list[OriginalRecord]) -> None:
    # what was refused for its format has no size before it can be decoded
    db.executemany(
        "UPDATE originals SET format = ?, width = ?, height = ? WHERE id = ? AND width IS NULL",
        [(*o.size, o.row) for o in originals if o.row and not o.sized and o.size[1]],
    )
    new = [original for original in originals if not original.row]
    _number(db, "originals", new)
    insert_rows(
        db,
        "originals (id, source_id, format, width, height)",
        "(?, ?, ?, ?, ?)",
        [(o.row, o.source_id, *o.size) for o in sorted(new, key=attrgetter("source_id"))],
    )


def _save_contents(db: Database, contents: list[ContentRecord]) -> None:
    new = [content for content in contents if not content.row]
    db.executemany(
        "UPDATE contents SET perceptual = ?, sharpness = ? WHERE id = ?",
        [(c.perceptual, c.sharpness, c.row) for c in contents if c.row and c.perceptual],
    )
    _number(db, "contents", new)
    insert_rows(
        db,
        "contents (id, content_id, width, height, perceptual, sharpness)",
        "(?, ?, ?, ?, ?, ?)",
        [
            (c.row, c.content_id, c.width, c.height, c.perceptual, c.sharpness)
            for c in sorted(new, key=attrgetter("content_id"))
        ],
    )


def _save_preparations(
    db: Database, originals: Iterable[OriginalRecord], recipe: RecipeRow
) -> None:
    prepared, refused = [], []
    for o in originals:
        if o.flags is None:
            continue
        if isinstance(o.prepared, ContentRecord):
            prepared.append((o.row, recipe.row, o.prepared.row, o.flags))
        elif o.prepared is not None:
            why = (o.prepared.code, o.prepared.detail)
            refused.append((o.row, recipe.row, recipe.admission, *why))
    insert_rows(
        db,
        "preparations (original, recipe, content, flags)",
        "(?, ?, ?, ?)",
        prepared,
        "ON CONFLICT (original, recipe) DO UPDATE SET "
        "content = excluded.content, flags = excluded.flags, "
        "admission = NULL, reject_code = NULL, reject_detail = NULL",
    )
    insert_rows(
        db,
        "preparations (original, recipe, admission, reject_code, reject_detail)",
        "(?, ?, ?, ?, ?)",
        refused,
        "ON CONFLICT (original, recipe) DO UPDATE SET "
        "admission = excluded.admission, reject_code = excluded.reject_code, "
        "reject_detail = excluded.reject_detail WHERE content IS NULL",
    )


def _save_works(db: Database, works: list[WorkRecord], spec: int) -> None:
    db.executemany(
        "UPDATE works SET content = COALESCE(content, ?), spec = COALESCE(spec, ?), "
        "representative = COALESCE(representative, ?) WHERE id = ?",
        [
            (_row(w.content), spec, w.representative, w.row)
            for w in works
            if w.incomplete and w.content
        ],
    )
    new = [work for work in works if not work.row]
    _number(db, "works", new)
    insert_rows(
        db,
        "works (id, work_key, content, spec, representative, state, attempts, estimated)",
        "(?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (w.row, w.key, _row(w.content), spec, w.representative, w.state, w.attempts,
             w.estimated)
            for w in sorted(new, key=attrgetter("key"))
        ],
    )  # fmt: skip


def _save_links(db: Database, links: Sequence[Link]) -> None:
    db.executemany(
        "UPDATE images SET original = ?, near_of = CASE WHEN content = ? THEN near_of END, "
        "content = ?, work = ?, todo = 0, reject_code = NULL, reject_detail = NULL "
        "WHERE id = ?",
        [(o.row, c and c.row, c and c.row, w.row, image) for image, o, c, w in links if w],
    )
    db.executemany(
        "UPDATE images SET original = ?, near_of = CASE WHEN content = ? THEN near_of END, "
        "content = ? WHERE id = ?",
        [(o.row, c and c.row, c and c.row, image) for image, o, c, w in links if w is None],
    )


def _save_left_out(db: Database, left_out: Sequence[LeftOut]) -> None:
    db.executemany(
        "UPDATE images SET original = ?, content = ?, work = NULL, near_of = NULL, "
        "near_distance = NULL, todo = 0, reject_code = NULL, reject_detail = NULL WHERE id = ?",
        [(original.row, content.row, image) for image, original, content in left_out],
    )


def _save_refusals(db: Database, refusals: Sequence[Refusal]) -> None:
    db.executemany(
        "UPDATE images SET original = ?, content = NULL, work = NULL, todo = ?, "
        "reject_code = ?, reject_detail = ? WHERE id = ?",
        [
            (original and original.row, int(passing), why.code, why.detail, image)
            for image, original, why, passing in refusals
        ],
    )


def _number(
    db: Database, table: str, new: Sequence[OriginalRecord | ContentRecord | WorkRecord]
) -> None:
    """Give each record that is new the next row of its table."""
    if new:
        first = db.number(f"SELECT MAX(id) FROM {table}") + 1
        for row, record in enumerate(new, start=first):
            record.row = row


def _row(content: ContentRecord | None) -> int | None:
    return None if content is None else content.row
