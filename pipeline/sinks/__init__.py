"""Places where captions go: a registry of tables behind one Protocol.

    base        what the export stage asks of a table
    parquet     the table as Parquet; arrow its cells as Arrow arrays
    row_groups  where its row groups begin, and what tells whether their rows have changed
    parquet_groups, parquet_footer  those that have not are copied; the footers say where they are
    rejects     a CSV of what has no caption, its cells defused
    sidecars    texts beside the images; text_template fills them

Exports for other programs (`captionmill export --to`), which take rows with their pictures:

    exported, export_folder    what a format is; its folder, whole or absent, made anew in parts
    hugging_face, hugging_face_parquet, card, croissant, web_dataset, coco,
    lance_dataset, text_files
    hub    exports pushed to the Hub of Hugging Face
    xmp_sidecars, exiftool    XMP beside photos, merged into what is there
    jsonl, csv_rows, partitioned    rows alone; json_values    their values

A new kind of table is one file here and one line in `SINKS`; `[output] parquet` and the paths of
the command line choose it by their suffix. Other packages add theirs by entry points, see
`system.plugins`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.sinks.base import Sink
from pipeline.system import plugins


def _parquet(path: Path) -> Sink:
    from pipeline.sinks.parquet import ParquetSink

    return ParquetSink(path)


def _rejects(path: Path) -> Sink:
    from pipeline.sinks.rejects import RejectsSink

    return RejectsSink(path)


PARQUET = ".parquet"
SINKS: Mapping[str, Callable[[Path], Sink]] = {PARQUET: _parquet}
"""How the table of a suffix is opened; opening imports its library and touches no file."""


def open_sink(path: Path) -> Sink:
    """Table at `path` by its suffix; Parquet where the suffix says nothing.

    Raises:
        UsageError: another package has this kind of table, and cannot be loaded.
    """
    suffix = path.suffix.lower()
    if suffix not in SINKS and (entry := plugins.plugins(plugins.SINKS).get(suffix[1:])):
        sink: Sink = plugins.load_plugin(entry)(path)
        return sink
    return SINKS.get(suffix, SINKS[PARQUET])(path)


LISTS: Mapping[str, Callable[[Path], Sink]] = {"rejects": _rejects}
"""How a list that goes with the table is opened, by its word in `[output]`, whatever its suffix."""


def is_table(suffix: str) -> bool:
    """Tell whether a suffix, lower-case with its dot, is that of a kind of table."""
    return suffix in SINKS or suffix[1:] in plugins.plugins(plugins.SINKS)
