from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from xxhash import xxh3_128

from pipeline.core.budget import BudgetCaps
from pipeline.core.lifecycle import FROZEN
from pipeline.core.packing import ShardLimits
from pipeline.errors import NeedsPerson, OverBudget, StorageError
from pipeline.stages.files.hand_out import HandOut, hand_out, take_back
from pipeline.stages.values import CaptionTask
from pipeline.system import failpoints
from tests.stages.scene import Scene


class Killed(BaseException):
    """Stands for kill -9: nothing of the product catches it."""


@pytest.fixture(autouse=True)
def _disarm() -> Iterator[None]:
    yield
    failpoints.arm(None)


def kill_at(name: str) -> None:
    def hook(reached: str) -> None:
        if reached == name:
            failpoints.arm(None)
            raise Killed

    failpoints.arm(hook)


def sealed(scene: Scene, images: int = 3, a_shard: int = 2) -> CaptionTask:
    scene.add(*(f"{number}.png" for number in range(images)))
    task = scene.task()
    scene.write(task, scene.shard_options(ShardLimits(requests=a_shard)))
    return task


def reserved(scene: Scene) -> int:
    return scene.ledger.reservations.totals().reserved


def test_each_shard_becomes_a_file_and_its_money_is_reserved(scene: Scene, tmp_path: Path) -> None:
    task, result = sealed(scene), HandOut()
    shards = scene.ledger.shards.in_states("SEALED")
    hand_out(scene.context, task.spec, tmp_path / "a" / "b", result)
    assert scene.states() == ["WRITTEN", "WRITTEN"]
    assert (len(result.files), result.requests) == (2, 3)
    for path, shard in zip(result.files, shards, strict=True):
        assert path == tmp_path / "a" / "b" / f"{shard.shard_key}.jsonl"
        assert xxh3_128(path.read_bytes()).digest() == shard.checksum
        assert not scene.workspace.shard(shard.shard_key).exists()
    assert reserved(scene) == sum(shard.max_cost or 0 for shard in shards)
    assert scene.ledger.handed_out.outstanding() == 3
    hand_out(scene.context, task.spec, tmp_path / "c", result)
    assert list((tmp_path / "c").iterdir()) == []


PLACES = [
    "ledger.before_commit.hand_over",
    "ledger.after_commit.hand_over",
    "handover.before_move",
    "files.before_rename",
    "files.after_rename",
    "handover.after_move",
]
ACROSS = ["handover.before_move", "files.before_fsync", "files.after_copy", "handover.after_move"]


@pytest.mark.parametrize("place", PLACES)
def test_killed_anywhere_the_file_comes_and_its_requests_are_never_sent_too(
    scene: Scene, tmp_path: Path, place: str
) -> None:
    task = sealed(scene)
    kill_and_repeat(scene, task, tmp_path / "out", place)


@pytest.mark.parametrize("place", ACROSS)
def test_killed_anywhere_on_the_way_to_another_file_system(
    scene: Scene, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = sealed(scene)
    rename = Path.replace

    def replace(source: Path, target: Path) -> Path:
        if source.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", replace)
    kill_and_repeat(scene, task, tmp_path / "out", place)


def kill_and_repeat(scene: Scene, task: CaptionTask, out: Path, place: str) -> None:
    kill_at(place)
    with pytest.raises(Killed):
        hand_out(scene.context, task.spec, out, HandOut())
    visible = [path for path in out.iterdir() if path.name[0] not in "_."]
    states = scene.states()
    assert visible == [] or states[0] == "WRITTEN", "seen outside and not on record"
    hand_out(scene.context, task.spec, out, HandOut())
    assert scene.states() == ["WRITTEN", "WRITTEN"]
    assert sum(len(path.read_bytes().splitlines()) for path in out.glob("[0-9]*")) == 3
    assert list(scene.workspace.shards.iterdir()) == []


def test_a_move_begun_before_is_said(scene: Scene, tmp_path: Path) -> None:
    task = sealed(scene, images=1)
    kill_at("files.before_rename")
    with pytest.raises(Killed):
        hand_out(scene.context, task.spec, tmp_path / "out", HandOut())
    hand_out(scene.context, task.spec, tmp_path / "other", HandOut())
    assert "run it once only" in scene.said[-1]


def test_a_shard_of_another_prompt_is_taken_apart(scene: Scene, tmp_path: Path) -> None:
    task = sealed(scene, images=2)
    hand_out(scene.context, task.spec + 1, tmp_path / "out", HandOut())
    assert scene.states() == ["DISSOLVED"]
    assert reserved(scene) == 0


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_damaged_shard_is_made_again(scene: Scene, tmp_path: Path, damage: str) -> None:
    task = sealed(scene, images=2)
    (shard,) = scene.ledger.shards.in_states("SEALED")
    path = scene.workspace.shard(shard.shard_key)
    path.unlink() if damage == "gone" else path.write_bytes(b"{}\n")
    hand_out(scene.context, task.spec, tmp_path / "out", HandOut())
    assert scene.states() == ["DISSOLVED"]
    scene.write(task)
    result = HandOut()
    hand_out(scene.context, task.spec, tmp_path / "out", result)
    assert result.requests == 2


def test_what_does_not_fit_into_the_budget_stays_sealed(scene: Scene, tmp_path: Path) -> None:
    task, result = sealed(scene), HandOut()
    first, _ = scene.ledger.shards.in_states("SEALED")
    scene.rules(caps=BudgetCaps(lifetime=first.max_cost))
    with pytest.raises(OverBudget):
        hand_out(scene.context, task.spec, tmp_path / "out", result)
    assert scene.states() == ["WRITTEN", "SEALED"]
    assert len(result.files) == 1


def test_nothing_is_handed_over_while_money_is_frozen(scene: Scene, tmp_path: Path) -> None:
    task = sealed(scene)
    scene.ledger.put(FROZEN, "a line cost more")
    with pytest.raises(NeedsPerson, match="a line cost more"):
        hand_out(scene.context, task.spec, tmp_path / "out", HandOut())
    assert scene.states() == ["SEALED", "SEALED"]


def test_a_folder_that_cannot_be_made_changes_nothing(scene: Scene, tmp_path: Path) -> None:
    task = sealed(scene)
    (tmp_path / "out").touch()
    with pytest.raises(StorageError, match="out"):
        hand_out(scene.context, task.spec, tmp_path / "out" / "x", HandOut())
    assert scene.states() == ["SEALED", "SEALED"]


def test_giving_back_frees_works_and_money(scene: Scene, tmp_path: Path) -> None:
    task = sealed(scene)
    kill_at("handover.before_move")
    with pytest.raises(Killed):
        hand_out(scene.context, task.spec, tmp_path / "out", HandOut())
    hand_out(scene.context, task.spec, tmp_path / "out", HandOut())
    assert take_back(scene.context) == 3
    assert scene.states() == ["DISSOLVED", "DISSOLVED"]
    assert reserved(scene) == 0
    assert [len(shard.shard_key) > 0 for shard in scene.write(task)] == [True]
    assert take_back(scene.context) == 0


def test_without_room_for_a_file_nothing_is_reserved(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = sealed(scene)
    (first, *_) = scene.ledger.shards.in_states("SEALED")
    usage = SimpleNamespace(free=first.size - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(StorageError, match="are needed for a shard"):
        hand_out(scene.context, task.spec, tmp_path / "out", HandOut())
    assert scene.states() == ["SEALED", "SEALED"]
    assert (reserved(scene), list((tmp_path / "out").iterdir())) == (0, [])
