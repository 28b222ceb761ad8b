import pytest

from pipeline.ledger import Ledger
from pipeline.ledger import images as images_module
from pipeline.records import Rejection, SourceFile
from tests.ledger.world import ADMISSION, NOW, World, prepared


def seen(name: str, size: int = 10, mtime: int = 1, **more: object) -> SourceFile:
    return SourceFile("", name, f"/imgs/{name}", size, mtime, 7, **more)  # type: ignore[arg-type]


def todo(world: World) -> list[str]:
    return [image.name for image in world.ledger.images.todo(world.source)]


def test_labels_are_unique(ledger: Ledger) -> None:
    first = ledger.images.source("folder", "/a/imgs", "imgs")
    second = ledger.images.source("folder", "/b/imgs", "imgs")
    assert ledger.images.source("folder", "/a/imgs", "imgs") == first != second
    labels = ledger.database.execute("SELECT label FROM sources ORDER BY id").fetchall()
    assert labels == [("imgs",), ("imgs-2",)]


def test_an_unchanged_file_is_not_looked_at_again(world: World) -> None:
    world.image("a.jpg", 1)
    world.ledger.images.upsert(
        world.folder, [SourceFile("", "a.jpg", "/imgs/a.jpg", 10, 1, 1)], 2, NOW
    )
    assert todo(world) == []


def test_a_changed_file_forgets_what_it_was(world: World) -> None:
    world.image("a.jpg", 1)
    world.ledger.images.upsert(world.folder, [seen("a.jpg", size=11)], 2, NOW)
    (image,) = world.ledger.images.todo(world.source)
    assert (image.name, image.source_id) == ("a.jpg", None)
    assert world.ledger.rows.outcomes()["pending"] == 1


def test_all_files_of_a_source_are_read_again_on_request(world: World) -> None:
    world.image("a.jpg", 1)
    gone = SourceFile("", "gone", "", problem="missing_file", detail="gone")
    world.ledger.images.upsert(world.folder, [gone], 1, NOW)
    world.ledger.images.reread(world.source)
    assert todo(world) == ["a.jpg"]
    assert world.ledger.rows.outcomes() == {"pending": 1, "rejected": 1}


def test_changed_columns_keep_the_bytes_but_ask_for_a_look(world: World) -> None:
    images = world.ledger.images
    images.upsert(world.folder, [seen("a.jpg", columns={"title": "x"})], 1, NOW)
    (image,) = images.todo(world.source)
    assert (image.columns, image.location) == ({"title": "x"}, "/imgs/a.jpg")
    with world.recording() as recording:
        content = recording.prepared(prepared(0))
        work = recording.work(bytes(32), content, image.id)
        recording.link(image.id, recording.original(bytes(32)), content, work)
    images.upsert(world.folder, [seen("a.jpg", columns={"title": "y"})], 2, NOW)
    (image,) = images.todo(world.source)
    assert (image.columns, image.source_id) == ({"title": "y"}, bytes(32))


def test_a_known_problem_is_rejected_at_once_and_healed_when_it_changes(world: World) -> None:
    images = world.ledger.images
    images.upsert(world.folder, [seen("a.jpg", problem="missing_file", detail="gone")], 1, NOW)
    assert todo(world) == []
    assert world.ledger.rows.outcomes() == {"rejected": 1}
    images.upsert(world.folder, [seen("a.jpg", size=99)], 2, NOW)
    assert todo(world) == ["a.jpg"]
    assert world.ledger.rows.outcomes() == {"pending": 1}


def test_todo_pages_through_changes(world: World) -> None:
    files = [seen(f"{n:05}.jpg", mtime=n) for n in range(2500)]
    world.ledger.images.upsert(world.folder, files, 1, NOW)
    names = []
    for image in world.ledger.images.todo(world.source):
        names.append(image.name)
        world.ledger.database.execute("UPDATE images SET todo = 0 WHERE id = ?", (image.id,))
    assert names == [file.name for file in files]
    assert world.ledger.images.count_todo(world.source) == 0


def test_a_new_spec_asks_for_all_readable_images_again(world: World) -> None:
    world.image("a.jpg", 1)
    world.ledger.images.upsert(
        world.folder, [seen("gone.jpg", problem="missing_file", detail="x")], 1, NOW
    )
    world.ledger.images.use_spec(world.source, world.spec, ADMISSION)
    assert todo(world) == []
    other = world.ledger.specs.spec({"prompt": "new"}, spec_text(), NOW)
    world.ledger.images.use_spec(world.source, other, ADMISSION)
    assert todo(world) == ["a.jpg"]
    assert world.ledger.images.spec_of(world.source) == other


def spec_text():  # type: ignore[no-untyped-def]
    from pipeline.ledger.specs import SpecText

    return SpecText("openai", "", "m", "/v1/x")


def test_a_first_spec_writes_no_image_that_nothing_is_known_of(world: World) -> None:
    images, database = world.ledger.images, world.ledger.database
    first = images.source("folder", "/first", "first")
    folder, _ = images.folder(first, "")
    images.upsert(folder, [seen("a.jpg"), seen("b.jpg", problem="bad_row")], 1, NOW, new=True)
    before = database.number("SELECT total_changes()")
    assert images.use_spec(first, world.spec, ADMISSION) is True
    assert database.number("SELECT total_changes()") == before + 1  # the source
    assert [image.name for image in images.todo(first)] == ["a.jpg"]


def test_unsent_works_come_with_one_present_image_each(world: World) -> None:
    first = world.image("a.jpg", 1)
    world.image("copy.jpg", 1)
    second = world.image("b.jpg", 2)
    found = [
        (work, image.id) for work, image in world.ledger.images.unsent(world.source, world.spec)
    ]
    assert found == [(world.works[0][0], first), (world.works[1][0], second)]
    world.seal()
    assert list(world.ledger.images.unsent(world.source, world.spec)) == []


def test_a_source_is_idle_when_nothing_is_to_be_looked_at_or_sent(world: World) -> None:
    images = world.ledger.images
    assert images.idle(world.source, world.spec)
    world.image("a.jpg", 1)
    assert not images.idle(world.source, world.spec)  # its work waits to be sent
    world.seal()
    assert images.idle(world.source, world.spec)
    assert not images.idle(world.source, world.spec + 1)
    images.upsert(world.folder, [seen("b.jpg")], 1, NOW)
    assert not images.idle(world.source, world.spec)


def test_a_spec_is_used_anew_when_it_or_its_caps_change(world: World) -> None:
    images = world.ledger.images
    world.image("a.jpg", 1)
    world.reject(world.image("b.jpg", 2), Rejection("too_large", "x"))
    world.ledger.database.execute("UPDATE images SET original = 2 WHERE name = 'b.jpg'")
    assert images.use_spec(world.source, world.spec, ADMISSION) is False
    assert todo(world) == []
    assert images.use_spec(world.source, world.spec, b"b" * 32) is True
    assert todo(world) == ["b.jpg"], "other caps may admit what was refused"
    other = world.ledger.specs.spec({"prompt": "new"}, spec_text(), NOW)
    assert images.use_spec(world.source, other, b"b" * 32) is True
    assert images.specs_of(world.source) == {other}
    assert images.use_spec(world.source, other, b"b" * 32) is False


@pytest.mark.parametrize("size", [1, 3, 4, 7, 8])
def test_pages_of_any_size_hold_every_image_once(
    world: World, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(images_module, "_PAGE", size)
    for number in range(7):
        world.image(f"{number}.jpg", number + 1)
    unsent = world.ledger.images.unsent(world.source, world.spec)
    assert [work for work, _ in unsent] == [work for work, _ in world.works]
    world.ledger.database.execute("UPDATE images SET todo = 1")
    assert todo(world) == [f"{number}.jpg" for number in range(7)]


def test_locations_are_needed_until_their_captions_are_here(world: World) -> None:
    for number in range(1, 6):
        world.image(f"{number}.jpg", number)
    database = world.ledger.database
    database.execute("UPDATE images SET location = '/imgs/' || name")
    database.execute("UPDATE works SET state = 'done'")
    assert list(world.ledger.images.needed()) == []
    database.execute("UPDATE images SET todo = 1 WHERE id = 1")
    database.execute("UPDATE works SET state = 'live' WHERE id IN (2, 3, 4)")
    database.execute("UPDATE images SET present = 0 WHERE id = 3")
    database.execute("UPDATE images SET location = NULL WHERE id = 4")
    assert list(world.ledger.images.needed()) == ["/imgs/1.jpg", "/imgs/2.jpg"]


def test_a_source_keeps_the_codec_of_its_text_and_the_number_of_its_crawl(world: World) -> None:
    images = world.ledger.images
    another = images.source("manifest", "/m.csv", "m")
    images.note_encoding(another, "cp1252")
    assert images.encoding("/m.csv") == (False, None), "it was never crawled to its end"
    assert (images.begin_crawl(another), images.begin_crawl(another)) == (1, 2)
    assert images.begin_crawl(world.source) == 1
    assert images.encoding("/m.csv") == (True, "cp1252")
    images.note_encoding(another, "utf-8")
    assert images.encoding("/m.csv") == (True, "utf-8")
    assert images.encoding("/imgs") == (True, None)
