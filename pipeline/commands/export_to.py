"""Export of captions for other programs: `captionmill export --to FORMAT TARGET`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.commands.export_formats import (
    ExportOptions,
    FormatOptions,
    open_format,
    reserved_by,
)
from pipeline.commands.export_xmp import export_xmp, xmp_fields
from pipeline.config import Config
from pipeline.core.export_kinds import export_kind, formats_heeding
from pipeline.core.selection import parse_condition
from pipeline.core.splits import TRAIN, parse_splits
from pipeline.core.words import counted
from pipeline.errors import UsageError
from pipeline.records import Say
from pipeline.session.engines import files_engine
from pipeline.session.export_rows import Row, TableRows
from pipeline.session.publish_export import is_stored_target, target_here
from pipeline.session.reading import open_to_read
from pipeline.session.session import Session
from pipeline.session.settings import RunSettings
from pipeline.sinks.export_folder import ExportFolder
from pipeline.stages.export_to import Exported, PictureOf, Selection, export_to

_SIDECARS = {
    "written": "new",
    "merged": "merged",
    "unchanged": "as they were",
    "kept": "texts of others kept (--replace-texts replaces them)",
    "failed": "not written",
}


def export_for(
    config: Config,
    name: str,
    target: str | Path,
    options: ExportOptions,
    say: Say,
    progress: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Export to `target` in the format called `name`.

    Raises:
        UsageError: an option does not fit, or `target` is somebody else's.
        StorageError: it cannot be written.
    """
    _check(name, options)
    if name == "xmp" and is_stored_target(target):
        raise UsageError("--to xmp merges into the sidecars of a folder: name one")
    settings = RunSettings.of(config)
    with open_to_read(settings, "export", say) as session:
        if not is_stored_target(target):
            settings.output.refuse_own(session.workspace, Path(target))
        with target_here(session, target) as local:
            return _export(session, name, local, options, progress)


def _export(
    session: Session,
    name: str,
    target: Path,
    options: ExportOptions,
    progress: Callable[[int], None],
) -> Exported:
    rows = TableRows(session)
    selection = _selection(rows, name, options)
    if name == "xmp":
        return export_xmp(
            target, rows, selection, session.settings.max_file_bytes,
            adobe_names=options.suffix == ".xmp", replaces=options.replace_texts,
            progress=progress,
        )  # fmt: skip
    if export_kind(name).shape == "rows":
        return _table(name, target, rows, selection, options)
    folder = ExportFolder(target, f"{name} parquet" if options.parquet else name)
    format_ = open_format(name, FormatOptions(target, rows, selection, options))
    with _pictures(session, options) as pictures:
        return export_to(
            rows, selection, format_, folder, pictures,
            shard_rows=options.shard_rows, progress=progress,
        )  # fmt: skip


def _check(name: str, options: ExportOptions) -> None:
    """Refuse options that the format would not heed."""
    kind = export_kind(name)
    for option, value in options.of_some_formats().items():
        if value and option not in kind.options:
            raise UsageError(
                f"{option} is for --to {' or '.join(formats_heeding(option))}, not for {name}"
            )
    if kind.needs_pictures and options.pictures == "none":
        raise UsageError(f"--to {name} needs pictures: --pictures sent or originals")
    if name == "xmp" and options.suffix not in (None, ".xmp"):
        raise UsageError("--to xmp: --suffix .xmp writes photo.xmp, without it photo.jpg.xmp")
    if name == "parquet" and not options.partition_by:
        raise UsageError(
            "--to parquet needs --partition-by COLUMN; one table is 'captionmill export'"
        )


def _selection(rows: TableRows, name: str, options: ExportOptions) -> Selection:
    if options.source is not None:
        rows.session.ledger.sources.named(options.source)
    caption = "text" if name == "hf" else "caption"
    condition = parse_condition(options.where, rows.types) if options.where else None
    if name == "xmp":
        fields = xmp_fields(rows, options.fields)
    else:
        fields = rows.fields(options.fields, caption, reserved_by(name, options))
    if options.partition_by:
        rows.check(options.partition_by, "--partition-by")
        fields = {**fields, options.partition_by: options.partition_by}
    return Selection(
        options.source,
        frozenset(options.outcomes),
        frozenset(options.reviews) if options.reviews else None,
        condition,
        fields,
        parse_splits(options.split) if options.split else TRAIN,
    )


@contextlib.contextmanager
def _pictures(session: Session, options: ExportOptions) -> Iterator[PictureOf | None]:
    from pipeline.stages.pictures import original_pictures, sent_pictures

    if options.pictures == "none":
        yield None
    elif options.pictures == "originals":
        most = session.settings.max_file_bytes
        keep = options.keep_metadata
        opener = session.settings.open_original()
        yield partial(original_pictures, max_bytes=most, keep_metadata=keep, originals=opener)
    else:
        recipe = session.build_spec().recipe
        with files_engine(session.settings.engine, recipe, None) as engine:
            yield partial(sent_pictures, engine=engine)


def _table(
    name: str, target: Path, rows: TableRows, selection: Selection, options: ExportOptions
) -> Exported:
    """Export without pictures, into one file or into folders by a column."""
    from pipeline.sinks.csv_rows import write_csv
    from pipeline.sinks.earlier_export import refuse_other_rows
    from pipeline.sinks.jsonl import write_jsonl
    from pipeline.sinks.partitioned import write_partitions

    is_ours = rows.session.workspace.owns(target)  # the copy of an export to object storage
    if name != "parquet" and not is_ours:
        refuse_other_rows(target, selection.fields)
    values = _values(rows(), selection)
    if name == "jsonl":
        count = write_jsonl(target, values)
    elif name == "csv":
        count = write_csv(target, list(selection.fields), values)
    else:
        assert options.partition_by is not None
        types = {field: rows.types[column] for field, column in selection.fields.items()}
        count = write_partitions(target, options.partition_by, types, values)
    return Exported(rows=count, files=1)


def _values(rows: Iterable[Row], selection: Selection) -> Iterator[dict[str, Any]]:
    for row in rows:
        if selection.takes(row):
            yield {name: row[column] for name, column in selection.fields.items()}


def summary(done: Exported, target: str | Path) -> Sequence[str]:
    """Sentences that say what was exported."""
    made, reused = done.parts["made"], done.parts["reused"]
    parts = f"; {counted(made, 'part')} made, {reused} as before" if made + reused else ""
    lines = [f"{counted(done.rows, 'row')} in {target}{parts}"]
    if done.counts:
        counts = ", ".join(f"{count:,} {_SIDECARS[name]}" for name, count in done.counts.items())
        lines = [f"sidecars in {target}: {counts}"]
    if done.without_picture:
        left_out = counted(done.without_picture, "row")
        lines.append(f"{left_out} left out, whose picture is not there or not the same:")
    return [*lines, *done.problems]
