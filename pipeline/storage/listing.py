"""Listing of a bucket's keys, streamed."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.storage.failures import whole_failure
from pipeline.storage.object_key import ObjectKey, is_odd, object_key
from pipeline.storage.place import Place, obstore, open_store
from pipeline.storage.settings import StorageSettings

_PAGE = 1000


def list_keys(place: Place, settings: StorageSettings, prefix: str) -> Iterator[ObjectKey]:
    """Objects whose keys begin with `prefix`, which is "" or ends with a slash; constant memory.

    Raises:
        UsageError: the bucket cannot be listed.
    """
    from pipeline.storage.plain_s3 import PlainS3  # TLS, which commands without storage never need

    store, last = open_store(place, settings), ""
    plain = PlainS3(place, settings) if place.scheme == "s3" else None
    if plain is not None and plain.is_open and is_odd(prefix.rstrip("/")):
        yield from plain.keys(prefix)
        return
    from obstore.exceptions import InvalidPathError

    try:
        for page in obstore().list(store, prefix or None, chunk_size=_PAGE):
            for meta in page:
                last = meta["path"]
                yield object_key(meta)
    except InvalidPathError as error:
        if plain is None or not plain.is_open:
            raise whole_failure(error, place) from error
        yield from plain.keys(prefix, last)
    except GeneratorExit:
        raise
    except Exception as error:
        raise whole_failure(error, place) from error
