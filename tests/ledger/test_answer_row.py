from __future__ import annotations

from pipeline.ledger.answer_row import COLUMNS, MARKS, answer_cells, answer_checksum
from pipeline.records import Answer, Usage

ANSWER = Answer("c", "captioned", "a cat", {"n": 1}, usage=Usage(9, completion=2), ending="stop")


def test_cells_follow_the_columns() -> None:
    names = [name.strip() for name in COLUMNS.split(",")]
    assert MARKS.count("?") == len(names)
    inner = names[names.index("outcome") : names.index("checksum") + 1]
    cells = dict(zip(inner, answer_cells(ANSWER, 7, "v1"), strict=True))
    assert (cells["caption"], cells["billed"], cells["price_version"]) == ("a cat", 7, "v1")
    assert (cells["prompt_tokens"], cells["ending"]) == (9, "stop")


def test_the_checksum_tells_what_an_answer_is_worth() -> None:
    same = answer_checksum("captioned", "a cat", None, (9, 0, 0, 2, 0))
    assert len(same) == 16
    for other in (
        answer_checksum("captioned", "a cau", None, (9, 0, 0, 2, 0)),
        answer_checksum("length", "a cat", None, (9, 0, 0, 2, 0)),
        answer_checksum("captioned", "a cat", "{}", (9, 0, 0, 2, 0)),
        answer_checksum("captioned", "a cat", None, (8, 0, 0, 2, 0)),
    ):
        assert other != same
