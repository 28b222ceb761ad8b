from __future__ import annotations

import os
from collections import Counter

import pytest
from PIL import Image

from pipeline.errors import Interrupted
from pipeline.sources import open_source
from pipeline.sources.base import SourceOptions
from pipeline.stages.crawl import CrawlRules, crawl, crawl_all
from pipeline.stages.table_facts import STALE
from tests.rig import picture
from tests.stages.scene import Scene


def test_what_is_there_is_counted_and_asks_for_a_look(scene: Scene) -> None:
    scene.add("a.png", "sub/b.png")
    (scene.data / "notes.txt").write_text("x")
    (scene.data / "sub" / "more.txt").write_text("x")
    crawled = scene.crawl()
    assert (crawled.images, crawled.todo, crawled.changed) == (2, 2, True)
    assert crawled.skipped == {".txt": 2}
    assert crawled.problems == []


def test_nothing_new_changes_no_row_and_leaves_the_table_fresh(scene: Scene) -> None:
    scene.add("a.png", "sub/b.png")
    first = scene.crawl()
    scene.ledger.put(STALE, None)
    before = scene.ledger.database.execute("SELECT * FROM images ORDER BY id").fetchall()
    again = scene.crawl()
    assert (again.sources, again.images, again.changed) == (first.sources, 2, False)
    assert scene.ledger.database.execute("SELECT * FROM images ORDER BY id").fetchall() == before
    assert scene.ledger.get(STALE) is None


def test_new_changed_and_vanished_files_are_seen(scene: Scene) -> None:
    scene.add("a.png", "b.png", "sub/c.png", "gone/d.png")
    scene.write(scene.task())
    assert scene.crawl().todo == 0
    picture(scene.data / "a.png", 77, (50, 40))
    (scene.data / "b.png").unlink()
    (scene.data / "gone" / "d.png").unlink()
    (scene.data / "gone").rmdir()
    scene.add("sub/new.png", first=50)
    crawled = scene.crawl()
    assert (crawled.images, crawled.todo, crawled.changed) == (3, 2, True)
    assert scene.ledger.get(STALE) == "1"
    assert scene.ledger.rows.all_images() == 5  # rows never vanish


def test_a_source_that_was_not_wholly_seen_loses_nothing(scene: Scene) -> None:
    scene.add("a.png", "sub/b.png")
    scene.crawl()

    class Half:
        kind, label, columns = "folder", "imgs", ()
        locator = str(scene.data)
        complete = False
        problems = ("sub cannot be read",)

        def listings(self) -> object:
            return iter(())

    crawled = crawl(scene.ledger, Half(), scene.clock.now())  # type: ignore[arg-type]
    assert crawled.problems == ["sub cannot be read"]
    assert scene.ledger.rows.all_images() == 2


def test_stopping_leaves_between_transactions(scene: Scene) -> None:
    scene.add("a.png")

    def stop() -> None:
        raise Interrupted("stopped")

    source = open_source(scene.data, None, SourceOptions())
    with pytest.raises(Interrupted):
        crawl(scene.ledger, source, scene.clock.now(), stop)
    assert scene.crawl().todo == 1


def test_images_that_need_a_look_are_announced_once_and_early(scene: Scene) -> None:
    scene.add("a.png", "b.png", "sub/c.png")
    told: list[int] = []
    source = open_source(scene.data, None, SourceOptions())
    assert crawl(scene.ledger, source, scene.clock.now(), expect=told.append).todo == 3
    assert told == [2]  # of the first folder
    scene.write(scene.task())
    (scene.data / "b.png").unlink()
    crawl(scene.ledger, source, scene.clock.now(), expect=told.append)
    assert told == [2]  # a folder that lost an image asks for nothing


def test_a_new_folder_is_listed_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.add("a.png", "one/b.png", "two/c.png")
    listed: Counter[int] = Counter()
    scandir = os.scandir

    def counting(folder: int) -> object:
        listed[os.fstat(folder).st_ino] += 1
        return scandir(folder)

    source = open_source(scene.data, None, SourceOptions())
    monkeypatch.setattr(os, "scandir", counting)
    assert crawl(scene.ledger, source, scene.clock.now()).images == 3
    assert set(listed.values()) == {1}
    assert len(listed) == 3


def test_a_file_whose_ctime_alone_changed_is_hashed_again_and_never_paid_again(
    scene: Scene,
) -> None:
    scene.add("a.png", "b.png")
    scene.write(scene.task())
    works = scene.ledger.database.execute("SELECT name, work FROM images").fetchall()
    before = (scene.data / "a.png").stat().st_ctime_ns
    while (scene.data / "a.png").stat().st_ctime_ns == before:
        (scene.data / "a.png").chmod(0o640)
    assert scene.crawl().todo == 1
    scene.write(scene.task())
    assert scene.crawl().todo == 0
    assert scene.ledger.database.execute("SELECT name, work FROM images").fetchall() == works
    assert scene.ledger.database.number("SELECT COUNT(*) FROM works") == 2


def test_a_picture_replaced_with_the_same_size_and_time_is_a_new_one(scene: Scene) -> None:
    image = scene.data / "a.bmp"
    Image.new("RGB", (40, 30), "white").save(image)
    os.utime(image, (315532800, 315532800))
    scene.write(scene.task())
    status = image.stat()
    while image.stat().st_ctime_ns == status.st_ctime_ns:
        Image.new("RGB", (40, 30), "black").save(image)
        os.utime(image, (315532800, 315532800))
    assert image.stat().st_size == status.st_size
    assert scene.crawl().todo == 1
    scene.write(scene.task())
    assert scene.ledger.database.number("SELECT COUNT(*) FROM works") == 2


def test_a_ledger_of_the_last_version_reads_no_file_again(scene: Scene) -> None:
    scene.add("a.png")
    scene.write(scene.task())
    database = scene.ledger.database
    database.execute("UPDATE images SET ctime_ns = NULL")
    database.execute("UPDATE folders SET digest = x'00'")
    assert scene.crawl().todo == 0
    assert database.number("SELECT COUNT(ctime_ns) FROM images") == 1


def test_everything_is_read_again_on_request(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.write(scene.task())
    source = open_source(scene.data, None, SourceOptions())
    assert crawl(scene.ledger, source, scene.clock.now(), rules=CrawlRules(reread=True)).todo == 2


def test_few_pages_of_the_ledger_are_in_memory_while_sources_are_crawled(scene: Scene) -> None:
    scene.add("a.png")
    database, sizes = scene.ledger.database, set[int]()
    source = open_source(scene.data, None, SourceOptions())
    crawl_all(scene.ledger, [source], scene.clock.now(),
              lambda: sizes.add(database.number("PRAGMA cache_size")))  # fmt: skip
    assert sizes == {-8_192}
