"""Formats of exports by their names, with the options that a person gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.table import Kind
from pipeline.session.export_rows import TableRows
from pipeline.sinks.card import Card
from pipeline.sinks.exported import ExportFormat, Pictures
from pipeline.sinks.hugging_face_parquet import DATA_FILES, IMAGE, HuggingFaceParquet
from pipeline.sinks.lance_dataset import RESERVED
from pipeline.stages.export_to import Selection
from pipeline.system import plugins


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Options of an export, as a person wrote them; see `captionmill export --help`."""

    source: str | None = None
    outcomes: tuple[str, ...] = ()
    reviews: tuple[str, ...] = ()
    where: str | None = None
    fields: str | None = None
    split: str | None = None
    pictures: Pictures = "sent"
    keep_metadata: bool = False
    shard_rows: int = 1_000
    parquet: bool = False
    croissant: bool = False
    partition_by: str | None = None
    suffix: str | None = None
    template: str | None = None
    as_json: bool = False
    license: str = "unknown"
    replace_texts: bool = False


def reserved_by(name: str, options: ExportOptions) -> Callable[[str], bool]:
    """Function that tells which names of fields mean something else in a format."""
    if name == "lance":
        return RESERVED.__contains__
    if name == "hf" and options.parquet:
        return frozenset({IMAGE}).__contains__
    if name == "hf":  # further files of a row, as `datasets` reads them
        return lambda field: field.endswith(("file_name", "file_names"))
    return lambda _field: False


def format_of(
    name: str, target: Path, rows: TableRows, selection: Selection, options: ExportOptions
) -> ExportFormat:
    """Format called `name`; its libraries are imported here.

    Raises:
        UsageError: an option does not fit, or a library is not installed.
    """
    if name == "webdataset":
        from pipeline.sinks.web_dataset import WebDataset

        return WebDataset()
    if name == "coco":
        from pipeline.sinks.coco import CocoCaptions

        return CocoCaptions(options.license)
    if name == "sidecars":
        from pipeline.sinks.text_files import TextFiles

        suffix = options.suffix or (".json" if options.as_json else ".txt")
        return TextFiles(suffix, options.template or "{caption}", as_json=options.as_json)
    if name in (added := plugins.plugins(plugins.FORMATS)):
        format_: ExportFormat = plugins.load_plugin(added[name])()
        return format_
    kinds = {field: rows.kinds[column] for field, column in selection.fields.items()}
    if name == "lance":
        from pipeline.sinks.lance_dataset import LanceDataset

        return LanceDataset(target, kinds, has_pictures=options.pictures != "none")
    return _hugging_face(target, rows, selection, options, kinds)


def _hugging_face(
    target: Path,
    rows: TableRows,
    selection: Selection,
    options: ExportOptions,
    kinds: Mapping[str, Kind],
) -> ExportFormat:
    from pipeline.sinks.hugging_face import HuggingFaceFolder

    card = _card(rows, selection, options, DATA_FILES if options.parquet else "")
    format_: ExportFormat = HuggingFaceFolder(card)
    if options.parquet:
        format_ = HuggingFaceParquet(card, kinds)
    if not options.croissant:
        return format_
    from pipeline.sinks.croissant import About, WithCroissant

    return WithCroissant(format_, About(target.name, options.license, kinds, card.fields))


def _card(rows: TableRows, selection: Selection, options: ExportOptions, files: str) -> Card:
    models = Counter(row["model"] for row in rows() if selection.takes(row) and row["model"])
    words = {column.name: column.description for column in rows.columns}
    fields = {name: words[column] for name, column in selection.fields.items()}
    prompts = rows.session.ledger.specs.prompts()
    return Card(options.license, dict(sorted(models.items())), prompts, fields, files)
