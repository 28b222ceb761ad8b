"""Choice of how a manifest is read: by its first bytes, and by its suffix where they leave it open.

Parquet begins with its magic, JSON with a bracket or a brace. Of other texts `.csv` and `.tsv` are
tables with a header; any other one is a plain list when its first line names a path and no column.
"""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.imaging.sniff import sniff_head
from pipeline.sources.json_table import array_place, read_json
from pipeline.sources.parquet_manifest import read_parquet
from pipeline.sources.parquet_table import is_parquet
from pipeline.sources.path_list import names_a_path, read_path_list
from pipeline.sources.table import DELIMITED, ManifestTable, has_path_column, read_manifest
from pipeline.sources.table_text import EarlierReading, TextSurvey, open_text, survey_text

_LISTS = (".txt", ".lst", ".list")
_JSON = (".json", ".jsonl", ".ndjson")
_JSON_BEGINS = re.compile(r'\{\s*["}]|\[\s*[{"\]]')
_SUFFIXES = (*DELIMITED, *_JSON, ".parquet")
_HEAD = 1 << 16
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_ARROW = (b"ARROW1\0\0", b"\xff\xff\xff\xff", b"FEA1")  # a file, a stream, Feather of old
_COMPRESSED = (
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
)  # gzip, bzip2, xz, Zstandard


def is_name_of_a_table(name: str) -> bool:
    """Recognise a table by its suffix alone."""
    return Path(name).suffix.lower() in _SUFFIXES


def is_table_of_images(path: Path) -> bool:
    """Recognise a table by its suffix, and a list of paths by its suffix and first line."""
    suffix = path.suffix.lower()
    if suffix in _LISTS:
        try:
            with path.open("rb") as handle:
                head = handle.read(_HEAD)
        except OSError:
            return False
        first = head.replace(b"\0", b"\n").lstrip().partition(b"\n")[0]
        return names_a_path(first.decode("utf-8-sig", "replace"), path.parent)
    return suffix in _SUFFIXES


def read_table(
    path: Path, path_column: str | None, encoding: str | None, earlier: EarlierReading
) -> ManifestTable:
    """Read a manifest of any kind once, for its columns.

    Raises:
        UsageError: names the file, and the line where there is one.
    """
    try:
        if is_parquet(path):
            return read_parquet(path, path_column)
        with path.open("rb") as handle:
            begins = handle.read(_HEAD)
    except OSError as error:
        raise UsageError(f"cannot read the manifest {path}: {error.strerror}") from error
    if begins.startswith(_WORKBOOKS):
        raise UsageError(f"{path} is an archive or a workbook, no table: save it as CSV")
    if begins.startswith(_ARROW):
        raise UsageError(f"{path} is an Arrow file, which is not read: save it as Parquet or CSV")
    if begins.startswith(_COMPRESSED):
        raise UsageError(f"{path} is compressed, no table: unpack it")
    if sniff_head(begins) not in (None, "SVG"):
        raise UsageError(f"{path} is a picture, no table of pictures")
    if path.suffix.lower() == ".parquet" and begins:
        raise UsageError(f"{path} is no Parquet table, whatever its name says")
    zeros = path_column is None and _has_zeros(path, begins)
    survey = survey_text(path, "utf-8" if zeros and not encoding else encoding, earlier)
    if zeros:
        return read_path_list(path, survey, "\0")
    head, suffix = _first_text(path, survey), path.suffix.lower()
    if suffix in _JSON or _JSON_BEGINS.match(head):
        return read_json(path, survey, path_column, array_place(path, survey.encoding))
    plain = not (suffix in DELIMITED or path_column or has_path_column(path, head))
    if plain and names_a_path(head.partition("\n")[0], path.parent):
        mac = "\r" in head and "\n" not in head
        return read_path_list(path, survey, "\r" if mac else "\n")
    return read_manifest(path, path_column, survey)


def _has_zeros(path: Path, head: bytes) -> bool:
    """Recognise paths with zero bytes between, as `find -print0` writes them."""
    first, zero, _ = head.partition(b"\0")
    if not zero or b"\n" in first or len(first) < 2:
        return False
    return names_a_path(first.decode("utf-8", "surrogateescape"), path.parent)


def _first_text(path: Path, survey: TextSurvey) -> str:
    try:
        with open_text(path, survey.encoding) as handle:
            return handle.read(_HEAD).lstrip("\ufeff \t\r\n")
    except (OSError, UnicodeError) as error:
        raise UsageError(f"cannot read the manifest {path}: {error}") from error
