from __future__ import annotations

import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from pipeline.storage.containers.member import ContainerError, Member, MemberIndex
from pipeline.storage.containers.zip_data import ZipArchive
from pipeline.storage.containers.zip_directory import (
    ZipPlace,
    find_directory,
    parse_entry,
    read_entry,
)
from tests.storage.containers.places import MADE
from tests.storage.containers.zips import CENTRAL, packed, patched, read

CHECK = zlib.crc32(b"gr?\x81n")


def members(path: Path) -> list[Member]:
    archive = ZipArchive(str(path))
    try:
        return list(archive.members())
    finally:
        archive.close()


def names(path: Path) -> list[str]:
    return [member.name for member in members(path)]


def test_each_entry_is_read_again_at_its_place(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {f"{n}.jpg": b"x" * n for n in range(50)})
    archive = ZipArchive(str(path))
    for member in archive.members():
        assert archive.member_at(member.at) == member
    with pytest.raises(ContainerError):
        archive.member_at(0)
    archive.close()


def test_a_program_before_the_archive_and_a_comment_behind_it(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"bytes"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"a comment with PK\5\6 in it, which is no end record" * 3
    path.write_bytes(b"#!/bin/sh\nexit\n" * 100 + path.read_bytes())
    assert read(path, "a.jpg") == b"bytes"


def test_zip64_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("a.jpg", "w", force_zip64=True) as out:
        out.write(b"bytes")
    data = bytearray(path.read_bytes())
    # the directory's numbers are moved into its Zip64 field, and the end record's into the 64 one
    begin = data.find(CENTRAL)
    entry = data[begin : data.find(b"PK\5\6")]
    size, packed_size, at = 5, 5, struct.unpack_from("<L", entry, 42)[0]
    struct.pack_into("<2L", entry, 20, *[0xFFFFFFFF] * 2)
    struct.pack_into("<L", entry, 42, 0xFFFFFFFF)
    name_length, extra_length = struct.unpack_from("<2H", entry, 28)
    wide = struct.pack("<2H3Q", 1, 24, size, packed_size, at)
    struct.pack_into("<H", entry, 30, extra_length + len(wide))
    entry[46 + name_length : 46 + name_length] = wide
    end = begin + len(entry)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(entry), begin)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, *[0xFFFFFFFF] * 2, 0)
    path.write_bytes(data[:begin] + entry + record + locator + last)
    assert read(path, "a.jpg") == b"bytes"
    path.write_bytes(data[:begin] + entry + b"XX\6\6" + record[4:] + locator + last)
    with pytest.raises(ContainerError, match="Zip64"):
        members(path)


def test_more_members_than_sixteen_bits_count(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b""})
    data = path.read_bytes()
    begin, end = data.find(CENTRAL), data.find(b"PK\5\6")
    entries = data[begin:end] * 65_540
    # as programs write it that know no Zip64
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 4, 4, len(entries), begin, 0)
    path.write_bytes(data[:begin] + entries + last)
    archive = ZipArchive(str(path))
    index = MemberIndex(archive.members())
    archive.close()
    assert (len(index), index.damage) == (65_540, "")


def test_memory_does_not_hold_the_members(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {f"folder/{n:060}.jpg": b"" for n in range(2_000)})
    archive = ZipArchive(str(path))
    MemberIndex([])  # numpy is loaded
    tracemalloc.start()
    index = MemberIndex(archive.members())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    archive.close()
    assert len(index) == 2_000
    assert peak < 3_000_000  # blocks of the directory, and 24 bytes a member three times over


@pytest.mark.parametrize(
    ("raw", "flags", "extra", "name"),
    [
        ("grün.jpg".encode(), 0x800, b"", "grün.jpg"),
        ("grün.jpg".encode(), 0, b"", "grün.jpg"),  # written on Unix, without saying so
        ("grün.jpg".encode("cp437"), 0, b"", "grün.jpg"),
        (b"gr\xfcn.jpg", 0x800, b"", "gr\udcfcn.jpg"),
        (b"gr?\x81n", 0, b"\1" + struct.pack("<L", CHECK) + b"gr\xc3\xbcn", "grün"),
        (b"gr\x81n.jpg", 0, b"\1" + struct.pack("<L", 0) + b"other", "grün.jpg"),
    ],
)  # fmt: skip
def test_names_are_read_as_they_were_meant(raw: bytes, flags: int, extra: bytes, name: str) -> None:
    field = struct.pack("<2H", 0x7075, len(extra)) + extra if extra else b""
    entry = struct.pack(
        "<4s4B4HL2L5H2L", CENTRAL, 20, 3, 20, 0, flags, 0, 0, 0, 0, 1, 1,
        len(raw), len(field), 0, 0, 0, 0, 0,
    )  # fmt: skip
    data = entry + raw + field
    place = find_directory_of(len(data))
    member, length = parse_entry(data, 0, place)
    assert (member.name, length, member.raw_name) == (name, len(data), raw)


def find_directory_of(length: int) -> ZipPlace:

    return ZipPlace(0, length, 0, 1)


def test_kinds_are_told_by_the_modes_of_unix() -> None:
    archive = ZipArchive(str(MADE / "infozip.zip"))
    kinds = {member.name: member.kind for member in archive.members()}
    archive.close()
    assert (kinds["sub/"], kinds["red.jpg"], kinds["soft.jpg"]) == ("folder", "file", "link")


def test_an_encrypted_member_says_so() -> None:
    (member,) = members(MADE / "encrypted.zip")
    assert member.problem is not None
    assert member.problem.code == "encrypted"


@pytest.mark.parametrize(("method", "word"), [(9, "Deflate64"), (98, "PPMd"), (77, "unknown")])
def test_an_unread_method_says_so(tmp_path: Path, method: int, word: str) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"bytes"})
    patched(path, 10, "<H", method)
    (member,) = members(path)
    assert member.problem is not None
    assert member.problem.code == "unknown_compression"
    assert word in member.problem.detail


def test_a_cut_archive_has_no_directory(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"bytes" * 100})
    whole = path.read_bytes()
    for length in (0, 4, 300, len(whole) - 23):
        path.write_bytes(whole[:length])
        with pytest.raises(ContainerError, match="cut off"):
            members(path)


def test_bytes_behind_the_archive_are_let_be(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"bytes" * 100, "b.jpg": b"x"})
    path.write_bytes(path.read_bytes() + b"\r\n-----\0\0")
    assert names(path) == ["a.jpg", "b.jpg"]
    assert read(path, "a.jpg") == b"bytes" * 100


def test_a_cut_archive_is_not_taken_for_the_one_inside_of_it(tmp_path: Path) -> None:
    inner = packed(tmp_path / "inner.zip", {"a.jpg": b"bytes"}).read_bytes()
    path = packed(tmp_path / "a.zip", {"inner.zip": inner, "b.jpg": b"bytes" * 100})
    whole = path.read_bytes()
    for length in (len(whole) - 200, len(whole) - 600, whole.find(b"b.jpg")):
        path.write_bytes(whole[:length])
        with pytest.raises(ContainerError, match="cut off"):
            members(path)


def test_what_was_packed_from_a_pipe_is_a_file() -> None:
    (member,) = members(MADE / "piped.zip")
    assert member.kind == "file"
    assert isinstance(read(MADE / "piped.zip", "-"), bytes)


def test_a_directory_said_to_lie_elsewhere_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"bytes"})
    patched(path, 12, "<L", 1 << 30, header=b"PK\5\6")
    with pytest.raises(ContainerError, match="outside"):
        members(path)


def test_a_volume_of_several_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"bytes"})
    patched(path, 4, "<2H", 1, 1, header=b"PK\5\6")
    with pytest.raises(ContainerError, match="volume"):
        members(path)


def test_a_damaged_entry_ends_the_listing(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"", "b.jpg": b""})
    data = bytearray(path.read_bytes())
    data[data.rfind(CENTRAL)] = 0
    path.write_bytes(data)
    archive = ZipArchive(str(path))
    index = MemberIndex(archive.members())
    archive.close()
    assert (len(index), "damaged" in index.damage) == (1, True)


def test_a_directory_with_another_number_of_members_says_so(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"", "b.jpg": b""})
    patched(path, 8, "<2H", 9, 9, header=b"PK\5\6")
    archive = ZipArchive(str(path))
    index = MemberIndex(archive.members())
    archive.close()
    assert (len(index), index.damage) == (2, "its directory has 2 members and says 9")


def test_an_entry_outside_of_the_directory_is_none(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"bytes"})
    with path.open("rb") as file:
        place = find_directory(file.fileno(), path.stat().st_size)
        with pytest.raises(ContainerError):
            read_entry(file.fileno(), place.end, place)
        with pytest.raises(ContainerError, match="damaged"):
            read_entry(file.fileno(), place.begin + 1, place)
