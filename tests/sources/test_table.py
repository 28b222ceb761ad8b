from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources.table import ManifestTable, read_manifest
from pipeline.sources.table_rows import MAX_LINE_CHARACTERS


def table(
    tmp_path: Path, content: str | bytes, name: str = "m.csv", **options: str
) -> ManifestTable:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_manifest(path, options.get("path_column"))


def fields(found: ManifestTable) -> list[tuple[str, ...]]:
    return [row.fields for row in found.rows() if not row.problem]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(tmp_path: Path, delimiter: str, end: str) -> None:
    lines = ["path{d}title", "a.jpg{d}An a", '"b.jpg"{d}"B; b, b\t b"', "", "c.jpg{d}"]
    found = table(tmp_path, end.join(lines).format(d=delimiter))
    assert found.header == ("path", "title")
    assert fields(found) == [("a.jpg", "An a"), ("b.jpg", "B; b, b\t b"), ("c.jpg", "")]


def test_the_suffix_tsv_means_tabs(tmp_path: Path) -> None:
    found = table(tmp_path, "path,x\ty\na,b\tc\n", "m.tsv", path_column="path,x")
    assert fields(found) == [("a,b", "c")]


def test_a_delimiter_that_shows_the_path_column_wins(tmp_path: Path) -> None:
    found = table(tmp_path, "path;a, b, c, d\nx.jpg;1\n")
    assert found.header == ("path", "a, b, c, d")


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", "utf-8-sig"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings(tmp_path: Path, codec: str, encoding: str) -> None:
    text = "Path,title\nzoé.jpg,“Zoé” – a cat\n"
    found = table(tmp_path, text.encode(codec))
    assert found.encoding == encoding
    assert found.header == ("Path", "title")
    assert fields(found) == [("zoé.jpg", "“Zoé” – a cat")]
    assert bool(found.notes) == (codec == "cp1252")


def test_the_note_says_where_it_is_not_utf8(tmp_path: Path) -> None:
    found = table(tmp_path, b"path,t\na.jpg,caf\xe9\n")
    assert found.notes == (
        "m.csv is not UTF-8 (byte 0xe9 at offset 16): it is read as Windows-1252",
    )


def test_a_bad_byte_far_into_the_file_is_found(tmp_path: Path) -> None:
    content = b"path\n" + b"a.jpg\n" * 400_000 + b"\xe9.jpg\n"
    found = table(tmp_path, content)
    assert f"offset {len(content) - 6:,}" in found.notes[0]


def test_a_character_cut_by_the_block_is_no_error(tmp_path: Path) -> None:
    head = b"path\n"
    content = head + b"x" * ((1 << 20) - len(head) - 1) + "é".encode() + b"\n"
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    (row,) = read_manifest(path, None).rows()
    assert row.detail == "line 2 is longer than 1,000,000 characters"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"path,,x\n", "line 1: column 2 has no name"),
        (b",path\n", "index=False"),
        (b"\npath,a,PATH\n", "line 2: columns 1 and 3 have the same name 'PATH'"),
        (b"title,size\n", "no column of paths.*title, size"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0path\n", "zero bytes|no column"),
        (b"path" + b"x" * 2_000_000, "longer than"),
    ],
)
def test_bad_headers_name_file_and_line(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        table(tmp_path, content)
    assert "m.csv" in str(error.value)


def test_the_path_column_is_found_by_name_in_order(tmp_path: Path) -> None:
    assert table(tmp_path, "image,Path\n").path_index == 1
    assert table(tmp_path, "title, IMG_PATH \n").path_index == 1
    assert table(tmp_path, "title,IMAGE_URL\n").path_index == 1
    assert table(tmp_path, "path,Where\n", path_column="where").path_index == 1
    with pytest.raises(UsageError, match="has no column 'nope'; it has: path, x"):
        table(tmp_path, "path,x\n", path_column="nope")


def test_rows_of_another_length_are_problems_with_their_line(tmp_path: Path) -> None:
    found = table(tmp_path, 'path,a\n\nx.jpg\n"y\ny.jpg",1\nz.jpg,1,2\nw.jpg,1\n')
    rows = list(found.rows())
    assert [(row.line, row.problem, row.detail) for row in rows] == [
        (3, "bad_row", "line 3 has 1 field, the header has 2"),
        (4, "", ""),
        (6, "bad_row", "line 6 has 3 fields, the header has 2"),
        (7, "", ""),
    ]
    assert rows[1].fields == ("y\ny.jpg", "1")


def test_broken_quotes_are_problems_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = table(tmp_path, 'path,a\n"x"y.jpg,1\nb.jpg,2\n"open,3\nc.jpg,4\n')
    rows = list(found.rows())
    assert [(row.line, row.problem, row.fields) for row in rows] == [
        (2, "bad_row", ()),
        (3, "", ("b.jpg", "2")),
        (4, "bad_row", ()),
        (5, "", ("c.jpg", "4")),
    ]
    assert rows[2].detail == "line 4: a quotation mark does not pair"


def test_an_unclosed_quote_swallows_no_line(tmp_path: Path) -> None:
    lines = ["path", '"open', *(f"{number:06}.jpg" for number in range(30_000)), '"']
    rows = list(table(tmp_path, "\n".join(lines)).rows())
    assert [row.line for row in rows] == list(range(2, 30_004))
    assert [row.line for row in rows if row.problem] == [2, 30_003]


def test_a_line_that_is_too_long_is_one_bad_row(tmp_path: Path) -> None:
    long = "y" * (2 * MAX_LINE_CHARACTERS + 5)
    rows = list(table(tmp_path, f"path,x\na.jpg,1\n{long}\nb.jpg,2\n").rows())
    assert [(row.line, row.problem) for row in rows] == [(2, ""), (3, "bad_row"), (4, "")]
    assert rows[1].detail == "line 3 is longer than 1,000,000 characters"


def test_a_table_that_vanishes(tmp_path: Path) -> None:
    found = table(tmp_path, "path\na.jpg\n")
    found.path.unlink()
    with pytest.raises(UsageError, match="cannot read the manifest"):
        list(found.rows())


def test_the_digest_is_of_the_bytes(tmp_path: Path) -> None:
    assert table(tmp_path, "path\na\n").digest != table(tmp_path, "path\nb\n").digest
