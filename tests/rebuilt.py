"""Comparison of the tables of a lost ledger with those of the one that was rebuilt."""

from __future__ import annotations

from typing import Any

Rows = list[dict[str, Any]]

FORGOTTEN = frozenset({"first_seen_at"})
"""Columns that nothing but the lost ledger tells."""

IMAGE = ("source", "path", "occurrence")
CHARGE = ("batch_id", "work_key", "attempt")


def differences(before: Rows, after: Rows, keys: tuple[str, ...]) -> list[str]:
    """Cells of rows with the same keys that differ, each in words."""
    was, now = ({tuple(row[key] for key in keys): row for row in rows} for rows in (before, after))
    found = [f"{key} is in one alone" for key in was.keys() ^ now.keys()]
    for key in was.keys() & now.keys():
        found += [
            f"{key} {name}: {was[key][name]} is {now[key][name]}"
            for name in was[key].keys() - FORGOTTEN
            if was[key][name] != now[key][name]
        ]
    return sorted(found)
