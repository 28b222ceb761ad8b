from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.errors import Interrupted, StorageError
from pipeline.records import Rejection
from pipeline.sources.download import fetch_all
from pipeline.sources.download.cache import UrlCache
from tests.sources.download.site import (
    LOCAL,
    Request,
    Site,
    code,
    fetch,
    fetch_threads,
    hang,
    reply,
)

FEW = replace(LOCAL, total_concurrency=2, per_host=2)
AHEAD = 8 * FEW.total_concurrency


def test_results_come_as_they_are_ready(site: Site, tmp_path: Path) -> None:
    first_may_go = threading.Event()

    def slow(request: Request) -> None:
        first_may_go.wait()
        request.send(reply())

    urls = [(0, site.on("/slow", slow)), (1, site.on("/quick", reply()))]
    with closing(fetch_all(urls, LOCAL, tmp_path)) as results:
        assert next(results)[0] == 1
        first_may_go.set()
        assert next(results)[0] == 0
        assert list(results) == []


def test_urls_are_read_a_bounded_number_ahead(tmp_path: Path) -> None:
    read = 0

    def urls() -> Iterator[tuple[int, str]]:
        nonlocal read
        for number in range(1000):
            read += 1
            yield number, f"no url {number}"

    for given, (_, found) in enumerate(fetch_all(urls(), FEW, tmp_path), start=1):
        assert code(found) == "bad_url"
        assert read <= given + AHEAD
    assert (given, read) == (1000, 1000)


def test_a_caller_who_has_enough_ends_everything(site: Site, tmp_path: Path) -> None:
    urls = [site.on("/quick", reply()), *[site.on(f"/{n}", hang) for n in range(AHEAD)]]
    patient = replace(FEW, seconds=600, idle_seconds=600)
    # known already: those that hang may come first and take every place
    assert [number for number, _ in fetch_all([(0, urls[0])], FEW, tmp_path, now=1)] == [0]
    # closed by a failure too, whose traceback would keep it, and the site waiting for its end
    with closing(fetch_all(enumerate(urls), patient, tmp_path, now=1)) as results:
        assert next(results)[0] == 0
        while len(site.seen) < 1 + FEW.total_concurrency:
            time.sleep(0.01)
    assert fetch_threads() == []
    assert list(tmp_path.joinpath("_incoming").iterdir()) == []
    cache = UrlCache(tmp_path)
    assert [cache.stat(url) for url in urls[1:]] == [None] * AHEAD  # ending is no reason


def test_a_run_can_be_stopped_while_nothing_comes(site: Site, tmp_path: Path) -> None:
    patient = replace(LOCAL, seconds=600, idle_seconds=600)
    asked = 0

    def check_stop() -> None:
        nonlocal asked
        asked += 1
        if site.seen and asked > 1:
            raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        list(fetch_all([(0, site.on("/x", hang))], patient, tmp_path, check_stop=check_stop))
    assert fetch_threads() == []


def test_an_error_of_the_list_reaches_the_caller(tmp_path: Path) -> None:
    def urls() -> Iterator[tuple[int, str]]:
        yield 0, "no url"
        raise KeyError("the list")

    with pytest.raises(KeyError, match="the list"):
        list(fetch_all(urls(), LOCAL, tmp_path))
    assert fetch_threads() == []


def test_a_cache_that_cannot_be_made_reaches_the_caller(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        list(fetch_all([(0, "x")], LOCAL, tmp_path / "file"))


def test_options_that_make_no_sense_reach_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        list(fetch_all([(0, "x")], replace(LOCAL, allow_addresses=("nonsense",)), tmp_path))
    assert fetch_threads() == []


def test_an_error_of_our_own_is_not_hidden_in_a_reason(site: Site, tmp_path: Path) -> None:
    def broken(host: str) -> list[str]:
        raise KeyError(host)

    url = site.url("/a", "name.example")
    with pytest.raises(KeyError, match="name"):
        list(fetch_all([(0, url)], LOCAL, tmp_path, resolve_host=broken))


def test_a_url_that_comes_again_is_downloaded_once(site: Site, tmp_path: Path) -> None:
    url = site.on("/a", reply())
    found = fetch([url] * 40, FEW, tmp_path)
    assert sorted(code(result) for result in found) == ["kept"] * 39 + ["new"]
    assert len(site.seen) == 1


def test_without_a_moment_it_is_now(site: Site, tmp_path: Path) -> None:
    url = site.on("/a", reply())
    before = int(time.time())
    assert [code(r) for _, r in fetch_all([(0, url)], LOCAL, tmp_path)] == ["new"]
    later = before + LOCAL.recheck_seconds
    assert code(fetch([url], LOCAL, tmp_path, now=later - 1)[0]) == "kept"
    assert code(fetch([url], LOCAL, tmp_path, now=later + 60)[0]) == "new"


def test_many_urls_of_all_kinds(site: Site, tmp_path: Path) -> None:
    kinds = {
        "new": lambda n: site.on(f"/{n}", reply()),
        "not_found": lambda n: site.url(f"/gone/{n}"),
        "bad_url": lambda n: f"ftp://127.0.0.1/{n}",
        "forbidden_address": lambda n: f"http://127.0.0.2/{n}",
        "not_an_image": lambda n: site.on(f"/{n}", reply(b"<html>")),
    }
    expected = list(kinds) * 40
    urls = [kinds[kind](number) for number, kind in enumerate(expected)]
    found = fetch(urls, LOCAL, tmp_path)
    assert [code(result) for result in found] == expected
    again = fetch(urls, LOCAL, tmp_path, now=1001)
    assert [code(result) for result in again] == [
        "kept" if kind == "new" else kind for kind in expected
    ]
    assert len(site.seen) == 3 * 40
    assert all(not isinstance(r, Rejection) or r.detail for r in again)


def test_the_package_loads_no_network_library_before_it_is_used() -> None:
    code = "import sys, pipeline.sources.download; print(*sys.modules)"
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert {"aiohttp", "yarl", "idna"} & set(done.stdout.split()) == set()
