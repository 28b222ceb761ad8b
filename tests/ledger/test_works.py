import pytest

from pipeline.ledger.works import Content, Work
from pipeline.records import RejectedImage, Rejection
from tests.ledger.world import World, prepared


def test_a_work_is_asked_for_by_its_key(world: World) -> None:
    world.image("a.jpg", 1)
    row, key = world.works[0]
    assert world.ledger.works.peek(key) == Work(row, "pending", 0)
    assert world.ledger.works.peek(b"other") is None


def test_a_renamed_file_becomes_the_representative(world: World) -> None:
    old = world.image("old.jpg", 1)
    new = world.image("new.jpg", 1)
    world.ledger.database.execute("UPDATE images SET present = 0 WHERE id = ?", (old,))
    assert world.ledger.works.elect_representatives() == 1
    assert world.ledger.database.one("SELECT representative FROM works") == (new,)
    assert world.ledger.works.elect_representatives() == 0


def test_works_that_wait_for_a_further_attempt_are_counted(world: World) -> None:
    for number in range(1, 5):
        world.image(f"{number}.jpg", number)
    database, works = world.ledger.database, world.ledger.works
    assert works.going_again(world.spec) == 0
    database.execute("UPDATE works SET after = 'expired' WHERE id < 4")
    database.execute("UPDATE works SET state = 'live' WHERE id = 1")
    assert works.going_again(world.spec) == 2
    assert works.going_again(world.spec + 1) == 0


def test_a_key_is_distinct_once(world: World) -> None:
    for _ in range(2):  # each block begins anew
        with world.ledger.works.distinct_keys() as is_new:
            assert [is_new(key) for key in (b"a", b"b", b"a")] == [True, True, False]


def test_a_content_is_recorded_once(world: World) -> None:
    picture = prepared(7)
    first = world.ledger.works.record_content(picture)
    assert world.ledger.works.record_content(picture) == first
    assert world.ledger.works.content(first.row) == first
    assert (first.content_id, first.width, first.height, first.hashed) == (
        picture.content_id, 512, 384, False,
    )  # fmt: skip


def test_what_is_prepared_is_known_by_its_bytes_recipe_and_admission(world: World) -> None:
    picture, works = prepared(7), world.ledger.works
    assert works.prepared_as(picture.source_id, world.recipe) is None
    content = world.prepare(picture)
    known = works.prepared_as(picture.source_id, world.recipe)
    assert isinstance(known, Content)
    assert known.row == content.row
    source_id = bytes([8]) * 32
    world.refuse(RejectedImage(source_id, Rejection("too_large", "so many pixels")))
    assert works.prepared_as(source_id, world.recipe) == Rejection("too_large", "so many pixels")
    other = world.ledger.specs.recipe({"long_side": 512}, {"max_pixels": 2})
    assert isinstance(works.prepared_as(picture.source_id, other), Content)
    assert works.prepared_as(source_id, other) is None, "its size may be admitted now"
    another = world.ledger.specs.recipe({"long_side": 768}, {"max_pixels": 1})
    assert works.prepared_as(picture.source_id, another) is None


def test_an_image_that_is_no_near_duplicate_represents_its_work(world: World) -> None:
    gone, near, plain = (world.image(f"{n}.jpg", 1) for n in range(3))
    other = world.image("other.jpg", 2)
    database = world.ledger.database
    database.execute("UPDATE images SET near_of = ? WHERE id = ?", (world.works[1][0], near))
    database.execute("UPDATE images SET present = 0 WHERE id = ?", (gone,))
    world.ledger.works.elect_representatives()
    elected = database.execute("SELECT representative FROM works ORDER BY id").fetchall()
    assert elected == [(plain,), (other,)]
    database.execute("UPDATE works SET representative = ? WHERE id = 1", (other,))
    world.ledger.works.elect_representatives()
    assert database.one("SELECT representative FROM works WHERE id = 1") == (plain,)


@pytest.mark.parametrize(
    ("change", "elected"),
    [
        ("UPDATE images SET present = 0 WHERE id = 2", 1),  # another one is gone
        ("UPDATE images SET present = 0 WHERE id = 1", 2),
        ("UPDATE images SET work = NULL WHERE id = 1", 2),  # it shows something else now
        ("UPDATE works SET representative = NULL", 1),
        ("UPDATE images SET present = 0", 1),  # nobody is there to take its place
        ("UPDATE images SET near_of = NULL", 1),
    ],
)
def test_a_representative_stays_as_long_as_it_shows_its_work(
    world: World, change: str, elected: int
) -> None:
    assert [world.image("a.jpg", 1), world.image("b.jpg", 1)] == [1, 2]
    world.ledger.database.execute(change)
    world.ledger.works.elect_representatives()
    assert world.ledger.database.one("SELECT representative FROM works") == (elected,)


def test_a_work_whose_images_are_all_gone_keeps_its_representative(world: World) -> None:
    gone = world.image("a.jpg", 1)
    world.ledger.database.execute("UPDATE images SET present = 0")
    world.ledger.works.elect_representatives()
    assert world.ledger.database.one("SELECT representative FROM works") == (gone,)
