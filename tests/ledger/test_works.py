from pipeline.ledger.works import Content, Work
from pipeline.records import RejectedImage, Rejection
from tests.ledger.world import World, prepared


def test_the_first_content_of_a_file_is_kept_whatever_a_newer_encoder_makes(world: World) -> None:
    works = world.ledger.works
    first = works.record_prepared(world.recipe, prepared(1))
    newer = works.record_prepared(world.recipe, prepared(9, source=1))
    assert newer == first == works.prepared_as(bytes([1]) * 32, world.recipe)
    assert isinstance(first, Content)
    assert first.content_id == bytes([1]) * 32


def test_files_that_differ_only_in_metadata_share_a_content(world: World) -> None:
    works = world.ledger.works
    assert works.record_prepared(world.recipe, prepared(1, source=1)) == works.record_prepared(
        world.recipe, prepared(1, source=2)
    )


def test_a_rejection_is_known_for_these_bytes(world: World) -> None:
    works = world.ledger.works
    works.record_rejected(
        world.recipe, RejectedImage(bytes(32), Rejection("truncated", "half a file"))
    )
    assert works.prepared_as(bytes(32), world.recipe) == Rejection("truncated", "half a file")
    wider = world.ledger.specs.recipe({"long_side": 512}, {"max_pixels": 2})
    assert wider.row == world.recipe.row
    assert works.prepared_as(bytes(32), wider) is None  # other caps may let it in
    works.record_rejected(world.recipe, RejectedImage(None, Rejection("unreadable", "x")))


def test_what_was_refused_before_its_size_was_known_learns_it(world: World) -> None:
    """As a file whose decoder was installed only later."""
    works = world.ledger.works

    def known() -> object:
        return world.ledger.database.one("SELECT format, width, height FROM originals")

    image = prepared(1)
    refused = RejectedImage(image.source_id, Rejection("unsupported_format", "x"), "RAW")
    works.record_rejected(world.recipe, refused)
    assert known() == ("RAW", None, None)
    works.record_rejected(world.recipe, refused)
    content = works.record_prepared(world.recipe, image)
    assert known() == (image.source_format, image.source_width, image.source_height)
    assert works.record_prepared(world.recipe, prepared(9, source=1)) == content
    works.record_rejected(world.recipe, refused)
    assert known() == (image.source_format, image.source_width, image.source_height)


def test_the_first_content_is_kept_when_the_size_is_learned_later(world: World) -> None:
    works = world.ledger.works
    first = works.record_prepared(world.recipe, prepared(1))
    world.ledger.database.execute("UPDATE originals SET width = NULL")  # as older ledgers have it
    assert works.record_prepared(world.recipe, prepared(9, source=1)) == first
    assert works.prepared_as(bytes([1]) * 32, world.recipe) == first


def test_a_work_exists_once_and_an_adopted_one_learns_its_content(world: World) -> None:
    world.image("a.jpg", 1)
    row, key = world.works[0]
    assert world.ledger.works.peek(key) == Work(row, "pending", 0)
    world.ledger.database.execute("INSERT INTO works (work_key, state) VALUES (?, 'live')", (b"k",))
    adopted = world.ledger.works.work(b"k", 1, world.spec, 1)
    assert adopted.state == "live"
    assert world.ledger.works.peek(b"other") is None


def test_a_passing_cause_is_looked_at_again(world: World) -> None:
    image = world.image("a.jpg", 1)
    world.ledger.works.reject(image, None, Rejection("unreadable", "no permission"), passing=True)
    assert [i.id for i in world.ledger.images.todo(world.source)] == [image]
    assert world.ledger.rows.outcomes() == {"rejected": 1}
    world.ledger.works.reject(image, None, Rejection("truncated", "half"), passing=False)
    assert list(world.ledger.images.todo(world.source)) == []


def test_a_renamed_file_becomes_the_representative(world: World) -> None:
    old = world.image("old.jpg", 1)
    new = world.image("new.jpg", 1)
    world.ledger.database.execute("UPDATE images SET present = 0 WHERE id = ?", (old,))
    world.ledger.works.elect_representatives()
    assert world.ledger.database.one("SELECT representative FROM works") == (new,)
