"""Bytes at an address inside a container; few containers are open at once."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import Protocol

from msgspec import Struct

from pipeline.core.reasons import rejection
from pipeline.records import Rejection
from pipeline.storage.containers.member import (
    Archive,
    ContainerError,
    MemberAddress,
    MemberIndex,
    read_named,
)
from pipeline.storage.containers.tar_archive import TarArchive
from pipeline.storage.containers.zip_data import ZipArchive
from pipeline.storage.settings import StorageSettings

_MOST_OPEN = 4


class Container(Protocol):
    """Open container of images with names."""

    def read(self, name: str, most: int) -> bytes | Rejection:
        """Bytes of at most `most` bytes of a member. Called by many threads at once."""
        ...


class IndexedArchive:
    """Archive whose members are found by name."""

    def __init__(self, archive: Archive) -> None:
        """Read all names."""
        self._archive, self._index = archive, MemberIndex(archive.members())

    def read(self, name: str, most: int) -> bytes | Rejection:
        """Bytes of a member."""
        return read_named(self._archive, self._index, name, most)


class _Opened(Struct, frozen=True):
    stamp: str
    container: Container


class ContainerReader:
    """Reader of addresses inside containers. Called by many threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: OrderedDict[tuple[str, str], _Opened] = OrderedDict()

    def read(self, address: str, stamp: str, max_bytes: int) -> bytes | Rejection:
        """Bytes at an address, or why there are none."""
        try:
            place = MemberAddress.parse(address)
            opened = self._container(place.scheme, place.container)
            if stamp and stamp != opened.stamp:
                return rejection("changed")
            return opened.container.read(place.member, max_bytes)
        except (FileNotFoundError, NotADirectoryError):
            return rejection("vanished", "its container is gone")
        except (OSError, ValueError, ContainerError) as error:
            words = error.strerror if isinstance(error, OSError) else error
            return rejection("unreadable", f"its container: {words}")

    def _container(self, scheme: str, path: str) -> _Opened:
        """Container at a path, as it is now."""
        stamp, key = container_stamp(os.stat(path)), (scheme, path)  # noqa: PTH116
        with self._lock:  # whoever comes meanwhile waits for the index instead of reading it too
            opened = self._opened.get(key)
            if opened is None or opened.stamp != stamp:
                opened = self._opened[key] = _Opened(stamp, _open_container(scheme, path))
            self._opened.move_to_end(key)
            while len(self._opened) > _MOST_OPEN:
                self._opened.popitem(last=False)  # closed with its last reading thread
            return opened


def open_reader(settings: StorageSettings) -> ContainerReader:
    """Make the reader of zip, tar and Parquet, which lie on this machine and need no settings."""
    del settings
    return ContainerReader()


def _open_container(scheme: str, path: str) -> Container:
    if scheme == "parquet":
        from pipeline.storage.containers.parquet_images import ParquetTable

        return ParquetTable(path)
    return IndexedArchive(ZipArchive(path) if scheme == "zip" else TarArchive(path))


def container_stamp(status: os.stat_result) -> str:
    """Stamp of everything in a container: rows and members of another one may be others."""
    return f"{status.st_size}-{status.st_mtime_ns}"
