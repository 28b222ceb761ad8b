"""Cards in words for people."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.review import views
from pipeline.review.edits import Step


def card(**values: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "outcome": "captioned", "reason": None, "reason_code": None, "source_id": b"s" * 32,
        "file": "/a.png", "present": 1, "caption": "a", "model_caption": "a", "work_key": b"k",
        "state": "done",
    }  # fmt: skip
    return base | values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"outcome": "refused", "reason": "I cannot"}, "I cannot. The model refuses this image"),
        ({"outcome": "length"}, "raise --max-tokens"),
        ({"outcome": "pending"}, "run or collect again"),
        ({"outcome": "rejected", "reason": "half a file", "reason_code": "x"}, "Half a file."),
    ],
)  # fmt: skip
def test_every_missing_caption_says_why_and_what_to_do(values: dict[str, Any], words: str) -> None:
    assert words in str(views.reason_of(card(**values)))


def test_a_caption_needs_no_reason() -> None:
    assert views.reason_of(card()) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [({"source_id": None}, "never read"), ({"file": None}, "at an address"),
     ({"present": 0}, "no longer in its source")],
)  # fmt: skip
def test_every_missing_picture_says_why(values: dict[str, Any], words: str) -> None:
    assert words in str(views.picture_of(card(**values)))


def test_what_can_be_done() -> None:
    assert views.possible_actions(card()) == ["accept", "reject", "again", "edit", "clear"]
    assert views.possible_actions(card(source_id=None)) == []
    assert views.possible_actions(card(caption=None, model_caption=None, work_key=None)) == [
        "edit",
        "clear",
    ]


def test_a_step() -> None:
    step = Step(3, 7, None, None, "x", None)
    assert views.step_of(step) == {"id": 3, "label": "x", "at": 7, "reviewer": None}
    assert views.step_of(None) is None
