"""Seals: checksums of rows that no longer change, beside them in the column `seal`.

A row is sealed by the transaction that closes it; whoever changes a sealed cell later takes the
seal away, and the next closing sets another. Rows that earlier versions closed have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from xxhash import xxh3_128

from pipeline.ledger.database import Database

SEALED: dict[str, tuple[str, ...]] = {
    "shards": ("shard_key", "spec", "model", "generation", "requests", "bytes", "checksum",
               "prompt_tokens", "guessed", "worst", "price_version", "prices", "fields",
               "file_id", "intent_at", "created_at"),
    "batches": ("batch_id", "shard", "generation", "role", "status", "input_file_id",
                "output_file_id", "error_file_id", "created_at", "expires_at", "total",
                "completed", "failed", "prompt_tokens", "completion_tokens", "beyond",
                "made_here", "settled_at"),
    "reservations": ("shard", "generation", "run", "day", "month", "reserved", "settled", "state",
                     "made_at", "closed_at"),
    "calibration": ("model", "estimated", "billed", "lines", "guessed", "guessed_billed"),
}  # fmt: skip
"""Cells that a seal is of."""

ITEMS = ("work", "attempt", "worst", "estimated", "prompt_tokens")
"""Cells of a shard's items, which its seal is of too."""

_KEY = {"calibration": "model"}
_PAGE = 1_000  # items
_OF_ITEMS = f"SELECT {', '.join(ITEMS)} FROM items WHERE shard = ? ORDER BY id"


def set_seal(db: Database, table: str, key: int | str, items: Iterator[str] | None = None) -> None:
    """Seal a row of a table, as it is now; `calibration` has no numbers but models.

    Args:
        items: `sealed_words` of a shard, where this transaction has read its items already.
    """
    column = _KEY.get(table, "id")
    cells = db.one(f"SELECT {', '.join(SEALED[table])} FROM {table} WHERE {column} = ?", (key,))
    if cells is not None:
        checksum = _checksum(db, table, key, cells, items)
        db.execute(f"UPDATE {table} SET seal = ? WHERE {column} = ?", (checksum, key))


def seal_reservations(db: Database, shard: int) -> None:
    """Seal the reservations of a shard that are closed."""
    rows = db.execute("SELECT id FROM reservations WHERE shard = ? AND state <> 'open'", (shard,))
    for (row,) in rows.fetchall():
        set_seal(db, "reservations", int(row))


def break_seal(db: Database, table: str, row: int) -> None:
    """Take the seal of a row away, whose cells are about to change."""
    db.execute(f"UPDATE {table} SET seal = NULL WHERE id = ? AND seal IS NOT NULL", (row,))


def broken_seals(db: Database) -> Iterator[tuple[str, int]]:
    """(table, number of rows) whose cells are not what was sealed."""
    for table, columns in SEALED.items():
        key = _KEY.get(table, "id")
        rows = db.execute(
            f"SELECT {key}, seal, {', '.join(columns)} FROM {table} WHERE seal IS NOT NULL"
        )
        count = sum(_checksum(db, table, row, cells) != seal for row, seal, *cells in rows)
        if count:
            yield table, count


def _checksum(
    db: Database,
    table: str,
    key: object,
    cells: object,
    items: Iterator[str] | None = None,
) -> bytes:
    digest = xxh3_128(repr(tuple(cells)).encode("utf-8", "surrogatepass"))  # type: ignore[arg-type]
    if table == "shards":
        if items is None:
            items = (
                # as repr of each tuple, of numbers and None alone, in two thirds of its time
                f"({work}, {n}, {most}, {cost}, {tokens})"
                for work, n, most, cost, tokens in db.execute(_OF_ITEMS, (key,))
            )
        while page := [*islice(items, _PAGE)]:  # many at a time, in half the time of one by one
            digest.update("".join(page).encode())
    return digest.digest()


def sealed_words(
    works: Iterable[int], kinds: Iterable[int], cells: Sequence[tuple[object, ...]]
) -> Iterator[str]:
    """Items in the words of a seal, as `repr` gives their cells of ITEMS.

    Args:
        kinds: number of the other cells of each item in `cells`.
    """
    words = [f"{repr(of_kind)[1:-1]})" for of_kind in cells]
    return (f"({work}, {words[kind]}" for work, kind in zip(works, kinds, strict=True))
