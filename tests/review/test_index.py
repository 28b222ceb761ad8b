"""The index follows the ledger and the record by what changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.review.decisions import Decisions
from pipeline.review.edits import Edits
from pipeline.review.index import Index
from pipeline.review.library import Library
from pipeline.review.search import Search
from tests.rig import Rig


@pytest.fixture
def index(captioned: Rig) -> Iterator[Index]:
    with Edits(captioned.workspace.reviews) as edits:
        made = Index(captioned.workspace.review / "index.db", captioned.workspace.ledger, edits)
        made.refresh()
        yield made
        made.close()


def listed(index: Index, **filters: str) -> list[str]:
    library = Library(index, index.edits)
    page = library.page(Search.of(filters.items()), 0, 100)
    assert page["total"] == len(page["cards"])
    return [card["path"] for card in page["cards"]]


def test_only_what_changed_is_taken_in(index: Index, captioned: Rig) -> None:
    assert index.refresh() == 0
    captioned.add("day/new.png", first=55)
    (captioned.data / "night/0.png").unlink()
    captioned.run()
    assert index.refresh() == 2
    assert "day/new.png" in listed(index)
    assert "night/0.png" not in listed(index)
    assert listed(index, present="gone") == ["night/0.png"]


def test_the_order_of_the_table_and_the_words_of_the_captions(index: Index) -> None:
    assert listed(index)[:3] == ["day/00.png", "day/01.png", "day/02.png"]
    assert len(listed(index, q="echo")) == 13
    assert listed(index, q="damaged") == ["day/damaged.png"]
    assert listed(index, q="night -0") == ["night/1.png", "night/2.png", "night/again.png"]


def test_an_edit_is_found_by_its_words_and_undone_by_the_old_ones(index: Index) -> None:
    decisions = Decisions(index, index.edits, lambda: 7)
    image = index.rows("SELECT id FROM cards WHERE path = 'day/03.png'")[0][0]
    decisions.judge({"ids": [image], "action": "edit", "caption": "a lighthouse"})
    assert listed(index, q="lighthouse") == ["day/03.png"]
    assert "day/03.png" not in listed(index, q="echo")
    decisions.undo(None)
    assert listed(index, q="lighthouse") == []
    assert "day/03.png" in listed(index, q="echo")


def test_a_step_of_another_program_is_taken_in(index: Index, captioned: Rig) -> None:
    image = index.rows("SELECT id FROM cards WHERE path = 'day/03.png'")[0][0]
    with Edits(captioned.workspace.reviews) as other:
        aside = Index(captioned.workspace.review / "other.db", captioned.workspace.ledger, other)
        aside.refresh()
        Decisions(aside, other, lambda: 7).judge({"ids": [image], "action": "accept"})
        aside.close()
    index.refresh()
    assert listed(index, review="accepted") == ["day/03.png"]


def test_a_copy_of_the_record_that_was_put_back_is_followed(captioned: Rig, tmp_path: Path) -> None:
    record, copy = captioned.workspace.reviews, tmp_path / "copy.db"
    path = captioned.workspace.review / "index.db"

    def edited(word: str, number: int) -> tuple[list[str], list[str]]:
        with Edits(record) as edits, closing(Index(path, captioned.workspace.ledger, edits)) as of:
            of.refresh()
            decisions = Decisions(of, edits, lambda: number)
            image = of.rows("SELECT id FROM cards WHERE path = ?", (f"day/0{number}.png",))[0][0]
            decisions.judge({"ids": [image], "action": "edit", "caption": word})
            return listed(of, q="lost"), listed(of, q="held")

    edited("held", 1)
    with Edits(record) as edits:
        edits.copy_to(copy)
    assert edited("lost", 2) == (["day/02.png"], ["day/01.png"])
    copy.replace(record)
    assert edited("held", 3) == ([], ["day/01.png", "day/03.png"])
    assert edited("held", 4) == ([], ["day/01.png", "day/03.png", "day/04.png"])


def test_a_damaged_or_older_index_is_made_anew(index: Index, captioned: Rig) -> None:
    index.close()
    index.path.write_bytes(b"nonsense" * 1000)
    made = Index(index.path, captioned.workspace.ledger, index.edits)
    assert made.refresh() == 15
    made.close()


def test_read_only_leaves_no_file_beside_the_ledger(captioned: Rig, tmp_path: object) -> None:
    root = captioned.workspace.root
    before = {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))}
    with Edits(captioned.workspace.reviews, read_only=True) as edits:
        made = Index(
            root.parent / "elsewhere/index.db", captioned.workspace.ledger, edits, read_only=True
        )
        assert made.refresh() == 15
        made.close()
    assert {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))} == before
    del tmp_path


def test_a_forgotten_source_leaves_the_index(index: Index, captioned: Rig) -> None:
    with captioned.workspace.lock():
        from pipeline.ledger import Ledger

        with Ledger(captioned.workspace.ledger) as ledger:
            ledger.database.execute("UPDATE sources SET label = 'renamed'")
    index.refresh()
    assert {row[0] for row in index.rows("SELECT DISTINCT source FROM cards")} == {"renamed"}
