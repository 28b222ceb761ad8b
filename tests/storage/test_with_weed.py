"""Object storage as somebody else serves it."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from pipeline.core.stored_address import stamped
from pipeline.errors import UsageError
from pipeline.sources import SourceOptions, open_source
from pipeline.storage import Originals, StorageSettings
from pipeline.storage.credentials import S3Access
from pipeline.storage.listing import list_keys
from pipeline.storage.objects import ObjectReader
from pipeline.storage.place import Place, obstore, open_store
from pipeline.storage.plain_s3 import sign
from tests.sources.contract import JPEG, all_entries
from tests.storage.weed import KEY, SECRET, weed

pytest.importorskip("obstore", reason="object storage is an extra")
__all__ = ["weed"]


@pytest.fixture
def settings(weed: StorageSettings, monkeypatch: pytest.MonkeyPatch) -> StorageSettings:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return weed


def test_a_real_bucket_is_listed_and_read(settings: StorageSettings) -> None:
    store = open_store(Place("s3", "real", ""), settings)
    keys = ["p/a.jpg", "p/a-b.jpg", "p/a/1 ü.jpg", "p/a/50%+.jpg", "p/z/no suffix"]
    for number, key in enumerate(keys):
        obstore().put(store, key, JPEG + b"%d" % number)
    source = open_source("s3://real/p", None, SourceOptions(storage=settings))
    entries = {e.location.removeprefix("s3://real/"): e for e in all_entries(source)}
    assert sorted(entries) == sorted(keys)
    reader = ObjectReader(settings)
    for number, key in enumerate(keys):
        entry = entries[key]
        assert source.path_of(entry.folder, entry.name) == entry.location
        assert reader.read(entry.location, entry.stamp, 1000) == JPEG + b"%d" % number
    obstore().put(store, "p/a.jpg", JPEG[::-1])
    again = {e.location: e.stamp for e in all_entries(source)}
    changed = [e for e in entries.values() if again[e.location] != e.stamp]
    assert [e.location for e in changed] == ["s3://real/p/a.jpg"]
    assert reader.read(changed[0].location, changed[0].stamp, 1000) == JPEG[::-1]
    with Originals.of(settings).opened(stamped("s3://real/p/a.jpg", "")) as path:
        assert Path(path).read_bytes() == JPEG[::-1]


ODD = [
    " lead.png",
    "+lead.png",
    "a b+c.png",
    "bell\x07.png",
    "line\n.png",
    "%2B.png",
    "Ü.png",
    "ü.png",
]


def test_odd_keys_come_as_they_are(settings: StorageSettings) -> None:
    place = Place("s3", "real", "")
    for number, key in enumerate(ODD):
        put_plainly(settings, f"odd/{key}", JPEG + b"%d" % number)
    assert sorted(item.key for item in list_keys(place, settings, "odd/")) == sorted(
        f"odd/{key}" for key in ODD
    )
    source = open_source("s3://real/odd", None, SourceOptions(storage=settings))
    entries = {entry.location: entry for entry in all_entries(source)}
    for number, key in enumerate(ODD):
        entry = entries[f"s3://real/odd/{key}"]
        read = ObjectReader(settings).read(entry.location, entry.stamp, 1000)
        assert read == JPEG + b"%d" % number


def put_plainly(settings: StorageSettings, key: str, data: bytes) -> None:
    """Put an object under a key that obstore cannot name."""
    host = urlsplit(settings.endpoint or "").netloc
    path = f"/real/{quote(key, safe='/~')}"
    access = S3Access("us-east-1", key=KEY, secret=SECRET)
    headers = sign(access, "PUT", host, path, "", {})
    with contextlib.closing(http.client.HTTPConnection(host, timeout=20)) as connection:
        connection.request("PUT", path, data, headers)
        assert connection.getresponse().status == 200


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_ACCESS_KEY_ID", "nobody", "AWS_ACCESS_KEY_ID"),
    ],
)
def test_wrong_keys_say_what_to_do(
    settings: StorageSettings,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    words: str,
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=words):
        all_entries(open_source("s3://real/p", None, SourceOptions(storage=settings)))


def test_a_missing_bucket_says_what_to_do(settings: StorageSettings) -> None:
    options = SourceOptions(storage=dataclasses.replace(settings, retries=1))
    with pytest.raises(UsageError, match="there is no bucket nowhere"):
        all_entries(open_source("s3://nowhere", None, options))
