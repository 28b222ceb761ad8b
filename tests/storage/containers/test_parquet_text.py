from __future__ import annotations

import datetime
import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.storage.containers.parquet_images import ParquetTable
from pipeline.storage.containers.parquet_text import TextColumns
from tests.storage.containers.places import MADE


def test_classes_of_datasets_are_words() -> None:
    texts = TextColumns(ParquetTable(str(MADE / "datasets.parquet")), {"image", "views"})
    assert texts.names == ("label",)
    assert [row["label"] for row in texts.rows()] == ["warm", "", "cold"]


def test_values_are_text_and_bytes_and_vectors_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "text": pa.array(["a\0b", None]),
        "bad": pa.array([b"gr\xfcn", b"ok"]).view(pa.string()),
        "class": pa.array(["x", "y"]).dictionary_encode(),
        "yes": [True, None],
        "price": [decimal.Decimal("1.50"), None],
        "day": [datetime.date(2024, 2, 29), None],
        "tags": [["a", "b"], None],
        "size": [{"w": 3, "h": 4}, None],
        "vector": [[0.5] * 8, None],
        "raw": [b"x", None],
    }
    pq.write_table(pa.table(columns), path)
    texts = TextColumns(ParquetTable(str(path)), set())
    first, second = texts.rows()
    assert first == {
        "text": "a b",
        "bad": "gr\ufffdn",
        "class": "x",
        "yes": "true",
        "price": "1.50",
        "day": "2024-02-29",
        "tags": '["a", "b"]',
        "size": '{"w": 3, "h": 4}',
    }
    assert {value for name, value in second.items() if name not in ("bad", "class")} == {""}


def test_a_table_of_images_alone_has_rows_without_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image": [b"x", b"y"]}), path)
    texts = TextColumns(ParquetTable(str(path)), {"image"})
    assert (texts.names, list(texts.rows())) == ((), [{}, {}])
