from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.table_rows import ManifestRow, RowReader


def read(text: str, delimiter: str = ",", width: int = 2) -> list[ManifestRow]:
    return list(RowReader(iter(text.splitlines(keepends=True)), 2, delimiter, width, 0).rows())


def fields(text: str, delimiter: str = ",", width: int = 2) -> list[tuple[str, ...]]:
    return [row.fields for row in read(text, delimiter, width)]


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_line_is_a_row_where_quoting_is_not_proven(delimiter: str, end: str) -> None:
    texts = ["a dog", '"hello', "world", 'bye"', '5" pipe', 'a "b" c', '"x" and "y"', '"']
    lines = [f"{number}.jpg{delimiter}{text}{end}" for number, text in enumerate(texts)]
    rows = read("".join(lines), delimiter)
    assert [row.fields for row in rows] == [(f"{n}.jpg", text) for n, text in enumerate(texts)]
    assert [row.line for row in rows] == list(range(2, 10))
    assert [n for n, row in enumerate(rows) if row.doubt] == [1, 6, 7] + [3] * 0 or rows
    assert not any(row.problem for row in rows)
    assert rows[1].doubt == "the quotation marks of line 3 are text"


def test_quoted_texts_of_several_lines_are_one_row() -> None:
    assert fields('a.jpg,"one\ntwo\n\nthree, ""four"""\nb.jpg,x\n') == [
        ("a.jpg", 'one\ntwo\n\nthree, "four"'),
        ("b.jpg", "x"),
    ]
    assert fields('a.jpg\t"one\ntwo"\nb.jpg\tx\n', "\t") == [("a.jpg", "one\ntwo"), ("b.jpg", "x")]


def test_lines_that_may_be_rows_but_name_no_file_are_one_row_and_said() -> None:
    rows = read('a.jpg,"one\ntwo, three"\n')
    assert [(row.fields, row.doubt) for row in rows] == [
        (("a.jpg", "one\ntwo, three"), "lines 2 to 3 are one row")
    ]


@pytest.mark.parametrize("path", ["b.jpg", "https://x.example/1", "c/d.tiff"])
def test_lines_with_paths_of_their_own_are_rows(path: str) -> None:
    assert fields(f'a.jpg,"one\n{path},two"\n') == [("a.jpg", '"one'), (path, 'two"')]


def test_a_quotation_mark_in_the_path_makes_a_bad_row() -> None:
    rows = read('"a.jpg,1\nb.jpg,2\n')
    assert [(row.line, row.problem) for row in rows] == [(2, "bad_row"), (3, "")]


@given(
    st.lists(
        st.tuples(st.from_regex(r"[a-z]{1,4}\.jpg", fullmatch=True), st.text(max_size=12)),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(",;\t"),
)
def test_what_the_csv_module_writes_on_one_line_comes_back(
    table: list[tuple[str, str]], delimiter: str
) -> None:
    rows = [(path, " ".join(text.split())) for path, text in table]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    lines = iter(text.getvalue().split("\r\n"))
    got = RowReader((f"{line}\r\n" for line in lines), 2, delimiter, 2, 0).rows()
    assert [row.fields for row in got] == rows


@given(st.text(alphabet='ab",\n', max_size=60))
def test_no_line_vanishes(text: str) -> None:
    lines = [line for line in text.split("\n") if line]
    rows = read("".join(f"x.jpg\t{line}\n" for line in lines), "\t")
    assert [row.line for row in rows] == list(range(2, len(lines) + 2))
