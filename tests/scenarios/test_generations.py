"""The first batch of a shard failed as a whole and a second one runs; then an older copy of the
ledger is put back, which meets the failed one too. The running one stays what decides."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from pipeline.core.lifecycle import GENERATION
from pipeline.ledger import Ledger
from pipeline.ledger.reservations import Totals
from pipeline.records import RemoteBatch
from pipeline.server.faults import BatchFault
from pipeline.stages.collect import collect_batches
from pipeline.stages.reconcile import reconcile
from pipeline.stages.submit import submit_shards
from pipeline.system import failpoints
from tests.stages.conftest import *  # noqa: F403 the scene
from tests.stages.scene import Scene

LATER = 3600  # seconds: the failed batch may go again
COPIES = {
    "ledger.before_commit.seal": "before",
    "ledger.after_commit.seal": "sealed",
    "ledger.after_commit.reserve": "uploading",
    "submit.before_create": "creating",
    "ledger.after_commit.submitted": "submitted",
    "ledger.after_commit.requeue": "to go again",
}


@pytest.fixture(autouse=True)
def _disarm() -> Iterator[None]:
    yield
    failpoints.arm(None)


def copy_at(scene: Scene, name: str) -> None:
    """Copy the ledger where `name` is first reached."""

    def hook(place: str) -> None:
        copy = scene.workspace.root / f"copy of {name}"
        if COPIES.get(place) == name and not copy.exists():
            with Ledger(scene.workspace.ledger, read_only=True) as ledger:
                ledger.database.backup(copy)

    failpoints.arm(hook)


def restored(scene: Scene, name: str) -> None:
    failpoints.arm(None)
    scene.ledger.close()
    for path in scene.workspace.root.glob("ledger.db*"):
        path.unlink()
    shutil.move(scene.workspace.root / f"copy of {name}", scene.workspace.ledger)
    scene.ledger = Ledger(scene.workspace.ledger)
    scene.rules(ledger=scene.ledger)


def second_runs(scene: Scene, copy: str, hidden: int) -> tuple[int, RemoteBatch]:
    """The first batch has failed, the second one is finalizing; gives (spec, second batch)."""
    scene.server.faults.add(BatchFault(times=1, fail="token_limit_exceeded"))
    scene.add("a.png", "b.png")
    task = scene.task()
    scene.ledger.workspace_id()
    copy_at(scene, copy)
    scene.write(task)
    submit_shards(scene.context, task.spec)
    (first,) = scene.service.list_batches()
    scene.until_over(first.id)
    assert collect_batches(scene.context).problems
    scene.clock.offset = LATER
    scene.server.faults.add(BatchFault(finalizing_seconds=10**6, list_lag_seconds=hidden))
    assert submit_shards(scene.context, task.spec).batches == 1
    (second,) = scene.ledger.batches.in_states("open")
    return task.spec, scene.service.get(second.batch_id)


@pytest.mark.parametrize("hidden", [0, 300], ids=["both listed", "the second one listed late"])
@pytest.mark.parametrize("copy", COPIES.values())
def test_a_failed_first_batch_sets_a_running_second_one_not_back(
    scene: Scene, copy: str, hidden: int
) -> None:
    spec, second = second_runs(scene, copy, hidden)
    assert second.metadata[GENERATION] == "2"
    max_cost = scene.ledger.reservations.totals().reserved
    restored(scene, copy)
    reconcile(scene.context)
    if hidden:  # the failed one is met first, and looked at
        collect_batches(scene.context)
        scene.server.clock.advance(hidden + 1)
        reconcile(scene.context)
    for _ in range(2):
        collect_batches(scene.context)
        submit_shards(scene.context, spec)
        reconcile(scene.context)
        (leading,) = scene.ledger.batches.in_states("open")
        shard = scene.ledger.shards.get(leading.shard)
        assert (leading.batch_id, leading.role) == (second.id, "main")
        assert (shard.state, shard.generation) == ("SUBMITTED", 2)
        assert scene.ledger.reservations.totals() == Totals(max_cost, 0, 0)
    assert len(scene.server.bill.requests("POST", "/v1/batches")) == 2
    scene.server.faults.clear()
    scene.server.clock.advance(10**6)
    scene.until_over(second.id)
    assert collect_batches(scene.context).answers == {"captioned": 2}
    bill = scene.server.bill.total_nano()
    assert scene.ledger.reservations.totals() == Totals(0, bill, 0)
    assert list(scene.ledger.audit.contradictions()) == []
