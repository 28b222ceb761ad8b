"""Formats of exports by their names, with the options that a person gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

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

    def of_some_formats(self) -> Mapping[str, object]:
        """Values of the options that only some formats heed, as `ExportKind.options` names them."""
        return {
            "--parquet": self.parquet,
            "--partition-by": self.partition_by,
            "--suffix": self.suffix,
            "--replace-texts": self.replace_texts,
            "--template": self.template,
            "--json": self.as_json,
            "--split": self.split,
            "--croissant": self.croissant,
        }


class FormatOptions(Struct, frozen=True):
    """Options that a format of pictures is opened with; each reads those that are about it.

    Attributes:
        rows, selection: what is exported.
        chosen: as a person wrote them.
    """

    target: Path
    rows: TableRows
    selection: Selection
    chosen: ExportOptions

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Kind of each exported field."""
        return {field: self.rows.kinds[name] for field, name in self.selection.fields.items()}


def reserved_by(name: str, options: ExportOptions) -> Callable[[str], bool]:
    """Function that tells which names of fields mean something else in a format."""
    if name == "lance":
        return RESERVED.__contains__
    if name == "hf" and options.parquet:
        return frozenset({IMAGE}).__contains__
    if name == "hf":  # further files of a row, as `datasets` reads them
        return lambda field: field.endswith(("file_name", "file_names"))
    return lambda _field: False


def _web_dataset(_options: FormatOptions) -> ExportFormat:
    from pipeline.sinks.web_dataset import WebDataset

    return WebDataset()


def _coco(options: FormatOptions) -> ExportFormat:
    from pipeline.sinks.coco import CocoCaptions

    return CocoCaptions(options.chosen.license)


def _text_files(options: FormatOptions) -> ExportFormat:
    from pipeline.sinks.text_files import TextFiles

    chosen = options.chosen
    suffix = chosen.suffix or (".json" if chosen.as_json else ".txt")
    return TextFiles(suffix, chosen.template or "{caption}", as_json=chosen.as_json)


def _lance(options: FormatOptions) -> ExportFormat:
    from pipeline.sinks.lance_dataset import LanceDataset

    has_pictures = options.chosen.pictures != "none"
    return LanceDataset(options.target, options.kinds, has_pictures=has_pictures)


def _hugging_face(options: FormatOptions) -> ExportFormat:
    from pipeline.sinks.hugging_face import HuggingFaceFolder

    chosen, kinds = options.chosen, options.kinds
    card = _card(options, DATA_FILES if chosen.parquet else "")
    format_: ExportFormat = HuggingFaceFolder(card)
    if chosen.parquet:
        format_ = HuggingFaceParquet(card, kinds)
    if not chosen.croissant:
        return format_
    from pipeline.sinks.croissant import About, WithCroissant

    about = About(options.target.name, chosen.license, kinds, card.fields)
    return WithCroissant(format_, about)


def _card(options: FormatOptions, files: str) -> Card:
    rows, selection = options.rows, options.selection
    models = Counter(row["model"] for row in rows() if selection.takes(row) and row["model"])
    words = {column.name: column.description for column in rows.columns}
    fields = {name: words[column] for name, column in selection.fields.items()}
    prompts = rows.session.ledger.specs.prompts()
    return Card(options.chosen.license, dict(sorted(models.items())), prompts, fields, files)


FORMATS: Mapping[str, Callable[[FormatOptions], ExportFormat]] = {
    "hf": _hugging_face,
    "webdataset": _web_dataset,
    "coco": _coco,
    "lance": _lance,
    "sidecars": _text_files,
}
"""How a format of pictures is opened, by its word in `core.export_kinds`."""


def open_format(name: str, options: FormatOptions) -> ExportFormat:
    """Format called `name`, ours or another package's; its libraries are imported here.

    Raises:
        UsageError: an option does not fit, or a library or a package cannot be loaded.
    """
    if name in FORMATS:
        return FORMATS[name](options)
    format_: ExportFormat = plugins.load_plugin(plugins.plugins(plugins.FORMATS)[name])()
    return format_
