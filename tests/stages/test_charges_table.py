"""A table of charges of which only the changed row groups are made is the one that is read as a
whole."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger import Ledger
from pipeline.ledger.charges import Charges
from pipeline.sinks import row_groups
from pipeline.sinks.parquet import ParquetSink
from pipeline.stages import charges_table
from pipeline.stages.charges_table import write_charges
from pipeline.stages.export import write_table
from pipeline.stages.table_facts import STALE
from tests.ledger.conftest import world as world_of_ledger
from tests.ledger.test_usual_rows import _ODDITIES
from tests.ledger.world import NOW, World, answered, remote, scope

IMAGES = 40


class ChargesTable:
    """Table of charges of a small ledger whose row groups are small."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.ledger, self.folder = world, world.ledger, folder
        self.path = folder / "charges.parquet"
        self.batches = 0

    def rows_read(self) -> int:
        """Write the table, compare it with one that is read as a whole, and give how many answers
        were read for it."""
        read: list[int] = []
        of_answers = Charges.of_answers
        with pytest.MonkeyPatch.context() as patch:

            def counted(rows: Charges, start: int, stop: int) -> Iterator[list[tuple[object, ...]]]:
                for page in of_answers(rows, start, stop, 3):
                    read.append(len(page))
                    yield page

            patch.setattr(Charges, "of_answers", counted)
            write_charges(self.ledger, ParquetSink(self.path))
        self.compare()
        return sum(read)

    def compare(self) -> None:
        anew = self.folder / "anew.parquet"
        anew.unlink(missing_ok=True)
        with pytest.MonkeyPatch.context() as patch:  # nothing is remembered of it
            patch.setattr(charges_table._Written, "of", lambda _ledger: None)
            patch.setattr(charges_table._Written, "save", lambda _written, _ledger: None)
            write_charges(self.ledger, ParquetSink(anew))
        assert pq.read_table(self.path).equals(pq.read_table(anew), check_metadata=True)

    def captions(self) -> None:
        """Bring the table of captions up to date."""
        self.ledger.put(STALE, "1")
        path = self.folder / "captions.parquet"
        write_table(self.ledger, ParquetSink(path), path)

    def answer(self, *names: str, billed: int | None = 300, charged: int | None = None) -> None:
        """New images, answered in a batch of their own; `charged` in all, more than the answers
        say."""
        self.batches += 1
        known, number = len(self.world.works), 60 + len(self.world.works)
        for at, name in enumerate(names):
            self.world.image(name, number + at)
        works, self.world.works = self.world.works, self.world.works[known:]
        shard = self.world.seal(key=f"{self.batches:06}-x")
        self.ledger.reservations.record_unasked(shard.row, 1, shard.max_cost, scope(1))
        self.ledger.batches.add(shard.row, 1, remote(f"batch_x{self.batches}"), "main")
        shard = self.ledger.shards.move(shard, "UPLOADING")
        shard = self.ledger.shards.move(shard, "UPLOADED", file_id="file-1")
        shard = self.ledger.shards.move(shard, "CREATING", intent_at=NOW)
        shard = self.ledger.shards.move(shard, "SUBMITTED")
        if charged is not None:
            self.ledger.reservations.settle(shard.row, 1, charged, NOW)
        else:
            batch = self.ledger.batches.by_id(f"batch_x{self.batches}")
            assert batch is not None
            answers = [answered(key, billed) for _, key in self.world.works]
            self.ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
        self.world.works = works + self.world.works


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("FEWEST_ROWS", 4), ("MOST_ROWS", 12), ("_EVERY", 4)):
            patch.setattr(row_groups, name, value)
        patch.setattr(row_groups, "_BATCH_ROWS", 3)
        yield


@pytest.fixture(scope="module")
def settled(_small: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a ledger with answers, and both of its tables."""
    folder = tmp_path_factory.mktemp("settled")
    with Ledger(folder / "ledger.db") as ledger:
        ledger.begin_run("test", NOW)
        world = world_of_ledger.__wrapped__(ledger)  # type: ignore[attr-defined]
        for number in range(1, IMAGES + 1):
            world.image(f"{number:02}.jpg", number)
        shard, batch = world.submitted()
        answers = [answered(key, 300 if at % 7 else None)
                   for at, (_, key) in enumerate(world.works)]  # fmt: skip
        ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
        table = ChargesTable(world, folder)
        table.captions()
        assert table.rows_read() == IMAGES
    return folder


@contextmanager
def _opened(settled: Path, folder: Path) -> Iterator[ChargesTable]:
    """A copy of it, whose last table of charges lies in the other one."""
    for path in settled.iterdir():
        shutil.copy(path, folder)
    with Ledger(folder / "ledger.db") as ledger:
        table = ChargesTable(world_of_ledger.__wrapped__(ledger), folder)  # type: ignore[attr-defined]
        table.world.works = [(n, bytes(32)) for n in range(1, IMAGES + 1)]
        yield table


@pytest.fixture
def table(settled: Path, tmp_path: Path) -> Iterator[ChargesTable]:
    with _opened(settled, tmp_path) as table:
        assert table.rows_read() == 0
        yield table


def test_a_table_without_a_change_reads_nothing(table: ChargesTable) -> None:
    assert table.rows_read() == 0
    table.captions()
    assert table.rows_read() == 0


def test_new_answers_read_the_end(table: ChargesTable) -> None:
    for number in range(6):
        table.answer(f"x{number}.jpg")
        assert 0 < table.rows_read() <= 13 + number
        if number % 2:
            table.captions()
    assert pq.read_table(table.path).num_rows == IMAGES + 6


def test_a_changed_answer_reads_its_group(table: ChargesTable) -> None:
    for number, sql in enumerate((
        "UPDATE answers SET caption = 'another' WHERE id = 3",
        "UPDATE images SET work = NULL WHERE work = 20",
        "UPDATE works SET representative = 7 WHERE id = 8",
        "UPDATE items SET worst = 5 WHERE work = 15",
    )):  # fmt: skip
        table.ledger.database.execute(sql)
        if number % 2:
            table.captions()
        assert 0 < table.rows_read() <= 24
        table.captions()
        assert table.rows_read() <= 24
    assert table.rows_read() == 0


def test_what_was_charged_beyond_the_answers_is_kept_and_added(table: ChargesTable) -> None:
    for number, charged in enumerate((5000, 7000)):
        table.answer(f"x{number}.jpg", charged=charged)
        assert 0 < table.rows_read() <= 12
        rows = pq.read_table(table.path).to_pylist()
        assert [row["outcome"] for row in rows].count("lost") == number + 1
        assert table.rows_read() == 0
    table.answer("y.jpg")
    assert 0 < table.rows_read() <= 13
    assert pq.read_table(table.path)["outcome"].to_pylist()[-3:] == ["captioned", "lost", "lost"]


def _forgotten(table: ChargesTable) -> None:
    table.ledger.database.execute("UPDATE sources SET label = 'another'")
    table.captions()


def _damaged(table: ChargesTable) -> None:
    data = bytearray(table.path.read_bytes())
    data[-20] ^= 1
    table.path.write_bytes(data)


def _too_much(table: ChargesTable) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charges_table, "_MOST", 0)
        table.ledger.database.execute("UPDATE answers SET caption = 'another' WHERE id = 3")
        table.captions()


def _another_program(table: ChargesTable) -> None:
    table.ledger.database.execute(
        "UPDATE meta SET value = json_set(value, '$.form', 'x') WHERE key = 'charges_written'"
    )


@pytest.mark.parametrize(
    "happens",
    [
        _forgotten, _damaged, _too_much, _another_program,
        lambda table: table.path.unlink(),
        lambda table: table.ledger.changed_rows.forget(),
        lambda table: table.ledger.database.execute("UPDATE reservations SET settled = 7"),
        lambda table: table.ledger.database.execute("UPDATE specs SET model = 'another'"),
        lambda table: table.ledger.database.execute("DELETE FROM meta WHERE key LIKE 'charges%'"),
    ],
)  # fmt: skip
def test_what_is_not_known_reads_the_whole(
    table: ChargesTable, happens: Callable[[ChargesTable], object]
) -> None:
    happens(table)
    assert table.rows_read() >= IMAGES


def test_another_file_takes_over_from_the_last_one(table: ChargesTable) -> None:
    first = table.path
    table.path = table.folder / "again.parquet"
    assert table.rows_read() == 0
    first.unlink()
    assert table.rows_read() == 0


def test_nothing_is_taken_from_a_damaged_file(table: ChargesTable) -> None:
    table.path.unlink()
    assert table.rows_read() == IMAGES
    sound, chance = table.path.read_bytes(), random.Random(5)
    for position in range(0, len(sound), len(sound) // 12):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << chance.randrange(8)
        table.path.write_bytes(damaged)
        assert table.rows_read() == IMAGES
        assert table.path.read_bytes() == sound, position


_STEPS = (
    "charges", "charges", "captions", "captions", "answer", "answer_unpriced", "lost",
    "UPDATE images SET present = 1 - present WHERE id % 9 = 4",
    "UPDATE images SET near_of = 1, near_distance = 3 WHERE id = 12",
    "UPDATE images SET name = 'moved' || name WHERE id = 13",
    "UPDATE images SET work = 5 WHERE id = 14",
    "UPDATE works SET answer = NULL, outcome = NULL, state = 'pending' WHERE id = 22",
    "UPDATE answers SET billed = 11 WHERE id = 29",
    "UPDATE answers SET caption = 'mine' WHERE id = (SELECT MAX(id) FROM answers)",
    "UPDATE items SET worst = 77 WHERE id = 8",
    "UPDATE reservations SET state = 'open', settled = NULL WHERE id = 1",
    "UPDATE reservations SET state = 'settled', settled = 12000 WHERE id = 1",
    *_ODDITIES,
)  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(_STEPS), max_size=12))
def test_whatever_happens_the_table_is_the_same(settled: Path, steps: list[str]) -> None:
    with TemporaryDirectory() as folder, _opened(settled, Path(folder)) as table:
        for number, step in enumerate([*steps, "charges", "charges"]):
            if step == "charges":
                table.rows_read()
            elif step == "captions":
                table.captions()
            elif step in ("answer", "answer_unpriced"):
                table.answer(f"n{number}.jpg", billed=300 if step == "answer" else None)
            elif step == "lost":
                table.answer(f"n{number}.jpg", charged=999)
            else:
                with suppress(sqlite3.IntegrityError):
                    table.ledger.database.execute(step)
