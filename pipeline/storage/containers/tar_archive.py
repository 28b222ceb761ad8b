"""Tar archives, plain or in gzip: members by offset."""

from __future__ import annotations

import io
import os
import tarfile
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.reasons import rejection
from pipeline.records import Rejection
from pipeline.storage.containers.gzip_window import GzipWindow
from pipeline.storage.containers.member import ContainerError, Member
from pipeline.storage.containers.tar_headers import (
    BLOCK,
    ReadAt,
    TarMember,
    read_member,
    tar_members,
)

_OTHERS = {
    b"BZh": ("bzip2", "bunzip2 -k"),
    b"\xfd7zXZ\0": ("xz", "unxz -k"),
    b"\x28\xb5\x2f\xfd": ("Zstandard", "unzstd"),
}


class TarArchive:
    """Open tar file."""

    def __init__(self, path: str) -> None:
        """Open it and read its first header.

        Raises:
            OSError: it cannot be read.
            ContainerError: it is no tar, or one that is compressed otherwise than by gzip.
        """
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # closed with its last user, too: a reader may let go of it while a thread still reads
        self._close = weakref.finalize(self, os.close, self._descriptor)
        try:
            self._read_at = _reader(self._descriptor)
            read_member(self._read_at, 0)
        except BaseException:
            self._close()
            raise

    def members(self) -> Iterator[Member]:
        """Members in order."""
        return tar_members(self._read_at)

    def member_at(self, at: int) -> Member:
        """Member whose first header is at an offset."""
        member = read_member(self._read_at, at)
        if member is None:
            raise ContainerError(f"it has no header at byte {at:,}")
        return member

    def read(self, member: Member, most: int, end: int | None = None) -> bytes | Rejection:
        """Bytes of a member; members of a tar cannot lie within each other."""
        del end
        assert isinstance(member, TarMember)
        if member.size > most or member.packed > most + most // 100 + _MAP_BYTES:
            return rejection(
                "too_large_file",
                f"{max(member.size, member.packed):,} bytes",
            )
        try:
            data = (
                self._without_holes(member, member.size)
                if member.sparse
                else self._read_at(member.data, member.size)
            )
        except ContainerError as error:
            return rejection("damaged", str(error))
        except (tarfile.TarError, ValueError) as error:
            return rejection("damaged", str(error))
        if len(data) < member.size:
            return rejection("truncated", "its archive was cut off")
        return data

    def head(self, member: Member, length: int) -> bytes:
        """First bytes of a member."""
        assert isinstance(member, TarMember)
        try:
            if member.sparse:
                return self._without_holes(member, length)
            return self._read_at(member.data, min(length, member.size))
        except (ContainerError, tarfile.TarError, ValueError):
            return b""

    def _without_holes(self, member: TarMember, length: int) -> bytes:
        """Bytes of a sparse member, zeros in its holes: the standard library knows all forms."""
        stream = io.BytesIO(self._read_at(member.at, member.after - member.at) + bytes(2 * BLOCK))
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            inside = tar.next()
            content = None if inside is None else tar.extractfile(inside)
            return b"" if content is None else content.read(length)

    def close(self) -> None:
        """Close the file."""
        self._close()


_MAP_BYTES = 1 << 20


def _reader(descriptor: int) -> ReadAt:
    """Reader of a tar's bytes by offset."""
    head = os.pread(descriptor, BLOCK, 0)
    for magic, (form, command) in _OTHERS.items():
        if head.startswith(magic):
            raise ContainerError(
                f"it is compressed with {form}, which has no way to one member alone: unpack the "
                f"tar itself ({command}), or use gzip"
            )
    if head.startswith(b"\x1f\x8b"):
        return GzipWindow(descriptor).read_at
    return lambda offset, length: os.pread(descriptor, length, offset)


def is_tar(path: str) -> bool:
    """Recognise a tar, plain or in gzip, by its first header.

    Raises:
        OSError: it cannot be read.
    """
    with Path(path).open("rb", buffering=0) as file:
        head = file.read(BLOCK) or b""
        if head.startswith(b"\x1f\x8b"):
            try:
                head = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(
                    head + (file.read(1 << 16) or b""), BLOCK
                )
            except zlib.error:
                return False
        try:
            return read_member(lambda at, length: head[at : at + length], 0) is not None
        except ContainerError:
            return len(head) == BLOCK and head[257:262] == b"ustar"
