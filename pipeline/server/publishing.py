"""End of a batch: its output and error files, in another order than the lines were sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from pipeline.server.batch_store import BatchStore, fault_of
from pipeline.server.clock import ServerClock
from pipeline.server.database import ServerDatabase
from pipeline.server.fault_rules import BatchFault
from pipeline.server.file_store import FileStore
from pipeline.server.ids import IdGenerator
from pipeline.server.lines import CANCELLED, EXPIRED, contradicting, not_run, renamed
from pipeline.server.validation import lines_from


class Publisher:
    """Writes the files of batches that end, and applies their planned faults."""

    def __init__(
        self,
        database: ServerDatabase,
        batches: BatchStore,
        files: FileStore,
        ids: IdGenerator,
        clock: ServerClock,
    ) -> None:
        self._database = database
        self._batches = batches
        self._files = files
        self._ids = ids
        self._clock = clock

    def publish(self, row: sqlite3.Row, status: str) -> None:
        """End a batch as `status` (completed, expired or cancelled).

        The files' rows and the batch's end are one transaction; the stored lines go with it.
        """
        fault = fault_of(row)
        outputs = iter(()) if fault.no_output else self._outputs(row, fault)
        output = self._files.write_part(outputs)
        keep_empty = self._files.compat.empty_error_file
        error = self._files.write_part(self._errors(row, status), even_empty=keep_empty)
        with self._database.transaction():
            if self._batches.row(row["seq"])["status"] == row["status"]:
                self._end(row, status, output, error)
        for part in (output, error):
            if part is not None:
                part.unlink(missing_ok=True)  # still there when a cancel came in between
        self._files.drop_unused(row["input_file_id"])

    def _end(self, row: sqlite3.Row, status: str, output: Path | None, error: Path | None) -> None:
        columns: dict[str, object] = {
            "status": status,
            f"{status}_at": self._clock.now(),
            "output_file_id": self._adopt(output, row, "output"),
            "error_file_id": self._adopt(error, row, "error"),
            "enqueued_tokens": 0,
        }
        self._batches.update(row["seq"], **columns)
        self._batches.drop_results(row["seq"])

    def _adopt(self, part: Path | None, row: sqlite3.Row, kind: str) -> str | None:
        if part is None:
            return None
        return self._files.adopt(
            part,
            filename=f"{row['id']}_{kind}.jsonl",
            purpose="batch_output",
            lives=row["output_expires_after"],
        ).id

    def _outputs(self, row: sqlite3.Row, fault: BatchFault) -> Iterator[bytes]:
        """Output file's lines: shuffled, with the planned ones missing, doubled, alien."""
        seq = row["seq"]
        order = self._ordered(seq, self._batches.result_lines(seq, failed=False), fault)
        for place, line in enumerate(order[fault.missing :]):
            text = self._batches.result_text(seq, line)
            yield text
            if place < fault.duplicated:
                yield contradicting(text) if fault.conflicting else text
            if place < fault.alien:
                yield renamed(text, f"alien-{self._ids.token('alien', f'{seq}.{line}', 12)}")

    def _errors(self, row: sqlite3.Row, status: str) -> Iterator[bytes]:
        """Error file's lines: failed ones, then those that never ran."""
        seq = row["seq"]
        failed = self._batches.result_lines(seq, failed=True)
        for line in self._ordered(seq, failed, fault_of(row)):
            yield self._batches.result_text(seq, line)
        if status == "completed" or row["in_progress_at"] is None:
            return
        why = EXPIRED if status == "expired" else CANCELLED
        path = self._files.path(row["input_file_id"])
        for number, (_, raw) in enumerate(lines_from(path, row["position"]), start=row["done"]):
            yield not_run(raw, self._ids.token("answer", f"{seq}.{number}"), why)

    def _ordered(self, seq: int, lines: list[int], fault: BatchFault) -> list[int]:
        if fault.in_order:
            return lines
        return sorted(lines, key=lambda line: self._ids.rank(seq, line))
