"""Images inside a tar, a shard of WebDataset or a tar in gzip, read without unpacking it."""

from __future__ import annotations

from pathlib import Path

from pipeline.sources.heads import suffix_of
from pipeline.sources.inside import ArchiveSource
from pipeline.storage.containers.tar_archive import TarArchive, is_tar


class TarSource(ArchiveSource):
    """Images inside a tar."""

    kind = "tar"
    open_archive = TarArchive


def is_tar_file(path: Path) -> bool:
    """Recognise a tar by its first header or its name, compressed or not.

    Raises:
        OSError: it cannot be read.
    """
    is_named = suffix_of(path.name) in (".tar", ".tgz") or suffix_of(path.stem) == ".tar"
    return is_named or is_tar(str(path))
