"""Checksums of entries of the record of edits: what changed since it was written is not believed.

A person may take such entries as they are now; that is recorded beside them, and holds for what
they say now. Entries of earlier versions have no checksum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from xxhash import xxh3_128

from pipeline.errors import BooksError
from pipeline.review.record_file import RecordFile

STEP_CELLS = ("id", "at", "reviewer", "note", "label", "undoes")
JUDGEMENT_CELLS = ("id", "step", "source_id", "selector", "action", "model_caption", "before",
                   "before_is_model", "caption", "fields", "work_key", "attempts")  # fmt: skip
_CELLS = {"steps": STEP_CELLS, "judgements": JUDGEMENT_CELLS}


def entry_checksum(cells: Sequence[object]) -> bytes:
    """Checksum of an entry's cells, in the order of STEP_CELLS or JUDGEMENT_CELLS: 16 bytes."""
    return xxh3_128(repr(tuple(cells)).encode("utf-8", "surrogatepass")).digest()


class DamagedEntry(Struct, frozen=True):
    """Row of `table` that is not what was written; `checksum` of what it says now."""

    table: str
    id: int
    checksum: bytes

    @property
    def words(self) -> str:
        """Name it for a person."""
        return f"{'step' if self.table == 'steps' else 'decision'} {self.id}"


class EntryChecksums:
    """Checksums of one file; entries are checked when they are read."""

    def __init__(self, file: RecordFile) -> None:
        self._file = file
        self._checked_to = 0  # steps
        self._accepted: frozenset[tuple[str, int, bytes]] | None = None

    def require_steps(self, last: int) -> None:
        """Check the steps up to `last` that were not checked yet.

        Raises:
            BooksError: one has changed since it was written.
        """
        if last > self._checked_to:
            for damaged in self._damaged_in("steps", self._checked_to):
                raise self._error(damaged)
            self._checked_to = last

    def require_judgement(self, cells: Sequence[Any], checksum: bytes | None) -> None:
        """Check a row of judgements.

        Raises:
            BooksError: it has changed since it was written.
        """
        damaged = self._damage("judgements", cells, checksum)
        if damaged is not None:
            raise self._error(damaged)

    def damaged(self) -> list[DamagedEntry]:
        """Entries that changed since they were written."""
        return [one for table in _CELLS for one in self._damaged_in(table, 0)]

    def accept(self) -> int:
        """Take damaged entries as they are now; gives how many."""
        damaged = self.damaged()
        if damaged:
            rows = [(one.table, one.id, one.checksum) for one in damaged]
            with self._file.transaction() as connection:
                connection.executemany("INSERT INTO accepted VALUES (?, ?, ?)", rows)
            self._accepted = None
        return len(damaged)

    def advice(self, damaged: Sequence[DamagedEntry]) -> str:
        """Say what changed and what to do."""
        names = ", ".join(one.words for one in damaged[:3])
        more = f" and {len(damaged) - 3:,} more" if len(damaged) > 3 else ""
        return (
            f"{self._file.path}: {names}{more} changed since it was written: restore the file from "
            "a copy, it is the only place of what people decided; without a copy 'captionmill "
            "resolve review' takes it as it is now"
        )

    def _error(self, damaged: DamagedEntry) -> BooksError:
        return BooksError(self.advice([damaged]))

    def _damaged_in(self, table: str, after: int) -> Iterator[DamagedEntry]:
        cells = ", ".join(_CELLS[table])
        sql = f"SELECT {cells}, checksum FROM {table} WHERE id > ? ORDER BY id"
        if self._file.has_checksums():
            for *row, checksum in self._file.rows(sql, (after,)):
                damaged = self._damage(table, row, checksum)
                if damaged is not None:
                    yield damaged

    def _damage(
        self, table: str, cells: Sequence[Any], checksum: bytes | None
    ) -> DamagedEntry | None:
        if checksum is None or (computed := entry_checksum(cells)) == checksum:
            return None
        damaged = DamagedEntry(table, cells[0], computed)
        if (table, damaged.id, computed) in self._accepted_entries():
            return None
        return damaged

    def _accepted_entries(self) -> frozenset[tuple[str, int, bytes]]:
        if self._accepted is None:
            rows = self._file.rows("SELECT of_table, entry, checksum FROM accepted")
            self._accepted = frozenset((str(table), int(n), sum_) for table, n, sum_ in rows)
        return self._accepted
