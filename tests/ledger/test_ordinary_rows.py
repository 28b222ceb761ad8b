from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from pipeline.core.ordinary_answers import OrdinaryAnswers
from pipeline.ledger import Database
from pipeline.ledger.answer_row import CELLS, answer_cells
from pipeline.ledger.ordinary_rows import OrdinaryRows
from pipeline.ledger.planned import Planned
from pipeline.ledger.settled import OrdinaryPage
from pipeline.records import Nano

NOW = 1_790_000_000


def line(
    caption: str, cached: int = 0, fields: dict[str, object] | None = None, model: str = "m"
) -> OrdinaryAnswers:
    return OrdinaryAnswers(
        [0], ["c"], [caption], [fields or {}], [(9, cached, 0, 2, 0)], [model], ["r'"]
    )


@pytest.mark.parametrize(
    "answers",
    [
        [line("a 'cat\"\u2028"), line("a dog", model="it's")],
        [line("a cat"), line("a dog")],
        [line("a cat", model="it's"), line("a dog", model="it's")],
        [line("a cat"), line("a dog", cached=3)],
        [line("a cat", fields={"n": "'"}), line("a dog", fields={"n": "'"})],
        [line("a cat", fields={"n": 1}), line("a dog")],
    ],
)
@pytest.mark.parametrize("billed", [None, 7])
@pytest.mark.parametrize("prices", [None, "it's v1", "v1"])
def test_ordinary_rows_are_those_of_any_answer(
    tmp_path: Path, answers: list[OrdinaryAnswers], billed: Nano | None, prices: str | None
) -> None:
    with closing(Database(tmp_path / "ledger.db")) as database:
        planned = Planned(database, 1, 5)
        works = range(4, 4 + len(answers))
        planned.add([(bytes([work]) * 32, work, work, 1, 2, None, None, 0) for work in works])
        rows = OrdinaryRows(planned, prices)
        for position, answer in reversed(list(enumerate(answers))):
            page = OrdinaryPage([position], answer, [*zip(*answer.tokens, strict=True)], [billed])
            rows.add(page, [2])
        assert len(rows) == len(answers)
        database.execute("PRAGMA foreign_keys = OFF")
        assert rows.write(database, 5, NOW, 2) == [*range(len(answers))]
        written = database.execute(
            f"SELECT work, attempt, batch, {', '.join(CELLS)}, checksum, received_at, rules "
            "FROM answers ORDER BY id"
        ).fetchall()
    assert written == [
        (work, 2, 5, *answer_cells(full, billed, prices), NOW, 2)
        for work, answer in zip(works, answers, strict=True)
        for full in answer.full()
    ]
