"""Members of a tar, streamed from its headers: ustar, GNU and pax, without its bytes.

Layout by POSIX (pax, "ustar Interchange Format") and by GNU tar's manual ("Basic Tar Format"). The
standard library's reader keeps each member and takes a header of any length into memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.core.reasons import rejection
from pipeline.storage.containers.member import ContainerError, Member, MemberKind, without_dots

BLOCK = 512
_LONGEST_HEADER = 1 << 20
_PADDING = 1 << 20  # zeros behind the end mark that are looked through for another archive
_KINDS: Mapping[bytes, MemberKind] = {
    **dict.fromkeys((b"0", b"\0", b"7", b"S"), "file"),
    b"1": "hard link",
    b"2": "link",
    b"5": "folder",
    b"D": "folder",
}
_PART = rejection("damaged", "it goes on in another volume")
_PAX_RECORD = re.compile(rb"(\d{1,8}) ([^=\n]+)=")

ReadAt = Callable[[int, int], bytes]
"""Gives at most as many bytes at an offset: fewer only at the end of the archive."""


@dataclass(frozen=True, slots=True)
class TarMember(Member):
    """Member of a tar.

    Attributes:
        data: offset of its bytes.
        packed: bytes in the archive.
        after: offset of the next header.
        sparse: its bytes have holes that the archive leaves out.
    """

    data: int = 0
    packed: int = 0
    after: int = 0
    sparse: bool = False


class _Header(NamedTuple):
    name: bytes
    size: int
    kind: bytes
    target: bytes
    real_size: int


def tar_members(read_at: ReadAt) -> Iterator[TarMember]:
    """Members in order.

    Raises:
        ContainerError: the archive is damaged, or it ends too early.
    """
    at = 0
    while (member := read_member(read_at, at)) is not None:
        yield member
        if member.packed and not read_at(member.after - 1, 1):
            # the last byte of the padding may be missing, the member's own may not
            if not read_at(member.data + member.packed - 1, 1):
                raise ContainerError(f"it was cut off: it ends within {member.name!a}")
            return
        at = member.after


def read_member(read_at: ReadAt, begin: int) -> TarMember | None:
    """Member whose first header is at an offset, None at the end mark.

    Records of pax for all members that follow are passed over: programs write comments there.

    Raises:
        ContainerError: there is no header.
    """
    records, name, target, at = dict[bytes, bytes](), b"", b"", begin
    while (header := _header(read_at, at)) is not None:
        data, after = at + BLOCK, at + BLOCK + _padded(header.size)
        if header.kind in (b"x", b"X"):
            records.update(_pax_records(_small(read_at, data, header)))
        elif header.kind == b"L":
            name = _small(read_at, data, header).rstrip(b"\0")
        elif header.kind == b"K":
            target = _small(read_at, data, header).rstrip(b"\0")
        elif header.kind != b"g":
            return _member(read_at, header, records, (name, target), (begin, at))
        at = after
    if at != begin:
        raise ContainerError(f"it ends after a header of an extension at byte {begin:,}")
    return None


def _member(
    read_at: ReadAt,
    header: _Header,
    records: Mapping[bytes, bytes],
    long_names: tuple[bytes, bytes],
    places: tuple[int, int],
) -> TarMember:
    """Member of its last header, with what extensions before it say."""
    begin, at = places
    sparse_name = records.get(b"GNU.sparse.name")
    name = sparse_name or records.get(b"path") or long_names[0] or header.name
    target = records.get(b"linkpath") or long_names[1] or header.target
    packed = _decimal(records[b"size"]) if b"size" in records else header.size
    kind = _KINDS.get(header.kind, "other")
    if name.endswith(b"/"):
        kind = "folder"
    if kind in ("hard link", "link"):
        packed = 0
    sparse = header.kind == b"S" or any(key.startswith(b"GNU.sparse.") for key in records)
    real = records.get(b"GNU.sparse.realsize") or records.get(b"GNU.sparse.size")
    size = packed if not sparse else _decimal(real) if real else header.real_size
    data = at + BLOCK + (_sparse_blocks(read_at, at) if header.kind == b"S" else 0)
    return TarMember(
        without_dots(name.decode("utf-8", "surrogateescape")),
        begin,
        begin,
        size,
        kind,
        _PART if header.kind == b"M" else None,
        without_dots(target.decode("utf-8", "surrogateescape")),
        data=data,
        packed=packed,
        after=data + _padded(packed),
        sparse=sparse,
    )


def _header(read_at: ReadAt, at: int) -> _Header | None:
    """Header at an offset; None at the end mark or the end of the file."""
    block = read_at(at, BLOCK)
    if not block and at:
        return None
    if len(block) < BLOCK:
        raise ContainerError(f"it was cut off: it ends within a header at byte {at:,}")
    if not block.strip(b"\0"):
        _refuse_more(read_at, at)
        return None
    if _number(block[148:156], at) not in _checksums(block):
        raise ContainerError(f"its header at byte {at:,} is damaged, or is no tar header")
    name = block[:100].split(b"\0", 1)[0]
    is_gnu = block[257:265] == b"ustar  \0"
    if block[257:262] == b"ustar" and not is_gnu:
        prefix = block[345:500].split(b"\0", 1)[0]
        name = prefix + b"/" + name if prefix else name
    return _Header(
        name,
        _number(block[124:136], at),
        block[156:157],
        block[157:257].split(b"\0", 1)[0],
        _number(block[483:495], at) if block[156:157] == b"S" else 0,
    )


def _checksums(block: bytes) -> Iterator[int]:
    """Sums of a header, its checksum blank: of bytes, and of signed ones as by old programs."""
    total = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    yield total
    yield total - 256 * sum(byte > 127 for byte in block[:148] + block[156:])


def _refuse_more(read_at: ReadAt, at: int) -> None:
    """Raise where an archive follows behind the end mark, or an empty block alone is no mark."""
    end = at + _PADDING
    while at < end and (blocks := read_at(at, 64 * BLOCK)):
        if blocks.strip(b"\0"):
            raise ContainerError(
                f"more follows behind its end mark (byte {at:,}): if several archives were joined, "
                "join them with tar --concatenate"
            )
        at += len(blocks)


def _number(field: bytes, at: int) -> int:
    """Number in octal digits, or in GNU's binary form."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip()
    try:
        if digits.strip(b"01234567"):
            raise ValueError(digits)
        return int(digits or b"0", 8)
    except ValueError:
        raise ContainerError(f"its header at byte {at:,} has a number that is none") from None


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 19:
        raise ContainerError("an extended header has a size that is none")
    return int(digits)


def _small(read_at: ReadAt, data: int, header: _Header) -> bytes:
    """Content of an extended header; one that is too long is refused."""
    if header.size > _LONGEST_HEADER:
        raise ContainerError(f"an extended header has {header.size:,} bytes: it is not read")
    content = read_at(data, header.size)
    if len(content) < header.size:
        raise ContainerError("it was cut off: it ends within an extended header")
    return content


def _pax_records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(content) and (match := _PAX_RECORD.match(content, at)):
        end = at + int(match[1])
        if end <= match.end():
            break
        yield match[2], content[match.end() : end - 1]
        at = end


def _sparse_blocks(read_at: ReadAt, at: int) -> int:
    """Bytes of the blocks that go on with GNU's list of a sparse member."""
    extended, length = read_at(at + 482, 1) == b"\1", 0
    while extended and length < _LONGEST_HEADER:
        extended = read_at(at + BLOCK + length + 504, 1) == b"\1"
        length += BLOCK
    return length


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
