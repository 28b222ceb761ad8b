"""Listing of a bucket's keys, streamed."""

from __future__ import annotations

from collections.abc import Generator

from pipeline.errors import UsageError
from pipeline.storage.failures import brief_message, whole_failure
from pipeline.storage.object_key import ObjectKey, object_key
from pipeline.storage.place import Place, obstore, open_store
from pipeline.storage.settings import StorageSettings

_PAGE = 1000
_Keys = Generator[ObjectKey, None, None]


def list_keys(place: Place, settings: StorageSettings, prefix: str) -> _Keys:
    """Objects whose keys begin with `prefix`, which is "" or ends with a slash; constant memory.
    Whoever does not take all of them closes it.

    Raises:
        UsageError: the bucket cannot be listed.
    """
    store = open_store(place, settings)
    if place.scheme == "s3":
        from pipeline.storage.plain_s3 import (
            PlainS3,  # TLS, which commands without storage never need
        )

        plain = PlainS3(place, settings)
        if plain.is_open:
            yield from plain.keys(prefix)
            return
    from obstore.exceptions import InvalidPathError

    try:
        for page in obstore().list(store, prefix or None, chunk_size=_PAGE):
            yield from map(object_key, page)
    except GeneratorExit:
        raise
    except InvalidPathError as error:
        raise UsageError(
            f"{place.address(prefix)} holds a key that has no name here ({brief_message(error)}): "
            "'//', '.' or '..' between slashes and control characters can be read from s3:// with "
            "keys of the environment or a profile alone. Rename it, or name a prefix without it"
        ) from error
    except Exception as error:
        raise whole_failure(error, place) from error
