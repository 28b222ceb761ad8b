from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.records import SourceFile
from pipeline.sources import NamesUrls, Source, SourceOptions
from pipeline.sources.manifest import ManifestSource
from tests.sources.contract import JPEG, SourceContract, all_entries, digests
from tests.sources.test_remote import download


def opened(root: Path, content: str, **options: object) -> ManifestSource:
    (root / "m.csv").write_text(content)
    return ManifestSource(root / "m.csv", SourceOptions(**options))  # type: ignore[arg-type]


def images(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(JPEG)


def brief(entry: SourceFile) -> tuple[str, int, str | None]:
    return entry.name, entry.occurrence, entry.problem


class TestManifestSource(SourceContract):
    def make(self, root: Path) -> Source:
        images(root, "a.jpg", "sub/b.jpg")
        return opened(root, "title,path\nA,a.jpg\nB,sub/b.jpg\nC,gone.jpg\nA2,a.jpg\n")

    def image(self, root: Path) -> Path:
        return root / "a.jpg"

    def test_rows_in_order_with_their_columns(self, source: Source) -> None:
        entries = all_entries(source)
        assert source.columns == ("title",)
        assert [dict(entry.columns or {}) for entry in entries] == [
            {"title": title} for title in ("A", "B", "C", "A2")
        ]
        assert [brief(entry) for entry in entries] == [
            ("a.jpg", 0, None),
            ("sub/b.jpg", 0, None),
            ("gone.jpg", 0, "missing_file"),
            ("a.jpg", 1, None),
        ]

    def test_a_changed_table_changes_the_digest(self, source: Source, tmp_path: Path) -> None:
        before = digests(source)
        again = opened(tmp_path, "title,path\nA,a.jpg\nB,sub/b.jpg\nC,gone.jpg\nOther,a.jpg\n")
        assert digests(again) != before

    def test_a_file_that_appears_changes_the_digest(self, source: Source, tmp_path: Path) -> None:
        before = digests(source)
        images(tmp_path, "gone.jpg")
        assert digests(source) != before


def test_the_same_row_again_is_skipped_and_counted(tmp_path: Path) -> None:
    images(tmp_path, "a.jpg", "b.jpg")
    source = opened(tmp_path, "path,t\na.jpg,1\nb.jpg,1\n./a.jpg,2\na.jpg,1\na.jpg,2\nb.jpg,1\n")
    listing = next(source.listings())
    assert [(entry.name, entry.occurrence, entry.columns) for entry in listing.entries()] == [
        ("a.jpg", 0, {"t": "1"}),
        ("b.jpg", 0, {"t": "1"}),
        ("a.jpg", 1, {"t": "2"}),
    ]
    assert listing.skipped == {"(repeated row)": 3}


def test_paths_are_relative_to_the_manifest(tmp_path: Path) -> None:
    images(tmp_path, "m/x.jpg", "m/sub/y.jpg")
    (tmp_path / "m" / "list.csv").write_text(f"file\nsub/../x.jpg\n{tmp_path}/m/sub/y.jpg\n")
    source = ManifestSource(tmp_path / "m" / "list.csv", SourceOptions())
    assert [brief(entry) for entry in all_entries(source)] == [
        ("x.jpg", 0, None),
        ("sub/y.jpg", 0, None),
    ]
    assert source.label == "list.csv"


@pytest.mark.parametrize("way", ["../out.jpg", "{root}/out.jpg", "link.jpg", "dirlink/out.jpg"])
def test_paths_that_lead_outside(tmp_path: Path, way: str) -> None:
    images(tmp_path, "out.jpg", "in/a.jpg")
    (tmp_path / "in" / "link.jpg").symlink_to("../out.jpg")
    (tmp_path / "in" / "dirlink").symlink_to("..")
    content = f"path\n{way.format(root=tmp_path)}\n"
    (entry,) = all_entries(opened(tmp_path / "in", content))
    assert entry.problem == "outside_root"
    assert entry.location == ""
    assert "line 2" in entry.detail
    source = opened(tmp_path / "in", content, allow_outside=True)
    (entry,) = all_entries(source)
    assert entry.problem is None
    assert not entry.name.startswith("/")
    assert Path(source.path_of("", entry.name)).read_bytes() == JPEG


def test_links_inside_are_fine(tmp_path: Path) -> None:
    images(tmp_path, "real/a.jpg")
    (tmp_path / "sub").symlink_to("real")
    (tmp_path / "a.jpg").symlink_to("real/a.jpg")
    entries = all_entries(opened(tmp_path, "path\na.jpg\nsub/a.jpg\n"))
    assert [brief(entry) for entry in entries] == [("a.jpg", 0, None), ("sub/a.jpg", 0, None)]


def test_rows_that_name_no_image(tmp_path: Path) -> None:
    images(tmp_path, "a.jpg")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    long = "n" * 5000
    rows = [
        ("", "no_path"),
        ("  ", "no_path"),
        ("nope.jpg", "missing_file"),
        ("a.jpg/b.jpg", "missing_file"),
        ("folder", "not_a_file"),
        (".", "not_a_file"),
        ("..", "outside_root"),
        ("../nope.jpg", "outside_root"),
        ("pipe.jpg", "not_a_file"),
        ("http://example.com/a.jpg", "url_not_enabled"),
        ("HTTPS://example.com/a.jpg", "url_not_enabled"),
        ("s3://", "bad_url"),
        ("gs://bucket/folder/", "not_a_file"),
        (long, "bad_path"),
        ("a\0.jpg", "bad_row"),
    ]
    source = opened(tmp_path, "path,t\n" + "".join(f"{path},t\n" for path, _ in rows) + "a.jpg,t\n")
    entries = all_entries(source)
    assert [entry.problem for entry in entries] == [problem for _, problem in rows] + [None]
    assert [entry.name for entry in entries][:2] == ["line 2", "line 3"]
    for number, entry in enumerate(entries[:-1], start=2):
        assert f"line {number}" in entry.detail
        assert len(entry.name) < 4200


def test_bad_rows_keep_their_place_and_name(tmp_path: Path) -> None:
    images(tmp_path, "a.jpg")
    entries = all_entries(opened(tmp_path, 'path,t\na.jpg,1\na.jpg\n"x"y,1\na.jpg,1,2\n'))
    assert [brief(entry) for entry in entries] == [
        ("a.jpg", 0, None),
        ("a.jpg", 1, "bad_row"),
        ("line 4", 0, "bad_row"),
        ("a.jpg", 2, "bad_row"),
    ]


def test_a_note_about_the_encoding_is_a_problem_to_read(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"path,t\na.jpg,caf\xe9\n")
    source = ManifestSource(tmp_path / "m.csv", SourceOptions())
    assert "Windows-1252" in source.problems[0]
    assert source.complete


def test_the_rules_are_part_of_the_digest(tmp_path: Path) -> None:
    images(tmp_path, "a.jpg")
    assert digests(opened(tmp_path, "path\na.jpg\n")) != digests(
        opened(tmp_path, "path\na.jpg\n", allow_outside=True)
    )


def test_a_url_is_the_file_that_it_was_downloaded_to(tmp_path: Path) -> None:
    url = "https://example.com/a.jpg?x=1,2"
    path = download(tmp_path / "cache", url)
    images(tmp_path, "b.jpg")
    table = f'title,image\nA,"{url}"\nB,b.jpg\nA2,"{url}"\nC,http://example.com/new\nD,"{url}",\n'
    source = opened(tmp_path, table, url_cache=tmp_path / "cache")
    assert [(*brief(entry), entry.location) for entry in all_entries(source)] == [
        (url, 0, None, str(path)),
        ("b.jpg", 0, None, str(tmp_path / "b.jpg")),
        (url, 1, None, str(path)),
        ("http://example.com/new", 0, "not_downloaded", ""),
        (url, 2, "bad_row", ""),
    ]
    assert list(source.urls()) == [url, url, "http://example.com/new"]
    assert source.path_of("", url) == str(path)
    assert isinstance(source, NamesUrls)


def test_a_manifest_of_files_names_no_urls(tmp_path: Path) -> None:
    assert list(opened(tmp_path, "path\na.jpg\n../b.jpg\nC:/x\n").urls()) == []


def test_a_bad_byte_is_one_bad_row(tmp_path: Path) -> None:
    images(tmp_path, "a.jpg", "é.jpg", "c.jpg")
    (tmp_path / "m.csv").write_bytes("path,t\na.jpg,Größe\né.jpg,x\nc.jpg,".encode() + b"\xe9\n")
    source = ManifestSource(tmp_path / "m.csv", SourceOptions())
    assert [brief(entry) for entry in all_entries(source)] == [
        ("a.jpg", 0, None), ("é.jpg", 0, None), ("c.jpg", 0, "bad_row"),
    ]  # fmt: skip
    assert source.encoding == "utf-8-sig"
    assert "UTF-8 but for one byte" in source.problems[0]


def test_a_bad_byte_in_the_path_is_stored_as_text(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes("path,t\na.jpg,Größe\n".encode() + b"\xe9.jpg,x\n")
    entries = all_entries(ManifestSource(tmp_path / "m.csv", SourceOptions()))
    assert brief(entries[1]) == ("\\xe9.jpg", 0, "bad_row")
    assert entries[1].detail == "line 3 holds bytes that are no UTF-8"


def test_lines_of_a_tsv_without_quoting_are_all_rows(tmp_path: Path) -> None:
    images(tmp_path, *(f"{name}.jpg" for name in "abcdef"))
    texts = zip("abcdef", ["a dog", '"hello', "world", 'bye"', "a cat", "x"], strict=True)
    content = "path\tcaption\n" + "".join(f"{name}.jpg\t{text}\n" for name, text in texts)
    (tmp_path / "s.tsv").write_text(content)
    source = ManifestSource(tmp_path / "s.tsv", SourceOptions())
    entries = all_entries(source)
    assert [entry.problem for entry in entries] == [None] * 6
    assert [(entry.columns or {})["caption"] for entry in entries][1:4] == [
        '"hello',
        "world",
        'bye"',
    ]
    assert source.problems == [
        "s.tsv has quotation marks that do not pair: the quotation marks of line 3 are text"
    ]


@pytest.mark.parametrize("separator", [";", "\t", "|", ","])
def test_a_first_line_names_the_separator(tmp_path: Path, separator: str) -> None:
    images(tmp_path, "a.jpg")
    source = opened(tmp_path, f"sep={separator}\npath{separator}t\na.jpg{separator}x\n")
    assert [(entry.name, entry.columns) for entry in all_entries(source)] == [("a.jpg", {"t": "x"})]
