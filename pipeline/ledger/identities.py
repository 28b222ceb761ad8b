"""Identities that do not belong to what they are the hashes of; reads only.

The hash of a work is that of its content, its spec and its prompt, so one that is right proves all
of them, and which image they are of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.identity import hash_of, work_key
from pipeline.core.prompt import fill_template
from pipeline.errors import UsageError
from pipeline.ledger.database import Database

# an image that is to be looked at again may have other columns by now
_WORKS = """
SELECT w.id, w.work_key, c.content_id, w.spec, i.columns FROM images i
CROSS JOIN works w ON w.id = i.work CROSS JOIN contents c ON c.id = w.content
WHERE i.todo = 0 AND i.present = 1 AND i.near_of IS NULL AND i.work IS NOT NULL ORDER BY i.work
"""


def wrong_identities(db: Database) -> Iterator[str]:
    """Sentences about specs, recipes and works."""
    specs: dict[object, tuple[bytes, str]] = {}
    wrong = 0
    for row, key, canonical, *texts in db.execute(
        "SELECT id, spec_id, canonical, provider, account, model, endpoint FROM specs"
    ):
        value = _value(canonical)
        wrong += value is None or hash_of(value) != key or not _says(value, texts)
        if value is not None:
            specs[row] = key, str(value.get("template", ""))
    if wrong:
        yield f"specs that their identity does not belong to: {wrong:,}"
    recipes = db.execute("SELECT recipe_id, canonical FROM recipes")
    values = ((key, _value(canonical)) for key, canonical in recipes)
    wrong = sum(value is None or hash_of(value) != key for key, value in values)
    if wrong:
        yield f"recipes that their identity does not belong to: {wrong:,}"
    wrong = _wrong_works(db, specs)
    if wrong:
        yield f"requests that their identity does not belong to: {wrong:,}"


def _says(spec: Mapping[str, Any], texts: list[str]) -> bool:
    """Compare the columns of a spec with what its canonical JSON says of them."""
    request = spec.get("request")
    request = request if isinstance(request, dict) else {}
    in_spec = (spec.get("provider"), spec.get("account"), request.get("model"),
               request.get("endpoint"))  # fmt: skip
    return all(value in (None, text) for value, text in zip(in_spec, texts, strict=True))


def _value(canonical: str) -> dict[str, Any] | None:
    try:
        value = json.loads(canonical)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _wrong_works(db: Database, specs: Mapping[object, tuple[bytes, str]]) -> int:
    """Number of works whose key is the hash of no image that shows them."""
    wrong, work, right = 0, None, True
    for row, key, content_id, spec, columns in db.execute(_WORKS):
        if row != work:
            wrong += not right
            work, right = row, spec not in specs
        right = right or _is_key(key, content_id, specs[spec], columns)
    return wrong + (not right)


def _is_key(key: bytes, content_id: bytes, spec: tuple[bytes, str], columns: str | None) -> bool:
    """Compare a work's key; True where its prompt is not known."""
    spec_id, template = spec
    try:
        prompt = fill_template(template, json.loads(columns) if columns else {})
        return not isinstance(prompt, str) or work_key(content_id, spec_id, prompt) == key
    except (UsageError, ValueError):  # of a spec that an older version recorded, or damaged
        return True
