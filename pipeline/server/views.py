"""Files and batches as JSON objects, spelled as the service or a compatible one spells them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pipeline.server.batch_store import fault_of
from pipeline.server.bodies import response_usage
from pipeline.server.faults import Compat, ListFaults
from pipeline.server.file_store import FileRow
from pipeline.server.ids import IdGenerator
from pipeline.server.prices import TokenCounts
from pipeline.server.refusals import invalid

_TIMES = (
    *("created_at", "in_progress_at", "expires_at", "finalizing_at", "completed_at"),
    *("failed_at", "expired_at", "cancelling_at", "cancelled_at"),
)
_ENDS = ("completed", "failed", "expired", "cancelled")
_Row = TypeVar("_Row", FileRow, sqlite3.Row)


def file_view(row: FileRow, compat: Compat) -> dict[str, Any]:
    """File object."""
    view = {
        "id": row.id,
        "object": "file",
        "bytes": row.bytes,
        "created_at": _time(row.created_at, compat),
        "expires_at": _time(row.expires_at, compat),
        "filename": row.filename,
        "purpose": row.purpose,
        "status": "processed",
        "status_details": None,
    }
    if compat.wrapped_files:
        view["createdAt"] = view.pop("created_at")
    return view


def enveloped(view: dict[str, Any], compat: Compat) -> dict[str, Any]:
    """Answer about files as `compat` wraps it."""
    if not compat.wrapped_files:
        return view
    return {"code": 20000, "message": "Ok", "status": True, "data": view}


def batch_view(row: sqlite3.Row, compat: Compat, now: float) -> dict[str, Any]:
    """Batch object as the service shows it at a time."""
    fault, status = fault_of(row), row["status"]
    none = "" if fault.empty_ids else None
    over = row[f"{status}_at"] if status in _ENDS else None
    age = float("inf") if over is None else now - over
    named = {name: row[name] or none for name in ("output_file_id", "error_file_id")}
    if age < fault.files_late_seconds:
        named = dict.fromkeys(named, none)
    elif age < fault.output_is_input:
        named = {"output_file_id": row["input_file_id"], "error_file_id": none}
    if status == "validating":
        status = compat.queued_word
    view = {
        "id": row["id"],
        "object": "batch",
        "endpoint": row["endpoint"],
        "model": row["model"],
        "errors": _errors(row),
        "input_file_id": row["input_file_id"],
        "completion_window": row["completion_window"],
        "status": status.upper() if compat.upper_case_status else status,
        **named,
        **{name: _time(row[name], compat) for name in _TIMES},
        "metadata": None if row["metadata"] is None else json.loads(row["metadata"]),
        "usage": _usage(row),
    }
    if not compat.no_request_counts:
        late = age < fault.counts_late_seconds
        numbers = ("total", "completed", "failed")
        view["request_counts"] = {name: 0 if late else row[name] for name in numbers}
    if compat.jobs:
        view["job_deadline"], view["model_id"] = view.pop("expires_at"), view.pop("model")
    return view


def _errors(row: sqlite3.Row) -> dict[str, Any] | None:
    if row["errors"] is None:
        return None
    return {"object": "list", "data": json.loads(row["errors"])}


def _usage(row: sqlite3.Row) -> dict[str, Any]:
    """Totals of the lines that ran; the service's batch usage knows no cache writes."""
    usage = response_usage(
        TokenCounts(
            prompt=row["prompt_tokens"],
            completion=row["completion_tokens"],
            cached=row["cached_tokens"],
            reasoning=row["reasoning_tokens"],
        )
    )
    del usage["input_tokens_details"]["cache_write_tokens"]
    return usage


def _time(value: float | None, compat: Compat) -> int | str | None:
    if value is None:
        return None
    if compat.iso_timestamps:
        return datetime.fromtimestamp(int(value), UTC).isoformat().replace("+00:00", "Z")
    return int(value)


def page(
    rows: Sequence[_Row], after: str | None, limit: int, listing: ListFaults, ids: IdGenerator
) -> tuple[list[_Row], bool]:
    """Rows after the one called `after`, at most `limit`, and whether more follow.

    Raises:
        Refused: `after` is not in the list.
    """
    ordered = list(rows)
    if listing.shuffled:
        ordered.sort(key=lambda row: ids.token("list", _id(row)))
    if after:
        places = [place for place, row in enumerate(ordered) if _id(row) == after]
        if not places:
            raise invalid(f"No object with id '{after}'.", "after")
        ordered = ordered[places[0] + 1 :]
    limit = min(limit, listing.page_size or limit)
    return ordered[:limit], len(ordered) > limit


def list_view(items: list[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    """List object."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": more,
    }


def _id(row: FileRow | sqlite3.Row) -> str:
    return row.id if isinstance(row, FileRow) else str(row["id"])
