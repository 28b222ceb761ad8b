"""The append-only record of what people decided."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.core.judgements import Judgement
from pipeline.errors import BooksError, StorageError
from pipeline.review.edits import Edits

ONE, TWO = b"1" * 32, b"2" * 32


def edited(source_id: bytes = ONE, caption: str = "mine", **values: object) -> Judgement:
    base: dict[str, object] = {"model_caption": "a cat", "before": "a cat", "caption": caption}
    return Judgement(source_id, {}, "edit", **(base | values))  # type: ignore[arg-type]


@pytest.fixture
def edits(tmp_path: Path) -> Iterator[Edits]:
    with Edits(tmp_path / "reviews.db") as record:
        yield record


def test_a_record_that_is_not_there_is_empty_and_not_made_by_reading(edits: Edits) -> None:
    assert edits.empty()
    assert (edits.judgements_of([ONE]), edits.last_step(), edits.damage()) == ({}, 0, [])
    assert not edits.path.exists()


def test_what_was_appended_is_read_back_as_it_was(edits: Edits) -> None:
    full = Judgement(
        ONE, {"title": "A"}, "edit", "a cat", None, "mine", {"tags": ["x"]}, b"k" * 32, 2
    )  # fmt: skip
    step = edits.append([full], at=7, label="edited 1", reviewer="Ada", note="why")
    (read,) = edits.judgements_of([ONE, TWO])[ONE]
    assert read == Judgement(
        ONE, {"title": "A"}, "edit", "a cat", None, "mine", {"tags": ["x"]}, b"k" * 32, 2,
        step.id, 7, "Ada", "why",
    )  # fmt: skip
    assert edits.path.stat().st_mode & 0o777 == 0o600


def test_equal_texts_are_stored_once_and_read_back(edits: Edits) -> None:
    accepted = Judgement(ONE, {}, "accept", "a cat", "a cat", "a cat")
    rejected = Judgement(TWO, {}, "reject", "a cat", None, None)
    edits.append([accepted, rejected], at=1, label="x")
    assert (
        edits.judgements_of([ONE])[ONE][0].caption
        == edits.judgements_of([ONE])[ONE][0].before
        == "a cat"
    )
    assert edits.judgements_of([TWO])[TWO][0].before is None


def test_the_file_itself_refuses_changes(edits: Edits) -> None:
    edits.append([edited()], at=1, label="x")
    with closing(sqlite3.connect(edits.path)) as other, other:
        for statement in (
            "UPDATE judgements SET caption = 'forged'",
            "DELETE FROM judgements",
            "UPDATE steps SET at = 0",
            "DELETE FROM steps",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(statement)
    other.close()


def test_undo_and_undo_of_the_undo(edits: Edits) -> None:
    step = edits.append([edited()], at=1, label="edited 1")
    back = edits.undo(step.id, at=2)
    assert back is not None
    assert edits.judgements_of([ONE]) == {}
    assert edits.undo(step.id, at=3) is None  # it does not hold any more
    assert edits.undo(back.id, at=4) is not None
    assert edits.judgements_of([ONE])[ONE][0].caption == "mine"
    assert [holds for _, holds in edits.history(ONE)] == [True]


def test_what_changed_since_a_step_contains_what_was_undone(edits: Edits) -> None:
    first = edits.append([edited(ONE)], at=1, label="x")
    second = edits.append([edited(TWO)], at=1, label="x")
    assert edits.sources_since(first.id) == [TWO]
    back = edits.undo(first.id, at=2)
    assert back is not None
    assert edits.sources_since(second.id) == [ONE]
    edits.undo(back.id, at=3)
    assert edits.sources_since(back.id) == [ONE]
    latest = edits.last_undoable()
    assert latest is not None
    assert latest.id == second.id


def test_two_windows_write_one_file(edits: Edits) -> None:
    with Edits(edits.path) as other:
        edits.append([edited(ONE)], at=1, label="x")
        other.append([edited(TWO)], at=1, label="x")
        assert set(edits.judgements_of([ONE, TWO])) == {ONE, TWO}
        assert edits.last_step() == other.last_step() == 2


def test_a_step_is_whole_or_not_there(edits: Edits) -> None:
    def failing() -> object:
        yield edited(ONE)
        raise RuntimeError("in the middle")

    edits.append([edited(TWO)], at=1, label="x")
    with pytest.raises(RuntimeError):
        edits.append(failing(), at=1, label="x")  # type: ignore[arg-type]
    assert edits.judgements_of([ONE]) == {}
    assert edits.last_step() == 1


@pytest.mark.parametrize(
    ("point", "steps"), [("review.before_commit", 1), ("review.after_commit", 2)]
)
def test_a_kill_in_the_middle_of_a_save_loses_nothing_that_was_saved(
    edits: Edits, point: str, steps: int
) -> None:
    edits.append([edited(ONE)], at=1, label="x")
    code = (
        "import sys; from pathlib import Path; from pipeline.review.edits import Edits\n"
        "from pipeline.core.judgements import Judgement\n"
        "from pipeline.system.failpoints import arm_from_environment; arm_from_environment()\n"
        "Edits(Path(sys.argv[1])).append([Judgement(b'2' * 32, {}, 'edit', caption='x')], at=2, "
        "label='x')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(edits.path)],
        env={**os.environ, "CAPTIONMILL_FAILPOINT": point},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert edits.last_step() == steps
    assert edits.damage() == []
    assert len(edits.judgements_of([ONE])) == 1


def test_read_only_writes_nothing(edits: Edits) -> None:
    edits.append([edited()], at=1, label="x")
    edits.close()
    before = sorted(path.name for path in edits.path.parent.iterdir())
    with Edits(edits.path, read_only=True) as reading:
        assert reading.judgements_of([ONE])[ONE][0].caption == "mine"
        with pytest.raises(StorageError, match="reading only"):
            reading.append([edited()], at=1, label="x")
    assert sorted(path.name for path in edits.path.parent.iterdir()) == before


def test_damage_is_said_with_the_file(edits: Edits) -> None:
    edits.path.write_bytes(b"no database, but long enough to be read as one" * 100)
    with pytest.raises(BooksError, match=r"reviews\.db is damaged"):
        edits.judgements_of([ONE])
    assert "is damaged" in edits.damage()[0]


def test_a_newer_version_is_refused(edits: Edits) -> None:
    with closing(sqlite3.connect(edits.path)) as newer, newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(BooksError, match="newer captionmill"):
        edits.empty()
