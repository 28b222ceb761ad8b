from pathlib import Path

import pytest

from pipeline.ledger.recorded_files import split_recorded
from pipeline.records import SourceFile
from tests.ledger.test_images import todo
from tests.ledger.world import NOW, World, prepared


def test_a_stamp_without_a_ctime_is_completed_and_equals_every_other(world: World) -> None:
    world.image("a.jpg", 1)  # as a ledger of the last version holds it
    for crawl, ctime in enumerate((5, 5, None, 5), start=2):
        file = SourceFile("", "a.jpg", "/imgs/a.jpg", 10, 1, 1, ctime_ns=ctime)
        world.ledger.images.upsert(world.folder, [file], crawl, NOW)
        assert todo(world) == []
    assert world.ledger.database.number("SELECT ctime_ns FROM images") == 5


def test_another_ctime_asks_for_the_bytes_and_keeps_what_stands_for_them(world: World) -> None:
    image = world.image("a.jpg", 1)
    other = world.image("b.jpg", 2)
    works = world.ledger.database.execute("SELECT content FROM images ORDER BY id").fetchall()
    world.ledger.database.execute(
        "UPDATE images SET near_of = ?, ctime_ns = 5 WHERE id = ?", (works[1][0], image)
    )
    file = SourceFile("", "a.jpg", "/imgs/a.jpg", 10, 1, 1, ctime_ns=6)
    world.ledger.images.upsert(world.folder, [file], 2, NOW)
    (again,) = world.ledger.images.todo(world.source)
    assert (again.id, again.source_id, again.near_of, again.content) == (
        image, None, works[1][0], works[0][0],
    )  # fmt: skip
    with world.recording() as recording:
        recording.load([prepared(1), prepared(2)])
        for number, linked in ((1, other), (2, image)):
            content = recording.prepared(prepared(number))
            recording.link(linked, recording.original(bytes([number]) * 32), content)
    assert world.ledger.database.number("SELECT COUNT(near_of) FROM images") == 0


def files_of(folder: str, digits: int = 4) -> list[SourceFile]:
    names = (f"{n:0{digits}}.jpg" for n in range(1000))
    return [SourceFile(folder, name, "", 10, 1, 1, ctime_ns=1) for name in names]


def bytes_written() -> int:
    """Bytes that this process has written, to temporary files too."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["wchar"])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="Linux counts the bytes written")
def test_a_new_folder_is_recorded_without_copies_of_pages(world: World) -> None:
    """Long names make a deep tree soon: its splits are what SQLite does not copy in memory."""
    images = world.ledger.images
    folder, _ = images.folder(world.source, "new")
    assert images.recorded(folder) == 0
    before = bytes_written()
    with world.ledger.database.transaction("crawl"):
        images.upsert(folder, files_of("new", digits=500), 1, NOW, new=True)
    assert images.recorded(folder) == 1000
    assert (bytes_written() - before) / 1000 < 10_000


def test_files_of_a_new_folder_are_recorded_as_those_of_a_known_one(world: World) -> None:
    rows = []
    for name, new in (("a", True), ("b", False)):
        folder, _ = world.ledger.images.folder(world.source, name)
        world.ledger.images.upsert(folder, files_of(name)[:3], 1, NOW, new=new)
        rows.append(
            world.ledger.database.execute(
                "SELECT name, occurrence, size, mtime_ns, inode, ctime_ns, todo, present, crawl "
                "FROM images WHERE folder = ? ORDER BY name",
                (folder,),
            ).fetchall()
        )
    assert rows[0] == rows[1]
    assert len(rows[0]) == 3


def test_what_is_stored_elsewhere_is_read_again_when_its_stamp_changes(world: World) -> None:
    world.image("a.jpg", 1)
    for crawl, (stamp, again) in enumerate((("one", 1), ("one", 0), ("two", 1)), start=2):
        file = SourceFile("", "a.jpg", "", 10, stamp=stamp)
        world.ledger.images.upsert(world.folder, [file], crawl, NOW)
        images = list(world.ledger.images.todo(world.source))
        assert [(image.source_id, image.stamp) for image in images] == [(None, stamp)] * again
        with world.recording() as recording:
            recording.load([prepared(1)])
            for image in images:
                content = recording.prepared(prepared(1))
                recording.link(image.id, recording.original(bytes([1]) * 32), content)
                world.ledger.database.execute("UPDATE images SET todo = 0")


@pytest.mark.parametrize("beyond", [(1 << 64) - 1, 1 << 63, -(1 << 63) - 1, 1 << 65])
def test_a_number_that_needs_more_than_63_bits_is_recorded(world: World, beyond: int) -> None:
    """An inode of a network's file system, and a date after the year 2262."""
    file = SourceFile("", "a.jpg", "/imgs/a.jpg", 10, beyond, beyond, ctime_ns=beyond)
    for crawl in (1, 2):
        world.ledger.images.upsert(world.folder, [file], crawl, NOW)
    assert len(todo(world)) == 1
    (image,) = world.ledger.database.execute("SELECT id FROM images").fetchall()
    world.ledger.database.execute("UPDATE images SET todo = 0")
    world.ledger.images.upsert(world.folder, [file], 3, NOW)
    assert todo(world) == []
    assert split_recorded(world.ledger.database, world.folder, [file]) == ([], [*image])
    world.ledger.images.upsert(world.folder, [file._replace(inode=beyond - 7)], 4, NOW)
    assert len(todo(world)) == 1
