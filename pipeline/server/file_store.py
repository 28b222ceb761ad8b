"""Uploaded and produced files: a row in the database and the bytes beside it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.server.clock import ServerClock
from pipeline.server.database import ServerDatabase
from pipeline.server.fault_injector import FaultInjector
from pipeline.server.faults import Compat
from pipeline.server.ids import IdGenerator
from pipeline.server.refusals import missing


@dataclass(frozen=True, slots=True)
class FileRow:
    """File as the service knows it. Times are seconds of the server's clock."""

    seq: int
    id: str
    filename: str
    purpose: str
    bytes: int
    created_at: float
    expires_at: float | None
    visible_at: float


class FileStore:
    """Files of one server. Bytes are in place before the row that names them."""

    def __init__(
        self,
        folder: Path,
        database: ServerDatabase,
        clock: ServerClock,
        ids: IdGenerator,
        faults: FaultInjector,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._database = database
        self._clock = clock
        self._ids = ids
        self._faults = faults
        self._parts = 0
        self._sweep()

    def new_part(self) -> Path:
        """Path to write an upload to before it becomes a file."""
        self._parts += 1
        return self._folder / f"_upload-{self._parts}"

    def path(self, identifier: str) -> Path:
        """Place of a file's bytes."""
        return self._folder / _file_name(identifier)

    def adopt(
        self,
        part: Path,
        *,
        filename: str,
        purpose: str,
        lives: float | None = None,
        delay: float = 0.0,
    ) -> FileRow:
        """Make a written part a file. It lives `lives` seconds and exists `delay` seconds later.

        Joins the transaction that is open in this thread.
        """
        created = self._clock.now() + delay
        with self._database.transaction() as connection:
            number = 1 + int(self._database.value("SELECT coalesce(max(seq), 0) FROM files"))
            identifier = self._ids.identifier(
                "file", number, as_uuid=self.compat.uuid_ids, written=self.compat.file_ids
            )
            size = part.stat().st_size
            part.replace(self.path(identifier))
            expires = None if lives is None else created + lives
            row = FileRow(number, identifier, filename, purpose, size, created, expires, created)
            connection.execute(
                "INSERT INTO files (seq, id, filename, purpose, bytes, created_at, expires_at, "
                "visible_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (number, identifier, filename, purpose, size, created, expires, created),
            )
        return row

    def write_part(self, lines: Iterator[bytes], *, even_empty: bool = False) -> Path | None:
        """Write lines to a part, to be adopted; None when there are none. Streams."""
        first = next(lines, None)
        if first is None and not even_empty:
            return None
        part = self.new_part()
        with part.open("wb") as handle:
            for line in itertools.chain(() if first is None else (first,), lines):
                handle.write(line + b"\n")
        return part

    @property
    def compat(self) -> Compat:
        """Spellings of this server."""
        return self._faults.compat

    def get(self, identifier: str) -> FileRow:
        """File that exists now.

        Raises:
            Refused: 404.
        """
        rows = self._existing("AND id = ?", identifier)
        if not rows:
            raise missing("File", identifier)
        return rows[0]

    def all(self) -> list[FileRow]:
        """Files that exist now, newest first."""
        return self._existing("ORDER BY seq DESC")

    def _existing(self, rest: str, *values: object) -> list[FileRow]:
        now = self._clock.now()
        rows = self._database.read(
            "SELECT seq, id, filename, purpose, bytes, created_at, expires_at, visible_at "
            "FROM files WHERE NOT deleted AND visible_at <= ? "
            f"AND (expires_at IS NULL OR expires_at > ?) {rest}",
            (now, now, *values),
        )
        return [FileRow(*row) for row in rows]

    def delete(self, identifier: str) -> None:
        """Forget a file; its bytes go once no unfinished batch reads them.

        Raises:
            Refused: 404.
        """
        row = self.get(identifier)
        with self._database.transaction() as connection:
            connection.execute("UPDATE files SET deleted = 1 WHERE seq = ?", (row.seq,))
        self.drop_unused(identifier)

    def drop_unused(self, identifier: str) -> None:
        """Remove the bytes of a deleted or expired file that no unfinished batch reads."""
        needed = self._database.value(
            "SELECT 1 FROM files WHERE id = ? AND NOT deleted "
            "AND (expires_at IS NULL OR expires_at > ?) UNION ALL "
            "SELECT 1 FROM batches WHERE input_file_id = ? "
            "AND status IN ('validating', 'in_progress', 'finalizing', 'cancelling')",
            (identifier, self._clock.now(), identifier),
        )
        if not needed:
            with contextlib.suppress(FileNotFoundError):
                self.path(identifier).unlink()

    def _sweep(self) -> None:
        """Remove what a killed server left half done, and the bytes of files that are gone."""
        rows = self._database.read("SELECT id FROM files")
        known = {_file_name(row["id"]): row["id"] for row in rows}
        for path in self._folder.iterdir():
            if path.name in known:
                self.drop_unused(known[path.name])
            else:
                path.unlink()


def _file_name(identifier: str) -> str:
    """Name of a file's bytes: its id, where that can be one."""
    if identifier.isascii() and identifier.replace("-", "").isalnum() and len(identifier) < 100:
        return identifier
    return hashlib.sha256(identifier.encode()).hexdigest()
