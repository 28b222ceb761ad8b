"""Specs and preparation recipes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.identity import canonical_json, hash_of
from pipeline.ledger.database import Database


@dataclass(frozen=True, slots=True)
class RecipeRow:
    """Preparation recipe: its row, and the hash of the caps that decide what is refused.

    A content holds for the recipe alone; a refusal only for these caps.
    """

    row: int
    admission: bytes


@dataclass(frozen=True, slots=True)
class SpecText:
    """Columns of a spec beside its hash."""

    provider: str
    account: str
    model: str
    endpoint: str


class Specs:
    """Tables `specs` and `recipes`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def spec(self, canonical: Mapping[str, object], text: SpecText, now: int) -> int:
        """Row of a spec, made when new."""
        key = hash_of(canonical)
        self._db.execute(
            "INSERT INTO specs (spec_id, canonical, provider, account, model, endpoint, "
            "created_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (key, canonical_json(canonical), text.provider, text.account, text.model,
             text.endpoint, now),
        )  # fmt: skip
        return self._db.number("SELECT id FROM specs WHERE spec_id = ?", (key,))

    def recipe(self, canonical: Mapping[str, object], admission: Mapping[str, object]) -> RecipeRow:
        """Row of a preparation recipe, made when new."""
        key = hash_of(canonical)
        self._db.execute(
            "INSERT INTO recipes (recipe_id, canonical) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (key, canonical_json(canonical)),
        )
        row = self._db.number("SELECT id FROM recipes WHERE recipe_id = ?", (key,))
        return RecipeRow(row, hash_of(admission))

    def in_use(self) -> list[int]:
        """Rows of the specs that the sources' rows are about."""
        rows = self._db.execute(
            "SELECT DISTINCT spec FROM sources WHERE spec IS NOT NULL ORDER BY spec"
        )
        return [int(row) for (row,) in rows]

    def schema_fields(self, spec: int | None) -> tuple[str, ...]:
        """Properties that a structured answer of this spec must have, () for plain text."""
        row = self._db.one("SELECT canonical FROM specs WHERE id = ?", (spec,))
        if row is None:
            return ()
        schema = json.loads(str(row[0])).get("request", {}).get("schema")
        return tuple((schema or {}).get("properties", {}))

    def schemas(self) -> list[Mapping[str, Any]]:
        """JSON schemas of structured answers, of the specs that the sources' rows are about."""
        rows = self._db.execute(
            "SELECT canonical FROM specs WHERE id IN (SELECT spec FROM sources) ORDER BY id"
        )
        schemas = (json.loads(text).get("request", {}).get("schema") for (text,) in rows)
        return [schema for schema in schemas if schema]
