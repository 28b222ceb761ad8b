from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.records import Rejection
from pipeline.storage.containers import parquet_images
from pipeline.storage.containers.member import ContainerError, ImageRow
from pipeline.storage.containers.parquet_images import ParquetTable
from tests.storage.containers.places import MADE, SHA_256, digest

PICTURES = [SHA_256["red.jpg"], SHA_256["sub/grün.jpg"], SHA_256["sub/deep/blue.one.jpg"]]
MOST = 1 << 20


def code(answer: object) -> str:
    assert isinstance(answer, Rejection), answer
    return answer.code


def table(path: Path, values: pa.Array | Sequence[object], group: int = 100, **how: object) -> Path:
    pq.write_table(pa.table({"image": values}), path, row_group_size=group, **how)
    return path


def numbered(rows: int, size: int = 5_000) -> list[bytes]:
    chance = random.Random(3)
    return [row.to_bytes(4) + chance.randbytes(size) for row in range(rows)]


@pytest.mark.parametrize("name", ["polars.parquet", "pandas.parquet"])
def test_columns_of_bytes_that_other_programs_wrote(name: str) -> None:
    opened = ParquetTable(str(MADE / name))
    (column,) = opened.candidates()
    assert column == ("picture", False, None)
    values = [opened.read(str(ImageRow(row, "picture")), MOST) for row in (2, 0, 1)]
    assert [digest(value) for value in values] == [PICTURES[2], PICTURES[0], PICTURES[1]]


def test_a_table_of_datasets() -> None:
    opened = ParquetTable(str(MADE / "datasets.parquet"))
    assert opened.candidates() == (
        ("image", False, True),
        ("views", True, True),
        ("sound", False, None),
    )
    answers = {
        name: opened.read(name, MOST)
        for name in ("row-000000000/image", "row-000000002/image", "row-000000001/views/1")
    }
    assert [digest(answer) for answer in answers.values()] == [
        PICTURES[0],
        PICTURES[2],
        PICTURES[1],
    ]
    for name in ("row-000000001/image", "row-000000000/views/0", "row-000000002/views/0"):
        assert code(opened.read(name, MOST)) == "no_image"
    views = opened.candidates()[1]
    assert list(opened.lengths(views)) == [0, 2, 0]


@pytest.mark.parametrize(
    "kind",
    [
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.binary()),
        pa.struct([("bytes", pa.large_binary()), ("path", pa.string())]),
        pa.list_(pa.binary()),
        pa.large_list(pa.struct([("path", pa.string()), ("bytes", pa.binary())])),
        pa.list_(pa.binary(), 1),
    ],
)
def test_types_that_hold_images(tmp_path: Path, kind: pa.DataType) -> None:
    many = "list" in str(kind)
    values: list[object] = [b"one", b"two", None]
    if "struct" in str(kind):
        values = [value and {"bytes": value, "path": "a"} for value in values]
    if many:
        values = [value and [value] for value in values]
    if pa.types.is_dictionary(kind):
        array = pa.array(values, pa.binary()).dictionary_encode()
    else:
        array = pa.array(values, kind)
    opened = ParquetTable(str(table(tmp_path / "a.parquet", array)))
    assert opened.candidates() == (("image", many, None),)
    answers = [
        opened.read(str(ImageRow(row, "image", 0 if many else None)), MOST) for row in range(3)
    ]
    assert answers[:2] == [b"one", b"two"]
    assert code(answers[2]) == "no_image"
    assert opened.first_values(opened.candidates()[0], 5) == [b"one", b"two"]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.int64(), pa.list_(pa.int8()), pa.struct([("path", pa.string())])]
)
def test_other_types_hold_none(tmp_path: Path, kind: pa.DataType) -> None:
    opened = ParquetTable(str(table(tmp_path / "a.parquet", pa.array([None], kind))))
    assert opened.candidates() == ()


def test_a_row_with_the_name_of_a_picture_alone_says_it(tmp_path: Path) -> None:
    values = pa.array([{"bytes": None, "path": "cats/tom.jpg"}])
    values = values.cast(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    opened = ParquetTable(str(table(tmp_path / "a.parquet", values)))
    refused = opened.read("row-000000000/image", MOST)
    assert "cats/tom.jpg" in getattr(refused, "detail", "")


def test_rows_that_are_not_there_are_rows(tmp_path: Path) -> None:
    opened = ParquetTable(str(table(tmp_path / "a.parquet", [b"one"])))
    for name in ("row-000000001/image", "row-000000000/other", "row-x/image", "row--1/image", ""):
        assert code(opened.read(name, MOST)) == "vanished", name


def test_too_large_an_image_is_a_row(tmp_path: Path) -> None:
    opened = ParquetTable(str(table(tmp_path / "a.parquet", [b"x" * 1000])))
    assert code(opened.read("row-000000000/image", 999)) == "too_large_file"
    assert opened.read("row-000000000/image", 1000) == b"x" * 1000


def test_reading_in_order_reads_each_row_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_images, "BATCH_BYTES", 50_000)
    values = numbered(200)
    opened = ParquetTable(str(table(tmp_path / "a.parquet", values, 70)))
    rows: list[int] = []
    batches = opened._batches

    def noted(column: str, group: int):  # type: ignore[no-untyped-def]
        for first, batch in batches(column, group):
            rows.extend(range(first, first + len(batch)))
            yield first, batch

    monkeypatch.setattr(opened, "_batches", noted)
    with ThreadPoolExecutor(8) as pool:
        names = [str(ImageRow(row, "image")) for row in range(200)]
        assert list(pool.map(lambda name: opened.read(name, MOST), names)) == values
    assert rows == list(range(200))


def test_any_order_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_images, "BATCH_BYTES", 20_000)
    monkeypatch.setattr(parquet_images, "_HELD_BYTES", 30_000)
    values = numbered(60, 900)
    opened = ParquetTable(str(table(tmp_path / "a.parquet", values, 25)))
    order = list(range(60))
    random.Random(5).shuffle(order)
    for row in order:
        assert opened.read(str(ImageRow(row, "image")), MOST) == values[row]


def test_a_huge_row_group_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_images, "BATCH_BYTES", 100_000)
    monkeypatch.setattr(parquet_images, "_HELD_BYTES", 300_000)
    values = numbered(3_000)
    pages = {"write_batch_size": 32, "data_page_size": 100_000}
    opened = ParquetTable(str(table(tmp_path / "a.parquet", values, 3_000, **pages)))
    most = 0
    before = pa.total_allocated_bytes()
    for row in range(3_000):
        opened.read(str(ImageRow(row, "image")), MOST)
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 4_000_000  # of 15 MB: some batches, some pages


def test_a_damaged_page_costs_its_rows_and_no_others(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", numbered(30), 10, compression="none", use_dictionary=False)
    data = bytearray(path.read_bytes())
    second = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data[second : second + 40] = b"\xff" * 40
    path.write_bytes(data)
    opened = ParquetTable(str(path))
    answers = [opened.read(str(ImageRow(row, "image")), MOST) for row in range(30)]
    damaged = [row for row, answer in enumerate(answers) if isinstance(answer, Rejection)]
    assert damaged == list(range(10, 20))
    assert code(answers[15]) == "damaged"
    assert code(opened.read(str(ImageRow(12, "image")), MOST)) == "damaged"
    assert isinstance(opened.read(str(ImageRow(3, "image")), MOST), bytes)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"x" * 100 + b"PAR1", b"PAR1" * 50])
def test_no_table_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(data)
    with pytest.raises(ContainerError, match="no whole Parquet table"):
        ParquetTable(str(path))


def test_a_cut_table_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", numbered(10))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ContainerError):
        ParquetTable(str(path))


def test_an_encrypted_table_says_so(tmp_path: Path) -> None:
    import pyarrow.parquet.encryption as pe

    class Keys(pe.KmsClient):  # type: ignore[misc]
        def wrap_key(self, key: bytes, name: str) -> bytes:
            return (name + key.hex()).encode()

        def unwrap_key(self, key: bytes, name: str) -> bytes:
            return bytes.fromhex(key.decode().removeprefix(name))

    config = pe.EncryptionConfiguration(footer_key="a", column_keys={"a": ["image"]})
    properties = pe.CryptoFactory(lambda _: Keys()).file_encryption_properties(
        pe.KmsConnectionConfig(), config
    )
    path = table(tmp_path / "a.parquet", [b"one"], encryption_properties=properties)
    with pytest.raises(ContainerError, match="encrypted"):
        ParquetTable(str(path))
