from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import Interrupted
from pipeline.ledger import Ledger
from pipeline.ledger.specs import SpecText
from pipeline.ledger.unseen import Crawl
from pipeline.records import SourceFile
from pipeline.sources import to_text
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.download.notes import Fetched
from pipeline.stages.prune import CacheLimits, PruneResult, prune
from pipeline.system.failpoints import arm
from tests.sources.test_remote import download

NOW, HOUR, DAY = 1_795_000_000, 3600, 86_400


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "urls"


def url(number: int) -> str:
    return f"https://example.com/{number}.jpg"


def stored(cache: Path, *ages: int) -> None:
    """Images of 100 bytes, downloaded so many seconds ago."""
    for number, age in enumerate(ages):
        path = download(cache, url(number), b"x" * 100)
        os.utime(path, (NOW - age, NOW - age))
        UrlCache(cache).keep(url(number), Fetched(path, "", "", 100, "", url(number)), 1)


def left(cache: Path, count: int) -> list[int]:
    return [number for number in range(count) if UrlCache(cache).image(url(number)).exists()]


def seen(ledger: Ledger, cache: Path, *numbers: int) -> list[int]:
    """Rows of images that need a look."""
    source = ledger.images.source("urls", "/list.txt", "list.txt")
    crawl = ledger.images.begin_crawl(source)
    folder, _ = ledger.images.folder(source, "")
    files = [
        SourceFile("", url(n), to_text(str(UrlCache(cache).image(url(n)))), columns={})
        for n in numbers
    ]
    ledger.images.upsert(folder, files, crawl, 1)
    ledger.unseen.begin()
    ledger.unseen.finish_folder(folder, b"", {}, Crawl(source, crawl))
    ledger.unseen.accept(Crawl(source, crawl), complete=True)
    return [image.id for image in ledger.images.todo(source)]


def test_nothing_goes_within_the_limits(ledger: Ledger, cache: Path) -> None:
    assert prune(ledger, cache, CacheLimits(0, 0), NOW) == PruneResult()
    stored(cache, DAY, HOUR, 0)
    assert prune(ledger, cache, CacheLimits(300, DAY), NOW) == PruneResult()
    assert left(cache, 3) == [0, 1, 2]


def test_old_images_go(ledger: Ledger, cache: Path) -> None:
    stored(cache, 3 * DAY, HOUR, 2 * DAY)
    assert prune(ledger, cache, CacheLimits(1000, DAY), NOW) == PruneResult(2, 200)
    assert left(cache, 3) == [1]


def test_the_oldest_go_until_the_rest_fits(ledger: Ledger, cache: Path) -> None:
    stored(cache, 1 * HOUR, 5 * HOUR, 9 * HOUR, 3 * HOUR)
    assert prune(ledger, cache, CacheLimits(250, DAY), NOW) == PruneResult(2, 200)
    assert left(cache, 4) == [0, 3]
    assert prune(ledger, cache, CacheLimits(0, DAY), NOW) == PruneResult(2, 200)


def test_images_of_one_hour_go_one_by_one(ledger: Ledger, cache: Path) -> None:
    stored(cache, 0, 1, 2, 3)
    assert prune(ledger, cache, CacheLimits(300, DAY), NOW) == PruneResult(1, 100)


def test_what_is_needed_stays_however_old(ledger: Ledger, cache: Path) -> None:
    stored(cache, 9 * DAY, 8 * DAY, 7 * DAY, 6 * DAY)
    rows = seen(ledger, cache, 0, 1)
    prune(ledger, cache, CacheLimits(0, 0), NOW)
    assert left(cache, 4) == [0, 1]
    spec = ledger.specs.spec({"spec": 1}, SpecText("openai", "default", "m", "/v1/x"), 1)
    for row, state in zip(rows, ("live", "done"), strict=True):
        work = ledger.database.insert(
            "INSERT INTO works (work_key, spec, state) VALUES (?, ?, ?)",
            (bytes([row]) * 32, spec, state),
        )
        ledger.database.execute("UPDATE images SET work = ?, todo = 0 WHERE id = ?", (work, row))
    prune(ledger, cache, CacheLimits(0, 0), NOW)
    assert left(cache, 4) == [0]


def test_what_its_list_names_no_more_is_not_needed(ledger: Ledger, cache: Path) -> None:
    stored(cache, DAY, DAY)
    seen(ledger, cache, 0, 1)
    seen(ledger, cache, 1)
    prune(ledger, cache, CacheLimits(0, 0), NOW)
    assert left(cache, 2) == [1]


def test_needed_images_do_not_count_for_what_must_go(ledger: Ledger, cache: Path) -> None:
    stored(cache, 9 * HOUR, 8 * HOUR, 7 * HOUR)
    seen(ledger, cache, 0)
    assert prune(ledger, cache, CacheLimits(200, DAY), NOW) == PruneResult(1, 100)
    assert left(cache, 3) == [0, 2]


def test_a_kill_between_two_images_leaves_both_known(ledger: Ledger, cache: Path) -> None:
    stored(cache, DAY, DAY, DAY)
    known = [UrlCache(cache).recall(url(number)) for number in range(3)]
    places = iter([None, KeyboardInterrupt()])

    def kill(name: str) -> None:
        if name == "prune.before_delete" and (error := next(places)):
            raise error

    arm(kill)
    try:
        with pytest.raises(KeyboardInterrupt):
            prune(ledger, cache, CacheLimits(0, 0), NOW)
    finally:
        arm(None)
    assert len(left(cache, 3)) == 2
    assert [UrlCache(cache).recall(url(number)) for number in range(3)] == known
    assert prune(ledger, cache, CacheLimits(0, 0), NOW).images == 2


def test_a_stop_ends_it(ledger: Ledger, cache: Path) -> None:
    stored(cache, DAY)

    def stop() -> None:
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        prune(ledger, cache, CacheLimits(0, 0), NOW, stop)
    assert left(cache, 1) == [0]
