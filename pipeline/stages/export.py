"""Export of the ledger as the table of captions, a row an image, and the table of charges."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.core.charges import COLUMNS as CHARGED
from pipeline.core.table import Affixes, Cells, Row, columns, field_kinds
from pipeline.core.words import counted
from pipeline.errors import BooksError
from pipeline.ledger import Ledger, charges
from pipeline.ledger.rows import COLUMNS
from pipeline.review.edits import Edits
from pipeline.review.in_force import reviewed_rows
from pipeline.sinks.base import Sink, WrittenTable
from pipeline.system.failpoints import reached
from pipeline.system.files import checksum_of

STALE = "table_stale"
COUNTED = "outcomes:"  # facts that hold for this table only
BESIDE = "sidecars"
WRITTEN = "table_written"
AFFIXED = "table_dressed"
REVIEWED = "table_reviewed"


def write_table(
    ledger: Ledger,
    sink: Sink,
    path: Path,
    *,
    force: bool = False,
    affixes: Affixes | None = None,
    edits: Edits | None = None,
    with_it: Callable[[], object] = lambda: None,
) -> WrittenTable | None:
    """Make the table anew when anything has changed since; None when it is up to date.

    `affixes` is put around each caption, `edits` are what people decided; `with_it` writes what
    goes with the table.

    Raises:
        StorageError: it cannot be written; the old table is as it was.
        BooksError: it would have fewer rows than before: rows never vanish.
    """
    affixes = affixes or Affixes()
    last_step = edits.last_step() if edits else 0
    if not force and _up_to_date(ledger, affixes, last_step) and _is_intact(ledger, path):
        return None
    _elect(ledger)
    kinds = field_kinds(ledger.specs.schemas())
    cells = Cells(tuple(COLUMNS), columns(kinds, ledger.rows.manifest_columns()), affixes)
    _refuse_fewer_rows(ledger)
    pages: Iterable[Sequence[Row]] = ledger.rows.table()
    if edits is not None:
        pages = reviewed_rows(pages, tuple(COLUMNS), edits)
    written = sink.write(pages, cells, _metadata(ledger))
    with_it()
    reached("export.written")
    with ledger.database.transaction("exported"):
        about = {"rows": written.rows, "sha256": written.sha256, "xxh3": checksum_of(path).hex()}
        ledger.put(WRITTEN, json.dumps(about))
        ledger.put(STALE, None)
        # what follows from the table is made anew, also after a kill right here
        ledger.forget(COUNTED)
        ledger.put(BESIDE, None)
        ledger.put(AFFIXED, affixes.to_text() or None)
        ledger.put(REVIEWED, str(last_step) if last_step else None)
    return written


def _up_to_date(ledger: Ledger, affixes: Affixes, last_step: int) -> bool:
    return (
        ledger.get(STALE) is None
        and (ledger.get(AFFIXED) or "") == affixes.to_text()
        and table_step(ledger) == last_step
    )


def _is_intact(ledger: Ledger, path: Path) -> bool:
    """Tell whether the table is there as it was written; XXH3 reads it as quickly as the disk."""
    expected = json.loads(ledger.get(WRITTEN) or "{}").get("xxh3")
    try:
        return path.exists() and expected in (None, checksum_of(path).hex())
    except OSError:
        return False


def _refuse_fewer_rows(ledger: Ledger) -> None:
    before = json.loads(ledger.get(WRITTEN) or "{}")
    count = ledger.rows.all_images()
    if count < before.get("rows", 0):
        raise BooksError(
            f"the table had {counted(before['rows'], 'row')}, the ledger now has "
            f"{counted(count, 'image')}: run "
            "'captionmill verify'; the old table is as it was"
        )


def table_step(ledger: Ledger) -> int:
    """Last step of people that the table holds, 0 for none."""
    return int(ledger.get(REVIEWED) or 0)


def write_charges(ledger: Ledger, sink: Sink) -> WrittenTable:
    """Write all that was ever charged, one row an answer; see `core.charges`.

    Raises:
        StorageError: it cannot be written.
    """
    _elect(ledger)
    rows = charges.Charges(ledger.database).table()
    return sink.write(rows, Cells(charges.COLUMNS, CHARGED), _metadata(ledger))


def _elect(ledger: Ledger) -> None:
    with ledger.database.transaction("representatives"):
        ledger.works.elect_representatives()


def _metadata(ledger: Ledger) -> Mapping[str, str]:
    return {"captionmill.workspace": ledger.workspace_id()}
