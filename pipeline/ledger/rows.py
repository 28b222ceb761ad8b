"""Rows of the table of captions, and the counts and sums of reports."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.core.table_page import Page
from pipeline.ledger.database import AMONG, Database, SourceRows, among
from pipeline.ledger.linked_images import LinkedImages
from pipeline.ledger.places import location, shown_path
from pipeline.ledger.present_images import images_in_folders, present_images
from pipeline.ledger.row_flags import FLAGS
from pipeline.ledger.row_outcome import HAD_CAPTION, OUTCOME, REJECTED, SHOWN_CAPTION
from pipeline.ledger.table_stretch import IN_ORDER, ORDER, Part
from pipeline.ledger.usual_rows import UsualRows
from pipeline.system.collector import collector_paused

ROW_DETAILS = """
LEFT JOIN originals o ON o.id = i.original
LEFT JOIN contents c ON c.id = i.content
LEFT JOIN works w ON w.id = i.work
LEFT JOIN answers a ON a.id = w.answer
"""

_OF_SOURCE = """
FROM folders f CROSS JOIN images i ON i.folder = f.id LEFT JOIN works w ON w.id = i.work
WHERE f.source = ? AND i.present = 1
"""
# of no NULL: what is not so must be NOT so
_OWN_CAPTION = """i.reject_code IS NULL AND w.state IS 'done' AND w.outcome IS 'captioned'
    AND w.representative IS i.id"""

_OUTCOMES = f"""
SELECT 'captioned', COUNT(*) {_OF_SOURCE} AND {_OWN_CAPTION}
UNION ALL SELECT {OUTCOME}, COUNT(*) {_OF_SOURCE} AND NOT ({_OWN_CAPTION}) GROUP BY 1
"""

_FROM = f"""
FROM images i
JOIN folders f ON f.id = i.folder
JOIN sources s ON s.id = f.source
{ROW_DETAILS}
"""

# Nested in the order of the table, so that nothing has to be sorted: each loop walks an index.
_ALL = f"{IN_ORDER} {ROW_DETAILS}"

# money and tokens are sums over all attempts; most works have one, and its answer is the sum
_SUMMED = ("prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens",
           "reasoning_tokens", "billed", "service_cost")  # fmt: skip

# What the books count for an answer: its bill, or its highest cost when no bill is known.
_CHARGED = """COALESCE(a.billed, (SELECT y.worst FROM batches b JOIN items y ON y.shard = b.shard
    WHERE b.id = a.batch AND y.work = a.work AND y.attempt = a.attempt))"""
_SUMS = ", ".join(
    f"SUM({_CHARGED if name == 'billed' else f'a.{name}'}) AS {name}" for name in _SUMMED
)
_SEVERAL = f"""
WITH several AS MATERIALIZED (
    SELECT a.work, {_SUMS} FROM answers a
    WHERE a.work IN (SELECT work FROM answers {{among}} GROUP BY work HAVING COUNT(*) > 1)
    GROUP BY a.work
)
"""


# what was not sent cost nothing, and what is not decided yet is not known
_UNSENT = f"IIF({HAD_CAPTION}, 0, NULL)"


def _sum(column: str) -> str:
    """SQL of a sum over all attempts, which stands in the representative's row."""
    single = _CHARGED if column == "billed" else f"a.{column}"
    total = f"IIF(m.work IS NULL, {single}, m.{column})"
    own = f"WHEN w.representative = i.id THEN {total} ELSE 0 END"
    return f"CASE WHEN w.id IS NULL THEN {_UNSENT} {own}"


# name -> SQL; hashes are bytes here and hex in the table: each cell that is fetched costs 0.1 us
COLUMNS: dict[str, str] = {
    "source": "s.label",
    "path": shown_path("f", "i"),
    "location": location("s", "f", "i"),
    "occurrence": "i.occurrence",
    "source_id": "NULLIF(o.source_id, x'')",
    "content_id": "NULLIF(c.content_id, x'')",
    "source_format": "o.format",
    "source_width": "o.width",
    "source_height": "o.height",
    "sent_width": "NULLIF(c.width, 0)",
    "sent_height": "NULLIF(c.height, 0)",
    "caption": SHOWN_CAPTION,  # people's decisions are put in by the review
    "model_caption": "a.caption",
    "review": "NULL",
    "reviewed_at": "NULL",
    "reviewer": "NULL",
    "review_note": "NULL",
    "outcome": OUTCOME,
    "reason": "COALESCE(i.reject_detail, NULLIF(w.reason, ''), "
    f"IIF({HAD_CAPTION}, 'it has a text already: ' || i.existing_in, NULL))",
    "reason_code": "COALESCE(i.reject_code, "
    "CASE WHEN w.outcome <> 'captioned' THEN NULLIF(a.code, '') END)",
    "duplicate_of": f"""CASE WHEN w.representative <> i.id THEN (
        SELECT CASE WHEN rs.id = s.id THEN '' ELSE rs.label || ':' END ||
               {shown_path("rf", "r")}
        FROM images r JOIN folders rf ON rf.id = r.folder JOIN sources rs ON rs.id = rf.source
        WHERE r.id = w.representative) END""",
    "duplicate_distance": "CASE WHEN w.representative <> i.id "
    "THEN COALESCE(i.near_distance, 0) END",
    "spec": "w.spec",  # by its number: `Specs.facts` says which columns it stands for
    "served_model": "a.served_model",
    "work_key": "w.work_key",
    "prompt_tokens": _sum("prompt_tokens"),
    "cached_tokens": _sum("cached_tokens"),
    "cache_write_tokens": _sum("cache_write_tokens"),
    "completion_tokens": _sum("completion_tokens"),
    "reasoning_tokens": _sum("reasoning_tokens"),
    "estimated_cost": "CASE WHEN w.representative = i.id THEN w.estimated WHEN w.id IS NOT NULL "
    f"THEN 0 ELSE {_UNSENT} END",
    "billed_cost": _sum("billed"),
    "service_cost": _sum("service_cost"),
    "price_version": "a.price_version",
    "batch_id": "(SELECT b.batch_id FROM batches b WHERE b.id = a.batch)",
    "attempt": "a.attempt",
    "request_id": "a.request_id",
    "attempts": "COALESCE(w.attempts, 0)",
    "flags": FLAGS,
    "in_source": "i.present",
    "first_seen_at": "i.first_seen_at",
    "captioned_at": "CASE WHEN w.outcome = 'captioned' THEN a.received_at END",
    "fields": "a.fields",
    "columns": "i.columns",
}


_STEP, _PAGE_TEXT = 64, 8_000_000  # rows that are fetched at once; characters of a page's texts


def _page(
    row: Sequence[Any], cursor: sqlite3.Cursor, size: int, long: Sequence[int]
) -> list[list[Any]]:
    """Columns of a page that begins with this row: `size` rows in all, or fewer where the texts
    at the positions `long` are many characters together."""
    columns: list[list[Any]] = [[cell] for cell in row]
    rows, texts = 1, 0
    while (
        rows < size and texts < _PAGE_TEXT and (step := cursor.fetchmany(min(_STEP, size - rows)))
    ):  # few rows are turned at a time, while the processor has them at hand
        turned = [*zip(*step, strict=True)]
        for column, cells in zip(columns, turned, strict=True):
            column += cells
        rows += len(step)
        texts += sum(sum(map(len, filter(None, turned[at]))) for at in long)
    return columns


class Rows:
    """Read-only views over the whole ledger."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def table(
        self, size: int = 4_096, *, source: int | None = None, part: Part | None = None
    ) -> Iterator[Page]:
        """Page through the images of a source, a part or all, `size` rows each; `COLUMNS` in order.

        Ordered by source, folder and name; pages are shorter where texts are long. A page is one
        read snapshot's part: the whole is read in one cursor, so the table is consistent.
        """
        any_rechecks = self._db.one("SELECT 1 FROM rechecks LIMIT 1") is not None
        usual = UsualRows(COLUMNS, any_rechecks=any_rechecks)
        mine = "" if part is None else f"WHERE work IN (SELECT i.work {IN_ORDER} {part.where})"
        chosen = part or Part(
            "" if source is None else "WHERE s.id = ?", (source,) * (source is not None)
        )
        cursor = self._db.execute(
            f"{_SEVERAL.format(among=mine)} SELECT {usual.select} {_ALL} "
            f"LEFT JOIN several m ON m.work = w.id {chosen.where} {ORDER}",
            (*chosen.values, *(part.values if part else ())),
        )
        row = cursor.fetchone()
        page_of = usual.pages(self._db)
        while row:
            with collector_paused():
                page = page_of(_page(row, cursor, size, usual.long))
            yield page
            row = cursor.fetchone()

    def outcomes(self, source: int | None = None) -> Counter[str]:
        """Images present in a source (or all) by outcome."""
        counts = self.outcomes_by_source()
        chosen = counts.values() if source is None else [counts.get(source, Counter[str]())]
        return sum(chosen, Counter[str]())

    def outcomes_by_source(self) -> dict[int, Counter[str]]:
        """Images present by source and outcome.

        Most have a caption of their own; they are counted without a word for each, which would be
        sorted with all others.
        """
        linked = LinkedImages(self._db)
        if (only := linked.only_source()) is not None:
            # by its folders: images of no folder are missing in the sum, as they are below
            outcomes = linked.outcomes(images_in_folders(self._db, only))
            return {only: outcomes} if outcomes else {}
        counts: dict[int, Counter[str]] = {}
        for (source,) in self._db.execute("SELECT id FROM sources ORDER BY id").fetchall():
            rows = self._db.execute(_OUTCOMES, (source, source))
            outcomes = Counter[str]()
            for name, count in rows:
                outcomes[str(name)] += int(count)
            if +outcomes:
                counts[int(source)] = +outcomes
        return counts

    def images(self, sources: SourceRows | None = None) -> int:
        """Number of present images."""
        return present_images(self._db, sources)

    def unshown_captions(self) -> int:
        """Number of captions that no image shows: of other models, prompts or pictures."""
        if LinkedImages(self._db).all_works_are():
            return 0
        return self._db.number(
            "SELECT COUNT(*) FROM works w WHERE w.state = 'done' AND w.outcome = 'captioned' "
            "AND NOT EXISTS (SELECT 1 FROM images i WHERE i.work = w.id)"
        )

    def all_images(self) -> int:
        """Number of images that were ever seen: the rows of the table."""
        return self._db.number("SELECT COUNT(*) FROM images")

    def rejects(self, source: int | None = None) -> Iterator[tuple[str, str, str, str]]:
        """(source label, path, code, detail) of rejected images that are present."""
        where = "" if source is None else "AND s.id = ?"
        for row in self._db.execute(
            f"SELECT s.label, {COLUMNS['path']}, i.reject_code, i.reject_detail {_FROM} "
            # of all images the few that an index has
            f"WHERE i.reject_code IS NOT NULL AND {REJECTED} AND i.present = 1 {where} "
            "ORDER BY s.id, f.path, i.name",
            () if source is None else (source,),
        ):
            yield str(row[0]), str(row[1]), str(row[2]), str(row[3] or "")

    def reject_reasons(self, sources: SourceRows) -> Counter[str]:
        """Rejected images of the sources by reason code."""
        rows = self._db.execute(
            "SELECT i.reject_code, COUNT(*) FROM images i WHERE i.reject_code IS NOT NULL "
            f"AND i.present = 1 AND {REJECTED} "
            f"AND i.folder IN (SELECT id FROM folders WHERE source {AMONG}) GROUP BY 1",
            (among(sources),),
        )
        return Counter({str(code): int(count) for code, count in rows})

    def failures(self, sources: SourceRows) -> list[tuple[str, int, str]]:
        """(code, number, words of one of them) of the sources' images that failed for good, the
        commonest first."""
        rows = self._db.execute(
            "SELECT COALESCE(a.code, ''), COUNT(*) AS times, MIN(w.reason) FROM images i "
            "JOIN folders f ON f.id = i.folder JOIN works w ON w.id = i.work "
            f"LEFT JOIN answers a ON a.id = w.answer WHERE f.source {AMONG} AND i.present = 1 "
            "AND i.reject_code IS NULL AND w.state = 'done' AND w.outcome = 'failed' "
            "GROUP BY 1 ORDER BY times DESC, 1",
            (among(sources),),
        )
        return [(str(code), int(times), str(words or "")) for code, times, words in rows]

    def newest_captions(self, limit: int) -> list[tuple[str, str]]:
        """(path, caption) of the answers that came in last, the newest first."""
        rows = self._db.execute(
            f"SELECT {shown_path('f', 'i')}, a.caption FROM (SELECT work, caption, id FROM answers "
            "WHERE outcome = 'captioned' ORDER BY id DESC LIMIT ?) a JOIN works w ON w.id = a.work "
            "JOIN images i ON i.id = w.representative JOIN folders f ON f.id = i.folder "
            "ORDER BY a.id DESC",
            (limit,),
        )
        return [(str(path), str(caption or "")) for path, caption in rows]

    def manifest_columns(self) -> list[str]:
        """Manifest columns of all sources, in order of first appearance."""
        names: dict[str, None] = {}
        for (text,) in self._db.execute("SELECT columns FROM sources ORDER BY id"):
            names.update(dict.fromkeys(json.loads(text)))
        return list(names)
