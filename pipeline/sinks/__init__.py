"""Places where captions go: a registry of tables behind one Protocol.

    base        Sink, a place for rows; TableSink, a table that is replaced as a whole
    parquet     the table as Parquet; arrow its cells as Arrow arrays
    row_groups  where its row groups begin, and what tells whether their rows have changed
    changed_groups  those that are known not to have changed, and the others
    parquet_groups, parquet_footer  those that have not are copied; the footers say where they are
    parquet_pages  those that are new are read back
    earlier_export  the guard of the file that an exported table would replace
    rejects     a CSV of what has no caption, its cells defused
    sidecars    texts beside the images; text_template fills them, text_sums knows them again,
    appended_text adds a caption to a text that is there

Exports for other programs (`captionmill export --to`), which take rows with their pictures:

    exported, export_folder    what a format is; its folder, whole or absent, made anew in parts
    hugging_face, hugging_face_parquet, card, croissant, web_dataset, coco,
    lance_dataset, text_files
    hub    exports pushed to the Hub of Hugging Face
    xmp_sidecars, exiftool    XMP beside photos, merged into what is there
    jsonl, csv_rows, partitioned    rows alone; json_values    their values

A new kind of table is one file here and one line in `SINKS`; `[output] parquet` and the paths of
the command line choose it by their suffix. What a run writes beside its table is a line of
`OUTPUTS`. Other packages add tables by entry points, see `system.plugins`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.sinks.base import Sink, TableSink
from pipeline.system import plugins

if TYPE_CHECKING:
    from pipeline.sinks.sidecars import SidecarForm


def _parquet(path: Path) -> TableSink:
    from pipeline.sinks.parquet import ParquetSink

    return ParquetSink(path)


PARQUET = ".parquet"
SINKS: Mapping[str, Callable[[Path], TableSink]] = {PARQUET: _parquet}
"""How the table of a suffix is opened; opening imports its library and touches no file."""


def open_sink(path: Path) -> TableSink:
    """Table at `path` by its suffix; Parquet where the suffix says nothing.

    Raises:
        UsageError: another package has this kind of table, and cannot be loaded.
    """
    suffix = path.suffix.lower()
    if suffix not in SINKS and (entry := plugins.plugins(plugins.SINKS).get(suffix[1:])):
        sink: TableSink = plugins.load_plugin(entry)(path)
        return sink
    return SINKS.get(suffix, SINKS[PARQUET])(path)


def table_suffixes() -> tuple[str, ...]:
    """Suffixes of all kinds of table, lower-case with their dot."""
    return (*SINKS, *(f".{name}" for name in plugins.plugins(plugins.SINKS)))


class OutputOptions(Struct, frozen=True):
    """Options of what a run writes beside its table; an output reads those that are about it.

    Attributes:
        path: of its file, where it is one.
        form: of texts beside images.
        encoding: of texts that are neither UTF-8 nor UTF-16, None to find out.
        is_ours: tells of an image's hash and a text beside it whether we wrote it.
        settled: called with each folder whose texts are as they are to be, and their sum.
    """

    path: Path = Path()
    form: SidecarForm | None = None
    encoding: str | None = None
    is_ours: Callable[[bytes, str], bool] = lambda _source_id, _text: False
    settled: Callable[[Path, bytes], None] | None = None


def _rejects(options: OutputOptions) -> Sink:
    from pipeline.sinks.rejects import RejectsSink

    return RejectsSink(options.path)


def _sidecars(options: OutputOptions) -> Sink:
    from pipeline.sinks.sidecars import SidecarsSink

    assert options.form is not None
    return SidecarsSink(options.form, options.encoding, options.is_ours, options.settled)


OUTPUTS: Mapping[str, Callable[[OutputOptions], Sink]] = {
    "rejects": _rejects,
    "sidecars": _sidecars,
}
"""How what goes with the table is opened, by its key in `[output]`."""
