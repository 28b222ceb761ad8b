from __future__ import annotations

from pathlib import Path

from pipeline.sinks.exported import PartPlace, shard_name


def test_the_place_of_a_shard() -> None:
    assert shard_name("train-{number:06}.tar", 7, 12) == "train-000007.tar"
    name = shard_name("data/train-{number:05}-of-{count:05}.parquet", 0, 3)
    assert name == "data/train-00000-of-00003.parquet"


def test_a_file_of_a_part_has_its_folder(tmp_path: Path) -> None:
    path = PartPlace(tmp_path, tmp_path / "shard").file("a/b/c.txt")
    assert path == tmp_path / "a/b/c.txt"
    assert path.parent.is_dir()
