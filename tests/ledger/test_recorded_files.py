from __future__ import annotations

import pytest

from pipeline.ledger.recorded_files import split_recorded
from pipeline.records import SourceFile
from tests.ledger.world import NOW, World


def key_of(name: str, size: int, mtime_ns: int, inode: int, ctime_ns: int | None) -> str | None:
    return None if name.startswith("odd") else f"{name} {size} {mtime_ns} {inode} {ctime_ns}"


def test_images_that_are_there_have_a_key_each(world: World) -> None:
    files = [SourceFile("", f"{n}.jpg", "", n, n, n, ctime_ns=n) for n in (1, 2, 3)]
    odd = SourceFile("", "odd.jpg", "", 4, 4, 4, ctime_ns=4)
    world.ledger.images.upsert(world.folder, [*files, odd], 1, NOW)
    world.ledger.database.execute("UPDATE images SET present = 0 WHERE name = '2.jpg'")
    recorded = world.ledger.images.recorded_files(world.folder, key_of)
    assert recorded.by_key == {"1.jpg 1 1 1 1": 1, "3.jpg 3 3 3 3": 3}
    assert (recorded.others, list(recorded.rows())) == ([4], [1, 3, 4])
    assert world.ledger.images.recorded(world.folder) == 4


@pytest.mark.parametrize(
    "change",
    ["occurrence = 1", "location = '/x'", "columns = '{}'", "flags = 'x'", "stamp = 'x'",
     "existing_text = 'x'", "existing_in = 'x'", "reject_code = 'unreadable', todo = 0"],
)  # fmt: skip
def test_an_image_of_which_more_is_recorded_has_none(world: World, change: str) -> None:
    world.ledger.images.upsert(world.folder, [SourceFile("", "a.jpg", "", 1, 1, 1)], 1, NOW)
    world.ledger.database.execute(f"UPDATE images SET {change}")
    recorded = world.ledger.images.recorded_files(world.folder, key_of)
    assert (recorded.by_key, recorded.others) == ({}, [1])


_ROW = SourceFile("", "a.jpg", "/a.jpg", 1, 2, 3, {"title": "x"}, ctime_ns=4)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        (_ROW._replace(size=9), ""),
        (_ROW._replace(mtime_ns=9), ""),
        (_ROW._replace(inode=9), ""),
        (_ROW._replace(ctime_ns=9), ""),
        (_ROW._replace(location="/b.jpg"), ""),
        (_ROW._replace(columns={"title": "y"}), ""),
        (_ROW._replace(flags=("odd",)), ""),
        (_ROW._replace(existing_text="text", existing_in="sidecar"), ""),
        (_ROW._replace(stamp="etag"), ""),
        (_ROW._replace(occurrence=1), ""),
        (_ROW._replace(problem="missing_file"), ""),
        (_ROW, "present = 0"),
        (_ROW, "reject_code = 'unreadable', todo = 0"),
    ],
)
def test_a_file_that_differs_is_written_again(world: World, file: SourceFile, change: str) -> None:
    world.ledger.images.upsert(world.folder, [_ROW], 1, NOW)
    if change:
        world.ledger.database.execute(f"UPDATE images SET {change}")
    assert split_recorded(world.ledger.database, world.folder, [file]) == ([file], [])


def test_files_that_are_as_they_were_are_not_written_again(world: World) -> None:
    again = _ROW._replace(occurrence=1, columns={"title": "y"})
    world.ledger.images.upsert(world.folder, [_ROW, again], 1, NOW)
    new = _ROW._replace(name="new.jpg")
    split = split_recorded(world.ledger.database, world.folder, [_ROW, new, again])
    assert split == ([new], [1, 2])
