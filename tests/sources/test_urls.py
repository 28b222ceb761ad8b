from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.records import Rejection
from pipeline.sources import NamesUrls, Source, SourceOptions, open_source
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.urls import UrlSource, is_url_list
from tests.sources.contract import SourceContract, all_entries, digests
from tests.sources.test_remote import download

A, B, GONE = (f"https://example.com/{name}.jpg" for name in ("a", "b", "gone"))


def opened(root: Path, content: str | bytes) -> UrlSource:
    path = root / "list.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return UrlSource(path, SourceOptions(url_cache=root / "cache"))


class TestUrlSource(SourceContract):
    sees_ctime = False  # a download is the same when it was deleted and is there again

    def make(self, root: Path) -> Source:
        download(root / "cache", A)
        download(root / "cache", B)
        UrlCache(root / "cache").reject(GONE, Rejection("not_found", "gone"), 1)
        return opened(root, f"# images\n\n{A}\n  {B}\t\r\n#{A}\n{GONE}\n{A}\nnew.jpg\n")

    def image(self, root: Path) -> Path:
        return UrlCache(root / "cache").image(A)

    def test_lines_in_order(self, source: Source) -> None:
        assert [(entry.name, entry.problem) for entry in all_entries(source)] == [
            (A, None),
            (B, None),
            (GONE, "not_found"),
            ("new.jpg", "bad_url"),
        ]
        (listing,) = source.listings()
        list(listing.entries())
        assert listing.skipped == {"(repeated row)": 1}

    def test_urls_are_named_for_downloading(self, source: Source) -> None:
        assert isinstance(source, NamesUrls)
        assert list(source.urls()) == [A, B, GONE, A]

    def test_a_download_changes_the_digest(self, source: Source, tmp_path: Path) -> None:
        before = digests(source)
        download(tmp_path / "cache", GONE)
        assert digests(source) != before

    def test_another_reason_changes_the_digest(self, source: Source, tmp_path: Path) -> None:
        before = digests(source)
        UrlCache(tmp_path / "cache").reject(GONE, Rejection("timeout", "slow"), 2)
        assert digests(source) != before

    def test_a_changed_list_changes_the_digest(self, source: Source, tmp_path: Path) -> None:
        before = digests(source)
        assert digests(opened(tmp_path, f"{A}\n")) != before


def test_without_a_cache_every_url_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{A}\n")
    (entry,) = all_entries(UrlSource(tmp_path / "list.txt", SourceOptions()))
    assert entry.problem == "url_not_enabled"
    assert "line 1" in entry.detail


def test_lines_that_are_no_urls(tmp_path: Path) -> None:
    lines = [b"cat.jpg", b"/etc/passwd", b"caf\xe9://x", b"http://a/\xff", b"http://a/\0"]
    entries = all_entries(opened(tmp_path, b"\n".join(lines)))
    assert [entry.problem for entry in entries] == ["bad_url"] * 4 + ["bad_row"]
    assert [entry.location for entry in entries] == [""] * 5
    for number, entry in enumerate(entries, start=1):
        assert f"line {number}" in entry.detail
        entry.name.encode()


def test_a_byte_order_mark_and_old_line_ends(tmp_path: Path) -> None:
    source = opened(tmp_path, b"\xef\xbb\xbf" + f"{A}\r\n{B}\u2028x".encode())
    assert list(source.urls()) == [A, f"{B}\u2028x"]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_list_in_utf_16_is_read(tmp_path: Path, codec: str) -> None:
    source = opened(tmp_path, f"# list\r\n{A}\r\n\r\n{B}".encode(codec))
    assert list(source.urls()) == [A, B]
    assert is_url_list(tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (("http://a/" + "x" * 2_000_000).encode("utf-16"), "longer than"),
        (b"http://a/" + b"x" * 2_000_000, "longer than"),
    ],
)
def test_what_is_no_list_is_said_so(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        all_entries(opened(tmp_path, content))


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.txt"):
        UrlSource(tmp_path / "gone.txt", SourceOptions())
    source = opened(tmp_path, A)
    (tmp_path / "list.txt").unlink()
    with pytest.raises(UsageError, match=r"list\.txt"):
        list(source.urls())


@pytest.mark.parametrize(
    ("name", "content", "is_list"),
    [
        ("list.txt", b"http://a/b\n", True),
        ("list", b"\xef\xbb\xbf\n# c\n\n  HTTPS://a/b\n", True),
        ("list.txt", b"cat.jpg\nhttp://a/b\n", False),
        ("list.txt", b"# only comments", False),
        ("list.txt", b"", False),
        ("list.txt", b"\xff\xd8\xff\xe0", False),
        ("list.csv", b"http://a/b\n", False),
        ("list.TSV", b"http://a/b\n", False),
    ],
)
def test_a_list_is_known_by_its_first_line(
    tmp_path: Path, name: str, content: bytes, is_list: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert is_url_list(path) is is_list
    if is_list:
        assert open_source(path, None).kind == "urls"
        assert open_source(None, path).kind == "urls"


def test_nothing_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not is_url_list(tmp_path / "pipe")
    assert not is_url_list(tmp_path)
    assert not is_url_list(tmp_path / "gone")
    assert not is_url_list(Path("x" * 5000))
