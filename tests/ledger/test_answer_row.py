from __future__ import annotations

from pipeline.ledger.answer_row import (
    CELLS,
    COLUMNS,
    MARKS,
    WORTH_CHECKSUM,
    answer_cells,
    answer_checksum,
    raw_part,
    worth_checksum,
    worth_of,
)
from pipeline.records import Answer, Usage

ANSWER = Answer("c", "captioned", "a cat", {"n": 1}, usage=Usage(9, completion=2), ending="stop")


def test_cells_follow_the_columns() -> None:
    names = [name.strip() for name in COLUMNS.split(",")]
    assert MARKS.count("?") == len(names)
    inner = names[names.index("outcome") : names.index("checksum") + 1]
    cells = dict(zip(inner, answer_cells(ANSWER, 7, "v1"), strict=True))
    assert (cells["caption"], cells["billed"], cells["price_version"]) == ("a cat", 7, "v1")
    assert (cells["prompt_tokens"], cells["ending"]) == (9, "stop")


def test_the_checksum_tells_each_cell() -> None:
    *cells, checksum = answer_cells(ANSWER, 7, "v1")
    assert len(cells) == len(CELLS)
    assert answer_checksum(cells) == checksum
    others = {answer_checksum(changed(cells, at)) for at in range(len(cells))}
    assert len(others - {checksum}) == len(CELLS)


def changed(cells: list[object], at: int) -> list[object]:
    return [*cells[:at], "other", *cells[at + 1 :]]


def test_a_checksum_of_less_tells_what_an_answer_is_worth() -> None:
    *cells, _ = answer_cells(ANSWER, 7, "v1")
    assert worth_of(cells) == ("captioned", "a cat", '{"n": 1}', 9, 0, 0, 2, 0)
    assert len(worth_checksum(worth_of(cells))) == WORTH_CHECKSUM
    assert worth_checksum(("captioned",)) != worth_checksum(("length",))


def test_what_a_price_decides_is_no_part_of_a_raw_answer() -> None:
    assert raw_part(answer_cells(ANSWER, 7, "v1")[:-1]) == raw_part(
        answer_cells(ANSWER, 8, "v2")[:-1]
    )
