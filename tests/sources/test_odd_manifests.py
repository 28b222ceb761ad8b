"""Odd manifests: every row ends as a row with a true reason, or the whole table is refused.

A case is a file's name and bytes, with the problems of its rows ("ok" for none) or some of the
words that it is refused with.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources import SourceOptions, open_source
from tests.sources.contract import JPEG, all_entries

IMAGES = (
    *("a.jpg", "b c.jpg", "ü.jpg", "sub/d.jpg", "UP.JPG", "100%.jpg", "a%20b.jpg"),
    *('q"t.jpg', "x;y.jpg", "~home.jpg", " blanks.jpg "),
)
NO_HEADER = "line 1 has no column of paths (such as path, file or image):"
NO_PATHS = "has no column of paths (such as path, file or image): name i"
NO_OBJECTS = "holds no JSON objects: each image is one, with its path"
NO_TABLE = "is an archive or a workbook, no table: save it as CSV"
EMPTY = "the manifest  is empty"
REFUSED: dict[str, tuple[bytes, str]] = {
    "nul_header.csv": (
        b"pa\x00th,t\na.jpg,x\n",
        "line 1 holds zero bytes: this is not a text file",
    ),
    "dup_header.csv": (b"path,t,T\na.jpg,x,y\n", "line 1: columns 2 and 3 have the same name 'T'"),
    "empty_header.csv": (b"path,,t\na.jpg,x,y\n", "line 1: column 2 has no name"),
    "one_col_noheader.csv": (b"a.jpg\nb c.jpg\n", NO_HEADER),
    "trailing_delim.csv": (b"path,t,\na.jpg,x,\n", "line 1: column 3 has no name"),
    "comment.csv": (b"# made by me\npath,t\na.jpg,x\n", NO_HEADER),
    "pipe.csv": (b"path|t\na.jpg|x\n", NO_HEADER),
    "empty.csv": (b"", EMPTY),
    "bom_only.csv": (b"\xef\xbb\xbf", EMPTY),
    "nl.csv": (b"\n\n\n", EMPTY),
    "zip.csv": (b"PK\x03\x04\x00\xff\x01", NO_TABLE),
    "gz.csv": (b"\x1f\x8b\x08\0path", "is compressed, no table: unpack it"),
    "zst.jsonl": (b"\x28\xb5\x2f\xfd{}", "is compressed, no table: unpack it"),
    "jpg.csv": (JPEG, "is a picture, no table of pictures"),
    "xlsx.csv": (b"PK\x03\x04[Content_Types].xml", NO_TABLE),
    "arrow.csv": (b"ARROW1\0\0", "is an Arrow file, which is not read: save it as Parquet or CSV"),
    "stream.arrow": (b"\xff\xff\xff\xff\x10\0\0\0", "is an Arrow file, which is not read:"),
    "xls.csv": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", NO_TABLE),
    "long_header.csv": (b"path," + b"t" * 1_500_000, "line 1 is longer than 1,000,000 characters"),
    "html.csv": (b"<!DOCTYPE html><html>path</html>\n", NO_HEADER),
    "l_two.jsonl": (b'{"path": "a.jpg"}{"path": "b c.jpg"}\n', NO_OBJECTS),
    "l_pretty.jsonl": (b'{\n  "path": "a.jpg"\n}\n', NO_OBJECTS),
    "l_case.jsonl": (
        b'{"path": "a.jpg", "T": 1}\n{"path": "b c.jpg", "t": 2}\n',
        ": columns 2 and 3 have the same name 't'",
    ),
    "l_emptykey.jsonl": (b'{"path": "a.jpg", "": 1}\n', ": column 2 has no name"),
    "j_scalar.json": (b"3", NO_OBJECTS),
    "j_empty.json": (b"[]", NO_OBJECTS),
    "j_nested.json": (b'[[{"path":"a.jpg"}]]', NO_OBJECTS),
    "j_obj.json": (b'{"a.jpg": {"t": 1}}', NO_PATHS),
    "j_cut.json": (b'[{"path":"a.jpg"},{"path":"b c.j', "is no whole JSON: it ends in the middle"),
    "j_cut_text.json": (b'[{"path":"a.jpg}]', "is no whole JSON: it ends in the middle of a text"),
    "j_after.json": (b'[{"path":"a.jpg"}] x', "is no whole JSON: it goes on after its end"),
    "j_data.json": (b'{"data":[{"path":"a.jpg"}]}', NO_PATHS),
    "t_quoted.txt": (b'"a.jpg"\n"b c.jpg"\n', NO_HEADER),
}
ROWS: dict[str, tuple[bytes, str]] = {
    "csv_bom.csv": (b"\xef\xbb\xbfpath,t\na.jpg,x\n", "ok"),
    "utf16.csv": (
        b"\xff\xfep\x00a\x00t\x00h\x00,\x00t\x00\n\x00a\x00.\x00j\x00p\x00g\x00,\x00\xfc\x00\n\x00",
        "ok",
    ),
    "utf16be_nobom.csv": (
        b"\x00p\x00a\x00t\x00h\x00,\x00t\x00\n\x00a\x00.\x00j\x00p\x00g\x00,\x00u\x00\n",
        "ok",
    ),
    "utf16_nobom_cjk.csv": (
        "path,t\na.jpg,日本語日本語日本語\nb c.jpg,中文\n".encode("utf-16-le"),
        "ok ok",
    ),
    "nul_block.csv": (b"path,t\na.jpg,x\n" + bytes(4096) + b"\nb c.jpg,y\n", "ok bad_row ok"),
    "bom_mid.csv": (b'path,t\na.jpg,x\n\xef\xbb\xbf"b c.jpg",y\nsub/d.jpg,z\n', "ok ok ok"),
    "bom_twice.csv": (b"\xef\xbb\xbf\xef\xbb\xbfpath,t\na.jpg,x\n", "ok"),
    "bom_sep.csv": (b"\xef\xbb\xbfsep=;\npath;t\na.jpg;x\n", "ok"),
    "joined.csv": (
        b"path,t\na.jpg,x\n\xef\xbb\xbfpath,t\nb c.jpg,y\n",
        "ok missing_file ok",
    ),
    "t_joined.txt": (b"a.jpg\n\xef\xbb\xbfb c.jpg\n", "ok ok"),
    "file_host.csv": (b"path\nfile://nas/a.jpg\nfile:a.jpg\n", "missing_file missing_file"),
    "utf32.csv": ("path,t\na.jpg,ü\n".encode("utf-32"), "ok"),
    "sep.csv": (b"sep=|\npath|t\na.jpg|x\n", "ok"),
    "sep_quoted.csv": (b'"sep=;"\r\npath;t\r\na.jpg;x\r\n', "ok"),
    "mixed_ends.csv": (b"path,t\r\na.jpg,x\nb c.jpg,y\rsub/d.jpg,z\r\n", "ok ok ok"),
    "cr_only.csv": (b"path,t\ra.jpg,x\rb c.jpg,y\r", "ok ok"),
    "nul.csv": (b"path,t\na.jpg,x\x00y\nb c.jpg,z\n", "bad_row ok"),
    "header_only.csv": (b"path,t\n", ""),
    "header_only_nl.csv": (b"path,t", ""),
    "one_col.csv": (b"path\na.jpg\n", "ok"),
    "trailing_row.csv": (b"path,t\na.jpg,x,\nb c.jpg,y\n", "bad_row ok"),
    "few.csv": (b"path,t\na.jpg\nb c.jpg,y\n", "bad_row ok"),
    "nfd.csv": (b"path\nu\xcc\x88.jpg\n", "ok"),
    "backslash.csv": (b"path\nsub\\d.jpg\n", "ok"),
    "case.csv": (b"path\nup.jpg\n", "missing_file"),
    "percent.csv": (b"path\nb%20c.jpg\na%20b.jpg\n100%.jpg\n", "missing_file ok ok"),
    "tilde.csv": (b"path\n~/a.jpg\n~home.jpg\n", "missing_file ok"),
    "blanks.csv": (b"path\n blanks.jpg \nblanks.jpg\n  a.jpg \n", "ok missing_file ok"),
    "t_blanks.txt": (b"a.jpg\n blanks.jpg \n", "ok ok"),
    "windows.csv": (
        b"path\nC:\\Users\\x\\a.jpg\n\\\\server\\share\\a.jpg\n",
        "missing_file missing_file",
    ),
    "url_blank.csv": (
        b"path\nhttps://example.org/a b.jpg\n  https://example.org/c.jpg\n",
        "url_not_enabled url_not_enabled",
    ),
    "dots.csv": (
        b'path\n./a.jpg\nsub/../a.jpg\n../x.jpg\n.\n..\n/\n""\n',
        "ok outside_root not_a_file outside_root outside_root no_path",
    ),
    "quotes.csv": (b'path,t\n"a.jpg","he said ""hi"""\nq"t.jpg,x\n"b c.jpg",open\n', "ok ok ok"),
    "multi_line.csv": (b'path,t\na.jpg,"two\nlines"\nb c.jpg,y\n', "ok ok"),
    "unclosed.csv": (b'path,t\na.jpg,"open\nb c.jpg,y\nsub/d.jpg,z\n', "ok ok ok"),
    "latin1.csv": (b"path,t\na.jpg,caf\xe9\n", "ok"),
    "mixed_enc.csv": (b"path,t\na.jpg,\xc3\xbc\xc3\xa9\xc3\xa4\nb c.jpg,\xff\n", "ok bad_row"),
    "surrogate.csv": (b"path\n\xed\xa0\x80.jpg\na.jpg\n", "bad_row ok"),
    "ctrl.csv": (b"path,t\na.jpg,\x1b[31m\nb c.jpg,\x0b\x0c\n", "ok ok"),
    "u2028.csv": (b"path,t\na.jpg,x\xe2\x80\xa8y\n", "ok"),
    "blank_lines.csv": (b"\n\n  \npath,t\n\na.jpg,x\n   \n,\n", "ok bad_row no_path"),
    "semicolon.csv": (b"path;t\na.jpg;1,5\nx;y.jpg;z\n", "ok bad_row"),
    "tabs.tsv": (b'path\tt\na.jpg\t"x\n b c.jpg \ty\n', "ok ok"),
    "space_header.csv": (b" path , t \n a.jpg , x \n", "ok"),
    "upper.csv": (b"PATH,Title\na.jpg,x\n", "ok"),
    "folder_row.csv": (b"path\nsub\nsub/\n", "not_a_file not_a_file"),
    "repeat.csv": (b"path,t\na.jpg,x\na.jpg,x\na.jpg,y\n", "ok ok"),
    "json.csv": (b'[{"path": "a.jpg"}, {"path": "none.jpg"}]', "ok missing_file"),
    "lines.tsv": (b'{"path": "a.jpg"}\n{"path": "b c.jpg"}\n', "ok ok"),
    "l_bom.jsonl": (b'\xef\xbb\xbf{"path": "a.jpg"}\n', "ok"),
    "l_utf16.jsonl": ('{"path": "a.jpg"}\n'.encode("utf-16"), "ok"),
    "l_trail.jsonl": (b'{"path": "a.jpg"},\n{"path": "b c.jpg"}\n', "bad_row ok"),
    "l_nan.jsonl": (b'{"path": "a.jpg", "x": NaN, "y": Infinity}\n', "ok"),
    "l_dup.jsonl": (b'{"path": "a.jpg", "path": "b c.jpg"}\n', "ok"),
    "l_nul.jsonl": (b'{"path": "a.jpg", "t": "x\\u0000y"}\n', "bad_row"),
    "l_sur.jsonl": (b'{"path": "a.jpg", "t": "\\ud800"}\n', "bad_row"),
    "j_trail.json": (b'[{"path":"a.jpg"},]', "ok"),
    "j_concat.json": (b'[{"path":"a.jpg"}] [1]', "ok bad_row"),
    "j_damage.json": (
        b'[{"path":"a.jpg",},{"path" "x"},nope,{"path":"b c.jpg"}]',
        "bad_row bad_row bad_row ok",
    ),
    "j_nan.json": (
        b'[{"path":"a.jpg","t":NaN,"n":' + b"9" * 400 + b'},{"path":"b c.jpg"}]',
        "ok ok",
    ),
    "j_halves.json": (
        b'[{"path":"a.jpg","t":"\\ud83d\\ude00"},{"path":"b c.jpg","t":"\\ud83d\\ud83d"}]',
        "ok bad_row",
    ),
    "j_bytes.json": (
        b'[{"path":"a.jpg","t":"\xc3\xbc"},{"path":"b c.jpg","t":"\xff"},{"path":"sub/d.jpg"}]',
        "ok bad_row ok",
    ),
    "j_pair_bytes.json": (
        b'[{"path":"a.jpg","t":"\xed\xa0\xbd\xed\xb8\x80"},{"path":"b c.jpg"}]',
        "bad_row ok",
    ),
    "j_texts.json": (
        b'["a.jpg", "b, [c].jpg", "q\\"t.jpg", "\\\\"]',
        "ok missing_file ok outside_root",
    ),
    "j_coco_late.json": (
        b'{"x":{"images":[{"path":"no"}]},"y":"images",\n"images":[{"file_name":"a.jpg"}]}',
        "ok",
    ),
    "long_line.csv": (b"path,t\na.jpg," + b"x" * 2_500_000 + b"\nb c.jpg,y\n", "bad_row ok"),
    "long_quoted.csv": (
        b'path,t\na.jpg,"x\n' + b"x" * 1_500_000 + b'"\nb c.jpg,y\n',
        "ok bad_row ok",
    ),
    "header_lines.csv": (b'path,"t\r\nu",v\r\na.jpg,x,y\r\n', "ok"),
    "header_open.csv": (b'path,"t\na.jpg,x\n', "ok"),
    "bom_header.csv": (b"t,\xef\xbb\xbfpath\nx,a.jpg\n", "ok"),
    "pair.csv": (
        b"path,t\na.jpg,x\nb c.jpg,\xed\xa0\xbd\xed\xb8\x80\nsub/d.jpg,z\n",
        "ok bad_row ok",
    ),
    "pair.jsonl": (
        b'{"path":"a.jpg","t":"\xed\xa0\xbd\xed\xb8\x80"}\n{"path":"b c.jpg"}\n',
        "bad_row ok",
    ),
    "utf16_half.csv": (
        "path,t\na.jpg,x\n".encode("utf-16")
        + b"b\0,\0\x3d\xd8\n\0"
        + "sub/d.jpg,z\n".encode("utf-16-le"),
        "ok bad_row ok",
    ),
    "utf16_cut.csv": ("path,t\na.jpg,x\nb c.jpg,y".encode("utf-16") + b"\0", "ok bad_row"),
    "utf32_nobom.csv": ("path,t\na.jpg,ü\n".encode("utf-32-le"), "ok"),
    "utf32be_nobom.csv": ("path,t\na.jpg,日本\n".encode("utf-32-be"), "ok"),
    "j_null.json": (b'[null, {"path":"a.jpg"}]', "bad_row ok"),
    "j_coco.json": (
        b'{"info":{"x":[{"path":"no"}]},"images":[{"id":1,"file_name":"a.jpg"}],"x":[{"image":1}]}',
        "ok",
    ),
    "t_list.txt": (b"a.jpg\n\nb c.jpg \n./sub/d.jpg\nnope.jpg\n", "ok ok ok missing_file"),
    "t_win.txt": (b"sub\\d.jpg\r\n", "ok"),
    "t_utf16.txt": (
        b"\xff\xfea\x00.\x00j\x00p\x00g\x00\r\x00\n\x00\xfc\x00.\x00j\x00p\x00g\x00\r\x00\n\x00",
        "ok ok",
    ),
    "t_latin.txt": (b"a.jpg\n\xfc.jpg\n", "ok ok"),
    "t_print0": (b"a.jpg\x00b c.jpg\x00", "ok ok"),
    "t_mixed.txt": (b"a.jpg\nhttps://example.org/x.jpg\n", "ok url_not_enabled"),
}


@pytest.fixture(scope="module")
def imgs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("imgs")
    for name in IMAGES:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(JPEG)
    return root


@pytest.mark.parametrize("name", ROWS)
def test_every_row_ends_as_a_row(imgs: Path, name: str) -> None:
    data, problems = ROWS[name]
    path = imgs / name
    path.write_bytes(data)
    entries = all_entries(open_source(None, path))
    assert " ".join(entry.problem or "ok" for entry in entries) == problems
    assert all(entry.detail for entry in entries if entry.problem)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_is_refused(imgs: Path, name: str) -> None:
    data, words = REFUSED[name]
    path = imgs / name
    path.write_bytes(data)
    with pytest.raises(UsageError) as refusal:
        all_entries(open_source(None, path))
    assert words in str(refusal.value).replace(f"{imgs}/{name}", "")


def test_addresses_of_files_are_their_paths(imgs: Path) -> None:
    lines = (f"file://{imgs}/a.jpg", "file:///etc/passwd", f"FILE://localhost{imgs}/b%20c.jpg")
    (imgs / "m.csv").write_text(f"path\nfile:{imgs}/sub/d.jpg\n")
    assert [one.problem for one in all_entries(open_source(imgs / "m.csv"))] == [None]
    (imgs / "m.csv").write_text("\n".join(("path", *lines)))
    assert [(one.name, one.problem) for one in all_entries(open_source(imgs / "m.csv"))][::2] == [
        ("a.jpg", None),
        ("b c.jpg", None),
    ]
    (outside,) = (one for one in all_entries(open_source(imgs / "m.csv")) if one.problem)
    assert outside.problem == "outside_root"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("b%20c.jpg", "there is no such file; b c.jpg is there"),
        ("up.jpg", "there is no such file; UP.JPG is there"),
        ("C:\\x\\a.jpg", "this is a path of Windows"),
        ("~/a.jpg", "~ stands for no folder"),
    ],
)
def test_the_reason_says_what_may_be_meant(imgs: Path, path: str, words: str) -> None:
    (imgs / "m.csv").write_text(f"path\n{path}\n")
    (entry,) = all_entries(open_source(imgs / "m.csv", None, SourceOptions()))
    assert entry.problem == "missing_file"
    assert words in entry.detail


def test_a_name_of_a_column_may_go_on_in_the_next_line(imgs: Path) -> None:
    (imgs / "m.csv").write_text('path,"the\ntitle"\na.jpg,x\nnone.jpg,y\n')
    entry, missing = all_entries(open_source(imgs / "m.csv"))
    assert entry.columns == {"the title": "x"}
    assert missing.detail.startswith("line 4: ")


def test_a_table_of_a_hundred_thousand_columns_is_read(imgs: Path) -> None:
    names = ",".join(("path", *(f"c{n}" for n in range(100_000))))
    (imgs / "wide.csv").write_text(f"{names}\na.jpg{',v' * 100_000}\n")
    (entry,) = all_entries(open_source(imgs / "wide.csv"))
    assert len(entry.columns or {}) == 100_000
