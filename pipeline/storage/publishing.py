"""Finished local files as objects: whole or as before, never half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.errors import StorageError
from pipeline.storage.failures import whole_failure
from pipeline.storage.object_key import stamp_of_object
from pipeline.storage.place import Place, obstore, open_store
from pipeline.storage.settings import StorageSettings

_AT_ONCE = 64 << 20  # bytes that go in one request; more goes in parts, which count only together
_PART = 16 << 20


class ObjectWriter:
    """Writer of objects into one bucket."""

    def __init__(self, address: str, settings: StorageSettings) -> None:
        """Open the bucket of `address`; nothing is asked yet.

        Raises:
            UsageError: no bucket, no credentials, or the package is not installed.
        """
        self.place = Place.parse(address)
        self._store = open_store(self.place, settings)

    def stamp(self, key: str) -> str | None:
        """Stamp of an object as it is now, None where there is none.

        Raises:
            UsageError: the bucket cannot be asked.
        """
        try:
            meta = obstore().head(self._store, key)
        except FileNotFoundError:
            return None
        except Exception as error:
            raise whole_failure(error, self.place) from error
        return stamp_of_object(meta)

    def create(self, key: str, data: bytes | Path) -> bool:
        """Put an object that is never changed; False when there is one already.

        Raises:
            UsageError: it cannot be put.
        """
        from obstore.exceptions import AlreadyExistsError

        try:
            obstore().put(self._store, key, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        except Exception as error:
            raise whole_failure(error, self.place) from error
        return True

    def remove(self, key: str, former: str) -> bool:
        """Delete an object if it still has the stamp `former`; True when it was deleted.

        Raises:
            UsageError: it cannot be deleted.
        """
        if self.stamp(key) != former:
            return False
        try:
            obstore().delete(self._store, key)
        except Exception as error:
            raise whole_failure(error, self.place) from error
        return True

    def replace(self, key: str, path: Path, former: str | None) -> str:
        """Put a file in the place of the object with the stamp `former`, of whatever there is for
        None; gives the new stamp.

        Raises:
            StorageError: there is another object by now.
            UsageError: it cannot be put.
        """
        from obstore.exceptions import PreconditionError

        if former is not None and self.stamp(key) not in (former, None):
            raise _of_somebody_else(self.place.address(key))
        mode: Any = "overwrite"
        small = path.stat().st_size <= _AT_ONCE
        if small and former is not None and former.startswith('"') and self.stamp(key) is not None:
            mode = {"e_tag": former}
        try:
            result = obstore().put(
                self._store, key, path, mode=mode, use_multipart=not small, chunk_size=_PART
            )
        except PreconditionError:
            raise _of_somebody_else(self.place.address(key)) from None
        except Exception as error:
            raise whole_failure(error, self.place) from error
        return str(result["e_tag"] or self.stamp(key))


def _of_somebody_else(address: str) -> StorageError:
    return StorageError(
        f"{address} is not what this workspace put there: somebody else writes it too. Name "
        "another object, or delete this one and export again"
    )
