"""Export of captions as XMP sidecars: `captionmill export --to xmp TARGET`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.errors import UsageError
from pipeline.session.export_rows import TableRows
from pipeline.sinks.exiftool import texts_of
from pipeline.sinks.text_files import safe_stem
from pipeline.sinks.xmp_sidecars import XmpRow, XmpSidecars
from pipeline.sources import to_path
from pipeline.stages.export_to import Exported, Selection
from pipeline.stages.pictures import original_problem

Row = Mapping[str, Any]

FIELDS = ("description", "subject", "alt")
"""Names that `--fields` may give to columns."""

_PAGE = 200
_KEYWORDS = ("keywords", "tags", "subject")
_ALT = ("alt_text", "alt")


def xmp_fields(rows: TableRows, text: str | None) -> dict[str, str]:
    """Fields of the sidecars: what a person named, else the caption, keywords and an alternative
    text where the table has such columns.

    Raises:
        UsageError: another name, or a column that there is not.
    """
    if text is not None:
        fields = rows.fields(text, "description")
        if unknown := fields.keys() - set(FIELDS):
            names = ", ".join(f"{name}=COLUMN" for name in FIELDS)
            raise UsageError(f"--fields {min(unknown)}: sidecars of XMP have {names}")
        return fields
    own = [column.name for column in rows.columns if column.key is not None]
    fields = {"description": "caption", "alt": next(filter(own.__contains__, _ALT), "caption")}
    keywords = next(filter(own.__contains__, _KEYWORDS), None)
    return {**fields, "subject": keywords} if keywords else fields


def export_xmp(
    target: Path,
    rows: TableRows,
    selection: Selection,
    max_bytes: int,
    *,
    adobe_names: bool,
    replaces: bool,
    progress: Callable[[int], None],
) -> Exported:
    """Write the sidecars of the selected rows below `target`, by their paths in their source.

    Raises:
        UsageError: rows of several sources are selected.
    """
    ledger, affixes = rows.session.ledger, rows.session.settings.output.form.affixes
    done = Exported()
    sidecars = XmpSidecars(
        lambda source_id, text: ledger.existing_texts.is_ours(source_id, text, affixes),
        adobe_names,
        replaces,
    )
    chosen = _of_one_source(row for row in rows() if selection.takes(row))
    problem_of = partial(
        original_problem, max_bytes=max_bytes, originals=rows.session.settings.open_original()
    )
    checked = _unchanged(chosen, problem_of, done, progress)
    written = sidecars.write(_noted(rows, _rows(checked, selection, target)))
    done.counts, failed = written.counts, written.counts["failed"]
    done.problems += written.problems
    done.rows = written.counts.total() - failed - written.counts["kept"]
    done.failed = failed
    return done


def _of_one_source(rows: Iterable[Row]) -> Iterator[Row]:
    first: str | None = None
    for row in rows:
        first = first or row["source"]
        if row["source"] != first:
            raise UsageError(
                f"rows of {first} and of {row['source']} would share the folder of sidecars: "
                "name one with --source"
            )
        yield row


def _unchanged(
    rows: Iterable[Row],
    problem_of: Callable[[Row], str],
    done: Exported,
    progress: Callable[[int], None],
) -> Iterator[Row]:
    """Rows whose image is there, and the one that the caption is of."""
    for row in rows:
        progress(1)
        problem = problem_of(row)
        if problem:
            done.leave_out(row["path"], problem)
        else:
            yield row


def _rows(rows: Iterable[Row], selection: Selection, target: Path) -> Iterator[XmpRow]:
    for row in rows:
        values = {name: row[column] for name, column in selection.fields.items()}
        was_there = row["outcome"] == "had_caption" and row["review"] != "edited"
        image, source_id = target / _below(row["path"]), bytes.fromhex(row["source_id"])
        yield XmpRow(image, source_id, texts_of(values), was_there)


def _below(path: str) -> str:
    """Path of an image below the folder of sidecars, which it does not leave."""
    plain = to_path(path)
    if ".." in PurePosixPath(plain).parts or plain.startswith("/"):
        return f"{safe_stem(path)}{PurePosixPath(plain).suffix}"
    return plain


def _noted(rows: TableRows, sidecars: Iterator[XmpRow]) -> Iterator[XmpRow]:
    """Sidecars whose texts the ledger knows as ours when they are written."""
    ledger = rows.session.ledger
    while page := list(islice(sidecars, _PAGE)):
        with ledger.database.transaction("written_texts"):
            ledger.existing_texts.note_written(
                (row.source_id, text)
                for row in page
                if not row.was_there
                for text in (row.texts.description, row.texts.alt_text)
                if text is not None
            )
        yield from page
