"""A table of which only the changed row groups are made is the one that is read as a whole."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.core.judgements import Judgement
from pipeline.core.retry import DEFAULT_RULES
from pipeline.core.table_form import Affixes, TableForm
from pipeline.core.table_page import Page
from pipeline.ledger import Ledger
from pipeline.ledger.rows import Rows
from pipeline.ledger.table_stretch import Part
from pipeline.review.edits import Edits
from pipeline.review.in_force import EditedRows
from pipeline.sinks import parquet_groups, row_groups
from pipeline.sinks.parquet import ParquetSink
from pipeline.stages.export import table_cells, write_copy, write_table
from pipeline.stages.table_facts import STALE
from tests.ledger.conftest import world as world_of_ledger
from tests.ledger.test_usual_rows import _ODDITIES
from tests.ledger.world import NOW, World, answered

IMAGES = 60


class Table:
    """Table of a small ledger whose row groups are small, and the images that were read for it."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.ledger, self.folder = world, world.ledger, folder
        self.path = folder / "captions.parquet"
        self.edits = Edits(folder / "reviews.db")
        self.form = TableForm()

    def rows_read(self) -> int:
        """Bring the table up to date, compare it with one that is read as a whole, and give how
        many rows were read for it."""
        self.ledger.put(STALE, "1")
        with _counted_rows() as read:
            write_table(self.ledger, ParquetSink(self.path), self.path, form=self.form,
                        review=EditedRows(self.edits))  # fmt: skip
        self.compare(self.path)
        return sum(read)

    def rows_read_of_copy(self, source: int | None = None) -> int:
        """Write a copy over whatever stands there; else the same."""
        copy, review = self.folder / "copy.parquet", EditedRows(self.edits)
        with _counted_rows() as read:
            write_copy(self.ledger, ParquetSink(copy), self.form, self.path, source=source,
                       review=review)  # fmt: skip
        self.compare(copy, source)
        return sum(read)

    def compare(self, path: Path, source: int | None = None) -> None:
        """Compare a table with one that is read as a whole."""
        anew, review = self.folder / "anew.parquet", EditedRows(self.edits)
        anew.unlink(missing_ok=True)
        write_copy(self.ledger, ParquetSink(anew), self.form, anew, source=source, review=review)
        assert pq.read_table(path).equals(pq.read_table(anew), check_metadata=True)


@contextmanager
def _counted_rows() -> Iterator[list[int]]:
    """Numbers of the rows of each page that is read of the ledger."""
    read: list[int] = []
    table = Rows.table

    def counted(
        rows: Rows, *, source: int | None = None, part: Part | None = None
    ) -> Iterator[Page]:
        for page in table(rows, source=source, part=part):
            read.append(len(page))
            yield page

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rows, "table", counted)
        yield read


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    for name, value in (("FEWEST_ROWS", 4), ("MOST_ROWS", 12), ("_EVERY", 4), ("_BATCH_ROWS", 3)):
        monkeypatch.setattr(row_groups, name, value)
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.begin_run("test", NOW)
        world = world_of_ledger.__wrapped__(ledger)  # type: ignore[attr-defined]
        for number in range(1, IMAGES + 1):
            world.image(f"{number:02}.jpg", number)
        shard, batch = world.submitted()
        answers = [answered(key, 300) for _, key in world.works]
        ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
        made = Table(world, tmp_path)
        assert made.rows_read() == IMAGES
        yield made
        made.edits.close()


def test_whatever_happens_the_table_is_the_same(table: Table) -> None:
    database, counts = table.ledger.database, []
    for number, sql in enumerate(_ODDITIES):
        with suppress(sqlite3.IntegrityError):
            database.execute(sql)
        if number % 3 == 0:
            table.world.image(f"{number:02}x.jpg", 100 + number)
        if number % 2:
            counts.append(table.rows_read())
    assert sum(count < IMAGES for count in counts) > 5, counts
    database.execute("UPDATE images SET present = 1 - present WHERE id % 20 = 3")
    table.rows_read()


def test_a_table_without_a_change_reads_nothing(table: Table) -> None:
    assert table.rows_read() == 0


def test_new_images_read_their_group(table: Table) -> None:
    for number, name in enumerate(("30x.jpg", "00.jpg", "99.jpg")):
        table.world.image(name, 100 + number)
        assert 0 < table.rows_read() < IMAGES


def test_decisions_of_people_read_their_group(table: Table) -> None:
    for caption in ("Mine.", "Better."):
        judgement = Judgement(bytes([30]) * 32, {}, "edit", caption=caption)
        step = table.edits.append([judgement], at=1, label="edit")
        assert 0 < table.rows_read() < IMAGES
        assert caption in pq.read_table(table.path)["caption"].to_pylist()
    table.edits.undo(step.id, at=2)
    assert 0 < table.rows_read() < IMAGES
    assert "Mine." in pq.read_table(table.path)["caption"].to_pylist()


def test_a_copy_reads_what_has_changed_since_the_table(table: Table) -> None:
    assert table.rows_read_of_copy() == 0
    table.world.image("30x.jpg", 100)
    table.edits.append(
        [Judgement(bytes([3]) * 32, {}, "edit", caption="Mine.")], at=1, label="edit"
    )
    assert 0 < table.rows_read_of_copy() < IMAGES
    assert table.rows_read_of_copy(table.world.source) >= IMAGES, "a source alone is read"
    table.form = TableForm(Affixes("a photo of ", ""))
    assert table.rows_read_of_copy() >= IMAGES
    table.form = TableForm()
    table.path.unlink()
    assert table.rows_read_of_copy() >= IMAGES


def test_whatever_happens_a_copy_is_the_table(table: Table) -> None:
    counts = []
    for number, sql in enumerate(_ODDITIES):
        with suppress(sqlite3.IntegrityError):
            table.ledger.database.execute(sql)
        if number % 4 == 0:
            table.world.image(f"{number:02}x.jpg", 100 + number)
        if number % 3 == 0:
            counts.append(table.rows_read_of_copy())
        if number % 9 == 0:
            table.rows_read()
    assert sum(count < IMAGES for count in counts) > 2, counts


def test_nothing_is_read_of_what_a_copy_replaces(table: Table) -> None:
    table.rows_read_of_copy()
    copy, chance = table.folder / "copy.parquet", random.Random(3)
    sound = copy.read_bytes()
    for position in range(0, len(sound), len(sound) // 8):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << chance.randrange(8)
        copy.write_bytes(damaged)
        assert table.rows_read_of_copy() == 0
        assert copy.read_bytes() == sound


def test_a_copy_takes_nothing_from_a_damaged_table(table: Table) -> None:
    """Its own copy of the table is sound again."""
    sound, chance = table.path.read_bytes(), random.Random(3)
    for position in range(0, len(sound), len(sound) // 8):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << chance.randrange(8)
        table.path.write_bytes(damaged)
        assert table.rows_read_of_copy() == IMAGES


def _replaced(table: Table) -> None:
    other = table.folder / "other.parquet"
    write_copy(table.ledger, ParquetSink(other), table.form, other)
    with other.open("ab") as handle:
        handle.write(b"PAR1")
    other.replace(table.path)


def _another_form(table: Table) -> None:
    table.form = TableForm(Affixes("a photo of ", ""))


def _lost_decisions(table: Table) -> None:
    judgement = Judgement(bytes([30]) * 32, {}, "edit", caption="Mine.")
    table.edits.append([judgement], at=1, label="edit")
    table.rows_read()
    table.edits.close()
    (table.folder / "reviews.db").unlink()
    table.edits = Edits(table.folder / "reviews.db")


def _other_decisions(table: Table) -> None:
    """A copy of the record is put back, and more is decided than it had lacked."""
    one, two = table.folder / "reviews.db", table.folder / "copy.db"
    edits = [Judgement(bytes([30 + n]) * 32, {}, "edit", caption=f"{n}") for n in range(4)]
    table.edits.append(edits[:1], at=1, label="edit")
    table.edits.copy_to(two)
    table.edits.append(edits[1:2], at=2, label="edit")
    table.rows_read()
    table.edits.close()
    two.replace(one)
    table.edits = Edits(one)
    for edit in edits[2:]:
        table.edits.append([edit], at=3, label="edit")


def _killed_before_it_was_recorded(table: Table) -> None:
    """The file is newer than what the ledger says about it."""
    table.world.image("30x.jpg", 100)
    table.ledger.database.execute("BEGIN")
    table.ledger.put(STALE, "1")
    ParquetSink(table.path).write([], table_cells(table.ledger, table.form), {})
    table.ledger.database.execute("ROLLBACK")


@pytest.mark.parametrize(
    "happens",
    [_replaced, _another_form, _lost_decisions, _other_decisions,
     _killed_before_it_was_recorded,
     lambda table: table.path.unlink(), lambda table: table.ledger.changed_rows.forget()],
)  # fmt: skip
def test_what_is_not_known_reads_the_whole(
    table: Table, happens: Callable[[Table], object]
) -> None:
    happens(table)
    assert table.rows_read() >= IMAGES


def test_another_record_with_as_many_steps_is_no_reason_to_leave_the_table(table: Table) -> None:
    review, sink = EditedRows(table.edits), ParquetSink(table.path)
    edit = Judgement(bytes([30]) * 32, {}, "edit", caption="Mine.")
    table.edits.append([edit], at=1, label="edit")
    assert write_table(table.ledger, sink, table.path, review=review)
    assert not write_table(table.ledger, sink, table.path, review=review)
    table.edits.close()
    (table.folder / "reviews.db").unlink()
    table.edits = Edits(table.folder / "reviews.db")
    table.edits.append([edit], at=2, label="edit")
    assert write_table(table.ledger, sink, table.path, review=EditedRows(table.edits))


def test_a_part_that_is_damaged_meanwhile_reads_the_whole(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_groups.MergedFile, "_bytes_of", lambda _file, _earlier: None)
    table.world.image("30x.jpg", 100)
    assert table.rows_read() > IMAGES


def test_nothing_is_taken_from_a_table_that_is_not_the_one_that_was_written(table: Table) -> None:
    """A footer has no checksum of its own: a group that is copied would keep its damaged entry."""
    table.path.unlink()
    table.rows_read()
    sound = table.path.read_bytes()
    assert pq.read_metadata(table.path).num_row_groups > 1
    sink, review = ParquetSink(table.path), EditedRows(table.edits)
    footer = len(sound) - 8 - int.from_bytes(sound[-8:-4], "little")
    for position in range(footer, len(sound), 4001):
        damaged = bytearray(sound)
        damaged[position] ^= 4
        table.path.write_bytes(damaged)
        assert write_table(table.ledger, sink, table.path, form=table.form, review=review)
        assert table.path.read_bytes() == sound, position
