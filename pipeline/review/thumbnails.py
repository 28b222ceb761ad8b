"""Pictures of the page, made once from the originals and kept by identity.

A picture is shown only when the file still has the bytes that the caption is about.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.system.files import write_whole

SIDES: Mapping[str, int] = {"small": 400, "large": 1600}
"""Longest sides in pixels."""

_AT_ONCE = 2  # pictures that are decoded at the same time
_CHECK_EVERY = 256  # new pictures


class NoPicture(Exception):
    """There is no picture to show; the text says why, in words."""


MakeThumbnail = Callable[[bytes, str, int], bytes]
"""Gives the JPEG of an original by its identity, its location and the longest side in pixels;
raises `NoPicture` when the file is gone, has changed, or cannot be decoded."""


class Thumbnails:
    """Cache of pictures in `folder`, as JPEG, with a cap on its bytes."""

    def __init__(
        self, folder: Path, make: MakeThumbnail, *, most_bytes: int = 2_000_000_000
    ) -> None:
        self.folder, self._make = folder, make
        self._most_bytes = most_bytes
        self._slots = threading.Semaphore(_AT_ONCE)
        self._made = 0

    def get(self, source_id: bytes, location: str, size: str) -> bytes:
        """JPEG of an original, from the cache or made now.

        Args:
            source_id: SHA-256 of the bytes that the caption is about.
            location: the file's path, or the address that it is stored at.
            size: a word of SIDES.

        Raises:
            NoPicture: the file is gone, has changed, or cannot be decoded.
        """
        name = source_id.hex()
        path = self.folder / name[:2] / f"{name}.{size}.jpg"
        with contextlib.suppress(OSError):
            data = path.read_bytes()
            os.utime(path)  # the cap drops what was not looked at for longest
            return data
        with self._slots:
            data = self._make(source_id, location, SIDES[size])
        self._keep(path, data)
        return data

    def _keep(self, path: Path, data: bytes) -> None:
        with contextlib.suppress(Exception):  # a full disk takes no picture away
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, data)
            self._made += 1
            if self._made % _CHECK_EVERY == 0:
                self.prune()

    def prune(self) -> None:
        """Remove what was not looked at for longest, down to nine tenths of the cap."""
        files = []
        for path in self.folder.glob("*/*.jpg"):
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files) if total > self._most_bytes else ():
            if total <= self._most_bytes * 9 // 10:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size
