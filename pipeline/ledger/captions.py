"""Captions of files that are present, with where the files are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pipeline.core.url_image import is_address
from pipeline.ledger.database import Database

_CAPTIONS = """
SELECT s.kind, s.locator, f.path, i.name, i.location,
       CASE WHEN i.reject_code IS NULL AND w.outcome = 'captioned' THEN a.caption END,
       o.source_id, i.columns FROM images i
JOIN folders f ON f.id = i.folder JOIN sources s ON s.id = f.source
LEFT JOIN originals o ON o.id = i.original
LEFT JOIN works w ON w.id = i.work LEFT JOIN answers a ON a.id = w.answer
WHERE i.present = 1
ORDER BY s.id, f.path, i.name, i.occurrence
"""


class Captions:
    """Read-only view."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of_files(
        self,
    ) -> Iterator[tuple[str, str | None, bytes | None, Mapping[str, str]]]:
        """(stored text of the file's path, caption of the service, source_id, manifest columns) of
        each image, duplicates too.

        What was sent as an address is no file.
        """
        rows = self._db.execute(_CAPTIONS)
        for kind, locator, folder, name, location, caption, source_id, columns in rows:
            path = file_of(kind, locator, folder, name, location)
            if path is not None:
                yield path, caption, source_id, json.loads(columns) if columns else {}


def file_of(kind: str, locator: str, folder: str, name: str, location: str | None) -> str | None:
    """Stored text of the path of an image's file; None for what was sent as an address."""
    if location:
        return None if is_address(str(location)) else str(location)
    if kind == "file":
        return str(locator)
    if kind == "folder":
        return "/".join(part for part in (locator, folder, name) if part)
    return None
