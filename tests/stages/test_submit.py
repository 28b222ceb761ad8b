from __future__ import annotations

import shutil

import pytest

from pipeline.core.budget import BudgetCaps
from pipeline.core.lifecycle import FROZEN, Patience
from pipeline.core.packing import ShardLimits
from pipeline.errors import (
    Interrupted,
    NeedsPerson,
    OverBudget,
    PauseTooLong,
    ServiceError,
    StorageError,
)
from pipeline.ledger.adoption import RecoveredShard
from pipeline.ledger.shards import Shard
from pipeline.server.faults import RequestFault
from pipeline.stages import submit as submit_stage
from pipeline.stages.reconcile import reconcile
from pipeline.stages.submit import queue_room, submit_shards
from pipeline.stages.values import CaptionTask, RunTotals
from tests.ledger.world import remote
from tests.rig import MODEL
from tests.stages.scene import Scene

ONE = ShardLimits(requests=1)


def sealed(
    scene: Scene, count: int = 1, limits: ShardLimits = ONE
) -> tuple[CaptionTask, list[Shard]]:
    scene.add(*(f"{n}.png" for n in range(count)))
    task = scene.task()
    return task, scene.write(task, scene.shard_options(limits))


def posts(scene: Scene, path: str | None = "/v1/batches") -> int:
    return len(scene.server.bill.requests("POST", path))


def fault(scene: Scene, path: str = "/v1/batches", **values: object) -> None:
    rule = {"method": "POST", "path": path, "times": 1} | values
    scene.server.faults.add(RequestFault(**rule))  # type: ignore[arg-type]


def reserved(scene: Scene) -> int:
    return scene.ledger.reservations.totals().reserved


def test_a_sealed_shard_becomes_a_batch_with_one_call(scene: Scene) -> None:
    task, (shard,) = sealed(scene, 3, ShardLimits())
    sent = submit_shards(scene.context, task.spec)
    assert (sent.batches, sent.requests, sent.waiting, sent.error) == (1, 3, {}, None)
    assert (posts(scene), posts(scene, "/v1/files")) == (1, 1)
    assert scene.states() == ["SUBMITTED"]
    assert reserved(scene) == shard.max_cost
    assert submit_shards(scene.context, task.spec) == RunTotals()
    assert posts(scene) == 1


def test_a_batch_says_whose_it_is_and_nothing_more(scene: Scene) -> None:
    task, (shard,) = sealed(scene)
    submit_shards(scene.context, task.spec)
    (batch,) = scene.service.list_batches()
    assert batch.metadata["captionmill_workspace"] == scene.ledger.workspace_id()
    assert batch.metadata["captionmill_shard"] == shard.shard_key
    assert all(name.startswith("captionmill_") for name in batch.metadata)
    assert str(scene.data) not in str(batch.metadata)
    (upload,) = scene.service.list_uploads()
    assert upload.filename == scene.context.filename(shard.shard_key)


def test_money_is_set_aside_before_anything_is_sent(scene: Scene) -> None:
    task, (shard,) = sealed(scene)
    fault(scene, "/v1/files", action="drop_before")
    sent = submit_shards(scene.context, task.spec)
    assert isinstance(sent.error, ServiceError)
    assert sent.waiting == {"service": 1}
    assert scene.states() == ["UPLOADING"]
    assert reserved(scene) == shard.max_cost
    assert submit_shards(scene.context, task.spec).batches == 1


def test_an_upload_whose_answer_was_lost_is_used(scene: Scene) -> None:
    task, _ = sealed(scene)
    fault(scene, "/v1/files", action="drop_after")
    submit_shards(scene.context, task.spec)
    assert submit_shards(scene.context, task.spec).batches == 1
    assert len(list(scene.service.list_uploads())) == 1


@pytest.mark.parametrize(
    "how", [{"action": "drop_after"}, {"action": "drop_before"}, {"action": "malformed_json"},
            {"action": "status", "status": 500}]
)  # fmt: skip
def test_without_an_answer_nothing_is_called_twice(scene: Scene, how: dict[str, object]) -> None:
    task, (shard,) = sealed(scene)
    fault(scene, **how)
    sent = submit_shards(scene.context, task.spec)
    assert (sent.batches, sent.waiting, sent.error) == (0, {"unknown": 1}, None)
    assert scene.states() == ["CREATING"]
    assert reserved(scene) == shard.max_cost
    submit_shards(scene.context, task.spec)
    assert posts(scene) == 1
    assert any("the service's list will tell" in text for text in scene.said)


def test_a_definite_no_is_tried_again_later_with_the_same_file(scene: Scene) -> None:
    task, (shard,) = sealed(scene)
    fault(scene, action="status", status=429, retry_after=60)
    sent = submit_shards(scene.context, task.spec)
    assert isinstance(sent.error, ServiceError)
    found = scene.ledger.shards.get(shard.row)
    assert (found.state, found.refusals) == ("UPLOADED", 1)
    assert 55 <= found.not_before - scene.clock.now() <= 62
    assert reserved(scene) == shard.max_cost
    assert submit_shards(scene.context, task.spec).waiting == {"backoff": 1}
    scene.clock.offset = 70
    assert submit_shards(scene.context, task.spec).batches == 1
    assert posts(scene, "/v1/files") == 1


def test_a_no_that_was_a_yes_is_found_and_not_repeated(scene: Scene) -> None:
    task, _ = sealed(scene)
    fault(scene, action="status", status=429, after_effect=True)
    submit_shards(scene.context, task.spec)
    scene.clock.offset = 5
    submit_shards(scene.context, task.spec)
    assert scene.states() == ["SUBMITTED"]
    assert posts(scene) == 1


def test_quota_needs_a_person(scene: Scene) -> None:
    task, _ = sealed(scene)
    fault(scene, action="status", status=429, code="insufficient_quota")
    sent = submit_shards(scene.context, task.spec)
    assert isinstance(sent.error, NeedsPerson)


def test_what_does_not_fit_into_the_budget_stays_here(scene: Scene) -> None:
    task, shards = sealed(scene, 3)
    scene.rules(caps=BudgetCaps(lifetime=max(shard.max_cost or 0 for shard in shards) * 2))
    sent = submit_shards(scene.context, task.spec)
    assert (sent.batches, sent.waiting) == (2, {"budget": 1})
    assert isinstance(sent.error, OverBudget)
    assert scene.states() == ["SUBMITTED", "SUBMITTED", "SEALED"]
    assert posts(scene, "/v1/files") == 2


def test_nothing_is_sent_while_money_is_frozen(scene: Scene) -> None:
    task, _ = sealed(scene)
    scene.ledger.put(FROZEN, "a line cost too much")
    sent = submit_shards(scene.context, task.spec)
    assert isinstance(sent.error, NeedsPerson)
    assert (sent.waiting, sent.problems) == ({"frozen": 1}, ["a line cost too much"])
    assert posts(scene, None) == 0


def test_a_shard_of_another_prompt_is_taken_apart(scene: Scene) -> None:
    task, _ = sealed(scene, 2)
    fault(scene, "/v1/files", action="drop_before")
    submit_shards(scene.context, task.spec)
    assert reserved(scene) > 0
    scene.caption_spec = scene.make_spec(prompt__user="What is it?")
    assert submit_shards(scene.context, scene.task().spec).batches == 0
    assert scene.states() == ["DISSOLVED", "DISSOLVED"]
    assert reserved(scene) == 0
    assert posts(scene) == 0


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_shard_whose_file_is_damaged_is_made_again(scene: Scene, damage: str) -> None:
    task, (shard,) = sealed(scene)
    path = scene.workspace.shard(shard.shard_key)
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b"a", b"b", 1))
    submit_shards(scene.context, task.spec)
    assert scene.states() == ["DISSOLVED"]
    assert reserved(scene) == 0
    assert posts(scene, None) == 0
    (again,) = scene.write(task)
    assert again.requests == 1
    assert submit_shards(scene.context, task.spec).batches == 1


def test_the_services_queue_is_not_overfilled(scene: Scene) -> None:
    task, shards = sealed(scene, 4)
    tokens = shards[0].prompt_tokens
    scene.rules(queue_limit=tokens * 4)
    assert queue_room(scene.context, MODEL) == tokens * 3
    sent = submit_shards(scene.context, task.spec)
    assert (sent.batches, sent.waiting) == (3, {"queue": 1})
    scene.ledger.queue.learn_limit(MODEL, tokens * 8)
    assert submit_shards(scene.context, task.spec).batches == 1


def test_a_learned_limit_counts_before_a_configured_one_before_a_guess(scene: Scene) -> None:
    scene.rules(queue_guess=lambda _model: 4000)
    assert queue_room(scene.context, MODEL) == 3000
    scene.rules(queue_limit=8000)
    assert queue_room(scene.context, MODEL) == 6000
    scene.ledger.queue.learn_limit(MODEL, 400)
    assert queue_room(scene.context, MODEL) == 300
    assert queue_room(scene.context, "other") == 6000
    scene.rules(queue_limit=None, queue_guess=lambda _model: None)
    assert queue_room(scene.context, "other") is None


def test_create_calls_an_hour_are_limited(scene: Scene) -> None:
    task, _ = sealed(scene, 3)
    scene.rules(creates_per_hour=2)
    sent = submit_shards(scene.context, task.spec)
    assert (sent.batches, sent.waiting) == (2, {"creates": 1})
    scene.clock.offset = 3500
    assert submit_shards(scene.context, task.spec).waiting == {"creates": 1}
    scene.clock.offset = 3700
    assert submit_shards(scene.context, task.spec).batches == 1


def test_a_stop_comes_between_two_shards(scene: Scene) -> None:
    task, _ = sealed(scene, 2)
    calls = iter([False, True])
    scene.rules(stopping=lambda: next(calls))
    with pytest.raises(Interrupted):
        submit_shards(scene.context, task.spec)
    assert scene.states() == ["SUBMITTED", "SEALED"]


def test_room_for_the_answers_comes_before_money_and_upload(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, (shard,) = sealed(scene, 3, ShardLimits())
    needed = shard.size // 10 + shard.requests * submit_stage._ANSWER_ROOM
    usage = shutil.disk_usage(scene.workspace.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=needed - 1))
    with pytest.raises(StorageError, match="free some space"):
        submit_shards(scene.context, task.spec)
    assert scene.states() == ["SEALED"]
    assert scene.ledger.reservations.totals().reserved == 0
    assert scene.server.bill.requests("POST") == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=needed))
    assert submit_shards(scene.context, task.spec).batches == 1


def test_a_pause_longer_than_configured_ends_the_run_and_is_kept(scene: Scene) -> None:
    task, _ = sealed(scene)
    fault(scene, action="status", status=429, retry_after=7200)
    submit_shards(scene.context, task.spec)
    for _ in range(2):  # a later run, too
        sent = submit_shards(scene.context, task.spec)
        assert isinstance(sent.error, PauseTooLong)
        assert "longer than [batch] longest_pause" in str(sent.error)
    assert posts(scene) == 1
    scene.clock.offset = 7300
    assert submit_shards(scene.context, task.spec).batches == 1


def test_a_pause_asked_for_by_a_proxy_holds_after_the_proof_too(scene: Scene) -> None:
    task, (shard,) = sealed(scene)
    scene.rules(patience=Patience(grace=0, listings_apart=0))
    fault(scene, action="page", status=429, headers={"retry-after": "600"})
    assert submit_shards(scene.context, task.spec).waiting == {"unknown": 1}
    reconcile(scene.context)
    reconcile(scene.context)  # absent twice: proven
    assert scene.ledger.shards.get(shard.row).state == "SEALED"
    assert submit_shards(scene.context, task.spec).waiting == {"backoff": 1}
    scene.clock.offset += 601
    assert submit_shards(scene.context, task.spec).batches == 1
    assert posts(scene) == 2


def test_too_short_a_pause_grows(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    task, (shard,) = sealed(scene)
    began = scene.clock.now()  # no second ticks between a refusal and the look at its pause
    monkeypatch.setattr(scene.clock, "now", lambda: began + int(scene.clock.offset))
    fault(scene, action="status", status=429, retry_after=0, times=9)
    waits = []
    for _ in range(4):
        submit_shards(scene.context, task.spec)
        waits.append(scene.ledger.shards.get(shard.row).not_before - scene.clock.now())
        scene.clock.offset += waits[-1] + 1
    assert [round(wait / 2) for wait in waits] == [1, 2, 4, 8]


def test_an_upload_that_is_refused_waits_before_the_file_goes_again(scene: Scene) -> None:
    task, (shard,) = sealed(scene)
    fault(scene, "/v1/files", action="status", status=429, retry_after=60)
    began = scene.clock.now()
    sent = submit_shards(scene.context, task.spec)
    assert isinstance(sent.error, ServiceError)
    waiting = scene.ledger.shards.get(shard.row)
    assert waiting.state == "UPLOADING"
    assert waiting.not_before >= began + 61, "to the end of its last second"
    assert submit_shards(scene.context, task.spec).waiting == {"backoff": 1}
    assert posts(scene, "/v1/files") == 1
    scene.clock.offset = 70
    assert submit_shards(scene.context, task.spec).batches == 1


def test_nothing_is_sent_before_the_contents_of_an_adopted_batch_are_known(scene: Scene) -> None:
    task, _ = sealed(scene)
    lost = RecoveredShard("000009-bbbbbbbb", 1, MODEL, 1, 77, None, None)
    row = scene.ledger.adoption.adopt(lost, scene.clock.moment())
    scene.ledger.batches.add(row, 1, remote("batch_9"), "main")
    sent = submit_shards(scene.context, task.spec)
    assert (sent.batches, sent.waiting) == (0, {"adopted": 1})
    assert posts(scene, None) == 0
