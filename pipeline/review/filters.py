"""Filters of the page: every value that cards have, with the number of those that have it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pipeline.core.audit import KINDS, names_of
from pipeline.core.pricing import format_usd
from pipeline.review.index import Index

_FACETS = ("folder", "outcome", "reason_code", "model")
_MEASURES = {
    "side": "MAX(width, height)",  # pixels of the original
    "tokens": "tokens",  # of the request and its answer
    "characters": "LENGTH(caption)",
}
_MOST_VALUES = 200  # of one filter


class Filters:
    """Filters of the page, counted over the present cards of an index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def count_all(self) -> dict[str, Any]:
        """Counts by review, and the values of every filter with theirs; JSON-able."""
        rows = self._index.rows(
            "SELECT review, COUNT(*), SUM(undecided), SUM(again), "
            "SUM(cost) FROM cards WHERE present = 1 GROUP BY review"
        )
        by_review = {row[0]: int(row[1]) for row in rows}
        undecided = sum(int(row[2] or 0) for row in rows if row[0] is None)
        cost = sum(int(row[4] or 0) for row in rows)
        return {
            "images": sum(by_review.values()),
            "undecided": undecided,
            "accepted": by_review.get("accepted", 0),
            "edited": by_review.get("edited", 0),
            "rejected": by_review.get("rejected", 0),
            "again": sum(int(row[3] or 0) for row in rows),
            "cost": format_usd(cost),
            "facets": {name: self._facet(name) for name in _FACETS},
            "specs": self.specs(),
            "flags": self._flags(),
            "findings": self.findings(),
        }

    def _facet(self, column: str) -> list[tuple[str, int]]:
        rows = self._index.rows(
            f"SELECT {column}, COUNT(*) AS times FROM cards WHERE present = 1 "
            f"AND {column} IS NOT NULL GROUP BY {column} ORDER BY times DESC, 1 LIMIT ?",
            (_MOST_VALUES,),
        )
        return [(str(value), int(times)) for value, times in rows]

    def specs(self) -> list[dict[str, Any]]:
        """Prompts and models that captioned something here, the one with most images first."""
        rows = self._index.rows(
            "SELECT spec, COUNT(*) FROM cards WHERE present = 1 AND spec IS NOT NULL GROUP BY spec "
            "UNION SELECT spec, 0 FROM (SELECT DISTINCT spec FROM variants) "
            "WHERE spec NOT IN (SELECT spec FROM cards WHERE present = 1 AND spec IS NOT NULL) "
            "ORDER BY 2 DESC, 1"
        )
        specs = []
        for spec, times in rows:
            canonical = spec_of(self._index, spec)
            request = canonical.get("request") or {}
            specs.append({"id": spec, "images": times, "model": request.get("model", ""),
                          "prompt": canonical.get("template", ""),
                          "system": request.get("system", "")})  # fmt: skip
        return specs

    def _flags(self) -> list[tuple[str, int]]:
        counts: dict[str, int] = {}
        for flags, times in self._index.rows(
            "SELECT flags, COUNT(*) FROM cards WHERE present = 1 AND flags <> '' GROUP BY flags"
        ):
            for flag in flags.split(","):
                counts[flag] = counts.get(flag, 0) + times
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))

    def findings(self) -> list[tuple[str, int, str]]:
        """(kind, cards, title) of what an audit says, in its order."""
        counts: dict[str, int] = {}
        for findings, times in self._index.rows(
            "SELECT findings, COUNT(*) FROM cards WHERE present = 1 AND findings <> 0 "
            "GROUP BY findings"
        ):
            for name in names_of(findings):
                counts[name] = counts.get(name, 0) + times
        return [(kind.name, counts[kind.name], kind.title) for kind in KINDS if kind.name in counts]

    def histogram(self, measure: str, edges: Sequence[int]) -> list[int]:
        """Cards by a measure of `_MEASURES`: below the first edge, between, from the last on."""
        value = _MEASURES[measure]
        cases = " ".join(f"WHEN {value} < {edge} THEN {n}" for n, edge in enumerate(edges))
        counts = [0] * (len(edges) + 1)
        for place, times in self._index.rows(
            f"SELECT CASE {cases} ELSE {len(edges)} END, COUNT(*) FROM cards "
            f"WHERE present = 1 AND {value} IS NOT NULL GROUP BY 1"
        ):
            counts[place] = int(times)
        return counts


def spec_of(index: Index, spec: int | None) -> dict[str, Any]:
    """Canonical spec by its row of the ledger, {} for none."""
    text = index.spec_text(spec)
    value: dict[str, Any] = json.loads(text) if text else {}
    return value
