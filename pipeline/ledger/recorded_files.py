"""Files of a folder as they are recorded, so that a crawl writes only what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Sequence

from msgspec import Struct, field

from pipeline.ledger.database import Database
from pipeline.ledger.upsert import upsert_values
from pipeline.records import SourceFile

KeyOf = Callable[[str, int, int, int, int | None], Hashable | None]
"""Value for a name, size, mtime_ns, inode and ctime_ns; None for a file that has none."""

_RECORDED_AS_NOW = """
SELECT i.id, i.name, i.occurrence, i.size, i.mtime_ns, i.inode, i.ctime_ns, i.location, i.columns,
    i.flags, i.existing_text, i.existing_in, i.stamp
FROM json_each(?) j CROSS JOIN images i ON i.folder = ? AND i.name = j.value
WHERE i.present = 1 AND NOT (i.original IS NULL AND i.reject_code IS NOT NULL AND i.todo = 0)
"""

# what the statement that records a file would leave as it is, if size and times are the same
_PLAIN = (
    "occurrence = 0 AND location IS NULL AND columns IS NULL AND flags IS NULL AND stamp IS NULL "
    "AND existing_text IS NULL AND existing_in IS NULL "
    "AND NOT (original IS NULL AND reject_code IS NOT NULL AND todo = 0)"
)


class RecordedFiles(Struct, frozen=True):
    """Present images of a folder.

    Attributes:
        by_key: row of each image whose key says all that a crawl would record of it.
        others: rows of the others.
    """

    by_key: dict[Hashable, int] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, database: Database, folder: int, key_of: KeyOf) -> RecordedFiles:
        """Read the images of a folder."""
        by_key: dict[Hashable, int] = {}
        others: list[int] = []
        rows = database.execute(
            f"SELECT id, {_PLAIN}, name, size, mtime_ns, inode, ctime_ns FROM images "
            "WHERE folder = ? AND present = 1",
            (folder,),
        )
        for image, is_plain, name, size, mtime_ns, inode, ctime_ns in rows:
            key = key_of(name, size, mtime_ns, inode, ctime_ns) if is_plain else None
            if key is None:
                others.append(image)
            else:
                by_key[key] = image
        return cls(by_key, others)

    def rows(self) -> Iterator[int]:
        """Rows of the images whose keys were not removed, and of the others."""
        yield from self.by_key.values()
        yield from self.others


def split_recorded(
    database: Database, folder: int, files: Sequence[SourceFile]
) -> tuple[list[SourceFile], list[int]]:
    """Files of a folder that differ from what is recorded, and the rows of the others."""
    names = json.dumps(sorted({file.name for file in files}))
    rows = {row[1:]: row[0] for row in database.execute(_RECORDED_AS_NOW, (names, folder))}
    changed: list[SourceFile] = []
    same: list[int] = []
    for file in files:
        values = upsert_values(folder, file, 0, 0)
        image = None if file.problem else rows.get((*values[1:9], *values[11:15]))
        if image is None:
            changed.append(file)
        else:
            same.append(image)
    return changed, same
