"""Files of images that are present, with their captions or with what they were when read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pipeline.core.stored_address import is_file
from pipeline.core.url_image import is_address
from pipeline.ledger.database import Database
from pipeline.ledger.places import file_path
from pipeline.ledger.table_stretch import IN_ORDER, ORDER, Part

# nested in the order of the table, so that nothing has to be sorted
_CAPTIONS = f"""
SELECT {file_path("s", "f", "i")},
       CASE WHEN i.reject_code IS NULL AND w.outcome = 'captioned' THEN a.caption END,
       o.source_id, i.columns {IN_ORDER}
LEFT JOIN originals o ON o.id = i.original
LEFT JOIN works w ON w.id = i.work LEFT JOIN answers a ON a.id = w.answer
"""

_ORIGINALS = f"""
SELECT {file_path("s", "f", "i")}, o.source_id {IN_ORDER}
CROSS JOIN originals o ON o.id = i.original
WHERE i.present = 1 AND i.todo = 0 {ORDER}
"""


class Captions:
    """Read-only view. What was sent as an address is no file."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def file_captions(
        self, part: Part
    ) -> Iterator[tuple[str, str | None, bytes | None, Mapping[str, str]]]:
        """(stored text of the file's path, caption of the service, source_id, manifest columns) of
        each image of a part of the table, duplicates too."""
        sql = f"{_CAPTIONS} {part.where} AND i.present = 1 {ORDER}"
        for path, caption, source_id, columns in self._db.execute(sql, part.values):
            if path and is_file(str(path)):
                yield str(path), caption, source_id, json.loads(columns) if columns else {}

    def originals(self) -> Iterator[tuple[str, bytes]]:
        """(stored text of the file's path or of the address that it is stored at, SHA-256 of its
        bytes when it was last read) of each image whose row is about those bytes."""
        for path, source_id in self._db.execute(_ORIGINALS):
            if path and not is_address(str(path)):
                yield str(path), source_id
