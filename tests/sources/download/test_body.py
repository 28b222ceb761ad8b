from __future__ import annotations

import gzip
import tracemalloc
import zlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.errors import StorageError
from pipeline.records import Rejection
from pipeline.sources.download import FetchOptions
from pipeline.sources.download.body import SLOWEST, _Writer
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.download.notes import Fetched
from tests.sources.download.site import LOCAL, PNG, Answer, Request, Site, code, fetch, reply

CAP = LOCAL.max_bytes
HTML = b"<!DOCTYPE html><title>Not here</title>"


def one(
    site: Site, answer: Answer | bytes, root: Path, options: FetchOptions = LOCAL
) -> Fetched | Rejection:
    (found,) = fetch([site.on("/x", answer)], options, root)
    nothing_is_left(root)
    return found


def nothing_is_left(root: Path) -> None:
    assert list(root.joinpath("_incoming").iterdir()) == []


def headers(*lines: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", *lines)).encode() + b"\r\n\r\n"


@pytest.mark.parametrize("size", [1, 511, 512, 513, 70_000, CAP])
def test_bytes_arrive_as_they_are(site: Site, tmp_path: Path, size: int) -> None:
    body = (PNG * (size // len(PNG) + 1))[:size]
    found = one(site, reply(body), tmp_path)
    assert isinstance(found, Fetched)
    assert found.path.read_bytes() == body
    assert found.size == size


def test_a_body_without_a_length_ends_with_the_connection(site: Site, tmp_path: Path) -> None:
    def answer(request: Request) -> None:
        request.send(headers("Connection: close"), PNG)
        request.connection.shutdown(1)

    found = one(site, answer, tmp_path)
    assert isinstance(found, Fetched)
    assert found.path.read_bytes() == PNG


def test_a_body_in_chunks(site: Site, tmp_path: Path) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (PNG[:5], PNG[5:]))
    found = one(site, headers("Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n", tmp_path)
    assert isinstance(found, Fetched)
    assert found.path.read_bytes() == PNG


def test_too_large_by_its_own_word_is_not_read(site: Site, tmp_path: Path) -> None:
    found = one(site, reply(b"", length=CAP + 1), tmp_path)
    assert found == Rejection(
        "too_large_file", "the file is larger than allowed: more than 100,000 bytes"
    )


def endless(first: bytes, encoding: str = "identity") -> Answer:
    def answer(request: Request) -> None:
        request.send(headers("Connection: close", f"Content-Encoding: {encoding}"), first)
        while not request.site.closing.is_set():
            request.send(b"\0" * 65536)

    return answer


def endless_chunks(request: Request) -> None:
    request.send(headers("Transfer-Encoding: chunked"))
    while not request.site.closing.is_set():
        request.send(b"10000\r\n" + b"\0" * 65536 + b"\r\n")


@pytest.mark.parametrize(
    "answer", [endless(PNG), endless_chunks, endless(gzip.compress(PNG, mtime=0), "gzip")]
)
def test_an_endless_body_is_cut_off_at_the_cap(site: Site, tmp_path: Path, answer: Answer) -> None:
    assert code(one(site, answer, tmp_path)) == "too_large_file"


def test_an_endless_page_is_cut_off_at_once(site: Site, tmp_path: Path) -> None:
    huge = replace(LOCAL, max_bytes=10**12)
    assert code(one(site, endless(HTML + b" " * 600), tmp_path, huge)) == "not_an_image"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (HTML, "web page"),
        (HTML + b"x" * 5000, "web page"),
        (b"", "empty"),
        (b'{"error": 1}', "JSON"),
        (gzip.compress(PNG, mtime=0), "archive"),
    ],
)
def test_what_is_no_image(site: Site, tmp_path: Path, body: bytes, said: str) -> None:
    found = one(site, reply(body, Content_Type="image/png"), tmp_path)
    assert isinstance(found, Rejection)
    assert found.code == "not_an_image"
    assert said in found.detail


def test_the_declared_type_decides_nothing(site: Site, tmp_path: Path) -> None:
    found = one(site, reply(PNG, Content_Type="text/html; charset=utf-8"), tmp_path)
    assert isinstance(found, Fetched)
    assert found.content_type == "text/html; charset=utf-8"


def test_identity_is_asked_for(site: Site, tmp_path: Path) -> None:
    one(site, reply(), tmp_path)
    assert site.seen[0].headers["accept-encoding"] == "identity"


def test_gzip_that_nobody_asked_for_is_unpacked(site: Site, tmp_path: Path) -> None:
    body = PNG * 90
    found = one(site, reply(gzip.compress(body, mtime=0), Content_Encoding="gzip"), tmp_path)
    assert isinstance(found, Fetched)
    assert found.path.read_bytes() == body
    assert found.size == len(body)


def bomb(megabytes: int, head: bytes = PNG) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(head)]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(megabytes)]
    return b"".join([*parts, packer.flush()])


def test_a_bomb_meets_the_cap_before_it_fills_the_memory(site: Site, tmp_path: Path) -> None:
    packed = bomb(64)
    assert len(packed) < CAP
    tracemalloc.start()
    try:
        found = one(site, reply(packed, Content_Encoding="gzip"), tmp_path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert code(found) == "too_large_file"
    assert most < 16 << 20


@pytest.mark.parametrize(
    ("body", "encoding", "expected"),
    [
        (gzip.compress(PNG, mtime=0)[:-9], "gzip", "connection_error"),
        (b"\x1f\x8b" + b"\xff" * 50, "gzip", "http_error"),
        (b"", "gzip", "connection_error"),
        (b"x" * 99, "br", "http_error"),
        (b"x" * 5000, "gzip, zstd", "http_error"),
        (PNG, "Identity", "new"),
        # what is an image is one, whatever the header calls it
        *((PNG * 9, word, "new") for word in ("gzip", "br", "zstd", "gzip, gzip")),
        *((PNG, word, "new") for word in ("aws-chunked", "UTF-8", "binary", "none", "x")),
        *((HTML, word, "not_an_image") for word in ("aws-chunked", "UTF-8", "")),
        (gzip.compress(PNG, mtime=0), "aws-chunked,gzip", "new"),
        (gzip.compress(PNG[:9], mtime=0) + gzip.compress(PNG[9:], mtime=0), "gzip", "new"),
        (gzip.compress(PNG[:9], mtime=0) + gzip.compress(PNG[9:])[:-9], "gzip", "connection_error"),
        (gzip.compress(PNG, mtime=0) + b"\0" * 50, "x-gzip", "new"),
        (gzip.compress(PNG, mtime=0) + b"\0" * CAP, "gzip", "too_large_file"),
        (gzip.compress(HTML, mtime=0), "gzip", "not_an_image"),
    ],
)
def test_odd_compression(
    site: Site, tmp_path: Path, body: bytes, encoding: str, expected: str
) -> None:
    assert code(one(site, reply(body, Content_Encoding=encoding), tmp_path)) == expected


@pytest.mark.parametrize("sent", [0, 100, len(PNG) - 1])
def test_a_body_shorter_than_it_says_is_no_file(site: Site, tmp_path: Path, sent: int) -> None:
    def answer(request: Request) -> None:
        request.send(reply(PNG[:sent], length=len(PNG)))
        request.connection.shutdown(1)

    assert code(one(site, answer, tmp_path)) == "connection_error"


def test_a_body_longer_than_it_says_ends_where_it_says(site: Site, tmp_path: Path) -> None:
    found = one(site, reply(PNG + b"HTTP/1.1 200 OK\r\n\r\n", length=len(PNG)), tmp_path)
    assert isinstance(found, Fetched)
    assert found.path.read_bytes() == PNG


def test_chunks_that_are_no_chunks(site: Site, tmp_path: Path) -> None:
    answer = headers("Transfer-Encoding: chunked") + b"zz\r\n" + PNG
    assert code(one(site, answer, tmp_path)) in ("connection_error", "http_error")


def test_a_silent_body_runs_into_the_idle_time(site: Site, tmp_path: Path) -> None:
    def answer(request: Request) -> None:
        request.send(reply(PNG[:100], length=len(PNG)))
        request.site.closing.wait()

    found = one(site, answer, tmp_path, replace(LOCAL, idle_seconds=0.2))
    assert isinstance(found, Rejection)
    assert found.code == "timeout"
    assert "silent" in found.detail


def drip(request: Request) -> None:
    request.send(reply(b"", length=90_000), PNG[:600])
    while not request.site.closing.wait(0.02):
        request.send(b"x")


def test_a_drip_is_slower_than_allowed(site: Site, tmp_path: Path) -> None:
    # 600 bytes at once and 50 a second: below the pace after the first moments
    found = one(site, drip, tmp_path, replace(LOCAL, seconds=600.0, idle_seconds=0.2))
    assert isinstance(found, Rejection)
    assert found.code == "timeout"
    assert "slowly" in found.detail
    assert SLOWEST == 1024


def test_a_drip_ends_with_the_total_time(site: Site, tmp_path: Path) -> None:
    found = one(site, drip, tmp_path, replace(LOCAL, seconds=0.3, idle_seconds=60.0))
    assert isinstance(found, Rejection)
    assert found.code == "timeout"
    assert "slowly" not in found.detail


def test_a_disk_that_refuses_is_no_fault_of_the_site(site: Site, tmp_path: Path) -> None:
    url = site.on("/x", reply())
    cache = UrlCache(tmp_path / "cache")
    cache.open()

    def block(request: Request) -> None:
        cache.incoming(url).mkdir()
        request.send(reply())

    site.on("/x", block)
    with pytest.raises(StorageError, match="_incoming"):
        fetch([url], LOCAL, cache.root)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_to_be_full(tmp_path: Path) -> None:
    path = tmp_path / "incoming"
    path.symlink_to("/dev/full")
    writer = _Writer(path, 10**6)
    with pytest.raises(StorageError, match="the disk is full"):
        writer.write(b"\0" * 65536)
    writer.abandon()
    assert not path.is_symlink()
    path.symlink_to("/dev/full")
    writer = _Writer(path, 10**6)
    writer.write(PNG)
    with pytest.raises(StorageError, match="the disk is full"):
        writer.finish()
    writer.abandon()
