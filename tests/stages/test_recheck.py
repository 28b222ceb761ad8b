"""The second look at preparations of the last version; see also tests/scenarios."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from pipeline.stages.recheck import recheck_preparations
from pipeline.stages.values import CaptionTask
from tests.rig import picture
from tests.stages.scene import Scene


def upgraded(scene: Scene) -> CaptionTask:
    """Two photographs, one drawing, all captioned by the last version; the drawing wrongly."""
    for name in ("a.jpg", "b.jpg"):
        picture(scene.data / name, ord(name[0]))
    drawing = Image.new("RGBA", (24, 16), (255, 255, 255, 0))
    drawing.paste((255, 255, 255, 255), (4, 4, 20, 8))
    drawing.save(scene.data / "c.png")
    task = scene.task()
    scene.write(task)
    database = scene.ledger.database
    database.execute("UPDATE contents SET content_id = zeroblob(32) WHERE id = 3")
    database.execute("UPDATE preparations SET flags = ''")
    database.execute(
        "INSERT INTO rechecks (original, recipe, former) "
        "SELECT original, recipe, content FROM preparations"
    )
    return task


def look_again(scene: Scene, task: CaptionTask, **more: bool) -> int:
    locate, engine = scene.locate, scene.engines(task).thorough
    return recheck_preparations(
        scene.ledger, task, engine, locate, 28, say=scene.said.append, **more
    )


def test_only_what_is_in_doubt_is_read_again_and_what_is_wrong_is_kept(scene: Scene) -> None:
    task = upgraded(scene)
    for name in ("a.jpg", "b.jpg"):
        (scene.data / name).unlink()  # nobody looks
    assert look_again(scene, task) == 1
    assert scene.said == [
        "1 picture of version 0.1.0 prepared once more, to see whether it was right: nothing is "
        "sent for it"
    ]
    assert scene.ledger.rechecks.summary(task.sources).kinds == {"hidden by the background": 1}
    assert look_again(scene, task) == 0
    assert len(scene.said) == 1


def test_a_file_that_is_not_there_waits_until_the_source_changes(scene: Scene) -> None:
    task = upgraded(scene)
    path: Path = scene.data / "c.png"
    data = path.read_bytes()
    path.unlink()
    assert look_again(scene, task) == 0
    path.write_bytes(data)
    assert look_again(scene, task, changed=False) == 0
    assert scene.ledger.rechecks.due(task.recipe)
    assert look_again(scene, task) == 1


def test_another_file_is_not_taken_for_the_one_in_doubt(scene: Scene) -> None:
    task = upgraded(scene)
    picture(scene.data / "c.png", 5)
    assert look_again(scene, task) == 0
    assert scene.ledger.rechecks.due(task.recipe)
