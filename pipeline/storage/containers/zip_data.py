"""Bytes of a zip's members: by any method that can be undone with what is installed, checked
against the directory, and never more of them than it says."""

from __future__ import annotations

import bz2
import lzma
import os
import struct
import weakref
import zlib
from collections.abc import Iterator

from pipeline.core.reasons import rejection
from pipeline.records import Rejection
from pipeline.storage.containers.member import ContainerError, Member
from pipeline.storage.containers.zip_directory import (
    BZIP2,
    DEFLATED,
    LZMA,
    STORED,
    ZipMember,
    find_directory,
    read_entry,
    zip_members,
)

_LOCAL = struct.Struct("<4s22x2H")
_HEAD_PACKED = 1 << 16
_UNDO_ERRORS = (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError, struct.error)


class ZipArchive:
    """Open zip file."""

    def __init__(self, path: str) -> None:
        """Open it and find its directory.

        Raises:
            OSError: it cannot be read.
            ContainerError: it has no directory.
        """
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # closed with its last user, too: a reader may let go of it while a thread still reads
        self._close = weakref.finalize(self, os.close, self._descriptor)
        try:
            self._place = find_directory(self._descriptor, os.fstat(self._descriptor).st_size)
        except BaseException:
            self._close()
            raise

    def members(self) -> Iterator[Member]:
        """Members in the directory's order."""
        return zip_members(self._descriptor, self._place)

    def member_at(self, at: int) -> Member:
        """Member whose entry is at an offset of the directory."""
        return read_entry(self._descriptor, at, self._place)

    def read(self, member: Member, most: int, end: int | None = None) -> bytes | Rejection:
        """Bytes of a member."""
        assert isinstance(member, ZipMember)
        # what cannot be made smaller grows by a few bytes in a thousand
        if member.size > most or member.packed > most + most // 100 + 1024:
            return rejection(
                "too_large_file",
                f"{max(member.size, member.packed):,} bytes",
            )
        try:
            packed = self._packed(member, member.packed, end)
            # LZMA has no end of its own where 7-Zip wrote it
            data = decompressed(packed, member.method, member.size + (member.method != LZMA))
        except ContainerError as error:
            return rejection("damaged", str(error))
        except _UNDO_ERRORS as error:
            return rejection("damaged", str(error))
        if len(data) != member.size:
            compared = "more" if len(data) > member.size else "fewer"
            words = f"the archive holds {compared} bytes than the {member.size:,} that it says"
            return rejection("damaged", f"{words}")
        if zlib.crc32(data) != member.checksum:
            return rejection("damaged", "the archive's checksum differs")
        return data

    def head(self, member: Member, length: int) -> bytes:
        """First bytes of a member."""
        assert isinstance(member, ZipMember)
        try:
            packed = self._packed(member, min(member.packed, _HEAD_PACKED), None)
            return decompressed(packed, member.method, length)
        except (ContainerError, *_UNDO_ERRORS):
            return b""

    def _packed(self, member: ZipMember, length: int, end: int | None) -> bytes:
        """First bytes of what the archive holds of a member."""
        header = os.pread(self._descriptor, _LOCAL.size + len(member.raw_name), member.begin)
        if not header.startswith(b"PK\3\4") or len(header) < _LOCAL.size:
            raise ContainerError("it does not begin where the directory says")
        _, names, extras = _LOCAL.unpack_from(header)
        if header[_LOCAL.size :] != member.raw_name or names != len(member.raw_name):
            raise ContainerError("it has another name there than in the directory")
        begin = member.begin + _LOCAL.size + names + extras
        if begin + member.packed > (self._place.begin if end is None else end):
            raise ContainerError("it reaches into the next member")
        data = os.pread(self._descriptor, length, begin)
        if len(data) < length:
            raise ContainerError("the archive ends in the middle of it")
        return data

    def close(self) -> None:
        """Close the file."""
        self._close()


def decompressed(packed: bytes, method: int, most: int) -> bytes:
    """First `most` bytes of what was compressed."""
    if method == STORED:
        return packed[:most]
    if method == DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    if method == BZIP2:
        return _all_of(bz2.BZ2Decompressor(), packed, most)
    if method == LZMA:
        return _all_of(*_lzma(packed), most)
    import pyarrow as pa

    with pa.CompressedInputStream(pa.py_buffer(packed), "zstd") as stream:
        data: bytes = stream.read(most)
        return data


def _all_of(undo: bz2.BZ2Decompressor | lzma.LZMADecompressor, packed: bytes, most: int) -> bytes:
    data = undo.decompress(packed, most)
    while len(data) < most and not undo.eof and not undo.needs_input:
        data += undo.decompress(b"", most - len(data))
    return data


def _lzma(packed: bytes) -> tuple[lzma.LZMADecompressor, bytes]:
    """Decompressor for LZMA as a zip has it (APPNOTE 5.8.8), and the bytes that it is for."""
    length, properties, dictionary = struct.unpack_from("<2xHBL", packed)
    rest, lc = divmod(properties, 9)
    pb, lp = divmod(rest, 5)
    if length != 5 or pb > 4 or dictionary > 1 << 28:
        raise ValueError("its LZMA parameters are not possible")
    form = {"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[form]), packed[4 + length :]
