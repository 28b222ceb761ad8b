"""Stretches of the table of captions: from one image to another, in the order of its rows.

SQLite compares no row of several tables by an index, so a stretch is walked in a few parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_BEHIND = 1 << 62  # row of a source behind all others

IN_ORDER = """FROM sources s CROSS JOIN folders f ON f.source = s.id
CROSS JOIN images i ON i.folder = f.id"""
"""SQL of all images, each loop of which walks an index."""
ORDER = "ORDER BY s.id, f.path, i.name, i.occurrence"
"""Order of the table."""


class RowPlace(NamedTuple):
    """Place of an image among all others; places compare as the rows are ordered."""

    source: int
    folder: str
    name: str
    occurrence: int


class Part(NamedTuple):
    """Part of the table: the WHERE of it, and its values."""

    where: str
    values: tuple[object, ...]


def folders_part(source: int, first: str, last: str) -> Part:
    """Folders of a source from one path to another, both among them."""
    return Part("WHERE s.id = ? AND f.path >= ? AND f.path <= ?", (source, first, last))


def stretch_parts(start: RowPlace | None, stop: RowPlace | None) -> Iterator[Part]:
    """Parts of a stretch in their order; None is the begin or the end of the table."""
    if start and stop and start[:2] == stop[:2]:
        yield Part(
            "WHERE s.id = ? AND f.path = ? AND (i.name, i.occurrence) >= (?, ?) "
            "AND (i.name, i.occurrence) < (?, ?)",
            (*start, *stop[2:]),
        )
        return
    if start:
        yield Part("WHERE s.id = ? AND f.path = ? AND (i.name, i.occurrence) >= (?, ?)", start)
    yield from _whole_folders(start, stop)
    if stop:
        yield Part("WHERE s.id = ? AND f.path = ? AND (i.name, i.occurrence) < (?, ?)", stop)


def _whole_folders(start: RowPlace | None, stop: RowPlace | None) -> Iterator[Part]:
    if start and stop and start.source == stop.source:
        yield Part("WHERE s.id = ? AND f.path > ? AND f.path < ?", (*start[:2], stop.folder))
        return
    if start:
        yield Part("WHERE s.id = ? AND f.path > ?", start[:2])
    between = (start.source if start else 0, stop.source if stop else _BEHIND)
    yield Part("WHERE s.id > ? AND s.id < ?", between)
    if stop:
        yield Part("WHERE s.id = ? AND f.path < ?", stop[:2])
