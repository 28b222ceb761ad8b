"""Bytes as local files for decoders, which hold no credentials and no sockets.

Where the system has them the files have no names: they are gone with this process, whatever kills
it, and other processes of the user open them as `/proc/PID/fd/N`. Elsewhere they are temporary
files.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

HAS_ANONYMOUS_FILES = hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir()


class SpooledFile:
    """Local file that lasts until it is freed.

    Attributes:
        path: openable by other processes of this user as long as this one lives.
        size: bytes.
    """

    __slots__ = ("_descriptor", "path", "size")

    def __init__(self, descriptor: int, path: str, size: int) -> None:
        self._descriptor: int | None = descriptor
        self.path, self.size = path, size

    def free(self) -> None:
        """Remove the file; safe to call again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
            if not self.path.startswith("/proc/"):
                with contextlib.suppress(OSError):
                    Path(self.path).unlink()


def spooled(data: bytes, *, anonymous: bool = HAS_ANONYMOUS_FILES) -> SpooledFile:
    """File of these bytes.

    Raises:
        OSError: no room, or too many open files.
    """
    descriptor, path = _opened(anonymous)
    file = SpooledFile(descriptor, path, len(data))
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:
        file.free()
        raise
    return file


def _opened(anonymous: bool) -> tuple[int, str]:
    if anonymous:
        descriptor = os.memfd_create("captionmill", os.MFD_CLOEXEC)
        return descriptor, f"/proc/{os.getpid()}/fd/{descriptor}"
    return tempfile.mkstemp(prefix="captionmill-")
