from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pytest

from pipeline.core.cells import Cells
from pipeline.core.rejects import COLUMNS
from pipeline.errors import StorageError
from pipeline.sinks.rejects import RejectsSink

HEADER = tuple(column.name for column in COLUMNS)


def write_rejects(path: Path, rows: Iterable[tuple[str, str, str, str]]) -> int:
    return RejectsSink(path).write(([row] for row in rows), Cells(HEADER, COLUMNS), {}).rows


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))


def test_rejects(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    rows = [
        ("imgs", "a.txt", "not_an_image", "it is text"),
        ("imgs", 'o"dd, näme\n.jpg', "truncated", "cut off after 3 of 5 rows"),
    ]
    assert write_rejects(path, iter(rows)) == 2
    assert read(path) == [list(HEADER), *map(list, rows)]
    assert [p.name for p in tmp_path.iterdir()] == ["rejects.csv"]
    with duckdb.connect() as db:
        found = db.execute(f"SELECT path FROM read_csv('{path}')").fetchall()
    assert found == [("a.txt",), ('o"dd, näme\n.jpg',)]


def test_no_rejects_are_a_header(tmp_path: Path) -> None:
    assert write_rejects(tmp_path / "rejects.csv", []) == 0
    assert read(tmp_path / "rejects.csv") == [list(HEADER)]


@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "＝1",
        "-2+3+cmd|' /C calc'!A0",
    ],
)
def test_formulas_do_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "rejects.csv"
    write_rejects(path, [(name, name, name, name)])
    (cell,) = set(read(path)[1])
    assert cell.startswith("'")
    assert cell.replace("'", "") == name.replace("'", "")


@pytest.mark.parametrize("before", [";", "\t", '"', '";"', "\n", "\r\n", "x;  ", "'", "|", ";\xa0"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "－"])
def test_formulas_behind_other_delimiters_and_quotes_do_nothing(
    tmp_path: Path, before: str, start: str
) -> None:
    path = tmp_path / "rejects.csv"
    write_rejects(path, [("imgs", f"a{before}{start}cmd()", "code", "b")])
    text = path.read_text(encoding="utf-8")
    for delimiter in (",", ";", "\t", "|"):
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            reader = csv.reader(text.splitlines(), delimiter=delimiter, quoting=quoting)
            for cell in (cell for row in reader for cell in row):
                assert not cell.strip(' \xa0"').startswith(tuple("=+-@＝＋－＠")), (delimiter, cell)


@pytest.mark.parametrize("cell", ["a-b_c+d.jpg", "x=1", "a; b", "size 3 x 4 - too thin", "e@mail"])
def test_other_cells_stay_as_they_are(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "rejects.csv"
    write_rejects(path, [("imgs", cell, "code", cell)])
    assert read(path)[1] == ["imgs", cell, "code", cell]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    write_rejects(path, [("imgs", "caf\udce9.jpg", "code", "a\0b")])
    assert read(path)[1] == ["imgs", "caf?.jpg", "code", "a\ufffdb"]


def test_a_failure_leaves_the_old_list(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    write_rejects(path, [("imgs", "a", "b", "c")])
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_rejects(path, [("imgs", "a", "b", "c"), None])  # type: ignore[list-item]
    assert path.read_bytes() == before
    with pytest.raises(StorageError):
        write_rejects(tmp_path / "none" / "rejects.csv", [])


def test_a_list_that_is_cut_while_it_is_compared_is_no_endless_copy(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    row = ("imgs", "a", "b", "c" * 100_000)  # more than a buffer
    write_rejects(path, [row])

    def rows() -> Iterator[tuple[str, str, str, str]]:
        yield row
        path.write_bytes(b"")
        yield row

    with pytest.raises(StorageError, match="cut"):
        write_rejects(path, rows())
    assert write_rejects(path, [row]) == 1


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("imgs", "a", "b", "c")],
        [("imgs", "a", "b", "c"), ("imgs", "b", "b", "c"), ("imgs", "c", "b", "c")],
        [("imgs", "a", "b", "c"), ("imgs", "b", "other", "c"), ("imgs", "c", "b", "c")],
        [("imgs", "a", "b", "c"), ("imgs", "c", "b", "c")],
    ],
)
@pytest.mark.parametrize("damage", [None, b"", b"x", b"source,path,reason_code,detail\r\n"])
def test_a_list_stays_where_nothing_changed_and_is_whole_where_something_did(
    tmp_path: Path, rows: list[tuple[str, str, str, str]], damage: bytes | None
) -> None:
    path, anew = tmp_path / "rejects.csv", tmp_path / "anew.csv"
    write_rejects(path, [("imgs", "a", "b", "c"), ("imgs", "b", "b", "c")])
    if damage is not None:
        path.write_bytes(damage)
    assert write_rejects(path, rows) == write_rejects(anew, rows) == len(rows)
    assert path.read_bytes() == anew.read_bytes()
    before = path.stat().st_ino
    write_rejects(path, rows)
    assert path.stat().st_ino == before
    with path.open("ab") as handle:
        handle.write(b"more")
    write_rejects(path, rows)
    assert path.read_bytes() == anew.read_bytes()
