from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import StorageError, UsageError
from pipeline.storage import StorageSettings, publishing
from pipeline.storage.publishing import ObjectWriter
from tests.storage.scripted_s3 import ScriptedS3, etag, s3
from tests.storage.weed import KEY, SECRET, weed

__all__ = ["s3", "weed"]
pytest.importorskip("obstore", reason="object storage is an extra")


@pytest.fixture
def weed_store(weed: StorageSettings, monkeypatch: pytest.MonkeyPatch) -> ObjectWriter:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return ObjectWriter("s3://real/large", weed)


def file_of(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "t"
    path.write_bytes(data)
    return path


def test_an_object_is_replaced_by_whom_it_was_written(s3: ScriptedS3, tmp_path: Path) -> None:
    writer = ObjectWriter("s3://bucket/t", s3.settings())
    assert writer.stamp("t") is None
    first = writer.replace("t", file_of(tmp_path, b"one"), None)
    assert first == writer.stamp("t") == etag(b"one")
    second = writer.replace("t", file_of(tmp_path, b"two"), first)
    assert s3.objects == {"t": b"two"}
    s3.objects["t"] = b"of somebody else"
    with pytest.raises(StorageError, match="somebody else"):
        writer.replace("t", file_of(tmp_path, b"three"), second)
    assert s3.objects == {"t": b"of somebody else"}
    del s3.objects["t"]
    writer.replace("t", file_of(tmp_path, b"three"), second)
    assert s3.objects == {"t": b"three"}


def test_one_that_is_written_at_the_same_moment_is_left_alone(
    s3: ScriptedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = ObjectWriter("s3://bucket/t", s3.settings())
    first = writer.replace("t", file_of(tmp_path, b"one"), None)
    monkeypatch.setattr(ObjectWriter, "stamp", lambda *_: first)
    s3.objects["t"] = b"of somebody else"
    with pytest.raises(StorageError, match="somebody else"):
        writer.replace("t", file_of(tmp_path, b"two"), first)
    assert s3.objects == {"t": b"of somebody else"}


def test_an_object_is_created_once(s3: ScriptedS3) -> None:
    writer = ObjectWriter("s3://bucket", s3.settings())
    assert writer.create("a/b", b"one")
    assert not writer.create("a/b", b"two")
    assert s3.objects == {"a/b": b"one"}
    s3.fail["c"] = 403, "AccessDenied", 99
    with pytest.raises(UsageError, match="rights"):
        writer.create("c", b"x")


def test_what_is_large_goes_in_parts(
    weed_store: ObjectWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_AT_ONCE", 1000)
    monkeypatch.setattr(publishing, "_PART", 5 << 20)
    stamp = weed_store.replace("large", file_of(tmp_path, bytes(11 << 20)), None)
    assert weed_store.stamp("large") == stamp
