"""Local openable path of any original, for thumbnails, exports and checks, which open files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pipeline.core.stored_address import is_stored, unstamped
from pipeline.records import NotHere, Rejection
from pipeline.storage.readers import Reader, Readers
from pipeline.storage.settings import StorageSettings
from pipeline.storage.spool import spooled

_MOST_BYTES = 1 << 30


class Originals:
    """Opener of originals wherever they are.

    Args:
        reader: of what is no file of this machine.
        max_bytes: larger originals are not brought here.
    """

    def __init__(self, reader: Reader, max_bytes: int = _MOST_BYTES) -> None:
        self._reader, self._max_bytes = reader, max_bytes

    @classmethod
    def of(cls, settings: StorageSettings) -> Originals:
        """Opener of originals of all registered schemes."""
        return cls(Readers(settings))

    @contextlib.contextmanager
    def opened(self, location: str) -> Iterator[str]:
        """Local path of the original at `location`, which is that path for a file.

        Raises:
            NotHere: it is stored elsewhere and cannot be read.
        """
        if not is_stored(location):
            yield location
            return
        data = self._reader.read(*unstamped(location), self._max_bytes)
        if isinstance(data, Rejection):
            raise NotHere(data)
        file = spooled(data)
        try:
            yield file.path
        finally:
            file.free()
