from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.identity import custom_id
from pipeline.core.packing import ShardLimits
from pipeline.errors import StorageError, UsageError
from pipeline.stages.collect import collect_batches
from pipeline.stages.files import merge as module
from pipeline.stages.files.hand_out import HandOut, hand_out
from pipeline.stages.files.merge import Origin, merge_file
from pipeline.stages.values import RunTotals
from pipeline.system import failpoints
from tests.stages.scene import Scene

ORIGIN = Origin("gpt-6-luna", None)


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.fixture(autouse=True)
def _disarm() -> Iterator[None]:
    yield
    failpoints.arm(None)


def written(scene: Scene, folder: Path, images: int = 3, a_shard: int = 3) -> list[str]:
    """Hand requests over; gives their custom_ids."""
    scene.add(*(f"{number}.png" for number in range(images)))
    task, result = scene.task(), HandOut()
    scene.write(task, scene.shard_options(ShardLimits(requests=a_shard)))
    hand_out(scene.context, task.spec, folder, result)
    return [
        json.loads(line)["custom_id"]
        for path in result.files
        for line in path.read_bytes().splitlines()
    ]


def answer(name: str, text: str = "a cat", **changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    body = {
        "model": "some-model",
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 5},
    }
    return {"custom_id": name, "response": {"status_code": 200, "body": body}, **changes}


def saved(path: Path, lines: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def merged(scene: Scene, path: Path) -> RunTotals:
    result = RunTotals()
    merge_file(scene.context, path, ORIGIN, result)
    return result


def outcomes(scene: Scene) -> dict[str, int]:
    return dict(scene.ledger.rows.outcomes())


def test_one_file_answers_many_shards(scene: Scene, tmp_path: Path) -> None:
    names = written(scene, tmp_path / "out", images=5, a_shard=2)
    before = scene.ledger.reservations.totals().reserved
    result = merged(scene, saved(tmp_path / "a", [answer(name) for name in reversed(names[1:])]))
    assert (result.settled_batches, result.answers) == (3, {"captioned": 4})
    assert scene.states() == ["WRITTEN", "SETTLED", "SETTLED"]
    totals = scene.ledger.reservations.totals()
    assert totals.reserved == before // 5
    assert totals.charged == result.billed == scene.ledger.audit.sums()[1]
    assert merged(scene, saved(tmp_path / "b", [answer(names[0])])).settled_batches == 1
    assert set(scene.states()) == {"SETTLED"}
    assert scene.ledger.reservations.totals().reserved == 0
    assert outcomes(scene) == {"captioned": 5}


def test_the_lines_are_kept_as_they_came(scene: Scene, tmp_path: Path) -> None:
    (name,) = written(scene, tmp_path / "out", images=1)
    text = "one\u2028two\x1c \ud800"
    path = saved(tmp_path / "a", [answer(name, text, extra=[1.50])])
    merged(scene, path)
    (raw,) = scene.workspace.raw.glob("*.gz")
    assert gzip.decompress(raw.read_bytes()) == path.read_bytes()
    assert raw.name.endswith(".output.jsonl.gz")


def test_a_line_given_twice_counts_once_and_a_different_one_is_said(
    scene: Scene, tmp_path: Path
) -> None:
    names = written(scene, tmp_path / "out", images=2)
    lines = [answer(names[0], "first"), answer(names[0], "second"), answer(names[1])]
    result = merged(scene, saved(tmp_path / "a", [*lines, answer(names[1])]))
    assert result.answers == {"captioned": 2}
    (problem,) = result.problems
    assert "second, different line" in problem
    captions = scene.ledger.database.execute("SELECT caption FROM answers ORDER BY caption")
    assert [row[0] for row in captions] == ["a cat", "first"]


@pytest.mark.parametrize(
    "place",
    [
        "files.before_fsync",
        "files.after_rename",
        "merge.before_record",
        "ledger.before_commit.merge",
        "ledger.after_commit.merge",
        "collect.before_settle",
        "ledger.before_commit.settle",
        "ledger.after_commit.settle",
    ],
)
def test_killed_anywhere_it_goes_on(scene: Scene, tmp_path: Path, place: str) -> None:
    names = written(scene, tmp_path / "out", images=3, a_shard=2)
    path = saved(tmp_path / "a", [answer(name) for name in names])

    def hook(reached: str) -> None:
        if reached == place:
            failpoints.arm(None)
            raise Killed

    failpoints.arm(hook)
    with pytest.raises(Killed):
        merged(scene, path)
    collect_batches(scene.context)  # any later command settles what is recorded
    merged(scene, path)
    assert outcomes(scene) == {"captioned": 3}
    assert set(scene.states()) == {"SETTLED"}
    totals = scene.ledger.reservations.totals()
    assert (totals.reserved, totals.charged) == (0, scene.ledger.audit.sums()[1])
    assert scene.ledger.database.number("SELECT COUNT(*) FROM answers") == 3
    assert [path for path in scene.workspace.raw.iterdir() if path.name[0] == "_"] == []


def test_requests_that_nobody_here_wrote_are_kept(scene: Scene, tmp_path: Path) -> None:
    names = [custom_id(bytes([number]) * 32, 2) for number in range(3)]
    path = saved(tmp_path / "a", [answer(name) for name in names])
    result = merged(scene, path)
    assert result.answers == {"captioned": 3}
    assert result.billed is None  # at no known price
    work = scene.ledger.works.peek(bytes(32))
    assert work is not None
    assert (work.state, work.attempts) == ("done", 2)
    again = merged(scene, path)
    assert again.settled_batches == 0
    assert "3 lines left out: their requests are answered already" in again.problems[0]
    assert set(scene.states()) == {"SETTLED"}


def test_their_price_is_the_origins(scene: Scene, tmp_path: Path) -> None:
    sheet = scene.caption_spec.sheet
    assert sheet is not None
    path = saved(tmp_path / "a", [answer(custom_id(bytes(32), 1))])
    result = RunTotals()
    merge_file(scene.context, path, Origin("gpt-6-luna", sheet.to_text()), result)
    assert result.billed
    assert scene.ledger.reservations.totals().charged == result.billed


def test_an_answer_that_failed_is_not_adopted_twice(scene: Scene, tmp_path: Path) -> None:
    name = custom_id(bytes(32), 1)
    failed = answer(name, response=None, error={"code": "server_error", "message": "oh"})
    first = merged(scene, saved(tmp_path / "a", [failed]))
    second = merged(scene, saved(tmp_path / "b", [failed, answer("alien")]))
    assert (first.answers, second.answers) == ({"failed": 1}, {})


def test_memory_and_open_files_do_not_grow_with_the_shards(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FLUSH", 64)
    names = written(scene, tmp_path / "out", images=6, a_shard=1)
    lines = [answer(name, "long " * 50) for name in names]
    merged(scene, saved(tmp_path / "a", lines))
    assert outcomes(scene) == {"captioned": 6}


def test_an_empty_file_is_no_error(scene: Scene, tmp_path: Path) -> None:
    written(scene, tmp_path / "out", images=1)
    for content in (b"", b"\n\n"):
        (tmp_path / "a").write_bytes(content)
        assert merged(scene, tmp_path / "a").problems == []
    assert scene.states() == ["WRITTEN"]


def test_requests_are_refused_before_anything_is_taken(scene: Scene, tmp_path: Path) -> None:
    written(scene, tmp_path / "out", images=1)
    (path,) = (tmp_path / "out").iterdir()
    with pytest.raises(UsageError, match="holds requests"):
        merged(scene, path)
    with pytest.raises(UsageError, match="cannot read"):
        merged(scene, tmp_path)
    assert list(scene.workspace.raw.iterdir()) == []


@pytest.mark.parametrize(
    "place", ["merge.before_record", "ledger.after_commit.merge", "collect.before_settle"]
)
def test_the_same_file_after_a_kill_is_taken_once(scene: Scene, tmp_path: Path, place: str) -> None:
    names = written(scene, tmp_path / "out")
    path = saved(tmp_path / "a", [answer(name) for name in names])

    def kill(reached: str) -> None:
        if reached == place:
            raise Killed

    failpoints.arm(kill)
    with pytest.raises(Killed):
        merged(scene, path)
    failpoints.arm(None)
    assert merged(scene, path).answers == {"captioned": 3}
    assert outcomes(scene) == {"captioned": 3}
    assert scene.ledger.reservations.totals().reserved == 0
    assert len(list(scene.workspace.raw.glob("*.batch.json"))) == 1


def test_a_file_that_does_not_fit_on_the_disk_is_left_for_later(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = written(scene, tmp_path / "out", 2)
    path = saved(tmp_path / "a", [answer(name) for name in names])
    usage, size = shutil.disk_usage(tmp_path), path.stat().st_size
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=size - 1))
    with pytest.raises(StorageError, match="free some space"):
        merged(scene, path)
    assert outcomes(scene) == {"pending": 2}
    assert list(scene.workspace.raw.iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=size))
    assert merged(scene, path).answers == {"captioned": 2}


FAILURE: dict[str, Any] = {"response": {"status_code": 503, "body": {"error": {"message": "busy"}}}}
EXPIRED: dict[str, Any] = {"response": None, "error": {"code": "batch_expired", "message": "late"}}


@pytest.mark.parametrize("failure", [FAILURE, EXPIRED])
def test_a_paid_answer_wins_over_a_failure_in_any_order(
    scene: Scene, tmp_path: Path, failure: dict[str, Any]
) -> None:
    names = written(scene, tmp_path / "out", images=2)
    first, second = ({"custom_id": name, **failure} for name in names)
    lines = [answer(names[0]), first, second, answer(names[1])]
    result = merged(scene, saved(tmp_path / "a", lines))
    assert (result.answers, result.problems) == ({"captioned": 2}, [])
    assert outcomes(scene) == {"captioned": 2}
    totals = scene.ledger.reservations.totals()
    assert (totals.reserved, totals.charged) == (0, scene.ledger.audit.sums()[1])


@pytest.mark.parametrize("failure", [FAILURE, EXPIRED])
def test_a_paid_answer_may_come_in_a_later_file(
    scene: Scene, tmp_path: Path, failure: dict[str, Any]
) -> None:
    (name,) = written(scene, tmp_path / "out", images=1)
    failed = {"custom_id": name, **failure}
    merged(scene, saved(tmp_path / "a", [failed]))
    assert outcomes(scene) == {"pending": 1}
    result = merged(scene, saved(tmp_path / "b", [failed, answer(name)]))
    assert result.answers == {"captioned": 1}
    assert outcomes(scene) == {"captioned": 1}
    assert list(scene.ledger.audit.contradictions()) == []
    again = merged(scene, saved(tmp_path / "c", [failed, answer(name)]))
    assert (again.settled_batches, outcomes(scene)) == (0, {"captioned": 1})


@pytest.mark.parametrize(
    "line",
    [
        {"response": None, "error": None},
        {"result": {"type": "succeeded", "message": {"content": [{"text": "a cat"}]}}},
    ],
)
def test_what_is_no_answer_of_a_known_form_keeps_its_money_reserved(
    scene: Scene, tmp_path: Path, line: dict[str, Any]
) -> None:
    (name,) = written(scene, tmp_path / "out", images=1)
    before = scene.ledger.reservations.totals()
    result = merged(scene, saved(tmp_path / "a", [{"custom_id": name, **line}]))
    assert "may have been billed" in result.problems[0]
    assert (scene.states(), scene.ledger.reservations.totals()) == (["WRITTEN"], before)


def test_answers_without_wrapping_packed_and_in_an_array(scene: Scene, tmp_path: Path) -> None:
    names = written(scene, tmp_path / "out", images=3)
    bare = [{"custom_id": name, **answer(name)["response"]["body"]} for name in names]
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(json.dumps(bare, indent=2).encode("utf-16")))
    assert merged(scene, path).answers == {"captioned": 3}
    assert [one.name for one in scene.workspace.raw.iterdir() if one.name[0] == "_"] == []
