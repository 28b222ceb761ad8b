from __future__ import annotations

import json
from pathlib import Path

from pipeline.session.checks import unknown_endings
from pipeline.stages.files.hand_out import HandOut, hand_out
from pipeline.stages.files.merge import Origin, merge_file
from pipeline.stages.table_facts import STALE
from pipeline.stages.values import RunTotals
from pipeline.stages.whole_endings import take_declared
from tests.stages.scene import Scene


def answered(scene: Scene, tmp_path: Path, *endings: str | None) -> None:
    """Hand requests over, and take an answer with each of these endings."""
    scene.add(*(f"{number}.png" for number in range(len(endings))))
    task, result = scene.task(), HandOut()
    scene.write(task, scene.shard_options())
    hand_out(scene.context, task.spec, tmp_path / "out", result)
    requests = [line for path in result.files for line in path.read_bytes().splitlines()]
    lines = []
    for request, ending in zip(requests, endings, strict=True):
        choice = {"message": {"content": f"cat {ending}"}, "finish_reason": ending}
        usage = {"prompt_tokens": 40, "completion_tokens": 5}
        body = {"choices": [choice], "usage": usage}
        custom_id = json.loads(request)["custom_id"]
        lines.append({"custom_id": custom_id, "response": {"status_code": 200, "body": body}})
    path = tmp_path / "answers"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    merge_file(scene.context, path, Origin("m", None), RunTotals())


def test_a_declared_ending_is_taken_from_what_is_kept(scene: Scene, tmp_path: Path) -> None:
    answered(scene, tmp_path, "stop", "EOS", "odd", None)
    assert scene.ledger.rows.outcomes() == {"captioned": 1, "invalid": 3}
    charged = scene.ledger.reservations.totals()
    assert take_declared(scene.context) == 0
    scene.ledger.put(STALE, None)
    scene.rules(whole_endings=lambda _model: frozenset({"eos", ""}))
    assert take_declared(scene.context) == 2
    assert scene.ledger.get(STALE)
    assert scene.ledger.rows.outcomes() == {"captioned": 3, "invalid": 1}
    assert scene.ledger.reservations.totals() == charged
    assert "2 answers" in scene.said[-1]
    assert take_declared(scene.context) == 0
    assert list(scene.ledger.audit.contradictions()) == []


def test_it_is_declared_for_one_model(scene: Scene, tmp_path: Path) -> None:
    answered(scene, tmp_path, "eos")
    model = scene.caption_spec.request.model
    scene.rules(whole_endings=lambda name: frozenset({"eos"} if name != model else ()))
    assert take_declared(scene.context) == 0
    scene.rules(whole_endings=lambda name: frozenset({"eos"} if name == model else ()))
    assert take_declared(scene.context) == 1


def test_a_declared_ending_is_a_caption_when_it_comes(scene: Scene, tmp_path: Path) -> None:
    scene.rules(whole_endings=lambda _model: frozenset({"eos"}))
    answered(scene, tmp_path, "eos", "odd")
    assert scene.ledger.rows.outcomes() == {"captioned": 1, "invalid": 1}


def test_a_work_that_waits_to_go_again_does_not(scene: Scene, tmp_path: Path) -> None:
    answered(scene, tmp_path, "eos")
    assert scene.ledger.answers.retry(["invalid"]) == 1
    scene.rules(whole_endings=lambda _model: frozenset({"eos"}))
    assert take_declared(scene.context) == 1
    (work,) = scene.ledger.database.execute("SELECT state, outcome, after FROM works").fetchall()
    assert work == ("done", "captioned", None)


def test_what_waits_for_a_declaration_is_said_with_what_to_write(
    scene: Scene, tmp_path: Path
) -> None:
    answered(scene, tmp_path, "EOS", "eos", "stop", None)
    model = scene.caption_spec.request.model
    sentences = sorted(unknown_endings(scene.ledger))
    assert [sentence.split(" ", 1)[0] for sentence in sentences] == ["1", "1", "1"]
    assert "came without an ending" in sentences[0]
    assert f'[models."{model}"] whole_endings = [""]' in sentences[0]
    assert sum('whole_endings = ["eos"]' in sentence for sentence in sentences) == 2
    scene.rules(whole_endings=lambda _model: frozenset({"eos", ""}))
    take_declared(scene.context)
    assert list(unknown_endings(scene.ledger)) == []
