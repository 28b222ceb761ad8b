from __future__ import annotations

import pytest

from pipeline.records import SourceFile
from tests.ledger.world import NOW, World


def line_of(name: str, size: int, mtime_ns: int, inode: int, ctime_ns: int | None) -> str | None:
    return None if name.startswith("odd") else f"{name} {size} {mtime_ns} {inode} {ctime_ns}"


def test_images_that_are_there_have_a_line_each(world: World) -> None:
    files = [SourceFile("", f"{n}.jpg", "", n, n, n, ctime_ns=n) for n in (1, 2, 3)]
    odd = SourceFile("", "odd.jpg", "", 4, 4, 4, ctime_ns=4)
    world.ledger.images.upsert(world.folder, [*files, odd], 1, NOW)
    world.ledger.database.execute("UPDATE images SET present = 0 WHERE name = '2.jpg'")
    recorded = world.ledger.images.recorded_files(world.folder, line_of)
    assert recorded.lines == {"1.jpg 1 1 1 1": 1, "3.jpg 3 3 3 3": 3}
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
    recorded = world.ledger.images.recorded_files(world.folder, line_of)
    assert (recorded.lines, recorded.others) == ({}, [1])
