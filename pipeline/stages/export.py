"""Export of the ledger as the table of captions, a row an image."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from pipeline.core.cells import Cells
from pipeline.core.further_columns import columns, field_kinds, with_other_names, without_locations
from pipeline.core.rejects import COLUMNS as REJECTED
from pipeline.core.table import Column, Row
from pipeline.core.table_form import TableForm
from pipeline.core.words import counted
from pipeline.errors import BooksError
from pipeline.ledger import Ledger
from pipeline.ledger.page_cache import small_cache
from pipeline.ledger.rows import COLUMNS
from pipeline.ledger.table_stretch import Part
from pipeline.sinks.base import RecordedTable, Sink, WrittenTable
from pipeline.stages.changed_table import ReviewedRows, edited_sources, note_groups, write_changes
from pipeline.stages.charges_table import keep_changes
from pipeline.stages.table_facts import (
    COUNTED,
    REVIEWED,
    REVIEWED_AS,
    STALE,
    elect,
    is_as_written,
    table_metadata,
    table_step,
)
from pipeline.system.failpoints import reached
from pipeline.system.files import checksum_of

BESIDE = "sidecars"
WRITTEN = "table_written"
ANNOUNCED = "table_announced"  # what takes its place next, or has, when the process was killed then
FORMED = "table_dressed"
_RENAMED = "columns_renamed"
_PAGE = 1000  # rejected images


def write_table(
    ledger: Ledger,
    sink: Sink,
    path: Path,
    *,
    force: bool = False,
    form: TableForm | None = None,
    review: ReviewedRows | None = None,
    with_it: Callable[[], object] = lambda: None,
) -> WrittenTable | None:
    """Make the table anew when anything has changed since; None when it is up to date.

    `review` puts in what people decided; `with_it` writes what goes with the table.

    Raises:
        StorageError: it cannot be written; the old table is as it was.
        BooksError: it would have fewer rows than before: rows never vanish.
    """
    form = form or TableForm()
    last_step, last_mark = _last_step(review)
    is_current = not force and _up_to_date(ledger, form, last_step, last_mark)
    is_intact = _is_intact(ledger, path)
    if is_current and is_intact:
        return None
    is_known = is_intact and not (force or is_current) and ledger.changed_rows.are_known()
    is_changed = elect(ledger, touched=is_known) > 0 or ledger.get(STALE) is not None
    _refuse_fewer_rows(ledger)
    cells = table_cells(ledger, form)
    if isinstance(sink, RecordedTable):
        sink.announce = partial(_note_announced, ledger)
        sink.earlier = path if is_intact else None
    written = _write(ledger, sink, cells, review, is_known=is_known)
    with_it()
    reached("export.written")
    with ledger.database.transaction("exported"):
        _note_written(ledger, path, written)
        # what follows from the table is made anew, also after a kill right here; the same rows
        # written once more have the same counts
        if is_changed:
            ledger.forget(COUNTED)
        ledger.put(BESIDE, None)
        ledger.text_folders.forget_changed(ledger.changed_rows, edited_sources(ledger, review))
        _note_shown(ledger, form, last_step, last_mark)
        note_groups(ledger, written, cells)
    return written


def _note_announced(ledger: Ledger, written: WrittenTable) -> None:
    """Note a table that is about to take its place: a kill may come before it is on record."""
    with ledger.database.transaction("announced"):
        ledger.put(ANNOUNCED, json.dumps({"rows": written.rows, "sha256": written.sha256}))


def _note_written(ledger: Ledger, path: Path, written: WrittenTable) -> None:
    about = {"rows": written.rows, "sha256": written.sha256, "xxh3": checksum_of(path).hex()}
    ledger.put(WRITTEN, json.dumps(about))
    ledger.put(ANNOUNCED, None)
    ledger.put(STALE, None)
    keep_changes(ledger)


def _write(
    ledger: Ledger,
    sink: Sink,
    cells: Cells,
    review: ReviewedRows | None,
    source: int | None = None,
    *,
    is_known: bool,
) -> WrittenTable:
    """Write what has changed, where that is known, or all rows, or those of a source."""
    metadata = table_metadata(ledger)
    with small_cache(ledger.database):
        written = write_changes(ledger, sink, cells, metadata, review) if is_known else None
        return written or sink.write(table_pages(ledger, review, source), cells, metadata)


def _last_step(review: ReviewedRows | None) -> tuple[int, str | None]:
    """Number of the last step of people, 0 for none, and its checksum."""
    step = review.last_step() if review else 0
    return step, review.step_mark(step) if review else None


def _note_shown(ledger: Ledger, form: TableForm, last_step: int, last_mark: str | None) -> None:
    ledger.put(FORMED, form.to_text())
    ledger.put(REVIEWED, str(last_step) if last_step else None)
    ledger.put(REVIEWED_AS, last_mark)


def _up_to_date(ledger: Ledger, form: TableForm, last_step: int, last_mark: str | None) -> bool:
    return (
        ledger.get(STALE) is None
        and ledger.get(FORMED) == form.to_text()
        and table_step(ledger) == last_step
        # earlier versions did not note it
        and ledger.get(REVIEWED_AS) in (None, last_mark)
    )


def _is_intact(ledger: Ledger, path: Path) -> bool:
    return is_as_written(path, json.loads(ledger.get(WRITTEN) or "{}").get("xxh3"))


def _refuse_fewer_rows(ledger: Ledger) -> None:
    before = json.loads(ledger.get(WRITTEN) or "{}")
    count = ledger.rows.all_images()
    if count < before.get("least", before.get("rows", 0)):
        raise BooksError(
            f"the table had {counted(before['rows'], 'row')}, the ledger now has "
            f"{counted(count, 'image')}: run "
            "'captionmill verify'; the old table is as it was"
        )


def write_copy(
    ledger: Ledger,
    sink: Sink,
    form: TableForm,
    table: Path,
    *,
    source: int | None = None,
    review: ReviewedRows | None = None,
) -> WrittenTable:
    """Write the rows of a source, or all, as a table of their own; the workspace's, at `table`,
    stays as it is, and gives its parts where it is as it was written.

    Raises:
        StorageError: it cannot be written.
    """
    is_intact = _is_intact(ledger, table)
    is_known = is_intact and ledger.changed_rows.are_known()
    elect(ledger, touched=is_known)
    if isinstance(sink, RecordedTable):
        sink.earlier = table if is_intact else None
    cells, is_known = table_cells(ledger, form), is_known and source is None
    return _write(ledger, sink, cells, review, source, is_known=is_known)


def renamed_columns(ledger: Ledger) -> list[str]:
    """Sentences about columns whose name is taken by a documented one; each is given once."""
    noted = set(json.loads(ledger.get(_RENAMED) or "[]"))
    sentences = {
        column.description: f"{column.description} is {column.name!r} in the table, where its "
        "name is another column's"
        for column in with_other_names(_columns(ledger))
    }
    if sentences.keys() - noted:
        ledger.put(_RENAMED, json.dumps(sorted(sentences.keys() | noted)))
    return [text for name, text in sentences.items() if name not in noted]


def _columns(ledger: Ledger) -> tuple[Column, ...]:
    return columns(field_kinds(ledger.specs.schemas()), ledger.rows.manifest_columns())


def table_cells(ledger: Ledger, form: TableForm) -> Cells:
    """Columns of the table, and how its rows become their cells."""
    chosen = _columns(ledger) if form.locations else without_locations(_columns(ledger))
    return Cells(tuple(COLUMNS), chosen, form.affixes, facts=ledger.specs.facts())


def table_pages(
    ledger: Ledger,
    review: ReviewedRows | None,
    source: int | None = None,
    *,
    part: Part | None = None,
) -> Iterable[Sequence[Row]]:
    """Rows of the table in its order, of one source, a part or all, with what people decided."""
    pages = ledger.rows.table(source=source, part=part)
    return pages if review is None else review.rows(pages, tuple(COLUMNS))


def write_rejects(ledger: Ledger, sink: Sink) -> WrittenTable:
    """Write the images that have no caption for good, and why; see `core.rejects`.

    Raises:
        StorageError: it cannot be written; the old list is as it was.
    """
    cells = Cells([column.name for column in REJECTED], REJECTED)
    rows = ledger.rows.rejects()
    return sink.write(iter(lambda: list(islice(rows, _PAGE)), []), cells, {})
