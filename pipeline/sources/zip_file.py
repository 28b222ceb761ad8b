"""Images inside a zip file, read without unpacking it."""

from __future__ import annotations

from pathlib import Path

from pipeline.imaging.sniff import IMAGE_SUFFIXES
from pipeline.sources.heads import suffix_of
from pipeline.sources.inside import ArchiveSource
from pipeline.storage.containers.zip_data import ZipArchive

_STARTS = (b"PK\3\4", b"PK\5\6")


class ZipSource(ArchiveSource):
    """Images inside a zip file."""

    kind = "zip"
    open_archive = ZipArchive


def is_zip_file(path: Path) -> bool:
    """Recognise a zip file by its first bytes or its name; pictures may be made of zips too.

    Raises:
        OSError: it cannot be read.
    """
    suffix = suffix_of(path.name)
    if suffix in IMAGE_SUFFIXES:
        return False
    with path.open("rb") as file:
        return suffix == ".zip" or file.read(4) in _STARTS
