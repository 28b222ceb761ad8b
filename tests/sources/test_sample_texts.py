from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.sources import SourceOptions, sample_texts
from pipeline.sources.sample_texts import sample_keys
from pipeline.sources.tar_file import TarSource
from tests.sources.contract import JPEG
from tests.sources.test_inside import listed
from tests.sources.test_tar_file import tarred


def test_keys_are_names_without_a_suffix_and_webdatasets_own() -> None:
    assert sample_keys("a.b/cat.seg.png") == ("a.b/cat.seg", "a.b/cat")
    assert sample_keys("cat.png") == ("cat",)


def test_texts_are_found_in_any_order_and_by_several_images(tmp_path: Path) -> None:
    members = {
        "b.json": b'{"n": 2, "t": null}',
        "a.seg.png": JPEG,
        "a.jpg": JPEG,
        "b.jpg": JPEG,
        "a.txt": b"\xef\xbb\xbfa text\r\n",
        "c.d.jpg": JPEG,
        "c.d.txt": b"its own",
        "c.txt": b"not its own",
        "stray.txt": b"",
    }
    source = TarSource(tarred(tmp_path / "a.tar", members), SourceOptions())
    assert source.columns == ("n", "t", "txt")
    entries, skipped = listed(source)
    assert {name: entry.columns for name, entry in entries.items()} == {
        "a.seg.png": {"n": "", "t": "", "txt": "a text"},
        "a.jpg": {"n": "", "t": "", "txt": "a text"},
        "b.jpg": {"n": "2", "t": "", "txt": ""},
        "c.d.jpg": {"n": "", "t": "", "txt": "its own"},
    }
    assert skipped == {".txt": 2, ".txt beside an image": 2, ".json beside an image": 1}


def test_texts_of_no_image_give_no_columns(tmp_path: Path) -> None:
    members = {"annotations.json": b'{"images": []}', "README.txt": b"", "a.jpg": JPEG}
    source = TarSource(tarred(tmp_path / "a.tar", members), SourceOptions())
    assert source.columns == ()
    assert listed(source)[1] == {".json": 1, ".txt": 1}


@pytest.mark.parametrize(
    "text", [b"[1]", b"{", b"[" * 100_000, b'"a"', b"\xff\xfe\0", b"x" * 70_000]
)
def test_what_is_no_object_is_said_and_costs_no_row(tmp_path: Path, text: bytes) -> None:
    members = {"a.jpg": JPEG, "a.json": b'{"n": 1}', "b.jpg": JPEG, "b.json": text}
    source = TarSource(tarred(tmp_path / "a.tar", members), SourceOptions())
    entries, _ = listed(source)
    assert [entry.columns for entry in entries.values()] == [{"n": "1"}, {"n": ""}]
    assert source.problems == ["a.tar: the text of b.json is not read: it is damaged, or too long"]


def test_a_key_that_comes_late_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_texts, "_SCANNED", 2)
    members = {"a.jpg": JPEG, "a.json": b'{"n": 1}', "b.jpg": JPEG, "b.json": b'{"late": 1}'}
    source = TarSource(tarred(tmp_path / "a.tar", members), SourceOptions())
    listed(source)
    assert source.columns == ("n",)
    assert "have no late" in source.problems[0]


def test_any_text_can_be_stored(tmp_path: Path) -> None:
    hostile = json.dumps({"a\0": "x\0y", "b": "\ud800", "c": {"d": ["\ud800"]}}).encode()
    members = {"a.jpg": JPEG, "a.json": hostile, "a.txt": b"\0"}
    entries, _ = listed(TarSource(tarred(tmp_path / "a.tar", members), SourceOptions()))
    columns = entries["a.jpg"].columns or {}
    for name, value in columns.items():
        f"{name}{value}".encode()
        assert "\0" not in name + value
    assert columns["b"] == "?"
