"""What becomes an edit, and what a conflict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.review.importing import Import, import_rows, import_texts
from pipeline.review.sheets import SheetRow, mark_of

BYTES = b"s" * 32


def card(**values: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "source_id": BYTES, "selector": "{}", "caption": "a cat", "model_caption": "a cat",
        "fields": None, "model_fields": None, "work_key": b"k" * 32, "attempts": 1, "path": "a.png",
        "state": "done", "review": None, "again": 0, "reason": None, "note": None,
    }  # fmt: skip
    return base | values


def row(
    caption: str, review: str = "", *, was: str = "a cat", number: int = 2, **values: Any
) -> Any:
    base = SheetRow(number, "a.png", BYTES.hex(), "{}", caption, review, "", mark_of(was, ""))
    return replace(base, **values)


def taken(*rows: Any, cards: Sequence[dict[str, Any]] | None = None) -> Import:
    return import_rows(rows, lambda _source_id: [card()] if cards is None else cards)


def test_an_untouched_sheet_is_no_edit() -> None:
    result = taken(row("a cat"), row("a cat"))
    assert (result.judgements, result.unchanged, result.conflicts) == ({}, 2, [])


def test_captions_and_reviews_are_taken_in() -> None:
    (edit,) = taken(row("a dog")).judgements.values()
    assert (edit.action, edit.caption, edit.before) == ("edit", "a dog", "a cat")
    for review, action in (("accepted", "accept"), ("rejected", "reject"), ("again", "again")):
        (judgement,) = taken(row("a cat", review)).judgements.values()
        assert judgement.action == action


def test_what_was_changed_on_both_sides_is_shown_and_left() -> None:
    result = taken(row("a dog"), cards=[card(caption="a tiger", review="edited")])
    assert result.judgements == {}
    assert "is now 'a tiger'" in result.conflicts[0]
    same = taken(row("a tiger"), cards=[card(caption="a tiger")])
    assert (same.unchanged, same.conflicts) == (1, [])


@pytest.mark.parametrize(
    ("bad", "words"),
    [(row(""), "was emptied"), (row("a cat", "maybe"), "is no review"),
     (row("x", image="zz"), "column 'image'"), (row("x", values='{"t": "1"}'), "no such image")],
)  # fmt: skip
def test_what_cannot_be_taken_in_says_why(bad: Any, words: str) -> None:
    result = taken(bad)
    assert words in result.conflicts[0]
    assert result.judgements == {}


def test_two_rows_of_one_picture_agree_or_are_a_conflict() -> None:
    assert taken(row("a dog"), row("a dog")).conflicts == []
    result = taken(row("a dog"), row("a cow", number=3))
    assert "another row says otherwise" in result.conflicts[0]
    assert [one.caption for one in result.judgements.values()] == ["a dog"]


def test_texts_beside_the_images() -> None:
    result = import_texts([(card(), "sks, a dog.\n")], "sks, ", ".")
    assert [one.caption for one in result.judgements.values()] == ["a dog"]
    assert import_texts([(card(), "sks, a cat\n"), (card(), "\n")], "sks, ", "").unchanged == 2
    stale = card(caption="mine", review="edited")
    assert import_texts([(stale, "a cat\n")], "", "").unchanged == 1
    assert "'mine'" in import_texts([(stale, "a dog")], "", "").conflicts[0]
