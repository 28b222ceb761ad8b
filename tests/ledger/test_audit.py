import pytest

from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger.answer_row import CELLS, worth_checksum, worth_of
from pipeline.ledger.audit import _ROUNDING, ServiceCosts
from tests.ledger.world import NOW, World, answered


def settled(world: World, billed: int | None = 400) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    line = answered(world.works[0][1], billed)
    world.ledger.answers.settle(shard, batch, [line], DEFAULT_RULES, NOW)


def test_a_sound_ledger_has_no_contradictions(world: World) -> None:
    assert list(world.ledger.audit.contradictions()) == []
    settled(world)
    assert list(world.ledger.audit.contradictions()) == []
    assert world.ledger.audit.sums() == (400, 400)


def test_a_line_of_unknown_cost_counts_at_what_was_reserved(world: World) -> None:
    settled(world, None)
    assert list(world.ledger.audit.contradictions()) == []
    assert world.ledger.audit.sums() == (1000, 0)


def test_sums_that_disagree_are_named(world: World) -> None:
    settled(world)
    world.ledger.database.execute("UPDATE answers SET billed = 399")
    assert list(world.ledger.audit.contradictions()) == [
        "batch batch_1: 400 nano-dollars settled, but 399 in its answers"
    ]


def test_what_should_be_on_the_disk(world: World) -> None:
    settled(world)
    audit = world.ledger.audit
    (shard,) = audit.shards()
    assert (shard.shard_key, shard.state, shard.checksum) == ("000001-aa", "SETTLED", bytes(32))
    (batch,) = audit.batches()
    assert (batch.shard_key, batch.batch_id, batch.output) == ("000001-aa", "batch_1", False)
    world.ledger.shards.cleaned(1)
    assert audit.shards() == []


def test_amounts_days_and_attempts_that_cannot_be_are_named(world: World) -> None:
    world.image("a.jpg", 1)
    world.submitted()
    execute = world.ledger.database.execute
    assert list(world.ledger.audit.contradictions()) == []
    execute("UPDATE reservations SET reserved = reserved + 1, day = date(day, '+1 day')")
    assert list(world.ledger.audit.contradictions()) == [
        "open reservations of another amount than their shards may cost: 1",
        "reservations that count to another day or month than theirs: 1",
    ]


def test_answers_and_images_with_odd_attempts_are_named(world: World) -> None:
    settled(world)
    execute = world.ledger.database.execute
    execute("UPDATE works SET attempts = 0")
    execute("UPDATE items SET live = 1")
    assert list(world.ledger.audit.contradictions()) == [
        "settled shards whose requests are still under way: 1",
        "images with fewer attempts than their answers: 1",
    ]
    execute("UPDATE answers SET attempt = 0")
    assert "answers with an attempt or rules of reading that cannot be: 1" in list(
        world.ledger.audit.contradictions()
    )
    assert list(world.ledger.audit.answers(1)) == []


def test_specs_are_what_their_identity_says(world: World) -> None:
    world.ledger.database.execute("UPDATE specs SET canonical = '{}' || canonical")
    assert "specs that their identity does not belong to: 1" in list(
        world.ledger.audit.contradictions()
    )


def test_a_row_is_sound_by_the_checksum_that_it_came_with(world: World) -> None:
    settled(world)
    (row,) = world.ledger.audit.answers(1)
    assert row.is_sound
    for sound in (None, worth_checksum(worth_of(row.cells))):
        assert row._replace(checksum=sound).is_sound
    changed = row._replace(cells=("refused", *row.cells[1:]))
    assert not changed.is_sound
    assert not changed._replace(checksum=worth_checksum(worth_of(row.cells))).is_sound
    assert (changed.outcome, row.code) == ("refused", "")


def test_what_earlier_versions_did_not_record_is_not_compared(world: World) -> None:
    settled(world)
    (row,) = world.ledger.audit.answers(1)
    at = CELLS.index("request_id")
    other = [*row.cells[:at], "another", *row.cells[at + 1 :]]
    assert row.agrees(row.cells)
    assert not row.agrees(other)
    for checksum in (None, worth_checksum(worth_of(row.cells))):
        earlier = row._replace(checksum=checksum)
        assert earlier.agrees(other)
        assert not earlier.agrees(["refused", *row.cells[1:]])


def test_costs_of_the_service_are_said_where_they_differ_by_more_than_rounding(
    world: World,
) -> None:
    world.settle_two()
    audit, database = world.ledger.audit, world.ledger.database
    assert audit.service_costs() == ServiceCosts(0, 0, 0)
    for difference, answers in ((0, 0), (_ROUNDING, 0), (_ROUNDING + 1, 1), (-_ROUNDING - 1, 1)):
        database.execute(
            "UPDATE answers SET billed = ?, service_cost = ? WHERE id = 1",
            (_ROUNDING * 2, _ROUNDING * 2 + difference),
        )
        expected = (_ROUNDING * 2 + difference, _ROUNDING * 2, 1) if answers else (0, 0, 0)
        assert audit.service_costs() == ServiceCosts(*expected)


@pytest.mark.parametrize(
    ("sql", "output"),
    [
        ("UPDATE batches SET output_file_id = 'file-out'", True),
        ("UPDATE batches SET role = 'file'", True),
        ("UPDATE shards SET shard_key = 'online-000001-aa'", True),
        ("UPDATE batches SET role = 'stray'", False),
        ("UPDATE batches SET role = 'file'; UPDATE answers SET prompt_tokens = NULL", False),
    ],
)
def test_results_are_expected_where_a_service_or_a_file_brought_them(
    world: World, sql: str, output: bool
) -> None:
    settled(world)
    for statement in sql.split("; "):
        world.ledger.database.execute(statement)
    (batch,) = world.ledger.audit.batches()
    assert (batch.output, batch.error) == (output, False)
    world.ledger.database.execute("UPDATE batches SET state = 'open'")
    assert world.ledger.audit.batches() == []
