"""Texts that images have already: those that we wrote, and the images left out for theirs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from pipeline.core.existing_text import (
    captions_within,
    text_digest,
    whole_and_end,
    without_affixes,
)
from pipeline.core.table_form import Affixes
from pipeline.ledger.database import AMONG, Database, SourceRows, among
from pipeline.ledger.row_outcome import HAD_CAPTION

# by digest, so that a text is compared with the captions of all specs without reading them again
_CAPTIONS = """
SELECT DISTINCT p.original, a.caption FROM preparations p
JOIN works w ON w.content = p.content JOIN answers a ON a.work = w.id WHERE a.caption IS NOT NULL
"""


class ExistingTexts:
    """Table `written_texts` and the columns `images.existing_text` and `existing_in`."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._captions_read = False

    def note_written(self, texts: Iterable[tuple[bytes, str]]) -> None:
        """Remember texts that we wrote for images, or added to texts: (source_id, text)."""
        self._db.executemany(
            "INSERT OR IGNORE INTO written_texts SELECT ?, id FROM originals WHERE source_id = ?",
            (
                (text_digest(part), source_id)
                for source_id, text in texts
                for part in whole_and_end(text)
            ),
        )

    def any_written(self) -> bool:
        """Tell whether we ever wrote a text."""
        return bool(self._db.number("SELECT EXISTS (SELECT 1 FROM written_texts)"))

    def any_unlinked(self, sources: SourceRows) -> bool:
        """Tell whether images of the sources that are to be prepared have a text already."""
        return bool(
            self._db.number(
                "SELECT EXISTS (SELECT 1 FROM images i JOIN folders f ON f.id = i.folder "
                f"WHERE i.todo = 1 AND i.present = 1 AND f.source {AMONG} "
                "AND i.existing_text IS NOT NULL)",
                (among(sources),),
            )
        )

    def is_ours(self, source_id: bytes | None, text: str, affixes: Affixes) -> bool:
        """Tell whether we wrote a text for this image, or whether it is a caption of it; for
        any image where `source_id` is None."""
        original = "original = (SELECT id FROM originals WHERE source_id = ?)"
        where, values = ("1", ()) if source_id is None else (original, (source_id,))
        known = f"SELECT EXISTS (SELECT 1 FROM written_texts WHERE digest = ? AND {where})"
        digests = [text_digest(part) for part in whole_and_end(text)]
        if any(self._db.number(known, (digest, *values)) for digest in digests):
            return True
        self._read_captions()
        known = f"SELECT EXISTS (SELECT 1 FROM temp.captions_seen WHERE digest = ? AND {where})"
        return any(
            self._db.number(known, (text_digest(caption), *values))
            for caption in captions_within(text, affixes)
        )

    def wrote(self, source_id: bytes, text: str, affixes: Affixes) -> bool:
        """Tell whether a whole text is as we wrote it for this image, or a caption of it."""
        original = "original = (SELECT id FROM originals WHERE source_id = ?)"
        known = f"SELECT EXISTS (SELECT 1 FROM %s WHERE digest = ? AND {original})"
        if self._db.number(known % "written_texts", (text_digest(text), source_id)):
            return True
        self._read_captions()
        return any(
            self._db.number(known % "temp.captions_seen", (text_digest(caption), source_id))
            for caption in (text, without_affixes(text, affixes))
        )

    def free_represented(self, sources: SourceRows) -> None:
        """Let images stand for themselves again whose representative is not sent any more."""
        self._db.execute(
            "UPDATE images SET work = NULL, near_of = NULL, near_distance = NULL, todo = 1 "
            "WHERE near_of IS NOT NULL AND present = 1 AND todo = 0 "
            f"AND folder IN (SELECT id FROM folders WHERE source {AMONG}) "
            "AND work IN (SELECT id FROM works WHERE state = 'pending') AND NOT EXISTS "
            "(SELECT 1 FROM images r WHERE r.work = images.work AND r.near_of IS NULL "
            "AND r.present = 1)",
            (among(sources),),
        )

    def left_out(self, sources: SourceRows) -> Iterator[tuple[bytes, int, int, Mapping[str, str]]]:
        """(content_id, width, height, columns) of each present image of the sources that is left at
        the text that it has."""
        for content_id, width, height, columns in self._db.execute(
            "SELECT c.content_id, c.width, c.height, i.columns "
            "FROM images i JOIN folders f ON f.id = i.folder "
            "JOIN contents c ON c.id = i.content LEFT JOIN works w ON w.id = i.work "
            f"WHERE i.present = 1 AND f.source {AMONG} AND {HAD_CAPTION}",
            (among(sources),),
        ):
            yield content_id, width, height, json.loads(columns) if columns else {}

    def unread(self, sources: SourceRows) -> Iterator[str]:
        """Texts of images that were never read."""
        rows = self._db.execute(
            "SELECT i.existing_text FROM images i JOIN folders f ON f.id = i.folder "
            f"WHERE i.todo = 1 AND i.present = 1 AND f.source {AMONG} AND i.original IS NULL "
            "AND i.existing_text IS NOT NULL AND i.reject_code IS NULL",
            (among(sources),),
        )
        return (str(row[0]) for row in rows)

    def _read_captions(self) -> None:
        if self._captions_read:
            return
        self._captions_read = True
        self._db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS captions_seen (digest BLOB NOT NULL, "
            "original INTEGER NOT NULL, PRIMARY KEY (digest, original)) WITHOUT ROWID"
        )
        with self._db.transaction("captions_seen"):
            rows = self._db.execute(_CAPTIONS)
            self._db.executemany(
                "INSERT OR IGNORE INTO temp.captions_seen VALUES (?, ?)",
                ((text_digest(str(caption)), original) for original, caption in rows),
            )
