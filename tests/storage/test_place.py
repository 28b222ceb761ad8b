from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.storage import StorageSettings, place
from pipeline.storage.place import Place, open_store


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("s3://bucket", ("s3", "bucket", "")),
        ("S3://bucket/a//b/", ("s3", "bucket", "a//b/")),
        ("gs://b/../x", ("gs", "b", "../x")),
        ("az://c/ü?#", ("az", "c", "ü?#")),
    ],
)
def test_a_key_is_taken_as_it_is(address: str, parts: tuple[str, str, str]) -> None:
    assert Place.parse(address) == Place(*parts)


@pytest.mark.parametrize("address", ["s3://", "s3:///key", "s3://a b/c", "s3://key@host/c"])
def test_an_address_without_a_bucket_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="names no bucket"):
        Place.parse(address)


def test_without_the_package_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(place, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r'pip install "captionmill\[storage\]"'):
        open_store(Place("s3", "bucket", ""), StorageSettings())


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_without_credentials_nobody_is_asked(
    scheme: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("obstore", reason="object storage is an extra")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="there are no credentials"):
        open_store(Place(scheme, "bucket", ""), StorageSettings())


def test_keys_do_not_go_over_a_wire_that_all_can_read() -> None:
    pytest.importorskip("obstore", reason="object storage is an extra")
    with pytest.raises(UsageError, match="allow_http = true"):
        open_store(Place("s3", "bucket", ""), StorageSettings(endpoint="http://127.0.0.1:9"))
