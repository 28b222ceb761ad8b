"""Judgements out of cards."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.review.judging import Change, bulk_judgements, judgement_of, label_of

REPLACE = {"kind": "replace", "find": "cat", "text": "dog"}


def card(**values: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "source_id": b"s" * 32, "selector": "{}", "caption": "a cat", "model_caption": "a cat",
        "fields": None, "model_fields": None, "work_key": b"k" * 32, "attempts": 1,
        "state": "done", "review": None, "again": 0, "reason": None, "columns": None,
    }  # fmt: skip
    return base | values


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ({**REPLACE}, "A Cat, a catalogue", "A dog, a dogalogue"),
        ({**REPLACE, "case": True}, "A Cat, a cat", "A Cat, a dog"),
        ({**REPLACE, "words": True}, "cat catalogue", "dog catalogue"),
        ({"kind": "replace", "find": ".", "text": "\\1"}, "a.b", "a\\1b"),
        ({"kind": "append", "text": ", photo"}, "a cat", "a cat, photo"),
        ({"kind": "prepend", "text": "sks "}, "a cat", "sks a cat"),
        ({"kind": "strip", "find": "The image shows "}, "The image shows a cat", "a cat"),
        ({"kind": "strip", "find": "."}, "a cat...", "a cat"),
    ],
)  # fmt: skip
def test_texts_after_a_change(change: dict[str, Any], before: str, after: str) -> None:
    assert Change.of(change).changed_text(before) == after


@pytest.mark.parametrize(
    "change",
    [{}, {"kind": "edit"}, {"kind": "replace"}, {"kind": "append"}, {"kind": "strip", "find": ""},
     {"kind": "append", "text": "x" * 100_001}],
)  # fmt: skip
def test_what_is_no_change(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Change.of(change)


def test_a_change_over_many_is_one_judgement_a_picture() -> None:
    cards = [card(), card(), card(source_id=b"t" * 32, caption=None), card(source_id=None)]
    (judgement,) = bulk_judgements(cards, Change("append", text="!"))
    assert (judgement.action, judgement.caption, judgement.before) == ("edit", "a cat!", "a cat")
    assert list(bulk_judgements([card(review="edited")], Change("accept"))) == []
    assert list(bulk_judgements([card(caption="x")], Change("replace", find="y"))) == []


def test_accepting_takes_the_text_in_force() -> None:
    assert judgement_of(card(), "accept").caption == "a cat"
    again = judgement_of(card(caption=None, review="rejected"), "accept")
    assert again.caption == "a cat"


def test_fields_that_a_person_wrote_stay_with_a_new_caption() -> None:
    written = card(fields='{"n": 2}', model_fields='{"n": 1}')
    assert judgement_of(written, "edit", caption="x").fields == {"n": 2}
    assert judgement_of(card(fields='{"n": 1}', model_fields='{"n": 1}'), "accept").fields is None
    assert judgement_of(written, "edit", caption="x", fields={"n": 3}).fields == {"n": 3}


@pytest.mark.parametrize(
    ("values", "action", "caption", "words"),
    [
        ({"source_id": None}, "accept", None, "never read"),
        ({}, "edit", " ", "reject it instead"),
        ({}, "edit", "x" * 100_001, "characters at most"),
        ({"caption": None, "model_caption": None}, "accept", None, "no caption to judge"),
        ({"work_key": None, "reason": "half a file"}, "again", None, "half a file"),
        ({"state": "live"}, "again", None, "on its way"),
        ({}, "clear", None, "nothing was decided"),
    ],
)
def test_what_cannot_be_done_says_why(
    values: dict[str, Any], action: Any, caption: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        judgement_of(card(**values), action, caption=caption)


def test_a_step_is_named_by_what_it_did() -> None:
    assert label_of("replace", 40) == "40 captions edited"
