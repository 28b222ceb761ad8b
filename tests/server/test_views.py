from __future__ import annotations

import pytest

from pipeline.server.faults import Compat, ListFaults
from pipeline.server.file_store import FileRow
from pipeline.server.ids import IdGenerator
from pipeline.server.refusals import ApiError
from pipeline.server.views import file_view, list_view, page

_ROWS = [FileRow(n, f"file-{n}", "a.jsonl", "batch", 5, 1.9, None, 0.0) for n in range(7)]
_NAMING = IdGenerator("seed")


def test_a_file_in_both_spellings() -> None:
    assert file_view(_ROWS[0], Compat())["created_at"] == 1
    iso = file_view(_ROWS[0], Compat(iso_timestamps=True))
    assert (iso["created_at"], iso["expires_at"]) == ("1970-01-01T00:00:01Z", None)


@pytest.mark.parametrize(
    "listing", [ListFaults(), ListFaults(shuffled=True), ListFaults(page_size=2)]
)
def test_pages_hold_each_row_once(listing: ListFaults) -> None:
    seen: list[str] = []
    after, more = None, True
    while more:
        rows, more = page(_ROWS, after, 3, listing, _NAMING)
        seen += [row.id for row in rows]
        after = seen[-1]
    assert sorted(seen) == [row.id for row in _ROWS]
    assert (seen == [row.id for row in _ROWS]) != listing.shuffled


def test_an_unknown_cursor() -> None:
    with pytest.raises(ApiError, match="file-9"):
        page(_ROWS, "file-9", 3, ListFaults(), _NAMING)


def test_list_objects() -> None:
    assert list_view([], more=False)["last_id"] is None
    assert list_view([{"id": "a"}, {"id": "b"}], more=True) == {
        "object": "list",
        "data": [{"id": "a"}, {"id": "b"}],
        "first_id": "a",
        "last_id": "b",
        "has_more": True,
    }
