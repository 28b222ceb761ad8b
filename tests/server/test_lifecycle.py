from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.server.faults import BatchFault
from pipeline.server.lifecycle import (
    BatchState,
    Finalize,
    Publish,
    RunLines,
    Step,
    Validate,
    Wait,
    next_batch_step,
)
from pipeline.server.settings import BatchDurations

_PACE = BatchDurations(validate=10, line=2, finalize=5, cancel=3, expire=1000)
_RUNNING = BatchState("in_progress", since=100, expires_at=1100, total=10, done=0)


@pytest.mark.parametrize(
    ("state", "now", "step"),
    [
        (replace(_RUNNING, status="validating"), 109, Wait(110)),
        (replace(_RUNNING, status="validating"), 110, Validate()),
        (_RUNNING, 100, Wait(102)),
        (_RUNNING, 107, RunLines(3)),
        (replace(_RUNNING, done=3), 107, Wait(108)),
        (replace(_RUNNING, done=10), 120, Finalize()),
        (replace(_RUNNING, status="finalizing"), 104, Wait(105)),
        (replace(_RUNNING, status="finalizing"), 105, Publish("completed")),
        (replace(_RUNNING, status="cancelling"), 102, Wait(103)),
        (replace(_RUNNING, status="cancelling"), 103, Publish("cancelled")),
    ],
)
def test_ordinary_steps(state: BatchState, now: float, step: Step) -> None:
    assert next_batch_step(state, now, _PACE) == step


def test_time_for_the_whole_batch_is_shared_by_its_lines() -> None:
    assert next_batch_step(_RUNNING, 150, BatchDurations(run=100)) == RunLines(5)


def test_an_expiring_batch_first_runs_what_was_due() -> None:
    slow = replace(_RUNNING, total=1000)
    assert next_batch_step(slow, 5000, _PACE) == RunLines(500)
    assert next_batch_step(replace(slow, done=500), 5000, _PACE) == Publish("expired")
    assert next_batch_step(replace(slow, done=500), 1099, _PACE) == Wait(1100)


def test_planned_expiry_runs_a_share_only() -> None:
    state = replace(_RUNNING, fault=BatchFault(expire_at_fraction=0.35))
    assert next_batch_step(state, 999, _PACE) == RunLines(3)
    assert next_batch_step(replace(state, done=3), 999, _PACE) == Publish("expired")
    none = replace(_RUNNING, fault=BatchFault(expire_at_fraction=0))
    assert next_batch_step(none, 100, _PACE) == Publish("expired")


def test_a_stuck_batch_outlives_its_expiry() -> None:
    state = replace(_RUNNING, done=10, fault=BatchFault(stuck_seconds=5000))
    assert next_batch_step(state, 2000, _PACE) == Wait(5100)
    assert next_batch_step(state, 5100, _PACE) == Finalize()


def test_planned_time_in_finalizing() -> None:
    state = replace(_RUNNING, status="finalizing", fault=BatchFault(finalizing_seconds=60))
    assert next_batch_step(state, 150, _PACE) == Wait(160)


def test_finished_batches_have_no_step() -> None:
    with pytest.raises(ValueError, match="completed"):
        next_batch_step(replace(_RUNNING, status="completed"), 0, _PACE)


_FAULTS = st.builds(
    BatchFault,
    expire_at_fraction=st.none() | st.floats(0, 1),
    stuck_seconds=st.floats(0, 500),
    finalizing_seconds=st.none() | st.floats(0, 500),
)
_PACES = st.builds(
    BatchDurations,
    validate=st.floats(0, 50),
    line=st.floats(0, 50),
    run=st.floats(0, 2000),
    finalize=st.floats(0, 50),
    expire=st.floats(1, 2000),
)


@given(_FAULTS, _PACES, st.integers(1, 40))
def test_every_batch_comes_to_its_end_and_never_runs_a_line_twice(
    fault: BatchFault, durations: BatchDurations, total: int
) -> None:
    now = 1000.0
    state = BatchState("validating", now, now + durations.expire, 0, 0, fault)
    for _ in range(10 * total + 20):
        step = next_batch_step(state, now, durations)
        if isinstance(step, Wait):
            assert step.until > now
            now = step.until
        elif isinstance(step, Validate):
            state = replace(state, status="in_progress", since=now, total=total)
        elif isinstance(step, RunLines):
            assert step.count >= 1
            state = replace(state, done=state.done + step.count)
            assert state.done <= total
        elif isinstance(step, Finalize):
            assert state.done == total
            state = replace(state, status="finalizing", since=now)
        else:
            assert step.status == ("completed" if state.status == "finalizing" else "expired")
            return
    raise AssertionError(f"no end: {state}")
