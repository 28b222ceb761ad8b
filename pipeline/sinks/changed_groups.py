"""Row groups of a table of which most are as they were: those are named, the others made anew.

Where groups begin depends on nothing that stands before them, so a group that is made anew is
followed by its old neighbour again as soon as it ends where that one begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.core.cells import Cells
from pipeline.sinks.base import TableChanges
from pipeline.sinks.row_groups import RowGroup, row_groups


def changed_groups(changes: TableChanges, cells: Cells, schema: Any) -> Iterator[int | RowGroup]:
    """Groups of the changed table in order: one made anew, or the number of one as it was."""
    number = 0
    while number < len(changes.rows):
        if number not in changes.changed:
            yield number
            number += 1
            continue
        position, begins = 0, _unchanged_behind(changes, number)
        pages, number = changes.pages(number), len(changes.rows)
        for group in row_groups(pages, cells, schema):
            yield group
            position += group.rows
            if position in begins:
                number = begins[position]
                break


def _unchanged_behind(changes: TableChanges, first: int) -> dict[int, int]:
    """Groups behind `first` that are as they were, by their distance from it in rows."""
    begins: dict[int, int] = {}
    position = 0
    for number in range(first, len(changes.rows)):
        if number not in changes.changed:
            begins[position] = number
        position += changes.rows[number] + changes.more.get(number, 0)
    return begins
