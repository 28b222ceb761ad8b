"""Folders whose texts beside the images are as they are to be, with a sum of their files, so that
nobody reads them again until a row or a file of theirs is another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pipeline.ledger.changed_rows import ChangedRows
from pipeline.ledger.database import Database

_PAGE = 1_000  # folders


class TextFolder(NamedTuple):
    """Folder of a source.

    Attributes:
        path: below its source, stored text.
        sum: of its texts when they were as they are to be, None where they may not be.
    """

    path: str
    sum: bytes | None


class TextFolders:
    """Table `text_folders`, of sources whose folders are folders of the disk."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def sources(self) -> list[tuple[int, str | None]]:
        """Sources in the table's order: row, and the stored text of their place where their folders
        are those of the disk."""
        rows = self._db.execute(
            "SELECT id, CASE kind WHEN 'folder' THEN RTRIM(locator, '/') END FROM sources "
            "ORDER BY id"
        )
        return [(int(row), None if place is None else str(place)) for row, place in rows]

    def of_source(self, source: int) -> Iterator[TextFolder]:
        """Folders of a source in the table's order; others may be noted meanwhile."""
        after, first = "", ">="
        while True:
            rows = self._db.execute(
                "SELECT f.path, t.sum FROM folders f LEFT JOIN text_folders t ON t.folder = f.id "
                f"WHERE f.source = ? AND f.path {first} ? ORDER BY f.path LIMIT {_PAGE}",
                (source, after),
            ).fetchall()
            yield from (TextFolder(*row) for row in rows)
            if len(rows) < _PAGE:
                return
            after, first = str(rows[-1][0]), ">"

    def note(self, sums: Iterable[tuple[str, bytes]]) -> None:
        """Note the sums of folders, by stored texts of their places; one that is in several sources
        may be written again by the other one, and is not noted."""
        places = [(row, place) for row, place in self.sources() if place is not None]
        for folder, total in sums:
            rows = [row for row in (self._row(*each, folder) for each in places) if row]
            if len(rows) == 1:
                self._db.execute(
                    "INSERT INTO text_folders VALUES (?, ?) "
                    "ON CONFLICT (folder) DO UPDATE SET sum = excluded.sum",
                    (rows[0], total),
                )

    def _row(self, source: int, place: str, folder: str) -> int:
        """Row of the folder at this place in a source, 0 for none."""
        if folder != place and not folder.startswith(f"{place}/"):
            return 0
        return self._db.number(
            "SELECT id FROM folders WHERE source = ? AND path = ?",
            (source, folder[len(place) + 1 :]),
        )

    def forget(self) -> None:
        """Let all texts be looked at."""
        self._db.execute("DELETE FROM text_folders")

    def forget_changed(self, changed: ChangedRows, edited: Sequence[bytes] | None) -> None:
        """Let texts be looked at where rows have changed since the table was written.

        Args:
            edited: pictures about which people decided since, None for any.
        """
        if not self._db.number("SELECT EXISTS (SELECT 1 FROM text_folders)"):
            return
        if edited is None or not changed.are_known():
            self.forget()
            return
        folders = {(folder,) for folder in changed.folders(edited)}
        self._db.executemany("DELETE FROM text_folders WHERE folder = ?", [*folders])
