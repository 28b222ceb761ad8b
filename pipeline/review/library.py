"""Library of a workspace's cards: lists, counts, details and comparisons, read from the index."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.core.audit import KINDS_BY_NAME, names_of
from pipeline.core.judgements import judgement_applies
from pipeline.core.pricing import format_usd
from pipeline.core.words import counted
from pipeline.errors import UsageError
from pipeline.review import views
from pipeline.review.edits import Edits
from pipeline.review.filters import Filters, spec_of
from pipeline.review.index import Index
from pipeline.review.search import Search

_MOST_LISTED = 240
_MOST_COUNTS = 1000
_SLOW_SECONDS = 0.5


class Library:
    """Reader of an index; each answer is JSON-able."""

    def __init__(self, index: Index, edits: Edits) -> None:
        self._index, self._edits = index, edits
        self.filters = Filters(index)
        self._facets: tuple[object, dict[str, Any]] = (None, {})
        self._slow = False  # counting everything takes so long that nobody should wait for it
        self._counts: dict[tuple[object, ...], int] = {}

    # -- lists -----------------------------------------------------------------------------------

    def page(self, search: Search, offset: int, limit: int) -> dict[str, Any]:
        """Cards `offset` to `offset + limit` of a search, and how many there are."""
        rows = self._rows(search, max(0, offset), min(limit, _MOST_LISTED))
        return {"total": self.count(search), "offset": offset, "cards": self.briefs(rows)}

    def _rows(self, search: Search, offset: int, limit: int) -> list[Any]:
        where, values = search.where()
        return self._index.rows(
            # the order is walked in its own index; whole rows are read for the page only
            f"SELECT * FROM cards WHERE id IN (SELECT id FROM cards WHERE {where} "
            f"ORDER BY {search.order_by()} LIMIT ? OFFSET ?) ORDER BY {search.order_by()}",
            [*values, limit, offset],
        )

    def count(self, search: Search) -> int:
        """Number of cards of a search."""
        where, values = search.where()
        key = (self._index.version, where, tuple(values))
        if key not in self._counts:
            if len(self._counts) > _MOST_COUNTS:
                self._counts.clear()
            count = self._index.rows(f"SELECT COUNT(*) FROM cards WHERE {where}", values)[0][0]
            self._counts[key] = int(count)
        return self._counts[key]

    def first(self, search: Search, count: int) -> list[dict[str, Any]]:
        """Cards of the first `count` results of a search."""
        return [dict(row) for row in self._rows(search, 0, count)]

    def sample(self, count: int) -> list[dict[str, Any]]:
        """Some cards with a caption, spread over all; the same ones as long as none changes."""
        rows = self._index.rows(
            "SELECT * FROM cards WHERE id IN (SELECT id FROM cards WHERE present = 1 "
            "AND caption IS NOT NULL ORDER BY (id * 2654435761) % 4294967296 LIMIT ?)",
            (count,),
        )
        return [dict(row) for row in rows]

    def each(self, search: Search) -> Iterator[Mapping[str, Any]]:
        """Every card of a search, in order, as it is when this begins."""
        where, values = search.where()
        for row in self._index.each(
            f"SELECT * FROM cards WHERE {where} ORDER BY {search.order_by()}", values
        ):
            yield dict(row)

    def briefs(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Cards for a list, with how many share each one's caption."""
        works = {row["work"] for row in rows if row["work"] is not None}
        marks = ", ".join("?" * len(works))
        shared: dict[int, int] = dict(
            self._index.rows(
                f"SELECT work, COUNT(*) FROM cards WHERE work IN ({marks}) AND +present = 1 "
                "GROUP BY work",  # the plus: by the few works, not by the many that are present
                list(works),
            )
        )
        return [views.listed_fields(row, shared.get(row["work"], 0)) for row in rows]

    def cards(self, images: Sequence[int]) -> list[dict[str, Any]]:
        """Cards by their numbers, in that order; those that are not there are left out."""
        marks = ", ".join("?" * len(images))
        rows = self._index.rows(f"SELECT * FROM cards WHERE id IN ({marks})", images)
        by_id = {row["id"]: dict(row) for row in rows}
        return [by_id[image] for image in images if image in by_id]

    def cards_of_file(self, source_id: bytes) -> list[dict[str, Any]]:
        """Cards of all images whose files have this SHA-256."""
        rows = self._index.rows("SELECT * FROM cards WHERE source_id = ?", (source_id,))
        return [dict(row) for row in rows]

    def cards_at(self, path: str, file: str) -> list[dict[str, Any]]:
        """Cards of an image or of all in a folder, by its path below the source or by its file."""
        rows = self._index.rows(
            "SELECT * FROM cards WHERE present = 1 AND (path = ? OR file = ? "
            "OR substr(path, 1, length(?)) = ? OR substr(file, 1, length(?)) = ?)",
            (path, file, f"{path}/", f"{path}/", f"{file}/", f"{file}/"),
        )
        return [dict(row) for row in rows]

    # -- one card --------------------------------------------------------------------------------

    def detail(self, image: int) -> dict[str, Any]:
        """Everything about one card.

        Raises:
            UsageError: there is no such card.
        """
        card = self._index.card(image)
        if card is None:
            raise UsageError("there is no such image")
        spec = spec_of(self._index, card["spec"])
        history = self._edits.history(card["source_id"]) if card["source_id"] else []
        columns = views.columns_of(card)
        return {
            **self.briefs([card])[0],
            "fields": views.fields_of(card),
            "model_fields": views.fields_of(card, "model_fields"),
            "schema": _field_schema(spec),
            "columns": columns,
            "format": card["format"],
            "prompt": spec.get("template", ""),
            "system": (spec.get("request") or {}).get("system", ""),
            "attempts": card["attempts"],
            "captioned_at": card["captioned_at"],
            "reach": len(self.reached(card)),
            "findings": self._findings_of(card),
            "history": [
                {"action": judgement.action, "at": judgement.at, "reviewer": judgement.reviewer,
                 "before": judgement.before, "after": judgement.caption, "note": judgement.note,
                 "holds": holds}
                for judgement, holds in history if judgement_applies(judgement, columns)
            ],
        }  # fmt: skip

    def details(self, card: Mapping[str, Any]) -> dict[str, str]:
        """Parts of a card's caption that its findings are about, by kind."""
        rows = self._index.rows("SELECT things FROM seen WHERE source_id = ?", (card["source_id"],))
        return self._index.audit.details(card, json.loads(rows[0][0]) if rows else ())

    def _findings_of(self, card: Mapping[str, Any]) -> list[dict[str, str]]:
        details = self.details(card)
        return [
            {"kind": name, "title": KINDS_BY_NAME[name].title, "detail": details.get(name, "")}
            for name in names_of(card["findings"])
        ]

    def reached(self, card: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Cards that a decision about this one holds for."""
        if card["source_id"] is None:
            return []
        values = json.loads(card["selector"])
        return [
            other
            for other in self.cards_of_file(card["source_id"])
            if values.items() <= views.columns_of(other).items()
        ]

    # -- counts ----------------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """Counts by review and the values of every filter; read anew when the index changed."""
        version = self._index.version
        if self._facets[0] != version and not (self._slow and self._facets[1]):
            self.count_again()
        done, of = self._index.progress
        undo = views.step_of(self._edits.last_undoable())
        progress = {"indexed": done, "indexing": of, "undo": undo}
        return {**self._facets[1], "version": self._facets[0], **progress}

    def count_again(self) -> None:
        """Count everything anew; called when the index changed, also where that takes seconds."""
        version, began = self._index.version, time.monotonic()
        self.count(Search.of([]))
        self._facets = version, self.filters.count_all()
        self._slow = time.monotonic() - began > _SLOW_SECONDS

    # -- comparing -------------------------------------------------------------------------------

    def compare(self, left: int, right: int, offset: int, limit: int) -> dict[str, Any]:
        """Captions of two specs for the same images, side by side."""
        join = (
            "FROM variants l JOIN variants r ON r.original = l.original AND r.spec = ? "
            "JOIN cards c ON c.original = l.original AND c.present = 1 "
            "WHERE l.spec = ? AND c.id = (SELECT MIN(id) FROM cards x "
            "WHERE x.original = l.original AND x.present = 1)"
        )
        total = self._index.rows(f"SELECT COUNT(*) {join}", (right, left))[0][0]
        rows = self._index.rows(
            f"SELECT c.id, l.caption AS left_caption, r.caption AS right_caption, l.cost, r.cost, "
            f"l.work, r.work {join} ORDER BY c.source, c.path LIMIT ? OFFSET ?",
            (right, left, min(limit, _MOST_LISTED), max(0, offset)),
        )
        cards = {card["id"]: card for card in self.briefs(self.cards([row[0] for row in rows]))}
        return {
            "total": total,
            "offset": offset,
            "pairs": [
                {"card": cards[row[0]], "left": row[1], "right": row[2],
                 "left_work": row[5], "right_work": row[6]}
                for row in rows if row[0] in cards
            ],
        }  # fmt: skip

    def variant(self, image: int, work: int) -> tuple[bytes, str]:
        """(work key, caption) of another answer to the picture of a card.

        Raises:
            UsageError: it is no answer to that picture.
        """
        rows = self._index.rows(
            "SELECT v.work_key, v.caption FROM variants v JOIN cards c ON c.original = v.original "
            "WHERE c.id = ? AND v.work = ?",
            (image, work),
        )
        if not rows or rows[0][1] is None:
            raise UsageError("that caption is not about this picture")
        return rows[0][0], rows[0][1]

    # -- money -----------------------------------------------------------------------------------

    def next_run(self) -> str:
        """Sentence about what the requests for another caption will ask for, "" for none.

        The most is what the last request of each of them could cost.
        """
        count, most, unknown = self._index.count_recaptions()
        if not count:
            return ""
        money = "at a price that is not known" if unknown else f"for at most {format_usd(most)}"
        return f"The next run will send {counted(count, 'request')} again, {money}."


def _field_schema(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Schema of the fields beside the caption, in the order of the answer; {} for plain text."""
    request = spec.get("request") or {}
    schema = request.get("schema") or {}
    properties = schema.get("properties") or {}
    order = request.get("schema_order") or list(properties)
    return {name: properties[name] for name in order if name in properties and name != "caption"}
