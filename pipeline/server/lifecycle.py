"""Batch's next step: a pure decision from its state, the time and the durations.

validating -> failed | in_progress -> finalizing -> completed
              in_progress -> expired        any unfinished -> cancelling -> cancelled
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pipeline.server.fault_rules import BatchFault
from pipeline.server.settings import BatchDurations

_INSTANT = 1e-3
"""Seconds a line; below, lines take no time. A float of today's seconds resolves 2e-7."""

_SLACK = 1e-3
"""Share of a line's time."""

UNFINISHED = ("validating", "in_progress", "finalizing", "cancelling")


@dataclass(frozen=True, slots=True)
class BatchState:
    """Input of the decision. Times are seconds of the server's clock.

    Attributes:
        since: when the batch entered its status.
        total, done: lines in the input, lines already run.
    """

    status: str
    since: float
    expires_at: float
    total: int
    done: int
    fault: BatchFault = field(default_factory=BatchFault)


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`."""

    until: float


@dataclass(frozen=True, slots=True)
class Validate:
    """Read the whole input file and accept or fail it."""


@dataclass(frozen=True, slots=True)
class RunLines:
    """Run up to `count` further lines."""

    count: int


@dataclass(frozen=True, slots=True)
class Finalize:
    """Step to `finalizing`: all lines have run."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Write the output and error files and end as `status`."""

    status: str


Step = Wait | Validate | RunLines | Finalize | Publish


def next_batch_step(batch: BatchState, now: float, durations: BatchDurations) -> Step:
    """Executor's next step with an unfinished batch."""
    if batch.status == "validating":
        return _after(batch.since + durations.validate, now, Validate())
    if batch.status == "in_progress":
        return _running(batch, now, durations)
    if batch.status == "finalizing":
        planned = batch.fault.finalizing_seconds
        wait = durations.finalize if planned is None else planned
        return _after(batch.since + wait, now, Publish("completed"))
    if batch.status == "cancelling":
        return _after(batch.since + durations.cancel, now, Publish("cancelled"))
    raise ValueError(f"a batch that is {batch.status} has no next step")


def _after(due: float, now: float, step: Step) -> Step:
    return step if now >= due else Wait(due)


def _running(batch: BatchState, now: float, durations: BatchDurations) -> Step:
    """Lines that were due before the batch expired run first, so that a jump of the clock gives
    the same end as the passing of time."""
    stuck_until = batch.since + batch.fault.stuck_seconds
    expires_at = max(batch.expires_at, stuck_until)
    last = _last_line(batch)
    per_line = durations.seconds_per_line(batch.total)
    allowed = min(last, _allowed(batch, min(now, expires_at), per_line))
    if allowed > batch.done:
        return RunLines(allowed - batch.done)
    if batch.done >= last and now >= stuck_until:
        return Finalize() if last == batch.total else Publish("expired")
    if now >= expires_at:
        return Publish("expired")
    due = stuck_until if batch.done >= last else batch.since + (batch.done + 1) * per_line
    return Wait(min(due, expires_at))


def _last_line(batch: BatchState) -> int:
    """Lines that run at all: fewer than `total` when the batch is planned to expire."""
    share = batch.fault.expire_at_fraction
    return batch.total if share is None else math.floor(batch.total * share)


def _allowed(batch: BatchState, now: float, per_line: float) -> int:
    """Lines that may have run by `now`."""
    if per_line < _INSTANT:
        return batch.total
    # the slack keeps a wait until exactly a line's time from falling short by a rounding
    return math.floor((now - batch.since) / per_line + _SLACK)
