"""List of what could not be captioned and why, as a CSV safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.core.cells import Cells
from pipeline.core.formulas import defused
from pipeline.core.table import Row
from pipeline.sinks.base import WrittenTable
from pipeline.system.files import sha256_of, whole_file


class RejectsSink:
    """CSV at `path`, UTF-8; see `sinks.base.Sink`.

    What a spreadsheet would run as a formula gets an apostrophe in front, whatever delimiter and
    quotes it expects.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(
        self, pages: Iterable[Sequence[Row]], cells: Cells, metadata: Mapping[str, str]
    ) -> WrittenTable:
        """See Sink. A CSV has no place for `metadata`."""
        del metadata
        count = 0
        with whole_file(self.path) as handle:
            handle.write(_line([column.name for column in cells.columns]))
            for page in pages:
                for row in zip(*cells.of(page), strict=True):
                    handle.write(_line([defused(str(cell)) for cell in row]))
                count += len(page)
            handle.flush()
            temporary = Path(handle.name)
            digest, size = sha256_of(temporary).hex(), temporary.stat().st_size
        return WrittenTable(count, digest, size, self.path)


def _line(row: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().encode("utf-8", "replace")
