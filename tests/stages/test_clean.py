from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from pipeline.core.lifecycle import TWIN
from pipeline.errors import Interrupted
from pipeline.ledger.online_groups import ONLINE
from pipeline.server.faults import RequestFault
from pipeline.stages.batch_record import batch_record_path
from pipeline.stages.clean import remove_finished
from pipeline.stages.collect import collect_batches
from pipeline.stages.mirroring import NoMirror
from pipeline.stages.submit import submit_shards
from tests.stages.scene import Scene


def settled(scene: Scene) -> str:
    """One shard whose answers are here; its key."""
    scene.add("a.png", "b.png")
    task = scene.task()
    (shard,) = scene.write(task)
    submit_shards(scene.context, task.spec)
    (batch,) = scene.ledger.batches.of_shard(shard.row)
    scene.until_over(batch.batch_id)
    assert collect_batches(scene.context).settled_batches == 1
    return shard.shard_key


def remote(scene: Scene) -> list[str]:
    return [found.filename for found in scene.service.list_uploads()]


def deletions(scene: Scene) -> int:
    return len(scene.server.bill.requests("DELETE"))


class CallbackMirror(NoMirror):
    """Calls back each time that it is to keep what is new."""

    def __init__(self, keep: Callable[[bool], object]) -> None:
        self._keep = keep

    def keep(self, *, at_once: bool) -> None:
        self._keep(at_once)


def test_all_is_mirrored_before_the_services_copies_go(scene: Scene) -> None:
    settled(scene)
    kept: list[tuple[bool, int]] = []
    scene.rules(mirror=CallbackMirror(lambda at_once: kept.append((at_once, deletions(scene)))))
    assert remove_finished(scene.context).remote == 2
    assert kept == [(True, 0)]


def test_what_is_over_is_removed_here_and_there_and_the_answers_are_kept(scene: Scene) -> None:
    key = settled(scene)
    assert len(remote(scene)) == 1
    done = remove_finished(scene.context)
    assert (done.remote, done.local, done.problems) == (2, 1, [])  # input and output; the shard
    assert remote(scene) == []
    assert list(scene.workspace.shards.iterdir()) == []
    assert [path.name.split(".")[0] for path in scene.workspace.raw.glob("*.gz")] == [key]
    assert (remove_finished(scene.context).remote, deletions(scene)) == (0, 2)


def test_what_is_under_way_is_left_alone(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    (shard,) = scene.write(task)
    submit_shards(scene.context, task.spec)
    done = remove_finished(scene.context, orphans=True)
    assert (done.remote, done.local) == (0, 0)
    assert scene.workspace.shard(shard.shard_key).exists()
    assert len(remote(scene)) == 1


def test_what_is_to_be_kept_is_kept(scene: Scene) -> None:
    key = settled(scene)
    scene.rules(keep_shards=True, delete_remote=False)
    done = remove_finished(scene.context)
    assert (done.remote, done.local) == (0, 0)
    assert scene.workspace.shard(key).exists()
    assert len(remote(scene)) == 1


def test_answers_go_too_when_they_are_not_wanted(scene: Scene) -> None:
    settled(scene)
    scene.rules(keep_raw=False)
    remove_finished(scene.context)
    assert list(scene.workspace.raw.glob("*.gz")) == []


def test_a_service_that_fails_is_a_sentence_and_asked_again_later(scene: Scene) -> None:
    key = settled(scene)
    scene.server.faults.add(RequestFault(action="status", method="DELETE", status=400, times=1))
    done = remove_finished(scene.context)
    assert len(done.problems) == 1
    assert "not deleted yet" in done.problems[0]
    assert scene.workspace.shard(key).exists()
    assert remove_finished(scene.context).problems == []
    assert remote(scene) == []


def test_files_that_are_gone_at_the_service_are_no_problem(scene: Scene) -> None:
    settled(scene)
    for upload in list(scene.service.list_uploads()):
        scene.service.delete_file(upload.id)
    assert remove_finished(scene.context).problems == []


def test_orphans_of_this_workspace_go_when_asked_for(scene: Scene) -> None:
    path = scene.workspace.shards / "000009-dead.jsonl"
    path.write_text("{}\n")
    scene.service.upload(path, scene.context.filename("000009-dead"))
    scene.service.upload(path, "captionmill-other-000001-aa.jsonl")
    scene.service.upload(path, "theirs.jsonl")
    assert remove_finished(scene.context).remote == 0
    done = remove_finished(scene.context, orphans=True)
    assert (done.remote, done.local) == (1, 1)
    assert sorted(remote(scene)) == ["captionmill-other-000001-aa.jsonl", "theirs.jsonl"]


def test_a_stop_comes_between_two_shards(scene: Scene) -> None:
    settled(scene)
    scene.rules(stopping=lambda: True)
    with pytest.raises(Interrupted):
        remove_finished(scene.context)
    assert deletions(scene) == 0


@pytest.mark.parametrize("broken", [None, b"no gzip"])
def test_answers_are_deleted_at_the_service_only_when_their_copy_here_is_sound(
    scene: Scene, broken: bytes | None
) -> None:
    settled(scene)
    (raw,) = scene.workspace.raw.glob("*.output.jsonl.gz")
    sound = raw.read_bytes()
    raw.unlink() if broken is None else raw.write_bytes(broken)
    busy = RequestFault(action="status", status=503, method="GET", path="/v1/files/*/content")
    scene.server.faults.add(busy)
    done = remove_finished(scene.context)
    assert (done.remote, len(done.problems)) == (0, 1)
    scene.server.faults.remove(busy)
    assert remove_finished(scene.context).problems == []
    assert raw.read_bytes() == sound
    assert remote(scene) == []


@pytest.mark.parametrize(
    ("state", "there", "here"),
    [
        ("SEALED", False, True),
        ("UPLOADING", True, True),
        ("UPLOADED", True, True),
        ("CREATING", True, True),
        ("SUBMITTED", True, True),
        ("WRITTEN", False, True),
        ("DOWNLOADED", False, True),
    ],
)
def test_a_shard_keeps_the_files_that_it_may_still_need(
    scene: Scene, state: str, there: bool, here: bool
) -> None:
    scene.add("a.png")
    (shard,) = scene.write(scene.task())
    path = scene.workspace.shard(shard.shard_key)
    scene.service.upload(path, scene.context.filename(shard.shard_key))
    scene.ledger.shards.move(shard, state)
    remove_finished(scene.context, orphans=True)
    assert (bool(remote(scene)), path.exists()) == (there, here)


def test_uploads_are_left_alone_while_they_may_be_a_twin_s(scene: Scene) -> None:
    path = scene.workspace.shards / "000009-dead.jsonl"
    path.write_text("{}\n")
    scene.service.upload(path, scene.context.filename("000009-dead"))
    scene.ledger.put(TWIN, "another copy is at work")
    scene.rules(keep_shards=True)
    done = remove_finished(scene.context, orphans=True)
    assert (done.remote, done.local, len(remote(scene))) == (0, 0, 1)


def test_files_of_a_batch_that_another_ledger_made_stay_at_the_service(scene: Scene) -> None:
    settled(scene)
    scene.ledger.database.execute("UPDATE batches SET made_here = 0")
    done = remove_finished(scene.context)
    assert (done.remote, done.local, deletions(scene)) == (0, 1, 0)
    assert remove_finished(scene.context).local == 0, "it is done with"


def test_records_of_groups_outlive_their_answers(scene: Scene) -> None:
    scene.add("a.png")
    (shard,) = scene.write(scene.task(), replace(scene.shard_options(), prefix=ONLINE))
    key = shard.shard_key
    record = batch_record_path(scene.workspace, key, key)
    answers = scene.workspace.answers(key, key, "output")
    for path in (record, answers):
        path.write_bytes(b"{}")
    scene.ledger.shards.move(shard, "SETTLED")
    scene.rules(keep_raw=False)
    assert remove_finished(scene.context).local == 2  # its requests and its answers
    assert (record.exists(), answers.exists()) == (True, False)
