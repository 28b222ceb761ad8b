"""Moves batches on with the clock, whether anybody polls or not. One thread, plus line workers.

Lines run in chunks. A chunk's results, its rows of the bill and the batch's new position are one
transaction: a server that is killed runs exactly the lines again that it had not billed.
"""

from __future__ import annotations

import itertools
import logging
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

from pipeline.errors import CaptionmillError
from pipeline.server.batch_store import (
    BatchStore,
    FinishedLine,
    fault_of,
    planned_failure,
    state_of,
)
from pipeline.server.bill import Bill
from pipeline.server.clock import ServerClock
from pipeline.server.database import ServerDatabase
from pipeline.server.file_store import FileStore
from pipeline.server.ids import IdGenerator
from pipeline.server.lifecycle import Finalize, Publish, RunLines, Validate, Wait, next_batch_step
from pipeline.server.lines import LineResult, LineRunner, total_usage
from pipeline.server.publishing import Publisher
from pipeline.server.settings import AccountLimits, BatchDurations
from pipeline.server.validation import BatchError, check_lines, lines_from

_CHUNK = 64
_LONGEST_WAIT = 60.0
_log = logging.getLogger(__name__)


class Executor:
    """Runs the batches of one server between `start` and `stop`."""

    def __init__(
        self,
        *,
        database: ServerDatabase,
        batches: BatchStore,
        files: FileStore,
        bill: Bill,
        runner: LineRunner,
        publisher: Publisher,
        ids: IdGenerator,
        clock: ServerClock,
        durations: BatchDurations,
        limits: AccountLimits,
        threads: int,
    ) -> None:
        self._database = database
        self._batches = batches
        self._files = files
        self._bill = bill
        self._runner = runner
        self._publisher = publisher
        self._ids = ids
        self._clock = clock
        self._durations = durations
        self._limits = limits
        self._workers = ThreadPoolExecutor(threads, "lines") if threads > 1 else None
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)

    def start(self) -> None:
        """Begin to move batches on."""
        self._clock.on_jump(self.wake)
        self._thread.start()

    def wake(self) -> None:
        """Look at once: something was created, cancelled, or the clock jumped."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the chunk at hand and end the threads."""
        self._stopping = True
        self.wake()
        self._thread.join()
        self._clock.forget(self.wake)
        if self._workers is not None:
            self._workers.shutdown()

    def _work(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                due = self._round()
            except Exception:  # noqa: BLE001 a full disk, say: the next round tries again
                _log.exception("the batches cannot be read")
                due = 1.0
            if due is not None and not self._stopping:
                self._wake.wait(due)

    def _round(self) -> float | None:
        """One step for each unfinished batch; real seconds until the next one, None for at once."""
        now = self._clock.now()
        birth = self._batches.next_birth()
        waits = [] if birth is None else [birth - now]
        busy = False
        for row in self._batches.unfinished():
            if self._stopping:
                return 0.0
            step = next_batch_step(state_of(row), now, self._durations)
            if isinstance(step, Wait):
                waits.append(step.until - now)
            else:
                busy = True
                self._take(step, row)
        if busy:
            return None
        return min(_LONGEST_WAIT, self._clock.real_seconds(min(waits, default=_LONGEST_WAIT)))

    def _take(self, step: Validate | RunLines | Finalize | Publish, row: sqlite3.Row) -> None:
        try:
            if isinstance(step, Validate):
                self._validate(row)
            elif isinstance(step, RunLines):
                self._run(row, min(step.count, _CHUNK))
            elif isinstance(step, Publish):
                self._publisher.publish(row, step.status)
            else:
                now = self._clock.now()
                self._batches.move(row["seq"], "in_progress", "finalizing", finalizing_at=now)
        except Exception:  # noqa: BLE001 one batch's trouble must not stop the others
            _log.exception("batch %s cannot move on", row["id"])
            self._wake.wait(1.0)

    def _validate(self, row: sqlite3.Row) -> None:
        path = self._files.path(row["input_file_id"])
        lines = (raw for _, raw in lines_from(path))
        limited = self._limits.enqueued_tokens
        checked = check_lines(lines, row["endpoint"], self._limits.lines, limited.__contains__)
        planned = planned_failure(fault_of(row), checked.model, self._limits.organization)
        if planned is not None:
            self._batches.fail(row["seq"], [planned], checked.model)
        elif checked.errors:
            self._batches.fail(row["seq"], checked.errors, checked.model)
        elif unloadable := self._load(checked.model):
            self._batches.fail(row["seq"], [unloadable], checked.model)
        else:
            self._batches.accept(row["seq"], checked)

    def _load(self, model: str | None) -> BatchError | None:
        """Load the model of a batch; the error with which the batch fails where that cannot be.

        Lines that nobody can answer would be tried again for ever.
        """
        try:
            self._runner.load(model or "")
        except CaptionmillError as error:
            return BatchError("model_unavailable", str(error))
        return None

    def _run(self, row: sqlite3.Row, count: int) -> None:
        path = self._files.path(row["input_file_id"])
        chunk = list(itertools.islice(lines_from(path, row["position"]), count))
        numbers = range(row["done"], row["done"] + len(chunk))
        results = self._run_lines(row, [raw for _, raw in chunk], numbers)
        failed = sum(result.failed for result in results)
        billed = [result.billed for result in results if result.billed is not None]
        usage = total_usage(billed)
        ran = [
            FinishedLine(number, result.failed, result.text)
            for number, result in zip(numbers, results, strict=True)
        ]
        with self._database.transaction():
            self._batches.keep_results(row["seq"], ran)
            self._bill.charge(billed)
            self._batches.update(
                row["seq"],
                done=row["done"] + len(chunk),
                position=chunk[-1][0],
                failed=row["failed"] + failed,
                completed=row["completed"] + len(chunk) - failed,
                prompt_tokens=row["prompt_tokens"] + usage.prompt,
                cached_tokens=row["cached_tokens"] + usage.cached,
                completion_tokens=row["completion_tokens"] + usage.completion,
                reasoning_tokens=row["reasoning_tokens"] + usage.reasoning,
            )

    def _run_lines(self, row: sqlite3.Row, lines: list[bytes], numbers: range) -> list[LineResult]:
        now = self._clock.now()
        names = [self._ids.token("answer", f"{row['seq']}.{number}") for number in numbers]
        ids = [row["id"]] * len(lines)
        run = map if self._workers is None else self._workers.map
        return list(run(self._runner.run, lines, ids, names, [now] * len(lines)))
