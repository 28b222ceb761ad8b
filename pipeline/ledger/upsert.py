"""Statements that record a file as a row of `images`, and reset the row of a changed file."""

from __future__ import annotations

import json

from pipeline.records import SourceFile

# A changed file forgets what it was; changed manifest columns only ask for a new look.
_CHANGED = (
    "(images.size, images.mtime_ns, images.inode, images.stamp) IS NOT "
    "(excluded.size, excluded.mtime_ns, excluded.inode, excluded.stamp) "
    "OR images.location IS NOT excluded.location "
    "OR (images.original IS NULL AND images.reject_code IS NOT excluded.reject_code "
    "AND images.todo = 0)"
)
# A time of change that is not known equals every other. One that differs asks for the file to be
# hashed again: permissions and hard links change it too, so what stands for it stays.
_CTIME_CHANGED = "images.ctime_ns <> excluded.ctime_ns"
_REREAD = f"({_CHANGED} OR IFNULL({_CTIME_CHANGED}, 0))"
# other values of the prompt, or another text that is there already, ask for a new decision only
_LINKED_ANEW = (
    f"{_REREAD} OR (images.columns, images.existing_text, images.existing_in) IS NOT "
    "(excluded.columns, excluded.existing_text, excluded.existing_in)"
)
_INSERT = """
INSERT INTO images (folder, name, occurrence, size, mtime_ns, inode, ctime_ns, location, columns,
                    reject_code, reject_detail, flags, existing_text, existing_in, stamp,
                    todo, crawl, first_seen_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (folder, name, occurrence) DO """
# An update of foreign keys may have to be taken back, so SQLite copies each page that a row touches
# before: 10 KB an image, in a file once a row has split many pages. A new folder needs none of it.
INSERT_NEW = f"{_INSERT} NOTHING"
"""Statement that records a file of a folder without any row."""
UPSERT = f"""
{_INSERT} UPDATE SET
    original = CASE WHEN {_REREAD} THEN NULL ELSE images.original END,
    content = CASE WHEN {_CHANGED} THEN NULL ELSE images.content END,
    near_of = CASE WHEN {_CHANGED} THEN NULL ELSE images.near_of END,
    near_distance = CASE WHEN {_CHANGED} THEN NULL ELSE images.near_distance END,
    work = CASE WHEN {_LINKED_ANEW} THEN NULL ELSE images.work END,
    todo = CASE WHEN {_LINKED_ANEW} THEN excluded.todo ELSE images.todo END,
    reject_code = CASE WHEN {_REREAD} THEN excluded.reject_code ELSE images.reject_code END,
    reject_detail = CASE WHEN {_REREAD} THEN excluded.reject_detail ELSE images.reject_detail END,
    size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode,
    ctime_ns = COALESCE(excluded.ctime_ns, images.ctime_ns),
    location = excluded.location, columns = excluded.columns, flags = excluded.flags,
    existing_text = excluded.existing_text, existing_in = excluded.existing_in,
    stamp = excluded.stamp,
    present = 1, crawl = excluded.crawl
"""
"""Statement that records a file, whatever is known of it."""

_HALF = 1 << 63


def upsert_values(folder: int, file: SourceFile, crawl: int, now: int) -> tuple[object, ...]:
    """Values of both for a file of a folder, seen in a crawl at `now` (epoch seconds)."""
    columns = None if file.columns is None else json.dumps(dict(file.columns), ensure_ascii=True)
    location = None if file.columns is None else file.location
    problem = (file.problem, file.detail) if file.problem else (None, None)
    todo = 0 if file.problem else 1
    stat = map(_signed, (file.size, file.mtime_ns, file.inode, file.ctime_ns))
    return (
        folder, file.name, file.occurrence, *stat, location, columns, *problem,
        ",".join(file.flags) or None, file.existing_text or None, file.existing_in or None,
        file.stamp or None, todo, crawl, now,
    )  # fmt: skip


def _signed(value: int | None) -> int | None:
    """Value as SQLite's signed 64 bits hold it: some file systems give inodes that use all of 64,
    and nanoseconds of dates after 2262 need more than 63."""
    if value is None or -_HALF <= value < _HALF:
        return value
    return (value + _HALF) % (2 * _HALF) - _HALF
