"""Raw files: output and error files as they came, compressed, durable before anything is read.

They are gzip, which every program reads; ISA-L writes and reads it several times as quickly as
zlib.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from isal import igzip, isal_zlib

from pipeline.core.answer_lines import LinePage, line_pages
from pipeline.errors import StorageError
from pipeline.system.files import put_aside, whole_file

_DAMAGE = (OSError, EOFError, cast(type[Exception], isal_zlib.error))


class DamagedFile(StorageError):
    """Raw file that was whole when it was stored, and is not any more."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is damaged ({reason})")
        self.path, self.reason = path, reason


def store_compressed(source: Path, target: Path) -> None:
    """Store a raw file, durably and compressed."""
    with (
        source.open("rb") as plain,
        whole_file(target) as handle,
        # mtime 0: the same results give the same bytes
        igzip.IGzipFile(fileobj=handle, mode="wb", compresslevel=2, mtime=0) as packed,
    ):
        shutil.copyfileobj(plain, packed, 1 << 20)


def store_newer(source: Path, target: Path) -> None:
    """Store a raw file that is fetched again; an earlier one that was longer is put aside, as
    nobody knows which of the two is right."""
    if target.exists() and (damage_of(target) or _plain_size(target) > source.stat().st_size):
        put_aside(target, "earlier")
    store_compressed(source, target)


def _plain_size(path: Path) -> int:
    with igzip.open(path, "rb") as stream:
        return int(stream.seek(0, io.SEEK_END))


def pages_of(path: Path) -> Iterator[LinePage]:
    """Pages of the lines of a raw file, which was complete when it was stored.

    Raises:
        DamagedFile: it was damaged since.
    """
    try:
        with igzip.open(path, "rb") as stream:
            yield from line_pages(stream)
        _require_bytes(path)  # gzip takes no bytes for the end of a file
    except _DAMAGE as error:
        raise DamagedFile(path, str(error)) from error


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines of a raw file that are not blank, with their byte offsets; raises as `pages_of`."""
    return (placed for page in pages_of(path) for placed in page.placed() if placed[1].strip())


def damage_of(path: Path) -> str | None:
    """Damage of a raw file, None for a sound one."""
    try:
        with igzip.open(path, "rb") as stream:
            while stream.read(1 << 20):
                pass
        _require_bytes(path)
    except _DAMAGE as error:
        return str(error)
    return None


def _require_bytes(path: Path) -> None:
    if not path.stat().st_size:
        raise EOFError("it is empty")
