from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from pipeline.core.ordinary_answers import OrdinaryAnswer
from pipeline.ledger import Database
from pipeline.ledger.answer_row import CELLS, answer_cells
from pipeline.ledger.ordinary_rows import OrdinaryRows
from pipeline.ledger.settled import OrdinaryPage
from pipeline.records import Nano

NOW = 1_790_000_000


def line(
    caption: str, cached: int = 0, fields: dict[str, object] | None = None, model: str = "m"
) -> OrdinaryAnswer:
    return OrdinaryAnswer("c", caption, fields or {}, (9, cached, 0, 2, 0), model, "r'")


@pytest.mark.parametrize(
    "answers",
    [
        [line("a 'cat\"\u2028"), line("a dog", model="it's")],
        [line("a cat"), line("a dog", cached=3)],
        [line("a cat", fields={"n": "'"}), line("a dog", fields={"n": "'"})],
        [line("a cat", fields={"n": 1}), line("a dog")],
    ],
)
@pytest.mark.parametrize("billed", [None, 7])
def test_ordinary_rows_are_those_of_any_answer(
    tmp_path: Path, answers: list[OrdinaryAnswer], billed: Nano | None
) -> None:
    rows = OrdinaryRows("it's v1")
    for number, answer in reversed(list(enumerate(answers, start=1))):
        rows.add(OrdinaryPage([(b"k" * 32, 2, number, number, None, 0, 1)], [answer], [billed]))
    assert len(rows) == len(answers)
    with closing(Database(tmp_path / "ledger.db")) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        rows.write(database, 5, NOW, 2)
        written = database.execute(
            f"SELECT work, attempt, batch, {', '.join(CELLS)}, checksum, received_at, rules "
            "FROM answers ORDER BY id"
        ).fetchall()
    assert written == [
        (number, 2, 5, *answer_cells(answer.full(), billed, "it's v1"), NOW, 2)
        for number, answer in enumerate(answers, start=1)
    ]
