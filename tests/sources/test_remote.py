from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.records import Rejection
from pipeline.sources import SourceOptions
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.download.notes import Fetched
from pipeline.sources.remote import RemoteFiles, is_url
from tests.sources.contract import JPEG

URL = "https://example.com/a.jpg"


def download(root: Path, url: str, content: bytes = JPEG, asked: int = 1) -> Path:
    """Put an image into a cache, as a download does."""
    cache = UrlCache(root)
    cache.open()
    cache.incoming(url).write_bytes(content)
    fetched = Fetched(Path("_"), "", "", len(content), "image/jpeg", url)
    return cache.keep(url, fetched, asked, cache.incoming(url)).path


@pytest.mark.parametrize("text", ["http://a/b", "HTTPS://a", "s3://bucket/key", "a+b.c-1://"])
def test_a_text_with_a_scheme_names_no_file(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize("text", ["", "a.jpg", "//host/a", "C://x", "http:/x", "ü://x", "./a://b"])
def test_other_texts_do(text: str) -> None:
    assert not is_url(text)


def test_a_download_is_a_file_named_by_its_url(tmp_path: Path) -> None:
    path = download(tmp_path, URL)
    entry = RemoteFiles(SourceOptions(url_cache=tmp_path)).entry(URL, {"title": "A"}, "line 3")
    seen = os.stat(path)  # noqa: PTH116
    assert (entry.folder, entry.name, entry.location) == ("", URL, str(path))
    assert (entry.size, entry.mtime_ns, entry.inode) == (seen.st_size, seen.st_mtime_ns, 0)
    path.unlink()  # its notes stand for it
    assert (
        RemoteFiles(SourceOptions(url_cache=tmp_path)).entry(URL, {"title": "A"}, "line 3") == entry
    )
    assert entry.columns == {"title": "A"}
    assert entry.problem is None
    assert RemoteFiles(SourceOptions(url_cache=tmp_path)).path_of(URL) == str(path)


def test_a_reason_is_a_problem(tmp_path: Path) -> None:
    UrlCache(tmp_path).reject(URL, Rejection("not_found", "there is nothing at the URL"), 1)
    entry = RemoteFiles(SourceOptions(url_cache=tmp_path)).entry(URL, {}, "line 3")
    assert (entry.problem, entry.detail) == ("not_found", "line 3: there is nothing at the URL")
    assert (entry.name, entry.location) == (URL, "")


def test_what_was_not_asked_for_is_said_to_be_missing(tmp_path: Path) -> None:
    assert (
        RemoteFiles(SourceOptions(url_cache=tmp_path)).entry(URL, {}, "line 3").problem
        == "not_downloaded"
    )
    assert RemoteFiles(SourceOptions()).entry(URL, {}, "line 3").problem == "url_not_enabled"
    assert RemoteFiles(SourceOptions()).path_of(URL) == ""


def test_a_name_is_never_endless(tmp_path: Path) -> None:
    entry = RemoteFiles(SourceOptions(url_cache=tmp_path)).entry(
        "http://a/" + "b" * 9999, {}, "line 1"
    )
    assert len(entry.name) < 4200


def url_passthrough(url: str) -> str | Rejection:
    return Rejection("bad_url", "no") if "bad" in url else f"{url}?sent"


def test_an_address_that_is_passed_on_needs_no_download(tmp_path: Path) -> None:
    remote = RemoteFiles(SourceOptions(url_cache=tmp_path, url_passthrough=url_passthrough))
    entry = remote.entry(URL, {"title": "A"}, "line 3")
    assert (entry.name, entry.location, entry.problem) == (URL, f"{URL}?sent", None)
    assert (entry.size, entry.mtime_ns, entry.columns) == (0, 0, {"title": "A"})
    assert remote.path_of(URL) == entry.location
    download(tmp_path, URL)
    assert remote.entry(URL, {"title": "A"}, "line 3") == entry


def test_an_address_that_is_not_passed_on_is_a_problem() -> None:
    remote = RemoteFiles(SourceOptions(url_passthrough=url_passthrough))
    entry = remote.entry("https://bad.example/", {}, "line 3")
    assert (entry.problem, entry.detail, entry.location) == ("bad_url", "line 3: no", "")
    assert remote.path_of("https://bad.example/") == ""
