from __future__ import annotations

import json
from pathlib import Path

from pipeline.sinks.card import Card
from pipeline.sinks.hugging_face import HuggingFaceFolder
from tests.sinks.rows import exported, place

_CARD = Card("unknown", {}, [], {"text": "the caption"})


def test_every_line_has_its_picture_and_every_picture_its_line(tmp_path: Path) -> None:
    format_ = HuggingFaceFolder(_CARD)
    rows = [exported(n, split="test" if n == 2 else "train") for n in range(3)]
    parts = [
        format_.write_part(rows[:2], "train", place(tmp_path)),
        format_.write_part(rows[2:], "test", place(tmp_path)),
    ]
    for name, contents in format_.listings(parts):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"".join(contents))
    for split, count in (("train", 2), ("test", 1)):
        lines = (tmp_path / split / "metadata.jsonl").read_text().splitlines()
        named = {tmp_path / split / json.loads(line)["file_name"] for line in lines}
        assert named == set((tmp_path / split).glob("*/*.png"))
        assert len(named) == count
    assert [row.picture.data for row in rows[2:] if row.picture] == [
        path.read_bytes() for path in (tmp_path / "test").glob("*/*.png")
    ]
    assert (tmp_path / "README.md").exists()
