"""SQL of the index: its tables, and what it reads from the ledger, which is attached read-only.

A card is an image as the page shows it. Names of the index's tables differ from the ledger's, so
that the ledger's stand for themselves.
"""

from __future__ import annotations

from pipeline.core.caption_sketch import BANDS
from pipeline.ledger.near_duplicates import perceptual_hash_of
from pipeline.ledger.places import file_path
from pipeline.ledger.row_outcome import SHOWN_CAPTION
from pipeline.ledger.rows import COLUMNS

VERSION = 3
"""A file of another version is thrown away and made anew."""

TABLES = (
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT) STRICT, WITHOUT ROWID",
    """CREATE TABLE cards (
        id INTEGER PRIMARY KEY, mark TEXT NOT NULL,
        source TEXT NOT NULL, folder TEXT NOT NULL, path TEXT NOT NULL, occurrence INTEGER NOT NULL,
        file TEXT, source_id BLOB, original INTEGER, work INTEGER, work_key BLOB, spec INTEGER,
        model TEXT, provider TEXT, state TEXT, outcome TEXT NOT NULL, reason TEXT, reason_code TEXT,
        flags TEXT, caption TEXT, model_caption TEXT, fields TEXT, model_fields TEXT, columns TEXT,
        selector TEXT NOT NULL, review TEXT, reviewed_at INTEGER, reviewer TEXT, note TEXT,
        again INTEGER NOT NULL,
        undecided INTEGER NOT NULL, attempts INTEGER NOT NULL, tokens INTEGER, cost INTEGER,
        captioned_at INTEGER, present INTEGER NOT NULL, width INTEGER, height INTEGER, format TEXT,
        findings INTEGER NOT NULL, going INTEGER NOT NULL
    ) STRICT""",
    # the filters of the page, and its orders; each ends in the order of the table
    # what a filter of a million cards reads stands in its index, so that no card is read for it
    "CREATE INDEX cards_by_path ON cards (present, source, path, occurrence, cost, captioned_at, "
    "spec, model)",
    "CREATE INDEX cards_gone_too ON cards (source, path, occurrence)",
    "CREATE INDEX cards_by_review ON cards (present, review, source, path, occurrence)",
    "CREATE INDEX cards_undecided ON cards (present, source, path, occurrence, undecided) "
    "WHERE undecided = 1",
    "CREATE INDEX cards_counted ON cards (present, review, undecided, again, cost)",
    "CREATE INDEX cards_by_outcome ON cards (present, outcome, source, path, occurrence)",
    "CREATE INDEX cards_by_folder ON cards (present, folder, source, path, occurrence)",
    "CREATE INDEX cards_by_spec ON cards (present, spec, model)",
    "CREATE INDEX cards_by_reason ON cards (present, reason_code, source, path, occurrence) "
    "WHERE reason_code IS NOT NULL",
    "CREATE INDEX cards_by_flags ON cards (present, source, path, occurrence, flags) "
    "WHERE flags <> ''",
    "CREATE INDEX cards_going ON cards (present, source, path, occurrence, going) WHERE going = 1",
    "CREATE INDEX cards_by_length ON cards (present, LENGTH(caption))",
    "CREATE INDEX cards_by_cost ON cards (present, cost)",
    "CREATE INDEX cards_by_date ON cards (present, captioned_at)",
    "CREATE INDEX cards_by_decision ON cards (present, reviewed_at)",
    "CREATE INDEX cards_by_findings ON cards (present, source, path, occurrence, findings) "
    "WHERE findings <> 0",
    "CREATE INDEX cards_by_source_id ON cards (source_id) WHERE source_id IS NOT NULL",
    "CREATE INDEX cards_by_work ON cards (work) WHERE work IS NOT NULL",
    "CREATE INDEX cards_by_original ON cards (original) WHERE original IS NOT NULL",
    # captions as an audit compares them, and the values of `texts` that are remarkable
    """CREATE TABLE texts (
        card INTEGER PRIMARY KEY, original INTEGER, picture BLOB, prompt INTEGER NOT NULL,
        words INTEGER NOT NULL, opening INTEGER, language TEXT NOT NULL,
        band0 INTEGER, band1 INTEGER, band2 INTEGER, shared INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX texts_by_words ON texts (words, original)",
    "CREATE INDEX texts_by_opening ON texts (prompt, opening)",
    "CREATE INDEX texts_by_language ON texts (prompt, language)",
    *(f"CREATE INDEX texts_by_band{n} ON texts (band{n}, original)" for n in range(BANDS)),
    """CREATE TABLE remarkable (
        kind TEXT NOT NULL, value ANY NOT NULL, PRIMARY KEY (kind, value)
    ) STRICT, WITHOUT ROWID""",
    # things that the local captioner saw in a picture, as JSON
    "CREATE TABLE seen (source_id BLOB PRIMARY KEY, things TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # answers of every spec to an original, for comparing
    """CREATE TABLE variants (
        original INTEGER NOT NULL, spec INTEGER NOT NULL, work INTEGER NOT NULL,
        work_key BLOB NOT NULL, representative INTEGER, caption TEXT, cost INTEGER,
        attempts INTEGER NOT NULL, PRIMARY KEY (spec, original, work)
    ) STRICT, WITHOUT ROWID""",
    """CREATE VIRTUAL TABLE words USING fts5 (
        caption, path, columns, content = 'cards', content_rowid = 'id',
        tokenize = "unicode61 remove_diacritics 2"
    )""",
    """CREATE TRIGGER words_insert AFTER INSERT ON cards BEGIN
        INSERT INTO words (rowid, caption, path, columns)
        VALUES (new.id, new.caption, new.path, new.columns); END""",
    """CREATE TRIGGER words_delete AFTER DELETE ON cards BEGIN
        INSERT INTO words (words, rowid, caption, path, columns)
        VALUES ('delete', old.id, old.caption, old.path, old.columns); END""",
)

# what a card follows from; equal marks are equal cards
_MARK = " || ' ' || ".join(
    f"COALESCE({name}, '')"
    for name in ("i.work", "w.answer", "w.state", "w.outcome", "w.attempts", "w.representative",
                 "i.original", "i.content", "i.present", "i.reject_code", "i.folder", "i.location",
                 "i.columns", "i.existing_text", "i.existing_in", "i.todo")
)  # fmt: skip

CHANGED = f"""
INSERT INTO temp.changed (id)
SELECT i.id FROM ledger.images i LEFT JOIN ledger.works w ON w.id = i.work
LEFT JOIN main.cards c ON c.id = i.id WHERE c.mark IS NOT ({_MARK})
"""

GONE = "DELETE FROM cards WHERE id NOT IN (SELECT id FROM ledger.images)"
GONE_TEXTS = "DELETE FROM texts WHERE card NOT IN (SELECT id FROM cards)"

_COST = """CASE WHEN w.representative = i.id THEN (SELECT SUM(COALESCE(y.billed,
    (SELECT z.worst FROM batches b JOIN items z ON z.shard = b.shard
     WHERE b.id = y.batch AND z.work = y.work AND z.attempt = y.attempt)))
    FROM answers y WHERE y.work = w.id) WHEN w.id IS NOT NULL THEN 0 END"""

READ: dict[str, str] = {
    "id": "i.id",
    "mark": _MARK,
    "source": COLUMNS["source"],
    "folder": "f.path",
    "path": COLUMNS["path"],
    "occurrence": "i.occurrence",
    "file": file_path("s", "f", "i"),
    "source_id": "o.source_id",
    "original": "i.original",
    "work": "i.work",
    "work_key": "w.work_key",
    "spec": "COALESCE(w.spec, s.spec)",
    "model": "CASE WHEN w.id IS NOT NULL THEN p.model END",
    "provider": "CASE WHEN w.id IS NOT NULL THEN p.provider END",
    "state": "w.state",
    "outcome": COLUMNS["outcome"],
    "reason": COLUMNS["reason"],
    "reason_code": COLUMNS["reason_code"],
    "flags": COLUMNS["flags"],
    "caption": SHOWN_CAPTION,
    "fields": "a.fields",
    "columns": "i.columns",
    "attempts": "COALESCE(w.attempts, 0)",
    "tokens": "CASE WHEN w.representative = i.id THEN a.prompt_tokens + a.completion_tokens END",
    "cost": _COST,
    "captioned_at": COLUMNS["captioned_at"],
    "present": "i.present",
    "width": "o.width",
    "height": "o.height",
    "format": "o.format",
    "picture": perceptual_hash_of("c"),
}
"""Name -> SQL of what the ledger says of an image."""

ROWS = f"""
SELECT {", ".join(f"{sql} AS {name}" for name, sql in READ.items())}
FROM images i JOIN folders f ON f.id = i.folder JOIN sources s ON s.id = f.source
LEFT JOIN originals o ON o.id = i.original LEFT JOIN contents c ON c.id = i.content
LEFT JOIN works w ON w.id = i.work LEFT JOIN answers a ON a.id = w.answer
LEFT JOIN specs p ON p.id = COALESCE(w.spec, s.spec)
WHERE i.id IN (SELECT id FROM temp.part)
"""

VARIANTS = """
INSERT OR REPLACE INTO main.variants
SELECT DISTINCT p.original, w.spec, w.id, w.work_key, w.representative, a.caption,
       a.billed, w.attempts
FROM ledger.works w JOIN ledger.answers a ON a.id = w.answer
JOIN ledger.preparations p ON p.content = w.content
WHERE w.outcome = 'captioned' AND w.spec IS NOT NULL
"""

# one request a work; the most is what was reserved for its last one
RECAPTIONS = """
SELECT COUNT(*), SUM(worst), SUM(worst IS NULL) FROM (
    SELECT c.work, (SELECT z.worst FROM ledger.items z WHERE z.work = c.work
                    ORDER BY z.attempt DESC LIMIT 1) AS worst
    FROM cards c WHERE c.going = 1 AND c.again = 1 AND c.work IS NOT NULL AND c.present = 1
    GROUP BY c.work
)
"""
