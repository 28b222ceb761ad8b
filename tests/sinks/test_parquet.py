from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.commands.read_captions import read_captions
from pipeline.core.cells import Cells
from pipeline.core.table import FIXED
from pipeline.errors import BooksError, StorageError
from pipeline.sinks import parquet_pages, row_groups
from pipeline.sinks.base import WrittenTable
from pipeline.sinks.parquet import ParquetSink, check
from pipeline.sinks.parquet_pages import check_pages
from pipeline.system import failpoints
from pipeline.system.files import sha256_of

from .conftest import make_cells, make_row

SCHEMA = {
    "type": "object",
    "properties": {
        "caption": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "people": {"type": "integer"},
        "outcome": {"type": "string"},
    },
}
CELLS = make_cells(SCHEMA, ("title", "path"))
ROWS = [
    make_row(
        fields={"tags": ["cat", "wall"], "people": 0, "outcome": "good"},
        columns={"title": "Tom", "path": "a.jpg"},
    ),
    make_row(
        path="b.jpg",
        outcome="duplicate",
        duplicate_of="a.jpg",
        duplicate_distance=0,
        prompt_tokens=0,
        completion_tokens=0,
        estimated_cost=0,
        billed_cost=0,
    ),
    make_row(path="c.jpg", caption="Ein Hund.\u2028\0", billed_cost=123, in_source=0),
    make_row(
        path="d.txt",
        outcome="rejected",
        caption=None,
        reason="not an image",
        reason_code="not_an_image",
        work_key=None,
        attempt=None,
        billed_cost=None,
        flags=None,
    ),
]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "captions.parquet"
    ParquetSink(path).write([ROWS[:3], [], ROWS[3:]], CELLS, {"captionmill.run": "7"})
    return path


def test_what_is_written_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "captions.parquet"
    found = ParquetSink(path).write([ROWS], CELLS, {})
    assert found == WrittenTable(4, sha256_of(path).hex(), path.stat().st_size, path, groups=(4,))
    assert [p.name for p in tmp_path.iterdir()] == ["captions.parquet"]


def test_the_schema(written: Path) -> None:
    schema = pq.read_schema(written)
    names = [column.name for column in FIXED]
    assert schema.names == [*names, "tags", "people", "field_outcome", "title", "column_path"]
    assert schema.metadata[b"captionmill.schema_version"] == b"2"
    assert schema.metadata[b"captionmill.run"] == b"7"
    assert schema.field("billed_cost").type == pa.decimal128(20, 9)
    assert schema.field("captioned_at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("tags").type == pa.list_(pa.field("element", pa.string()))
    assert schema.field("in_source").type == pa.bool_()
    assert all(schema.field(name).metadata[b"description"] for name in schema.names)


def test_the_file_is_compressed_and_checked(written: Path) -> None:
    meta = pq.ParquetFile(written).metadata
    column = meta.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert "RLE_DICTIONARY" in column.encodings


def test_pyarrow_reads_it(written: Path) -> None:
    rows = pq.read_table(written).to_pylist()
    assert rows[0]["tags"] == ["cat", "wall"]
    assert (rows[0]["people"], rows[0]["field_outcome"], rows[0]["title"]) == (0, "good", "Tom")
    assert rows[0]["billed_cost"] == Decimal("0.000080001")
    assert rows[0]["captioned_at"] == datetime.fromtimestamp(1_790_000_100, UTC)
    assert rows[0]["flags"] == ["icc_converted"]
    assert rows[0]["custom_id"].startswith("cm")
    assert (rows[1]["duplicate_of"], rows[1]["tags"]) == ("a.jpg", None)
    assert (rows[2]["caption"], rows[2]["in_source"]) == ("Ein Hund.\u2028\0", False)
    assert (rows[3]["caption"], rows[3]["custom_id"], rows[3]["flags"]) == (None, None, None)


def test_pandas_reads_it(written: Path) -> None:
    frame = pd.read_parquet(written)
    assert len(frame) == 4
    assert frame["billed_cost"].dropna().sum() == Decimal("0.000080124")
    assert str(frame["first_seen_at"].dtype) == "datetime64[us, UTC]"
    assert frame["caption"].iloc[2] == "Ein Hund.\u2028\0"


def test_what_did_each_caption_cost_is_one_line_of_sql(written: Path) -> None:
    with duckdb.connect() as db:
        each = db.execute(f"SELECT path, billed_cost FROM '{written}' ORDER BY path").fetchall()
        total = db.execute(f"SELECT SUM(billed_cost) FROM '{written}'").fetchone()
    assert each == [
        ("a.jpg", Decimal("0.000080001")),
        ("b.jpg", Decimal("0E-9")),
        ("c.jpg", Decimal("1.23E-7")),
        ("d.txt", None),
    ]
    assert total == (Decimal("0.000080124"),)


def test_hugging_face_datasets_reads_it(written: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    found = datasets.Dataset.from_parquet(str(written), cache_dir=str(tmp_path / "cache"))
    assert found.num_rows == 4
    assert found[0]["tags"] == ["cat", "wall"]
    assert found[0]["caption"] == "A cat on a wall."


def test_no_rows_are_a_table_too(tmp_path: Path, cells: Cells) -> None:
    path = tmp_path / "captions.parquet"
    assert ParquetSink(path).write([], cells, {}).rows == 0
    assert pq.read_table(path).num_rows == 0
    assert check(path, 0) == 0


def test_rows_gather_into_groups(
    tmp_path: Path, cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "FEWEST_ROWS", 8)
    monkeypatch.setattr(row_groups, "MOST_ROWS", 10)
    path = tmp_path / "captions.parquet"
    pages = ([make_row(path=f"{n:02}{k}.jpg") for k in range(4)] for n in range(7))
    ParquetSink(path).write(pages, cells, {})
    meta = pq.ParquetFile(path).metadata
    assert [meta.row_group(n).num_rows for n in range(meta.num_row_groups)] == [10, 10, 8]
    paths = pq.read_table(path)["path"].to_pylist()
    assert paths == sorted(paths)
    assert len(paths) == 28


def test_large_captions_do_not_gather_without_bound(
    tmp_path: Path, cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "_BATCH_ROWS", 1)
    monkeypatch.setattr(row_groups, "_MOST_BYTES", 2_000_000)
    path = tmp_path / "captions.parquet"
    text = "".join(random.Random(1).choices("abcdef \u2028é", k=1_000_000))
    ParquetSink(path).write(([make_row(caption=f"{n}{text}")] for n in range(5)), cells, {})
    meta = pq.ParquetFile(path).metadata
    assert [meta.row_group(n).num_rows for n in range(meta.num_row_groups)] == [2, 2, 1]
    assert pq.read_table(path)["caption"][4].as_py() == f"4{text}"


# --- whole or as it was -------------------------------------------------------------------------


def test_a_flipped_bit_in_the_data_is_seen(tmp_path: Path, cells: Cells) -> None:
    """Parquet's footer has no checksum: `captionmill verify` compares the whole file's hash."""
    path = tmp_path / "captions.parquet"
    rows = [make_row(path=f"{n}.jpg", caption=f"caption {n} " * 5) for n in range(500)]
    ParquetSink(path).write([rows], cells, {})
    good = path.read_bytes()
    end_of_data = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    table = pq.read_table(path)
    chance = random.Random(7)
    silent, seen = [], 0
    for _ in range(300):
        place = chance.randrange(4, end_of_data)
        bad = bytearray(good)
        bad[place] ^= 1 << chance.randrange(8)
        path.write_bytes(bad)
        try:
            check(path, 500)
        except BooksError:
            seen += 1
            continue
        if not pq.read_table(path).equals(table):
            silent.append(place)
    assert silent == []
    assert seen > 200


def test_check_names_the_file(tmp_path: Path, written: Path) -> None:
    with pytest.raises(BooksError, match="4 rows where 5"):
        check(written, 5)
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(written.read_bytes()[:-20])
    with pytest.raises(BooksError, match=r"torn\.parquet is damaged"):
        check(torn)


def test_too_little_memory_is_no_damage(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_row_group(*_args: object, **_options: object) -> None:
        raise pa.ArrowMemoryError("malloc of size 64 failed")

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", read_row_group)
    with pytest.raises(StorageError, match="give it more memory"):
        check(written)


def test_a_source_of_rows_that_fails_leaves_the_old_table(written: Path) -> None:
    before = written.read_bytes()

    def pages() -> Iterator[list[tuple[object, ...]]]:
        yield ROWS
        raise RuntimeError("the ledger broke")

    with pytest.raises(RuntimeError, match="the ledger broke"):
        ParquetSink(written).write(pages(), CELLS, {})
    assert written.read_bytes() == before
    assert [p.name for p in written.parent.iterdir()] == ["captions.parquet"]


def test_what_does_not_read_back_is_not_published(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written.read_bytes()

    def damaging(path: Path, rows: int, groups: Sequence[int]) -> None:
        with path.open("r+b") as handle:
            handle.seek(200)
            handle.write(b"\xff" * 64)
        check_pages(path, rows, groups)

    monkeypatch.setattr(parquet_pages, "check_pages", damaging)
    with pytest.raises(BooksError, match="damaged"):
        ParquetSink(written).write([ROWS], CELLS, {})
    assert written.read_bytes() == before


def test_a_folder_that_is_gone(tmp_path: Path, cells: Cells) -> None:
    with pytest.raises(StorageError, match="its folder is not there"):
        ParquetSink(tmp_path / "none" / "captions.parquet").write([ROWS], cells, {})


@pytest.mark.parametrize("limit", [0, 3000, 20_000])
def test_a_disk_that_is_full(tmp_path: Path, limit: int) -> None:
    """RLIMIT_FSIZE in a process of its own, which must not cut off the bytecode of modules: the
    write fails at different places."""
    path = tmp_path / "captions.parquet"
    path.write_bytes(b"old")
    program = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
from tests_conftest import make_cells, make_row
from pathlib import Path
from pipeline.errors import StorageError
from pipeline.sinks.parquet import ParquetSink
rows = [make_row(path=str(n), request_id=str(n * n)) for n in range(5000)]
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    ParquetSink(Path({str(path)!r})).write([rows], make_cells(), {{}})
except StorageError as error:
    print(error)
"""
    (tmp_path / "tests_conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert "cannot write" in done.stdout
    assert done.stderr == ""
    assert path.read_bytes() == b"old"
    assert not (tmp_path / "_captions.parquet.tmp").exists()


@pytest.mark.parametrize(
    ("place", "new"),
    [("files.before_fsync", False), ("files.before_rename", False), ("files.after_rename", True)],
)
def test_killed_while_writing(written: Path, place: str, new: bool) -> None:
    before = written.read_bytes()
    child = os.fork()
    if child == 0:
        failpoints.arm(failpoints.kill_at(place))
        ParquetSink(written).write([ROWS[:1]], CELLS, {})
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert (written.read_bytes() != before) is new
    assert check(written) == (1 if new else 4)
    ParquetSink(written).write([ROWS[:2]], CELLS, {})
    assert check(written) == 2
    assert [p.name for p in written.parent.iterdir()] == ["captions.parquet"]


def test_readers_always_see_a_whole_table(
    tmp_path: Path, cells: Cells, row: Callable[..., tuple[object, ...]]
) -> None:
    path = tmp_path / "captions.parquet"
    sink = ParquetSink(path)
    sink.write([[row()]], cells, {})
    child = os.fork()
    if child == 0:
        for count in range(2, 40):
            sink.write([[row()] * count], cells, {})
        os._exit(0)
    seen = []
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        seen.append(check(path))
    assert seen == sorted(seen)
    assert check(path) == 39


def test_more_rows_need_no_more_memory(
    tmp_path: Path, cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "_BATCH_ROWS", 2000)
    monkeypatch.setattr(row_groups, "MOST_ROWS", 4000)

    def peak(pages: int) -> int:
        pool = pa.default_memory_pool()
        high = 0

        def rows() -> Iterator[list[tuple[object, ...]]]:
            nonlocal high
            for number in range(pages):
                yield [make_row(path=f"{number}-{n}", caption="x" * 200) for n in range(2000)]
                high = max(high, pool.bytes_allocated())

        ParquetSink(tmp_path / f"{pages}.parquet").write(rows(), cells, {})
        return high

    assert peak(40) < 1.5 * peak(8)


def test_arrow_is_imported_only_to_write() -> None:
    program = "import sys, pipeline.sinks.parquet\nprint('pyarrow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_a_path_that_is_not_utf_8_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.parquet"
    assert ParquetSink(path).write([ROWS], CELLS, {}).rows == len(ROWS)
    ParquetSink(path).check(len(ROWS))
    assert len(read_captions(path)) == len(ROWS)
