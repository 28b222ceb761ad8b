"""Crawls of what is known: folders that are passed over as a whole give what a crawl that reads
every file again would give."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core.losses import LossRule
from pipeline.core.skipped_files import beside_images
from pipeline.ledger import Ledger
from pipeline.ledger.recorded_files import split_recorded
from pipeline.sources import SourceOptions, folder_scan, open_source
from pipeline.sources import folder as folder_module
from pipeline.stages import crawl as crawl_module
from pipeline.stages.crawl import CrawlRules, crawl

ANY_LOSS, HALF = LossRule(accepted=True, may_be_empty=True), LossRule(may_be_empty=True)
ROUNDS, CHANGES = 6, 4
_SHOWN = (
    "SELECT f.path, i.name, i.size, i.mtime_ns, i.inode, i.ctime_ns, i.present, i.todo, "
    "i.original, i.reject_code FROM images i JOIN folders f ON f.id = i.folder ORDER BY 1, 2"
)


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def add(root: Path, chance: random.Random) -> None:
    folder = root / chance.choice(("", "a", "b", "a/deep", f"new{chance.randrange(3)}"))
    folder.mkdir(parents=True, exist_ok=True)
    suffix = chance.choice((".jpg", ".jpg", ".png", ".txt", ""))
    (folder / f"{chance.randrange(30):02}{suffix}").write_bytes(chance.randbytes(8))


def of_one(change: Callable[[Path, random.Random], object]) -> Callable[..., None]:
    def changed(root: Path, chance: random.Random) -> None:
        if known := files(root):
            change(chance.choice(known), chance)

    return changed


def same_size_and_time(path: Path, chance: random.Random) -> None:
    status = path.stat()
    path.write_bytes(chance.randbytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def move_folder(root: Path, chance: random.Random) -> None:
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    if folders:
        target = root / f"moved{chance.randrange(4)}"
        if not target.exists():
            chance.choice(folders).rename(target)


def drop_folder(root: Path, chance: random.Random) -> None:
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    if folders:
        shutil.rmtree(chance.choice(folders))


CHANGED: tuple[Callable[[Path, random.Random], object], ...] = (
    add,
    add,
    add,
    of_one(lambda path, _: path.unlink()),
    of_one(lambda path, chance: path.rename(path.with_name(f"m{chance.randrange(99)}.jpg"))),
    of_one(lambda path, chance: path.write_bytes(chance.randbytes(9))),
    of_one(same_size_and_time),
    of_one(lambda path, chance: os.utime(path, ns=(1, chance.randrange(1, 10**18)))),
    of_one(lambda path, chance: path.chmod(chance.choice((0o600, 0o644)))),
    of_one(lambda path, chance: os.link(path, path.with_name(f"l{chance.randrange(10**6)}.jpg"))),
    of_one(lambda path, chance: path.with_name(f"s{chance.randrange(10**6)}.jpg").symlink_to(path)),
    move_folder,
    drop_folder,
)


@pytest.mark.parametrize("seed", range(12))
def test_folders_passed_over_give_what_reading_every_file_gives(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    root = tmp_path / "imgs"
    root.mkdir()
    if seed % 3 == 0:  # folders that are too large to be held
        for module in (folder_module, folder_scan):
            monkeypatch.setattr(module, "SORTED_AT_ONCE", 3)
    rule = HALF if seed % 2 else ANY_LOSS
    options = SourceOptions(stamp="mtime" if seed % 4 == 3 else "ctime")
    with Ledger(tmp_path / "fast.db") as fast, Ledger(tmp_path / "slow.db") as slow:
        for ledger in (fast, slow):
            ledger.database.execute("INSERT INTO originals (id, source_id) VALUES (1, x'00')")
        for night in range(ROUNDS):
            for _ in range(chance.randrange(CHANGES) if night else 20):
                chance.choice(CHANGED)(root, chance)
            shown = []
            for ledger in (fast, slow):
                if ledger is slow:
                    ledger.database.execute("UPDATE folders SET digest = NULL")
                # the one compares a folder's files, the other writes each of them
                monkeypatch.setattr(crawl_module, "_COMPARED", 100 if ledger is fast else 0)
                split = split_recorded if ledger is fast else lambda _, __, listed: (listed, [])
                monkeypatch.setattr(crawl_module, "split_recorded", split)
                result = crawl(
                    ledger,
                    open_source(root, None, options),
                    night,
                    rules=CrawlRules(loss_rule=rule),
                )
                shown.append((ledger.database.execute(_SHOWN).fetchall(), result.images,
                              result.todo, result.skipped, result.lost))  # fmt: skip
                # what was to do is done: all was read, half of it is rejected
                ledger.database.execute(
                    "UPDATE images SET todo = 0, original = 1, "
                    "reject_code = IIF(size % 2, NULL, 'truncated') WHERE todo = 1 AND present = 1"
                )
            assert shown[0] == shown[1], night


def test_a_second_crawl_of_what_is_known_reads_no_image(tmp_path: Path) -> None:
    root = tmp_path / "imgs"
    for number in range(20):
        (root / f"{number % 4}").mkdir(parents=True, exist_ok=True)
        (root / f"{number % 4}" / f"{number}.jpg").write_bytes(b"bytes")
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert crawl(ledger, open_source(root, None), 1).images == 20
        asked: list[str] = []
        ledger.database._connection.set_trace_callback(asked.append)
        crawled = crawl(ledger, open_source(root, None), 2)
        ledger.database._connection.set_trace_callback(None)
        assert (crawled.images, crawled.changed) == (20, False)
        assert not [sql for sql in asked if "INTO images" in sql]


def test_a_changed_folder_has_only_what_differs_recorded(tmp_path: Path) -> None:
    root = tmp_path / "imgs"
    root.mkdir()
    for number in range(20):
        (root / f"{number}.jpg").write_bytes(b"bytes")
    with Ledger(tmp_path / "ledger.db") as ledger:
        crawl(ledger, open_source(root, None), 1)
        (root / "3.jpg").write_bytes(b"other")
        (root / "new.jpg").write_bytes(b"new")
        (root / "7.jpg").unlink()
        rule = CrawlRules(loss_rule=ANY_LOSS)
        assert crawl(ledger, open_source(root, None), 2, rules=rule).images == 20
        recorded = ledger.database.execute("SELECT name FROM images WHERE crawl = 2 ORDER BY name")
        assert recorded.fetchall() == [("3.jpg",), ("new.jpg",)]
        gone = ledger.database.execute("SELECT name FROM images WHERE present = 0")
        assert gone.fetchall() == [("7.jpg",)]


def test_a_suffix_that_is_not_listed_any_more_is_gone_from_a_changed_folder(tmp_path: Path) -> None:
    root = tmp_path / "imgs"
    root.mkdir()
    for name in ("a.jpg", "b.png"):
        (root / name).write_bytes(b"bytes")
    with Ledger(tmp_path / "ledger.db") as ledger:
        crawl(ledger, open_source(root, None), 1)
        source = open_source(root, None, SourceOptions(extensions=(".png",)))
        assert crawl(ledger, source, 2, rules=CrawlRules(loss_rule=ANY_LOSS)).images == 1


def test_a_name_that_reads_as_anothers_escapes_is_another_file(tmp_path: Path) -> None:
    """Both are links of one file, so their stamps are the same."""
    root = tmp_path / "imgs"
    root.mkdir()
    odd, plain = os.fsdecode(b"a\xe9.jpg"), "a\\xe9.jpg"
    (root / odd).write_bytes(b"bytes")
    os.link(root / odd, root / plain)
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert crawl(ledger, open_source(root, None), 1).images == 2
        (root / "new.jpg").write_bytes(b"new")
        result = crawl(ledger, open_source(root, None), 2)
        assert (result.images, result.lost) == (3, 0)
        (root / odd).unlink()
        os.utime(root / plain, ns=(5, 5))
        rule = CrawlRules(loss_rule=ANY_LOSS)
        assert crawl(ledger, open_source(root, None), 3, rules=rule).images == 2


def test_a_text_beside_an_image_that_is_not_listed_again_is_no_stray(tmp_path: Path) -> None:
    root = tmp_path / "imgs"
    root.mkdir()
    (root / "a.jpg").write_bytes(b"bytes")
    with Ledger(tmp_path / "ledger.db") as ledger:
        crawl(ledger, open_source(root, None), 1)
        for name in ("a.txt", "stray.txt"):
            (root / name).write_bytes(b"words")
        skipped = crawl(ledger, open_source(root, None), 2).skipped
        assert skipped == {".txt": 1, beside_images(".txt"): 1}


def test_what_a_plain_line_does_not_say_is_recorded_again(tmp_path: Path) -> None:
    """An image that could not be read is tried again, whatever else changed in its folder."""
    root = tmp_path / "imgs"
    root.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (root / name).write_bytes(b"bytes")
    with Ledger(tmp_path / "ledger.db") as ledger:
        crawl(ledger, open_source(root, None), 1)
        ledger.database.execute("UPDATE images SET todo = 0")
        for name, change in (
            ("a.jpg", "reject_code = 'unreadable'"),
            ("b.jpg", "flags = 'odd', existing_text = 'x'"),
        ):
            ledger.database.execute(f"UPDATE images SET {change} WHERE name = ?", (name,))
        (root / "new.jpg").write_bytes(b"new")
        crawl(ledger, open_source(root, None), 2)
        rows = ledger.database.execute("SELECT name FROM images WHERE todo = 1 ORDER BY name")
        assert rows.fetchall() == [("a.jpg",), ("b.jpg",), ("new.jpg",)]
        assert ledger.database.number("SELECT COUNT(*) FROM images WHERE flags IS NULL") == 4


def test_a_changed_table_has_only_what_differs_recorded(tmp_path: Path) -> None:
    rows = [f"{number}.jpg,title {number % 3}" for number in range(6)]
    for number in range(7):
        (tmp_path / f"{number}.jpg").write_bytes(b"bytes")
    table = tmp_path / "table.csv"
    rule = CrawlRules(loss_rule=ANY_LOSS)
    with Ledger(tmp_path / "ledger.db") as ledger:
        for night, lines in enumerate((
            rows, [*rows[:-1], "0.jpg,again", "6.jpg,new"], [*rows[:3], "0.jpg,other", "no.jpg,x"],
        )):  # fmt: skip
            table.write_text("\n".join(["path,title", *lines]) + "\n")
            crawl(ledger, open_source(table, None), night, rules=rule)
        recorded = ledger.database.execute(
            "SELECT crawl, name, occurrence, present FROM images ORDER BY crawl, id"
        )
        assert recorded.fetchall() == [
            *((1, f"{number}.jpg", 0, int(number < 3)) for number in range(6)),
            (2, "6.jpg", 0, 0), (3, "0.jpg", 1, 1), (3, "no.jpg", 0, 1),
        ]  # fmt: skip
