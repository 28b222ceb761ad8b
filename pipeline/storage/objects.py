"""Reader of objects: whole bodies of one version."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from pipeline.core.reasons import rejection
from pipeline.errors import UsageError
from pipeline.records import Rejection
from pipeline.storage.failures import code_of, is_out_of_reach, object_rejection, whole_failure
from pipeline.storage.object_key import ObjectKey, is_odd, object_key, stamp_of_object
from pipeline.storage.place import Place, obstore, open_store
from pipeline.storage.settings import StorageSettings

_LOST_IN_A_ROW = 32  # objects, each tried again for as long as [storage] retries says
_NO_BUCKET = ("NoSuchBucket", "InvalidBucketName")


class ObjectReader:
    """Reader of s3://, gs:// and az://; one store a bucket, shared by all threads."""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self._stores: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._lost = 0

    def read(self, address: str, stamp: str, max_bytes: int) -> bytes | Rejection:
        """Bytes of an object; see `Reader.read`. One that changed since it was listed is read as it
        is now: its new stamp makes the next crawl look at it again."""
        place = Place.parse(address)
        if place.scheme == "s3" and is_odd(place.key):
            from pipeline.storage.plain_s3 import PlainS3  # TLS, for a few keys

            data = PlainS3(place, self._settings).read(place.key, stamp, max_bytes)
        else:
            data = self._read(place, stamp, max_bytes)
        if stamp and isinstance(data, Rejection) and data.code == "changed":
            return self.read(address, "", max_bytes)
        return data

    def _read(self, place: Place, stamp: str, max_bytes: int) -> bytes | Rejection:
        store = self._store(place)
        try:
            data = _read_whole(store, place.key, stamp, max_bytes)
        except Exception as error:  # noqa: BLE001 (a library's own errors have no common base)
            refusal = object_rejection(error, place)
            self._note_reach(is_out_of_reach(error), error, place)
            return refusal
        self._note_reach(False, None, place)
        return data

    def describe(self, address: str) -> ObjectKey | Rejection:
        """Size and stamp of an object without its bytes, or why it cannot be read: `vanished` or
        `unreadable`, also for a bucket that is not there.

        Raises:
            UsageError: nothing of this storage can be asked, or the address names no bucket.
        """
        place = Place.parse(address)
        if place.scheme == "s3" and is_odd(place.key):
            from pipeline.storage.plain_s3 import PlainS3  # TLS, for a few keys

            return PlainS3(place, self._settings).describe(place.key)
        store = self._store(place)
        try:
            try:
                meta = obstore().head(store, place.key)
            except Exception as error:
                if is_out_of_reach(error):
                    raise
                # an answer to HEAD has no body, and so no word about the reason
                meta = obstore().get(store, place.key).meta
        except Exception as error:  # noqa: BLE001 (a library's own errors have no common base)
            if code_of(error) in _NO_BUCKET:
                return rejection("unreadable", str(whole_failure(error, place)))
            refusal = object_rejection(error, place)
            self._note_reach(is_out_of_reach(error), error, place)
            return refusal
        self._note_reach(False, None, place)
        return object_key(meta)

    def blocks(self, address: str, stamp: str) -> Iterator[bytes]:
        """Bytes of one version of a large object, piece by piece.

        Raises:
            UsageError: it cannot be read, or is another one by now.
        """
        place = Place.parse(address)
        options = {"if_match": stamp} if stamp.startswith('"') else None
        try:
            for block in obstore().get(self._store(place), place.key, options=options):
                yield bytes(block)
        except Exception as error:
            refusal = object_rejection(error, place)
            is_other = refusal.code == "changed"
            words = "it changed meanwhile, run again" if is_other else refusal.detail
            raise UsageError(f"{address}: {words}") from error

    def head(self, address: str, length: int) -> bytes:
        """First bytes of an object, b"" where it cannot be read."""
        place = Place.parse(address)
        if place.scheme == "s3" and is_odd(place.key):
            from pipeline.storage.plain_s3 import PlainS3  # TLS, for a few keys

            return PlainS3(place, self._settings).head(place.key, length)
        try:
            data = obstore().get_range(self._store(place), place.key, start=0, length=length)
        except Exception as error:  # noqa: BLE001
            object_rejection(error, place)
            return b""
        return bytes(data)

    def _note_reach(self, lost: bool, error: BaseException | None, place: Place) -> None:
        """Count answers that did not come, one after the other; enough of them end the run."""
        with self._lock:
            self._lost = self._lost + 1 if lost else 0
            ends = self._lost >= _LOST_IN_A_ROW
        if ends and error is not None:
            raise whole_failure(error, place)

    def _store(self, place: Place) -> Any:
        with self._lock:
            key = place.scheme, place.bucket
            if key not in self._stores:
                self._stores[key] = open_store(place, self._settings)
            return self._stores[key]


def _read_whole(store: Any, key: str, stamp: str, max_bytes: int) -> bytes | Rejection:
    options = {"if_match": stamp} if stamp.startswith('"') else None
    result = obstore().get(store, key, options=options)
    size = result.meta["size"]
    if stamp and stamp_of_object(result.meta, stamp) != stamp:
        return rejection("changed")
    if size > max_bytes:
        return rejection("too_large_file", f"{size} bytes, at most {max_bytes} are allowed")
    data = bytes(result.bytes())
    return data if len(data) == size else rejection("unreadable", "less came than was announced")
