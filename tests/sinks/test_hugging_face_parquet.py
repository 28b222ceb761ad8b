from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.core.table import Kind
from pipeline.sinks.card import Card
from pipeline.sinks.hugging_face_parquet import DATA_FILES, HuggingFaceParquet
from tests.sinks.rows import VALUES, exported, place

_KINDS: dict[str, Kind] = {
    "text": "text",
    "tags": "strings",
    "cost": "money",
    "when": "time",
    "count": "int64",
    "share": "double",
    "sure": "bool",
    "nothing": "string",
}


def test_pictures_and_features_are_inside(tmp_path: Path) -> None:
    format_ = HuggingFaceParquet(Card("unknown", {}, [], {}, DATA_FILES), _KINDS)
    rows = [exported(n, values=VALUES) for n in range(250)]
    facts = format_.write_part(iter(rows), "train", place(tmp_path))
    assert facts.rows == 250
    path = tmp_path / "shard.parquet"
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 3
    table = file.read().to_pylist()
    assert table[7]["image"]["bytes"] == rows[7].picture.data  # type: ignore[union-attr]
    assert table[7]["cost"] == VALUES["cost"]
    assert table[7]["tags"] == ["sea", "boat"]
    metadata = json.loads(file.schema_arrow.metadata[b"huggingface"])
    features = metadata["info"]["features"]
    assert list(features) == ["image", *_KINDS]
    assert features["image"] == {"_type": "Image"}
    assert features["cost"]["dtype"] == "decimal128(20, 9)"
    assert features["tags"] == {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}
    assert facts.files[0].format(number=3, count=12) == "data/train-00003-of-00012.parquet"


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    format_ = HuggingFaceParquet(Card("unknown", {}, [], {}, DATA_FILES), {"text": "string"})
    rows = [exported(n, values={"text": "x"}) for n in range(20)]
    for name in ("a", "b"):
        format_.write_part(rows, "train", place(tmp_path, name))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
