from pipeline.ledger.unrecorded import (
    ContentRecord,
    OriginalRecord,
    Unrecorded,
    WorkRecord,
)
from pipeline.records import Rejection
from tests.ledger.world import World


def identity(number: int) -> bytes:
    return bytes([number]) * 32


def test_rows_follow_the_order_of_the_images_and_not_of_the_hashes(world: World) -> None:
    waiting = Unrecorded()
    for number in (3, 1, 2):
        content = ContentRecord(identity(number), 4, 4)
        waiting.contents[content.content_id] = content
        original = OriginalRecord(identity(number), prepared=content, flags="flag")
        waiting.originals[original.source_id] = original
        waiting.works[identity(number)] = WorkRecord(identity(number), content, None)
    waiting.write(world.ledger.database, world.recipe, world.spec)
    for table, column in (
        ("originals", "source_id"),
        ("contents", "content_id"),
        ("works", "work_key"),
    ):
        rows = world.ledger.database.execute(f"SELECT id, {column} FROM {table} ORDER BY id")
        assert rows.fetchall() == [(1, identity(3)), (2, identity(1)), (3, identity(2))], table
    prepared = world.ledger.database.execute("SELECT original, content, flags FROM preparations")
    assert prepared.fetchall() == [(1, 1, "flag"), (2, 2, "flag"), (3, 3, "flag")]


def test_an_image_of_a_rejected_original_and_a_live_work(world: World) -> None:
    image = world.image("a.jpg", 1)
    refused = OriginalRecord(identity(9), prepared=Rejection("truncated", "half"), flags="")
    content = ContentRecord(identity(8), 4, 4)
    work = WorkRecord(identity(7), content, image, state="live", attempts=2, estimated=5)
    waiting = Unrecorded(
        {refused.source_id: refused},
        {content.content_id: content},
        {work.key: work},
        refusals=[(image, refused, Rejection("truncated", "half"), False)],
    )
    waiting.write(world.ledger.database, world.recipe, world.spec)
    assert world.ledger.database.one(
        "SELECT state, attempts, estimated FROM works WHERE id = ?", (work.row,)
    ) == ("live", 2, 5)
    assert world.ledger.database.one(
        "SELECT original, content, work, todo, reject_code FROM images"
    ) == (refused.row, None, None, 0, "truncated")
    assert world.ledger.rows.reject_reasons(world.source) == {"truncated": 1}


def test_a_new_original_is_written_once_and_one_without_a_size_gets_it(world: World) -> None:
    database = world.ledger.database
    sized = OriginalRecord(identity(1), size=("JPEG", 4, 5))
    waiting = Unrecorded()
    waiting.originals[sized.source_id] = sized
    before = database.number("SELECT total_changes()")
    waiting.write(database, world.recipe, world.spec)
    assert database.number("SELECT total_changes()") == before + 1
    database.execute("UPDATE originals SET width = NULL, height = NULL")
    waiting.write(database, world.recipe, world.spec)
    rows = database.execute("SELECT format, width, height FROM originals").fetchall()
    assert rows == [("JPEG", 4, 5)]
