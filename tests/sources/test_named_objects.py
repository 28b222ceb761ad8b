from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.records import SourceFile
from pipeline.sources import NamesUrls, Source, SourceOptions, open_source
from pipeline.sources import named_objects as named_objects_module
from tests.sources.contract import JPEG, all_entries, digests
from tests.storage.scripted_s3 import ScriptedS3, etag, s3

pytest.importorskip("obstore", reason="object storage is an extra")
__all__ = ["s3"]


def table(
    folder: Path, s3: ScriptedS3, text: str, *, origin: str = "", allow_outside: bool = False
) -> Source:
    path = folder / "items.csv"
    path.write_text(text)
    options = SourceOptions(
        storage=s3.settings(retries=1), origin=origin, allow_outside=allow_outside
    )
    return open_source(None, path, options)


def problems(source: Source) -> list[tuple[str, str | None]]:
    return [(entry.name, entry.problem) for entry in all_entries(source)]


def test_a_row_names_an_object(s3: ScriptedS3, tmp_path: Path) -> None:
    s3.objects |= {"p/a b.jpg": JPEG, "p//odd.jpg": JPEG + b"o"}
    source = table(
        tmp_path, s3, "path,title\ns3://bucket/p/a b.jpg,one\ns3://bucket/p//odd.jpg,two\n"
    )
    assert all_entries(source) == [
        SourceFile(
            "", f"s3://bucket/{key}", f"s3://bucket/{key}", len(data),
            columns={"title": title}, stamp=etag(data),
        )
        for key, data, title in (("p/a b.jpg", JPEG, "one"), ("p//odd.jpg", JPEG + b"o", "two"))
    ]  # fmt: skip
    assert source.path_of("", "s3://bucket/p/a b.jpg") == "s3://bucket/p/a b.jpg"
    assert isinstance(source, NamesUrls)
    assert list(source.urls()) == []  # nothing is downloaded


def test_a_list_names_objects(s3: ScriptedS3, tmp_path: Path) -> None:
    s3.objects["a.jpg"] = JPEG
    (tmp_path / "list.txt").write_text("s3://bucket/a.jpg\n")
    options = SourceOptions(storage=s3.settings())
    source = open_source(tmp_path / "list.txt", None, options)
    (entry,) = all_entries(source)
    assert (entry.location, entry.stamp) == ("s3://bucket/a.jpg", etag(JPEG))
    assert source.path_of("", entry.name) == "s3://bucket/a.jpg"
    assert isinstance(source, NamesUrls)
    assert list(source.urls()) == []


def test_what_cannot_be_read_is_its_rows_problem(s3: ScriptedS3, tmp_path: Path) -> None:
    s3.objects |= {"a.jpg": JPEG, "denied.jpg": JPEG}
    s3.fail["denied.jpg"] = 403, "AccessDenied", 9
    names = {
        "s3://bucket/a.jpg": None,
        "s3://bucket/none.jpg": "missing_file",
        "s3://bucket/denied.jpg": "bad_path",
        "s3://nowhere/a.jpg": "bad_path",
        "s3:///a.jpg": "bad_url",
        "s3://bucket/folder/": "not_a_file",
        "s3://bucket/no//thing.jpg": "missing_file",
    }
    source = table(tmp_path, s3, "path\n" + "".join(f"{name}\n" for name in names))
    assert problems(source) == list(names.items())
    details = [entry.detail for entry in all_entries(source) if entry.problem]
    assert details[0] == "line 3: there is no such object"
    assert "may not read" in details[1]
    assert "there is no bucket nowhere" in details[2]


def test_rows_of_a_bucket_that_cannot_be_used_are_out_of_reach(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    """The others go on, nothing is asked again, and what keeps it is said once."""
    s3.objects |= {"a.jpg": JPEG, "b.jpg": JPEG}
    s3.fail |= dict.fromkeys(("a.jpg", "b.jpg"), (403, "SignatureDoesNotMatch", 9))
    (tmp_path / "here.jpg").write_bytes(JPEG)
    rows = "s3://bucket/a.jpg\nhere.jpg\ns3://bucket/b.jpg\n"
    source = table(tmp_path, s3, f"path\n{rows}")
    assert problems(source) == [
        ("s3://bucket/a.jpg", "out_of_reach"),
        ("here.jpg", None),
        ("s3://bucket/b.jpg", "out_of_reach"),
    ]
    (sentence,) = source.problems
    assert "AWS_SECRET_ACCESS_KEY" in sentence
    assert s3.requests.keys() <= {"HEAD a.jpg", "GET a.jpg", "HEAD b.jpg", "GET b.jpg"}
    before = digests(table(tmp_path, s3, f"path\n{rows}"))
    s3.fail.clear()
    assert digests(table(tmp_path, s3, f"path\n{rows}")) != before


def test_one_row_without_credentials_is_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "here.jpg").write_bytes(JPEG)
    (tmp_path / "items.csv").write_text(
        "path\ns3://bucket/a.jpg\nhere.jpg\ngs://bucket/a.jpg\naz://bucket/a.jpg\n"
    )
    source = open_source(None, tmp_path / "items.csv")
    entries = all_entries(source)
    lost = "out_of_reach"
    assert [entry.problem for entry in entries] == [lost, None, lost, lost]
    assert "there are no credentials for gs://bucket/" in entries[2].detail
    assert len(source.problems) == 3


def test_each_object_is_asked_once_for_digest_and_entries(s3: ScriptedS3, tmp_path: Path) -> None:
    s3.objects |= {"a.jpg": JPEG, "b.jpg": JPEG}
    rows = "s3://bucket/a.jpg,1\ns3://bucket/a.jpg,2\ns3://bucket/b.jpg,1\n"
    all_entries(table(tmp_path, s3, f"path,n\n{rows}"))
    assert s3.requests == {"HEAD a.jpg": 1, "HEAD b.jpg": 1}


def test_more_objects_than_there_is_room_for_are_asked_again(
    s3: ScriptedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_objects_module, "HELD_AT_ONCE", 300)
    keys = [f"{number}.jpg" for number in range(400)]
    s3.objects |= dict.fromkeys(keys, JPEG)
    rows = "".join(f"s3://bucket/{key}\n" for key in keys)
    entries = all_entries(table(tmp_path, s3, f"path\n{rows}"))
    assert [entry.name for entry in entries] == [f"s3://bucket/{key}" for key in keys]
    assert s3.requests.total() == 800


def test_another_object_is_another_digest(s3: ScriptedS3, tmp_path: Path) -> None:
    s3.objects["a.jpg"] = JPEG
    text = "path\ns3://bucket/a.jpg\n"
    before = digests(table(tmp_path, s3, text))
    assert digests(table(tmp_path, s3, text)) == before
    s3.objects["a.jpg"] = JPEG[::-1]
    assert digests(table(tmp_path, s3, text)) != before


def test_paths_count_from_the_prefix_of_a_table_in_a_bucket(s3: ScriptedS3, tmp_path: Path) -> None:
    s3.objects |= {"sets/a.jpg": JPEG, "sets/d/ü\\x5c.jpg": JPEG, "b.jpg": JPEG}
    rows = "a.jpg\nd/ü\\x5c.jpg\nd/../a.jpg\ns3://bucket/sets/a.jpg\n../b.jpg\n/etc/a.jpg\nfile:///a.jpg\n"
    origin = "s3://bucket/sets/items.csv"
    source = table(tmp_path, s3, f"path\n{rows}", origin=origin)
    assert (source.locator, source.label) == (origin, "items.csv")
    entries = all_entries(source)
    assert [(e.location or e.problem) for e in entries] == [
        "s3://bucket/sets/a.jpg", "s3://bucket/sets/d/ü\\x5cx5c.jpg", "outside_root",
        "outside_root", "outside_root",
    ]  # fmt: skip
    for entry in entries[:2]:
        assert source.path_of("", entry.name) in (
            "s3://bucket/sets/a.jpg",
            "s3://bucket/sets/d/ü\\x5c.jpg",
        )
    wide = table(tmp_path, s3, "path\n../b.jpg\n../../b.jpg\n", origin=origin, allow_outside=True)
    assert problems(wide) == [("s3://bucket/b.jpg", None), ("s3://bucket/../b.jpg", "outside_root")]
    assert wide.path_of("", "s3://bucket/b.jpg") == "s3://bucket/b.jpg"
