"""export: the whole ledger as one Parquet table, one row an image, and the list of rejects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.table import Cells, columns, field_kinds
from pipeline.core.words import counted
from pipeline.errors import BooksError
from pipeline.failpoints import reached
from pipeline.ledger import Ledger
from pipeline.ledger.rows import COLUMNS
from pipeline.sinks.base import Sink, WrittenTable

STALE = "table_stale"
WRITTEN = "table_written"


def export(ledger: Ledger, sink: Sink, path: Path, *, force: bool = False) -> WrittenTable | None:
    """Make the table anew when anything has changed since; None when it is up to date.

    Raises:
        StorageError: it cannot be written; the old table is as it was.
        BooksError: it would have fewer rows than before: rows never vanish.
    """
    if not force and path.exists() and ledger.get(STALE) is None:
        return None
    with ledger.database.transaction("representatives"):
        ledger.works.elect_representatives()
    kinds = field_kinds(ledger.works.schemas())
    cells = Cells(tuple(COLUMNS), columns(kinds, ledger.rows.manifest_columns()))
    before = json.loads(ledger.get(WRITTEN) or "{}")
    count = ledger.rows.all_images()
    if count < before.get("rows", 0):
        raise BooksError(
            f"the table had {counted(before['rows'], 'row')}, the ledger now has "
            f"{counted(count, 'image')}: run "
            "'captionmill verify'; the old table is as it was"
        )
    written = sink.write(ledger.rows.table(), cells, _metadata(ledger))
    reached("export.written")
    with ledger.database.transaction("exported"):
        ledger.put(WRITTEN, json.dumps({"rows": written.rows, "sha256": written.sha256}))
        ledger.put(STALE, None)
    return written


def _metadata(ledger: Ledger) -> Mapping[str, str]:
    return {"captionmill.workspace": ledger.workspace_id()}
