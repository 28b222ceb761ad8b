"""Cache of the page: what can be made again at any time, and goes when somebody cleans up."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from pathlib import Path

from pipeline.system.files import storage_error

_INDEX = "index.db"


def cache_bytes(folder: Path) -> int:
    """Bytes of the index and of the pictures below `folder`."""
    size = 0
    for path in [*folder.glob(f"{_INDEX}*"), *folder.glob("thumbnails/*/*")]:
        with contextlib.suppress(OSError):
            size += path.stat().st_size
    return size


def clear_cache(folder: Path) -> tuple[int, int]:
    """Remove the index and the pictures, unless the page is open; gives bytes before and after.

    Raises:
        StorageError: it cannot be removed.
    """
    before = cache_bytes(folder)
    if not before:
        return 0, 0
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return before, before
        else:
            shutil.rmtree(folder / "thumbnails", ignore_errors=True)
            for path in folder.glob(f"{_INDEX}*"):
                path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise storage_error(folder, error, "clean") from error
    return before, cache_bytes(folder)
