from __future__ import annotations

import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.records import Rejection
from pipeline.storage.containers.member import MemberIndex
from pipeline.storage.containers.zip_data import ZipArchive, decompressed
from tests.storage.containers.places import MADE
from tests.storage.containers.zips import LOCAL, packed, patched, read

DATA = bytes(range(256)) * 40


def code(answer: object) -> str:
    assert isinstance(answer, Rejection), answer
    return answer.code


@pytest.mark.parametrize(
    "method",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_methods_are_undone(tmp_path: Path, method: int) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": DATA, "empty.jpg": b""}, method)
    assert read(path, "a.jpg") == DATA
    assert read(path, "empty.jpg") == b""
    archive = ZipArchive(str(path))
    assert archive.head(next(iter(archive.members())), 100) == DATA[:100]
    archive.close()


@pytest.mark.parametrize("method", [20, 93])
def test_zstandard_is_undone(tmp_path: Path, method: int) -> None:
    squeezed = pa.compress(DATA, "zstd", asbytes=True)
    path = packed(tmp_path / "a.zip", {"a.jpg": squeezed})
    patched(path, 10, "<H", method)
    patched(path, 16, "<3L", zlib.crc32(DATA), len(squeezed), len(DATA))
    assert read(path, "a.jpg") == DATA


def test_lzma_without_an_end_of_its_own_is_undone() -> None:
    infozip, sevenzip = (MADE / name for name in ("infozip.zip", "7zip-lzma.zip"))
    for name in ("red.jpg", "sub/deep/blue.one.jpg"):
        assert read(sevenzip, name) == read(infozip, name)
        assert isinstance(read(sevenzip, name), bytes)


@pytest.mark.parametrize("method", [8, 12, 14, 93])
def test_damage_is_a_row(tmp_path: Path, method: int) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"\xff" * 100})
    patched(path, 10, "<H", method)
    assert code(read(path, "a.jpg")) == "damaged"


def test_flipped_bytes_are_found_by_the_checksum(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": DATA})
    path.write_bytes(path.read_bytes().replace(DATA[:50], DATA[:49] + b"!", 1))
    assert code(read(path, "a.jpg")) == "damaged"


def test_a_declared_bomb_is_never_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"x"})
    patched(path, 24, "<L", 4_000_000_000)
    assert code(read(path, "a.jpg")) == "too_large_file"


def test_an_undeclared_bomb_ends_where_its_directory_says(tmp_path: Path) -> None:
    bomb = packed(tmp_path / "a.zip", {"a.jpg": bytes(16 << 20)}, zipfile.ZIP_DEFLATED)
    patched(bomb, 24, "<L", 1000)
    tracemalloc.start()
    refused = read(bomb, "a.jpg")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code(refused) == "damaged"
    assert "more bytes" in getattr(refused, "detail", "")
    assert peak < 4 << 20


def test_fewer_bytes_than_the_directory_says_are_damage(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": DATA}, zipfile.ZIP_DEFLATED)
    patched(path, 24, "<L", len(DATA) + 5)
    assert "fewer" in getattr(read(path, "a.jpg"), "detail", "")


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """A quine of members within members: 5 GB out of 40 KB."""
    path = packed(tmp_path / "a.zip", {"a.jpg": DATA, "b.jpg": DATA})
    data = bytearray(path.read_bytes())
    first = data.find(b"PK\1\2")
    second = data.find(LOCAL, 1)
    longer = struct.pack("<2L", second + len(DATA), second + len(DATA))
    data[first + 20 : first + 28] = longer
    path.write_bytes(data)
    assert "next member" in getattr(read(path, "a.jpg"), "detail", "")
    assert read(path, "b.jpg") == DATA


def test_a_member_with_another_name_before_its_bytes_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": DATA})
    path.write_bytes(path.read_bytes().replace(b"a.jpg", b"b.jpg", 1))
    assert "another name" in getattr(read(path, "a.jpg"), "detail", "")


@pytest.mark.parametrize("begin", [3, 1 << 31])
def test_a_member_that_does_not_begin_where_it_says_is_refused(tmp_path: Path, begin: int) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": DATA})
    patched(path, 42, "<L", begin)
    assert code(read(path, "a.jpg")) == "damaged"


def test_the_head_of_damage_is_empty(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": DATA})
    patched(path, 42, "<L", 7)
    archive = ZipArchive(str(path))
    assert archive.head(next(iter(archive.members())), 10) == b""
    archive.close()


def test_impossible_lzma_parameters_are_refused() -> None:
    for properties, dictionary in ((225, 1 << 16), (93, 1 << 31)):
        head = struct.pack("<2xHBL", 5, properties, dictionary)
        with pytest.raises(ValueError, match="not possible"):
            decompressed(head + b"xxxx", 14, 10)


def test_an_archive_is_closed_with_its_last_user(tmp_path: Path) -> None:
    archive = ZipArchive(str(packed(tmp_path / "a.zip", {"a.jpg": DATA})))
    archive.close()
    with pytest.raises(OSError, match="Bad file"):
        MemberIndex(archive.members())
