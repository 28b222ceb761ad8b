from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ledger import linked_images
from pipeline.ledger.quoted import ImageCounts
from pipeline.ledger.row_outcome import OUTCOME
from pipeline.ledger.rows import _FROM
from pipeline.records import RejectedImage, Rejection, SourceFile
from tests.ledger.world import NOW, World


class _TakenBack(Exception):
    """Ends a transaction that must not stay."""


def test_images_are_counted_by_what_became_of_them(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("copy of a.jpg", 1)
    world.image("b.jpg", 2)
    world.reject(world.image("broken.jpg", 3), Rejection("truncated", "half a file"))
    unread = SourceFile("", "new.jpg", "/imgs/new.jpg", 10, 9, 9)
    world.ledger.images.upsert(world.folder, [unread], 1, NOW)
    world.ledger.database.execute("UPDATE sources SET spec = ?", (world.spec,))
    counts = ImageCounts(present=5, rejected=1, linked=3, works=2, otherwise=0)
    assert world.ledger.quoted.counts(world.source) == counts
    assert world.ledger.quoted.counts(99) == ImageCounts(0, 0, 0, 0, 0)


def test_an_image_of_another_spec_is_neither_linked_nor_to_do(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    world.ledger.database.execute("UPDATE sources SET spec = ?", (world.spec,))
    world.ledger.database.execute("UPDATE works SET spec = NULL WHERE id = 2")
    counts = ImageCounts(present=2, rejected=0, linked=1, works=1, otherwise=1)
    assert world.ledger.quoted.counts(world.source) == counts
    others = world.ledger.quoted.identified(world.source, world.recipe, "otherwise")
    assert [row[0][0] for row in others] == [2]
    assert world.ledger.quoted.count_refused(world.source, world.recipe, "otherwise") == 0


def test_a_pending_work_is_priced_once_and_one_that_is_under_way_is_not(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("copy of a.jpg", 1)
    quoted = world.ledger.quoted
    assert list(quoted.pending(world.source, world.spec)) == [
        (bytes([1]) * 32, world.works[0][1], 512, 384, {})
    ]
    assert list(quoted.pending(world.source, world.spec + 1)) == []
    assert quoted.is_linked(world.source, world.works[0][1])
    assert not quoted.is_linked(world.source + 1, world.works[0][1])
    assert not quoted.is_linked(world.source, bytes(32))
    world.seal()
    assert list(quoted.pending(world.source, world.spec)) == []


def test_images_to_do_are_asked_for_without_the_others(world: World) -> None:
    world.image("a.jpg", 1)
    changed = world.image("b.jpg", 2)
    world.ledger.database.execute("UPDATE images SET todo = 1 WHERE id = ?", (changed,))
    quoted = world.ledger.quoted
    assert [row[0][0] for row in quoted.identified(world.source, world.recipe, "all")] == [1, 2]
    todo = list(quoted.identified(world.source, world.recipe, "todo"))
    assert [(row[0][0], *row[2:]) for row in todo] == [(2, 512, 384, {})]
    assert quoted.count_refused(world.source, world.recipe, "todo") == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from((0, 1)),  # present
            st.sampled_from((0, 1)),  # todo
            st.sampled_from((None, "truncated", "missing_file", "host_busy")),
            st.sampled_from((None, 1, 2, 3)),  # work; 3 is of another spec
            st.sampled_from((None, "a text")),
        ),
        max_size=12,
    ),
    st.booleans(),
    st.booleans(),
)
@settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_counts_of_indexes_are_those_of_reading_every_image(
    world: World,
    rows: list[tuple[int, int, str | None, int | None, str | None]],
    several_sources: bool,
    many_unusual: bool,
) -> None:
    """One source's are counted by the index of works, those of several are read; so are those of
    one of which many are unusual."""
    database = world.ledger.database
    with (
        contextlib.suppress(_TakenBack),
        database.transaction("test"),
        pytest.MonkeyPatch.context() as patch,
    ):
        if not many_unusual:
            patch.setattr(linked_images, "_FEW", 0)
        if several_sources:
            world.ledger.images.folder(world.ledger.images.source("folder", "/o/", "o"), "x")
        for number in (1, 2, 3):
            world.image(f"{number}.jpg", number)
        database.execute("UPDATE sources SET spec = ?", (world.spec,))
        database.execute("UPDATE works SET spec = NULL WHERE id = 3")
        database.execute("UPDATE images SET present = 0, work = NULL")
        for number, row in enumerate(rows):
            database.execute(
                "INSERT INTO images (folder, name, size, mtime_ns, inode, first_seen_at, present, "
                "todo, reject_code, work, existing_text) VALUES (?, ?, 1, 1, 1, 1, ?, ?, ?, ?, ?)",
                (world.folder, f"n{number}", *row),
            )
        database.execute(
            "UPDATE works SET state = 'done', outcome = 'captioned', "
            "representative = (SELECT MIN(id) FROM images WHERE work = works.id) WHERE id <> 2"
        )
        each = database.execute(f"SELECT {OUTCOME} {_FROM} WHERE i.present = 1")
        assert world.ledger.rows.outcomes() == Counter(name for (name,) in each)
        unshown = {1, 3} - {work for _, _, _, work, _ in rows}
        assert world.ledger.rows.unshown_captions() == len(unshown)
        here = [row[1:] for row in rows if row[0]]
        decided = [row for row in here if not row[0] and row[1] is None]
        linked = [work for _, _, work, _ in decided if work in (1, 2)]
        left = sum(work is None and text is not None for _, _, work, text in decided)
        assert world.ledger.quoted.counts(world.source) == ImageCounts(
            present=len(here),
            rejected=sum(code is not None for _, code, _, _ in here),
            linked=len(linked),
            works=len(set(linked)),
            otherwise=len(decided) - len(linked) - left,
        )
        assert world.ledger.rows.images(world.source) == world.ledger.rows.images() == len(here)
        usable = sum(code in (None, "truncated") for _, code, _, _ in here)
        assert world.ledger.unseen.usable(world.source) == usable
        codes = Counter(code for _, code, _, _ in here if code not in (None, "host_busy"))
        assert world.ledger.rows.reject_reasons(world.source) == codes
        raise _TakenBack


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE images SET present = 0 WHERE id = 1",
        "UPDATE images SET todo = 1 WHERE id = 1",
        "UPDATE images SET reject_code = 'x' WHERE id = 1",
    ],
)
def test_what_is_not_linked_is_not_priced_as_sent_again(world: World, sql: str) -> None:
    world.image("a.jpg", 1)
    key = world.works[0][1]
    quoted = world.ledger.quoted
    world.ledger.database.execute(sql)
    assert not quoted.is_linked(world.source, key)
    assert list(quoted.pending(world.source, world.spec)) == []
    identified = list(quoted.identified(world.source, world.recipe, "all"))
    assert len(identified) == ("todo" in sql)


def test_what_a_recipe_refused_is_counted_while_it_is_there(world: World) -> None:
    image = world.image("a.jpg", 1)
    world.refuse(RejectedImage(bytes([1]) * 32, Rejection("too_large", "x")))
    database, quoted = world.ledger.database, world.ledger.quoted
    database.execute("UPDATE preparations SET content = NULL, reject_code = 'too_large', "
                     "admission = ?",
                     (world.recipe.admission,))  # fmt: skip
    assert quoted.count_refused(world.source, world.recipe, "all") == 1
    for change in ("present = 0", "present = 1, reject_code = 'x'"):
        database.execute(f"UPDATE images SET {change} WHERE id = ?", (image,))
        assert quoted.count_refused(world.source, world.recipe, "all") == 0
