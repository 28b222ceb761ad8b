from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.errors import StorageError
from pipeline.records import Rejection
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.download.notes import Fetched, FileStat, Known, Stored
from pipeline.system.failpoints import arm

URL = "http://example.com/a.png"
FETCHED = Fetched(Path("_"), '"e"', "yesterday", 3, "image/png", URL)
NOTHING = Rejection("not_found", "there is nothing at the URL")


@pytest.fixture
def cache(tmp_path: Path) -> UrlCache:
    made = UrlCache(tmp_path / "cache")
    made.open()
    return made


def keep(cache: UrlCache, content: bytes = b"abc", asked: int = 7) -> Fetched:
    cache.incoming(URL).write_bytes(content)
    fetched = replace(FETCHED, size=len(content))
    return cache.keep(URL, fetched, asked, cache.incoming(URL))


def test_an_image_is_kept_with_what_the_site_said(cache: UrlCache) -> None:
    kept = keep(cache)
    assert kept == replace(FETCHED, path=cache.image(URL))
    assert kept.path.read_bytes() == b"abc"
    assert not cache.incoming(URL).exists()
    assert cache.recall(URL) == Known(7, replace(kept, how="kept"))
    seen = cache.stat(URL)
    assert isinstance(seen, FileStat)
    assert seen.size == 3


def test_a_reason_takes_the_place_of_an_image_and_back(cache: UrlCache) -> None:
    cache.reject(URL, NOTHING, 1)
    assert cache.recall(URL) == Known(1, NOTHING)
    assert cache.stat(URL) == NOTHING
    keep(cache, asked=2)
    assert isinstance(cache.stat(URL), FileStat)
    cache.reject(URL, NOTHING, 3)
    assert cache.stat(URL) == NOTHING
    assert not cache.image(URL).exists()


def test_what_was_never_asked_for_is_not_known(cache: UrlCache) -> None:
    assert cache.stat(URL) is None
    assert cache.recall(URL) is None


def test_any_text_has_its_own_place(cache: UrlCache) -> None:
    texts = [URL, URL + "?", URL.upper(), "\ud800", "", "../../etc/passwd", "\0"]
    assert len({cache.image(text) for text in texts}) == len(texts)
    assert all(cache.image(text).parent.parent == cache.root for text in texts)


@pytest.mark.parametrize(
    "notes",
    [
        *(b"", b"{", b"[]", b"\xff", b"null", b"[" * 100_000, b'{"asked": "x"}', b'{"asked": 1}'),
        b'{"asked": 1, "fetched": []}',
        b'{"asked": 1, "fetched": {"size": 3}, "mtime_ns": 0}',
        b'{"asked": 1, "fetched": {"size": 3}, "mtime_ns": null}',
    ],
)
def test_damaged_notes_mean_that_it_is_asked_for_anew(cache: UrlCache, notes: bytes) -> None:
    path = keep(cache).path
    path.with_name(f"{path.name}.json").write_bytes(notes)
    assert cache.recall(URL) is None
    assert isinstance(cache.stat(URL), FileStat)


@pytest.mark.parametrize("change", ["bytes", "time"])
def test_notes_that_belong_to_other_bytes_do_not_count(cache: UrlCache, change: str) -> None:
    path = keep(cache).path
    if change == "time":
        os.utime(path, ns=(1, 1))
    else:
        path.write_bytes(b"abcd")
    assert cache.recall(URL) is None


def test_a_deleted_image_is_known_as_before(cache: UrlCache) -> None:
    kept = keep(cache)
    before, known = cache.stat(URL), cache.recall(URL)
    kept.path.unlink()
    assert (cache.stat(URL), cache.recall(URL)) == (before, known)
    # the site said that it is still the same, and again, days later
    for asked in (8, 9):
        cache.keep(URL, replace(kept, how="unchanged"), asked)
        assert cache.stat(URL) == before
        assert cache.recall(URL) == Known(asked, replace(kept, how="kept"))
    assert not kept.path.exists()
    keep(cache, b"newer", asked=10)
    assert isinstance(found := cache.stat(URL), FileStat)
    assert found.size == 5


def test_a_wanted_image_is_asked_for_anew(cache: UrlCache) -> None:
    keep(cache).path.unlink()
    before = cache.stat(URL)
    cache.want(URL)
    assert cache.recall(URL) is None
    assert cache.stat(URL) == before
    cache.want("http://never")
    assert cache.recall("http://never") is None


def test_the_same_bytes_get_their_date_back(cache: UrlCache) -> None:
    path = keep(cache).path
    before = cache.stat(URL)
    path.unlink()
    cache.want(URL)
    keep(cache, asked=8)
    assert cache.stat(URL) == before
    assert cache.recall(URL) == Known(8, replace(FETCHED, path=path, how="kept"))
    cache.keep(URL, FETCHED, 9)
    path.unlink()
    keep(cache, asked=10)
    assert cache.stat(URL) == before
    keep(cache, b"abd", asked=11)
    assert cache.stat(URL) != before


def test_images_on_disk_are_listed_without_notes_and_half_downloads(cache: UrlCache) -> None:
    assert list(UrlCache(cache.root / "gone").stored()) == []
    path = keep(cache).path
    os.utime(path, (5, 5))
    cache.incoming("http://other").write_bytes(b"half")
    cache.reject("http://b", NOTHING, 1)
    assert list(cache.stored()) == [Stored(path, 3, 5)]


def test_a_crash_between_image_and_notes_does_not_mix_them(cache: UrlCache) -> None:
    keep(cache, b"old")
    cache.incoming(URL).write_bytes(b"new")

    def crash(name: str) -> None:
        if name == "files.before_fsync":  # of the notes
            raise KeyboardInterrupt

    arm(crash)
    try:
        with pytest.raises(KeyboardInterrupt):
            cache.keep(URL, FETCHED, 9, cache.incoming(URL))
    finally:
        arm(None)
    assert cache.image(URL).read_bytes() == b"new"
    assert cache.recall(URL) is None


def test_downloads_that_were_cut_off_are_forgotten(cache: UrlCache) -> None:
    keep(cache)
    cache.incoming("http://other").write_bytes(b"half")
    cache.open()
    assert not cache.incoming("http://other").exists()
    assert isinstance(cache.stat(URL), FileStat)


def test_only_the_owner_may_look(cache: UrlCache) -> None:
    keep(cache)
    assert cache.image(URL).parent.stat().st_mode & 0o077 == 0
    assert cache.root.joinpath("_incoming").stat().st_mode & 0o077 == 0


def test_secrets_of_a_url_are_in_the_notes_only(cache: UrlCache) -> None:
    path = keep(cache).path
    assert URL not in str(path)
    assert json.loads(path.with_name(f"{path.name}.json").read_bytes())["url"] == URL


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    broken = UrlCache(tmp_path / "file")
    with pytest.raises(StorageError, match="file"):
        broken.open()
    with pytest.raises(StorageError, match="file"):
        broken.reject(URL, NOTHING, 1)
    with pytest.raises(StorageError, match="file"):
        broken.keep(URL, FETCHED, 1)
    assert broken.stat(URL) is None
