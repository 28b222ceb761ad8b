from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipeline.stages.raw_files import (
    DamagedFile,
    damage_of,
    lines_of,
    store_compressed,
    store_newer,
)

LINE = b'{"custom_id": "x", "caption": "a\xe2\x80\xa8cat"}\n'
WHOLE = gzip.compress(LINE * 50)


def test_compressing_keeps_every_byte_and_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(LINE * 100 + b"\xff\x00 torn")
    first, second = tmp_path / "raw.gz", tmp_path / "again" / "raw.gz"
    second.parent.mkdir()
    store_compressed(raw, first)
    store_compressed(raw, second)
    assert gzip.decompress(first.read_bytes()) == raw.read_bytes()
    assert first.read_bytes() == second.read_bytes()


def test_lines_come_with_their_offsets(tmp_path: Path) -> None:
    path = tmp_path / "raw.gz"
    path.write_bytes(gzip.compress(LINE + b"\n" + LINE))
    assert list(lines_of(path)) == [(0, LINE[:-1]), (len(LINE) + 1, LINE[:-1])]


@pytest.mark.parametrize(
    "damaged", [WHOLE[:-8], WHOLE[:20] + b"xxxx" + WHOLE[24:], b"no gzip at all", WHOLE[:-1], b""]
)
def test_a_file_that_was_damaged_since_is_said(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "damaged.jsonl.gz"
    path.write_bytes(damaged)
    assert damage_of(path)
    with pytest.raises(DamagedFile, match="is damaged") as caught:
        list(lines_of(path))
    assert caught.value.path == path


def test_a_sound_file_has_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "sound.gz"
    path.write_bytes(WHOLE)
    assert damage_of(path) is None


@pytest.mark.parametrize(("earlier", "kept"), [(1, False), (2, False), (3, True), (None, True)])
def test_a_file_that_is_fetched_again_never_destroys_a_longer_one(
    tmp_path: Path, earlier: int | None, kept: bool
) -> None:
    source, target = tmp_path / "fetched", tmp_path / "raw.gz"
    source.write_bytes(LINE * 2)
    target.write_bytes(b"no gzip" if earlier is None else gzip.compress(LINE * earlier))
    store_newer(source, target)
    assert gzip.decompress(target.read_bytes()) == LINE * 2
    assert [p.name for p in tmp_path.glob("earlier-*")] == (["earlier-raw.gz"] if kept else [])
