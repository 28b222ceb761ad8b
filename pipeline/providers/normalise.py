"""Files and batches of any compatible service as our records. Pure.

Seen in the wild: upper-case and unknown statuses, "canceled" with one l, ISO timestamps or
milliseconds, ids that are "" or numbers, no `request_counts`, no `metadata`, errors as a list or
a text, the object wrapped in `{"code": ..., "data": {...}}` or `{"job": {...}}`, a deadline instead
of an expiry, one `error` instead of `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast, get_args

from pipeline.core.batch_usage import batch_usage
from pipeline.core.identity import ledger_batch_id
from pipeline.core.service_words import END_STAMPS, STATUS_PREFIXES, STATUS_SPELLINGS
from pipeline.records import BatchStatus, RemoteBatch, RemoteFile

_STATUSES = frozenset(get_args(BatchStatus))
_MOST = 10**15  # more of anything is no number of a service, and no column holds it
_MILLISECONDS = 100_000_000_000  # seconds would be the year 5138


class Malformed(ValueError):
    """Answer that lacks what makes it a file or a batch."""


def remote_file(answer: object) -> RemoteFile:
    """File object as a RemoteFile.

    Raises:
        Malformed: no id.
    """
    data = _fields(answer)
    return RemoteFile(
        id=_required_id(data, "file"),
        filename=_text(data.get("filename")) or _text(data.get("name")) or "",
        bytes=_count(data.get("bytes")),
        created_at=_seconds(data.get("created_at") or data.get("createdAt")) or 0,
        purpose=_text(data.get("purpose")) or "",
    )


def remote_batch(answer: object) -> RemoteBatch:
    """Batch object as a RemoteBatch.

    Raises:
        Malformed: no id.
    """
    data = _fields(answer)
    raw_status = _text(data.get("status")) or ""
    counts = data.get("request_counts")
    counts = counts if isinstance(counts, Mapping) else {}
    usage = batch_usage(data.get("usage"))
    return RemoteBatch(
        id=ledger_batch_id(_required_id(data, "batch")),
        status=_shown_status(data, counts),
        input_file_id=_text(data.get("input_file_id")) or "",
        output_file_id=_text(data.get("output_file_id")),
        error_file_id=_text(data.get("error_file_id")),
        created_at=_seconds(data.get("created_at") or data.get("createdAt")) or 0,
        expires_at=_seconds(data.get("expires_at") or data.get("job_deadline")),
        total=_count(counts.get("total")),
        completed=_count(counts.get("completed")),
        failed=_count(counts.get("failed")),
        metadata=_metadata(data.get("metadata")),
        errors=_errors(data.get("errors") or data.get("error")),
        endpoint=_text(data.get("endpoint")) or "",
        model=_text(data.get("model")) or _text(data.get("model_id")),
        raw_status=raw_status,
        began=data["in_progress_at"] is not None if "in_progress_at" in data else None,
        prompt_tokens=None if usage is None else usage.prompt,
        completion_tokens=None if usage is None else usage.completion,
    )


def batch_status(raw: str) -> BatchStatus:
    """Service's word for a status as one of ours; a word we do not know is "unknown", which is
    not terminal: such a batch is asked about again."""
    word = raw.strip().lower().replace("-", "_").replace(" ", "_")
    word = next((word[len(p) :] for p in STATUS_PREFIXES if word.startswith(p)), word)
    word = STATUS_SPELLINGS.get(word, word)
    return cast(BatchStatus, word) if word in _STATUSES else "unknown"


def _shown_status(data: Mapping[str, Any], counts: Mapping[str, Any]) -> BatchStatus:
    """Status of a batch; one with an unknown word is over when its other members say so, and what
    its files do not explain is looked at again."""
    status = batch_status(_text(data.get("status")) or "")
    if status != "unknown" or not any(
        _text(data.get(f"{kind}_file_id")) for kind in ("output", "error")
    ):
        return status
    total, *done = (_count(counts.get(name)) for name in ("total", "completed", "failed"))
    answered = bool(total) and sum(number or 0 for number in done) == total
    stamped = any(_seconds(data.get(name)) for name in END_STAMPS)
    return "completed" if answered or stamped else "unknown"


def _fields(answer: object) -> Mapping[str, Any]:
    """Object's fields, from a mapping, an object of the SDK, or a wrapped object."""
    dump = getattr(answer, "model_dump", None)
    data = dump() if callable(dump) else answer
    if not isinstance(data, Mapping):
        raise Malformed("the answer is not an object")
    if not data.get("id"):
        for inner in (data.get("data"), data.get("job")):
            if isinstance(inner, Mapping):
                return inner
    return data


def _required_id(data: Mapping[str, Any], what: str) -> str:
    identifier = _text(data.get("id"))
    if identifier is None:
        raise Malformed(f"the answer is a {what} without an id")
    return identifier


def _text(value: object) -> str | None:
    """Text or a number as text; "" and everything else is None."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value).strip() or None


def _count(value: object) -> int | None:
    """Number of things, at least 0."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        return None
    return value


def _seconds(value: object) -> int | None:
    """Seconds since 1970 from seconds, milliseconds or an ISO timestamp (UTC when it says no
    other)."""
    if isinstance(value, str):
        return _iso_seconds(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e16:
        return None
    return int(value // 1000 if value >= _MILLISECONDS else value)


def _iso_seconds(text: str) -> int | None:
    if text.isdecimal():
        return _seconds(int(text)) if len(text) < 17 else None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return _seconds(int(moment.timestamp()))
    except (ValueError, OverflowError):
        return None


def http_date(text: str | None) -> int | None:
    """Epoch seconds of a `Date` header, None for one that is missing or none."""
    try:
        moment = parsedate_to_datetime(text or "")
        return _seconds(int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()))
    except (ValueError, OverflowError):
        return None


def _metadata(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {str(k): v if isinstance(v, str) else str(v) for k, v in value.items() if v is not None}


def _errors(value: object) -> tuple[tuple[str, str], ...]:
    """(code, message) of each batch-level error; a line number becomes part of the message."""
    if isinstance(value, Mapping):
        value = value.get("data") or ([value] if value.get("message") else [])
    if isinstance(value, str):
        value = [value]
    return tuple(_error(e) for e in value if e) if isinstance(value, (list, tuple)) else ()


def _error(value: object) -> tuple[str, str]:
    if not isinstance(value, Mapping):
        return "", str(value)
    message = _text(value.get("message")) or ""
    line = _count(value.get("line"))
    if line is not None and "line" not in message.lower():
        message = f"line {line}: {message}"
    return _text(value.get("code")) or "", message
