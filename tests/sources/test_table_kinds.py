"""Manifests of every kind through `open_source`: what each row becomes."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import UsageError
from pipeline.records import SourceFile
from pipeline.sources import NamedPlace, SourceOptions, open_source, source_at
from tests.sources.contract import JPEG, all_entries


@pytest.fixture
def imgs(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg", "sub/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)
    return tmp_path


def rows(path: Path, **options: object) -> list[SourceFile]:
    source = open_source(None, path, SourceOptions(**options))  # type: ignore[arg-type]
    return all_entries(source)


def seen(path: Path, **options: object) -> list[tuple[str, str | None, dict[str, str]]]:
    """Name, problem and columns of each row."""
    return [(one.name, one.problem, dict(one.columns or {})) for one in rows(path, **options)]


def test_an_object_a_line_is_a_row_and_one_bad_line_one_bad_row(imgs: Path) -> None:
    table = imgs / "metadata.jsonl"
    table.write_text(
        '{"file_name": "a.jpg", "n": 3, "x": 1.50, "ok": true, "tags": ["ü", 1]}\n'
        "\n"
        '{"file_name": "b.jpg", "n": null}\r\n'
        '{"file_name": "b.jpg"\n'
        "[1]\n"
        '{"file_name": 7}\n'
        '{"file_name": null}\n'
        '"sub/c.jpg"\n'
        '{"file_name": "sub/c.jpg", "late": "here"}'
    )
    assert seen(table) == [
        ("a.jpg", None, {"n": "3", "x": "1.5", "ok": "true", "tags": '["ü", 1]'}),
        ("b.jpg", None, {}),
        ("line 4", "bad_row", {}),
        ("line 5", "bad_row", {}),
        ("line 6", "bad_row", {}),
        ("line 7", "no_path", {}),
        ("sub/c.jpg", None, {}),
        ("sub/c.jpg", None, {"late": "here"}),
    ]
    assert [one.detail for one in rows(table) if one.problem] == [
        "line 4 is no JSON: Expecting ',' delimiter at character 22",
        "line 5 is no JSON object",
        "line 6: file_name is no text",
        "line 7 names no file",
    ]
    assert open_source(table).columns == ("n", "x", "ok", "tags", "late")


@pytest.mark.parametrize("name", ["list.json", "list", "list.txt"])
@pytest.mark.parametrize(
    "text",
    [
        '[{"path": "a.jpg", "id": 1}, {"path": "gone.jpg"}]',
        '\ufeff [\n {"path":"a.jpg","id":1},{"path":"gone.jpg"}]\n',
        '{"info": {}, "images": [{"path": "a.jpg", "id": 1}, {"path": "gone.jpg"}], "x": [{}]}',
        '{"path": "a.jpg", "id": 1}\n{"path": "gone.jpg"}\n',
    ],
)
def test_arrays_and_lines_are_told_apart_whatever_the_name(
    imgs: Path, name: str, text: str
) -> None:
    (imgs / name).write_text(text)
    assert seen(imgs / name) == [("a.jpg", None, {"id": "1"}), ("gone.jpg", "missing_file", {})]


def test_a_damaged_array_is_refused_before_anything_is_sent(imgs: Path) -> None:
    (imgs / "m.json").write_text('[{"path": "a.jpg"}, {"path": ]')
    with pytest.raises(UsageError, match=r"m\.json is no whole JSON"):
        open_source(imgs / "m.json")


def test_an_array_of_texts_is_a_list(imgs: Path) -> None:
    (imgs / "m.json").write_text('["a.jpg", "b.jpg", 3]')
    assert seen(imgs / "m.json") == [
        ("a.jpg", None, {}),
        ("b.jpg", None, {}),
        ("object 3", "bad_row", {}),
    ]


def test_a_parquet_table_is_read_with_all_its_types(imgs: Path) -> None:
    table = pa.table(
        {
            "image": ["a.jpg", "b.jpg", None],
            "when": [datetime.datetime(2026, 11, 27, 8, 0, tzinfo=datetime.UTC), None, None],
            "price": [Decimal("1.50"), None, None],
            "score": [0.25, float("nan"), None],
            "many": [["x", "y"], [], None],
            "raw": [b"text", b"\xff\x00", None],
        }
    )
    pq.write_table(table, imgs / "m.parquet", row_group_size=1)
    assert seen(imgs / "m.parquet") == [
        (
            "a.jpg",
            None,
            {
                "when": "2026-11-27T08:00:00+00:00", "price": "1.50", "score": "0.25",
                "many": '["x", "y"]', "raw": "text",
            },
        ),
        ("b.jpg", None, {"many": "[]", "raw": "ff00"}),
        ("row 3", "no_path", {}),
    ]  # fmt: skip


def test_another_column_of_paths_is_named_for_every_kind(imgs: Path) -> None:
    pq.write_table(pa.table({"bild": ["a.jpg"], "path": ["x"]}), imgs / "m.parquet")
    (imgs / "m.jsonl").write_text('{"bild": "a.jpg", "path": "x"}\n')
    (imgs / "m.json").write_text('[{"bild": "a.jpg", "path": "x"}]')
    (imgs / "m.csv").write_text("bild,path\na.jpg,x\n")
    for name in ("m.parquet", "m.jsonl", "m.json", "m.csv"):
        assert seen(imgs / name, path_column="BILD") == [("a.jpg", None, {"path": "x"})], name
        with pytest.raises(UsageError, match=r"has no column 'foto'; it has: bild, path"):
            rows(imgs / name, path_column="foto")


def test_our_own_table_is_refused_unless_its_column_is_named(imgs: Path) -> None:
    ours = ("source", "path", "location", "source_id", "content_id", "spec_id", "work_key")
    values = {name: ["a.jpg"] for name in (*ours, "model_caption")}
    pq.write_table(pa.table(values), imgs / "captions.parquet")
    with pytest.raises(UsageError, match="a table of captions that captionmill wrote"):
        open_source(imgs / "captions.parquet")
    assert seen(imgs / "captions.parquet", path_column="location")[0][:2] == ("a.jpg", None)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a.jpg\nsub/c.jpg\n", ["a.jpg", "sub/c.jpg"]),
        ("\ufeffa.jpg\r\n\r\n b.jpg \r\n", ["a.jpg", "b.jpg"]),
        ("a.jpg\0b.jpg\0", ["a.jpg", "b.jpg"]),
        ("./a.jpg", ["a.jpg"]),
        ("a.jpg\rb.jpg\r", ["a.jpg", "b.jpg"]),
    ],
)
def test_a_plain_list_is_a_path_a_line(imgs: Path, text: str, names: list[str]) -> None:
    for name in ("list.txt", "files.lst", "files"):
        (imgs / name).write_text(text, newline="")
        assert seen(imgs / name) == [(one, None, {}) for one in names]
    assert source_at(NamedPlace(str(imgs / "list.txt")), SourceOptions()).kind == "manifest"


def test_lines_of_a_list_are_taken_as_they_stand(imgs: Path) -> None:
    odd = ['say "cheese".jpg', "#1.jpg", "a, b; c.jpg", "two  blanks.jpg"]
    for name in odd:
        (imgs / name).write_bytes(JPEG)
    (imgs / "list.txt").write_text("a.jpg\n" + "\n".join(odd) + "\n# a comment\n")
    assert [one[:2] for one in seen(imgs / "list.txt")] == [
        ("a.jpg", None),
        *((name, None) for name in odd),
        ("# a comment", "missing_file"),
    ]


def test_a_text_with_a_header_stays_a_table(imgs: Path) -> None:
    (imgs / "m.txt").write_text("path;title\na.jpg;x\n")
    assert seen(imgs / "m.txt") == [("a.jpg", None, {"title": "x"})]
    (imgs / "m.txt").write_text("bild;titel\na.jpg;x\n")
    with pytest.raises(
        UsageError, match="name it with --path-column; the columns are: bild, titel"
    ):
        rows(imgs / "m.txt")


def test_a_manifest_that_says_what_it_is_not_is_refused(imgs: Path) -> None:
    (imgs / "m.parquet").write_text("path\na.jpg\n")
    with pytest.raises(UsageError, match="no Parquet table, whatever its name"):
        rows(imgs / "m.parquet")
    (imgs / "m.jsonl").write_text("1\n2\n")
    with pytest.raises(UsageError, match="holds no JSON objects"):
        rows(imgs / "m.jsonl")
    pq.write_table(pa.table({"path": ["a.jpg"]}), imgs / "cut.parquet")
    (imgs / "cut.parquet").write_bytes((imgs / "cut.parquet").read_bytes()[:-20])
    with pytest.raises(UsageError, match="cannot read the manifest"):
        rows(imgs / "cut.parquet")


def test_an_unchanged_manifest_is_not_read_again_and_a_changed_one_is(imgs: Path) -> None:
    def digest(path: Path) -> bytes:
        return next(open_source(path).listings()).digest

    table = imgs / "m.jsonl"
    table.write_text('{"path": "a.jpg"}\n')
    before = digest(table)
    assert digest(table) == before
    table.write_text(json.dumps({"path": "a.jpg", "title": "x"}))
    assert digest(table) != before
