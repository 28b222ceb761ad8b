from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources.stored_table import copy_table, may_be_stored_table
from tests.storage.scripted_s3 import ScriptedS3, etag, scripted_s3

pytest.importorskip("obstore", reason="object storage is an extra")
ADDRESS = "s3://bucket/sets/items.csv"
KEY = "sets/items.csv"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    with scripted_s3(monkeypatch) as served:
        served.objects[KEY] = b"path\na.jpg\n"
        yield served


def test_one_version_is_copied_once(s3: ScriptedS3, tmp_path: Path) -> None:
    copy = copy_table(ADDRESS, tmp_path, s3.settings())
    assert copy is not None
    assert (copy.name, copy.read_bytes()) == ("items.csv", b"path\na.jpg\n")
    assert s3.if_match[-1] == etag(b"path\na.jpg\n")
    assert copy_table(ADDRESS, tmp_path, s3.settings()) == copy
    assert s3.requests == {f"HEAD {KEY}": 2, f"GET {KEY}": 1}


def test_older_versions_go(s3: ScriptedS3, tmp_path: Path) -> None:
    for text in (b"path\n1.jpg\n", b"path\n2.jpg\n", b"path\n3.jpg\n"):
        s3.objects[KEY] = text
        copy = copy_table(ADDRESS, tmp_path, s3.settings())
        assert copy is not None
        assert copy.read_bytes() == text
    assert len(list(tmp_path.rglob("items.csv"))) == 2


def test_what_was_cut_off_leaves_no_copy(s3: ScriptedS3, tmp_path: Path) -> None:
    s3.fail[KEY] = 403, "AccessDenied", 9
    with pytest.raises(UsageError, match="may not read"):
        copy_table(ADDRESS, tmp_path, s3.settings())
    s3.fail.clear()
    s3.cut[KEY] = 99
    with pytest.raises(UsageError, match=ADDRESS):
        copy_table(ADDRESS, tmp_path, s3.settings(retries=0))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    s3.cut.clear()
    copy = copy_table(ADDRESS, tmp_path, s3.settings())
    assert copy is not None
    assert copy.read_bytes() == b"path\na.jpg\n"


def test_a_table_that_changes_meanwhile_is_refused(s3: ScriptedS3, tmp_path: Path) -> None:
    s3.changed_after_head[KEY] = b"path\nb.jpg\n"
    with pytest.raises(UsageError, match="run again"):
        copy_table(ADDRESS, tmp_path, s3.settings())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_not_there_or_empty_is_no_table(s3: ScriptedS3, tmp_path: Path) -> None:
    for address in ("s3://bucket/none.csv", "s3://bucket/", "s3://bucket", "s3://bucket/a//b.csv"):
        assert copy_table(address, tmp_path, s3.settings()) is None
    s3.objects[KEY] = b""
    with pytest.raises(UsageError, match="is empty"):
        copy_table(ADDRESS, tmp_path, s3.settings())


def test_a_table_is_known_by_its_suffix() -> None:
    names = {"s3://b/a.csv": True, "gs://b/a.JSONL": True, "s3://b/p": False, "a.csv": False}
    assert {text: may_be_stored_table(text) for text in names} == names
