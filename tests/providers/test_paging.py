from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.providers import paging
from pipeline.providers.normalise import Malformed
from pipeline.providers.paging import every_item


def ids(pages: dict[str | None, Mapping[str, Any]], limit: int = 2) -> list[str]:
    return [item["id"] for item in every_item(lambda cursor: pages[cursor], limit)]


def page(names: str, more: bool | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"object": "list", "data": [{"id": name} for name in names]}
    return answer if more is None else {**answer, "has_more": more}


def test_every_page() -> None:
    assert ids({None: page("ab", True), "b": page("cd", True), "d": page("e", False)}) == [
        "a", "b", "c", "d", "e",
    ]  # fmt: skip


def test_an_empty_list() -> None:
    assert ids({None: page("", False)}) == []
    assert ids({None: {"object": "list", "data": None, "has_more": False}}) == []


def test_a_full_last_page() -> None:
    assert ids({None: page("ab", True), "b": page("cd", False)}) == ["a", "b", "c", "d"]


def test_a_service_that_does_not_say_whether_more_follow() -> None:
    assert ids({None: page("ab"), "b": page("c"), "c": page("")}) == ["a", "b", "c"]


def test_a_service_that_has_no_pages_at_all() -> None:
    assert ids({None: page("abc"), "c": page("abc")}, limit=100) == ["a", "b", "c"]


def test_items_that_move_between_pages_come_once() -> None:
    assert ids({None: page("ab", True), "b": page("bc", False)}) == ["a", "b", "c"]
    assert ids({None: page("aab", False)}) == ["a", "b"]


def test_a_wrapped_list() -> None:
    assert ids({None: {"code": 20000, "data": page("ab", False)}}) == ["a", "b"]


@pytest.mark.parametrize(
    "pages",
    [
        {None: page("ab", True), "b": page("ab", True)},
        {None: page("ab", True), "b": page("cb", True)},
        {None: page("ab", True), "b": page("", True)},
        {None: page("ab"), "b": page("ab")},
        {None: {}},
        {None: {"object": "list"}},
        {None: {"data": "none"}},
        {None: {"data": ["a"]}},
        {None: {"data": [{"id": "a"}, {}], "has_more": False}},
        {None: {"error": {"message": "no"}}},
    ],
)
def test_a_list_that_proves_nothing_raises(pages: dict[str | None, Mapping[str, Any]]) -> None:
    with pytest.raises(Malformed):
        ids(pages)


@given(st.integers(0, 60), st.integers(1, 7), st.booleans())
def test_every_item_comes_once_and_in_order(count: int, limit: int, says: bool) -> None:
    names = [f"b{n}" for n in range(count)]

    def fetch(cursor: str | None) -> dict[str, Any]:
        start = 0 if cursor is None else names.index(cursor) + 1
        part = names[start : start + limit]
        answer: dict[str, Any] = {"data": [{"id": name} for name in part]}
        return {**answer, "has_more": start + limit < count} if says else answer

    assert [item["id"] for item in every_item(fetch, limit)] == names


def test_a_list_without_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_MOST_ITEMS", 3)
    with pytest.raises(Malformed, match="more than 3 entries"):
        ids({None: page("ab", True), "b": page("cd", False)})
