"""Tables and triggers that note which rows of the table of captions have changed since it was
written, whoever changes them.

`table_marks` holds the last ids that the table has seen; NULLs say that nothing is known, and then
nothing is noted. New rows need no trigger: their ids are larger. A trigger on INSERT would have
SQLite copy each page that a row touches, and so would one on columns that every image changes.
"""

from __future__ import annotations

_FORGET = """UPDATE table_marks SET last_image = NULL, last_work = NULL, last_answer = NULL,
    last_item = NULL WHERE last_image IS NOT NULL"""
# not OR IGNORE: a statement that says ON CONFLICT itself decides about what its triggers do, too
_ONCE = "ON CONFLICT DO NOTHING"
_IMAGE_CELLS = ("location", "columns", "original", "content", "work", "near_of", "near_distance",
                "todo", "present", "reject_code", "reject_detail", "flags", "existing_text",
                "existing_in", "first_seen_at")  # fmt: skip
_WORK_CELLS = ("work_key", "content", "spec", "representative", "state", "outcome", "reason",
               "attempts", "answer", "estimated")  # fmt: skip
_ANSWER_CELLS = ("work", "attempt", "batch", "outcome", "caption", "fields", "reason", "code",
                 "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens",
                 "reasoning_tokens", "billed", "price_version", "served_model", "request_id",
                 "received_at", "flags", "service_cost")  # fmt: skip
_ITEM_CELLS = ("shard", "work", "attempt", "worst")
# what many images show, and what says where an image stands among the others
_SHARED = {
    "images": ("id", "folder", "name", "occurrence"),
    "works": ("id",),
    "answers": ("id",),
    "items": ("id",),
    "originals": ("id", "source_id", "format", "width", "height"),
    "contents": ("id", "content_id", "width", "height"),
    "preparations": ("original", "recipe", "content", "flags"),
    "batches": ("id", "batch_id", "shard"),
    "sources": ("id", "kind", "locator", "label"),
    "folders": ("id", "source", "path"),
}


def _differ(columns: tuple[str, ...]) -> str:
    """SQL that tells whether an update changed one of these columns."""
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"({old}) IS NOT ({new})" if len(columns) > 1 else f"{old} IS NOT {new}"


def _updated(table: str, columns: tuple[str, ...], last: str, body: str) -> str:
    return f"""CREATE TRIGGER {table}_changed AFTER UPDATE OF {", ".join(columns)} ON {table}
    WHEN OLD.id <= (SELECT {last} FROM table_marks) AND {_differ(columns)}
    BEGIN {body}; END"""


def _forgotten(table: str, event: str, condition: str) -> str:
    name = f"{table}_{event.split()[0].lower()}_forgets"
    return f"CREATE TRIGGER {name} AFTER {event} ON {table} {condition} BEGIN {_FORGET}; END"


CHANGED_ROWS: tuple[str, ...] = (
    """CREATE TABLE table_marks (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        last_image INTEGER, last_work INTEGER, last_answer INTEGER, last_item INTEGER,
        last_original INTEGER, preparations INTEGER
    ) STRICT""",
    "INSERT INTO table_marks (id) VALUES (1)",
    "CREATE TABLE changed_images (image INTEGER PRIMARY KEY) STRICT",
    "CREATE TABLE changed_works (work INTEGER PRIMARY KEY) STRICT",
    _updated(
        "images",
        _IMAGE_CELLS,
        "last_image",
        f"INSERT INTO changed_images VALUES (OLD.id) {_ONCE}; "
        "INSERT INTO changed_works SELECT OLD.work "
        f"WHERE OLD.work IS NOT NULL AND OLD.work IS NOT NEW.work {_ONCE}",
    ),
    _updated(
        "works", _WORK_CELLS, "last_work", f"INSERT INTO changed_works VALUES (OLD.id) {_ONCE}"
    ),
    _updated(
        "answers",
        _ANSWER_CELLS,
        "last_answer",
        f"INSERT INTO changed_works VALUES (OLD.work), (NEW.work) {_ONCE}",
    ),
    _updated(
        "items",
        _ITEM_CELLS,
        "last_item",
        f"INSERT INTO changed_works VALUES (OLD.work), (NEW.work) {_ONCE}",
    ),
    # a further item may take the id of one that is gone
    f"""CREATE TRIGGER items_gone AFTER DELETE ON items
    WHEN (SELECT last_item FROM table_marks) IS NOT NULL
    BEGIN
        INSERT INTO changed_works VALUES (OLD.work) {_ONCE};
        UPDATE table_marks SET last_item = MIN(last_item, OLD.id - 1);
    END""",
    *(
        _forgotten(table, f"UPDATE OF {', '.join(columns)}", f"WHEN {_differ(columns)}")
        for table, columns in _SHARED.items()
    ),
    *(
        _forgotten(table, "DELETE", "")
        for table in ("images", "works", "answers", "originals", "contents", "preparations")
    ),
    *(_forgotten("rechecks", event, "") for event in ("INSERT", "UPDATE", "DELETE")),
)
"""Statements of the migration that adds them; never edited."""
