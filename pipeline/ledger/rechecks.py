"""Pictures that version 0.1.0 may have prepared wrongly, and those that it did.

The migration that made the table `rechecks` put every preparation of that time into it. A run
takes out what is right; what is left with a kind is stale: its caption is about another picture
than the one that would be sent today. Nothing is paid for before a person lets it go again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from pipeline.core.pricing import format_usd
from pipeline.core.words import counted
from pipeline.ledger.database import AMONG, Database, SourceRows, among
from pipeline.ledger.images import SeenImage, seen_image
from pipeline.ledger.specs import RecipeRow
from pipeline.ledger.works import Content
from pipeline.records import Nano, Rejection

_PAGE = 1000
_STALE = "r.kind <> ''"
_IMAGES = f"""FROM images i
    CROSS JOIN rechecks r ON r.original = i.original AND r.former = i.content
    WHERE {_STALE} AND i.present = 1"""
_KNOWN = """r.original, o.source_id, c.content_id, o.format, o.width, o.height, c.width, c.height,
    p.flags"""
_IMAGE = 9  # the column behind them
_FROM = """FROM rechecks r JOIN originals o ON o.id = r.original
    JOIN contents c ON c.id = r.former
    JOIN preparations p ON p.original = r.original AND p.recipe = r.recipe"""
_OF_SOURCES = f"""FROM images i CROSS JOIN rechecks r ON r.original = i.original AND r.recipe = ?
    JOIN folders f ON f.id = i.folder JOIN originals o ON o.id = r.original
    JOIN contents c ON c.id = r.former
    JOIN preparations p ON p.original = r.original AND p.recipe = r.recipe
    WHERE f.source {AMONG} AND i.present = 1 AND r.kind IS NULL"""


class Recheck(Struct, frozen=True):
    """Preparation that is to be made again, to see whether it was right.

    Attributes:
        image: one of those that show it; its row is 0 where none was asked for.
        original: row of its original.
        content_id: SHA-256 of what was sent.
        format, source, sent, flags: what is known of it; sizes are width and height in pixels.
    """

    image: SeenImage
    original: int
    content_id: bytes
    format: str | None
    source: tuple[int, int]
    sent: tuple[int, int]
    flags: tuple[str, ...]


class StaleImages(Struct, frozen=True):
    """Images whose captions are about wrongly prepared pictures.

    Attributes:
        images: how many, duplicates too.
        requests: that letting them go again makes.
        expected: nano-dollars, as much as was expected for the requests before; None when unknown.
        kinds: images by what was wrong.
    """

    images: int = 0
    requests: int = 0
    expected: Nano | None = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def sentence(self) -> str:
        """Sentence for the person who may pay for them, "" where nothing is stale."""
        if not self.images:
            return ""
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in self.kinds.most_common())
        price = "price unknown" if self.expected is None else f"about {format_usd(self.expected)}"
        return (
            f"{counted(self.images, 'image')} that version 0.1.0 prepared wrongly ({kinds}): "
            "'captionmill retry --outcome stale' lets them go again, "
            f"{counted(self.requests, 'request')}, {price}"
        )


class Rechecks:
    """Table `rechecks`, and the images that its rows are about."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # -- looking again -------------------------------------------------------------------------

    def due(self, recipe: RecipeRow) -> bool:
        """Tell whether a preparation under this recipe was not made again yet."""
        sql = "SELECT EXISTS (SELECT 1 FROM rechecks WHERE recipe = ? AND kind IS NULL)"
        return self._db.number(sql, (recipe.row,)) > 0

    def doubt_all(self, recipe: RecipeRow) -> None:
        """Let all preparations under a recipe be made again, of whatever version they are."""
        self._db.execute(
            "INSERT INTO rechecks (original, recipe, former) "
            "SELECT original, recipe, content FROM preparations "
            "WHERE recipe = ? AND content IS NOT NULL ON CONFLICT DO NOTHING",
            (recipe.row,),
        )

    def of(self, source_id: bytes, recipe: RecipeRow) -> Recheck | None:
        """Preparation of these bytes that is to be made again, None for none."""
        row = self._db.one(
            f"SELECT {_KNOWN}, 0, '', '', NULL, NULL, 0 {_FROM} "
            "WHERE o.source_id = ? AND r.recipe = ? AND r.kind IS NULL",
            (source_id, recipe.row),
        )
        return None if row is None else _recheck(row)

    def all(self, recipe: RecipeRow) -> Iterator[Recheck]:
        """Preparations to be made again, of any source, without images, also while rows change."""
        after = 0
        while True:
            page = self._db.execute(
                f"SELECT {_KNOWN}, 0, '', '', NULL, NULL, 0 {_FROM} "
                "WHERE r.recipe = ? AND r.kind IS NULL AND r.original > ? "
                "ORDER BY r.original LIMIT ?",
                (recipe.row, after, _PAGE),
            ).fetchall()
            yield from map(_recheck, page)
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def count_unchecked(self, sources: SourceRows, recipe: RecipeRow) -> int:
        """Number of them that present images of the sources show."""
        return self._db.number(
            f"SELECT COUNT(DISTINCT r.original) {_OF_SOURCES}", (recipe.row, among(sources))
        )

    def unchecked(self, sources: SourceRows, recipe: RecipeRow) -> Iterator[Recheck]:
        """Preparations that present images of the sources show, also while rows change; one that
        several show may come more than once."""
        after = 0
        while True:
            page = self._db.execute(
                f"SELECT {_KNOWN}, i.id, f.path, i.name, i.location, i.columns, f.source "
                f"{_OF_SOURCES} "
                "AND i.id > ? ORDER BY i.id LIMIT ?",
                (recipe.row, among(sources), after, _PAGE),
            ).fetchall()
            yield from map(_recheck, page)
            if len(page) < _PAGE:
                return
            after = page[-1][_IMAGE]

    def mark_right(self, originals: Iterable[int], recipe: RecipeRow) -> None:
        """Take out preparations that were right, or are not doubted."""
        self._db.executemany(
            "DELETE FROM rechecks WHERE original = ? AND recipe = ? AND kind IS NULL",
            ((original, recipe.row) for original in originals),
        )

    def mark_wrong(
        self,
        original: int,
        recipe: RecipeRow,
        kind: str,
        today: Content | Rejection,
        flags: tuple[str, ...] = (),
    ) -> None:
        """Record what is wrong with a preparation, and what it would be today."""
        refused = today if isinstance(today, Rejection) else None
        self._db.execute(
            "UPDATE rechecks SET kind = ?, content = ?, flags = ?, admission = ?, reject_code = ?, "
            "reject_detail = ? WHERE original = ? AND recipe = ?",
            (
                kind,
                None if isinstance(today, Rejection) else today.row,
                ",".join(flags),
                refused and recipe.admission,
                refused and refused.code,
                refused and refused.detail,
                original,
                recipe.row,
            ),
        )

    # -- what is stale -------------------------------------------------------------------------

    def today(self, source_id: bytes, recipe: RecipeRow) -> Content | Rejection | None:
        """Content or rejection of these bytes by today's rules, None where nothing has changed."""
        row = self._db.one(
            "SELECT c.id, c.content_id, c.width, c.height, c.perceptual IS NOT NULL, "
            "r.reject_code, r.reject_detail FROM originals o "
            "JOIN rechecks r ON r.original = o.id AND r.recipe = ? "
            f"LEFT JOIN contents c ON c.id = r.content WHERE o.source_id = ? AND {_STALE}",
            (recipe.row, source_id),
        )
        if row is None:
            return None
        if row[5] is not None:
            return Rejection(str(row[5]), str(row[6]))
        return Content(*row[:5])  # type: ignore[arg-type]

    def any_stale(self) -> bool:
        """Tell whether anything is stale."""
        return self._db.number(f"SELECT EXISTS (SELECT 1 FROM rechecks r WHERE {_STALE})") > 0

    def summary(self, sources: SourceRows | None = None) -> StaleImages:
        """Count the stale images of sources, or all, and what letting them go again would make."""
        if not self.any_stale():
            return StaleImages()  # the tables of images are not walked through
        where, arguments = "", ()
        if sources is not None:
            where = f"AND i.folder IN (SELECT id FROM folders WHERE source {AMONG})"
            arguments = (among(sources),)  # type: ignore[assignment]
        kinds = self._db.execute(f"SELECT r.kind, COUNT(*) {_IMAGES} {where} GROUP BY 1", arguments)
        counts = Counter({str(kind): int(count) for kind, count in kinds})
        row = self._db.one(
            "SELECT COUNT(*), SUM(w.estimated), SUM(w.estimated IS NULL) FROM "
            f"(SELECT DISTINCT r.content AS content, i.work AS work {_IMAGES} {where} "
            "AND r.content IS NOT NULL) AS again JOIN works w ON w.id = again.work",
            arguments,
        )
        requests, expected, unknown = (int(value or 0) for value in row or (0, 0, 0))  # type: ignore[call-overload]
        return StaleImages(counts.total(), requests, None if unknown else expected, counts)

    def to_send(
        self, sources: SourceRows, recipe: RecipeRow
    ) -> Iterator[tuple[bytes, int, int, Mapping[str, str]]]:
        """(content_id, width, height, columns) as stale images of the sources would be sent."""
        for content_id, width, height, columns in self._db.execute(
            "SELECT c.content_id, c.width, c.height, i.columns FROM rechecks r "
            "JOIN images i ON i.original = r.original AND i.content = r.former "
            "JOIN contents c ON c.id = r.content "
            f"WHERE {_STALE} AND r.recipe = ? AND i.present = 1 "
            f"AND i.folder IN (SELECT id FROM folders WHERE source {AMONG})",
            (recipe.row, among(sources)),
        ):
            yield content_id, width, height, json.loads(columns) if columns else {}

    def let_go(self) -> int:
        """Prepare stale images by today's rules from now on: the next run sends, or rejects, them;
        gives how many they are."""
        images = self._db.execute(
            "UPDATE images SET content = NULL, work = NULL, near_of = NULL, near_distance = NULL, "
            f"todo = 1 WHERE id IN (SELECT i.id {_IMAGES})"
        ).rowcount
        for statement in (
            "UPDATE preparations SET content = r.content, flags = r.flags, "
            "admission = r.admission, reject_code = r.reject_code, "
            "reject_detail = r.reject_detail FROM rechecks r "
            "WHERE r.original = preparations.original AND r.recipe = preparations.recipe "
            f"AND {_STALE}",
            "DELETE FROM rechecks WHERE kind <> ''",
        ):
            self._db.execute(statement)
        return images


def _recheck(row: tuple[object, ...]) -> Recheck:
    original, source_id, content_id, kind, width, height, *more = row
    sent_width, sent_height, flags, image, folder, name, location, columns, place = more
    return Recheck(
        seen_image(
            (image, folder, name, location, columns, source_id, None, None, None, None, place)
        ),
        original=original,  # type: ignore[arg-type]
        content_id=content_id,  # type: ignore[arg-type]
        format=None if kind is None else str(kind),
        source=(width or 0, height or 0),  # type: ignore[arg-type]
        sent=(sent_width, sent_height),  # type: ignore[arg-type]
        flags=tuple(str(flags).split(",")) if flags else (),
    )
