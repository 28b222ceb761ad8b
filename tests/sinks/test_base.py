"""What every sink promises. A new sink joins `SINKS` and gives a way to count its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.core.cells import Cells
from pipeline.core.table import Row
from pipeline.errors import StorageError
from pipeline.sinks.base import Sink
from pipeline.sinks.parquet import ParquetSink

MakeRow = Callable[..., tuple[object, ...]]
SINKS: dict[str, tuple[Callable[[Path], Sink], Callable[[Path], int]]] = {
    "parquet": (ParquetSink, lambda path: int(pq.read_table(path).num_rows)),
}


@pytest.fixture(params=SINKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table"


@pytest.fixture
def sink(name: str, path: Path) -> Sink:
    return SINKS[name][0](path)


@pytest.fixture
def count(name: str) -> Callable[[Path], int]:
    return SINKS[name][1]


def test_a_table_is_replaced_as_a_whole(
    sink: Sink, path: Path, cells: Cells, row: MakeRow, count: Callable[[Path], int]
) -> None:
    sink.write([[row(), row()]], cells, {})
    written = sink.write([[row()], [], [row(), row()]], cells, {"a": "b"})
    assert written.rows == count(path) == 3
    assert written.bytes == path.stat().st_size
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(path.parent.iterdir()) == [path]


def test_the_same_rows_give_the_same_bytes(sink: Sink, cells: Cells, row: MakeRow) -> None:
    first = sink.write([[row()], [row()]], cells, {"a": "b"})
    assert sink.write([[row()], [row()]], cells, {"a": "b"}) == first


def test_a_failure_leaves_the_old_table(sink: Sink, path: Path, cells: Cells, row: MakeRow) -> None:
    sink.write([[row()]], cells, {})
    before = path.read_bytes()

    def pages() -> Iterator[list[Row]]:
        yield [row()]
        raise KeyError("the ledger broke")

    with pytest.raises(KeyError):
        sink.write(pages(), cells, {})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_nowhere_to_write(name: str, tmp_path: Path, cells: Cells, row: MakeRow) -> None:
    sink = SINKS[name][0](tmp_path / "none" / "table")
    with pytest.raises(StorageError):
        sink.write([[row()]], cells, {})
