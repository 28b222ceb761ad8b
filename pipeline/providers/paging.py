"""Lists that are whole or an error: a missing page would look like an absent batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.providers.normalise import Malformed

_MOST_ITEMS = 1_000_000


def every_item(
    page_after: Callable[[str | None], Mapping[str, Any]], limit: int
) -> Iterator[Mapping[str, Any]]:
    """Items of a cursor list, each id once, in the service's order.

    Args:
        page_after: gives the page behind a cursor (None = the first) or raises.
        limit: items a page was asked to hold.

    Raises:
        Malformed: a page is no list, an item has no id, or the pages do not come to an end.
    """
    cursor, seen, cursors = None, set[str](), set[str]()
    while True:
        items, more = _page(page_after(cursor))
        fresh = {_id(item): item for item in items if _id(item) not in seen}
        seen.update(fresh)
        if len(seen) > _MOST_ITEMS:
            raise Malformed(f"the list has more than {_MOST_ITEMS:,} entries")
        yield from fresh.values()
        if more is None:
            # A service that says nothing about further pages may also ignore the cursor.
            more = bool(fresh) or len(items) >= limit
        if not more:
            return
        if not items:
            raise Malformed("the list promises more and gives an empty page")
        cursor = _id(items[-1])
        if cursor in cursors:
            raise Malformed("the list goes round in circles")
        cursors.add(cursor)


def _page(answer: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], bool | None]:
    """Items of a page, and whether more follow (None = not said)."""
    inner = answer.get("data")
    if isinstance(inner, Mapping):  # {"code": 20000, "data": {"data": [...], "has_more": ...}}
        answer, inner = inner, inner.get("data")
    if inner is None and "data" in answer and answer.get("object") == "list":
        inner = []  # how Go writes an empty list
    if not isinstance(inner, list) or not all(isinstance(item, Mapping) for item in inner):
        raise Malformed("the answer is not a list")
    more = answer.get("has_more")
    if more not in (None, True, False):
        raise Malformed("the list does not say clearly whether more follow")
    return inner, None if more is None else bool(more)


def _id(item: Mapping[str, Any]) -> str:
    identifier = item.get("id")
    if not identifier:
        raise Malformed("the list holds something without an id")
    return str(identifier)
