from __future__ import annotations

import json
from pathlib import Path

from pipeline.sinks.coco import CocoCaptions
from tests.sinks.rows import exported, place


def test_images_and_annotations(tmp_path: Path) -> None:
    format_ = CocoCaptions("cc0-1.0")
    parts = [
        format_.write_part([exported(1), exported(2)], "train", place(tmp_path)),
        format_.write_part([exported(3, split="val")], "val", place(tmp_path)),
        format_.write_part([exported(4)], "train", place(tmp_path)),
    ]
    listings = {name: json.loads(b"".join(c)) for name, c in format_.listings(parts)}
    assert set(listings) == {"annotations/captions_train.json", "annotations/captions_val.json"}
    train = listings["annotations/captions_train.json"]
    ids = [image["id"] for image in train["images"]]
    assert len(set(ids)) == 3
    assert all(isinstance(one, int) and 0 <= one < 2**53 for one in ids)
    assert [a["image_id"] for a in train["annotations"]] == ids
    assert [a["caption"] for a in train["annotations"]] == ["caption 1", "caption 2", "caption 4"]
    for image in train["images"]:
        assert (tmp_path / "train" / image["file_name"]).is_file()
        assert (image["width"], image["height"]) == (32, 24)
    assert train["licenses"][0]["name"] == "cc0-1.0"
    assert {"info", "licenses", "images", "annotations"} == set(train)


def test_nothing_is_an_empty_listing() -> None:
    assert list(CocoCaptions("x").listings([])) == []
