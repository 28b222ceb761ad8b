"""Images that a crawl did not see again: held back until it is decided that they are gone.

What is held stands in temporary tables: mostly nothing, so a CROSS JOIN begins with them, where
SQLite would read all images. Until they are gone for good the digests of their folders stay
empty, so that a crawl after a kill, or after a refusal, looks at those folders again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pipeline.core.reasons import DOWNLOAD, OUT_OF_REACH, SOURCE
from pipeline.ledger.database import Database, sql_list
from pipeline.ledger.places import shown_path
from pipeline.ledger.present_images import present_images
from pipeline.records import SourceFile

MISSING = "missing_file"
_NAMES_NO_IMAGE = sql_list({*SOURCE, *DOWNLOAD})
_USABLE = "usable:"  # a key of `meta`, with the row of the source


class Crawl(NamedTuple):
    """Crawl of a source: its row, and which crawl of it this is."""

    source: int
    number: int


class Unseen:
    """Temporary tables `unseen` of image rows, `seen` of those of one folder that were not written
    again, and `held_digests` of folders."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def begin(self) -> None:
        """Forget what an earlier crawl of this connection held."""
        for columns in (
            "unseen (image INTEGER PRIMARY KEY, detail TEXT)",
            "seen (image INTEGER PRIMARY KEY)",
            "held_digests (folder INTEGER PRIMARY KEY, digest BLOB)",
        ):
            self._db.execute(f"CREATE TEMP TABLE IF NOT EXISTS {columns}")
            self._db.execute(f"DELETE FROM {columns.partition(' ')[0]}")

    def hold_missing(
        self, folder: int, files: Iterable[SourceFile], crawl: Crawl
    ) -> list[SourceFile]:
        """Hold back rows of a table whose file was there before and is missing now; gives the
        other files. One that was there and is out of reach now stays as it is."""
        others = []
        for file in files:
            if file.problem == MISSING and self._hold(folder, file, crawl):
                continue
            if file.problem == OUT_OF_REACH and self._keep(folder, file, crawl):
                continue
            others.append(file)
        return others

    def _keep(self, folder: int, file: SourceFile, crawl: Crawl) -> bool:
        """Leave an image as it is that was read before; True when there is one."""
        row = self._db.one(
            "UPDATE images SET crawl = ? WHERE folder = ? AND name = ? AND occurrence = ? "
            "AND present = 1 AND reject_code IS NULL AND todo = 0 RETURNING id",
            (crawl.number, folder, file.name, file.occurrence),
        )
        return row is not None

    def _hold(self, folder: int, file: SourceFile, crawl: Crawl) -> bool:
        row = self._db.one(
            "UPDATE images SET crawl = ? WHERE folder = ? AND name = ? AND occurrence = ? "
            "AND present = 1 AND reject_code IS NULL RETURNING id",
            (crawl.number, folder, file.name, file.occurrence),
        )
        if row is not None:
            self._db.execute("INSERT OR IGNORE INTO unseen VALUES (?, ?)", (row[0], file.detail))
        return row is not None

    def note_seen(self, images: Iterable[int]) -> None:
        """Note images of the folder that are as they are recorded, and are not written again."""
        self._db.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?)", ((image,) for image in images)
        )

    def finish_folder(
        self,
        folder: int,
        digest: bytes | None,
        skipped: Mapping[str, int],
        crawl: Crawl,
        among: Iterable[int] | None = None,
    ) -> None:
        """Close a folder whose files are all recorded; what was not seen in it is held: of the
        images `among`, where the others are known to be there."""
        rows = None if among is None else json.dumps(list(among))
        self._db.execute(
            "INSERT OR IGNORE INTO unseen SELECT id, NULL FROM images "
            "WHERE folder = ? AND crawl <> ? AND present = 1 "
            "AND id NOT IN (SELECT image FROM seen)"
            if rows is None
            else "INSERT OR IGNORE INTO unseen SELECT i.id, NULL FROM json_each(?) j "
            "CROSS JOIN images i ON i.id = j.value WHERE i.crawl <> ? AND i.present = 1",
            (folder if rows is None else rows, crawl.number),
        )
        self._db.execute("DELETE FROM seen")
        held = self._db.number(
            "SELECT EXISTS (SELECT 1 FROM unseen u JOIN images i ON i.id = u.image "
            "WHERE i.folder = ?)",
            (folder,),
        )
        if held:
            self._db.execute("INSERT OR REPLACE INTO held_digests VALUES (?, ?)", (folder, digest))
        self._db.execute(
            "UPDATE folders SET digest = ?, skipped = ?, crawl = ? WHERE id = ?",
            (None if held else digest, json.dumps(skipped), crawl.number, folder),
        )

    def finish_folders(self, crawl: Crawl) -> None:
        """Hold the images of folders that a complete crawl did not see."""
        self._db.execute(
            "INSERT OR IGNORE INTO unseen SELECT i.id, NULL FROM images i "
            "JOIN folders f ON f.id = i.folder "
            "WHERE i.present = 1 AND f.source = ? AND f.crawl <> ?",
            crawl,
        )

    def release(self, excluded: Callable[[str], bool]) -> int:
        """Mark held images as gone whose path below the source the user excludes; gives how many of
        them a file was there for."""
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS excluded (image INTEGER PRIMARY KEY)")
        self._db.execute("DELETE FROM temp.excluded")
        rows = self._db.execute(
            f"SELECT u.image, {shown_path('f', 'i')} FROM unseen u "
            "CROSS JOIN images i ON i.id = u.image "
            "JOIN folders f ON f.id = i.folder"
        )
        with self._db.transaction("excluded"):
            self._db.executemany(
                "INSERT INTO temp.excluded VALUES (?)",
                ((image,) for image, path in rows if excluded(str(path))),
            )
            mine = "(SELECT image FROM temp.excluded)"
            count = self._db.number(
                f"SELECT COUNT(*) FROM images WHERE id IN {mine} "
                f"AND (reject_code IS NULL OR reject_code NOT IN ({_NAMES_NO_IMAGE}))"
            )
            self._db.execute(f"UPDATE images SET present = 0 WHERE id IN {mine}")
            self._db.execute(f"DELETE FROM unseen WHERE image IN {mine}")
        return count

    def count(self) -> int:
        """Number of images that are held."""
        return self._db.number("SELECT COUNT(*) FROM unseen")

    def count_usable(self) -> int:
        """Number of images that are held and that a file was there for."""
        return self._db.number(
            "SELECT COUNT(*) FROM unseen u CROSS JOIN images i ON i.id = u.image "
            f"WHERE i.reject_code IS NULL OR i.reject_code NOT IN ({_NAMES_NO_IMAGE})"
        )

    def accept(self, crawl: Crawl, *, complete: bool) -> None:
        """Mark what is held as gone; `complete`: so are folders that were not seen."""
        with self._db.transaction("crawled"):
            self._db.execute(
                "UPDATE images SET present = 0 "
                "WHERE id IN (SELECT image FROM unseen WHERE detail IS NULL)"
            )
            self._db.execute(
                "UPDATE images SET size = 0, mtime_ns = 0, inode = 0, location = '', "
                "original = NULL, content = NULL, near_of = NULL, near_distance = NULL, "
                f"work = NULL, todo = 0, reject_code = '{MISSING}', reject_detail = u.detail "
                "FROM unseen u WHERE images.id = u.image AND u.detail IS NOT NULL "
                "AND images.id IN (SELECT image FROM unseen)"
            )
            self._db.execute(
                "UPDATE folders SET digest = h.digest FROM held_digests h "
                "WHERE folders.id = h.folder"
            )
            if complete:
                self._db.execute(
                    "UPDATE folders SET digest = NULL, skipped = '{}' "
                    "WHERE source = ? AND crawl <> ?",
                    crawl,
                )

    # -- how many there were -------------------------------------------------------------------

    def usable(self, source: int) -> int:
        """Number of present images of a source that a file was there for, those held included."""
        return present_images(self._db, source) - self._db.number(
            "SELECT COUNT(*) FROM images WHERE reject_code IS NOT NULL AND present = 1 "
            f"AND reject_code IN ({_NAMES_NO_IMAGE}) "
            "AND folder IN (SELECT id FROM folders WHERE source = ?)",
            (source,),
        )

    def usable_before(self, source: int) -> int | None:
        """Number of them after the last crawl whose losses were taken for real, None before."""
        row = self._db.one("SELECT value FROM meta WHERE key = ?", (f"{_USABLE}{source}",))
        return None if row is None else int(str(row[0]))

    def note_usable(self, source: int, count: int) -> None:
        """Keep the number for the next crawl."""
        self._db.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
            (f"{_USABLE}{source}", str(count)),
        )
