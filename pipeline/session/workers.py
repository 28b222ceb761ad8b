"""Workers of a cluster as a run shows them to `captionmill status`: a file in the workspace."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import asdict

from pipeline.engines.workers import WorkerFacts, WorkersWatch
from pipeline.system.clock import Clock
from pipeline.system.files import remove_quietly

_STALE_SECONDS = 60  # after which the run that wrote the file is gone


@dataclass(frozen=True, slots=True)
class WorkersInUse:
    """Workers that a run uses now."""

    scheduler: str
    workers: tuple[WorkerFacts, ...]


def watch_workers(
    path: Path, say: Callable[[str], None], check_stop: Callable[[], None], clock: Clock
) -> WorkersWatch:
    """Watch that keeps the file at `path` as long as there are workers."""

    def show(scheduler: str, workers: list[WorkerFacts]) -> None:
        if workers:
            _write(path, clock.now(), scheduler, workers)
        else:
            remove_quietly(path)

    return WorkersWatch(say, show, check_stop)


def workers_in_use(path: Path, now: int) -> WorkersInUse | None:
    """Workers that the file at `path` names; None without one, or when it is stale."""
    try:
        facts = json.loads(path.read_bytes())
        if not 0 <= now - facts["at"] <= _STALE_SECONDS:
            return None
        workers = tuple(WorkerFacts(**worker) for worker in facts["workers"])
        return WorkersInUse(str(facts["scheduler"]), workers)
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _write(path: Path, now: int, scheduler: str, workers: list[WorkerFacts]) -> None:
    """Replace the file; what is only shown need not be durable, nor end a run on a full disk."""
    facts = {"at": now, "scheduler": scheduler, "workers": [asdict(one) for one in workers]}
    aside = path.with_name(f"_{path.name}")
    with contextlib.suppress(OSError):
        aside.write_text(json.dumps(facts), encoding="utf-8")
        os.replace(aside, path)  # noqa: PTH105
