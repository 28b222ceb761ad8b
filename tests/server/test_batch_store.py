from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.server.batch_store import (
    BatchStore,
    FinishedLine,
    NewBatch,
    fault_of,
    state_of,
    token_limit_message,
)
from pipeline.server.clock import ServerClock
from pipeline.server.database import ServerDatabase
from pipeline.server.fault_injector import FaultInjector
from pipeline.server.faults import BatchFault, FaultPlan, ListFaults
from pipeline.server.ids import IdGenerator
from pipeline.server.refusals import ApiError
from pipeline.server.settings import AccountLimits, BatchDurations
from pipeline.server.validation import BatchError, CheckedFile

_NEW = NewBatch("file-1", "/v1/chat/completions", "24h", {"a": "ü"}, None)


@pytest.fixture
def clock() -> ServerClock:
    return ServerClock()


@pytest.fixture
def desk(clock: ServerClock) -> FaultInjector:
    return FaultInjector(FaultPlan(), clock)


@pytest.fixture
def store(tmp_path: Path, clock: ServerClock, desk: FaultInjector) -> Iterator[BatchStore]:
    limits = AccountLimits(enqueued_tokens={"m": 100}, creates_per_hour=5)
    with closing(ServerDatabase(tmp_path / "server.db")) as database:
        yield BatchStore(
            database, clock, IdGenerator("seed"), desk, BatchDurations(validate=7), limits
        )


def test_a_new_batch(store: BatchStore, clock: ServerClock) -> None:
    row = store.create(_NEW)
    assert row["status"] == "validating"
    assert row["metadata"] == '{"a":"ü"}'
    assert abs(row["expires_at"] - clock.now() - 86_400) < 5
    assert store.get(row["id"])["seq"] == row["seq"]
    assert [one["id"] for one in store.unfinished()] == [row["id"]]


def test_lags_are_the_larger_of_plan_and_fault(
    store: BatchStore, clock: ServerClock, desk: FaultInjector
) -> None:
    desk.listing = ListFaults(lag_seconds=10)
    desk.add(BatchFault(get_lag_seconds=50))
    identifier = store.create(_NEW)["id"]
    for seconds, listed in ((0, 0), (20, 0), (40, 1)):
        clock.advance(seconds)
        assert len(store.listed()) == listed
    assert store.get(identifier)


def test_the_fault_of_a_batch_is_kept(store: BatchStore, desk: FaultInjector) -> None:
    desk.add(BatchFault(nth=2, stuck_seconds=9))
    first, second = store.create(_NEW), store.create(_NEW)
    assert fault_of(first) == BatchFault()
    assert fault_of(second).stuck_seconds == 9
    assert state_of(second).fault.stuck_seconds == 9


def test_a_batch_that_lands_late_is_born_later(store: BatchStore, clock: ServerClock) -> None:
    row = store.create(_NEW, delay=100)
    assert store.unfinished() == []
    assert store.next_birth() == row["created_at"]
    clock.advance(101)
    assert store.next_birth() is None
    assert len(store.unfinished()) == 1


def test_creates_an_hour(store: BatchStore, clock: ServerClock) -> None:
    for _ in range(5):
        store.create(_NEW)
    with pytest.raises(ApiError) as caught:
        store.create(_NEW)
    assert caught.value.status == 429
    clock.advance(3601)
    store.create(_NEW)


def test_acceptance_and_the_token_limit(store: BatchStore) -> None:
    checked = CheckedFile((), 3, "m", 60)
    first, second, other = (store.create(_NEW) for _ in range(3))
    store.accept(first["seq"], checked)
    store.accept(second["seq"], checked)
    store.accept(other["seq"], CheckedFile((), 3, "n", 10**9))
    rows = [store.row(one["seq"]) for one in (first, second, other)]
    assert [row["status"] for row in rows] == ["in_progress", "failed", "in_progress"]
    assert rows[0]["in_progress_at"] == rows[0]["created_at"] + 7
    assert "token_limit_exceeded" in rows[1]["errors"]


def test_a_cancel_wins_over_what_the_executor_does(store: BatchStore) -> None:
    row = store.create(_NEW)
    store.cancel(row["id"])
    store.accept(row["seq"], CheckedFile((), 3, "m", 60))
    store.fail(row["seq"], [BatchError("x", "y")])
    store.move(row["seq"], "in_progress", "finalizing", finalizing_at=1.0)
    assert store.row(row["seq"])["status"] == "cancelling"
    assert state_of(store.row(row["seq"])).since == store.row(row["seq"])["cancelling_at"]


def test_results_by_kind(store: BatchStore) -> None:
    seq = store.create(_NEW)["seq"]
    store.keep_results(
        seq,
        [
            FinishedLine(1, False, b"one"),
            FinishedLine(0, True, b"zero"),
            FinishedLine(2, False, b"two"),
        ],
    )
    assert store.result_lines(seq, failed=False) == [1, 2]
    assert store.result_lines(seq, failed=True) == [0]
    assert store.result_text(seq, 2) == b"two"
    store.drop_results(seq)
    assert store.result_lines(seq, failed=False) == []


def test_the_limit_can_be_learnt_from_the_message() -> None:
    words = token_limit_message("gpt-6-luna", "org-x", 2_000_000)
    assert re.search(r"Limit: (\d+) enqueued tokens", words).group(1) == "2000000"  # type: ignore[union-attr]
