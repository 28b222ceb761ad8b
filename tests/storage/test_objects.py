from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.errors import UsageError
from pipeline.records import Rejection
from pipeline.storage.objects import ObjectReader
from tests.storage.scripted_s3 import ScriptedS3, etag, scripted_s3

pytest.importorskip("obstore", reason="object storage is an extra")
DATA = bytes(range(256)) * 400
A = "s3://bucket/a.jpg"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    with scripted_s3(monkeypatch) as served:
        served.objects["a.jpg"] = DATA
        yield served


def read(s3: ScriptedS3, address: str = A, stamp: str = "", most: int = 10**6) -> bytes | str:
    read = ObjectReader(s3.settings()).read(address, stamp, most)
    return read.code if isinstance(read, Rejection) else read


def test_an_object_is_read_as_it_was_listed(s3: ScriptedS3) -> None:
    assert read(s3, stamp=etag(DATA)) == DATA
    assert s3.if_match == [etag(DATA)]
    assert read(s3, stamp="time:2026-01-01T00:00:00+00:00") == DATA
    assert s3.requests["GET a.jpg"] == 2


@pytest.mark.parametrize("stamp", ['"another"', "time:2025-01-01T00:00:00+00:00", 'W/"weak"'])
def test_an_object_that_changed_is_looked_at_again(s3: ScriptedS3, stamp: str) -> None:
    assert read(s3, stamp=stamp) == DATA
    assert s3.requests["GET a.jpg"] == 2


def test_what_cannot_be_read_is_a_row(s3: ScriptedS3) -> None:
    assert read(s3, "s3://bucket/none.jpg") == "vanished"
    assert read(s3, most=1000) == "too_large_file"
    s3.fail["a.jpg"] = 403, "AccessDenied", 99
    assert read(s3) == "unreadable"
    s3.fail["a.jpg"] = 503, "SlowDown", 99
    assert read(s3) == "unreadable"


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError")])
def test_what_passes_is_tried_again(s3: ScriptedS3, status: int, code: str) -> None:
    s3.fail["a.jpg"] = status, code, 2
    assert read(s3) == DATA
    assert s3.requests["GET a.jpg"] == 3


def test_a_storage_that_went_away_ends_the_run(s3: ScriptedS3) -> None:
    reader = ObjectReader(s3.settings(endpoint="http://127.0.0.1:9", retries=0))
    for n in range(31):
        assert isinstance(reader.read(f"s3://bucket/{n}", "", 10), Rejection)
    with pytest.raises(UsageError, match=r"\[storage\] endpoint"):
        reader.read("s3://bucket/31", "", 10)


def test_a_cut_body_is_read_again(s3: ScriptedS3) -> None:
    s3.cut["a.jpg"] = 2
    assert read(s3) == DATA


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
        (403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
        (403, "RequestTimeTooSkewed", "clock"),
        (400, "ExpiredToken", "log in again"),
        (400, "AuthorizationHeaderMalformed", "region"),
        (404, "NoSuchBucket", "no bucket bucket"),
    ],
)
def test_what_is_wrong_with_all_objects_ends_the_run(
    s3: ScriptedS3, status: int, code: str, words: str
) -> None:
    s3.fail["a.jpg"] = status, code, 99
    with pytest.raises(UsageError, match=words) as caught:
        read(s3)
    assert "SECRET" not in str(caught.value).replace("AWS_SECRET", "")


@pytest.mark.parametrize("key", ["x//y.jpg", "/a.jpg", "d/../e.jpg", "c\x01.jpg", "l\n.jpg", ".."])
def test_keys_that_are_no_paths_are_read_as_they_are(s3: ScriptedS3, key: str) -> None:
    s3.objects[key] = b"odd"
    assert read(s3, f"s3://bucket/{key}", etag(b"odd")) == b"odd"
    assert read(s3, f"s3://bucket/{key}", '"another"') == b"odd"
    s3.fail[key] = 503, "SlowDown", 2
    assert read(s3, f"s3://bucket/{key}") == b"odd"
    del s3.objects[key]
    assert read(s3, f"s3://bucket/{key}") == "vanished"


@pytest.mark.parametrize("key", ["a b.jpg", "ü😀.jpg", "back\\x.jpg", "50%20.jpg", "a+b?c#d.jpg"])
def test_other_odd_keys_are_read_as_they_are(s3: ScriptedS3, key: str) -> None:
    s3.objects[key] = b"odd"
    assert read(s3, f"s3://bucket/{key}", etag(b"odd")) == b"odd"


def test_the_beginning_of_an_object_is_read_alone(s3: ScriptedS3) -> None:
    assert ObjectReader(s3.settings()).head(A, 10) == DATA[:10]
    assert ObjectReader(s3.settings()).head("s3://bucket/none", 10) == b""
