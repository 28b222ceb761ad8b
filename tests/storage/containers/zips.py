"""Zip files that no program makes: the standard library's, with bytes changed."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from pipeline.storage.containers.member import MemberIndex, read_named
from pipeline.storage.containers.zip_data import ZipArchive

CENTRAL, LOCAL = b"PK\1\2", b"PK\3\4"


def packed(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def patched(path: Path, at: int, form: str, *values: int, header: bytes = CENTRAL) -> None:
    """Put numbers into each header of a kind, `at` bytes behind its begin."""
    data = bytearray(path.read_bytes())
    begin = -1
    while (begin := data.find(header, begin + 1)) >= 0:
        struct.pack_into(form, data, begin + at, *values)
    path.write_bytes(data)


def read(path: Path, name: str, most: int = 1 << 20) -> object:
    archive = ZipArchive(str(path))
    try:
        return read_named(archive, MemberIndex(archive.members()), name, most)
    finally:
        archive.close()
