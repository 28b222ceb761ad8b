"""Files of images that are present, with their captions or with what they were when read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pipeline.core.stored_address import is_file
from pipeline.core.url_image import is_address
from pipeline.ledger.database import Database
from pipeline.ledger.places import file_path

_CAPTIONS = f"""
SELECT {file_path("s", "f", "i")},
       CASE WHEN i.reject_code IS NULL AND w.outcome = 'captioned' THEN a.caption END,
       o.source_id, i.columns FROM images i
JOIN folders f ON f.id = i.folder JOIN sources s ON s.id = f.source
LEFT JOIN originals o ON o.id = i.original
LEFT JOIN works w ON w.id = i.work LEFT JOIN answers a ON a.id = w.answer
WHERE i.present = 1
ORDER BY s.id, f.path, i.name, i.occurrence
"""

_ORIGINALS = f"""
SELECT {file_path("s", "f", "i")}, o.source_id FROM images i
JOIN folders f ON f.id = i.folder JOIN sources s ON s.id = f.source
JOIN originals o ON o.id = i.original
WHERE i.present = 1 AND i.todo = 0
ORDER BY s.id, f.path, i.name, i.occurrence
"""


class Captions:
    """Read-only view. What was sent as an address is no file."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def file_captions(
        self,
    ) -> Iterator[tuple[str, str | None, bytes | None, Mapping[str, str]]]:
        """(stored text of the file's path, caption of the service, source_id, manifest columns) of
        each image, duplicates too."""
        for path, caption, source_id, columns in self._db.execute(_CAPTIONS):
            if path and is_file(str(path)):
                yield str(path), caption, source_id, json.loads(columns) if columns else {}

    def originals(self) -> Iterator[tuple[str, bytes]]:
        """(stored text of the file's path or of the address that it is stored at, SHA-256 of its
        bytes when it was last read) of each image whose row is about those bytes."""
        for path, source_id in self._db.execute(_ORIGINALS):
            if path and not is_address(str(path)):
                yield str(path), source_id
