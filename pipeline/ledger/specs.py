"""Specs and preparation recipes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from pipeline.core.answer_schema import AnswerSchema
from pipeline.core.identity import canonical_json, hash_of
from pipeline.core.json_schema import properties_of
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.errors import BooksError
from pipeline.ledger.database import Database, sql_list

FACTS = ("provider", "account", "model", "endpoint", "spec_id")
"""Columns of the table that a spec decides."""


class RecipeRow(Struct, frozen=True):
    """Preparation recipe: its row, and the hash of the caps that decide what is refused.

    A content holds for the recipe alone; a refusal only for these caps.
    """

    row: int
    admission: bytes


class SpecText(Struct, frozen=True):
    """Columns of a spec beside its hash."""

    provider: str
    account: str
    model: str
    endpoint: str


class FormUnderWay(Struct, frozen=True):
    """Requests of a spec that are in batches at the service.

    Attributes:
        spec: its canonical JSON.
        since: epoch seconds of the first create call.
    """

    spec: str
    since: int
    requests: int


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

    def canonical(self, spec: int) -> Mapping[str, Any]:
        """Spec by its row."""
        row = self._db.one("SELECT canonical FROM specs WHERE id = ?", (spec,))
        return json.loads(str(row[0])) if row else {}

    def max_tokens(self, spec: int | None) -> int | None:
        """Most tokens of an answer under a spec, None where the ledger does not know it."""
        request = self.canonical(spec).get("request") if spec is not None else None
        most = request.get("max_completion_tokens") if isinstance(request, dict) else None
        return most if isinstance(most, int) else None

    def answered(self) -> list[str]:
        """Canonical JSON of the specs under which a request has had an answer."""
        rows = self._db.execute(
            # by its shards, and those that were adopted, which have none: each spec would read all
            # works of those before it
            "SELECT canonical FROM specs s WHERE EXISTS (SELECT 1 FROM shards h "
            "CROSS JOIN items i ON i.shard = h.id CROSS JOIN works w ON w.id = i.work "
            "WHERE (h.spec = s.id OR h.spec IS NULL) AND w.spec = s.id "
            f"AND w.outcome IN ({sql_list(PAID_OUTCOMES)}))"
        )
        return [str(text) for (text,) in rows]

    def under_way(self) -> list[FormUnderWay]:
        """Specs whose requests are in batches at the service, or may be."""
        rows = self._db.execute(
            "SELECT s.canonical, MIN(h.intent_at), SUM(h.requests) FROM shards h "
            "JOIN specs s ON s.id = h.spec WHERE h.cleaned = 0 "
            "AND h.state IN ('CREATING', 'SUBMITTED') AND h.intent_at IS NOT NULL GROUP BY s.id"
        )
        return [FormUnderWay(str(text), int(since), int(count)) for text, since, count in rows]

    def answer_schema(self, spec: int | None) -> AnswerSchema | None:
        """Schema of the answers of this spec, None for plain text."""
        row = self._db.one("SELECT canonical FROM specs WHERE id = ?", (spec,))
        schema = _schema_in(str(row[0])) if row else None
        return AnswerSchema.of(schema) if schema else None

    def schema_fields(self, spec: int | None) -> tuple[str, ...]:
        """Names of the properties that a structured answer must have, () for plain text."""
        schema = self.answer_schema(spec)
        return schema.fields if schema else ()

    def prompts(self) -> list[str]:
        """Templates of the prompts of the specs that the sources' rows are about."""
        rows = self._db.execute(
            "SELECT canonical FROM specs WHERE id IN (SELECT spec FROM sources) ORDER BY id"
        )
        templates = (str(json.loads(text).get("template", "")) for (text,) in rows)
        return [template for template in dict.fromkeys(templates) if template]

    def texts(self) -> list[dict[str, str | None]]:
        """Words of every spec: its id, model, system prompt, and template of the user prompt."""
        rows = self._db.execute("SELECT spec_id, model, canonical FROM specs ORDER BY id")
        return [
            {"spec_id": key.hex(), "model": str(model), **_words_of(json.loads(canonical))}
            for key, model, canonical in rows
        ]

    def facts(self) -> dict[str, dict[object, object]]:
        """Columns of the table that a spec decides: name -> spec's row -> cell."""
        rows = list(self._db.execute(f"SELECT id, {', '.join(FACTS)} FROM specs"))
        return {name: {row[0]: row[at] for row in rows} for at, name in enumerate(FACTS, start=1)}

    def schemas(self) -> list[Mapping[str, Any]]:
        """JSON schemas of structured answers, of the specs that the sources' rows are about."""
        rows = self._db.execute(
            "SELECT canonical FROM specs WHERE id IN (SELECT spec FROM sources) ORDER BY id"
        )
        schemas = (_schema_in(text) for (text,) in rows)
        return [schema for schema in schemas if schema]


def schema_of_names(names: str | None) -> AnswerSchema:
    """Schema of answers of which the names of the fields alone are known: a JSON list, as a batch's
    metadata have it; None for plain text.

    Raises:
        BooksError: the ledger is damaged there.
    """
    try:
        return AnswerSchema(tuple(map(str, json.loads(names or "[]"))))
    except (ValueError, TypeError) as error:
        raise BooksError(
            f"the ledger has {names!r} for the names of an answer's fields: it is damaged; restore "
            "an older copy of ledger.db, or move it away and run 'captionmill rebuild'"
        ) from error


def _words_of(spec: Mapping[str, Any]) -> dict[str, str | None]:
    return {"system": spec.get("request", {}).get("system"), "user": spec.get("template")}


def _schema_in(canonical: str) -> Mapping[str, Any] | None:
    """Schema of a spec with its properties in order, which canonical JSON sorts by name."""
    request = json.loads(canonical).get("request", {})
    schema = request.get("schema")
    if not schema:
        return None
    properties = properties_of(schema)
    order = request.get("schema_order") or schema.get("required") or ()
    names = dict.fromkeys((*filter(properties.__contains__, order), *properties))
    return {**schema, "properties": {name: properties[name] for name in names}}
