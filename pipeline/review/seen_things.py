"""Things that the local captioner saw in pictures, kept in the index by the picture's bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pipeline.review.index import Index

_UNSEEN = """FROM cards c WHERE present = 1 AND caption IS NOT NULL AND file IS NOT NULL
AND source_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM seen s WHERE s.source_id = c.source_id)"""


def unseen_pictures(index: Index) -> int:
    """Number of pictures with a caption that nobody looked at yet."""
    return int(index.rows(f"SELECT COUNT(DISTINCT source_id) {_UNSEEN}")[0][0])


def next_unseen(index: Index, count: int) -> list[tuple[bytes, str]]:
    """(source_id, file) of some pictures that nobody looked at yet."""
    rows = index.rows(f"SELECT source_id, MIN(file) {_UNSEEN} GROUP BY source_id LIMIT ?", (count,))
    return [(row[0], row[1]) for row in rows]


def record_things(index: Index, things: Mapping[bytes, Sequence[str]]) -> None:
    """Keep what was seen in pictures, and audit their cards again."""
    with index.writing() as writer:
        writer.executemany(
            "INSERT OR REPLACE INTO seen VALUES (?, ?)",
            [(source_id, json.dumps(list(names))) for source_id, names in things.items()],
        )
    index.refresh_sources(list(things))
