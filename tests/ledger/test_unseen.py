from __future__ import annotations

from pipeline.ledger.unseen import Crawl
from pipeline.records import Rejection, SourceFile
from tests.ledger.world import NOW, World


def crawl_again(world: World, *files: SourceFile) -> Crawl:
    """The next crawl of the world's one folder, up to the end of the folder."""
    ledger = world.ledger
    current = begun(world)
    others = ledger.unseen.hold_missing(world.folder, files, current)
    ledger.images.upsert(world.folder, others, current.number, NOW)
    ledger.unseen.finish_folder(world.folder, b"d" * 32, {".txt": 2}, current)
    return current


def begun(world: World) -> Crawl:
    """The next crawl: `World.image` records images as the first one does."""
    world.ledger.images.begin_crawl(world.source)
    world.ledger.unseen.begin()
    return Crawl(world.source, world.ledger.images.begin_crawl(world.source))


def digest(world: World) -> bytes | None:
    return world.ledger.images.folder(world.source, "")[1]


def test_what_was_not_seen_is_gone_once_accepted_and_its_row_stays(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    current = crawl_again(world, SourceFile("", "b.jpg", "/imgs/b.jpg", 10, 2, 2))
    assert (world.ledger.unseen.count(), world.ledger.rows.images()) == (1, 2)
    assert digest(world) is None  # a kill here, and the next crawl looks again
    world.ledger.unseen.accept(current, complete=True)
    assert digest(world) == b"d" * 32
    assert world.ledger.images.skipped(world.source) == {".txt": 2}
    assert world.ledger.rows.images() == 1
    assert sum(len(page) for page in world.ledger.rows.table()) == 2
    crawl_again(world, SourceFile("", "a.jpg", "/imgs/a.jpg", 10, 1, 1))
    assert world.ledger.rows.images() == 2


def test_a_folder_in_which_nothing_is_missing_is_closed_at_once(world: World) -> None:
    world.image("a.jpg", 1)
    crawl_again(world, SourceFile("", "a.jpg", "/imgs/a.jpg", 10, 1, 1))
    assert (world.ledger.unseen.count(), digest(world)) == (0, b"d" * 32)


def test_a_vanished_folder_takes_its_images_along(world: World) -> None:
    world.image("a.jpg", 1)
    ledger = world.ledger
    current = begun(world)
    ledger.unseen.finish_folders(current)
    assert ledger.unseen.count() == 1
    ledger.unseen.accept(current, complete=True)
    assert ledger.rows.images(world.source) == 0
    assert digest(world) is None


def test_rows_of_a_table_whose_files_are_missing_keep_what_they_had(world: World) -> None:
    world.image("a.jpg", 1)
    gone = SourceFile("", "a.jpg", "", problem="missing_file", detail="line 2: no such file")
    new = SourceFile("", "b.jpg", "", problem="missing_file", detail="line 3: no such file")
    current = crawl_again(world, gone, new)
    assert world.ledger.rows.outcomes() == {"pending": 1, "rejected": 1}  # b.jpg never was there
    assert world.ledger.unseen.usable(world.source) == 1
    world.ledger.unseen.accept(current, complete=True)
    assert world.ledger.rows.reject_reasons(world.source) == {"missing_file": 2}
    assert world.ledger.unseen.usable(world.source) == 0


def test_the_number_of_images_is_kept_for_the_next_crawl(world: World) -> None:
    unseen = world.ledger.unseen
    assert unseen.usable_before(world.source) is None
    unseen.note_usable(world.source, 3)
    unseen.note_usable(world.source, 2)
    assert unseen.usable_before(world.source) == 2
    world.ledger.sources.forget(world.source)
    assert unseen.usable_before(world.source) is None


def test_what_is_out_of_reach_stays_as_it_was(world: World) -> None:
    """Nobody can say that it is gone: it keeps its caption, and only what is new has no image."""
    world.image("a.jpg", 1)
    world.ledger.database.execute("UPDATE images SET todo = 0")
    lost = {"problem": "out_of_reach", "detail": "line 2: no credentials"}
    rows = [SourceFile("", name, "", 0, 0, 0, **lost) for name in ("a.jpg", "new.jpg")]
    current = crawl_again(world, *rows)
    assert world.ledger.unseen.count() == 0
    world.ledger.unseen.accept(current, complete=True)
    codes = world.ledger.database.execute("SELECT reject_code FROM images ORDER BY name")
    assert [code for (code,) in codes] == [None, "out_of_reach"]


def test_a_row_whose_file_is_missing_forgets_the_file(world: World) -> None:
    image = world.image("a.jpg", 1)
    gone = SourceFile("", "a.jpg", "", problem="missing_file", detail="line 2: no such file")
    current = crawl_again(world, gone)
    world.ledger.unseen.accept(current, complete=True)
    row = world.ledger.database.one(
        "SELECT size, mtime_ns, inode, location, original, content, work, todo, reject_detail "
        "FROM images WHERE id = ?",
        (image,),
    )
    assert row == (0, 0, 0, "", None, None, None, 0, "line 2: no such file")


def test_only_a_complete_crawl_forgets_folders_that_it_did_not_see(world: World) -> None:
    world.image("a.jpg", 1)
    crawl_again(world, SourceFile("", "a.jpg", "/imgs/a.jpg", 10, 1, 1))
    current = begun(world)
    world.ledger.unseen.accept(current, complete=False)
    assert digest(world) == b"d" * 32
    world.ledger.unseen.accept(current, complete=True)
    assert digest(world) is None
    assert world.ledger.images.skipped(world.source) == {}


def test_what_the_user_leaves_out_is_gone_without_a_question(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    world.reject(world.image("c.jpg", 3), Rejection("missing_file", "x"))
    for _ in range(2):  # what was left out before is no longer held
        crawl_again(world)
    unseen = world.ledger.unseen
    assert unseen.count() == 3
    assert unseen.release(lambda path: path in ("a.jpg", "c.jpg")) == 1
    assert unseen.count() == 1
    assert unseen.release(lambda _path: False) == 0
    assert world.ledger.rows.images() == 1


def test_what_never_was_an_image_is_no_loss(world: World) -> None:
    world.image("a.jpg", 1)
    missing = SourceFile("", "b.jpg", "", 0, 0, 0, problem="missing_file", detail="line 2")
    crawl_again(world, SourceFile("", "a.jpg", "/imgs/a.jpg", 10, 1, 1), missing)
    assert world.ledger.unseen.count_usable() == 0
    crawl_again(world, SourceFile("", "a.jpg", "/imgs/a.jpg", 10, 1, 1))
    assert (world.ledger.unseen.count(), world.ledger.unseen.count_usable()) == (1, 0)
    crawl_again(world, missing)
    assert (world.ledger.unseen.count(), world.ledger.unseen.count_usable()) == (1, 1)
