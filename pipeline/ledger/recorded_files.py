"""Files of a folder as they are recorded, so that a crawl writes only what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipeline.ledger.database import Database

LineOf = Callable[[str, int, int, int, int | None], str | None]
"""Text for a name, size, mtime_ns, inode and ctime_ns; None for a file that has none."""

# what the statement that records a file would leave as it is, if size and times are the same
_PLAIN = (
    "occurrence = 0 AND location IS NULL AND columns IS NULL AND flags IS NULL AND stamp IS NULL "
    "AND existing_text IS NULL AND existing_in IS NULL "
    "AND NOT (original IS NULL AND reject_code IS NOT NULL AND todo = 0)"
)


@dataclass(frozen=True, slots=True)
class RecordedFiles:
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
