from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.errors import Interrupted
from pipeline.ledger import Ledger
from pipeline.sources import Source, SourceOptions, open_source
from pipeline.stages.crawl import crawl
from pipeline.stages.download import Downloads, download_urls
from tests.sources.download.site import LOCAL, PNG, Site, redirect, reply, reset, serving

DAY = 86_400


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as found:
        yield found


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def listed(root: Path, *urls: str) -> Source:
    (root / "list.txt").write_text("# images\n" + "\n".join(urls) + "\n")
    return open_source(root / "list.txt", None, SourceOptions(url_cache=root / "cache"))


def seen(source: Source) -> dict[str, str | None]:
    return {
        entry.name.rpartition("/")[2]: entry.problem
        for listing in source.listings()
        for entry in listing.entries()
    }


def test_downloads_become_files_and_reasons(site: Site, tmp_path: Path, cache: Path) -> None:
    site.on("/moved", redirect("/a"))
    source = listed(
        tmp_path,
        site.on("/a", reply()),
        site.url("/moved"),
        site.url("/gone"),
        site.on("/page", reply(b"<html>")),
        "http://169.254.169.254/meta-data",
        "file:///etc/passwd",
        site.url("/a"),
        "no url",
    )
    assert seen(source)["a"] == "not_downloaded"
    watched: list[int] = []
    found = download_urls(source, LOCAL, cache, 1000, watch=lambda now: watched.append(now.urls))
    assert found == Downloads(
        new=2,
        reused=1,
        bytes=2 * len(PNG),
        rejected=Counter(not_found=1, not_an_image=1, forbidden_address=1, bad_url=1),
    )
    assert watched == [1, 2, 3, 4, 5, 6, 7]
    assert seen(source) == {
        "a": None,
        "moved": None,
        "gone": "not_found",
        "page": "not_an_image",
        "meta-data": "forbidden_address",
        "passwd": "outside_root",
        "no url": "bad_url",
    }


def test_nothing_is_contacted_unless_allowed(site: Site, tmp_path: Path, cache: Path) -> None:
    source = listed(tmp_path, site.on("/a", reply()))
    assert download_urls(source, replace(LOCAL, allow=False), cache, 1000) == Downloads()
    assert site.seen == []
    assert not cache.exists()


def test_a_source_without_urls_is_no_work(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(PNG)
    (tmp_path / "m.csv").write_text("path\na.jpg\n")
    for source in (
        open_source(tmp_path / "images", None),
        open_source(None, tmp_path / "m.csv", SourceOptions(url_cache=cache)),
    ):
        assert download_urls(source, LOCAL, cache, 1000) == Downloads()
    assert not cache.exists()


def test_urls_of_a_manifest_are_images_of_the_ledger(
    site: Site, tmp_path: Path, cache: Path, ledger: Ledger
) -> None:
    url = site.on("/a", reply(ETag='"1"'))
    (tmp_path / "b.png").write_bytes(PNG)
    (tmp_path / "m.csv").write_text(f"title,image\nA,{url}\nB,b.png\nC,{site.url('/gone')}\n")
    options = SourceOptions(url_cache=cache)

    def run(now: int) -> tuple[bool, int, list[str | None]]:
        source = open_source(None, tmp_path / "m.csv", options)
        download_urls(source, LOCAL, cache, now)
        crawled = crawl(ledger, source, now)
        todo = [image.location for image in ledger.images.todo(crawled.sources)]
        return crawled.changed, crawled.images, todo

    changed, images, todo = run(1000)
    assert (changed, images) == (True, 3)
    assert [Path(location or "").read_bytes() for location in todo] == [PNG, PNG]
    assert run(1001)[0] is False  # nothing is due
    site.on("/a", b"HTTP/1.1 304 Not Modified\r\n\r\n")
    assert run(1002 + DAY)[0] is False  # asked for, and still the same
    site.on("/a", reset)
    assert run(1003 + 2 * DAY)[0] is False  # no answer takes no image away
    site.on("/a", reply(PNG + b"!"))
    changed, _, todo = run(1004 + 3 * DAY)
    assert changed
    assert PNG + b"!" in [Path(location or "").read_bytes() for location in todo]
    site.on("/a", reply(b"", "410 Gone"))
    changed, _, todo = run(1005 + 4 * DAY)
    assert changed
    assert todo == [str(tmp_path / "b.png")]


def test_a_stop_ends_it_and_the_rest_comes_next_time(
    site: Site, tmp_path: Path, cache: Path
) -> None:
    urls = [site.on(f"/{number}", reply()) for number in range(30)]
    source = listed(tmp_path, *urls)
    few = replace(LOCAL, total_concurrency=1)

    def stop(now: Downloads) -> None:
        if now.urls == 5:
            raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        download_urls(source, few, cache, 1000, watch=stop)
    again = download_urls(source, few, cache, 1001)
    assert again.new + again.reused == 30
    assert again.reused >= 5
    assert len(set(site.paths())) == 30
