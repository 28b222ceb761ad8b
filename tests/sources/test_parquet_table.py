from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.skipped_files import EXCLUDED
from pipeline.errors import UsageError
from pipeline.sources import Source, SourceOptions, open_source
from pipeline.sources.parquet_table import ParquetSource, has_image_column, is_parquet
from tests.sources.contract import JPEG, SourceContract, all_entries
from tests.storage.containers.places import MADE


def table(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


class TestParquetSource(SourceContract):
    def make(self, root: Path) -> Source:
        rows = {"a/b.jpg": [JPEG, JPEG + b"2"], "text": ["a", "b"]}
        return ParquetSource(table(root / "a.parquet", **rows), SourceOptions())

    def image(self, root: Path) -> Path:
        return root / "a.parquet"

    def test_rows_have_numbers_and_the_name_of_their_column(self, source: Source) -> None:
        entries = all_entries(source)
        assert [e.name for e in entries] == ["row-000000000/a/b.jpg", "row-000000001/a/b.jpg"]
        assert [e.columns for e in entries] == [{"text": "a"}, {"text": "b"}]


def test_a_table_of_datasets() -> None:
    source = open_source(MADE / "datasets.parquet", None)
    assert (source.kind, source.label, source.columns) == (
        "parquet", "datasets.parquet", ("label",),
    )  # fmt: skip
    assert [(e.name, e.columns) for e in all_entries(source)] == [
        ("row-000000000/image", {"label": "warm"}),
        ("row-000000001/image", {"label": ""}),
        ("row-000000001/views/0", {"label": ""}),
        ("row-000000001/views/1", {"label": ""}),
        ("row-000000002/image", {"label": "cold"}),
    ]


@pytest.mark.parametrize("name", ["polars.parquet", "pandas.parquet"])
def test_tables_of_other_programs(name: str) -> None:
    entries = all_entries(open_source(MADE / name, None))
    assert [entry.columns for entry in entries] == [
        {"text": "a", "size": "1.5"}, {"text": "", "size": "2.0"}, {"text": "c", "size": ""},
    ]  # fmt: skip


def test_bytes_that_are_no_pictures_are_no_column_of_images(tmp_path: Path) -> None:
    others = {"sound": [b"RIFF....WAVE", None], "file": ["a.jpg", "b.jpg"]}
    path = table(tmp_path / "a.parquet", **others)
    assert not has_image_column(path)
    assert (open_source(path).kind, open_source(path).columns) == ("manifest", ("sound",))
    path = table(tmp_path / "b.parquet", **others, late=[None, JPEG])
    assert has_image_column(path)
    assert open_source(path, None).columns == ("file",)


def declared(path: Path, values: list[object]) -> Path:
    """Table of which `datasets` says that its column holds images."""
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features = '{"info": {"features": {"image": {"_type": "Image"}}}}'
    schema = pa.schema([("image", kind)], metadata={"huggingface": features})
    pq.write_table(pa.table([pa.array(values, kind)], schema=schema), path)
    return path


def test_a_data_set_that_was_saved_without_its_images_is_refused(tmp_path: Path) -> None:
    path = declared(tmp_path / "a.parquet", [None, {"bytes": None, "path": "/data/tom.jpg"}])
    assert not has_image_column(path)
    with pytest.raises(UsageError, match=r"image holds only their paths, such as /data/tom\.jpg"):
        ParquetSource(path, SourceOptions())


def test_a_data_set_without_any_image_yet_has_rows(tmp_path: Path) -> None:
    path = declared(tmp_path / "a.parquet", [None, None])
    assert len(all_entries(open_source(path, None))) == 2


def test_a_table_is_recognised_by_its_first_bytes(tmp_path: Path) -> None:
    for name, data, is_one in (
        ("a.parquet", b"PAR1", True),
        ("encrypted", b"PARE", True),
        ("b.parquet", b"PK\3\4", False),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        assert is_parquet(path) == is_one


def test_damage_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes((MADE / "polars.parquet").read_bytes()[:-9])
    with pytest.raises(UsageError, match=r"cannot read .*a\.parquet: it is no whole Parquet table"):
        open_source(path, None)


def test_a_table_that_goes_away_meanwhile_is_no_deletion(tmp_path: Path) -> None:
    source = open_source(table(tmp_path / "a.parquet", image=[JPEG]), None)
    (tmp_path / "a.parquet").unlink()
    assert all_entries(source) == []
    assert (source.complete, len(source.problems)) == (False, 1)


def test_rows_and_columns_can_be_excluded(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", image=[JPEG, JPEG], mask=[JPEG, JPEG])
    source = open_source(path, None, SourceOptions(exclude=("mask", "row-000000001/")))
    (listing,) = source.listings()
    assert [entry.name for entry in listing.entries()] == ["row-000000000/image"]
    assert dict(listing.skipped) == {EXCLUDED: 3}
