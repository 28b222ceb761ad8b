from __future__ import annotations

import gzip
import os
import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.storage.containers import gzip_window
from pipeline.storage.containers.gzip_window import GzipWindow
from pipeline.storage.containers.member import ContainerError

DATA = random.Random(7).randbytes(700_000) + bytes(900_000)


@contextmanager
def window(path: Path, data: bytes, spacing: int = 100_000) -> Iterator[GzipWindow]:
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield GzipWindow(descriptor, spacing)
    finally:
        os.close(descriptor)


def test_any_place_in_any_order(tmp_path: Path) -> None:
    with window(tmp_path / "a", gzip.compress(DATA)) as opened:
        chance = random.Random(1)
        for _ in range(60):
            offset, length = chance.randrange(len(DATA)), chance.randrange(5_000)
            assert opened.read_at(offset, length) == DATA[offset : offset + length]
        assert opened.read_at(len(DATA) - 3, 10) == DATA[-3:]
        assert opened.read_at(len(DATA) + 3, 10) == b""
        assert opened.read_at(0, len(DATA) + 1) == DATA


def test_parts_one_behind_another_and_zeros_behind_them(tmp_path: Path) -> None:
    parts = gzip.compress(DATA[:1000]) + gzip.compress(b"") + gzip.compress(DATA[1000:])
    with window(tmp_path / "a", parts + bytes(700)) as opened:
        assert opened.read_at(0, len(DATA) + 1) == DATA
        assert opened.read_at(990, 20) == DATA[990:1010]


def test_a_place_before_is_not_unpacked_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with window(tmp_path / "a", gzip.compress(DATA)) as opened:
        opened.read_at(len(DATA) - 1, 1)
        read: list[int] = []
        pread = os.pread

        def counted(descriptor: int, length: int, offset: int) -> bytes:
            read.append(offset)
            return pread(descriptor, length, offset)

        monkeypatch.setattr(gzip_window.os, "pread", counted)
        assert opened.read_at(600_000, 10) == DATA[600_000:600_010]
        assert read
        assert min(read) > 300_000


def test_copies_are_bounded(tmp_path: Path) -> None:
    with window(tmp_path / "a", gzip.compress(bytes(70_000_000), 1), spacing=1) as opened:
        assert opened.read_at(69_999_999, 5) == b"\0"
        assert 50 < len(opened._copies) <= 256
        assert opened.read_at(5, 1) == b"\0"


@pytest.mark.parametrize("cut", [5, 50, 300_000])
def test_a_cut_file_says_so(tmp_path: Path, cut: int) -> None:
    with (
        window(tmp_path / "a", gzip.compress(DATA)[:-cut]) as opened,
        pytest.raises(ContainerError, match="cut off"),
    ):
        opened.read_at(0, len(DATA) + 1)


def test_damage_says_where(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(DATA))
    damaged[-6] ^= 1  # of the checksum
    with (
        window(tmp_path / "a", bytes(damaged)) as opened,
        pytest.raises(ContainerError, match="damaged at byte"),
    ):
        opened.read_at(0, len(DATA) + 1)


def test_a_bomb_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_window, "_ALWAYS_UNPACKED", 1 << 18)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(8)) + squeeze.flush()
    with window(tmp_path / "a", bomb) as opened, pytest.raises(ContainerError, match="200 times"):
        opened.read_at(7 << 20, 1)
