"""Readers of stored originals: one protocol, and a registry of schemes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from pipeline.core.reasons import rejection
from pipeline.core.stored_address import scheme_of
from pipeline.records import Rejection
from pipeline.storage.place import OBJECT_SCHEMES
from pipeline.storage.settings import StorageSettings

READERS: dict[str, str] = {
    **dict.fromkeys(OBJECT_SCHEMES, "pipeline.storage.objects:ObjectReader"),
    **dict.fromkeys(("zip", "tar", "parquet"), "pipeline.storage.containers.readers:open_reader"),
}
"""Maker of a reader, "module:name", of each scheme, imported when the first such address is read
and called with the settings."""


class Reader(Protocol):
    """Reads whole originals. Called by many threads at once."""

    def read(self, address: str, stamp: str, max_bytes: int) -> bytes | Rejection:
        """Bytes at an address.

        Args:
            stamp: as the source listed it; other bytes are `changed`. "" takes any.
            max_bytes: more is `too_large_file`, and not read.

        Returns:
            The bytes, or why this one original cannot be read: `vanished`, `changed`,
            `unreadable`, `too_large_file`, `empty_file`, or a code of the reader's own.

        Raises:
            CaptionmillError: nothing of this storage can be read, so the run cannot go on.
        """
        ...


class Readers:
    """Registered readers as one, each opened at the first address of its scheme.

    Pickles as its settings: another process opens readers of its own.
    """

    def __init__(self, settings: StorageSettings) -> None:
        self.settings = settings
        self._opened: dict[str, Reader] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Readers], tuple[StorageSettings]]:
        return Readers, (self.settings,)

    def read(self, address: str, stamp: str, max_bytes: int) -> bytes | Rejection:
        """Bytes at an address of any registered scheme; see `Reader.read`."""
        scheme = scheme_of(address)
        if scheme not in READERS:
            return rejection("unreadable", f"nothing here reads addresses of {scheme}://")
        return self._reader(scheme).read(address, stamp, max_bytes)

    def _reader(self, scheme: str) -> Reader:
        with self._lock:
            if scheme not in self._opened:
                module, _, name = READERS[scheme].partition(":")
                make: Callable[[StorageSettings], Reader] = getattr(import_module(module), name)
                self._opened[scheme] = make(self.settings)
            return self._opened[scheme]
