from __future__ import annotations

from pipeline.core.paging import paged


def test_pages_are_bounded_by_number_and_size() -> None:
    assert list(paged([], len, most=2, most_size=9)) == []
    assert list(paged(["a"] * 5, len, most=2, most_size=9)) == [["a"] * 2, ["a"] * 2, ["a"]]
    texts = ["aaa", "aaaaaaaaaaaa", "a", "a", "a"]
    assert list(paged(texts, len, most=9, most_size=3)) == [["aaa"], [texts[1]], ["a"] * 3]
