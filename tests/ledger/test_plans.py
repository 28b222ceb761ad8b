"""Query plans of the statements that run for every image or page: an index each, nothing sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger import answers
from pipeline.ledger.contradictions import CONTRADICTIONS
from pipeline.ledger.planned import planned_lines
from pipeline.ledger.recording import Recording
from pipeline.ledger.specs import SpecText
from pipeline.ledger.unseen import Crawl
from tests.ledger.world import NOW, World, answered, prepared

Walk = Callable[[World], object]

# the values of a row, the sources of a run, groups that come from an index, indexes of what is rare
RARE = ("images_absent", "images_todo", "images_rejected")
SMALL = ("SCAN CONSTANT ROW", "SCAN json_each", "SCAN (subquery", "SCAN sources", "SCAN u",
         *(f"SCAN {images} USING INDEX {index}" for images in ("i", "images") for index in RARE),
         "SCAN images USING COVERING INDEX images_rejected")  # fmt: skip

# once a shard: the seal of what is over is of its items in the order in which they came
ONCE = "SELECT work, attempt, worst, estimated, prompt_tokens FROM items WHERE shard"

# counted by pages, without its rows
COUNTED = "SELECT COUNT(*) - (SELECT COUNT(*) FROM images WHERE present = 0) FROM images"


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """Statements that run meanwhile, with their values."""
    traced: list[str] = []
    connection = world.ledger.database._connection
    connection.set_trace_callback(traced.append)
    try:
        yield traced
    finally:
        connection.set_trace_callback(None)


def steps(world: World, sql: str) -> list[str]:
    """Steps of a statement's plan that do not walk an index."""
    plan = world.ledger.database.execute(f"EXPLAIN QUERY PLAN {sql}")
    details = [str(row[3]) for row in plan]
    return [
        step
        for step in details
        if "TEMP B-TREE" in step or (step.startswith("SCAN") and not step.startswith(SMALL))
    ]


def settle(world: World) -> None:
    shard, batch = world.submitted()
    lines = [answered(key, 400) for _, key in world.works]
    world.ledger.answers.settle(shard, batch, lines, DEFAULT_RULES, NOW)


def record(world: World) -> None:
    recording = Recording(world.ledger.database, world.recipe, world.spec)
    pictures = [prepared(number) for number in (1, 7)]
    recording.load(pictures)
    recording.load_works([bytes([number]) * 32 for number in (1, 7)])
    for number, picture in zip((1, 7), pictures, strict=True):
        content = recording.prepared(picture)
        work = recording.work(bytes([number]) * 32, content, 1)
        recording.link(1, recording.original(picture.source_id), content, work)
    recording.save()


def held(world: World) -> int:
    world.ledger.unseen.begin()
    return world.ledger.unseen.count_usable()


def excluded(world: World) -> int:
    world.ledger.unseen.begin()
    return world.ledger.unseen.release(lambda _path: False)


WALKS: dict[str, Walk] = {
    "unsent": lambda world: list(world.ledger.images.unsent(world.source, world.spec)),
    "read before": lambda world: list(world.ledger.images.todo(world.source, read_before=True)),
    "a folder": lambda world: world.ledger.images.folder(world.source, ""),
    "an unchanged folder": lambda world: world.ledger.images.folder_unchanged(world.folder, 2),
    "recording": record,
    "seal": lambda world: world.seal(),
    "settling": settle,  # the planned lines of a shard among it
    "lines that a batch was made for": lambda world: planned_lines(
        world.ledger.database, *world.submitted()
    ),
    "todo left": lambda world: world.ledger.images.count_todo(world.source),
    "counts of a quote": lambda world: world.ledger.quoted.counts(world.source),
    "present images": lambda world: world.ledger.rows.images(world.source),
    "images that were not seen": held,
    "images that are excluded": excluded,
    "images with a file": lambda world: world.ledger.unseen.usable(world.source),
    "quote of works": lambda world: list(world.ledger.quoted.pending(world.source, world.spec)),
    "quote of a key": lambda world: world.ledger.quoted.is_linked(world.source, bytes(32)),
    "idle": lambda world: world.ledger.images.idle(world.source, world.spec),
}


@pytest.mark.parametrize("walk", WALKS)
def test_a_hot_statement_walks_an_index(world: World, walk: str) -> None:
    world.image("a.jpg", 1)
    with statements(world) as traced:
        WALKS[walk](world)
    hot = [sql for sql in traced if not sql.startswith(("BEGIN", "COMMIT", ONCE, COUNTED))]
    assert hot
    assert {sql: steps(world, sql) for sql in hot if steps(world, sql)} == {}


def test_the_page_of_images_to_do_reads_a_page(world: World) -> None:
    """It begins with the index of what is to do: that is small, and in the order of the page."""
    with statements(world) as traced:
        list(world.ledger.images.todo(world.source))
    (sql,) = traced
    plan = world.ledger.database.execute(f"EXPLAIN QUERY PLAN {sql}")
    details = [str(row[3]) for row in plan]
    assert details[0] == ("SEARCH i USING INDEX images_todo ((folder,name,occurrence)>(?,?,?))"), (
        details
    )
    assert not [step for step in details if "TEMP B-TREE" in step]


def test_outcomes_of_due_images_begin_with_those_that_are_due(world: World) -> None:
    world.image("a.jpg", 1)
    world.ledger.due.note(world.source)
    with statements(world) as traced:
        world.ledger.due.outcomes(world.source)
    plan = world.ledger.database.execute(f"EXPLAIN QUERY PLAN {traced[-1]}")
    details = [str(row[3]) for row in plan]
    assert [step for step in details if step.startswith(("SCAN", "SEARCH i"))] == [
        "SCAN d", "SEARCH i USING INTEGER PRIMARY KEY (rowid=?)", "SCAN json_each VIRTUAL TABLE "
        "INDEX 1:",
    ]  # fmt: skip


def test_changed_rows_are_found_without_reading_the_others(world: World) -> None:
    """What was noted is read whole, and rows of an index are counted; nothing else is."""
    images = [world.image(f"{number}.jpg", number) for number in (1, 2, 3)]
    changed_rows = world.ledger.changed_rows
    changed_rows.begin_anew()
    world.ledger.database.execute("UPDATE images SET flags = 'x' WHERE id = 2")
    starts = [images[0], images[2]]
    with statements(world) as traced:
        assert changed_rows.are_known()
        world.ledger.works.elect_representatives(touched=True)
        changed_rows.groups(starts, [])
        list(changed_rows.pages(starts, 1))
    noted = ("SCAN m", "SCAN changed_", "SCAN table_marks", "SCAN rechecks",
             "SCAN sources", "SCAN batches", "SCAN r USING INDEX images_absent")  # fmt: skip
    counted = "SELECT COUNT(*) FROM images"
    scans = [
        (str(row[3]), sql)
        for sql in traced
        if not sql.startswith(("BEGIN", "COMMIT", "CREATE", counted))
        for row in world.ledger.database.execute(f"EXPLAIN QUERY PLAN {sql}")
        if str(row[3]).startswith("SCAN")
    ]
    assert [scan for scan in scans if not scan[0].startswith((*noted, *SMALL))] == []


def test_losses_without_any_read_no_image(world: World) -> None:
    world.image("a.jpg", 1)
    world.ledger.unseen.begin()
    with statements(world) as traced:
        world.ledger.unseen.accept(Crawl(world.source, 1), complete=True)
    updates = [sql for sql in traced if sql.startswith("UPDATE images")]
    assert len(updates) == 2
    for sql in updates:
        plan = world.ledger.database.execute(f"EXPLAIN QUERY PLAN {sql}")
        assert not [row[3] for row in plan if str(row[3]).startswith("SCAN images")]


def test_answers_that_cost_something_else_are_read_alone(world: World) -> None:
    with statements(world) as traced:
        world.ledger.audit.service_costs()
    (sql,) = traced
    (step,) = [str(row[3]) for row in world.ledger.database.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert step == "SCAN answers USING COVERING INDEX answers_other_cost"


def _ticks(world: World, walk: Walk) -> int:
    """Steps of SQLite's machine, in tens, that a walk takes."""
    connection, ticks = world.ledger.database._connection, [0]

    def tick() -> None:
        ticks[0] += 1

    connection.set_progress_handler(tick, 10)
    try:
        walk(world)
    finally:
        connection.set_progress_handler(None, 0)
    return ticks[0]


def appearances(world: World) -> None:
    world.ledger.near_duplicates.appearances(world.source, world.spec, world.recipe)


def represented(world: World) -> None:
    list(world.ledger.near_duplicates.represented(world.source))


def _near_one_another(world: World, first: int, last: int) -> None:
    for number in range(first, last):
        world.image(f"{number}.jpg", number)
    database = world.ledger.database
    database.execute("UPDATE contents SET perceptual = zeroblob(16)")
    database.execute("UPDATE images SET todo = 1, near_of = content, near_distance = 1")


@pytest.mark.parametrize("walk", [appearances, represented])
def test_what_looks_alike_is_read_once(world: World, walk: Walk) -> None:
    """Where each image was looked for among all, four times as many took sixteen times as long."""
    _near_one_another(world, 0, 40)
    few = _ticks(world, walk)
    _near_one_another(world, 40, 160)
    assert _ticks(world, walk) < 6 * few


def test_a_forgotten_image_is_not_looked_for_among_all_works(world: World) -> None:
    def forget(world: World) -> None:
        with world.ledger.sources.changing():
            world.ledger.sources.forget(world.source)

    _near_one_another(world, 0, 40)
    few = _ticks(world, forget)
    database = world.ledger.database
    database.execute(
        "INSERT INTO sources (id, kind, locator, label) VALUES (?, 'folder', '/', '/')",
        (world.source,),
    )
    database.execute(
        "INSERT INTO folders (id, source, path) VALUES (?, ?, '')", (world.folder, world.source)
    )
    _near_one_another(world, 0, 160)
    assert _ticks(world, forget) < 6 * few


def _captioned(world: World, works: int) -> None:
    """Contents with a caption each, of which the last hundred share one."""
    for number in range(works):
        world.image(f"{number}.jpg", number)
    settle(world)
    world.ledger.database.execute("UPDATE answers SET caption = id")
    world.ledger.database.execute(
        "UPDATE answers SET caption = 'a cat' WHERE id > ? - 100", (works,)
    )


def test_repeated_captions_are_sought_in_a_sample(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _captioned(world, 200)
    repeated = world.ledger.answers.repeated_captions
    whole = _ticks(world, lambda _: repeated(world.spec, 200, 101))
    assert repeated(world.spec, 200, 100) == [("a cat", 100)]
    monkeypatch.setattr(answers, "_SAMPLED", 20)
    assert repeated(world.spec, 200, 100) == [("a cat", 100)]
    assert repeated(world.spec, 200, 101) == []
    world.ledger.database.execute("UPDATE answers SET caption = id")
    assert repeated(world.spec, 200, 100) == []
    assert _ticks(world, lambda _: repeated(world.spec, 200, 100)) < whole / 2


def test_whether_a_form_was_answered_is_no_matter_of_all_works(world: World) -> None:
    def new_forms(count: int) -> None:
        for _ in range(count):
            number = world.ledger.database.number("SELECT COUNT(*) FROM specs")
            text = SpecText("openai", "", "m", "/v1/x")
            world.ledger.specs.spec({"prompt": f"new {number}"}, text, NOW)

    _captioned(world, 200)
    new_forms(1)
    few = _ticks(world, lambda _: world.ledger.specs.answered())
    new_forms(20)
    assert len(world.ledger.specs.answered()) == 1
    assert _ticks(world, lambda _: world.ledger.specs.answered()) < 6 * few


def test_a_whole_ledger_is_verified_without_sorting_it(world: World) -> None:
    world.image("a.jpg", 1)
    with statements(world) as traced:
        [*world.ledger.audit.contradictions(), *world.ledger.audit.answers(1)]
    checks = [sql for sql in traced if sql.lstrip().startswith("SELECT")]
    assert len(checks) > len(CONTRADICTIONS)
    for sql in checks:
        plan = world.ledger.database.execute(f"EXPLAIN QUERY PLAN {sql}")
        assert not [row for row in plan if "TEMP B-TREE" in str(row[3])], sql
