"""Log of one run, one JSON object a line.

    {"time": "2026-11-22T02:15:07Z", "level": "info", "event": "batch.created", "batch": ...}

A log must never stop paid work: when it cannot be written, it is given up.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Container, Iterable
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from pipeline.system.secrets import redact

LEVELS = ("debug", "info", "warning", "error")
_NAME = re.compile(r"(\d{6,})-run\.jsonl?")


class RunLog:
    """Appends events to a file, each write opening it anew: nothing is held that a kill could
    lose or a worker process inherit."""

    def __init__(
        self,
        path: Path,
        now: Callable[[], int],
        *,
        level: str = "info",
        secrets: Iterable[str] = (),
    ) -> None:
        self._path = path
        self._now = now
        self._least = LEVELS.index(level)
        self._secrets = tuple(secrets)
        self._given_up = False

    def write(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Append one event; `fields` are JSON-able, keys are redacted in their texts."""
        if self._given_up or LEVELS.index(level) < self._least:
            return
        line = {"time": iso(self._now()), "level": level, "event": event, **fields}
        data = json.dumps(self._clean(line), default=str).encode() + b"\n"
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(data)
        except OSError:
            self._given_up = True

    def _clean(self, value: object) -> object:
        if isinstance(value, str):
            return redact(value, self._secrets)
        if isinstance(value, dict):
            return {str(key): self._clean(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._clean(item) for item in value]
        return value


def iso(seconds: int) -> str:
    """Epoch seconds as UTC, "2026-11-22T02:15:07Z"."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def log_path(folder: Path, run: int) -> Path:
    """Path of a run's log: logs/NNNNNN-run.jsonl."""
    return folder / f"{run:06d}-run.jsonl"


def summary_path(folder: Path, run: int) -> Path:
    """Path of a run's summary: logs/NNNNNN-run.json."""
    return folder / f"{run:06d}-run.json"


class LogKeep(Struct, frozen=True):
    """Logs that are kept: those of the newest `runs`, or those younger than `seconds`."""

    runs: int | None = 30
    seconds: int | None = None


def drop_old(
    folder: Path, keep: LogKeep, now: int, collects: Container[int] = (), *, current: int = 0
) -> None:
    """Remove the logs and summaries of old runs, before the log of run `current` is begun.

    Args:
        now: epoch seconds.
        collects: runs that only collect, whatever their number: they take no place of the others,
            and of themselves as many are kept.
    """
    logs = {
        path: int(match[1]) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))
    }
    newest = sorted({*logs.values(), current}, reverse=True)
    for path, run in logs.items():
        alike = [other for other in newest if (other in collects) == (run in collects)]
        old = keep.runs is not None and run not in alike[: keep.runs]
        with contextlib.suppress(OSError):
            if old or (keep.seconds is not None and path.stat().st_mtime < now - keep.seconds):
                path.unlink()
