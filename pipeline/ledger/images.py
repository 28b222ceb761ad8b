"""Sources, folders and images as last seen. Unchanged folders cost one row, not one an image."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.ledger.database import AMONG, Database, SourceRows, among
from pipeline.ledger.due import forget_refused, note_refused
from pipeline.ledger.recorded_files import KeyOf, RecordedFiles
from pipeline.ledger.upsert import INSERT_NEW, UPSERT, upsert_values
from pipeline.records import SourceFile

_PAGE = 1000
_ENCODING = "encoding:"  # a key of `meta`, with the row of the source


class SeenImage(NamedTuple):
    """Image row that is to be prepared.

    Attributes:
        id: row of `images`.
        folder, name: as the source names them.
        location: file path, or None when it follows from the source's root.
        columns: manifest columns.
        source_id: SHA-256 of the file when the unchanged file was read before, else None.
        near_of: row of the content that stands for this one, None for itself.
        content: row of the content that the file had when it was last read.
        existing_text: a text that it has already, in a place that the source was told to look in.
        stamp: of an original that is stored elsewhere, "" for none.
        source: row of its source.
    """

    id: int
    folder: str
    name: str
    location: str | None
    columns: Mapping[str, str]
    source_id: bytes | None
    near_of: int | None = None
    content: int | None = None
    existing_text: str | None = None
    stamp: str = ""
    source: int = 0

    @property
    def path(self) -> str:
        """Path below the source, POSIX."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


class Images:
    """Tables `sources`, `folders` and `images`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # -- crawling ------------------------------------------------------------------------------

    def source(self, kind: str, locator: str, label: str) -> int:
        """Row of a source, made when new; labels are made unique with a number."""
        row = self._db.one("SELECT id FROM sources WHERE locator = ?", (locator,))
        if row:
            return int(row[0])  # type: ignore[call-overload, no-any-return]
        taken = {str(row[0]) for row in self._db.execute("SELECT label FROM sources")}
        unique = next(
            name
            for name in (label if n == 1 else f"{label}-{n}" for n in range(1, len(taken) + 2))
            if name not in taken
        )
        return self._db.insert(
            "INSERT INTO sources (kind, locator, label) VALUES (?, ?, ?)", (kind, locator, unique)
        )

    def encoding(self, locator: str) -> tuple[bool, str | None]:
        """(True for a source that was crawled, the codec that its text was read with)."""
        row = self._db.one("SELECT id FROM sources WHERE locator = ? AND crawl > 0", (locator,))
        if row is None:
            return False, None
        noted = self._db.one("SELECT value FROM meta WHERE key = ?", (f"{_ENCODING}{row[0]}",))
        return True, None if noted is None else str(noted[0])

    def note_encoding(self, source: int, codec: str) -> None:
        """Keep the codec that the text of a source was read with."""
        self._db.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE "
            "SET value = excluded.value WHERE value <> excluded.value",
            (f"{_ENCODING}{source}", codec),
        )

    def begin_crawl(self, source: int) -> int:
        """Begin a crawl of a source, and give its number."""
        self._db.execute("UPDATE sources SET crawl = crawl + 1 WHERE id = ?", (source,))
        return self._db.number("SELECT crawl FROM sources WHERE id = ?", (source,))

    def folder(self, source: int, path: str) -> tuple[int, bytes | None]:
        """Row and last complete digest of a folder."""
        row = self._db.one(
            "SELECT id, digest FROM folders WHERE source = ? AND path = ?", (source, path)
        )
        if row:
            return int(row[0]), row[1]  # type: ignore[call-overload, return-value]
        return self._db.insert(
            "INSERT INTO folders (source, path) VALUES (?, ?)", (source, path)
        ), None

    def folder_unchanged(self, folder: int, crawl: int) -> None:
        """Note that a folder was seen again unchanged."""
        self._db.execute("UPDATE folders SET crawl = ? WHERE id = ?", (crawl, folder))

    def recorded(self, folder: int) -> int:
        """Number of images of a folder that are recorded, those that are gone included."""
        return self._db.number("SELECT COUNT(*) FROM images WHERE folder = ?", (folder,))

    def recorded_files(self, folder: int, key_of: KeyOf) -> RecordedFiles:
        """Present images of a folder by the keys of `key_of`."""
        return RecordedFiles.of(self._db, folder, key_of)

    def upsert(
        self, folder: int, files: Iterable[SourceFile], crawl: int, now: int, *, new: bool = False
    ) -> None:
        """Record files of a folder; only what changed is to be prepared again. `new`: none of them
        is recorded yet."""
        statement = INSERT_NEW if new else UPSERT
        self._db.executemany(statement, (upsert_values(folder, file, crawl, now) for file in files))

    def reread(self, source: int) -> None:
        """Forget what the files of a source were, as if each of them had changed its ctime."""
        self._db.execute(
            "UPDATE images SET original = NULL, work = NULL, todo = 1, reject_code = NULL, "
            "reject_detail = NULL WHERE present = 1 AND size > 0 "
            "AND folder IN (SELECT id FROM folders WHERE source = ?)",
            (source,),
        )

    def skipped(self, source: int) -> Counter[str]:
        """Files of a source that are no images, by suffix, as of the last crawl."""
        total: Counter[str] = Counter()
        for (text,) in self._db.execute(
            "SELECT skipped FROM folders WHERE source = ? AND skipped <> '{}'", (source,)
        ):
            total.update(json.loads(text))
        return total

    # -- what needs a look ---------------------------------------------------------------------

    def use_spec(self, source: int, spec: int, admission: bytes) -> bool:
        """Set the spec of the rows of `source`, and the admission that refuses them.

        Links to another spec are undone; what other caps refused is prepared again, and noted
        (`ledger.due.note_refused`). True when anything has changed.
        """
        with self._db.transaction("use_spec"):
            row = self._db.one("SELECT spec, admission FROM sources WHERE id = ?", (source,))
            before, caps = row or (None, None)
            if before == spec and caps == admission:
                return False
            self._db.execute(
                "UPDATE sources SET spec = ?, admission = ? WHERE id = ?",
                (spec, admission, source),
            )
            narrow = (
                "original IS NOT NULL AND reject_code IS NOT NULL"
                if before == spec
                else ("original IS NOT NULL OR reject_code IS NULL")
            )
            (note_refused if before == spec else forget_refused)(self._db, source)
            self._db.execute(
                "UPDATE images SET work = NULL, near_of = NULL, near_distance = NULL, todo = 1, "
                "reject_code = NULL, reject_detail = NULL "
                f"WHERE folder IN (SELECT id FROM folders WHERE source = ?) AND ({narrow}) "
                "AND (todo, work, near_of, near_distance, reject_code, reject_detail) "
                "IS NOT (1, NULL, NULL, NULL, NULL, NULL)",  # a row that is written is a page
                (source,),
            )
        return True

    def spec_of(self, source: int) -> int | None:
        """Spec that the source's rows are about, None before the first run."""
        return self._db.number("SELECT spec FROM sources WHERE id = ?", (source,)) or None

    def specs_of(self, sources: SourceRows) -> set[int | None]:
        """Specs that the rows of the sources are about, None for one before its first run."""
        rows = self._db.execute(f"SELECT spec FROM sources WHERE id {AMONG}", (among(sources),))
        return {None if spec is None else int(spec) for (spec,) in rows}

    def remember_columns(self, source: int, columns: list[str]) -> None:
        """Keep the manifest's column names, in order, for the table."""
        self._db.execute(
            "UPDATE sources SET columns = ? WHERE id = ?", (json.dumps(columns), source)
        )

    def some_columns(self, sources: SourceRows, most: int = 100) -> list[Mapping[str, str]]:
        """Columns of a few present images, in order."""
        rows = self._db.execute(
            "SELECT i.columns FROM images i JOIN folders f ON f.id = i.folder "
            f"WHERE i.present = 1 AND i.columns IS NOT NULL AND f.source {AMONG} LIMIT ?",
            (among(sources), most),
        )
        return [json.loads(columns) for (columns,) in rows]

    def todo(self, sources: SourceRows, *, read_before: bool = False) -> Iterator[SeenImage]:
        """Images that are to be prepared, in order; safe while rows are being changed.

        `read_before`: only those whose unchanged file was read before.
        """
        after: tuple[object, ...] = (0, "", -1)
        narrow = "AND i.original IS NOT NULL " if read_before else ""
        while True:
            page = self._db.execute(
                "SELECT i.id, f.path, i.name, i.location, i.columns, o.source_id, i.near_of, "
                "i.content, i.existing_text, i.stamp, f.source, i.folder, i.occurrence "
                "FROM images i "
                # CROSS JOIN: SQLite would begin with the folders, and sort all that is left
                "CROSS JOIN folders f ON f.id = i.folder "
                "LEFT JOIN originals o ON o.id = i.original "
                f"WHERE i.todo = 1 AND i.present = 1 AND f.source {AMONG} {narrow}"
                "AND (i.folder, i.name, i.occurrence) > (?, ?, ?) "
                "ORDER BY i.folder, i.name, i.occurrence LIMIT ?",
                (among(sources), *after, _PAGE),
            ).fetchall()
            for row in page:
                yield seen_image(row[:11])
            if len(page) < _PAGE:
                return
            after = (page[-1][11], page[-1][2], page[-1][12])

    def idle(self, sources: SourceRows, spec: int) -> bool:
        """Tell if no image of the sources is to be prepared and no work of the spec to be sent."""
        return (
            self.specs_of(sources) == {spec}
            and not self.count_todo(sources)
            and not self._db.number(
                "SELECT EXISTS (SELECT 1 FROM works WHERE spec = ? AND state = 'pending')", (spec,)
            )
        )

    def count_todo(self, sources: SourceRows) -> int:
        """Number of images that are to be prepared."""
        return self._db.number(
            "SELECT COUNT(*) FROM images i JOIN folders f ON f.id = i.folder "
            f"WHERE i.todo = 1 AND i.present = 1 AND f.source {AMONG}",
            (among(sources),),
        )

    def needed(self) -> Iterator[str]:
        """Locations of present images that are to be prepared, or whose captions are not here yet;
        only of sources that name locations."""
        rows = self._db.execute(
            "SELECT i.location FROM images i LEFT JOIN works w ON w.id = i.work "
            "WHERE i.present = 1 AND i.location IS NOT NULL AND (i.todo = 1 OR w.state <> 'done')"
        )
        return (str(location) for (location,) in rows)

    def unsent(self, sources: SourceRows, spec: int) -> Iterator[tuple[int, SeenImage]]:
        """(work, image) for each pending work of a spec that a present image of the sources stands
        for."""
        after = 0
        while True:
            page = self._db.execute(
                "SELECT w.id, MIN(i.id), f.path, i.name, i.location, i.columns, o.source_id, "
                "i.near_of, i.content, i.existing_text, i.stamp, f.source "
                "FROM works w JOIN images i ON i.work = w.id JOIN folders f ON f.id = i.folder "
                "LEFT JOIN originals o ON o.id = i.original "
                f"WHERE w.state = 'pending' AND i.present = 1 AND f.source {AMONG} AND w.id > ? "
                "AND i.near_of IS NULL "
                "AND w.spec = ? GROUP BY w.id ORDER BY w.id LIMIT ?",
                (among(sources), after, spec, _PAGE),
            ).fetchall()
            for row in page:
                yield int(row[0]), seen_image(row[1:])
            if len(page) < _PAGE:
                return
            after = page[-1][0]


def seen_image(row: tuple[Any, ...]) -> SeenImage:
    """Image from its row: id, folder, name, location, columns, source_id, near_of, content,
    existing_text, stamp, source."""
    image, folder, name, location, columns, source_id, near_of, content, text, stamp, source = row
    values = json.loads(columns) if columns else {}
    return SeenImage(
        image,
        folder,
        name,
        location,
        values,
        source_id,
        near_of,
        content,
        text,
        stamp or "",
        source,
    )
