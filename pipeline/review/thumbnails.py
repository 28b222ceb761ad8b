"""Pictures of the page, made once from the originals and kept by identity.

A picture is shown only when the file still has the bytes that the caption is about.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from pipeline.imaging.thumbnail import make_thumbnail
from pipeline.records import NotHere, OpenOriginal
from pipeline.system.files import write_whole

SIDES: Mapping[str, int] = {"small": 400, "large": 1600}
"""Longest sides in pixels."""

_AT_ONCE = 2  # pictures that are decoded at the same time
_CHECK_EVERY = 256  # new pictures


class NoPicture(Exception):
    """There is no picture to show; the text says why, in words."""


class Thumbnails:
    """Cache of pictures in `folder`, as JPEG, with a cap on its bytes."""

    def __init__(
        self,
        folder: Path,
        originals: OpenOriginal = nullcontext,
        *,
        most_bytes: int = 2_000_000_000,
    ) -> None:
        self.folder, self._originals = folder, originals
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

    def _make(self, source_id: bytes, location: str, side: int) -> bytes:
        try:
            with self._originals(location) as path:
                return _made(source_id, path, side)
        except NotHere as error:
            gone = error.rejection.code == "vanished"
            raise NoPicture("the file is gone" if gone else str(error)) from error

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


def _made(source_id: bytes, location: str, side: int) -> bytes:
    thumbnail = make_thumbnail(location, side)
    if thumbnail.problem:
        gone = thumbnail.source_id is None and not Path(location).exists()
        raise NoPicture("the file is gone" if gone else thumbnail.problem)
    if thumbnail.source_id != source_id:
        raise NoPicture("the file has changed since it was captioned: run again")
    return thumbnail.jpeg
