"""Pages of bounded length and size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")


def paged(
    items: Iterable[_Item], size_of: Callable[[_Item], int], *, most: int, most_size: int
) -> Iterator[list[_Item]]:
    """Pages of the items in order, none of which is empty; only one that is alone in its page may
    be larger than a page.

    Args:
        most: items in a page.
        most_size: sum of their sizes.

    >>> list(paged(["a", "bb", "c"], len, most=2, most_size=2))
    [['a'], ['bb'], ['c']]
    """
    page, size = list[_Item](), 0
    for item in items:
        own = size_of(item)
        if page and (len(page) == most or size + own > most_size):
            yield page
            page, size = [], 0
        page.append(item)
        size += own
    if page:
        yield page
