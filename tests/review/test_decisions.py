"""Decisions of the person at the page."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.review.decisions import Decisions
from pipeline.review.index import Index
from pipeline.review.search import Search

ALL = Search.of([])


@pytest.fixture
def decisions(index: Index) -> Decisions:
    return Decisions(index, index.edits, lambda: 7)


def ids(index: Index, *paths: str) -> list[int]:
    return [index.rows("SELECT id FROM cards WHERE path = ?", (path,))[0][0] for path in paths]


def test_a_decision_holds_for_every_row_of_the_picture(decisions: Decisions, index: Index) -> None:
    (image,) = ids(index, "day/00.png")
    answer = decisions.judge({"ids": [image], "action": "accept"})
    assert {card["path"] for card in answer["cards"]} == {"day/00.png", "night/again.png"}
    assert {card["review"] for card in answer["cards"]} == {"accepted"}


def test_accepting_what_a_person_wrote_leaves_it(decisions: Decisions, index: Index) -> None:
    (image,) = ids(index, "day/01.png")
    decisions.judge({"ids": [image], "action": "edit", "caption": "mine"})
    answer = decisions.judge({"ids": [image], "action": "accept"})
    assert answer["step"] is None
    assert answer["cards"][0]["caption"] == "mine"


def test_the_services_own_words_again_are_no_edit(decisions: Decisions, index: Index) -> None:
    (image,) = ids(index, "day/01.png")
    card = index.card(image)
    assert card is not None
    answer = decisions.judge({"ids": [image], "action": "edit", "caption": card["model_caption"]})
    assert answer["cards"][0]["review"] == "accepted"


def test_an_image_that_has_no_caption_gets_one(decisions: Decisions, index: Index) -> None:
    (image,) = ids(index, "day/damaged.png")
    answer = decisions.judge({"ids": [image], "action": "edit", "caption": "half a picture"})
    assert answer["cards"][0]["caption"] == "half a picture"
    assert answer["cards"][0]["outcome"] == "rejected"


@pytest.mark.parametrize(
    "request_body",
    [{}, {"action": "accept"}, {"action": "accept", "ids": ["1"]}, {"action": "x", "ids": [1]},
     {"action": "accept", "ids": [99_999]}, {"action": "accept", "ids": list(range(1001))},
     {"action": "edit", "ids": [1], "caption": ""}, {"action": "edit", "ids": [1]},
     {"action": "edit", "ids": [1], "caption": "x", "fields": {"no": 1}}],
)  # fmt: skip
def test_what_makes_no_sense_records_nothing(
    decisions: Decisions, index: Index, request_body: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        decisions.judge(request_body)
    assert index.edits.empty()


def test_a_bulk_change_does_what_its_preview_said_or_nothing(
    decisions: Decisions, index: Index
) -> None:
    change = {"kind": "append", "text": "!"}
    preview = decisions.preview(ALL, change)
    assert (preview["count"], len(preview["examples"])) == (12, 3)
    (image,) = ids(index, "day/05.png")
    decisions.judge({"ids": [image], "action": "reject"})
    with pytest.raises(UsageError, match="meanwhile it would change 11"):
        decisions.change(ALL, change, preview["count"])
    assert index.edits.last_step() == 1
    decisions.change(ALL, change, 11, "a note")
    assert index.rows("SELECT COUNT(*) FROM cards WHERE caption LIKE '%!'")[0][0] == 12
    decisions.undo(None)
    assert index.rows("SELECT COUNT(*) FROM cards WHERE caption LIKE '%!'")[0][0] == 0
    with pytest.raises(UsageError, match="nothing to change"):
        decisions.change(ALL, change, 0)


def test_undo_without_anything_to_undo(decisions: Decisions) -> None:
    with pytest.raises(UsageError, match="nothing to undo"):
        decisions.undo(None)
    with pytest.raises(UsageError, match="nothing to undo"):
        decisions.undo(5)
