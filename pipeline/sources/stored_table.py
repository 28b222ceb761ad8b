"""Manifests that lie in object storage: copied whole to a file before anything is read."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.stored_address import name_for
from pipeline.errors import UsageError
from pipeline.records import Rejection
from pipeline.sources.table_kinds import is_name_of_a_table
from pipeline.storage.object_key import is_odd
from pipeline.storage.objects import ObjectReader
from pipeline.storage.place import Place, is_object
from pipeline.storage.settings import StorageSettings
from pipeline.system.files import storage_error, whole_file

_COPIES = 2  # a copy may still be read by the run before


def may_be_stored_table(text: str) -> bool:
    """Recognise the address of an object that is called as tables are."""
    return is_object(text) and is_name_of_a_table(text.rpartition("/")[2])


def copy_table(address: str, folder: Path, settings: StorageSettings) -> Path | None:
    """Copy an object into a folder below `folder`, under its own name, unless the same version is
    there; None when there is no such object.

    Raises:
        UsageError: it cannot be read, or is empty.
        StorageError: the copy cannot be written.
    """
    place, reader = Place.parse(address), ObjectReader(settings)
    if not place.key or place.key.endswith("/") or is_odd(place.key):
        return None
    described = reader.describe(address)
    if isinstance(described, Rejection):
        if described.code == "vanished":
            return None
        raise UsageError(f"{address}: {described.detail or 'it cannot be read'}")
    if not described.size:
        raise UsageError(f"{address} is empty: a manifest was expected there")
    copies = folder / name_for(address)
    version = copies / name_for(f"{described.stamp} {described.size} {described.modified}")
    copy = version / Path(place.key).name
    try:
        if copy.is_file():
            copy.touch()
            return copy
        version.mkdir(mode=0o700, parents=True, exist_ok=True)
        with whole_file(copy) as part:
            for block in reader.blocks(address, described.stamp):
                part.write(block)
        _remove_older(copies)
    except OSError as error:
        raise storage_error(folder, error) from error
    return copy


def _remove_older(copies: Path) -> None:
    versions = sorted(copies.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for version in versions[:-_COPIES]:
        for path in version.iterdir():
            path.unlink(missing_ok=True)
        version.rmdir()
