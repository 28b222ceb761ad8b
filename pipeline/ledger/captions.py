"""Captions of files that are present, with where the files are."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.core.url_image import is_address
from pipeline.ledger.database import Database

_CAPTIONS = """
SELECT s.kind, s.locator, f.path, i.name, i.location, a.caption FROM images i
JOIN folders f ON f.id = i.folder JOIN sources s ON s.id = f.source
JOIN works w ON w.id = i.work JOIN answers a ON a.id = w.answer
WHERE i.present = 1 AND i.reject_code IS NULL AND w.outcome = 'captioned'
ORDER BY s.id, f.path, i.name, i.occurrence
"""


class Captions:
    """Read-only view."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of_files(self) -> Iterator[tuple[str, str]]:
        """(stored text of the file's path, caption) of each captioned image, duplicates too.

        What was sent as an address is no file.
        """
        for kind, locator, folder, name, location, caption in self._db.execute(_CAPTIONS):
            if location and is_address(str(location)):
                continue
            if location:
                yield str(location), str(caption)
            elif kind == "file":
                yield str(locator), str(caption)
            elif kind == "folder":
                yield "/".join(part for part in (locator, folder, name) if part), str(caption)
