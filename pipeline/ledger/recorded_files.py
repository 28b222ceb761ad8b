"""Files of a folder as they are recorded, so that a crawl writes only what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field

from pipeline.ledger.database import Database
from pipeline.ledger.upsert import upsert_values
from pipeline.records import SourceFile

LineOf = Callable[[str, int, int, int, int | None], str | None]
"""Text for a name, size, mtime_ns, inode and ctime_ns; None for a file that has none."""

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
        lines: row of each image whose line says all that a crawl would record of it.
        others: rows of the others.
    """

    lines: dict[str, int] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, database: Database, folder: int, line_of: LineOf) -> RecordedFiles:
        """Read the images of a folder."""
        lines: dict[str, int] = {}
        others: list[int] = []
        rows = database.execute(
            f"SELECT id, {_PLAIN}, name, size, mtime_ns, inode, ctime_ns FROM images "
            "WHERE folder = ? AND present = 1",
            (folder,),
        )
        for image, is_plain, name, size, mtime_ns, inode, ctime_ns in rows:
            line = line_of(name, size, mtime_ns, inode, ctime_ns) if is_plain else None
            if line is None:
                others.append(image)
            else:
                lines[line] = image
        return cls(lines, others)

    def rows(self) -> Iterator[int]:
        """Rows of the images whose lines were not removed, and of the others."""
        yield from self.lines.values()
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
