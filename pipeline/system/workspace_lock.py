"""Lock of a workspace: the operating system's, never stale whatever was killed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import Busy
from pipeline.system.files import storage_error

UNWRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT})
"""Errors of a place where nothing can be written."""

_descriptors: set[int] = set()


def _close_in_child() -> None:
    # an OS lock lives as long as any copy of its descriptor: a worker that outlives a killed
    # parent must not keep the workspace locked
    while _descriptors:
        os.close(_descriptors.pop())


os.register_at_fork(after_in_child=_close_in_child)


@contextlib.contextmanager
def writers_lock(path: Path, *, reading: bool = False) -> Iterator[None]:
    """Hold the lock file at `path`.

    Args:
        reading: nothing will be written, so a place that cannot be written is fine.

    Raises:
        Busy: another process holds it.
        StorageError: it cannot be made.
    """
    try:
        descriptor = _opened(path, reading=reading)
    except OSError as error:
        raise storage_error(path, error) from error
    if descriptor is None:
        yield
        return
    _descriptors.add(descriptor)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"another captionmill is at work in {path.parent}: wait for it, or use another "
                "workspace"
            ) from None
        yield
    finally:
        if descriptor in _descriptors:  # not in a forked child, which has none
            _descriptors.remove(descriptor)
            os.close(descriptor)


def _opened(path: Path, *, reading: bool) -> int | None:
    """Descriptor of the lock; None where it neither exists nor can be made."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if not reading or error.errno not in UNWRITABLE:
            raise
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return None
