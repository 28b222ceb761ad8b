"""Lists, counts, details and comparisons."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from pipeline.errors import UsageError
from pipeline.review.decisions import Decisions
from pipeline.review.index import Index
from pipeline.review.library import Library
from pipeline.review.search import Search
from tests.rig import Rig


@pytest.fixture
def library(index: Index) -> Library:
    return Library(index, index.edits)


def test_a_page_of_a_list(library: Library) -> None:
    page = library.page(Search.of([]), 2, 3)
    assert (page["total"], page["offset"]) == (15, 2)
    assert [card["path"] for card in page["cards"]] == ["day/02.png", "day/03.png", "day/04.png"]
    assert library.page(Search.of([]), 0, 10**9)["cards"][0]["duplicates"] == 1


def test_counts_of_every_filter(library: Library) -> None:
    summary = library.summary()
    assert (summary["images"], summary["undecided"]) == (15, 13)
    assert dict(summary["facets"]["outcome"]) == {"captioned": 12, "duplicate": 1, "rejected": 2}
    assert dict(summary["facets"]["folder"]) == {"day": 11, "night": 4}
    assert summary["specs"][0]["prompt"] == "Describe this image."


def test_everything_about_one_card(library: Library, index: Index) -> None:
    image = index.rows("SELECT id FROM cards WHERE path = 'day/00.png'")[0][0]
    decisions = Decisions(index, index.edits, lambda: 7, "Ada")
    decisions.judge({"ids": [image], "action": "reject", "note": "blurred"})
    detail = library.detail(image)
    assert (detail["review"], detail["caption"], detail["reach"]) == ("rejected", None, 2)
    (past,) = detail["history"]
    assert (past["action"], past["reviewer"], past["note"]) == ("reject", "Ada", "blurred")
    with pytest.raises(UsageError, match="no such image"):
        library.detail(999)


def test_what_the_next_run_will_ask_for(library: Library, index: Index) -> None:
    assert library.next_run() == ""
    images = [row[0] for row in index.rows("SELECT id FROM cards WHERE path LIKE 'day/0%'")]
    Decisions(index, index.edits, lambda: 7).judge({"ids": images[:2], "action": "again"})
    assert library.next_run().startswith("The next run will send 2 requests again, for at most $")


def test_two_specs_side_by_side(library: Library, index: Index, captioned: Rig) -> None:
    captioned.run(prompt__user="Otherwise.")
    index.refresh()
    left, right = (spec["id"] for spec in library.filters.specs())
    page = library.compare(left, right, 0, 5)
    assert (page["total"], len(page["pairs"])) == (12, 5)
    pair = page["pairs"][0]
    key, text = library.variant(pair["card"]["id"], pair["right_work"])
    assert text == pair["right"]
    assert len(key) == 32
    with pytest.raises(UsageError, match="not about this picture"):
        library.variant(pair["card"]["id"], page["pairs"][1]["right_work"])


@pytest.mark.parametrize(
    "query",
    [
        *("", "review=undecided", "review=accepted", "folder=day", "outcome=captioned", "model=x"),
        *("spec=1", "flag=blank", "finding=loop", "finding=any", "again=1", "min_cost=0.1"),
        *("since=2026-11-27", "present=all", "present=gone", "reason=empty_file", "q=echo"),
    ],
)
def test_a_filter_of_a_million_cards_reads_none_of_them(index: Index, query: str) -> None:
    """Cards are as long as their captions: what finds and orders them is in an index."""
    search = Search.of(parse_qsl(query))
    where, values = search.where()
    listing = f"SELECT id FROM cards WHERE {where} ORDER BY {search.order_by()} LIMIT 60"
    for statement in (listing, f"SELECT COUNT(*) FROM cards WHERE {where}"):
        plan = [row[3] for row in index.rows(f"EXPLAIN QUERY PLAN {statement}", values)]
        cards = [step for step in plan if " cards" in step]
        assert all("COVERING INDEX" in step or "PRIMARY KEY" in step for step in cards), plan
        assert not any("TEMP B-TREE FOR ORDER BY" in step for step in plan), plan


def test_cards_that_share_a_caption_are_counted_by_their_works(index: Index) -> None:
    statements: list[str] = []
    index._reader().set_trace_callback(statements.append)
    Library(index, index.edits).page(Search.of([]), 0, 60)
    index._reader().set_trace_callback(None)
    (shared,) = (statement for statement in statements if "GROUP BY work" in statement)
    plan = [row[3] for row in index.rows(f"EXPLAIN QUERY PLAN {shared}")]
    assert plan[0] == "SEARCH cards USING INDEX cards_by_work (work=?)"
