from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.errors import UsageError
from pipeline.storage import StorageSettings
from pipeline.storage.listing import list_keys
from pipeline.storage.place import Place
from tests.storage.scripted_s3 import ScriptedS3, etag, scripted_s3

pytest.importorskip("obstore", reason="object storage is an extra")
ODD = [
    "x//y.jpg",
    "/a.jpg",
    "d/../e.jpg",
    "c\x01.jpg",
    "l\n.jpg",
    "..",
    "dir/",
    "a&<b>.jpg",
    " b + c//.jpg",
]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    with scripted_s3(monkeypatch, page=3) as served:
        yield served


def keys(s3: ScriptedS3, prefix: str = "", **settings: object) -> list[str]:
    listed = list_keys(Place("s3", s3.bucket, ""), s3.settings(**settings), prefix)
    return [item.key for item in listed]


def test_keys_come_page_by_page_with_what_is_known_of_them(s3: ScriptedS3) -> None:
    for n in range(8):
        s3.objects[f"p/{n} ü+.jpg"] = b"%d" % n
    s3.objects["q/no.jpg"] = b""
    listed = list(list_keys(Place("s3", "bucket", ""), s3.settings(), "p/"))
    assert [item.key for item in listed] == [f"p/{n} ü+.jpg" for n in range(8)]
    assert listed[3].stamp == etag(b"3")
    assert listed[3].size == 1
    assert listed[3].modified == "2026-01-01T00:00:00+00:00"
    assert s3.requests["GET "] == 3


@pytest.mark.parametrize("odd", ODD)
def test_a_key_that_is_no_path_hides_no_other(s3: ScriptedS3, odd: str) -> None:
    plain = [f"a{n}.jpg" for n in range(4)] + [f"y{n}.jpg" for n in range(4)]
    for key in [*plain, odd]:
        s3.objects[key] = b"x"
    assert keys(s3) == sorted([*plain, odd])


def test_a_control_character_that_xml_has_not_is_asked_for_again(s3: ScriptedS3) -> None:
    s3.hides_controls = True
    for key in ("a.jpg", "b\x07 +.jpg", "c \ufffd.jpg", "d.jpg"):
        s3.objects[key] = b"x"
    assert keys(s3) == sorted(s3.objects)


def test_a_key_that_only_s3_can_name_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    obstore = pytest.importorskip("obstore")

    def listed(*_args: object, **_options: object) -> object:
        raise obstore.exceptions.InvalidPathError('Path "a//b" contained empty path segment')

    monkeypatch.setattr(obstore, "list", listed)
    place = Place("gs", "bucket", "")
    with pytest.raises(UsageError, match=r"gs://bucket/p/ holds a key .*a//b.* Rename it"):
        list(list_keys(place, StorageSettings(anonymous=True), "p/"))


def test_the_plain_listing_gives_the_same_stamps(s3: ScriptedS3) -> None:
    s3.objects |= {"a.jpg": b"1", "b//c.jpg": b"2"}
    place = Place("s3", "bucket", "")
    odd = {item.key: item for item in list_keys(place, s3.settings(), "")}
    del s3.objects["b//c.jpg"]
    (same,) = list_keys(place, s3.settings(), "")
    assert odd["a.jpg"] == same


def test_nothing_is_signed_for_what_anybody_may_read(s3: ScriptedS3) -> None:
    s3.objects |= {"a.jpg": b"1", "b//c.jpg": b"2"}
    assert keys(s3, anonymous=True) == ["a.jpg", "b//c.jpg"]
    assert set(s3.signed) == {None}
    assert keys(s3) == ["a.jpg", "b//c.jpg"]
    assert s3.signed[-1]


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ((403, "AccessDenied"), "ask its owner"),
        ((403, "SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY"),
        ((301, "PermanentRedirect"), "region"),
        ((404, "NoSuchBucket"), "no bucket"),
        ((503, "SlowDown"), "answers SlowDown"),
    ],
)
def test_a_bucket_that_cannot_be_listed_says_what_to_do(
    s3: ScriptedS3, failure: tuple[int, str], words: str
) -> None:
    s3.fail[""] = (*failure, 99)
    with pytest.raises(UsageError, match=words):
        keys(s3, retries=1)


@pytest.mark.usefixtures("s3")
def test_an_endpoint_that_is_not_there_says_what_to_do() -> None:
    nowhere = StorageSettings(endpoint="http://127.0.0.1:9", allow_http=True, retries=0)
    with pytest.raises(UsageError, match=r"\[storage\] endpoint"):
        list(list_keys(Place("s3", "bucket", ""), nowhere, ""))
