from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.core.budget import BudgetCaps
from pipeline.core.lifecycle import TWIN, Patience
from pipeline.core.packing import ShardLimits
from pipeline.errors import NeedsPerson, ServiceError
from pipeline.ledger import Ledger
from pipeline.ledger.adoption import RecoveredShard
from pipeline.ledger.batch_metadata import metadata_of
from pipeline.ledger.shards import Shard
from pipeline.providers.base import AddressRefusal
from pipeline.records import RemoteBatch
from pipeline.server.app import LoopbackServer
from pipeline.server.faults import BatchFault, ListFaults, RequestFault
from pipeline.server.settings import BatchDurations
from pipeline.stages.collect import collect_batches
from pipeline.stages.context import StageContext
from pipeline.stages.reconcile import (
    next_generation,
    opaque_shards,
    reconcile,
    take_all_apart,
    take_apart,
)
from pipeline.stages.submit import submit_shards
from pipeline.stages.values import CaptionTask
from tests.ledger.world import remote
from tests.rig import KEY, MODEL
from tests.stages.scene import Scene

PATIENT = Patience(grace=120, listings_apart=60)


def doubtful(scene: Scene, action: str, **more: object) -> tuple[CaptionTask, Shard]:
    """A shard whose create call got no answer."""
    scene.add("a.png", "b.png")
    task = scene.task()
    (shard,) = scene.write(task)
    rule = {"method": "POST", "path": "/v1/batches", "times": 1, "action": action} | more
    scene.server.faults.add(RequestFault(**rule))  # type: ignore[arg-type]
    scene.rules(patience=PATIENT)
    assert submit_shards(scene.context, task.spec).waiting == {"unknown": 1}
    return task, scene.ledger.shards.get(shard.row)


def creates(scene: Scene) -> int:
    return len([s for s in scene.server.bill.requests("POST") if s.path == "/v1/batches"])


def created(scene: Scene, shard: Shard, **metadata: str) -> RemoteBatch:
    """A batch of this shard that somebody else has created."""
    upload = scene.service.upload(
        scene.workspace.shard(shard.shard_key), scene.context.filename(shard.shard_key)
    )
    whose = metadata_of(scene.ledger.workspace_id(), shard) | metadata
    return scene.service.create(input_file_id=upload.id, metadata=whose)


def test_with_nothing_in_doubt_nothing_changes(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    scene.write(task)
    submit_shards(scene.context, task.spec)
    before = list(scene.ledger.database.execute("SELECT * FROM shards"))
    assert reconcile(scene.context) == 0
    assert list(scene.ledger.database.execute("SELECT * FROM shards")) == before
    assert scene.ledger.incidents() == []


def test_a_batch_in_the_list_is_adopted(scene: Scene) -> None:
    _, shard = doubtful(scene, "drop_after")
    assert reconcile(scene.context) == 0
    assert scene.states() == ["SUBMITTED"]
    (batch,) = scene.ledger.batches.of_shard(shard.row)
    assert any(f"found batch {batch.batch_id}" in text for text in scene.said)
    assert scene.ledger.reservations.totals().reserved == shard.max_cost
    assert creates(scene) == 1


def test_an_absence_counts_after_the_grace_in_two_listings_apart(scene: Scene) -> None:
    task, shard = doubtful(scene, "drop_before")
    assert 100 < reconcile(scene.context) <= 120  # too early to mean anything
    scene.clock.offset = 130
    assert reconcile(scene.context) == 60  # the first absence that counts
    scene.clock.offset = 160
    assert 0 < reconcile(scene.context) <= 31
    assert scene.states() == ["CREATING"]
    assert scene.ledger.reservations.totals().reserved == shard.max_cost
    scene.clock.offset = 195
    assert reconcile(scene.context) == 0
    again = scene.ledger.shards.get(shard.row)
    assert (again.state, again.generation) == ("SEALED", 2)
    assert scene.ledger.reservations.totals().reserved == 0
    assert submit_shards(scene.context, task.spec).batches == 1
    assert creates(scene) == 2
    assert len(list(scene.service.list_batches())) == 1


def test_a_batch_that_shows_late_is_still_adopted(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(list_lag_seconds=100))
    doubtful(scene, "drop_after")
    assert reconcile(scene.context) > 0
    assert scene.states() == ["CREATING"]
    scene.server.clock.advance(101)
    scene.clock.offset = 101
    assert reconcile(scene.context) == 0
    assert scene.states() == ["SUBMITTED"]


def create_in_vain(scene: Scene, **fault: object) -> list[Exception]:
    """Errors of the proofs that each of three create calls came to nothing."""
    task, _ = doubtful(scene, times=3, **fault)  # type: ignore[arg-type]
    scene.rules(patience=Patience(grace=0, listings_apart=0))
    errors: list[Exception] = []
    for call in range(3):
        for _ in range(2):
            try:
                reconcile(scene.context)
            except ServiceError as error:
                errors.append(error)
        assert creates(scene) == call + 1
        submit_shards(scene.context, task.spec)
    return errors


def test_a_proxy_that_refuses_each_create_call_needs_a_person(scene: Scene) -> None:
    (error,) = create_in_vain(scene, action="page", status=403)
    assert isinstance(error, AddressRefusal)
    assert "3 create calls of shard" in str(error)
    assert "the service answered 403 without its own words" in str(error)
    assert scene.states() == ["SUBMITTED"]  # the next run tried again, and nothing was in the way
    assert creates(scene) == 4
    assert not scene.server.bill.billed_again()


def test_lost_connections_need_nobody(scene: Scene) -> None:
    assert create_in_vain(scene, action="drop_before") == []
    assert scene.states() == ["SUBMITTED"]


def test_a_person_can_keep_the_last_word(scene: Scene) -> None:
    _, shard = doubtful(scene, "drop_before")
    scene.rules(patience=Patience(grace=0, listings_apart=0, on_ambiguous="ask"))
    reconcile(scene.context)
    for _ in range(2):
        with pytest.raises(NeedsPerson, match=f"{shard.shard_key}.*resolve create-again"):
            reconcile(scene.context)
    assert scene.states() == ["CREATING"]


@pytest.mark.parametrize("page", [1, 2])
def test_without_the_whole_list_nothing_is_concluded(scene: Scene, page: int) -> None:
    doubtful(scene, "drop_before")
    for _ in range(3):
        created_by_others(scene)
    scene.server.faults.listing = ListFaults(page_size=2)
    scene.clock.offset = 200
    scene.server.faults.add(
        RequestFault(action="status", method="GET", path="/v1/batches", status=400, nth=page)
    )
    with pytest.raises(ServiceError):
        reconcile(scene.context)
    (shard,) = scene.ledger.shards.in_states("CREATING")
    assert (shard.absences, shard.absent_since) == (0, None)


def created_by_others(scene: Scene) -> RemoteBatch:
    """A batch of another program in the same account."""
    (key,) = [path.stem for path in scene.workspace.shards.glob("*.jsonl")][:1]
    upload = scene.service.upload(scene.workspace.shard(key), "theirs.jsonl")
    return scene.service.create(input_file_id=upload.id, metadata={"owner": "somebody"})


def test_other_peoples_batches_are_left_alone_and_counted(tmp_path: Path) -> None:
    slow = BatchDurations(run=3600)
    with LoopbackServer(
        tmp_path / "server", captioner="echo", api_key=KEY, durations=slow
    ) as server:
        scene = Scene(tmp_path, server)
        scene.add("a.png")
        (shard,) = scene.write(scene.task())
        theirs = created_by_others(scene)
        while scene.service.get(theirs.id).status == "validating":
            time.sleep(0.01)
        reconcile(scene.context)
        assert scene.ledger.queue.foreign(MODEL) == shard.prompt_tokens
        assert scene.ledger.batches.ids() == set()
        assert scene.states() == ["SEALED"]
        scene.close()


def test_a_second_batch_of_a_shard_is_booked_and_told(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    scene.add("a.png")
    task = scene.task()
    (shard,) = scene.write(task)
    submit_shards(scene.context, task.spec)
    second = created(scene, scene.ledger.shards.get(shard.row))
    reconcile(scene.context)
    batch = scene.ledger.batches.by_id(second.id)
    assert batch is not None
    assert batch.role == "stray"
    assert scene.ledger.incidents()[0][1] == "second_batch"
    assert scene.ledger.reservations.totals().reserved == 2 * (shard.max_cost or 0)
    collect_batches(scene.context)
    (cancel,) = scene.server.bill.requests("POST", "/v1/batches/")
    assert second.id in cancel.path


def test_batches_of_a_twin_are_left_alone_and_stop_the_run(scene: Scene) -> None:
    scene.add("a.png")
    (shard,) = scene.write(scene.task())
    assert reconcile(scene.context) == 0
    theirs = created(scene, shard, captionmill_shard="000009-abcdef01", captionmill_run="another's")
    for _ in range(2):
        with pytest.raises(NeedsPerson) as stopped:
            reconcile(scene.context)
        assert theirs.id in str(stopped.value)
        assert str(stopped.value) == scene.ledger.get(TWIN)
    assert scene.ledger.batches.ids() == set()
    assert scene.states() == ["SEALED"]
    assert [kind for _, kind, _ in scene.ledger.incidents()] == ["twin"]


def test_of_two_batches_of_one_lost_call_the_older_one_is_used(scene: Scene) -> None:
    _, shard = doubtful(scene, "drop_after")
    created(scene, shard)
    older, newer = sorted(scene.service.list_batches(), key=lambda b: (b.created_at, b.id))
    reconcile(scene.context)
    roles = {batch.batch_id: batch.role for batch in scene.ledger.batches.of_shard(shard.row)}
    assert roles == {older.id: "main", newer.id: "stray"}


def test_two_batches_of_one_lost_call_are_known_by_their_file_where_metadata_are_dropped(
    scene: Scene,
) -> None:
    _, shard = doubtful(scene, "drop_before")
    assert shard.file_id is not None
    for _ in range(2):
        scene.service.create(input_file_id=shard.file_id, metadata={})
    older, newer = sorted(scene.service.list_batches(), key=lambda b: (b.created_at, b.id))
    reconcile(scene.context)
    roles = {batch.batch_id: batch.role for batch in scene.ledger.batches.of_shard(shard.row)}
    assert roles == {older.id: "main", newer.id: "stray"}
    assert scene.ledger.reservations.totals().reserved == 2 * (shard.max_cost or 0)


def test_a_restored_older_ledger_adopts_its_own_future(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.task()
    scene.ledger.workspace_id()
    scene.ledger.database.backup(scene.workspace.root / "old.db")
    task = scene.task()
    scene.write(task, scene.shard_options(ShardLimits(requests=1)))
    submit_shards(scene.context, task.spec)
    max_cost = scene.ledger.reservations.totals().reserved
    with Ledger(scene.workspace.root / "old.db") as old:
        context = StageContext(
            old, scene.service, scene.workspace, scene.clock, old.begin_run("t", 1)
        )
        reconcile(context)
        assert len(old.batches.in_states("open")) == 2
        assert old.reservations.totals().reserved == max_cost
        assert {kind for _, kind, _ in old.incidents()} == {"adopted"}
        for batch in old.batches.in_states("open"):
            scene.until_over(batch.batch_id)
        assert collect_batches(context).answers == {"captioned": 2}
        assert old.reservations.totals().charged == scene.server.bill.total_nano()


def test_the_next_generation_frees_the_money_and_keeps_the_file(scene: Scene) -> None:
    _, shard = doubtful(scene, "drop_before")
    next_generation(scene.context, shard, not_before=77)
    again = scene.ledger.shards.get(shard.row)
    assert (again.state, again.generation, again.not_before) == ("SEALED", 2, 77)
    assert again.checksum == shard.checksum
    assert scene.ledger.reservations.totals().reserved == 0


def test_giving_back_frees_money_and_images(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    (shard,) = scene.write(task)
    reservations = scene.ledger.reservations
    reservations.reserve(shard.row, shard.generation, 900, BudgetCaps(), scene.context.scope())
    take_apart(scene.context, shard)
    assert scene.states() == ["DISSOLVED"]
    assert reservations.totals().reserved == 0
    assert [again.requests for again in scene.write(task)] == [1]


def test_a_batch_of_a_later_generation_is_booked_under_its_own(scene: Scene) -> None:
    _, shard = doubtful(scene, "drop_before")
    later = created(scene, shard, captionmill_generation="2")
    reconcile(scene.context)
    adopted = scene.ledger.shards.get(shard.row)
    assert (adopted.state, adopted.generation) == ("SUBMITTED", 2)
    batch = scene.ledger.batches.by_id(later.id)
    assert batch is not None
    assert (batch.role, batch.generation, batch.decides_shard(adopted.generation)) == (
        "main",
        2,
        True,
    )
    booked = scene.ledger.database.execute(
        "SELECT generation, state, reserved FROM reservations ORDER BY generation"
    )
    assert list(booked) == [(1, "released", shard.max_cost), (2, "open", shard.max_cost)]


@pytest.mark.parametrize(
    "absurd",
    [
        {"captionmill_generation": "99999999999"},
        {"captionmill_generation": "-1"},
        {"captionmill_requests": "1" * 18},
        {"captionmill_worst_nano": "9" * 18},
        {"captionmill_worst_nano": "1e9"},
    ],
)
def test_a_stranger_with_our_id_and_absurd_numbers_is_set_aside(
    scene: Scene, absurd: dict[str, str]
) -> None:
    scene.add("a.png")
    task = scene.task()
    (shard,) = scene.write(task)
    created(scene, shard, **{"captionmill_shard": "000009-abcdef01"} | absurd)
    for _ in range(2):
        reconcile(scene.context)
    ((_, kind, text),) = scene.ledger.incidents()
    assert (kind, "set aside" in text) == ("stranger", True)
    assert scene.ledger.batches.ids() == set()
    assert scene.ledger.reservations.totals().reserved == 0
    assert submit_shards(scene.context, task.spec).batches == 1


def test_a_service_s_batch_is_never_one_of_our_groups(scene: Scene) -> None:
    scene.add("a.png")
    (shard,) = scene.write(scene.task())
    batch = created(scene, shard, captionmill_shard="online-000009-abcdef01")
    reconcile(scene.context)
    adopted = scene.ledger.batches.by_id(batch.id)
    assert adopted is not None
    assert scene.ledger.shards.get(adopted.shard).shard_key == f"unknown-{batch.id}"


def test_an_earlier_generation_that_turns_up_is_adopted_under_the_present_one(
    scene: Scene,
) -> None:
    _, shard = doubtful(scene, "drop_before")
    next_generation(scene.context, shard, not_before=0)
    batch = created(scene, shard, captionmill_generation="1")
    reconcile(scene.context)
    adopted = scene.ledger.batches.by_id(batch.id)
    assert adopted is not None
    assert (adopted.generation, scene.ledger.shards.get(shard.row).generation) == (2, 2)
    assert scene.ledger.reservations.totals().reserved == shard.max_cost


def test_only_unknown_contents_whose_batch_is_gone_stop_for_a_person(scene: Scene) -> None:
    for key, gone in (("000008-aaaaaaaa", False), ("000009-bbbbbbbb", True)):
        lost = RecoveredShard(key, 1, MODEL, 1, 77, None, None)
        row = scene.ledger.adoption.adopt(lost, scene.clock.moment())
        batch = scene.ledger.batches.add(row, 1, remote(f"batch_{key}"), "main")
        if not gone:
            assert opaque_shards(scene.context) == (1, None)
            continue
        scene.ledger.batches.vanished(batch, scene.clock.now())
    number, error = opaque_shards(scene.context)
    assert number == 2
    assert isinstance(error, NeedsPerson)
    assert str(error).startswith("the batches of 000009-bbbbbbbb were paid for")


@pytest.mark.parametrize("column", ["absent_since", "intent_at"])
def test_a_wall_clock_that_jumps_proves_no_absence(scene: Scene, column: str) -> None:
    _, shard = doubtful(scene, "drop_before")
    if column == "absent_since":
        scene.clock.offset = 130
        assert reconcile(scene.context) == 60
    scene.ledger.database.execute(f"UPDATE shards SET {column} = {column} - 3600")
    assert 0 < reconcile(scene.context) <= (120 if column == "intent_at" else 60)
    assert scene.states() == ["CREATING"]
    assert scene.ledger.reservations.totals().reserved == shard.max_cost


def test_a_later_generation_of_a_submitted_shard_decides_about_it(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    scene.add("a.png")
    task = scene.task()
    scene.write(task)
    submit_shards(scene.context, task.spec)
    (shard,) = scene.ledger.shards.in_states("SUBMITTED")
    later = created(scene, shard, captionmill_generation="2")
    reconcile(scene.context)
    shard = scene.ledger.shards.get(shard.row)
    assert (shard.state, shard.generation) == ("SUBMITTED", 2)
    leading = {b.batch_id: b.decides_shard(2) for b in scene.ledger.batches.of_shard(shard.row)}
    assert (leading.pop(later.id), list(leading.values())) == (True, [False])
    assert scene.ledger.reservations.totals().reserved == 2 * (shard.max_cost or 0)


@pytest.mark.parametrize(
    ("path", "state"), [("/v1/files", "UPLOADING"), ("/v1/batches", "UPLOADED")]
)
def test_all_shards_without_a_batch_are_taken_apart(scene: Scene, path: str, state: str) -> None:
    scene.add("a.png", "b.png", "c.png")
    task = scene.task()
    scene.write(task, scene.shard_options(ShardLimits(requests=1)))
    scene.server.faults.add(
        RequestFault(method="POST", path=path, action="status", status=429, nth=2, times=1)
    )
    submit_shards(scene.context, task.spec)
    assert scene.states() == ["SUBMITTED", state, "SEALED"]
    submitted, refused, _ = (scene.ledger.shards.get(row) for row in (1, 2, 3))
    worst = [shard.max_cost or 0 for shard in (submitted, refused)]
    assert scene.ledger.reservations.totals().reserved == sum(worst)
    take_all_apart(scene.context)
    assert scene.states() == ["SUBMITTED", "DISSOLVED", "DISSOLVED"]
    assert scene.ledger.reservations.totals().reserved == worst[0]
    assert sum(shard.requests for shard in scene.write(task)) == 2


@pytest.mark.parametrize("state", ["SEALED", "UPLOADING", "UPLOADED"])
def test_a_shard_that_was_not_sent_gives_way_to_a_batch_with_its_images(
    scene: Scene, state: str
) -> None:
    scene.add("a.png", "b.png")
    task = scene.task()
    (shard,) = scene.write(task)
    for following in ("UPLOADING", "UPLOADED")[: ("SEALED", "UPLOADING", "UPLOADED").index(state)]:
        shard = scene.ledger.shards.move(shard, following)
    scene.ledger.reservations.record_unasked(shard.row, 1, shard.max_cost, scene.context.scope())
    created(scene, shard, captionmill_shard="000009-abcdef01")
    reconcile(scene.context)
    assert scene.states() == ["DISSOLVED", "SUBMITTED"]
    assert scene.ledger.reservations.totals().reserved == shard.max_cost
    assert scene.write(task) == [], "its images are at the service"
