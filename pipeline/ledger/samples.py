"""Images by their position in an order, and the answers of a work, for a pilot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from pipeline.ledger.database import AMONG, Database, SourceRows, among
from pipeline.ledger.images import SeenImage, seen_image
from pipeline.records import Nano, Usage


class SampleAnswer(Struct, frozen=True):
    """Outcome of one image under one spec.

    Attributes:
        outcome: of the best answer so far, "pending" when there is none.
        usage, billed: sums over all attempts; billed None when a price is unknown.
    """

    outcome: str
    caption: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    usage: Usage = field(default_factory=Usage)
    billed: Nano | None = 0


class Samples:
    """Read-only views over `images`, `works` and `answers`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def usable(self, sources: SourceRows) -> int:
        """Images of the sources that are present and not known to be unusable."""
        return self._db.number(
            "SELECT COUNT(*) FROM images i JOIN folders f ON f.id = i.folder "
            f"WHERE f.source {AMONG} AND i.present = 1 AND i.reject_code IS NULL",
            (among(sources),),
        )

    def at(self, sources: SourceRows, positions: Sequence[int]) -> list[SeenImage]:
        """Usable images at these ascending positions, ordered by source, folder, size, name."""
        wanted = iter(positions)
        following = next(wanted, None)
        images: list[SeenImage] = []
        rows = self._db.execute(
            "SELECT i.id, f.path, i.name, i.location, i.columns, o.source_id, NULL, NULL, "
            "i.existing_text, i.stamp, f.source FROM images i "
            "JOIN folders f ON f.id = i.folder LEFT JOIN originals o ON o.id = i.original "
            f"WHERE f.source {AMONG} AND i.present = 1 AND i.reject_code IS NULL "
            "ORDER BY f.source, f.path, i.size, i.name, i.occurrence",
            (among(sources),),
        )
        for position, row in enumerate(rows):
            if following is None:
                break
            if position == following:
                images.append(seen_image(row))
                following = next(wanted, None)
        return images

    def answer(self, key: bytes) -> SampleAnswer:
        """Outcome of the work with this key."""
        row = self._db.one(
            "SELECT w.id, w.outcome, a.caption, a.fields, w.reason FROM works w "
            "LEFT JOIN answers a ON a.id = w.answer WHERE w.work_key = ?",
            (key,),
        )
        if row is None or row[1] is None:
            return SampleAnswer("pending")
        work, outcome, caption, fields, reason = row
        sums = self._db.one(
            "SELECT SUM(prompt_tokens), SUM(cached_tokens), SUM(cache_write_tokens), "
            "SUM(completion_tokens), SUM(reasoning_tokens), SUM(billed), "
            "SUM(billed IS NULL) FROM answers WHERE work = ?",
            (work,),
        )
        assert sums is not None
        *tokens, billed, unpriced = (int(value or 0) for value in sums)  # type: ignore[call-overload]
        return SampleAnswer(
            str(outcome),
            None if caption is None else str(caption),
            json.loads(str(fields)) if fields else {},
            str(reason or ""),
            Usage(*tokens),
            None if unpriced else billed,
        )
