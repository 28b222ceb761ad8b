"""Findings of an audit follow the captions of the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from pipeline.core.audit import AuditRules
from pipeline.core.caption_checks import CheckRules
from pipeline.review.decisions import Decisions
from pipeline.review.edits import Edits
from pipeline.review.index import Index
from pipeline.review.library import Library
from pipeline.review.search import Search
from tests.rig import Rig

Opened = Callable[..., "contextmanager[Index]"]


@contextmanager
def opened(rig: Rig, rules: AuditRules | None = None) -> Iterator[Index]:
    with Edits(rig.workspace.reviews) as edits:
        path = rig.workspace.review / "index.db"
        with closing(Index(path, rig.workspace.ledger, edits, rules=rules)) as index:
            index.refresh()
            yield index


def paths(index: Index, kind: str) -> list[str]:
    search = Search.of([("finding", kind)])
    return [card["path"] for card in Library(index, index.edits).first(search, 100)]


def write(index: Index, path: str, caption: str) -> None:
    image = index.rows("SELECT id FROM cards WHERE path = ?", (path,))[0][0]
    Decisions(index, index.edits, lambda: 7).judge(
        {"ids": [image], "action": "edit", "caption": caption}
    )
    index.refresh()


def test_a_finding_comes_and_goes_with_the_caption(captioned: Rig) -> None:
    with opened(captioned) as index:
        assert paths(index, "any") == []
        write(index, "day/01.png", "I'm sorry, I can't help with that.")
        assert paths(index, "refusal") == paths(index, "any") == ["day/01.png"]
        detail = Library(index, index.edits).detail(index.rows(
            "SELECT id FROM cards WHERE path = 'day/01.png'")[0][0])  # fmt: skip
        assert detail["findings"] == [
            {"kind": "refusal", "title": "a refusal or an apology", "detail": "I'm sorry"}
        ]
        Decisions(index, index.edits, lambda: 8).undo(None)
        index.refresh()
        assert paths(index, "any") == []


def test_one_text_for_unlike_pictures_but_not_for_duplicates(captioned: Rig) -> None:
    with opened(captioned) as index:
        write(index, "day/00.png", "A cat.")  # night/again.png is the same picture
        assert paths(index, "same_text") == []
        write(index, "day/02.png", "a cat")
        assert paths(index, "same_text") == ["day/00.png", "day/02.png", "night/again.png"]
        write(index, "day/02.png", "a dog")
        assert paths(index, "same_text") == []


def test_pictures_that_look_alike_may_have_one_text(captioned: Rig) -> None:
    with opened(captioned) as index:
        write(index, "day/00.png", "A cat.")
        write(index, "day/02.png", "a cat")
        assert len(paths(index, "same_text")) == 3
        with index.writing() as writer:
            writer.execute("UPDATE texts SET picture = zeroblob(16)")
        write(index, "day/03.png", "a bird")  # all are compared again
        assert paths(index, "same_text") == []


def test_an_opening_and_a_language_beside_the_rest(captioned: Rig) -> None:
    rules = AuditRules(few=4, opening_share=0.3)
    with opened(captioned, rules) as index:
        for number in range(1, 6):
            write(
                index, f"day/0{number}.png", f"A close-up of the thing number {number} on a table"
            )
        write(index, "day/06.png", "Eine Katze liegt auf dem Sofa und schläft.")
        assert paths(index, "same_opening") == [f"day/0{n}.png" for n in range(1, 6)]
        assert paths(index, "language") == ["day/06.png"]


def test_near_identical_captions_in_number(captioned: Rig) -> None:
    with opened(captioned, AuditRules(alike=4)) as index:
        words = ["red", "green", "blue", "white", "black", "grey", "brown"]
        for number, word in enumerate(words, start=1):
            text = f"A product photo of a {word} mug on a plain white table, seen from the side."
            write(index, f"day/0{number}.png", text)
        assert len(paths(index, "alike")) >= 4


def test_a_comparison_that_was_cut_off_is_made_again(captioned: Rig) -> None:
    with opened(captioned) as index:
        write(index, "day/00.png", "A cat.")
        image = index.rows("SELECT id FROM cards WHERE path = 'day/02.png'")[0][0]
        Decisions(index, index.edits, lambda: 7).judge(
            {"ids": [image], "action": "edit", "caption": "a cat"}
        )
        assert index.audit.compare(index, stopped=lambda: True)
        assert paths(index, "same_text") == []
    with opened(captioned) as index:
        assert len(paths(index, "same_text")) == 3
        assert not index.audit.compare(index, stopped=lambda: False)  # nothing is due


@pytest.mark.parametrize("name", ["same_text", "refusal"])
def test_other_rules_audit_again(captioned: Rig, name: str) -> None:
    with opened(captioned) as index:
        write(index, "day/00.png", "I'm sorry, no.")
        write(index, "day/02.png", "I'm sorry, no.")
        assert len(paths(index, name)) == 3
    with opened(captioned, AuditRules(off=frozenset([name]))) as index:
        assert paths(index, name) == []
    with opened(captioned, AuditRules(CheckRules(trigger="ohwx"))) as index:
        assert len(paths(index, "trigger")) == 13


def test_rejected_and_gone_images_are_not_compared(captioned: Rig) -> None:
    with opened(captioned) as index:
        write(index, "day/00.png", "A cat.")
        write(index, "day/02.png", "a cat")
        image = index.rows("SELECT id FROM cards WHERE path = 'day/02.png'")[0][0]
        Decisions(index, index.edits, lambda: 9).judge({"ids": [image], "action": "reject"})
        index.refresh()
        assert paths(index, "same_text") == []
        write(index, "day/02.png", "a cat")
    (captioned.data / "day/02.png").unlink()
    captioned.run()
    with opened(captioned) as index:
        assert paths(index, "same_text") == []
