"""Directory of a zip file, streamed: a million members are never held at once.

Layout by PKWARE's APPNOTE 6.3.10: the end record (4.3.16), its Zip64 forms (4.3.14, 4.3.15), the
central directory (4.3.12). Names are UTF-8 where the archive says so or their bytes are, else
cp437; Info-ZIP's field 0x7075 gives the name in UTF-8 beside another one (4.6.9).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.core.reasons import SOURCE, rejection
from pipeline.records import Rejection
from pipeline.storage.containers.member import ContainerError, Member, MemberKind, without_dots

STORED, DEFLATED, BZIP2, LZMA, ZSTD = 0, 8, 12, 14, 93
READABLE = frozenset((STORED, DEFLATED, BZIP2, LZMA, ZSTD, 20))  # 20 was Zstandard's number first
_OTHER_METHODS = {
    **dict.fromkeys((1, 2, 3, 4, 5), "an old method"),
    6: "Implode",
    9: "Deflate64",
    95: "XZ",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
}

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_LONGEST_COMMENT = 0xFFFF
_LONGEST_ENTRY = 46 + 3 * 0xFFFF
_BLOCK = 1 << 21
_UNKNOWN = 0xFFFFFFFF
_ENCRYPTED, _UTF_8 = 0x1, 0x800
_UNIX = 3
_CUT = "it has no directory at its end: it was cut off, or is no zip file"
_FORMAT, _FOLDER, _LINK = 0o170000, 0o040000, 0o120000
_FILES = (0, 0o100000, 0o010000)  # a pipe's mode is that of what was packed from one


@dataclass(frozen=True, slots=True)
class ZipMember(Member):
    """Entry of a zip's directory.

    Attributes:
        method: of compression.
        packed: bytes in the archive.
        checksum: CRC-32 of its bytes.
        raw_name: name as the directory writes it.
    """

    method: int = STORED
    packed: int = 0
    checksum: int = 0
    raw_name: bytes = b""


class ZipPlace(NamedTuple):
    """Place of a zip's directory: offsets in the file, and what offsets inside it are short of
    (a program before the archive, as self-extracting ones have)."""

    begin: int
    end: int
    shift: int
    members: int


def find_directory(descriptor: int, size: int) -> ZipPlace:
    """Find the directory of a zip file of `size` bytes.

    Raises:
        ContainerError: it has none, or one outside of the file, or other volumes.
    """
    tail_at = max(0, size - _LONGEST_COMMENT - _END.size)
    tail = os.pread(descriptor, size - tail_at, tail_at)
    at = _end_record(tail)
    has_more = at < 0  # bytes behind it that are no comment
    if has_more and not 0 <= (at := tail.rfind(b"PK\5\6")) <= len(tail) - _END.size:
        raise ContainerError(_CUT)
    _, disk, first_disk, _, count, length, begin, _ = _END.unpack_from(tail, at)
    end = tail_at + at
    if (end_64 := _end_64(descriptor, end)) is not None:
        end, disk, first_disk, count, length, begin = end_64
    if disk or first_disk:
        raise ContainerError("it is one volume of several: join them first (zip -s 0)")
    shift = end - length - begin
    if shift and has_more:  # the directory of an archive that is a member of this one
        raise ContainerError(_CUT)
    if shift < 0:
        raise ContainerError("its directory is said to lie outside of the file")
    return ZipPlace(begin + shift, end, shift, count)


def _end_record(tail: bytes) -> int:
    """Offset of the end record in the last bytes of a file, -1 for none: its comment, which may
    hold another one, reaches to the end of the file."""
    at = len(tail)
    while (at := tail.rfind(b"PK\5\6", 0, max(0, at))) >= 0:
        if at + _END.size <= len(tail):
            *_, comment = _END.unpack_from(tail, at)
            if at + _END.size + comment == len(tail):
                break
    return at


def _end_64(descriptor: int, end: int) -> tuple[int, int, int, int, int, int] | None:
    """(offset, disk, first disk, members, bytes, begin) of the Zip64 record, None without one."""
    locator = os.pread(descriptor, _LOCATOR.size, max(0, end - _LOCATOR.size))
    if not locator.startswith(b"PK\6\7") or len(locator) < _LOCATOR.size:
        return None
    # as written, or where it lies behind a program's bytes: just before its locator
    for at in (_LOCATOR.unpack(locator)[2], end - _LOCATOR.size - _END_64.size):
        if not 0 <= at < end:
            continue
        record = os.pread(descriptor, _END_64.size, at)
        if record.startswith(b"PK\6\6") and len(record) == _END_64.size:
            *_, disk, first_disk, _, count, length, begin = _END_64.unpack(record)
            return at, disk, first_disk, count, length, begin
    raise ContainerError("its Zip64 directory is not where it is said to be")


def zip_members(descriptor: int, place: ZipPlace) -> Iterator[ZipMember]:
    """Members in the directory's order.

    Raises:
        ContainerError: an entry is damaged, or there are others than the end record says.
    """
    at, count = place.begin, 0
    block, block_at = b"", place.begin
    while at < place.end:
        offset = at - block_at
        if offset + _LONGEST_ENTRY > len(block) and block_at + len(block) < place.end:
            block, block_at, offset = os.pread(descriptor, _BLOCK, at), at, 0
        member, length = parse_entry(block, at, place, offset)
        yield member
        at += length
        count += 1
    if place.members not in (count, count & 0xFFFF):
        raise ContainerError(f"its directory has {count:,} members and says {place.members:,}")


def read_entry(descriptor: int, at: int, place: ZipPlace) -> ZipMember:
    """Member whose entry is at an offset.

    Raises:
        ContainerError: there is none.
    """
    if not place.begin <= at < place.end:
        raise ContainerError("its directory has no entry there")
    return parse_entry(os.pread(descriptor, _LONGEST_ENTRY, at), at, place)[0]


def parse_entry(block: bytes, at: int, place: ZipPlace, offset: int = 0) -> tuple[ZipMember, int]:
    """Member of the entry at an offset of a block, and the entry's length; `at` is its place in
    the file.

    Raises:
        ContainerError: the bytes are no entry, or reach beyond the directory.
    """
    if len(block) < offset + _ENTRY.size or block[offset : offset + 4] != b"PK\1\2":
        raise ContainerError(f"its directory is damaged at byte {at:,}")
    fields = _ENTRY.unpack_from(block, offset)
    _, _, system, _, _, flags, method, _, _, checksum, packed, size, names, extras, comment = (
        fields[:15]
    )
    attributes, begin = fields[-2:]
    length = _ENTRY.size + names + extras + comment
    if offset + length > len(block) or at + length > place.end:
        raise ContainerError(f"its directory is damaged at byte {at:,}")
    name_at = offset + _ENTRY.size
    raw_name = block[name_at : name_at + names]
    extra = block[name_at + names : name_at + names + extras]
    size, packed, begin = _wide(extra, size, packed, begin)
    name = without_dots(_name(raw_name, extra, in_utf_8=bool(flags & _UTF_8)))
    member = ZipMember(
        name,
        at,
        begin + place.shift,
        size,
        _kind(name, attributes >> 16 if system == _UNIX else 0),
        _problem(flags, method),
        method=method,
        packed=packed,
        checksum=checksum,
        raw_name=raw_name,
    )
    return member, length


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _wide(extra: bytes, *narrow: int) -> list[int]:
    """Numbers with those of the Zip64 field (4.5.3) in place of the ones that are full."""
    if _UNKNOWN not in narrow:
        return list(narrow)
    data = next((data for kind, data in _extra_fields(extra) if kind == 1), b"")
    wide = iter(struct.unpack_from(f"<{len(data) // 8}Q", data))
    return [next(wide, number) if number == _UNKNOWN else number for number in narrow]


def _name(raw: bytes, extra: bytes, *, in_utf_8: bool) -> str:
    if not in_utf_8 and not raw.isascii():
        for kind, data in _extra_fields(extra):
            if kind == 0x7075 and data[1:5] == struct.pack("<L", zlib.crc32(raw)):
                return data[5:].decode("utf-8", "surrogateescape")
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("cp437")
    return raw.decode("utf-8", "surrogateescape")


def _kind(name: str, mode: int) -> MemberKind:
    if name.endswith("/") or mode & _FORMAT == _FOLDER:
        return "folder"
    if mode & _FORMAT == _LINK:
        return "link"
    return "file" if mode & _FORMAT in _FILES else "other"


def _problem(flags: int, method: int) -> Rejection | None:
    if flags & _ENCRYPTED:
        return rejection("encrypted", "unpack it first", SOURCE)
    if method in READABLE:
        return None
    words = _OTHER_METHODS.get(method, "an unknown method")
    return rejection("unknown_compression", f"{words} ({method}); pack it anew", SOURCE)
