from __future__ import annotations

import json
import tarfile
from itertools import groupby
from pathlib import Path

from pipeline.sinks.web_dataset import WebDataset
from tests.sinks.rows import VALUES, exported, place


def test_a_sample_stands_together_and_has_a_key_without_dots(tmp_path: Path) -> None:
    rows = [exported(n, name=f"a.b/x.{n}.tar.png", values=VALUES) for n in range(3)]
    facts = WebDataset().write_part(rows, "train", place(tmp_path))
    with tarfile.open(tmp_path / "shard.tar") as tar:
        members = tar.getmembers()
        samples = {
            key: {m.name.partition(".")[2]: tar.extractfile(m).read() for m in group}  # type: ignore[union-attr]
            for key, group in groupby(members, lambda m: m.name.partition(".")[0])
        }
    assert list(samples) == [row.key for row in rows]
    assert len(members) == 9
    for row in rows:
        sample = samples[row.key]
        assert sample["png"] == row.picture.data  # type: ignore[union-attr]
        assert sample["txt"].decode() == row.caption
        assert json.loads(sample["json"])["cost"] == "0.000125000"
    assert all((m.mtime, m.uid, m.uname) == (0, 0, "") for m in members)
    assert facts.files[0].format(number=7, count=9) == "train-000007.tar"


def test_captions_alone(tmp_path: Path) -> None:
    WebDataset().write_part([exported(picture=None)], "train", place(tmp_path))
    with tarfile.open(tmp_path / "shard.tar") as tar:
        assert [name.partition(".")[2] for name in tar.getnames()] == ["txt", "json"]
